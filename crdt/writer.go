package crdt

import (
	"crypto/ed25519"
	"time"
)

// Tip is the end of a log as its writer knows it: what the next op is chained to.
type Tip struct {
	Log    LogID
	Device DeviceRef
	Seq    uint64 // of the next op
	Prev   OpID   // zero where Seq is 0
	HLC    HLC    // of the last op
}

// Next fixes the header of the log's next op but for its payload (SPEC 3, order of writing): seal then derives nonce
// and associated data from it, and Sign closes it. seen are the readings of the ops that the new one answers.
func (t Tip) Next(typ Type, now time.Time, epoch EpochID, auth AuthRef, deps []OpID, seen ...HLC) Header {
	h := Header{
		Type: typ, Device: t.Device, Log: t.Log, Seq: t.Seq, Prev: t.Prev,
		HLC: t.HLC.Next(now, seen...), Epoch: epoch, Auth: auth,
	}
	if len(deps) > 0 {
		h.Deps = SortHeads(deps)
	}
	return h
}

// Sign closes an op with its payload. The caller is the one writer of the log; it must store the op before it lets it
// go, and must never sign two ops with one seq.
func Sign(ws WorkspaceID, key ed25519.PrivateKey, h Header, payload []byte, heads []OpID) (Verified, error) {
	if payload == nil {
		payload = []byte{}
	}
	h.PayloadLen = uint32(min(len(payload), MaxPayload+1))
	h.PayloadHash = HashPayload(payload)
	op := &Op{Header: h, Payload: payload, Heads: SortHeads(heads)}
	if err := checkOwn(key.Public().(ed25519.PublicKey), op); err != nil {
		return Verified{}, err
	}
	sig := Signature(ed25519.Sign(key, signed(ws, &op.Header)))
	op.Sig = &sig
	return Verified{op: op, id: op.Header.ID()}, nil
}

// After is the tip once v has been written.
func (t Tip) After(v Verified) Tip {
	return Tip{Log: t.Log, Device: t.Device, Seq: v.op.Seq + 1, Prev: v.id, HLC: v.op.HLC}
}
