package replica

import (
	"cmp"
	"slices"
	"time"

	"hallway/crdt"
	"hallway/store"
)

// heldOp is an authentic op ahead of its time, or one that follows such an op in its log (protocol 3.4).
type heldOp struct {
	scope crdt.ScopeID
	log   crdt.LogID
	v     crdt.Verified
}

// heldRoom is where they wait for their time, on disk and here.
type heldRoom struct {
	ops   map[crdt.OpID]heldOp
	first map[crdt.LogID]uint64 // lowest seq held of a log: what comes after it waits too
	bytes map[crdt.DeviceRef]int
}

func (h *heldRoom) init() {
	if h.ops == nil {
		h.ops, h.first = map[crdt.OpID]heldOp{}, map[crdt.LogID]uint64{}
		h.bytes = map[crdt.DeviceRef]int{}
	}
}

// early reports whether an op has to wait for its time, or behind one that has to.
func (t *turn) early(l *logState, v crdt.Verified) bool {
	if t.own {
		return false
	}
	if v.Op().HLC.Time().After(t.now.Add(MaxEarly)) {
		return true
	}
	seq, blocked := t.r.held.first[l.id]
	return blocked && v.Op().Seq > seq
}

// hold keeps ops until their time, up to the last that is signed: what only something after it covers could not be shown
// to be authentic later. Of one device no more than a bounded number of bytes wait. The rest is given up, and comes again
// by catch-up.
func (t *turn) hold(l *logState, ops []crdt.Verified) {
	h := &t.r.held
	h.init()
	bytes, fit := h.bytes[ops[0].Op().Device], 0
	for i, v := range ops {
		if _, ok := h.ops[v.ID()]; !ok {
			bytes += opSize(v.Op())
		}
		if bytes > maxHeldBytes {
			break
		}
		if v.Op().Sig != nil {
			fit = i + 1
		}
	}
	for _, v := range ops[:fit] {
		op := v.Op()
		if _, ok := h.ops[v.ID()]; ok {
			t.out.Known++
			continue
		}
		h.put(heldOp{l.scope.id, l.id, v})
		t.room(op)
		t.batch.PutHeld(op.HLC, v.ID(), crdt.AppendOp(l.scope.id[:], op, false))
		t.out.Waiting++
	}
}

func (h *heldRoom) put(x heldOp) {
	op := x.v.Op()
	h.ops[x.v.ID()] = x
	h.bytes[op.Device] += opSize(op)
	if seq, ok := h.first[x.log]; !ok || op.Seq < seq {
		h.first[x.log] = op.Seq
	}
}

// takeLog removes and answers what is held of a log, by seq.
func (h *heldRoom) takeLog(log crdt.LogID) (out []heldOp) {
	for id, x := range h.ops {
		if x.log == log {
			out = append(out, x)
			delete(h.ops, id)
			h.bytes[x.v.Op().Device] -= opSize(x.v.Op())
		}
	}
	delete(h.first, log)
	slices.SortFunc(out, func(a, b heldOp) int {
		if c := cmp.Compare(a.v.Op().Seq, b.v.Op().Seq); c != 0 {
			return c
		}
		return crdt.CompareIDs(a.v.ID(), b.v.ID())
	})
	return out
}

// next is when the first held op is due; zero where none is held.
func (h *heldRoom) next() (first time.Time) {
	for _, x := range h.ops {
		at := x.v.Op().HLC.Time().Add(-MaxEarly)
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

func (h *heldRoom) due(now time.Time) bool {
	t := h.next()
	return !t.IsZero() && !now.Before(t)
}

// release takes what is due through admission, log by log; what is not due yet is held again.
func (r *Replica) release(now time.Time) error {
	if err := r.db.Room(); err != nil {
		return err
	}
	t := r.turn(Source{Way: ByCatchup})
	logs := map[crdt.LogID]bool{}
	for _, x := range r.held.ops {
		if !x.v.Op().HLC.Time().After(now.Add(MaxEarly)) {
			logs[x.log] = true
		}
	}
	order := make([]crdt.LogID, 0, len(logs))
	for id := range logs {
		order = append(order, id)
	}
	slices.SortFunc(order, func(a, b crdt.LogID) int { return slices.Compare(a[:], b[:]) })
	for _, log := range order {
		ops := r.held.takeLog(log)
		for _, x := range ops {
			t.batch.DropHeld(x.v.Op().HLC, x.v.ID())
		}
		for _, run := range linked(ops) {
			if l, err := r.logOf(r.scopes[ops[0].scope], run[0].Op()); err == nil {
				t.chain(l, run, nil)
			}
		}
	}
	t.finish() // durable a little later; if it is not, the ops are still held on disk
	return nil
}

// linked cuts ops of one log, by seq, into runs of which each op follows the one before.
func linked(ops []heldOp) (runs [][]crdt.Verified) {
	for _, x := range ops {
		if n := len(runs); n > 0 {
			if last := runs[n-1][len(runs[n-1])-1]; last.ID() == x.v.Op().Prev {
				runs[n-1] = append(runs[n-1], x.v)
				continue
			}
		}
		runs = append(runs, []crdt.Verified{x.v})
	}
	return runs
}

// loadHeld reads what was held when the store was closed. It was authentic then.
func (r *Replica) loadHeld(t *store.Txn) error {
	r.held.init()
	return t.Held(func(hlc crdt.HLC, value []byte) error {
		if len(value) < 32 {
			return store.ErrDamaged
		}
		f, err := crdt.ParseOp(value[32:])
		if err != nil {
			return err
		}
		op, sc := *f.Peek(), r.scopes[crdt.ScopeID(value[:32])]
		if sc == nil {
			return nil
		}
		l, err := r.logOf(sc, &op)
		if err != nil {
			return nil // its device is no longer known: it comes again when it is
		}
		v, err := r.verifyHeld(l, op)
		if err != nil {
			return err
		}
		r.held.put(heldOp{sc.id, l.id, v})
		return nil
	})
}

// verifyHeld makes an op verified again that was held on disk. A signature that it has was checked when it came; it is
// checked once more, since it alone may cover the ops before it.
func (r *Replica) verifyHeld(l *logState, op crdt.Op) (crdt.Verified, error) {
	if op.Sig != nil {
		r.checked.Add(1)
		return crdt.VerifyOp(r.ws, l.key, op)
	}
	c, err := crdt.VerifyChain(r.ws, l.key, crdt.Chain{Ops: []crdt.Op{op}, Next: op.Header.ID()})
	if err != nil {
		return crdt.Verified{}, err
	}
	return c.Ops[0], nil
}
