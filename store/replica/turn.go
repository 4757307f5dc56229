package replica

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/store"
)

// turn is one pass through the writer: what it admits goes into one batch, or several where one is too small, cut
// between ops, so that what is durable is a true state after each.
type turn struct {
	r       *Replica
	now     time.Time
	src     Source
	out     Outcome
	batch   *store.Batch
	touched []*logState
	fresh   []Entry
	ids     []crdt.OpID
	access  int // access ops admitted
	shown   int // of these, those that the published view knows
	parts   []chan error
	retried *waitItem // what is being tried again, if anything
	own     bool      // Write's own: not a sign of another copy of this device
	fault   error     // of the store, while reading
	refold  bool      // access ops were dropped
}

func (r *Replica) turn(src Source) *turn {
	return &turn{r: r, now: r.o.Clock(), src: src, batch: &store.Batch{}}
}

// touch notes that a log's holdings change.
func (t *turn) touch(l *logState) {
	for _, x := range t.touched {
		if x == l {
			return
		}
	}
	t.touched = append(t.touched, l)
}

// stateCost is about what one touched log adds to a batch at the end.
const stateCost = 400

// room cuts the batch where the next op might not fit.
func (t *turn) room(op *crdt.Op) {
	keys, bytes := store.OpCost(op)
	n := len(t.touched) + 2
	if !t.batch.Fits(keys+n+2, bytes+n*stateCost) {
		t.cut()
	}
}

// cut gives the batch to the store's writer. What it makes durable becomes visible to readers when it is.
func (t *turn) cut() {
	if t.batch.Empty() && len(t.touched) == 0 {
		return
	}
	if t.access > t.shown { // whoever follows what is durable must find a view that knows of it
		t.r.refreshView()
		t.shown = t.access
	}
	views := make([]*logView, len(t.touched))
	for i, l := range t.touched {
		t.batch.PutState(l.num, l.holdings.append(nil))
		views[i] = l.snapshot(t.r.idAt)
	}
	r, ids, fresh, lsn := t.r, t.ids, t.fresh, t.r.lsn
	done := make(chan error, 1)
	r.db.Enqueue(t.batch, func(err error) {
		if err == nil {
			r.pub.put(views...)
			r.pub.arrived(lsn, fresh)
			r.flight.remove(ids)
		}
		done <- err
	})
	t.parts = append(t.parts, done)
	t.batch, t.touched, t.fresh, t.ids = &store.Batch{}, nil, nil, nil
}

