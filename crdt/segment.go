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
	Tail []Op // at most MaxSegment-1, without payloads
}

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
		b = w.append(b, &s.Tail[i])
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
	if len(s.Ops) == 0 || len(s.Ops) > MaxSegment || len(s.Tail) >= MaxSegment {
		return fmt.Errorf("%d ops and a tail of %d: %w", len(s.Ops), len(s.Tail), ErrTooLarge)
	}
	var prev *Op
	for _, part := range [][]Op{s.Ops, s.Tail} {
		for i := range part {
			op := &part[i]
			if err := op.check(); err != nil {
				return err
			}
			if prev != nil && !follows(&prev.Header, &op.Header) {
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
	return nil
}

// follows reports whether b is the next op after a in the same log.
func follows(a, b *Header) bool {
	return b.Log == a.Log && b.Device == a.Device && b.Seq == a.Seq+1 && b.HLC >= a.HLC && b.Prev == a.ID()
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
	at.Seq = r.uvarint()
	if at.Seq > 0 {
		r.fill(at.Prev[:])
	}
	n, tail := int(r.length(MaxSegment)), int(r.length(MaxSegment-1))
	if n == 0 {
		r.fail(ErrMalformed)
	}
	s := &Segment{}
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
			if op.Payload != nil && op.PayloadLen > 0 {
				r.fail(ErrMalformed)
			}
		}
		at.Seq, at.Prev = op.Seq+1, op.Header.ID()
	}
	if err := r.done("segment"); err != nil {
		return nil, err
	}
	return s, nil
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

func (st *segmentState) readHLC(r *reader) HLC {
	ms, count := r.uvarint(), r.uvarint()
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
