package keyring

import (
	"encoding/binary"
	"maps"
	"slices"
)

func appendPart(b, p []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(p))), p...)
}

func sortedKeys(m map[string][]byte) []string { return slices.Sorted(maps.Keys(m)) }

// reader takes a file apart. After the first fault every read answers zero.
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
	p := r.b[:n]
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

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.bad || n <= 0 || n > 1 && r.b[n-1] == 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads a number of things of at least a byte each, so that it is never more than what is left.
func (r *reader) count(limit int) int {
	v := r.uvarint()
	if v > uint64(limit) || v > uint64(len(r.b)) {
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

func (r *reader) optional() (s Secret, ok bool) {
	switch r.byte() {
	case 0:
		return Secret{}, false
	case 1:
		r.fill(s[:])
		return s, !r.bad
	}
	r.fail()
	return Secret{}, false
}

func (r *reader) identity() Identity {
	p := r.take(IdentitySize)
	if p == nil {
		return Identity{}
	}
	return identityOf(Secret(p[:32]), Secret(p[32:]))
}

func (r *reader) done() error {
	if r.bad || len(r.b) > 0 {
		return ErrDamaged
	}
	return nil
}
