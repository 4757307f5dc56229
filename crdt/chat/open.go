package chat

import (
	"hallway/crdt"
	"hallway/crdt/access"
)

// Open is what an admitted content op says, from the inner bytes that seal found in it. Only seal calls it. The result
// keeps inner.
func Open(adm access.Admitted, inner []byte) (Opened, error) { return open(originOf(adm), inner) }

// OpenRedact is what an admitted Redact says; its payload was never sealed.
func OpenRedact(adm access.Admitted) (Opened, error) {
	op := adm.Verified().Op()
	if op.Type != crdt.TypeRedact || !op.HasPayload() {
		return Opened{origin: originOf(adm), state: StateErased}, nil
	}
	return openRedact(originOf(adm), op.Payload)
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
