package store

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Memory settings for a desk that has other things to do: a million entries take some 50 to 70 MiB of heap with them.
const (
	memTable   = 8 << 20
	blockCache = 16 << 20
	indexCache = 16 << 20
	tableSize  = 2 << 20
	valueLog   = 32 << 20

	// maxInline keeps every value in the LSM tree: it is above the largest payload with its header.
	maxInline = 256 << 10
)

func badgerOptions(dir string, key []byte, log *slog.Logger) badger.Options {
	o := badger.DefaultOptions(dir).
		WithMemTableSize(memTable).WithNumMemtables(2).
		WithBaseTableSize(tableSize).WithValueLogFileSize(valueLog).
		WithNumCompactors(2).WithValueThreshold(maxInline).
		WithBlockCacheSize(blockCache).WithIndexCacheSize(indexCache).
		WithCompression(options.None). // what is sealed does not shrink
		WithChecksumVerificationMode(options.OnBlockRead).
		WithSyncWrites(true).WithDetectConflicts(false).WithMetricsEnabled(false).
		WithLogger(badgerLog{log})
	if len(key) > 0 {
		o = o.WithEncryptionKey(append([]byte(nil), key...))
	}
	return o
}

// openBadger opens Badger and gives its faults the store's names. Badger panics on some kinds of damage.
func openBadger(dir string, key []byte, log *slog.Logger) (db *badger.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, fmt.Errorf("%v: %w", p, ErrDamaged)
		}
	}()
	if err := checkTables(dir); err != nil {
		return nil, err
	}
	_, statErr := os.Stat(filepath.Join(dir, "MANIFEST"))
	if statErr != nil && holdsData(dir) {
		return nil, fmt.Errorf("no manifest beside the tables: %w", ErrDamaged) // Badger would begin a new store and clear the rest away
	}
	db, err = badger.Open(badgerOptions(dir, key, log))
	switch {
	case err == nil:
		return db, nil
	case statErr == nil && !known(err):
		// An existing store that does not open, for no reason of the machine's, is damaged.
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil, classify(err)
}

// holdsData reports whether a directory has files in which Badger keeps data.
func holdsData(dir string) bool {
	for _, pattern := range []string{"*.sst", "*.mem", "*.vlog"} {
		if m, _ := filepath.Glob(filepath.Join(dir, pattern)); len(m) > 0 {
			return true
		}
	}
	return false
}

func known(err error) bool {
	err = classify(err)
	return errors.Is(err, ErrLocked) || errors.Is(err, ErrFull) || errors.Is(err, ErrKey) ||
		errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.EROFS)
}

// classify gives an error of Badger or the system the store's name for it, where there is one.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case errors.Is(err, badger.ErrEncryptionKeyMismatch):
		return fmt.Errorf("%w: %w", ErrKey, err)
	case strings.Contains(err.Error(), "Cannot acquire directory lock"):
		return fmt.Errorf("%w: %w", ErrLocked, err)
	case strings.Contains(strings.ToLower(err.Error()), "checksum mismatch"), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// badgerLog passes on Badger's complaints; its progress reports are for debugging Badger.
type badgerLog struct{ *slog.Logger }

func (l badgerLog) Errorf(f string, a ...any)   { l.Error("badger", "says", fmt.Sprintf(f, a...)) }
func (l badgerLog) Warningf(f string, a ...any) { l.Warn("badger", "says", fmt.Sprintf(f, a...)) }
func (l badgerLog) Infof(string, ...any)        {}
func (l badgerLog) Debugf(string, ...any)       {}
