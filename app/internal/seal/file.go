package seal

import (
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"hallway/app/internal/keyring"
)

// A file is cut into chunks and each sealed by XChaCha20-Poly1305 under a key drawn for this file alone; the nonce is
// the chunk's place and whether it is the last (STREAM, protocol 8), so that chunks can be neither swapped nor cut off.
// A chunk is named by the SHA-256 of its ciphertext, and the key travels inside the sealed message: equal files have
// nothing in common that others could see.

const (
	// ChunkSize is the plaintext of a chunk; the last one is padded by PADME.
	ChunkSize = 256 << 10
	// MaxFile is the largest file in bytes.
	MaxFile = int64(maxTop) * indexSize * ChunkSize

	maxTop    = 256  // ids in a manifest: of chunks, or where there are more, of index chunks
	indexSize = 4096 // ids in an index chunk
)

// ChunkID is the SHA-256 of a chunk's ciphertext.
type ChunkID = [32]byte

// Manifest is what opens a file. It is kept only inside sealed messages.
type Manifest struct {
	Size int64 // of the plaintext
	key  keyring.Secret
	top  []ChunkID // of all chunks, or of the index chunks that name them
}

const manifestVersion = 1

// chunksFor is the number of chunks of a file; an empty one has one.
func chunksFor(size int64) int { return int(max(1, (size+ChunkSize-1)/ChunkSize)) }

func indexesFor(chunks int) int { return (chunks + indexSize - 1) / indexSize }

func (m *Manifest) indexed() bool { return chunksFor(m.Size) > maxTop }

// Append appends the manifest's encoding, at most 9 KiB: version 1 | key 32 | uvarint size | ids.
func (m *Manifest) Append(b []byte) []byte {
	b = append(b, manifestVersion)
	b = append(b, m.key[:]...)
	b = binary.AppendUvarint(b, uint64(m.Size))
	for _, id := range m.top {
		b = append(b, id[:]...)
	}
	return b
}

// ParseManifest reads a manifest, all of b.
func ParseManifest(b []byte) (Manifest, error) {
	r := reader{b: b}
	var m Manifest
	if r.byte() != manifestVersion {
		r.fail()
	}
	r.fill(m.key[:])
	size := r.uvarint()
	if size > uint64(MaxFile) {
		r.fail()
	}
	if r.bad {
		return Manifest{}, fmt.Errorf("read manifest: %w", ErrMalformed)
	}
	m.Size = int64(size)
	n := chunksFor(m.Size)
	if m.indexed() {
		n = indexesFor(n)
	}
	if len(r.b) != 32*n {
		return Manifest{}, fmt.Errorf("read manifest: %w", ErrMalformed)
	}
	m.top = make([]ChunkID, n)
	for i := range m.top {
		r.fill(m.top[i][:])
	}
	return m, r.done("manifest")
}

// SealFile reads a file to its end and gives each chunk to put, in order, under its id. put must not keep the slice.
// Nothing of the plaintext touches a disk. A file that is sealed twice has no chunk in common with itself.
func (s *Sealer) SealFile(r io.Reader, put func(id ChunkID, chunk []byte) error) (Manifest, error) {
	key, err := keyring.NewSecret(s.rand)
	if err != nil {
		return Manifest{}, fmt.Errorf("seal file: %w", err)
	}
	m := Manifest{key: key}
	ids, err := m.sealChunks(r, put)
	if err != nil {
		return Manifest{}, fmt.Errorf("seal file: %w", err)
	}
	m.top = ids
	if m.indexed() {
		if m.top, err = m.sealIndex(ids, put); err != nil {
			return Manifest{}, fmt.Errorf("seal file: %w", err)
		}
	}
	return m, nil
}

func (m *Manifest) sealChunks(r io.Reader, put func(ChunkID, []byte) error) ([]ChunkID, error) {
	st, err := newStream(m.key.Derive("hallway/file-data/v1"))
	if err != nil {
		return nil, err
	}
	var ids []ChunkID
	this, next := make([]byte, ChunkSize), make([]byte, ChunkSize)
	n, err := fillChunk(r, this)
	for err == nil {
		var more int
		if n == ChunkSize {
			more, err = fillChunk(r, next)
		}
		if err != nil {
			break
		}
		if m.Size += int64(n); m.Size > MaxFile {
			return nil, fmt.Errorf("a file of over %d bytes: %w", MaxFile, ErrTooLarge)
		}
		id, chunk := st.seal(len(ids), more == 0, this[:n])
		if err = put(id, chunk); err != nil {
			break
		}
		ids = append(ids, id)
		if more == 0 {
			return ids, nil
		}
		this, next, n = next, this, more
	}
	return nil, err
}

// fillChunk reads as much as there is, up to a whole chunk.
func fillChunk(r io.Reader, b []byte) (int, error) {
	n, err := io.ReadFull(r, b)
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) && n > 0 {
		err = nil
	}
	return n, err
}

func (m *Manifest) sealIndex(ids []ChunkID, put func(ChunkID, []byte) error) ([]ChunkID, error) {
	st, err := newStream(m.key.Derive("hallway/file-index/v1"))
	if err != nil {
		return nil, err
	}
	var top []ChunkID
	for len(ids) > 0 {
		some := ids[:min(indexSize, len(ids))]
		ids = ids[len(some):]
		var plain []byte
		for _, id := range some {
			plain = append(plain, id[:]...)
		}
		id, chunk := st.seal(len(top), len(ids) == 0, plain)
		if err := put(id, chunk); err != nil {
			return nil, err
		}
		top = append(top, id)
	}
	return top, nil
}

// stream seals the pieces of one thing under a key that seals nothing else, so that a place is a nonce.
type stream struct {
	aead cipher.AEAD
	buf  []byte
}

func newStream(key keyring.Secret) (*stream, error) {
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, err
	}
	return &stream{aead: a}, nil
}

func streamNonce(i int, last bool) []byte {
	n := make([]byte, chacha20poly1305.NonceSizeX)
	binary.BigEndian.PutUint64(n[15:], uint64(i))
	if last {
		n[23] = 1
	}
	return n
}

// seal answers a chunk that is good until the next call.
func (st *stream) seal(i int, last bool, plain []byte) (ChunkID, []byte) {
	if last {
		plain = append(plain, make([]byte, padme(len(plain))-len(plain))...)
	}
	st.buf = st.aead.Seal(st.buf[:0], streamNonce(i, last), plain, nil)
	return sha256.Sum256(st.buf), st.buf
}

// open checks a chunk against its id and its place, and that it has exactly the padding that seal gives n bytes.
func (st *stream) open(id ChunkID, i int, last bool, n int, chunk []byte) ([]byte, error) {
	want := n
	if last {
		want = padme(n)
	}
	if len(chunk) != want+tagSize || sha256.Sum256(chunk) != id {
		return nil, fmt.Errorf("chunk %d is another: %w", i, ErrForged)
	}
	plain, err := st.aead.Open(nil, streamNonce(i, last), chunk, nil)
	if err != nil {
		return nil, fmt.Errorf("chunk %d: %w", i, ErrForged)
	}
	for _, b := range plain[n:] {
		if b != 0 {
			return nil, fmt.Errorf("chunk %d: %w", i, ErrMalformed)
		}
	}
	return plain[:n], nil
}
