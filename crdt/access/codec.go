package access

import (
	"encoding/binary"
	"fmt"

	"hallway/crdt"
)

// codec walks the fields of a body in their one order, writing or reading them. A body has one walk for both, so that
// what is written and what is accepted cannot drift apart, and each value has one encoding.
type codec struct {
	out     []byte
	in      []byte
	reading bool
	err     error
}

func (c *codec) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.in = nil
}

func (c *codec) take(n int) []byte {
	if c.err != nil || n > len(c.in) {
		c.fail(crdt.ErrMalformed)
		return nil
	}
	p := c.in[:n]
	c.in = c.in[n:]
	return p
}

// fixed is a field of known length.
func (c *codec) fixed(p []byte) {
	if c.reading {
		copy(p, c.take(len(p)))
		return
	}
	c.out = append(c.out, p...)
}

// number is a minimal uvarint of at most limit.
func (c *codec) number(p *uint64, limit uint64) {
	if !c.reading {
		c.out = binary.AppendUvarint(c.out, *p)
		if *p > limit {
			c.fail(crdt.ErrTooLarge)
		}
		return
	}
	v, n := binary.Uvarint(c.in)
	if c.err != nil || n <= 0 || n > 1 && c.in[n-1] == 0 {
		c.fail(crdt.ErrMalformed)
		return
	}
	c.in = c.in[n:]
	if v > limit {
		c.fail(crdt.ErrTooLarge)
		return
	}
	*p = v
}

// small is a number kept in one of the byte-sized types.
func small[T ~uint8 | ~uint16 | ~uint32](c *codec, p *T, limit uint64) {
	v := uint64(*p)
	c.number(&v, limit)
	*p = T(v)
}

func (c *codec) hlc(p *crdt.HLC) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(*p))
	c.fixed(b[:])
	*p = crdt.HLC(binary.BigEndian.Uint64(b[:]))
}

func (c *codec) flag(p *bool) {
	var v uint64
	if *p {
		v = 1
	}
	c.number(&v, 1)
	*p = v == 1
}

// bytes is a counted byte string of at most limit bytes; reading copies it.
func (c *codec) bytes(p *[]byte, limit int) {
	n := uint64(len(*p))
	c.number(&n, uint64(limit))
	if !c.reading {
		c.out = append(c.out, *p...)
		return
	}
	*p = nil
	if n > 0 {
		*p = append([]byte(nil), c.take(int(n))...)
	}
}

func (c *codec) text(p *string, limit int) {
	b := []byte(*p)
	c.bytes(&b, limit)
	*p = string(b)
}

// list is a counted list of at most limit items, each at least size bytes long, so that a count alone never makes
// anything be allocated.
func list[T any](c *codec, p *[]T, limit, size int, item func(*codec, *T)) {
	n := uint64(len(*p))
	c.number(&n, uint64(limit))
	if c.reading {
		*p = nil
		if c.err != nil || int(n)*size > len(c.in) {
			c.fail(crdt.ErrMalformed)
			return
		}
		if n > 0 {
			*p = make([]T, n)
		}
	}
	for i := range *p {
		item(c, &(*p)[i])
	}
}

// require refuses a value that has another, canonical form or that makes no sense.
func (c *codec) require(ok bool) {
	if !ok {
		c.fail(crdt.ErrMalformed)
	}
}

// encode appends what walk writes. A value over its limits encodes to something that decode refuses.
func encode(b []byte, walk func(*codec)) []byte {
	c := codec{out: b}
	walk(&c)
	return c.out
}

func decode(what string, b []byte, walk func(*codec)) error {
	c := codec{in: b, reading: true}
	walk(&c)
	if c.err == nil && len(c.in) > 0 {
		c.err = crdt.ErrMalformed
	}
	if c.err != nil {
		return fmt.Errorf("read %s: %w", what, c.err)
	}
	return nil
}
