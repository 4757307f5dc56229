// Package blob keeps sealed chunks in plain files, each named by the SHA-256 of its bytes: pieces of files, and parts of
// epoch mints. The bytes are ciphertext; this package cannot tell what of. They are checked against the name when they
// are written and when they are read, so that what is served is never what a disk made of it (protocol 8).
package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
)

// MaxChunk is the most bytes of a chunk: 256 KiB and an authentication tag.
const MaxChunk = 256<<10 + 16

// MaxBitmap is the most chunks that one Bitmap tells of: the entries of a file's manifest of one level.
const MaxBitmap = 4096

// Errors of the chunks. Each is wrapped with what was being done.
var (
	ErrAbsent   = errors.New("chunk is not here")
	ErrDamaged  = errors.New("chunk is damaged on disk") // it was taken away; fetch it again
	ErrMismatch = errors.New("bytes are not those of the chunk")
	ErrTooLarge = errors.New("chunk over the size limit")
	ErrFull     = errors.New("disk full")
)

// ID is the SHA-256 of a chunk.
type ID [32]byte

// IDOf is the id of a chunk.
func IDOf(chunk []byte) ID { return sha256.Sum256(chunk) }

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Store is a directory of chunks. It is safe for concurrent use, and for several processes: a chunk appears whole or
// not at all, and two who write one write the same.
type Store struct {
	dir  string
	temp atomic.Uint64
	free func(dir string) (uint64, error)
	keep uint64
}

// Reserve is how many bytes of disk Put leaves free.
const Reserve = 64 << 20

// Open opens the directory, making it where there is none, and clears away what an earlier crash left half-written.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir, keep: Reserve, free: freeBytes}
	if err := os.MkdirAll(filepath.Join(dir, tempDir), 0o700); err != nil {
		return nil, fmt.Errorf("open chunks: %w", full(err))
	}
	left, err := os.ReadDir(filepath.Join(dir, tempDir))
	if err != nil {
		return nil, fmt.Errorf("open chunks: %w", err)
	}
	for _, e := range left {
		if !strings.HasPrefix(e.Name(), s.mine()) {
			_ = os.Remove(filepath.Join(dir, tempDir, e.Name()))
		}
	}
	return s, nil
}

const tempDir = "tmp"

func (s *Store) mine() string { return fmt.Sprintf("%d-", os.Getpid()) }

// path puts a chunk two folders deep, so that no folder grows long.
func (s *Store) path(id ID) string {
	name := id.String()
	return filepath.Join(s.dir, name[:2], name[2:4], name)
}

// Put stores a chunk and answers its id; it is on disk when Put returns. A chunk that is here already is left alone.
func (s *Store) Put(chunk []byte) (ID, error) {
	id := IDOf(chunk)
	return id, s.put(id, chunk)
}

// PutAs is Put for bytes that somebody else called by this id: others are ErrMismatch.
func (s *Store) PutAs(id ID, chunk []byte) error {
	if len(chunk) > MaxChunk {
		return fmt.Errorf("put chunk: %w", ErrTooLarge)
	}
	if IDOf(chunk) != id {
		return fmt.Errorf("put chunk %s: %w", id, ErrMismatch)
	}
	return s.put(id, chunk)
}

func (s *Store) put(id ID, chunk []byte) error {
	if len(chunk) > MaxChunk {
		return fmt.Errorf("put chunk: %w", ErrTooLarge)
	}
	if s.Has(id) {
		return nil
	}
	if free, err := s.free(s.dir); err == nil && free < s.keep+uint64(len(chunk)) {
		return fmt.Errorf("put chunk: %w", ErrFull)
	}
	path := s.path(id)
	if err := s.write(path, chunk); err != nil {
		return fmt.Errorf("put chunk: %w", full(err))
	}
	return nil
}

// write makes the file under another name, has it reach the disk, and then gives it its name.
func (s *Store) write(path string, chunk []byte) (err error) {
	dir := filepath.Dir(path)
	if err := makeDir(s.dir, dir); err != nil {
		return err
	}
	temp := filepath.Join(s.dir, tempDir, fmt.Sprintf("%s%d", s.mine(), s.temp.Add(1)))
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp)
		}
	}()
	_, err = f.Write(chunk)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(dir)
}

// makeDir makes a chunk's two folders, and has the disk know of them.
func makeDir(root, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Dir(dir)), syncDir(root))
}

// Has reports whether the chunk is here. Whether it is whole is told by Get.
func (s *Store) Has(id ID) bool {
	info, err := os.Stat(s.path(id))
	return err == nil && info.Mode().IsRegular()
}

// Get is the chunk. One that the disk damaged is taken away and answered with ErrDamaged.
func (s *Store) Get(id ID) ([]byte, error) {
	f, err := os.Open(s.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("get chunk %s: %w", id, ErrAbsent)
	}
	if err != nil {
		return nil, fmt.Errorf("get chunk: %w", err)
	}
	defer f.Close()
	chunk, err := io.ReadAll(io.LimitReader(f, MaxChunk+1))
	if err != nil {
		return nil, fmt.Errorf("get chunk: %w", err)
	}
	if len(chunk) > MaxChunk || IDOf(chunk) != id {
		_ = f.Close() // Windows removes no open file
		return nil, errors.Join(fmt.Errorf("get chunk %s: %w", id, ErrDamaged), s.Delete(id))
	}
	return chunk, nil
}

// Delete drops a chunk. One that is not here is no error.
func (s *Store) Delete(id ID) error {
	err := os.Remove(s.path(id))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete chunk: %w", err)
	}
	return nil
}

// Bitmap tells which of the chunks are here: bit i%8 of byte i/8 for ids[i]. More than MaxBitmap of them are
// ErrTooLarge.
func (s *Store) Bitmap(ids []ID) ([]byte, error) {
	if len(ids) > MaxBitmap {
		return nil, fmt.Errorf("bitmap of %d chunks: %w", len(ids), ErrTooLarge)
	}
	bits := make([]byte, (len(ids)+7)/8)
	for i, id := range ids {
		if s.Has(id) {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return bits, nil
}

// Each calls fn with every chunk and its size, in the order of the ids, until fn answers an error.
func (s *Store) Each(fn func(id ID, size int64) error) error {
	return filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("list chunks: %w", err)
		}
		if d.IsDir() {
			if d.Name() == tempDir && filepath.Dir(path) == s.dir {
				return filepath.SkipDir
			}
			return nil
		}
		raw, err := hex.DecodeString(d.Name())
		if err != nil || len(raw) != len(ID{}) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil // deleted meanwhile
		}
		return fn(ID(raw), info.Size())
	})
}

func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
