package catchup

import (
	"container/heap"
	"errors"
	"fmt"

	"hallway/crdt"
	"hallway/p2p/wire"
)

// serveState is what this side owes the peer.
type serveState struct {
	jobs       []job
	prove      []*offer // whose scopes we have to show that we hold
	ordered    wantHeap
	plain      []*wantIn
	current    *wantIn // out of the two above, being served
	peerCredit int     // bytes of batches that the peer lets us send
}

// job is an answer that is owed. It is made only when it can be sent.
type job interface {
	of() *offer
	next(s *Session) (m wire.SyncMessage, more bool)
}

func (s *Session) owe(j job) error {
	if len(s.jobs) >= maxJobs {
		return violation("too many questions at a time")
	}
	s.jobs = append(s.jobs, j)
	return nil
}

// sayProof shows that we hold a scope whose differences we learned without asking for them.
func (s *Session) sayProof() wire.SyncMessage {
	for len(s.prove) > 0 {
		o := s.prove[0]
		s.prove = s.prove[1:]
		if !o.proved && !o.closed {
			o.proved = true
			return wire.SyncOpen{Ref: o.ref, Proof: s.myTag(labelProof, o.scope), Mode: wire.SyncProve}
		}
	}
	return nil
}

// answer is the next part of what is owed.
func (s *Session) answer() wire.SyncMessage {
	for len(s.jobs) > 0 {
		j := s.jobs[0]
		if o, _ := s.served(j.of().ref, true); o == nil {
			s.jobs = s.jobs[1:]
			continue
		}
		m, more := j.next(s)
		if !more {
			s.jobs = s.jobs[1:]
		}
		return m
	}
	return nil
}

// wantIn is a range that the peer asked for.
type wantIn struct {
	id    uint64
	o     *offer
	rng   wire.SyncRange
	lsn   uint64 // of the next op, where ranges go by arrival
	ready []byte // the next segment, cut and not sent yet
	last  bool   // nothing comes after ready
}

// wantHeap holds the ranges of rights and keys: rights first, then by arrival here, in which each op comes after what it
// builds on.
type wantHeap []*wantIn

func (h wantHeap) Len() int { return len(h) }
func (h wantHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.rng.Order != b.rng.Order {
		return a.rng.Order < b.rng.Order
	}
	return a.lsn < b.lsn
}
func (h wantHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *wantHeap) Push(x any)   { *h = append(*h, x.(*wantIn)) }
func (h *wantHeap) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return w
}

func (s *Session) wantCount() int {
	n := len(s.ordered) + len(s.plain)
	if s.current != nil {
		n++
	}
	return n
}

// wanted takes a request for ranges.
func (s *Session) wanted(m wire.SyncWant) error {
	o, err := s.served(m.Ref, true)
	if o == nil || err != nil {
		return err
	}
	if s.wantCount()+len(m.Ranges) > maxWants {
		return violation("too many ranges at a time")
	}
	for i, rng := range m.Ranges {
		w := &wantIn{id: m.First + uint64(i), o: o, rng: rng}
		if rng.Order == 0 {
			s.plain = append(s.plain, w)
			continue
		}
		w.lsn = s.arrival(w)
		heap.Push(&s.ordered, w)
	}
	return nil
}

func (s *Session) arrival(w *wantIn) uint64 {
	p, _ := s.o.Replica.Place(w.o.scope, w.rng.Log, w.rng.From)
	return p.LSN
}

// dropWants forgets what the peer asked of a scope that it is not served any more.
func (s *Session) dropWants(o *offer) {
	plain := s.plain[:0]
	for _, w := range s.plain {
		if w.o != o {
			plain = append(plain, w)
		}
	}
	s.plain = plain
	var ordered wantHeap
	for _, w := range s.ordered {
		if w.o != o {
			ordered = append(ordered, w)
		}
	}
	heap.Init(&ordered)
	s.ordered = ordered
	if s.current != nil && s.current.o == o {
		s.current = nil
	}
}

func (s *Session) credited(m wire.SyncCredit) error {
	if m.Bytes > wire.SyncWindow || s.peerCredit+int(m.Bytes) > wire.SyncWindow {
		return violation("credit beyond the window")
	}
	s.peerCredit += int(m.Bytes)
	return nil
}

// head is the range to serve next. One of which a segment is cut and waits for credit stays in front, so that no more
// than one segment ever waits.
func (s *Session) head() *wantIn {
	switch {
	case s.current != nil:
	case len(s.ordered) > 0:
		s.current = heap.Pop(&s.ordered).(*wantIn)
	case len(s.plain) > 0:
		s.current = s.plain[0]
		s.plain[0] = nil
		s.plain = s.plain[1:]
	}
	return s.current
}

