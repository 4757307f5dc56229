package store

import (
	"encoding/binary"

	"hallway/crdt"
)

// The keyspace. Scopes and logs have small numbers of their own in each store, so that the key of an op is 12 bytes and
// that of an arrival 13.
const (
	spaceMeta    = 'm' // name -> bytes; what the store and the replica know of themselves
	spaceScope   = 's' // ScopeNum -> scope id, and what its owner notes beside it
	spaceLog     = 'l' // LogNum -> what the log is: scope, class, log id, sign key
	spaceState   = 'r' // LogNum -> what of the log is here
	spaceOp      = 'o' // Place -> lsn, op
	spaceID      = 'i' // first 16 bytes of an op id -> Place
	spaceArrival = 'f' // lsn -> Place
	spaceFeed    = 'g' // ScopeNum, lsn -> Place
	spaceHeads   = 'h' // AuthRef -> the access heads that it stands for
	spaceCursor  = 'c' // scope id, peer's store instance -> bytes
	spaceSecret  = 'x' // name -> ciphertext made by the keyring
	spaceLocal   = 'k' // name -> bytes; this machine's own: read state, drafts, addresses
	spaceHeld    = 'p' // hlc, id -> an op that is early
	spaceFork    = 'q' // LogNum, seq -> fork proof
	spaceProof   = 't' // Place -> the headers after that op, up to a signature, where they are not here as ops
	spaceErase   = 'e' // op id -> ids of the ops that ask for its payload to be dropped
)

// ScopeNum is a scope's number in this store.
type ScopeNum uint32

// LogNum is a log's number in this store.
type LogNum uint32

// Place is where an op lies. Branch is 0 in a log that its writer never forked.
type Place struct {
	Log    LogNum
	Seq    uint64 // below 1<<48
	Branch uint8
}

func (p Place) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(p.Log))
	b = append(b, byte(p.Seq>>40), byte(p.Seq>>32), byte(p.Seq>>24), byte(p.Seq>>16), byte(p.Seq>>8), byte(p.Seq))
	return append(b, p.Branch)
}

const placeLen = 11

func parsePlace(b []byte) (Place, bool) {
	if len(b) != placeLen {
		return Place{}, false
	}
	hi, lo := uint64(binary.BigEndian.Uint16(b[4:])), uint64(binary.BigEndian.Uint32(b[6:]))
	return Place{Log: LogNum(binary.BigEndian.Uint32(b)), Seq: hi<<32 | lo, Branch: b[10]}, true
}

func key32(space byte, n uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{space}, n)
}

func key64(space byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{space}, n)
}

func keyOf(space byte, parts ...[]byte) []byte {
	b := []byte{space}
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func opKey(p Place) []byte         { return p.append([]byte{spaceOp}) }
func idKey(id crdt.OpID) []byte    { return keyOf(spaceID, id[:16]) }
func arrivalKey(lsn uint64) []byte { return key64(spaceArrival, lsn) }

func feedKey(s ScopeNum, lsn uint64) []byte {
	return binary.BigEndian.AppendUint64(key32(spaceFeed, uint32(s)), lsn)
}

func forkKey(l LogNum, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(key32(spaceFork, uint32(l)), seq)
}

func heldKey(hlc crdt.HLC, id crdt.OpID) []byte {
	return append(key64(spaceHeld, uint64(hlc)), id[:16]...)
}

func cursorKey(s crdt.ScopeID, peer []byte) []byte { return keyOf(spaceCursor, s[:], peer) }

// Names of the store's own entries in spaceMeta. The replica's names begin with a small letter.
const metaInstance = "INSTANCE"
