package crdt

import (
	"encoding/binary"
	"fmt"
)

// reader takes a hostile byte string apart. After the first fault every read answers zero, so that decoders read
// straight through and ask once, at the end.
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

// uvarint refuses an encoding that is longer than it must be.
func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.err != nil || n <= 0 || n > 1 && r.b[n-1] == 0 {
		r.fail(ErrMalformed)
		return 0
	}
	r.b = r.b[n:]
	return v
}

// length reads a uvarint that must not exceed limit.
func (r *reader) length(limit uint64) uint32 {
	v := r.uvarint()
	if v > limit {
		r.fail(ErrTooLarge)
		return 0
	}
	return uint32(v)
}

// seq reads a place in a log.
func (r *reader) seq() uint64 {
	v := r.uvarint()
	if v > maxSeq {
		r.fail(ErrTooLarge)
		return 0
	}
	return v
}

// ids reads a counted list of sorted, distinct op ids.
func (r *reader) ids(limit uint64) []OpID {
	n := int(r.length(limit))
	if r.err != nil || n*len(OpID{}) > len(r.b) {
		r.fail(ErrMalformed)
		return nil
	}
	if n == 0 {
		return nil
	}
	ids := make([]OpID, n)
	for i := range ids {
		r.fill(ids[i][:])
		if i > 0 && CompareIDs(ids[i-1], ids[i]) >= 0 {
			r.fail(ErrMalformed)
			return nil
		}
	}
	return ids
}

// version reads the first byte and answers its flags.
func (r *reader) version() byte {
	b := r.byte()
	if r.err != nil {
		return 0
	}
	if b>>4 != Version {
		r.fail(ErrVersion)
		return 0
	}
	if b&0x0f&^flagsKnown != 0 {
		r.fail(ErrMalformed)
		return 0
	}
	return b & 0x0f
}

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
