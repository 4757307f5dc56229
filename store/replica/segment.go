package replica

import (
	"errors"
	"fmt"

	"hallway/crdt"
	"hallway/p2p/catchup"
	"hallway/store"
)

// Segment cuts consecutive ops out of what is held, so that they verify alone. Of the signatures in it only those stay
// that its reader checks: the last, and those at crdt.CheckEvery places.
func (s Server) Segment(scope crdt.ScopeID, cut catchup.Cut) (*crdt.Segment, error) {
	v := s.log(scope, cut.Log)
	if v == nil || cut.From > cut.To {
		return nil, fmt.Errorf("segment: %w", catchup.ErrNotHeld)
	}
	var seg *crdt.Segment
	err := s.r.db.View(func(t *store.Txn) (err error) {
		c := cutter{t: t, v: v, cut: cut}
		if !c.choose() {
			return catchup.ErrNotHeld
		}
		seg, err = c.segment()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("segment: %w", err)
	}
	return seg, nil
}

type cutter struct {
	t    *store.Txn
	v    *logView
	cut  catchup.Cut
	path *path
}

// choose finds the path that is meant.
func (c *cutter) choose() bool {
	if c.cut.Branch.IsZero() {
		c.path = &c.v.paths[0]
		return true
	}
	for i := range c.v.paths {
		p := &c.v.paths[i]
		b, ok := p.at(c.cut.To)
		if !ok {
			continue
		}
		st, err := c.t.Op(store.Place{Log: c.v.l.num, Seq: c.cut.To, Branch: b})
		if err == nil && st.Op.Header.ID() == c.cut.Branch {
			c.path = p
			return true
		}
	}
	return false
}

// stretch is the unbroken run within the range that is meant: the highest, or the lowest.
func (c *cutter) stretch() (lo, hi uint64, ok bool) {
	for i, pc := range c.path.pieces {
		from, to := max(pc.lo, c.cut.From), min(pc.hi, c.cut.To)
		if from > to {
			continue
		}
		if ok && hi+1 == from && c.linked(i) {
			hi = to
			continue
		}
		if ok && !c.cut.Down {
			break
		}
		lo, hi, ok = from, to, true
	}
	return lo, hi, ok
}

// linked reports whether a piece goes on from the one below it. In a log that was not forked two pieces that touch may
// yet be of two branches, of which the lower part of one is not here.
func (c *cutter) linked(i int) bool {
	a, b := c.path.pieces[i-1], c.path.pieces[i]
	if a.hi+1 != b.lo {
		return false
	}
	up, err := c.t.Op(store.Place{Log: c.v.l.num, Seq: b.lo, Branch: b.branch})
	if err != nil {
		return false
	}
	down, err := c.t.Op(store.Place{Log: c.v.l.num, Seq: a.hi, Branch: a.branch})
	return err == nil && down.Op.Header.ID() == up.Op.Prev
}

func (c *cutter) segment() (*crdt.Segment, error) {
	lo, hi, ok := c.stretch()
	if !ok {
		return nil, catchup.ErrNotHeld
	}
	if hi-lo >= crdt.MaxSegment {
		if c.cut.Down {
			lo = hi - crdt.MaxSegment + 1
			if even := (lo + crdt.CheckEvery - 1) / crdt.CheckEvery * crdt.CheckEvery; even <= hi {
				lo = even
			}
		} else {
			hi = lo + crdt.MaxSegment - 1
			if even := (hi + 1) / crdt.CheckEvery * crdt.CheckEvery; even > lo {
				hi = even - 1 // ends where a signature is
			}
		}
	}
	ops, err := c.ops(lo, hi)
	if err != nil {
		return nil, err
	}
	ops = c.fit(ops)
	seg := &crdt.Segment{Ops: ops}
	last := &ops[len(ops)-1]
	if last.Sig == nil && !(c.cut.Covered && last.Seq == c.cut.To) {
		if seg.Tail, err = c.tail(last.Seq + 1); err != nil {
			return nil, err
		}
	}
	thin(seg)
	if seg.Ops[0].Heads, err = c.t.Heads(seg.Ops[0].Auth); err != nil && !errors.Is(err, store.ErrAbsent) {
		return nil, err
	}
	return seg, c.headsWithin(seg)
}

// headsWithin adds the heads wherever Auth changes: a reader that has not seen them cannot judge the op.
func (c *cutter) headsWithin(seg *crdt.Segment) (err error) {
	for i := 1; i < len(seg.Ops); i++ {
		if op := &seg.Ops[i]; op.Auth != seg.Ops[i-1].Auth {
			if op.Heads, err = c.t.Heads(op.Auth); err != nil && !errors.Is(err, store.ErrAbsent) {
				return err
			}
		}
	}
	return nil
}

// ops reads the ops of the path from lo to hi.
func (c *cutter) ops(lo, hi uint64) ([]crdt.Op, error) {
	out := make([]crdt.Op, 0, hi-lo+1)
	err := c.t.Ops(c.v.l.num, lo, hi, func(st store.Stored) error {
		if b, ok := c.path.at(st.Op.Seq); ok && b == st.Place.Branch {
			out = append(out, st.Op)
		}
		return nil
	})
	if err == nil && uint64(len(out)) != hi-lo+1 {
		err = fmt.Errorf("ops %d to %d of a log: %w", lo, hi, store.ErrDamaged)
	}
	return out, err
}

// fit drops ops at the end that may fall until the rest is within the bytes wanted; one always stays.
func (c *cutter) fit(ops []crdt.Op) []crdt.Op {
	if c.cut.Bytes <= 0 {
		return ops
	}
	total := 0
	for i := range ops {
		total += wireSize(&ops[i])
	}
	for len(ops) > 1 && total > c.cut.Bytes {
		if c.cut.Down {
			total -= wireSize(&ops[0])
			ops = ops[1:]
		} else {
			total -= wireSize(&ops[len(ops)-1])
			ops = ops[:len(ops)-1]
		}
	}
	return ops
}

// wireSize is at least what an op takes in a segment.
func wireSize(op *crdt.Op) int { return 100 + len(op.Payload) + 32*len(op.Deps) }

// tail reads bare headers from seq up to the next signature: of the ops that are here, then of the proof that came with
// the last of them.
func (c *cutter) tail(seq uint64) ([]crdt.Op, error) {
	var tail []crdt.Op
	for ; len(tail) < crdt.MaxSegment-1; seq++ {
		b, ok := c.path.at(seq)
		var st store.Stored
		if ok {
			var err error
			if st, err = c.t.Op(store.Place{Log: c.v.l.num, Seq: seq, Branch: b}); err != nil {
				return nil, err
			}
		}
		if !ok || !c.follows(tail, seq, &st.Op) {
			return c.proof(tail, seq-1)
		}
		tail = append(tail, *stub(&st.Op))
		if st.Op.Sig != nil {
			return tail, nil
		}
	}
	return nil, fmt.Errorf("no signature over op %d: %w", seq, store.ErrDamaged)
}

// follows reports whether an op goes on from the one before it on the path.
func (c *cutter) follows(tail []crdt.Op, seq uint64, op *crdt.Op) bool {
	if n := len(tail); n > 0 {
		return op.Prev == tail[n-1].Header.ID()
	}
	b, _ := c.path.at(seq - 1)
	st, err := c.t.Op(store.Place{Log: c.v.l.num, Seq: seq - 1, Branch: b})
	return err == nil && op.Prev == st.Op.Header.ID()
}

// proof completes a tail with the proof that is kept for the op at seq.
func (c *cutter) proof(tail []crdt.Op, seq uint64) ([]crdt.Op, error) {
	b, ok := c.path.at(seq)
	if !ok {
		return nil, fmt.Errorf("no signature over op %d: %w", seq, store.ErrDamaged)
	}
	more, err := c.t.Proof(store.Place{Log: c.v.l.num, Seq: seq, Branch: b})
	if err != nil || len(tail)+len(more) >= crdt.MaxSegment {
		// Every op that is here came covered: by a signature, by what is held after it, or by a proof that was kept.
		return nil, errors.Join(fmt.Errorf("no signature over op %d: %w", seq, store.ErrDamaged), err)
	}
	return append(tail, more...), nil
}

// thin drops the signatures that no reader checks.
func thin(seg *crdt.Segment) {
	end := len(seg.Ops) - 1
	for i := range seg.Ops {
		if op := &seg.Ops[i]; (i < end || len(seg.Tail) > 0) && op.Seq%crdt.CheckEvery != crdt.CheckEvery-1 {
			op.Sig = nil
		}
	}
	for i := range seg.Tail {
		if i < len(seg.Tail)-1 {
			seg.Tail[i].Sig = nil
		}
	}
}