// finish tries again what waited for what this turn brought, and gives all to the store. wait answers when it is
// durable; it must be called without the mutex, or not at all.
func (t *turn) finish() (wait func(context.Context) error) {
	t.retry()
	t.out.Waiting += t.r.waiting.left(t)
	t.cut()
	if t.refold {
		if err := errors.Join(t.drain(), t.r.refold()); err != nil {
			t.fault = err
		}
	}
	if t.refold {
		t.r.refreshView()
	}
	if t.access > 0 {
		t.r.enterPublic()
	}
	parts, fault := t.parts, t.fault
	return func(ctx context.Context) error {
		for _, done := range parts {
			select {
			case err := <-done:
				if err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return fault
	}
}

func (t *turn) refuse(l crdt.LogID, seq uint64, fault Fault, err error) {
	t.out.Refused = append(t.out.Refused, Refusal{Log: l, Seq: seq, Fault: fault, Err: err})
}

// chain takes verified, consecutive ops of one log through admission into the batch. tail is what covers them after their
// end, if something does. Where an op stops on the way and one before it goes on without a signature of its own, the
// headers up to the next signature are kept as its proof.
func (t *turn) chain(l *logState, ops []crdt.Verified, tail []crdt.Op) {
	for i, v := range ops {
		op := v.Op()
		switch {
		case l.covers(op.Seq) && t.r.here(v.ID()):
			t.out.Known++
			continue
		case t.r.isDropped(l, v.ID(), op.Prev):
			t.r.drop(l, v.ID())
			t.refuse(l.id, op.Seq, AuthorFault, ErrForked)
			t.cover(l, ops, i, tail)
			continue
		case t.early(l, v):
			t.cover(l, ops, i, tail)
			t.hold(l, ops[i:])
			return
		}
		adm, err := t.admit(l, v)
		var missing *access.Missing
		switch {
		case err == nil:
			t.store(l, adm)
			continue
		case errors.As(err, &missing):
			t.out.Missing = append(t.out.Missing, missing.Ops...)
			t.cover(l, ops, i, tail)
			t.wait(&waitItem{scope: l.scope.id, log: l.id, chain: ops[i:], tail: tail})
			return
		case errors.Is(err, access.ErrNoPayload):
			t.refuse(l.id, op.Seq, SenderFault, err) // nobody drops the payload of an access op
			t.cover(l, ops, i, tail)
			return
		default:
			t.refuse(l.id, op.Seq, AuthorFault, err)
			t.cover(l, ops, i, tail)
		}
	}
	if len(tail) > 0 {
		t.cover(l, ops, len(ops), tail)
	}
}

// admit asks the state, and helps it to what this store knows of the heads that a digest stands for.
func (t *turn) admit(l *logState, v crdt.Verified) (access.Admitted, error) {
	op := v.Op()
	if op.Type.Class() != l.class {
		return access.Admitted{}, fmt.Errorf("type %#x in a log of class %d: %w", byte(op.Type), l.class, access.ErrInadmissible)
	}
	if b := l.below(op.Seq, op.Prev); op.Seq > 0 && b != nil && op.HLC < b.hlc {
		return access.Admitted{}, fmt.Errorf("clock goes back: %w", access.ErrInadmissible)
	}
	adm, err := t.r.state.Admit(l.scope.id, v)
	var missing *access.Missing
	if errors.As(err, &missing) && missing.Auth != nil && t.r.learn(*missing.Auth) {
		return t.r.state.Admit(l.scope.id, v)
	}
	return adm, err
}

// learn tells the state what the store knows of a digest.
func (r *Replica) learn(ref crdt.AuthRef) bool {
	var heads []crdt.OpID
	err := r.db.View(func(t *store.Txn) (err error) {
		heads, err = t.Heads(ref)
		return err
	})
	if err != nil {
		return false
	}
	r.state.LearnHeads(heads)
	return true
}

// store puts an admitted op into the batch.
func (t *turn) store(l *logState, adm access.Admitted) {
	r, v := t.r, adm.Verified()
	op, id := v.Op(), v.ID()
	t.room(op)
	if op.Type == crdt.TypeRedact {
		t.readable(op)
	}
	if l.num == 0 {
		l.num = store.LogNum(len(r.nums) + 1)
		r.enterLog(l)
		t.batch.PutLog(l.num, l.what())
	}
	branch, loose, ok := l.add(op, id, func(prev crdt.OpID) int16 { return r.branchOf(l, prev) })
	if !ok {
		t.refuse(l.id, op.Seq, AuthorFault, ErrForked)
		return
	}
	if loose {
		t.out.Loose = append(t.out.Loose, Loose{Log: l.id, Seq: op.Seq, Prev: op.Prev})
	}
	r.lsn++
	l.lsn = r.lsn
	place := store.Place{Log: l.num, Seq: op.Seq, Branch: branch}
	stored := op
	if r.wished(adm) {
		stored = stub(op)
	}
	t.batch.PutOp(l.scope.num, place, r.lsn, id, stored)
	r.flight.add(id, place, op.Auth)
	t.touch(l)
	t.ids = append(t.ids, id)
	t.fresh = append(t.fresh, Entry{LSN: r.lsn, Scope: l.scope.id, Admitted: adm, Erased: !stored.HasPayload()})
	t.out.New++
	t.after(l, adm)
}

// after is what follows from an op that was admitted.
func (t *turn) after(l *logState, adm access.Admitted) {
	op := adm.Verified().Op()
	if l.class == crdt.ClassAccess {
		t.access++
		t.r.noteChannel(adm)
	}
	if op.Type == crdt.TypeRedact {
		t.redact(l, adm)
	}
	if !t.own {
		t.r.noteOwn(l, op)
	}
	if l.forked() {
		t.settle(l)
	}
}

// here reports whether this very op is held, durably or nearly.
func (r *Replica) here(id crdt.OpID) bool {
	_, _, ok := r.find(id)
	return ok
}

// find is where an op lies, and its Auth.
func (r *Replica) find(id crdt.OpID) (p store.Place, auth crdt.AuthRef, ok bool) {
	if p, auth, ok = r.flight.find(id); ok {
		return p, auth, true
	}
	err := r.db.View(func(t *store.Txn) error {
		s, err := t.ByID(id)
		p, auth = s.Place, s.Op.Auth
		return err
	})
	return p, auth, err == nil
}

// branchOf is the branch of this log that an op lies in.
func (r *Replica) branchOf(l *logState, id crdt.OpID) int16 {
	if p, _, ok := r.find(id); ok && p.Log == l.num {
		return int16(p.Branch)
	}
	return noParent
}

// idAt is the id of the op at a place of a forked log.
func (r *Replica) idAt(l *logState, p store.Place) crdt.OpID {
	p.Log = l.num
	if id, ok := l.firsts[p]; ok {
		return id
	}
	id, ok := r.flight.at(p)
	if !ok {
		if err := r.db.View(func(t *store.Txn) error {
			s, err := t.Op(p)
			id = s.Op.Header.ID()
			return err
		}); err != nil {
			return crdt.OpID{}
		}
	}
	if l.firsts == nil {
		l.firsts = map[store.Place]crdt.OpID{}
	}
	l.firsts[p] = id
	return id
}
