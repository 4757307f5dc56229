package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hallway/store"
)

// filled makes a closed store with tables, a manifest and a write-ahead log that all hold something, and says how many
// ops it has.
func filled(t *testing.T) (dir string, ops int) {
	t.Helper()
	dir = t.TempDir()
	db := open(t, dir)
	w := newWriter()
	for range 3 {
		for range 20 {
			put(t, db, w, bytes.Repeat([]byte{byte(ops)}, 5000))
			ops++
		}
		if err := db.Compact(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, ops
}

func flip(at func(n int) int) func([]byte) []byte {
	return func(b []byte) []byte { b[at(len(b))] ^= 0x10; return b }
}

func TestADamagedFileIsSaidToBeDamaged(t *testing.T) {
	cut := func(b []byte) []byte { return b[:len(b)/2] }
	for name, c := range map[string]struct {
		file   string
		damage func([]byte) []byte // nil removes the file
	}{
		"manifest cut short":       {"MANIFEST", cut},
		"manifest magic":           {"MANIFEST", flip(func(int) int { return 1 })},
		"a bit in the manifest":    {"MANIFEST", flip(func(n int) int { return n / 2 })},
		"manifest gone":            {"MANIFEST", nil},
		"table cut short":          {".sst", cut},
		"a bit early in a table":   {".sst", flip(func(int) int { return 40 })},
		"a bit in the middle":      {".sst", flip(func(n int) int { return n / 2 })},
		"a bit at the end":         {".sst", flip(func(n int) int { return n - 3 })},
		"table gone":               {".sst", nil},
		"key registry cut short":   {"KEYREGISTRY", cut},
		"a bit in the registry":    {"KEYREGISTRY", flip(func(n int) int { return n - 2 })},
		"the format file is noise": {"format", func([]byte) []byte { return []byte("what") }},
		"the format file is gone":  {"format", nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir, ops := filled(t)
			hit := 0
			for _, path := range files(t, dir, c.file) {
				hit++
				if c.damage == nil {
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
					continue
				}
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, c.damage(b), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if hit == 0 {
				t.Fatal("the test is blind: no such file")
			}
			got, err := count(dir)
			if err == nil && got == ops {
				t.Fatal("the test is blind: nothing was hurt")
			}
			if !errors.Is(err, store.ErrDamaged) && !errors.Is(err, store.ErrKey) {
				t.Fatalf("%d of %d ops, %v", got, ops, err)
			}
		})
	}
}

func files(t *testing.T, dir, suffix string) (paths []string) {
	t.Helper()
	for _, d := range []string{dir, filepath.Join(dir, "log")} {
		es, err := os.ReadDir(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			if strings.HasSuffix(e.Name(), suffix) {
				paths = append(paths, filepath.Join(d, e.Name()))
			}
		}
	}
	return paths
}

// count opens a store and reads every op.
func count(dir string) (n int, err error) {
	db, err := store.Open(dir, key, store.Options{Log: quiet})
	if err != nil {
		return 0, err
	}
	defer db.Close()
	err = db.View(func(tx *store.Txn) error {
		if err := tx.Arrivals(0, func(uint64, store.Place) error { return nil }); err != nil {
			return err
		}
		return tx.Ops(1, 0, 1<<40, func(s store.Stored) error {
			if len(s.Op.Payload) != 5000 || bytes.Count(s.Op.Payload, s.Op.Payload[:1]) != 5000 {
				return fmt.Errorf("op %d is another", s.Op.Seq)
			}
			n++
			return nil
		})
	})
	return n, err
}
