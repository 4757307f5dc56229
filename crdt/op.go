package crdt

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Op is one operation as it is held, written or parsed. Nothing about an Op has been checked but its form: Verified is
// the one that a signature covers.
type Op struct {
	Header
	Payload []byte     // nil where it was erased, or never fetched
	Sig     *Signature // nil where the op is covered by a later one's
	Heads   []OpID     // the access heads that Auth stands for, where they travel beside the op; else nil
}

// HasPayload reports whether the payload is here. An empty payload always is.
func (op *Op) HasPayload() bool { return op.Payload != nil || op.PayloadLen == 0 }

// mode byte of an op on the wire
const (
	modePayload  = 1 << 0 // the payload follows; else its hash
	modeSig      = 1 << 1
	modeSameAuth = 1 << 2 // Auth equals that of the op before it in the log
	modeHeads    = 1 << 3
	modesKnown   = modePayload | modeSig | modeSameAuth | modeHeads
)

func (op *Op) mode(sameAuth bool) byte {
	var m byte
	if op.HasPayload() {
		m |= modePayload
	}
	if op.Sig != nil {
		m |= modeSig
	}
	if sameAuth {
		m |= modeSameAuth
	} else if len(op.Heads) > 0 {
		m |= modeHeads
	}
	return m
}

// check reports what neither a segment nor a frame may carry.
func (op *Op) check() error {
	if err := op.Header.Check(); err != nil {
		return err
	}
	if op.HasPayload() && (len(op.Payload) != int(op.PayloadLen) || HashPayload(op.Payload) != op.PayloadHash) {
		return fmt.Errorf("payload is not the one that the header names: %w", ErrMalformed)
	}
	if len(op.Heads) > MaxHeads {
		return fmt.Errorf("%d heads: %w", len(op.Heads), ErrTooLarge)
	}
	if len(op.Heads) > 0 && (!ascending(op.Heads) || HeadsDigest(op.Heads) != op.Auth) {
		return fmt.Errorf("heads are not the ones that the header names: %w", ErrMalformed)
	}
	return nil
}

// AppendOp appends one op as it travels live (SPEC 6). sameAuth leaves Auth out: the caller knows that it equals that of
// the op before it in the log, and so will the reader, from his copy of that op. The first op of a log has none before it
// and keeps its Auth all the same. What is appended can be read only where the op is well formed, as every Verified is.
func AppendOp(b []byte, op *Op, sameAuth bool) []byte {
	sameAuth = sameAuth && op.Seq > 0
	b = append(b, Version<<4|op.flags(), op.mode(sameAuth), byte(op.Type))
	b = append(b, op.Device[:]...)
	b = append(b, op.Log[:]...)
	b = binary.AppendUvarint(b, op.Seq)
	if op.Seq > 0 {
		b = append(b, op.Prev[:]...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(op.HLC))
	if !op.Epoch.IsZero() {
		b = append(b, op.Epoch[:]...)
	}
	return op.appendRest(b, sameAuth)
}

// appendRest appends what a frame and a segment write alike, from Auth on.
func (op *Op) appendRest(b []byte, sameAuth bool) []byte {
	if !sameAuth {
		b = append(b, op.Auth[:]...)
	}
	if op.Type.Class() == ClassAccess {
		b = appendIDs(b, op.Deps)
	}
	b = binary.AppendUvarint(b, uint64(op.PayloadLen))
	if !op.HasPayload() {
		b = append(b, op.PayloadHash[:]...)
	}
	if op.Sig != nil {
		b = append(b, op.Sig[:]...)
	}
	if !sameAuth && len(op.Heads) > 0 {
		b = appendIDs(b, op.Heads)
	}
	return append(b, op.Payload...)
}

func appendIDs(b []byte, ids []OpID) []byte {
	b = binary.AppendUvarint(b, uint64(len(ids)))
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return b
}

// LiveFrame is an op as it arrived live, perhaps without its Auth.
type LiveFrame struct {
	op       Op
	sameAuth bool
}

// ParseOp reads one op as it travels live, all of b. The result shares no memory with b.
func ParseOp(b []byte) (LiveFrame, error) {
	r := reader{b: b}
	flags := r.version()
	mode := r.mode()
	f := LiveFrame{sameAuth: mode&modeSameAuth != 0}
	op := &f.op
	op.Type = Type(r.byte())
	r.fill(op.Device[:])
	r.fill(op.Log[:])
	op.Seq = r.seq()
	if op.Seq > 0 {
		r.fill(op.Prev[:])
	}
	op.HLC = HLC(r.uint64())
	if flags&flagSealed != 0 {
		r.fill(op.Epoch[:])
	}
	if op.Seq == 0 && f.sameAuth {
		r.fail(ErrMalformed)
	}
	r.rest(op, mode, flags&flagDeps != 0)
	r.checkHeader(&op.Header, flags)
	if err := r.done("op"); err != nil {
		return LiveFrame{}, err
	}
	return f, nil
}

// NeedsPrev reports whether Auth was left out, so that Complete wants that of the op before.
func (f *LiveFrame) NeedsPrev() bool { return f.sameAuth }

// Peek shows the op as it stands; its Auth is zero where NeedsPrev says so. It is for choosing a scope and a key.
func (f *LiveFrame) Peek() *Op { return &f.op }

// Complete is the op, with Auth taken from prevAuth where it was left out.
func (f *LiveFrame) Complete(prevAuth AuthRef) Op {
	op := f.op
	if f.sameAuth {
		op.Auth = prevAuth
	}
	return op
}

func (r *reader) mode() byte {
	m := r.byte()
	if r.err == nil && (m&^modesKnown != 0 || m&modeSameAuth != 0 && m&modeHeads != 0) {
		r.fail(ErrMalformed)
	}
	return m
}

// rest reads what appendRest wrote.
func (r *reader) rest(op *Op, mode byte, deps bool) {
	if mode&modeSameAuth == 0 {
		r.fill(op.Auth[:])
	}
	if deps {
		op.Deps = r.ids(MaxDeps)
	}
	op.PayloadLen = r.length(MaxPayload)
	if mode&modePayload == 0 {
		if op.PayloadLen == 0 {
			r.fail(ErrMalformed) // an empty payload is always here
		}
		r.fill(op.PayloadHash[:])
	}
	if mode&modeSig != 0 {
		op.Sig = new(Signature)
		r.fill(op.Sig[:])
	}
	if mode&modeHeads != 0 {
		op.Heads = r.ids(MaxHeads)
		if r.err == nil && (len(op.Heads) == 0 || HeadsDigest(op.Heads) != op.Auth) {
			r.fail(ErrMalformed)
		}
	}
	if mode&modePayload != 0 {
		op.Payload = slices.Clone(r.take(int(op.PayloadLen)))
		if r.err == nil {
			op.PayloadHash = HashPayload(op.Payload)
		}
	}
}
