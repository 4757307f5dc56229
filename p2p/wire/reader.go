package wire

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// reader takes a hostile message apart. After the first fault every read answers zero, so that decoders read straight
// through and ask once, at the end.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

func (r *reader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b) {
		r.fail(ErrMalformed)
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) fill(dst []byte) { copy(dst, r.take(len(dst))) }

func (r *reader) byte() byte {
	p := r.take(1)
	if p == nil {
		return 0
	}
	return p[0]
}

func (r *reader) uint64() uint64 {
	p := r.take(8)
	if p == nil {
		return 0
	}
	return binary.BigEndian.Uint64(p)
}

// length reads a minimal uvarint of at most limit.
func (r *reader) length(limit int) int {
	v, n := binary.Uvarint(r.b)
	if r.err != nil || n <= 0 || n > 1 && r.b[n-1] == 0 {
		r.fail(ErrMalformed)
		return 0
	}
	if v > uint64(limit) {
		r.fail(ErrTooLarge)
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

// bytes reads a counted string of at most limit bytes, as a copy.
func (r *reader) bytes(limit int) []byte { return slices.Clone(r.take(r.length(limit))) }

// done reports the first fault, or bytes that were left over.
func (r *reader) done(what string) error {
	if r.err == nil && len(r.b) > 0 {
		r.err = ErrMalformed
	}
	if r.err != nil {
		return fmt.Errorf("read %s: %w", what, r.err)
	}
	return nil
}

func appendBytes(b, p []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(p)))
	return append(b, p...)
}

func appendList(b []byte, items [][]byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(items)))
	for _, p := range items {
		b = appendBytes(b, p)
	}
	return b
}

// list reads at most count byte strings of at most each bytes.
func (r *reader) list(count, each int) [][]byte {
	n := r.length(count)
	if n > len(r.b) {
		r.fail(ErrMalformed)
	}
	var out [][]byte
	for range n {
		if r.err != nil {
			return nil
		}
		out = append(out, r.bytes(each))
	}
	return out
}
