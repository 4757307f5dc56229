package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	mrand "math/rand/v2"
	"runtime"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// shelf keeps chunks as a peer does.
type shelf map[ChunkID][]byte

func (s shelf) put(id ChunkID, chunk []byte) error { s[id] = bytes.Clone(chunk); return nil }

var errGone = errors.New("gone")

func (s shelf) get(id ChunkID) ([]byte, error) {
	if c, ok := s[id]; ok {
		return c, nil
	}
	return nil, errGone
}

func content(n int) []byte {
	b := make([]byte, n)
	r := mrand.NewChaCha8([32]byte{byte(n)})
	_, _ = r.Read(b)
	return b
}

func fileSealer() *Sealer { return New(Options{Rand: rand.Reader}) }

func TestFilesComeBackWhateverTheirLength(t *testing.T) {
	for _, n := range []int{0, 1, 1000, ChunkSize - 1, ChunkSize, ChunkSize + 1, 3*ChunkSize + 5} {
		s, want := shelf{}, content(n)
		m, err := fileSealer().SealFile(iotest.HalfReader(bytes.NewReader(want)), s.put)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseManifest(m.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		f, err := OpenFile(back, s.get)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := f.WriteTo(&out); err != nil || !bytes.Equal(out.Bytes(), want) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		for id, c := range s {
			if len(c) > ChunkSize+tagSize || bytes.Contains(c, want[:min(n, 16)]) && n >= 16 {
				t.Fatalf("%d bytes: chunk %x of %d", n, id[:4], len(c))
			}
		}
	}
}

func TestAnyPartOfAFileIsRead(t *testing.T) {
	want, s := content(2*ChunkSize+100), shelf{}
	m, err := fileSealer().SealFile(bytes.NewReader(want), s.put)
	if err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(m, s.get)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		off := rapid.IntRange(0, len(want)+10).Draw(t, "off")
		p := make([]byte, rapid.IntRange(0, ChunkSize+50).Draw(t, "n"))
		n, err := f.ReadAt(p, int64(off))
		rest := want[min(off, len(want)):]
		if n != min(len(p), len(rest)) || !bytes.Equal(p[:n], rest[:n]) || (err == io.EOF) != (n < len(p)) {
			t.Fatalf("%d bytes at %d: %v", n, off, err)
		}
	})
}

