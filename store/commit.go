package store

import (
	"context"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

const (
	maxQueue = 1024 // batches that may wait for the writer; then whoever adds one waits

	// MaxBatchBytes and MaxBatchKeys bound one batch, which is one transaction: a little under what Badger takes with
	// a memtable of this size.
	MaxBatchBytes = 1 << 20
	MaxBatchKeys  = 6000
)

// Batch is a set of writes that become durable together or not at all. It is not safe for concurrent use, and must not
// be touched after it was given to Commit or Enqueue.
type Batch struct {
	entries []entry
	size    int
}

type entry struct {
	key, value []byte // value nil deletes
}

func (b *Batch) put(key, value []byte) {
	if value == nil {
		value = []byte{}
	}
	b.entries = append(b.entries, entry{key, value})
	b.size += len(key) + len(value) + 16
}

func (b *Batch) del(key []byte) {
	b.entries = append(b.entries, entry{key: key})
	b.size += len(key) + 16
}

// Fits reports whether so much more, in keys and in bytes of keys and values, still fits into the batch.
func (b *Batch) Fits(keys, bytes int) bool {
	return len(b.entries)+keys <= MaxBatchKeys && b.size+bytes+16*keys <= MaxBatchBytes
}

// Empty reports whether the batch writes nothing.
func (b *Batch) Empty() bool { return len(b.entries) == 0 }

type request struct {
	batch *Batch // nil for a request to compact
	done  func(error)
}

// Room reports ErrFull where the disk has less left than the reserve. Whoever must not fail half-way asks first.
func (db *DB) Room() error { return db.room(db.reserve) }

func (db *DB) room(want uint64) error {
	if free, err := db.free(db.dir); err == nil && free < want {
		return fmt.Errorf("%d MiB left: %w", free>>20, ErrFull)
	}
	return nil
}

// Commit makes the batch durable: when it returns nil the batch has been synced to disk. A context that ends while the
// batch waits ends the waiting alone; the batch may be committed all the same.
func (db *DB) Commit(ctx context.Context, b *Batch) error {
	done := make(chan error, 1)
	db.Enqueue(b, func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Enqueue gives the batch to the writer. Batches become durable in the order of the calls, and done is called in that
// order, by the writer, which waits for it: it must be quick and must not call the store's writing methods.
func (db *DB) Enqueue(b *Batch, done func(error)) {
	if len(b.entries) > MaxBatchKeys || b.size > MaxBatchBytes {
		done(fmt.Errorf("commit of %d keys, %d bytes: %w", len(b.entries), b.size, ErrTooBig))
		return
	}
	db.send(&request{batch: b, done: done})
}

func (db *DB) send(r *request) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		r.done(fmt.Errorf("commit: %w", ErrClosed))
		return
	}
	db.queue <- r
}

// write is the one writer. It ends when the queue is closed and empty.
func (db *DB) write() {
	defer close(db.stopped)
	var next *request
	for {
		group, follow := db.gather(next)
		if len(group) == 0 {
			return
		}
		next = follow
		db.serve(group)
	}
}

// gather waits for one request and takes what else is there, as far as one transaction holds it.
func (db *DB) gather(first *request) (group []*request, next *request) {
	if first == nil {
		r, ok := <-db.queue
		if !ok {
			return nil, nil
		}
		first = r
	}
	group = []*request{first}
	if first.batch == nil {
		return group, nil
	}
	keys, size := len(first.batch.entries), first.batch.size
	for {
		select {
		case r, ok := <-db.queue:
			if !ok {
				return group, nil
			}
			if r.batch == nil || keys+len(r.batch.entries) > MaxBatchKeys || size+r.batch.size > MaxBatchBytes {
				return group, r
			}
			keys, size = keys+len(r.batch.entries), size+r.batch.size
			group = append(group, r)
		default:
			return group, nil
		}
	}
}

func (db *DB) serve(group []*request) {
	var err error
	if group[0].batch == nil {
		err = db.compact()
	} else {
		err = db.commitGroup(group)
	}
	for _, r := range group {
		r.done(err)
	}
}

// commitGroup writes one transaction. After a commit that failed inside Badger nobody knows what reached the disk, so
// no later one may build on it: the store stays readable and refuses to write until it is opened again.
func (db *DB) commitGroup(group []*request) error {
	if err := db.Failed(); err != nil {
		return err
	}
	if err := db.room(db.reserve / 2); err != nil {
		db.dropBallast()
		return db.fail(err)
	}
	txn := db.bdg.NewTransaction(true)
	defer txn.Discard()
	for _, r := range group {
		for _, e := range r.batch.entries {
			var err error
			if e.value == nil {
				err = txn.Delete(e.key)
			} else {
				err = txn.SetEntry(badger.NewEntry(e.key, e.value))
			}
			if err != nil {
				return db.fail(err)
			}
		}
	}
	if err := txn.Commit(); err != nil {
		return db.fail(err)
	}
	return nil
}

func (db *DB) fail(err error) error {
	db.failMu.Lock()
	defer db.failMu.Unlock()
	db.failed = fmt.Errorf("commit: %w", classify(err))
	db.log.Error("the store stopped writing", "err", db.failed)
	return db.failed
}

// Failed is the error after which the store writes no more until it is opened again, or nil.
func (db *DB) Failed() error {
	db.failMu.Lock()
	defer db.failMu.Unlock()
	return db.failed
}
