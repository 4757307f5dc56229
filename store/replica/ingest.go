package replica

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/store"
)

// Ingest takes segments of one scope and returns when what is new in them is durable. The error is ours (store.ErrFull,
// ErrNoScope, a context that ended); what is wrong with the segments is in the outcome. Segments of one log must come
// in an order in which each is covered by its own signature, its tail, or what came before.
func (r *Replica) Ingest(ctx context.Context, from Source, scope crdt.ScopeID, segs []*crdt.Segment) (Outcome, error) {
	r.mu.Lock()
	t, err := r.take(from, scope, segs)
	if err != nil {
		r.mu.Unlock()
		return Outcome{}, fmt.Errorf("ingest: %w", err)
	}
	wait := t.finish()
	r.mu.Unlock()
	r.nudge()
	if err := wait(ctx); err != nil {
		return t.out, fmt.Errorf("ingest: %w", err)
	}
	return t.out, nil
}

func (r *Replica) take(from Source, scope crdt.ScopeID, segs []*crdt.Segment) (*turn, error) {
	sc := r.scopes[scope]
	if sc == nil {
		return nil, ErrNoScope
	}
	if err := errors.Join(r.db.Room(), r.db.Failed()); err != nil {
		return nil, err // before anything changes in memory
	}
	t := r.turn(from)
	r.waiting.expire(t.now)
	for _, seg := range segs {
		t.segment(sc, seg)
	}
	return t, nil
}

// segment verifies one segment and takes it on.
func (t *turn) segment(sc *scopeState, seg *crdt.Segment) {
	if len(seg.Ops) == 0 {
		return
	}
	first, last := &seg.Ops[0], &seg.Ops[len(seg.Ops)-1]
	l, err := t.r.logOf(sc, first)
	if errors.Is(err, ErrEarly) {
		t.wait(&waitItem{scope: sc.id, log: first.Log, raw: seg})
		return
	}
	if err != nil {
		t.refuse(first.Log, first.Seq, SenderFault, err)
		return
	}
	if t.r.heldWhole(l, first, last) {
		t.out.Known += len(seg.Ops)
		return
	}
	t.verify(l, seg.Ops, seg.Tail)
}

// verify applies rule AUTH to a run of ops, together with ops before it that still waited for a signature.
func (t *turn) verify(l *logState, ops, tail []crdt.Op) {
	ops = append(t.r.waiting.uncovered(t.src.Peer, l.id, &ops[0]), ops...)
	c := crdt.Chain{Ops: ops, Tail: tail}
	last := &ops[len(ops)-1]
	if up := l.above(last.Seq, last.Header.ID()); up != nil {
		c.Next = up.prev
	}
	got, err := crdt.VerifyChain(t.r.ws, l.key, c)
	t.r.checked.Add(uint64(got.Signatures))
	t.out.Signatures += got.Signatures
	switch {
	case errors.Is(err, crdt.ErrUncovered):
		t.wait(&waitItem{scope: l.scope.id, log: l.id, bare: ops[len(got.Ops):]})
	case err != nil:
		t.refuse(l.id, ops[0].Seq, SenderFault, err)
		return
	}
	t.chain(l, got.Ops, tail)
}

// heldWhole reports whether a run lies within what is held: its last op is here, and commits to those before it.
func (r *Replica) heldWhole(l *logState, first, last *crdt.Op) bool {
	for i := range l.runs {
		if x := &l.runs[i]; x.lo <= first.Seq && last.Seq <= x.hi {
			id := last.Header.ID()
			if last.Seq == x.hi && x.head == id {
				return true
			}
			p, _, ok := r.find(id)
			if ok && p.Log == l.num && p.Branch == x.branch {
				return true
			}
		}
	}
	return false
}

// logOf is the log that an op of this scope belongs to; a new one is not entered before something of it is stored. The
// error is ErrEarly where no key fits the device yet, ErrNotOurs where a key fits and the log id does not follow from it.
func (r *Replica) logOf(sc *scopeState, op *crdt.Op) (*logState, error) {
	if l := r.logs[op.Log]; l != nil {
		if l.scope != sc || crdt.RefOf(l.key) != op.Device {
			return nil, ErrNotOurs
		}
		return l, nil
	}
	keys := r.state.Keys(op.Device)
	if len(keys) == 0 && op.Type == crdt.TypeGenesis && crdt.WorkspaceIDOf(op.Payload) == r.ws {
		// The one op that brings its own key: the workspace's id is the hash of its payload.
		keys = access.KeysIn(op)
	}
	known := false
	for _, key := range keys {
		if crdt.RefOf(key) != op.Device {
			continue
		}
		known = true
		if class, ok := crdt.ClassOfLog(r.ws, sc.id, key, op.Log); ok {
			return &logState{scope: sc, id: op.Log, class: class, key: ed25519.PublicKey(key)}, nil
		}
	}
	if !known {
		return nil, ErrEarly
	}
	return nil, ErrNotOurs
}

// AddScope has this copy hold a scope from now on: one that a notice, a link or this device's own genesis told of.
// Public channels are entered by themselves when their creation is folded in.
func (r *Replica) AddScope(ctx context.Context, scope crdt.ScopeID) error {
	r.mu.Lock()
	if r.scopes[scope] != nil {
		r.mu.Unlock()
		return nil
	}
	if err := errors.Join(r.db.Room(), r.db.Failed()); err != nil {
		r.mu.Unlock()
		return fmt.Errorf("add scope: %w", err)
	}
	b := &store.Batch{}
	r.addScope(b, scope)
	done := make(chan error, 1)
	r.db.Enqueue(b, func(err error) { done <- err })
	r.mu.Unlock()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// HoldsScope reports whether this copy holds the scope.
func (r *Replica) HoldsScope(scope crdt.ScopeID) bool {
	r.pub.mu.RLock()
	defer r.pub.mu.RUnlock()
	return r.pub.scopes[scope] != nil
}
