package crdt

import (
	"encoding/binary"
	"fmt"
)

// Segment is a run of consecutive ops of one log as catch-up carries it (SPEC 7): what they share stands once, and ids
// follow from the chain. Tail holds bare headers after Ops, up to the one whose signature covers them all; they are
// proof, not cargo, and are not stored as ops.
type Segment struct {
	Ops  []Op // 1 to MaxSegment
	Tail []Op // at most MaxSegment-1, without payloads; only the last one's signature is written, and no heads
}

// minSegmentOp is the least that one op takes in a segment: flags, mode, type, two clock deltas and a payload length of
// zero. It bounds what a count may make the reader allocate.
const minSegmentOp = 6

// Append appends the segment's encoding, or reports what cannot be encoded: ops that do not form a chain, a clock that
// goes back, a tail with payloads, sizes over the limits.
func (s *Segment) Append(b []byte) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("write segment: %w", err)
	}
	first := &s.Ops[0]
	b = append(b, Version<<4)
	b = append(b, first.Device[:]...)
	b = append(b, first.Log[:]...)
	b = binary.AppendUvarint(b, first.Seq)
	if first.Seq > 0 {
		b = append(b, first.Prev[:]...)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Ops)))
	b = binary.AppendUvarint(b, uint64(len(s.Tail)))
	w := segmentState{}
	for i := range s.Ops {
		b = w.append(b, &s.Ops[i])
	}
	for i := range s.Tail {
		bare := s.Tail[i]
		bare.Heads = nil
		if i < len(s.Tail)-1 {
			bare.Sig = nil
		}
		b = w.append(b, &bare)
	}
	return b, nil
}

// segmentState is what each op of a segment is written relative to.
type segmentState struct {
	started bool
	hlc     HLC
	auth    AuthRef
	epochs  []EpochID
}

func (w *segmentState) append(b []byte, op *Op) []byte {
	same := w.started && op.Auth == w.auth
	b = append(b, op.flags(), op.mode(same), byte(op.Type))
	ms, last := uint64(op.HLC>>16), uint64(w.hlc>>16)
	count := uint64(op.HLC & 0xffff)
	b = binary.AppendUvarint(b, ms-last)
	if ms == last {
		count -= uint64(w.hlc & 0xffff)
	}
	b = binary.AppendUvarint(b, count)
	if !op.Epoch.IsZero() {
		b = w.appendEpoch(b, op.Epoch)
	}
	w.started, w.hlc, w.auth = true, op.HLC, op.Auth
	return op.appendRest(b, same)
}

// appendEpoch writes an epoch's place in the segment's own table, and the epoch itself where it is new there.
func (w *segmentState) appendEpoch(b []byte, e EpochID) []byte {
	for i, known := range w.epochs {
		if known == e {
			return binary.AppendUvarint(b, uint64(i))
		}
	}
	b = binary.AppendUvarint(b, uint64(len(w.epochs)))
	w.epochs = append(w.epochs, e)
	return append(b, e[:]...)
}

func (s *Segment) check() error {
	if len(s.Ops) == 0 {
		return fmt.Errorf("no ops: %w", ErrMalformed)
	}
	if len(s.Ops) > MaxSegment || len(s.Tail) >= MaxSegment {
		return fmt.Errorf("%d ops and a tail of %d: %w", len(s.Ops), len(s.Tail), ErrTooLarge)
	}
	var prev *Op
	for _, part := range [][]Op{s.Ops, s.Tail} {
		for i := range part {
			op := &part[i]
			if err := op.check(); err != nil {
				return err
			}
			if prev != nil && !op.Header.Follows(&prev.Header) {
				return fmt.Errorf("op %d does not follow the one before: %w", op.Seq, ErrMalformed)
			}
			prev = op
		}
	}
	for i := range s.Tail {
		if s.Tail[i].Payload != nil && s.Tail[i].PayloadLen > 0 {
			return fmt.Errorf("payload in a tail: %w", ErrMalformed)
		}
	}
	if t := len(s.Tail); t > 0 && s.Tail[t-1].Sig == nil {
		return fmt.Errorf("tail without a signature: %w", ErrMalformed)
	}
	return nil
}

