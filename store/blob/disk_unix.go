//go:build unix

package blob

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// freeBytes is what may still be written on the disk of dir.
func freeBytes(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("free space: %w", err)
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}

// syncDir has the disk know of a directory's entries.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
