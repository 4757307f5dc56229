//go:build unix

package replica_test

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
)

// diskUse is what the files of a directory take on the disk, holes not counted.
func diskUse(t *testing.T, dir string) (total int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}
