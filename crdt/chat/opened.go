package chat

import (
	"bytes"
	"cmp"
	"fmt"

	"hallway/crdt"
	"hallway/crdt/access"
)

// Origin is where an op comes from: what of its header and of its author's rights the fold goes by. All of it is fixed
// once the op is admitted.
type Origin struct {
	ID     crdt.OpID
	Scope  crdt.ScopeID
	User   access.UserID
	Device crdt.DeviceRef
	Log    crdt.LogID
	Seq    uint64
	HLC    crdt.HLC
	// Moderates says that the author might delete what others wrote in this scope, and Imports that he might bring
	// history in, in the past that the op names.
	Moderates, Imports bool
}

// Compare orders by (hlc, id): the order of display, and that of causality, since an op's clock is never below those
// it had seen (protocol 3.4).
func (o *Origin) Compare(b *Origin) int {
	if c := cmp.Compare(o.HLC, b.HLC); c != 0 {
		return c
	}
	return bytes.Compare(o.ID[:], b.ID[:])
}

// Opened is a content op that this copy could open, or of which it knows why it cannot. Only the constructors of this
// package make one, from an op that access admitted, and only seal calls Open.
type Opened struct {
	origin Origin
	state  State
	deps   []Dep
	body   Body
	inner  []byte
	redact crdt.RedactBody
}

// State is how much of an op is here.
type State uint8

// The states of an op.
const (
	StateOpen   State = 1 // Body is here
	StateLocked State = 2 // sealed under a key that is not here yet
	StateErased State = 3 // its payload is gone, or not here yet
	StateRedact State = 4 // Redact is here; it was never sealed
)

// Origin is where the op comes from.
func (o *Opened) Origin() Origin { return o.origin }

// State is how much of it is here.
func (o *Opened) State() State { return o.state }

// Body is what it says; nil unless the state is StateOpen. It must not be changed.
func (o *Opened) Body() Body { return o.body }

// Inner is the encoding that Body and Deps were read from. It must not be changed.
func (o *Opened) Inner() []byte { return o.inner }

// Deps is what its author had seen.
func (o *Opened) Deps() []Dep { return o.deps }

// Redact names what it deletes; empty unless the state is StateRedact.
func (o *Opened) Redact() crdt.RedactBody { return o.redact }

func open(from Origin, inner []byte) (Opened, error) {
	e, err := ParseEnvelope(inner)
	if err != nil {
		return Opened{}, fmt.Errorf("open %s: %w", from.ID, err)
	}
	return Opened{origin: from, state: StateOpen, deps: e.Deps, body: e.Body, inner: inner}, nil
}

func openRedact(from Origin, payload []byte) Opened {
	r, err := crdt.ParseRedactBody(payload)
	if err != nil {
		r = crdt.RedactBody{} // an author's nonsense deletes nothing
	}
	return Opened{origin: from, state: StateRedact, redact: r}
}
