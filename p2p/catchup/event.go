package catchup

import "hallway/crdt"

// EventKind says what an Event tells.
type EventKind uint8

// The events of a session.
const (
	// EventHolds: the peer holds Log from Lo up to Hi.
	EventHolds EventKind = 1
	// EventEqual: at this moment the peer holds of Scope exactly what this copy holds.
	EventEqual EventKind = 2
	// EventSettled: all that the peer offered of Scope has been fetched, as far as it could be taken.
	EventSettled EventKind = 3
	// EventTwin: a peer saw two live processes with one device's identity; one of them is us (a copied data directory).
	EventTwin EventKind = 4
	// EventHello: the peer's Hello is here; Instance is its store.
	EventHello EventKind = 5
)

// Event is news for message states, completeness and the interface (protocol 7; ux). Only what the peer says of its own
// holdings is in it.
type Event struct {
	Kind     EventKind
	Scope    crdt.ScopeID
	Log      crdt.LogID
	Lo, Hi   uint64
	Instance InstanceID
}

// Progress is how far the fetching of one scope from this peer has come.
type Progress struct {
	Scope     crdt.ScopeID
	Have      uint64 // ops that came since the fetching began and are durable
	Want      uint64 // ops that the peer has and we lack, in flight ones included
	BytesLeft uint64 // an estimate from what came so far
	Recent    bool   // the newest part is here; what is left is older history
}
