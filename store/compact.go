package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dgraph-io/badger/v4"
)

const (
	gcEvery    = 10 * time.Minute
	checkEvery = 24 * 6 // of them
)

// Run collects what Badger's value log no longer needs, every ten minutes until ctx ends, and reads the tables through
// after the first ten and then every day. The store works without it; it only grows, and hides its damage longer.
func (db *DB) Run(ctx context.Context) error {
	tick := time.NewTicker(gcEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := db.collect(); err != nil {
				db.log.Warn("value log was not collected", "err", err)
			}
			if n%checkEvery == 1 && db.Failed() == nil {
				if err := db.Check(); err != nil {
					db.log.Error("the store is damaged", "err", err)
				}
			}
		}
	}
}

// collect rewrites value log files for as long as one of them is half garbage.
func (db *DB) collect() error {
	db.readers.RLock()
	defer db.readers.RUnlock()
	if db.gone {
		return ErrClosed
	}
	for {
		err := db.bdg.RunValueLogGC(0.5)
		switch {
		case err == nil:
		case errors.Is(err, badger.ErrNoRewrite), errors.Is(err, badger.ErrRejected):
			return nil
		default:
			return classify(err)
		}
	}
}

// Compact rewrites what is on disk so that nothing of what was replaced or dropped before the call remains in a file of
// the store. Writers wait for it; readers only while the newest part is written out. A snapshot older than the call that
// is still being read keeps what it shows.
func (db *DB) Compact(ctx context.Context) error {
	done := make(chan error, 1)
	db.send(&request{done: func(err error) { done <- err }})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// spaceFlush holds one key that exists for being dropped.
const spaceFlush = 'z'

// compact runs in the writer, so that nothing is written meanwhile. Dropping a prefix is Badger's one way to have the
// memtable, whose log holds all that was written lately, written out while the store stays open; flattening then merges
// all versions of a key into the newest.
func (db *DB) compact() error {
	if err := db.Failed(); err != nil {
		return err
	}
	if err := db.room(db.reserve); err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	key := []byte{spaceFlush}
	err := db.bdg.Update(func(txn *badger.Txn) error { return txn.Set(key, nil) })
	if err == nil {
		err = db.bdg.DropPrefix(key)
	}
	if err == nil {
		err = db.bdg.Flatten(1)
	}
	if err != nil {
		return fmt.Errorf("compact: %w", classify(err))
	}
	return db.collect()
}
