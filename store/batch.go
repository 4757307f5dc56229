package store

import (
	"encoding/binary"
	"fmt"

	"hallway/crdt"
)

// PutMeta notes something about the store or the replica.
func (b *Batch) PutMeta(name string, value []byte) { b.put(keyOf(spaceMeta, []byte(name)), value) }

// PutScope gives a scope its number; note is the owner's.
func (b *Batch) PutScope(n ScopeNum, id crdt.ScopeID, note []byte) {
	b.put(key32(spaceScope, uint32(n)), keyOf(id[0], id[1:], note))
}

// PutLog gives a log its number and says what it is; the bytes are the replica's.
func (b *Batch) PutLog(n LogNum, what []byte) { b.put(key32(spaceLog, uint32(n)), what) }

// PutState says what of a log is here; the bytes are the replica's.
func (b *Batch) PutState(n LogNum, state []byte) { b.put(key32(spaceState, uint32(n)), state) }

// OpCost is about what PutOp takes of a batch, in keys and bytes.
func OpCost(op *crdt.Op) (keys, bytes int) {
	return 5, 400 + len(op.Payload) + 32*(len(op.Deps)+len(op.Heads))
}

// PutOp stores a new op: at its place, under its id, and as the arrival lsn of its scope. Its heads, where it has them,
// are stored by their digest and not beside it.
func (b *Batch) PutOp(s ScopeNum, p Place, lsn uint64, id crdt.OpID, op *crdt.Op) {
	b.ReplaceOp(p, lsn, op)
	place := p.append(nil)
	b.put(idKey(id), place)
	b.put(arrivalKey(lsn), place)
	b.put(feedKey(s, lsn), place)
	if len(op.Heads) > 0 {
		b.PutHeads(op.Auth, op.Heads)
	}
}

// ReplaceOp stores another form of an op that is here: with its payload dropped, say, or a signature gained. The
// arrival number stays.
func (b *Batch) ReplaceOp(p Place, lsn uint64, op *crdt.Op) {
	bare := *op
	bare.Heads = nil
	b.put(opKey(p), crdt.AppendOp(binary.AppendUvarint(nil, lsn), &bare, false))
}

// DropOp takes an op out again: one of a branch that is not kept.
func (b *Batch) DropOp(s ScopeNum, p Place, lsn uint64, id crdt.OpID) {
	b.del(opKey(p))
	b.del(idKey(id))
	b.del(arrivalKey(lsn))
	b.del(feedKey(s, lsn))
}

// PutHeads notes which access heads a digest stands for. The caller has checked that it does.
func (b *Batch) PutHeads(ref crdt.AuthRef, heads []crdt.OpID) {
	v := make([]byte, 0, 32*len(heads))
	for _, h := range heads {
		v = append(v, h[:]...)
	}
	b.put(keyOf(spaceHeads, ref[:]), v)
}

// PutCursor notes how far a scope was fetched from the copy of a peer.
func (b *Batch) PutCursor(s crdt.ScopeID, peer InstanceID, value []byte) {
	b.put(cursorKey(s, peer[:]), value)
}

// PutSecret keeps ciphertext that the keyring made. The store's own encryption comes on top of it.
func (b *Batch) PutSecret(name string, ciphertext []byte) {
	b.put(keyOf(spaceSecret, []byte(name)), ciphertext)
}

// DropSecret forgets a secret's ciphertext; Compact takes it off the disk.
func (b *Batch) DropSecret(name string) { b.del(keyOf(spaceSecret, []byte(name))) }

// PutLocal notes something of this machine's own.
func (b *Batch) PutLocal(name string, value []byte) { b.put(keyOf(spaceLocal, []byte(name)), value) }

// DropLocal forgets it.
func (b *Batch) DropLocal(name string) { b.del(keyOf(spaceLocal, []byte(name))) }

// PutHeld keeps an op that is early; the bytes are the replica's.
func (b *Batch) PutHeld(hlc crdt.HLC, id crdt.OpID, value []byte) { b.put(heldKey(hlc, id), value) }

// DropHeld forgets it.
func (b *Batch) DropHeld(hlc crdt.HLC, id crdt.OpID) { b.del(heldKey(hlc, id)) }

// PutFork keeps the proof that the log was forked at seq.
func (b *Batch) PutFork(n LogNum, seq uint64, proof []byte) { b.put(forkKey(n, seq), proof) }

// PutErase notes that the op by asks for the payload of target to be dropped.
func (b *Batch) PutErase(target, by crdt.OpID) {
	b.put(keyOf(spaceErase, target[:], by[:]), nil)
}

// PutProof keeps the bare headers after an op, up to the one whose signature covers it, where they came as its proof
// alone. The caller has verified them.
func (b *Batch) PutProof(p Place, last *crdt.Op, tail []crdt.Op) error {
	bare := *last
	bare.Heads, bare.Sig = nil, nil
	if bare.PayloadLen > 0 {
		bare.Payload = nil
	}
	v, err := (&crdt.Segment{Ops: []crdt.Op{bare}, Tail: tail}).Append(nil)
	if err != nil {
		return fmt.Errorf("keep proof: %w", err)
	}
	b.put(p.append([]byte{spaceProof}), v)
	return nil
}
