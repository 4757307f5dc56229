package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// FormatVersion is the on-disk version that this code writes. An older one is read, a newer one refused.
const FormatVersion = 1

// Errors of the store. Each is wrapped with what was being done.
var (
	ErrNewer   = errors.New("written by a newer version")
	ErrLocked  = errors.New("in use by another process")
	ErrDamaged = errors.New("damaged store file")
	ErrFull    = errors.New("disk full")
	ErrKey     = errors.New("wrong store key")
	ErrClosed  = errors.New("store is closed")
	ErrAbsent  = errors.New("not in the store")
	ErrTooBig  = errors.New("over the size of one commit")
)

// DefaultReserve is how many bytes the disk must have left for a commit to begin. Badger maps its files into memory,
// and a page that the disk has no room for kills the process instead of failing a call: so the store stops well before.
// What remains is room for the memtables and for the compactions that are under way.
const DefaultReserve = 96 << 20

// Options are what Open needs beside the directory and the key.
type Options struct {
	Log     *slog.Logger // required
	Rand    io.Reader    // for the instance id; nil is crypto/rand
	Reserve uint64       // bytes of disk to leave free; 0 is DefaultReserve

	// Free tells how many bytes the disk of a directory has left; nil asks the system.
	Free func(dir string) (uint64, error)
}

// InstanceID names one copy of a store: cursors that peers hold are good for this copy alone (protocol 7.3).
type InstanceID [16]byte

// DB is an open store. It is safe for concurrent use.
type DB struct {
	dir      string
	bdg      *badger.DB
	log      *slog.Logger
	reserve  uint64
	free     func(dir string) (uint64, error)
	instance InstanceID

	queue   chan *request
	stopped chan struct{} // closed when the writer goroutine has ended

	mu     sync.RWMutex // guards closed against senders on queue
	closed bool

	readers sync.RWMutex // guards gone against readers of files that Close unmaps
	gone    bool

	failMu sync.Mutex
	failed error // set by the writer: a commit that Badger took and did not finish
}

// Open opens the store in dir, making it where there is none. The key encrypts everything at rest; it is copied.
// The errors are ErrNewer, ErrLocked, ErrDamaged, ErrFull and ErrKey.
func Open(dir string, key [32]byte, o Options) (*DB, error) {
	return open(dir, key[:], o)
}

func open(dir string, key []byte, o Options) (*DB, error) {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Reserve == 0 {
		o.Reserve = DefaultReserve
	}
	if err := checkFormat(dir); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if o.Free == nil {
		o.Free = freeBytes
	}
	if free, err := o.Free(dir); err == nil && free < o.Reserve/2 {
		return nil, fmt.Errorf("open store: %w", ErrFull)
	}
	bdg, err := openBadger(filepath.Join(dir, "log"), key, o.Log)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if tableBytes(bdg) <= checkAtOpen {
		if err := verify(bdg); err != nil {
			return nil, errors.Join(fmt.Errorf("open store: %w", err), bdg.Close())
		}
	}
	db := &DB{
		dir: dir, bdg: bdg, log: o.Log, reserve: o.Reserve, free: o.Free,
		queue: make(chan *request, maxQueue), stopped: make(chan struct{}),
	}
	db.takeBallast()
	go db.write()
	if err := db.start(o.Rand); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), db.Close())
	}
	return db, nil
}

// start finds the instance id, or makes it in a new store.
func (db *DB) start(random io.Reader) error {
	err := db.View(func(t *Txn) error {
		b, err := t.Meta(metaInstance)
		copy(db.instance[:], b)
		return err
	})
	if !errors.Is(err, ErrAbsent) {
		return err
	}
	if _, err := io.ReadFull(random, db.instance[:]); err != nil {
		return fmt.Errorf("instance id: %w", err)
	}
	b := &Batch{}
	b.PutMeta(metaInstance, db.instance[:])
	return db.Commit(context.Background(), b)
}

// Instance is the id of this copy.
func (db *DB) Instance() InstanceID { return db.instance }

// Dir is the directory that Open was given.
func (db *DB) Dir() string { return db.dir }

// Close ends the writer after what is queued, and closes the files. It may be called twice.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return nil
	}
	db.closed = true
	close(db.queue)
	db.mu.Unlock()
	<-db.stopped
	db.readers.Lock()
	defer db.readers.Unlock()
	db.gone = true
	if db.room(2*memTable+ballast) != nil {
		db.dropBallast() // what is closed is written out first
	}
	if err := db.bdg.Close(); err != nil {
		return fmt.Errorf("close store: %w", classify(err))
	}
	return nil
}

// checkFormat reads the version beside the store before anything of it is touched, and writes it in a new one.
func checkFormat(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return classify(err)
	}
	path := filepath.Join(dir, "format")
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return writeFormat(dir, path)
	case err != nil:
		return err
	}
	var v int
	if n, err := fmt.Sscanf(string(b), "hallway store %d\n", &v); n != 1 || err != nil || v < 1 {
		return fmt.Errorf("format file: %w", ErrDamaged)
	}
	if v > FormatVersion {
		return fmt.Errorf("format %d, this program knows %d: %w", v, FormatVersion, ErrNewer)
	}
	return nil
}

// writeFormat refuses a directory that has a store's files and no version: somebody lost the one or the other.
func writeFormat(dir, path string) error {
	if _, err := os.Stat(filepath.Join(dir, "log", "MANIFEST")); err == nil {
		return fmt.Errorf("no format file: %w", ErrDamaged)
	}
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return classify(err)
	}
	_, err = fmt.Fprintf(f, "hallway store %d\n", FormatVersion)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return classify(err)
	}
	return classify(os.Rename(tmp, path))
}
