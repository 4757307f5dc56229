package seal

import (
	"encoding/binary"
	"fmt"
)

func appendPart(b, p []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(p))), p...)
}

// reader takes hostile bytes apart. After the first fault every read answers zero; done reports it.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.bad, r.b = true, nil }

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.fail()
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) fill(dst []byte) { copy(dst, r.take(len(dst))) }

func (r *reader) byte() byte {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

// uvarint refuses an encoding that is longer than it must be.
func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.bad || n <= 0 || n > 1 && r.b[n-1] == 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads how many things of at least size bytes each follow, so that nothing is allocated for what is not there.
func (r *reader) count(limit, size int) int {
	v := r.uvarint()
	if v > uint64(limit) || v*uint64(size) > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(v)
}

func (r *reader) part(limit int) []byte {
	n := r.uvarint()
	if n > uint64(limit) {
		r.fail()
		return nil
	}
	return r.take(int(n))
}

func (r *reader) done(what string) error {
	if r.bad || len(r.b) > 0 {
		return fmt.Errorf("read %s: %w", what, ErrMalformed)
	}
	return nil
}
