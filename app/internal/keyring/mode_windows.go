package keyring

import (
	"fmt"
	"os"
)

// checkMode looks only at what kind of file it is: on Windows a file takes the rights of its folder, and the user's
// own folder is closed to others.
func checkMode(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("look at the key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return ErrKeyFileMode
	}
	return nil
}
