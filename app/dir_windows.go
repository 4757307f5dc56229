package app

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

func platformDataDir() (string, error) {
	d, err := os.UserCacheDir() // LocalAppData: a roaming profile would be one device twice
	if err != nil {
		return "", err
	}
	return filepath.Join(d, "Hallway"), nil
}

// lockDir takes the data directory for this process. The lock goes with the process, however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	if err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped)); err != nil {
		f.Close()
		return nil, problem(ProblemBusy, "Another Hallway has this data folder open; close it, or run the command while its node runs.")
	}
	return f, nil
}

// ownAlone takes the folder for temporary files as it is: Windows gives each user one of his own.
func ownAlone(os.FileInfo) bool { return true }
