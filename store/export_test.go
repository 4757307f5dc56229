package store

import "log/slog"

// OpenPlain opens a store that is not encrypted at rest, so that a test can look for bytes in its files.
func OpenPlain(dir string) (*DB, error) {
	return open(dir, nil, Options{Log: slog.New(slog.DiscardHandler)})
}
