package store

import "log/slog"

// OpenPlain opens a store that is not encrypted at rest, so that a test can look for bytes in its files.
func OpenPlain(dir string) (*DB, error) {
	return open(dir, nil, Options{Log: slog.New(slog.DiscardHandler)})
}

// SetFree has the store believe that so much of the disk is free.
func (db *DB) SetFree(free func(string) (uint64, error)) { db.free = free }