// A file of more chunks than a manifest names is listed in index chunks; its chunks are as small as the format allows
// here only because all but one byte of the file are made up.
func TestALargeFileHasTwoLevels(t *testing.T) {
	size := int64(maxTop+3) * ChunkSize
	s := shelf{}
	m, err := fileSealer().SealFile(io.LimitReader(zeros{}, size-7), func(id ChunkID, c []byte) error {
		if len(c) < ChunkSize || len(s) < 3 {
			return s.put(id, c)
		}
		s[id] = nil // seen, and not kept: 65 MiB
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(m.Append(nil)); n > 200 {
		t.Fatalf("a manifest of %d bytes", n)
	}
	if len(m.Index()) != 1 {
		t.Fatalf("%d index chunks", len(m.Index()))
	}
	ids, err := m.Chunks(s.get)
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) != maxTop+3 {
		t.Fatalf("%d chunks", len(ids))
	}
	for i, id := range ids {
		if _, ok := s[id]; !ok {
			t.Fatalf("chunk %d was never put", i)
		}
	}
	back, err := ParseManifest(m.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(back, s.get)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.ReadAt(make([]byte, 10), 5); n != 10 || err != nil {
		t.Fatalf("read at the beginning: %v", err)
	}
	s[m.Index()[0]][9] ^= 1
	if _, err := OpenFile(back, s.get); !errors.Is(err, ErrForged) {
		t.Fatalf("a changed index: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSwappedCutAndChangedChunksAreRefused(t *testing.T) {
	s := shelf{}
	m, err := fileSealer().SealFile(bytes.NewReader(content(3*ChunkSize+10)), s.put)
	if err != nil {
		t.Fatal(err)
	}
	try := func(name string, m Manifest, s shelf) {
		t.Helper()
		f, err := OpenFile(m, s.get)
		if err == nil {
			_, err = f.WriteTo(io.Discard)
		}
		if err == nil {
			t.Errorf("%s was read", name)
		}
	}
	swapped := m
	swapped.top = append([]ChunkID{}, m.top...)
	swapped.top[0], swapped.top[1] = m.top[1], m.top[0]
	try("a file with two chunks swapped", swapped, s)
	cut := m
	cut.top, cut.Size = m.top[:3], 3*ChunkSize
	try("a file without its last chunk", cut, s)
	shorter := m
	shorter.Size -= 5
	try("a file said to be shorter", shorter, s)
	other := m
	other.key[0] ^= 1
	try("a file under another key", other, s)
	for id, c := range s {
		bad := shelf{}
		for k, v := range s {
			bad[k] = v
		}
		bad[id] = append(bytes.Clone(c[:len(c)-1]), c[len(c)-1]^1)
		try("a file with a changed chunk", m, bad)
		delete(bad, id)
		try("a file with a missing chunk", m, bad)
	}
}

func TestAFileThatCannotBeReadIsNotSealed(t *testing.T) {
	gone := iotest.ErrReader(errGone)
	if _, err := fileSealer().SealFile(io.MultiReader(bytes.NewReader(content(ChunkSize)), gone), shelf{}.put); !errors.Is(err, errGone) {
		t.Fatalf("a file that vanishes: %v", err)
	}
	full := errors.New("disk full")
	if _, err := fileSealer().SealFile(bytes.NewReader(content(10)), func(ChunkID, []byte) error { return full }); !errors.Is(err, full) {
		t.Fatalf("a full disk: %v", err)
	}
}

// TestOracle56_OneFileUploadedTwiceHasNoChunkInCommon: nobody can tell from chunks that two people have the same file.
func TestOracle56_OneFileUploadedTwiceHasNoChunkInCommon(t *testing.T) {
	same := make([]byte, 5*ChunkSize) // all its chunks are equal to each other as well
	first, second := shelf{}, shelf{}
	for _, s := range []shelf{first, second} {
		if _, err := fileSealer().SealFile(bytes.NewReader(same), s.put); err != nil {
			t.Fatal(err)
		}
		if len(s) != 5 {
			t.Fatalf("%d different chunks of 5", len(s))
		}
	}
	for id := range first {
		if _, ok := second[id]; ok {
			t.Fatal("the same chunk twice")
		}
	}
}

func TestLastChunksArePadded(t *testing.T) {
	sizes := map[int]bool{}
	for n := 1; n < ChunkSize; n += 997 {
		s := shelf{}
		if _, err := fileSealer().SealFile(bytes.NewReader(make([]byte, n)), s.put); err != nil {
			t.Fatal(err)
		}
		for _, c := range s {
			sizes[len(c)] = true
			if over := len(c) - tagSize - n; over < 0 || over > n/8+1 {
				t.Fatalf("%d bytes in a chunk of %d", n, len(c))
			}
		}
	}
	if len(sizes) > 130 {
		t.Fatalf("%d different lengths", len(sizes))
	}
}

func FuzzParseManifest(f *testing.F) {
	for _, n := range []int{0, 10, 2 * ChunkSize} {
		m, err := fileSealer().SealFile(bytes.NewReader(make([]byte, n)), shelf{}.put)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err == nil && !bytes.Equal(m.Append(nil), b) {
			t.Fatal("two encodings of one manifest")
		}
	})
}

// A message of nine kilobytes claims a file of 256 GB. To look for it costs what is here of it, which is nothing.
func TestAClaimedSizeCostsNothingUntilItsIndexOpens(t *testing.T) {
	b := make([]byte, 1+32)
	b[0] = manifestVersion
	b = binary.AppendUvarint(b, uint64(MaxFile))
	m, err := ParseManifest(append(b, make([]byte, 32*maxTop)...))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 10 {
		if _, err := m.Chunks(shelf{}.get); !errors.Is(err, errGone) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes allocated for nothing", n)
	}
}
