// Package catchup brings two copies of a workspace together: what one holds and the other lacks, newest first,
// resumable, within credits that the receiver grants (protocol 7.2 to 7.9). It is a state machine: a Session makes and
// takes messages and asks a Replica what is held. There is no socket, goroutine or clock in it.
package catchup

import (
	"context"
	"errors"

	"hallway/crdt"
	"hallway/p2p/wire"
)

// PeerID is a peer's identity as the transport proved it: the bytes of a libp2p peer id.
type PeerID string

// Hash, InstanceID, Entry and Span are the wire's; they are named here because every Replica speaks them.
type (
	// Hash is the first 16 bytes of a SHA-256 or of an op id.
	Hash = wire.SyncHash
	// InstanceID names one store; see wire.InstanceID.
	InstanceID = wire.InstanceID
	// Entry is what a copy holds of one log.
	Entry = wire.SyncEntry
	// Span is a run of seqs, both ends included.
	Span = wire.SyncSpan
)

// Kind says which of the two roots of Hello a scope counts in.
type Kind uint8

// The kinds of scopes.
const (
	KindAccess  Kind = 1 // the access scope: always first, every member holds it
	KindPublic  Kind = 2 // a public channel: every member may read it
	KindPrivate Kind = 3 // a private channel or a direct message
)

// Scope is one scope that the Replica holds.
type Scope struct {
	ID   crdt.ScopeID
	Kind Kind
}

// Place is where an op stands in its copy: when it arrived, the clock it claims, and its id, by which a fork shows where
// the peer's branch is not the longer one.
type Place struct {
	LSN uint64 // local arrival number, from 1, growing over all scopes of the store
	HLC crdt.HLC
	ID  crdt.OpID
}

// Cut asks a Replica for one segment out of a log.
type Cut struct {
	Log      crdt.LogID
	From, To uint64 // both ends included, From <= To
	Bytes    int    // the segment should not exceed this once encoded; a single op always may
	// Down takes the highest ops of the range instead of the lowest. The cut then falls at the lower end, so that the
	// upper end stays where a signature is.
	Down bool
	// Covered says that the asker holds the op after To: no proof tail is needed at To (protocol 4, VerifyChain's Next).
	Covered bool
	// Branch, unless zero, is the id of the op at To on the branch that is meant. Zero means the main one: of several
	// branches that with the lowest id at the fork point.
	Branch crdt.OpID
}

// BranchHead is the end of one branch of a log. A log that was not forked has one.
type BranchHead struct {
	Hi   uint64
	Head crdt.OpID
}

// ForkAt reports a run that does not lie on what is held: the op at Seq names Prev, which is not the op held at Seq-1.
// The session answers by fetching the branch below, from Prev downward, until the two meet.
type ForkAt struct {
	Log  crdt.LogID
	Seq  uint64 // above 0
	Prev crdt.OpID
}

// Outcome is what became of one batch.
type Outcome struct {
	Stored  int // ops that are new here and are now durable
	Known   int // ops that were here already
	Pending int // ops that are held, bounded, until what they wait for is here
	Refused int // ops that were dropped for good
	Forks   []ForkAt
}

// ErrNotHeld is returned by Segment where nothing of the range is held.
var ErrNotHeld = errors.New("not held")

// Replica is a copy of a workspace as catch-up needs it; store/replica serves it. All methods but Ingest answer from
// one consistent state, without waiting for a commit, and may be called from any goroutine. A scope or log that is not
// held has an empty Trie, no spans, no place.
type Replica interface {
	// Instance names this store.
	Instance() InstanceID
	// AccessHeads are the heads of the workspace's access DAG.
	AccessHeads() []crdt.OpID
	// Scopes lists what is held and wanted in the order in which a person cares: the access scope first, then the open
	// channel, then by how recently somebody looked. It is asked again before every request, so it must be cheap.
	Scopes() []Scope
	// MayRead reports whether, in this copy's own view, the user of the peer's device may read the scope. It is asked
	// before every answer, so that a removal counts at once.
	MayRead(peer PeerID, scope crdt.ScopeID) bool

	// Trie is the scope's holdings, kept up to date with every commit: one Entry a log.
	Trie(scope crdt.ScopeID) Trie
	// LSN is the arrival number of the last durable op of the store.
	LSN() uint64
	// Changed lists the logs of the scope that gained or lost ops after arrival number lsn, with what is held of them
	// now, and the LSN up to which the list is true. After 0 it is every log.
	Changed(scope crdt.ScopeID, after uint64) (entries []Entry, upto uint64)
	// Held is what is held durably of a log's main branch: disjoint, ascending, not touching.
	Held(scope crdt.ScopeID, log crdt.LogID) []Span
	// Place tells where an op of the main branch stands; ok is false where it is not held.
	Place(scope crdt.ScopeID, log crdt.LogID, seq uint64) (p Place, ok bool)
	// Segment cuts consecutive held ops out of the range, at most crdt.MaxSegment, with the proof tail that makes them
	// verify alone. Of a range with holes it gives the highest (Down) or lowest unbroken run. The first op carries Heads
	// where they are known. Segments that run down should begin at a multiple of crdt.CheckEvery where they can.
	// ErrNotHeld where nothing of the range is here.
	Segment(scope crdt.ScopeID, cut Cut) (*crdt.Segment, error)
	// Branches lists the ends of all branches held, at most crdt.MaxBranch; nil where the log is not held.
	Branches(scope crdt.ScopeID, log crdt.LogID) []BranchHead
	// Holds reports whether this very op is here, on whatever branch, or is known and dropped for good (a branch beyond
	// crdt.MaxBranch).
	Holds(scope crdt.ScopeID, log crdt.LogID, seq uint64, id crdt.OpID) bool

	// Cursor is the peer store's arrival number up to which all of the scope is here; 0 where none is known.
	Cursor(peer InstanceID, scope crdt.ScopeID) uint64
	// SetCursor remembers it. It is called after what it stands for is durable. It need not be durable itself: a lost
	// cursor costs a longer list, never an op.
	SetCursor(peer InstanceID, scope crdt.ScopeID, lsn uint64)

	// Ingest verifies, admits and commits a batch, and returns when it is durable. The runner of the session calls it,
	// one batch after the other, and hands the result to Session.Committed. Segments of one log come in an order in which
	// each is covered by its own signature, its tail, or what came before. An error that wraps crdt.ErrNotAuthentic or
	// crdt.ErrMalformed is the peer's fault and ends the session; any other is ours and ends it too.
	Ingest(ctx context.Context, from PeerID, scope crdt.ScopeID, segs []*crdt.Segment) (Outcome, error)
}

// HeadOf is the Head of an Entry: of one branch the start of its head's id, of several a hash over all heads.
func HeadOf(heads []crdt.OpID) Hash {
	var h Hash
	switch len(heads) {
	case 0:
	case 1:
		copy(h[:], heads[0][:])
	default:
		d := crdt.HeadsDigest(heads)
		copy(h[:], d[:])
	}
	return h
}
