package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"hallway/store"
)

// TestADiskThatFillsUpLosesNothing fills a small file system of its own.
func TestADiskThatFillsUpLosesNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root: cannot mount a small file system")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("under CI this must run:", err)
		}
		t.Skip("cannot mount a small file system:", err)
	}
	defer func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }()
	o := store.Options{Log: quiet, Reserve: 24 << 20}
	db, err := store.Open(filepath.Join(dir, "store"), key, o)
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter()
	acknowledged := 0
	for {
		if err := db.Room(); errors.Is(err, store.ErrFull) {
			break
		}
		v, p := w.op(t, make([]byte, 60<<10))
		b := &store.Batch{}
		b.PutOp(1, p, w.lsn, v.ID(), v.Op())
		if err := db.Commit(context.Background(), b); err != nil {
			t.Fatalf("after %d ops: %v", acknowledged, err)
		}
		acknowledged++
	}
	if acknowledged < 50 {
		t.Fatalf("full after %d ops", acknowledged)
	}
	// Something else takes what was left, and takes it again where a table that is written out frees some.
	other, err := os.Create(filepath.Join(dir, "other"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for tries := 0; ; tries++ {
		var left syscall.Statfs_t
		if err := syscall.Statfs(dir, &left); err != nil {
			t.Fatal(err)
		}
		if n := int64(left.Bavail)*left.Bsize - 4<<20; n > 0 {
			if _, err := other.Write(make([]byte, n)); err != nil {
				t.Fatal(err)
			}
		}
		b := &store.Batch{}
		b.PutLocal("one more", nil)
		err := db.Commit(context.Background(), b)
		if errors.Is(err, store.ErrFull) {
			break
		}
		if err != nil || tries == 50 {
			t.Fatalf("commit on a full disk: %v", err)
		}
	}
	if got := len(readAll(t, db)); got != acknowledged {
		t.Fatalf("%d of %d ops can be read", got, acknowledged)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	if db, err = store.Open(filepath.Join(dir, "store"), key, o); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got := len(readAll(t, db)); got != acknowledged {
		t.Fatalf("%d of %d ops after opening again", got, acknowledged)
	}
}
