package chat

import (
	"hallway/crdt"
	"hallway/crdt/access"
)

// Open is what an admitted content op says, from the inner bytes that seal found in it. Only seal calls it. The result
// keeps inner.
func Open(adm access.Admitted, inner []byte) (Opened, error) { return open(originOf(adm), inner) }

// OpenRedact is what an admitted Redact says; its payload was never sealed. One that breaks its form names nothing.
func OpenRedact(adm access.Admitted) Opened {
	op := adm.Verified().Op()
	if op.Type != crdt.TypeRedact || !op.HasPayload() {
		return ErasedOp(adm)
	}
	return openRedact(originOf(adm), op.Payload)
}

// BrokenOp stands for an admitted content op that nobody can open: its author sealed it otherwise than its header says,
// or sealed nothing that is an envelope. It says nothing, as a kind that is not known, and can be deleted as such.
func BrokenOp(adm access.Admitted) Opened {
	return Opened{origin: originOf(adm), state: StateOpen, body: new(Unknown)}
}

// LockedOp stands for an admitted content op whose key is not here yet.
func LockedOp(adm access.Admitted) Opened { return Opened{origin: originOf(adm), state: StateLocked} }

// ErasedOp stands for an admitted content op whose payload is not here: erased, or never fetched.
func ErasedOp(adm access.Admitted) Opened { return Opened{origin: originOf(adm), state: StateErased} }

func originOf(adm access.Admitted) Origin {
	v := adm.Verified()
	op := v.Op()
	return Origin{
		ID: v.ID(), Scope: adm.Scope(), User: adm.User(), Device: op.Device, Log: op.Log, Seq: op.Seq, HLC: op.HLC,
		Moderates: adm.Moderates(), Imports: adm.Imports(),
	}
}
