//go:build unix

package store

import (
	"fmt"
	"syscall"
)

// freeBytes is what an ordinary user may still write on the disk of dir.
func freeBytes(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("free space: %w", err)
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}
