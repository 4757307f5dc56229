package seal

import (
	"fmt"
	"io"
	"slices"
	"sync"
)

// Index answers the ids of the chunks that name the others; they are to be fetched first. None where the manifest names
// all chunks itself.
func (m *Manifest) Index() []ChunkID {
	if !m.indexed() {
		return nil
	}
	return slices.Clone(m.top)
}

// Chunks answers the ids of all data chunks in order. get answers the index chunks by their ids.
func (m *Manifest) Chunks(get func(ChunkID) ([]byte, error)) ([]ChunkID, error) {
	if !m.indexed() {
		return slices.Clone(m.top), nil
	}
	st, err := newStream(m.key.Derive("hallway/file-index/v1"))
	if err != nil {
		return nil, err
	}
	left := chunksFor(m.Size)
	var ids []ChunkID // grown by what opens: the size is only what somebody claims
	for i, id := range m.top {
		chunk, err := get(id)
		if err != nil {
			return nil, fmt.Errorf("fetch index %d: %w", i, err)
		}
		n := min(left, indexSize)
		plain, err := st.open(id, i, i == len(m.top)-1, 32*n, chunk)
		if err != nil {
			return nil, fmt.Errorf("open index: %w", err)
		}
		for part := range slices.Chunk(plain, 32) {
			ids = append(ids, ChunkID(part))
		}
		left -= n
	}
	return ids, nil
}

// FileReader reads a sealed file at any place. It keeps the chunk opened last, in memory only. It is safe for concurrent
// use, one read at a time.
type FileReader struct {
	m   Manifest
	ids []ChunkID
	get func(ChunkID) ([]byte, error)

	mu    sync.Mutex
	st    *stream
	at    int // the chunk that plain is of, or -1
	plain []byte
}

// OpenFile reads a file whose chunks get answers by id. Every chunk is checked before a byte of it is handed out:
// ErrForged where it is not the right one.
func OpenFile(m Manifest, get func(ChunkID) ([]byte, error)) (*FileReader, error) {
	ids, err := m.Chunks(get)
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	st, err := newStream(m.key.Derive("hallway/file-data/v1"))
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	return &FileReader{m: m, ids: ids, get: get, st: st, at: -1}, nil
}

// Size is the length of the file in bytes.
func (f *FileReader) Size() int64 { return f.m.Size }

// ReadAt is io.ReaderAt.
func (f *FileReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read file at %d: %w", off, ErrMalformed)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for n < len(p) && off < f.m.Size {
		if err := f.load(int(off / ChunkSize)); err != nil {
			return n, err
		}
		c := copy(p[n:], f.plain[off%ChunkSize:])
		n, off = n+c, off+int64(c)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteTo writes the whole file to w, which a browser or a chosen place on disk is behind. An empty file has a chunk
// too, which is checked like any other.
func (f *FileReader) WriteTo(w io.Writer) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var n int64
	for i := range f.ids {
		if err := f.load(i); err != nil {
			return n, err
		}
		c, err := w.Write(f.plain)
		n += int64(c)
		if err != nil {
			return n, fmt.Errorf("write file: %w", err)
		}
	}
	return n, nil
}

func (f *FileReader) load(i int) error {
	if i == f.at {
		return nil
	}
	chunk, err := f.get(f.ids[i])
	if err != nil {
		return fmt.Errorf("fetch chunk %d: %w", i, err)
	}
	last := i == len(f.ids)-1
	n := ChunkSize
	if last {
		n = int(f.m.Size - int64(i)*ChunkSize)
	}
	f.at = -1
	if f.plain, err = f.st.open(f.ids[i], i, last, n, chunk); err != nil {
		return err
	}
	f.at = i
	return nil
}
