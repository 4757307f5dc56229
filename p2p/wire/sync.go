package wire

import (
	"errors"
	"fmt"

	"hallway/crdt"
)

// SyncVersion is the version of the catch-up protocol that this code speaks (SYNC.md).
const SyncVersion = 1

// Limits of catch-up. Each holds before anything is allocated for what it limits.
const (
	MaxSyncFrame   = 128 << 10 // bytes of a frame, kind byte included; one op of the largest payload with its proof tail fits
	SyncBatch      = 64 << 10  // bytes that a batch aims at; only a single large op may exceed them
	SyncWindow     = 256 << 10 // bytes of batches that a receiver has granted at any time, at most
	MaxSyncMarks   = 512       // items of a Match or Marks
	MaxSyncEntries = 512       // entries of a Delta, or of one node of a Walk
	MaxSyncNodes   = 512       // nodes of a Walk
	MaxSyncRanges  = 256       // ranges of a Want
	MaxSyncItems   = 256       // items of a Batch
	MaxSyncSpans   = 1000      // logs of a Spans
	MaxSyncAcks    = 512       // items of an Ack
	MaxSyncDepth   = 2 * len(crdt.LogID{})
	maxSyncSeq     = 1 << 48
)

// ErrSyncMalformed is returned for bytes that are not the canonical encoding of a catch-up message.
var ErrSyncMalformed = errors.New("malformed sync message")

// SyncKind is the first byte of a frame.
type SyncKind byte

// The kinds of messages. Others are skipped: they are a later version's.
const (
	SyncKindHello    SyncKind = 1
	SyncKindMatch    SyncKind = 2
	SyncKindRoots    SyncKind = 3
	SyncKindMarks    SyncKind = 4
	SyncKindOpen     SyncKind = 5
	SyncKindDelta    SyncKind = 6
	SyncKindWalk     SyncKind = 7
	SyncKindRecent   SyncKind = 8
	SyncKindSpans    SyncKind = 9
	SyncKindWant     SyncKind = 10
	SyncKindBatch    SyncKind = 11
	SyncKindCredit   SyncKind = 12
	SyncKindAck      SyncKind = 13
	SyncKindFork     SyncKind = 14
	SyncKindBranches SyncKind = 15
	SyncKindClosed   SyncKind = 16
	SyncKindTwin     SyncKind = 17
)

// SyncHash is a hash as catch-up carries it: the first 16 bytes of a SHA-256, or the first 16 of an op id. 8 would do
// against accidents; 16 are there against insiders who grind (protocol 7.4).
type SyncHash [16]byte

// SyncTag is what a scope is recognised by without being named (protocol 3.1).
type SyncTag [16]byte

// InstanceID names one store: 16 random bytes, drawn when the store is created (protocol 7.2).
type InstanceID [16]byte

// SyncEntry is what a copy holds of one log: the topmost unbroken run of ops, and the hash at its end.
type SyncEntry struct {
	Log    crdt.LogID
	Class  crdt.Class // which class of the device's logs it is; orders the fetching, proves nothing
	Forked bool       // more than one branch is held
	Lo, Hi uint64     // first and last seq of the topmost run, both held
	Head   SyncHash   // HeadOf the branches held
}

// SyncSpan is a run of seqs of one log, both ends included.
type SyncSpan struct{ From, To uint64 }

// SyncMessage is one message of catch-up.
type SyncMessage interface {
	syncKind() SyncKind
	appendTo(b []byte) []byte
}

// SyncHello opens a session. Of another version only Version is read.
type SyncHello struct {
	Version         byte
	Instance        InstanceID
	Nonce           [16]byte // fresh for the session
	Process         [8]byte  // drawn when the process started
	AccessHeads     uint64   // their number
	AccessDigest    SyncHash // start of crdt.HeadsDigest over them
	Shared, Private SyncHash // roots over the scopes that every member has, and over private ones that this peer may read
}

// SyncMark says where the sender stands in one scope.
type SyncMark struct {
	Ref  uint64   // number of the scope in the sender's announcements; in a Match the next free ones, not written
	Tag  SyncTag  // in a Match only
	Root SyncHash // of the scope's trie
	LSN  uint64   // the sender's arrival number at which Root was true
}

// SyncMatch announces scopes that the sender holds and that the receiver may read.
type SyncMatch struct{ Items []SyncMark }

// SyncMarks tells new roots of scopes announced before.
type SyncMarks struct{ Items []SyncMark }

// SyncRoots compares everything at once: the two roots of Hello, again. Reply answers one that was not a reply.
type SyncRoots struct {
	Reply           bool
	Shared, Private SyncHash
}

// SyncMode is what an Open asks for.
type SyncMode byte

// The modes of Open.
const (
	SyncProve SyncMode = 0 // nothing: the proof alone
	SyncSince SyncMode = 1 // a Delta of what changed after a cursor
	SyncTree  SyncMode = 2 // a walk of the two tries
)

