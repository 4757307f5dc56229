package chat

import (
	"bytes"
	"fmt"

	"hallway/crdt"
)

// Dep names an op that the author had seen, by the first 16 bytes of its id (protocol 3.2). It never blocks anything.
type Dep [16]byte

// DepOf is the short name of an op.
func DepOf(id crdt.OpID) Dep { return Dep(id[:16]) }

// Envelope is what is sealed into a content op: kind, what the author had seen, body.
type Envelope struct {
	Deps []Dep // sorted, without duplicates, at most MaxDeps
	Body Body
}

// Append appends the one encoding, or reports what may not be written.
func (e *Envelope) Append(b []byte) ([]byte, error) {
	start := len(b)
	out, err := encode("content", b, func(c *codec) {
		kind := uint64(e.Body.Kind())
		c.number(&kind, 255)
		c.require(kind > 0)
		if u, ok := e.Body.(*Unknown); ok {
			c.require(newBody(u.Of) == nil)
		}
		e.walk(c)
	})
	if err == nil && len(out)-start > MaxInner {
		err = fmt.Errorf("write content of %d bytes: %w", len(out)-start, ErrTooLarge)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ParseEnvelope reads one envelope, all of b. The result shares no memory with b.
func ParseEnvelope(b []byte) (Envelope, error) {
	var e Envelope
	if len(b) > MaxInner {
		return e, fmt.Errorf("read content of %d bytes: %w", len(b), ErrTooLarge)
	}
	err := decode("content", b, func(c *codec) {
		var kind uint64
		c.number(&kind, 255)
		c.require(kind > 0)
		if e.Body = newBody(Kind(kind)); e.Body == nil {
			e.Body = &Unknown{Of: Kind(kind)}
		}
		e.walk(c)
	})
	if err != nil {
		return Envelope{}, err
	}
	return e, nil
}

func (e *Envelope) walk(c *codec) {
	var last *Dep
	list(c, &e.Deps, MaxDeps, len(Dep{}), func(c *codec, d *Dep) {
		c.fixed(d[:])
		c.require(last == nil || bytes.Compare(last[:], d[:]) < 0)
		last = d
	})
	e.Body.walk(c)
}

func newBody(k Kind) Body {
	switch k {
	case KindMessage:
		return new(Message)
	case KindEdit:
		return new(Edit)
	case KindReact:
		return new(React)
	case KindPin:
		return new(Pin)
	case KindImported:
		return new(Imported)
	}
	return nil
}