// ParseSegment reads one segment, all of b. The result shares no memory with b.
func ParseSegment(b []byte) (*Segment, error) {
	r := reader{b: b}
	if r.version() != 0 {
		r.fail(ErrMalformed)
	}
	var at Header
	r.fill(at.Device[:])
	r.fill(at.Log[:])
	at.Seq = r.seq()
	if at.Seq > 0 {
		r.fill(at.Prev[:])
	}
	n, tail := int(r.length(MaxSegment)), int(r.length(MaxSegment-1))
	if n == 0 {
		r.fail(ErrMalformed)
	}
	s := &Segment{}
	if r.err == nil {
		s.Ops = make([]Op, 0, min(n, len(r.b)/minSegmentOp))
	}
	st := segmentState{}
	for i := 0; i < n+tail && r.err == nil; i++ {
		op := st.read(&r, at)
		if r.err != nil {
			break
		}
		if i < n {
			s.Ops = append(s.Ops, op)
		} else {
			s.Tail = append(s.Tail, op)
			r.checkTail(&op, i == n+tail-1)
		}
		at.Seq, at.Prev = op.Seq+1, op.Header.ID()
	}
	if err := r.done("segment"); err != nil {
		return nil, err
	}
	return s, nil
}

// checkTail refuses what is no part of the proof that a tail is.
func (r *reader) checkTail(op *Op, last bool) {
	if op.Payload != nil && op.PayloadLen > 0 || op.Heads != nil || last != (op.Sig != nil) {
		r.fail(ErrMalformed)
	}
}

func (st *segmentState) read(r *reader, at Header) Op {
	op := Op{Header: at}
	flags := r.byte()
	if flags&^flagsKnown != 0 {
		r.fail(ErrMalformed)
	}
	mode := r.mode()
	op.Type = Type(r.byte())
	op.HLC = st.readHLC(r)
	if flags&flagSealed != 0 {
		op.Epoch = st.readEpoch(r)
	}
	if mode&modeSameAuth != 0 {
		if !st.started {
			r.fail(ErrMalformed)
		}
		op.Auth = st.auth
	}
	r.rest(&op, mode, flags&flagDeps != 0)
	if st.started && mode&modeSameAuth == 0 && op.Auth == st.auth {
		r.fail(ErrMalformed) // there is one way to write it, and this is not it
	}
	r.checkHeader(&op.Header, flags)
	st.started, st.hlc, st.auth = true, op.HLC, op.Auth
	return op
}

// readHLC bounds what it read before it adds, lest a sum that wraps turn the clock back.
func (st *segmentState) readHLC(r *reader) HLC {
	ms, count := r.uvarint(), r.uvarint()
	if ms >= 1<<48 || count > 0xffff {
		r.fail(ErrMalformed)
	}
	if r.err != nil {
		return 0
	}
	if ms == 0 {
		count += uint64(st.hlc & 0xffff)
	}
	ms += uint64(st.hlc >> 16)
	if ms >= 1<<48 || count > 0xffff {
		r.fail(ErrMalformed)
		return 0
	}
	return HLC(ms<<16 | count)
}

func (st *segmentState) readEpoch(r *reader) EpochID {
	i := r.uvarint()
	switch {
	case r.err != nil || i > uint64(len(st.epochs)):
		r.fail(ErrMalformed)
		return EpochID{}
	case i < uint64(len(st.epochs)):
		return st.epochs[i]
	}
	var e EpochID
	r.fill(e[:])
	for _, known := range st.epochs {
		if known == e {
			r.fail(ErrMalformed)
		}
	}
	st.epochs = append(st.epochs, e)
	return e
}
