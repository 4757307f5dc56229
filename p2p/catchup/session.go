package catchup

import (
	"errors"
	"time"

	"hallway/crdt"
)

// Errors that end a session. Each is wrapped with what happened.
var (
	ErrProtocol = errors.New("sync protocol violated")     // the peer sent what no honest peer sends
	ErrVersion  = errors.New("unknown sync version")       // the peer speaks another version
	ErrBadBatch = errors.New("batch that does not verify") // the peer could have checked what it served
	ErrReplica  = errors.New("local store failed in sync") // ours; the peer is not at fault
	ErrClosed   = errors.New("sync session is closed")     // a method was called after the end
)

// Options are what a session needs. All fields are required but Wake.
type Options struct {
	Replica Replica
	// Shared is the one value that all sessions of this node share.
	Shared *Coordinator
	// Self and Peer are the two ends of the connection as the transport proved them.
	Self, Peer PeerID
	// Nonce is fresh random for this session; Process was drawn once when this process started.
	Nonce   [16]byte
	Process [8]byte
	// Wake is called, from any goroutine, when another session freed what this one waits for: call Poll soon. It must
	// not block.
	Wake func()
}

// Work is a batch that arrived and wants to be committed: call Replica.Ingest with it, then Session.Committed.
type Work struct {
	Scope    crdt.ScopeID
	Segments []*crdt.Segment
	id       uint64
	bytes    int
	wants    []doneWant
}

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
	Have      uint64 // ops fetched and durable since the last time the scope was settled
	Want      uint64 // ops that the peer has and we lack, in flight ones included
	BytesLeft uint64 // an estimate from what came so far
	Recent    bool   // the newest part is complete; what is left is older history
}

// Session is one end of catch-up with one peer, for the life of a connection. Both ends run the same code: each serves
// and fetches. One goroutine owns it. The runner
//
//   - writes what Next answers, and asks again whenever the stream can take more (nothing is built before that, so a slow
//     reader costs no memory);
//   - hands every frame that it reads to Receive;
//   - takes Work, ingests it, and reports with Committed (several may be under way, in order);
//   - reads Events after each call;
//   - calls Refresh when rights changed, Stored when ops became durable, Kick on timers, Poll on Wake.
//
// After an error the session is dead and the connection should be dropped.
type Session struct {
	o Options
}

// NewSession is a session that has sent nothing yet; Next answers its Hello.
func NewSession(o Options) *Session { return &Session{o: o} }

// Receive takes one frame: kind byte and body, without the length that the stream put before it. Frames longer than
// wire.MaxSyncFrame must be refused before they are read.
func (s *Session) Receive(now time.Time, frame []byte) error { return nil }

// Next is the next frame to write, and false where there is nothing to say for now.
func (s *Session) Next() ([]byte, bool) { return nil, false }

// Work is the next batch to commit, and false where there is none.
func (s *Session) Work() (Work, bool) { return Work{}, false }

// Committed reports what Replica.Ingest answered for a batch. Credit is granted again only now.
func (s *Session) Committed(now time.Time, w Work, out Outcome, err error) error { return nil }

// Events answers and forgets what happened since the last call.
func (s *Session) Events() []Event { return nil }

// Kick compares roots (about 70 bytes both ways when equal) and fetches what differs: on timers, network change, resume
// from sleep (protocol 7.9). With audit, cursors are not trusted and the tries are walked.
func (s *Session) Kick(now time.Time, audit bool) {}

// Gap asks for seqs from..to of a log of which this peer forwarded a later op (protocol 7.8).
func (s *Session) Gap(now time.Time, scope crdt.ScopeID, log crdt.LogID, from, to uint64) {}

// Stored tells the peer that this copy now holds the log from lo to hi, durably. The runner calls it for the sessions that
// care: those with the author's devices, at once; others learn it by the next Kick.
func (s *Session) Stored(scope crdt.ScopeID, log crdt.LogID, lo, hi uint64) {}

// Refresh looks again at which scopes are held and who may read them; call it when access ops were applied.
func (s *Session) Refresh(now time.Time) {}

// Poll looks again for something to fetch; call it after Wake.
func (s *Session) Poll(now time.Time) {}

// SetBackfill says whether older history may be fetched now; on battery or a metered link it may not. It may at first.
func (s *Session) SetBackfill(allowed bool) {}

// Progress lists the scopes that are being fetched.
func (s *Session) Progress() []Progress { return nil }

// Idle reports that both ends had nothing to fetch or answer when last heard of.
func (s *Session) Idle() bool { return true }

// Close gives back what the session held in Shared. The session must not be used after.
func (s *Session) Close() {}
