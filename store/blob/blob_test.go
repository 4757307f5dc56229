package blob

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnyChunkComesBackAsItWas(t *testing.T) {
	s := open(t)
	rapid.Check(t, func(t *rapid.T) {
		chunk := rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(t, "chunk")
		id, err := s.Put(chunk)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(id)
		if err != nil || !bytes.Equal(got, chunk) {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
	})
}

func TestALargestChunkFitsAndOneByteMoreDoesNot(t *testing.T) {
	s := open(t)
	if _, err := s.Put(make([]byte, MaxChunk)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(make([]byte, MaxChunk+1)); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("err = %v", err)
	}
}

func TestAPeerWhoServesOtherBytesIsFoundOut(t *testing.T) {
	s := open(t)
	id := IDOf([]byte("what Bo asked for"))
	if err := s.PutAs(id, []byte("what Mallory sent")); !errors.Is(err, ErrMismatch) {
		t.Fatalf("err = %v", err)
	}
	if s.Has(id) {
		t.Fatal("a wrong chunk was kept")
	}
	if err := s.PutAs(id, []byte("what Bo asked for")); err != nil || !s.Has(id) {
		t.Fatal(err)
	}
}

func TestAChunkThatTheDiskDamagedIsNeverServed(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"a flipped bit":   func(b []byte) []byte { b[3] ^= 1; return b },
		"cut short":       func(b []byte) []byte { return b[:2] },
		"emptied":         func([]byte) []byte { return nil },
		"grown very long": func(b []byte) []byte { return append(b, make([]byte, 2*MaxChunk)...) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			id, err := s.Put([]byte("a page of the plan"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(s.path(id), damage([]byte("a page of the plan")), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Get(id); !errors.Is(err, ErrDamaged) {
				t.Fatalf("err = %v", err)
			}
			if s.Has(id) {
				t.Fatal("it is still offered")
			}
			if _, err := s.Put([]byte("a page of the plan")); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Get(id); err != nil {
				t.Fatal("it could not be fetched again", err)
			}
		})
	}
}

func TestDeletedIsGoneAndDeletingTwiceIsNoFault(t *testing.T) {
	s := open(t)
	id, _ := s.Put([]byte("x"))
	for range 2 {
		if err := s.Delete(id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Get(id); !errors.Is(err, ErrAbsent) {
		t.Fatalf("err = %v", err)
	}
}

func TestBitmapTellsWhatIsHere(t *testing.T) {
	s := open(t)
	ids := make([]ID, 19)
	for i := range ids {
		chunk := []byte{byte(i)}
		ids[i] = IDOf(chunk)
		if i%3 == 0 {
			if _, err := s.Put(chunk); err != nil {
				t.Fatal(err)
			}
		}
	}
	bits, err := s.Bitmap(ids)
	if err != nil || len(bits) != 3 {
		t.Fatal(len(bits), err)
	}
	for i := range ids {
		if got := bits[i/8]&(1<<(i%8)) != 0; got != (i%3 == 0) {
			t.Errorf("chunk %d: %v", i, got)
		}
	}
	if _, err := s.Bitmap(make([]ID, MaxBitmap+1)); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("err = %v", err)
	}
}

func TestWhatACrashLeftHalfWrittenIsClearedAway(t *testing.T) {
	s := open(t)
	id, _ := s.Put([]byte("whole"))
	half := filepath.Join(s.dir, tempDir, "1-77")
	if err := os.WriteFile(half, []byte("hal"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Open(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("it is still there: %v", err)
	}
	n := 0
	if err := again.Each(func(got ID, size int64) error {
		if got != id || size != 5 {
			t.Errorf("chunk %s of %d bytes", got, size)
		}
		n++
		return nil
	}); err != nil || n != 1 {
		t.Fatal(n, err)
	}
}

func TestManyWhoPutTheSameChunkAgree(t *testing.T) {
	s := open(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s.Put([]byte("the same picture")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if _, err := s.Get(IDOf([]byte("the same picture"))); err != nil {
		t.Fatal(err)
	}
}

func TestAFullDiskRefusesAndKeepsWhatIsThere(t *testing.T) {
	s := open(t)
	id, _ := s.Put([]byte("before"))
	s.free = func(string) (uint64, error) { return Reserve - 1, nil }
	if _, err := s.Put([]byte("after")); !errors.Is(err, ErrFull) {
		t.Fatalf("err = %v", err)
	}
	if _, err := s.Get(id); err != nil {
		t.Fatal(err)
	}
}
