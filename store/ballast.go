package store

import (
	"os"
	"path/filepath"
)

// ballast is how many bytes of disk the store holds for the moment when there are no others: Badger writes its memtable
// out while it closes, into memory-mapped files, and would be killed where the disk is full. Dropping the ballast makes
// the room for that.
const ballast = 12 << 20

func (db *DB) ballastPath() string { return filepath.Join(db.dir, "ballast") }

// takeBallast claims the bytes, if there are enough beside them.
func (db *DB) takeBallast() {
	if info, err := os.Stat(db.ballastPath()); err == nil && info.Size() == ballast {
		return
	}
	if db.room(db.reserve) != nil {
		return
	}
	f, err := os.OpenFile(db.ballastPath(), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = claim(f, ballast)
		_ = f.Close()
	}
	if err != nil {
		_ = os.Remove(db.ballastPath())
		db.log.Warn("no room is kept for a full disk", "err", err)
	}
}

// dropBallast gives them back.
func (db *DB) dropBallast() { _ = os.Remove(db.ballastPath()) }
