package blob

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// freeBytes is what may still be written on the disk of dir.
func freeBytes(dir string) (uint64, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, fmt.Errorf("free space: %w", err)
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, nil, nil); err != nil {
		return 0, fmt.Errorf("free space: %w", err)
	}
	return free, nil
}

// syncDir has nothing to do: NTFS journals its directories.
func syncDir(string) error { return nil }
