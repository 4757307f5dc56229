package wire

import "hallway/crdt"

// SyncVersion is the version of the catch-up protocol that this code speaks (SYNC.md).
const SyncVersion = 1

// SyncHash is a hash as catch-up carries it: the first 16 bytes of a SHA-256, or the first 16 of an op id. 8 would do
// against accidents; 16 are there against insiders who grind (protocol 7.4).
type SyncHash [16]byte

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
