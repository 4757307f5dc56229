//go:build unix

package replica_test

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
)

// diskUse is what the files of a directory take on the disk, holes not counted, and not the ballast, which is of one
// size however much is stored.
func diskUse(t *testing.T, dir string) (total int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "ballast" {
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
