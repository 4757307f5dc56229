package chat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Errors of decoding and of bodies that must not be written.
var (
	ErrMalformed = errors.New("malformed body")         // not the canonical encoding of anything
	ErrTooLarge  = errors.New("over a size limit")      // refused before anything is allocated for it
	ErrInvalid   = errors.New("body that says nothing") // it could be encoded, but breaks a rule of its kind
)

// codec walks the fields of a body in their one order, writing or reading them, so that what is written and what is
// accepted cannot drift apart and each value has one encoding.
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
		c.fail(ErrMalformed)
		return nil
	}
	p := c.in[:n]
	c.in = c.in[n:]
	return p
}

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
			c.fail(ErrTooLarge)
		}
		return
	}
	v, n := binary.Uvarint(c.in)
	if c.err != nil || n <= 0 || n > 1 && c.in[n-1] == 0 {
		c.fail(ErrMalformed)
		return
	}
	c.in = c.in[n:]
	if v > limit {
		c.fail(ErrTooLarge)
		return
	}
	*p = v
}

func (c *codec) int(p *int, limit int) {
	var v uint64
	if !c.reading {
		c.require(*p >= 0)
		v = uint64(max(*p, 0))
	}
	c.number(&v, uint64(limit))
	*p = int(v)
}

func (c *codec) flag(p *bool) {
	v := 0
	if *p {
		v = 1
	}
	c.int(&v, 1)
	*p = v == 1
}

// bytes is a counted byte string of at most limit bytes; reading copies it.
func (c *codec) bytes(p *[]byte, limit int) {
	n := len(*p)
	c.int(&n, limit)
	if !c.reading {
		c.out = append(c.out, *p...)
		return
	}
	*p = nil
	if n > 0 && c.err == nil {
		*p = append([]byte(nil), c.take(n)...)
	}
}

// text is a counted UTF-8 string of min to limit bytes.
func (c *codec) text(p *string, min, limit int) {
	b := []byte(*p)
	if !c.reading && !utf8.Valid(b) {
		c.fail(ErrInvalid)
	}
	c.bytes(&b, limit)
	if c.reading && !utf8.Valid(b) {
		c.fail(ErrMalformed)
		b = nil
	}
	c.require(len(b) >= min)
	*p = string(b)
}

// list is a counted list of at most limit items, each at least size bytes long, so that a count alone never makes
// anything be allocated.
func list[T any](c *codec, p *[]T, limit, size int, item func(*codec, *T)) {
	n := len(*p)
	c.int(&n, limit)
	if c.reading {
		*p = nil
		if c.err != nil || n*size > len(c.in) {
			c.fail(ErrMalformed)
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
	switch {
	case ok:
	case c.reading:
		c.fail(ErrMalformed)
	default:
		c.fail(ErrInvalid)
	}
}

func encode(what string, b []byte, walk func(*codec)) ([]byte, error) {
	c := codec{out: b}
	walk(&c)
	if c.err != nil {
		return nil, fmt.Errorf("write %s: %w", what, c.err)
	}
	return c.out, nil
}

func decode(what string, b []byte, walk func(*codec)) error {
	c := codec{in: b, reading: true}
	walk(&c)
	if c.err == nil && len(c.in) > 0 {
		c.err = ErrMalformed
	}
	if c.err != nil {
		return fmt.Errorf("read %s: %w", what, c.err)
	}
	return nil
}