// itemRoom is what an item, and what the frame, take beside their segments.
const itemRoom = 24

// serve makes the next batch, within the peer's credit.
func (s *Session) serve() wire.SyncMessage {
	for s.peerCredit >= 2*itemRoom {
		w := s.head()
		if w == nil {
			return nil
		}
		if o, _ := s.served(w.o.ref, true); o == nil {
			if s.current == w {
				s.current = nil
			}
			if m := s.sayClosed(); m != nil {
				return m
			}
			continue
		}
		m := wire.SyncBatchMsg{Ref: w.o.ref}
		s.fill(&m, w.o)
		if len(m.Items) == 0 || s.err != nil {
			return nil
		}
		return m
	}
	return nil
}

// fill puts segments of one scope into a batch. A segment that alone exceeds what a batch aims at travels by itself.
func (s *Session) fill(m *wire.SyncBatchMsg, o *offer) {
	size, budget := itemRoom, min(wire.SyncBatch, s.peerCredit)
	for len(m.Items) < wire.MaxSyncItems {
		w := s.head()
		if w == nil || w.o != o {
			return
		}
		if w.ready == nil && !w.last {
			if budget-size < 1024 && len(m.Items) > 0 {
				return
			}
			if err := s.cut(w, max(budget-size, wire.SyncBatch/2)); err != nil {
				s.fail(err)
				return
			}
		}
		need := size + itemRoom + len(w.ready)
		if need > budget && (len(m.Items) > 0 || need > s.peerCredit) {
			return
		}
		size = need
		m.Items = append(m.Items, wire.SyncItem{Want: w.id, Last: w.last, Segment: w.ready})
		s.advance(w)
	}
}

// cut asks the replica for the next segment of a range and encodes it. Segments end at CheckEvery boundaries, where ops
// carry signatures, so that proof tails are rare.
func (s *Session) cut(w *wantIn, room int) error {
	if !s.clip(w) {
		w.last = true
		return nil
	}
	c := Cut{Log: w.rng.Log, From: w.rng.From, To: w.rng.To, Bytes: room, Down: w.rng.Down, Covered: w.rng.Covered, Branch: w.rng.Branch}
	if edge := c.From | (crdt.CheckEvery - 1); !c.Down && edge < c.To {
		c.To, c.Covered = edge, false
	}
	if c.Down {
		c.From = max(c.From, c.To&^(crdt.CheckEvery-1))
	}
	seg, err := s.o.Replica.Segment(w.o.scope, c)
	switch {
	case errors.Is(err, ErrNotHeld):
		w.last = true
		return nil
	case err != nil:
		return fmt.Errorf("cut a segment: %w: %w", ErrReplica, err)
	}
	if w.ready, err = seg.Append(nil); err != nil {
		return fmt.Errorf("write a segment: %w: %w", ErrReplica, err)
	}
	if len(w.ready) > wire.MaxSyncFrame-2*itemRoom {
		return fmt.Errorf("segment of %d bytes: %w", len(w.ready), ErrReplica)
	}
	w.rest(seg)
	return nil
}

// rest narrows a range to what is left of it after a segment.
func (w *wantIn) rest(seg *crdt.Segment) {
	first, last := seg.Ops[0].Seq, seg.Ops[len(seg.Ops)-1].Seq
	if !w.rng.Down {
		w.last = last >= w.rng.To
		w.rng.From = last + 1
		return
	}
	if w.last = first <= w.rng.From; w.last {
		return
	}
	w.rng.To, w.rng.Covered = first-1, true
	if !w.rng.Branch.IsZero() {
		w.rng.Branch = seg.Ops[0].Prev
	}
}

// clip moves a range of the main branch to what is held of it, and reports whether anything is.
func (s *Session) clip(w *wantIn) bool {
	if !w.rng.Branch.IsZero() {
		return true
	}
	held := s.o.Replica.Held(w.o.scope, w.rng.Log)
	for i := range held {
		if w.rng.Down {
			i = len(held) - 1 - i
		}
		h := held[i]
		if h.From > w.rng.To || h.To < w.rng.From {
			continue
		}
		if h.To < w.rng.To && w.rng.Down {
			w.rng.To, w.rng.Covered = h.To, false
		}
		if !w.rng.Down {
			w.rng.From = max(w.rng.From, h.From)
		}
		return true
	}
	return false
}

// advance moves past what was put into a batch.
func (s *Session) advance(w *wantIn) {
	w.ready = nil
	switch {
	case w.last:
		s.current = nil
	case w.rng.Order != 0:
		s.current = nil
		w.lsn = s.arrival(w)
		heap.Push(&s.ordered, w)
	}
}
