//go:build !windows

package keyring

import (
	"fmt"
	"os"
)

// checkMode refuses a key file that its group or others may read, write or run.
func checkMode(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("look at the key file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&^0o600 != 0 {
		return fmt.Errorf("mode %04o, not 0600: %w", info.Mode().Perm(), ErrKeyFileMode)
	}
	return nil
}
