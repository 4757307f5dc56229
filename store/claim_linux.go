package store

import (
	"os"
	"syscall"
)

// claim has the file take so many bytes of disk.
func claim(f *os.File, n int64) error { return syscall.Fallocate(int(f.Fd()), 0, 0, n) }