// SyncOpen asks for the differences in a scope that the receiver announced, and proves that the sender holds its id.
type SyncOpen struct {
	Ref   uint64
	Proof SyncTag
	Mode  SyncMode
	After uint64 // the cursor; of SyncSince only
}

// SyncDelta lists what the sender holds of the logs that changed after the cursor.
type SyncDelta struct {
	Ref     uint64
	Upto    uint64 // the cursor for next time; below After where the sender's store was set back
	Last    bool
	Entries []SyncEntry
}

// SyncNodeKind says what a node of a Walk is.
type SyncNodeKind byte

// The kinds of nodes.
const (
	SyncInner SyncNodeKind = 0 // child hashes; every child that differs is answered by a node
	SyncLeaf  SyncNodeKind = 1 // all entries there; answered by a SyncList of those that differ
	SyncList  SyncNodeKind = 2 // entries; not answered
)

// SyncNode is a part of the sender's trie.
type SyncNode struct {
	Path    []byte // nibbles, one a byte
	Kind    SyncNodeKind
	Hashes  [16]SyncHash // of SyncInner; zero where the sender has nothing
	Entries []SyncEntry  // of the others
}

// SyncWalk is one step of a joint walk of the two tries.
type SyncWalk struct {
	Own      bool   // Ref counts in the sender's announcements, else in the receiver's: always those of who was asked
	Ref      uint64 //
	LSN      uint64 // the sender's arrival number when the walk began
	Answered uint64 // inner and leaf nodes of the receiver answered by now, in all
	Nodes    []SyncNode
}

// SyncRecent asks where in each log the newest Count ops of a scope begin.
type SyncRecent struct {
	Ref   uint64
	Count uint64
}

// SyncFrom is a log from a seq to its end.
type SyncFrom struct {
	Log  crdt.LogID
	From uint64
}

// SyncSpans answers SyncRecent.
type SyncSpans struct {
	Ref   uint64
	Spans []SyncFrom
}

// SyncRange is a run of a log that is wanted.
type SyncRange struct {
	Log      crdt.LogID
	From, To uint64
	Down     bool       // highest first
	Covered  bool       // the op after To is held or on its way: no proof tail needed at To
	Order    crdt.Class // access or keys: before all others, by arrival at the sender; else 0
	Branch   crdt.OpID  // of the op at To, where another branch than the main one is meant; else zero
}

// SyncWant asks for ranges of a scope. They are numbered from First.
type SyncWant struct {
	Ref    uint64
	First  uint64
	Ranges []SyncRange
}

// SyncItem is one segment that answers a range, or the news that there is no more.
type SyncItem struct {
	Want    uint64
	Last    bool   // nothing more will come for this range
	Segment []byte // crdt.Segment, or empty with Last
}

// SyncBatchMsg carries what was wanted, all of one scope.
type SyncBatchMsg struct {
	Ref   uint64
	Items []SyncItem
}

// SyncCredit allows Bytes more of batch frames.
type SyncCredit struct{ Bytes uint64 }

// SyncHold is what the sender holds of a log.
type SyncHold struct {
	Log    crdt.LogID
	Lo, Hi uint64
}

// SyncAck tells what the sender holds durably.
type SyncAck struct {
	Ref   uint64 // in the sender's announcements
	Items []SyncHold
}

// SyncFork asks for the branches of a log.
type SyncFork struct {
	Ref uint64
	Log crdt.LogID
}

// SyncBranch is the end of a branch.
type SyncBranch struct {
	Hi   uint64
	Head crdt.OpID
}

// SyncBranches answers SyncFork.
type SyncBranches struct {
	Ref   uint64
	Log   crdt.LogID
	Heads []SyncBranch
}

// SyncClosed says that a scope of the sender's announcements is served no more.
type SyncClosed struct{ Ref uint64 }

// SyncTwin says that the sender sees two live processes with the receiver's identity.
type SyncTwin struct{}

// SyncUnknown is a message of a kind that this version does not know.
type SyncUnknown struct{ Kind SyncKind }

// AppendSync appends the frame of a message: kind byte and body. The stream puts a length before it.
func AppendSync(b []byte, m SyncMessage) []byte { return m.appendTo(append(b, byte(m.syncKind()))) }

// ParseSync reads one frame, all of it. The result shares memory with the frame only in SyncItem.Segment. An unknown kind
// is no error.
func ParseSync(frame []byte) (SyncMessage, error) {
	if len(frame) == 0 || len(frame) > MaxSyncFrame {
		return nil, fmt.Errorf("sync frame of %d bytes: %w", len(frame), ErrSyncMalformed)
	}
	r := syncReader{b: frame[1:]}
	kind := SyncKind(frame[0])
	m := r.message(kind)
	if m == nil {
		return SyncUnknown{Kind: kind}, nil
	}
	if h, ok := m.(SyncHello); ok && r.err == nil && h.Version != SyncVersion {
		return h, nil
	}
	if err := r.done(); err != nil {
		return nil, fmt.Errorf("sync message %d: %w", kind, err)
	}
	return m, nil
}
