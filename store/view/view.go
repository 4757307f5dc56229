package view

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"

	"hallway/crdt/access"
)

// View is an open view. Its methods may be called from any goroutine.
type View struct {
	self    access.UserID
	log     *slog.Logger
	readers chan *conn // idle ones; closed with the view
	size    int

	mu     sync.Mutex // guards write and closed
	write  *conn
	closed bool
	traces bool // the WAL may hold what was deleted
}

// Open opens the view in the file at path, or makes an empty one. The file, its WAL and what SQLite keeps beside them
// are encrypted under key. ErrNewer and ErrDamaged say that it must be dropped and fed again; so must one whose Cursor
// is zero be fed, which an older file becomes here.
func Open(ctx context.Context, path string, key [32]byte, o Options) (*View, error) {
	if o.Readers <= 0 {
		o.Readers = 3
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	w, err := openWriter(path, key)
	if err != nil {
		return nil, fmt.Errorf("open view: %w", err)
	}
	v := &View{self: o.Self, log: o.Log, write: w, readers: make(chan *conn, o.Readers), size: o.Readers}
	for range o.Readers {
		r, err := openConn(path, key, sqlite3.OPEN_READONLY)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open view: %w", err), v.shut(len(v.readers)))
		}
		v.readers <- r
	}
	return v, ctx.Err()
}

func openWriter(path string, key [32]byte) (*conn, error) {
	w, err := openConn(path, key, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE)
	if err != nil {
		return nil, classify(err)
	}
	if err := w.db.Exec(`PRAGMA cache_size=-8000`); err != nil { // KiB; a batch dirties many pages
		return nil, errors.Join(classify(err), w.close())
	}
	version, _, err := w.number(`PRAGMA user_version`)
	switch {
	case err != nil:
		return nil, errors.Join(classify(err), w.close())
	case version > schemaVersion:
		return nil, errors.Join(ErrNewer, w.close())
	case version == schemaVersion:
		return w, nil
	case version > 0:
		if err := errors.Join(w.close(), Drop(path)); err != nil {
			return nil, err
		}
		return openWriter(path, key)
	}
	err = w.db.Exec(`PRAGMA journal_mode=wal; BEGIN;` + schema +
		fmt.Sprintf(`PRAGMA user_version=%d; COMMIT`, schemaVersion))
	if err != nil {
		return nil, errors.Join(classify(err), w.close())
	}
	return w, nil
}

// classify tells a file that is not ours to read from other faults.
func classify(err error) error {
	if errors.Is(err, sqlite3.NOTADB) || errors.Is(err, sqlite3.CORRUPT) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Drop removes a view that is not open. Nothing is lost by it but the time to feed it again.
func Drop(path string) error {
	var err error
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if e := os.Remove(path + suffix); e != nil && !os.IsNotExist(e) {
			err = errors.Join(err, fmt.Errorf("drop view: %w", e))
		}
	}
	return err
}

// Close waits for readers that are under way and closes the view.
func (v *View) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil
	}
	v.closed = true
	return v.shut(v.size)
}

// shut closes the writer and n readers.
func (v *View) shut(n int) error {
	var err error
	for range n {
		r := <-v.readers
		err = errors.Join(err, r.close())
	}
	close(v.readers)
	return errors.Join(err, v.write.close())
}

// reading runs f on a reading connection, in one snapshot.
func (v *View) reading(ctx context.Context, what string, f func(*conn) error) error {
	select {
	case c, ok := <-v.readers:
		if !ok {
			return fmt.Errorf("%s: %w", what, ErrClosed)
		}
		defer func() { v.readers <- c }()
		defer c.interruptible(ctx)()
		if err := snapshot(c, f); err != nil {
			return fmt.Errorf("%s: %w", what, errors.Join(ctx.Err(), classify(err)))
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
}

func snapshot(c *conn, f func(*conn) error) error {
	tx := c.db.Begin()
	return errors.Join(f(c), tx.Rollback())
}

// writing runs f in a transaction of the writing connection.
func (v *View) writing(what string, f func(*conn) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return fmt.Errorf("%s: %w", what, ErrClosed)
	}
	tx, err := v.write.db.BeginImmediate()
	if err != nil {
		return fmt.Errorf("%s: %w", what, classify(err))
	}
	if err = f(v.write); err == nil {
		err = tx.Commit()
	}
	if err != nil {
		v.write.seen.reset() // numbers that were given in it do not stand
		return fmt.Errorf("%s: %w", what, errors.Join(classify(err), tx.Rollback()))
	}
	return nil
}

// scrub empties the WAL once something was deleted, since it holds pages as they were; the pages themselves are zeroed
// where content leaves them. While a reader stands in the way it is tried again with the next batch.
func (v *View) scrub(erased bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.traces = v.traces || erased
	if !v.traces || v.closed {
		return
	}
	_ = v.write.db.BusyTimeout(0)
	_, _, err := v.write.db.WALCheckpoint("main", sqlite3.CHECKPOINT_TRUNCATE)
	_ = v.write.db.BusyTimeout(busyTimeout)
	if v.traces = err != nil; v.traces {
		v.log.Debug("view keeps what was deleted in its log for now", "err", err)
	}
}

// busyTimeout is how long the writer waits for another process; there should be none.
const busyTimeout = 10 * time.Second

// Cursor is the local arrival number up to which the store has been taken in, 0 for a new view.
func (v *View) Cursor(ctx context.Context) (lsn uint64, err error) {
	err = v.reading(ctx, "read cursor", func(c *conn) error {
		n, _, err := c.number(`SELECT v FROM meta WHERE k='cursor'`)
		lsn = uint64(n)
		return err
	})
	return lsn, err
}
