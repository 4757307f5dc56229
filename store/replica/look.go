package replica

import (
	"context"
	"fmt"
	"slices"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/store"
)

// Tip is what is durable here of one log's main branch.
type Tip struct {
	Log    crdt.LogID
	Class  crdt.Class
	Device crdt.DeviceRef
	Lo     uint64 // where the topmost unbroken run begins
	Seq    uint64 // of the last op
	ID     crdt.OpID
	Held   uint64 // how many ops are here; fewer than Seq+1 where there are holes
}

// Tips lists the logs of a scope of which something is durable, by log id.
func (r *Replica) Tips(scope crdt.ScopeID) []Tip {
	r.pub.mu.RLock()
	defer r.pub.mu.RUnlock()
	sc := r.pub.scopes[scope]
	if sc == nil {
		return nil
	}
	out := make([]Tip, 0, len(sc.logs))
	for _, v := range sc.logs {
		if len(v.paths) == 0 {
			continue
		}
		t := Tip{Log: v.l.id, Class: v.l.class, Device: crdt.RefOf(v.l.key), Lo: v.entry.Lo, Seq: v.paths[0].hi, ID: v.paths[0].head}
		for _, p := range v.paths[0].pieces {
			t.Held += p.hi - p.lo + 1
		}
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Tip) int { return slices.Compare(a.Log[:], b.Log[:]) })
	return out
}

// EachKeyOp calls fn with every durable op of class keys, log by log: what a reader needs who keeps epochs in memory and
// so must see all of them after each start.
func (r *Replica) EachKeyOp(fn func(access.Admitted) error) error {
	r.pub.mu.RLock()
	var logs []*logState
	for _, v := range r.pub.logs {
		if v.l.class == crdt.ClassKeys && v.runs > 0 {
			logs = append(logs, v.l)
		}
	}
	r.pub.mu.RUnlock()
	for _, l := range logs {
		ops, err := r.opsOf(l)
		if err != nil {
			return err
		}
		for _, s := range ops {
			r.mu.Lock()
			adm, err := r.admitHeld(l, s.Op)
			r.mu.Unlock()
			if err != nil {
				return fmt.Errorf("key op %s: %w", s.Op.Header.ID(), err)
			}
			if err := fn(adm); err != nil {
				return err
			}
		}
	}
	return nil
}

// opsOf reads all that is durable of a log, with the heads that each op rests on.
func (r *Replica) opsOf(l *logState) (out []store.Stored, err error) {
	err = r.db.View(func(t *store.Txn) error {
		return t.Ops(l.num, 0, 1<<63, func(s store.Stored) error {
			heads, err := t.Heads(s.Op.Auth)
			if err != nil && err != store.ErrAbsent {
				return err
			}
			s.Op.Heads = heads
			out = append(out, s)
			return nil
		})
	})
	return out, err
}

// Heads are the access heads that an Auth stands for, where an op that brought them is here.
func (r *Replica) Heads(ref crdt.AuthRef) ([]crdt.OpID, bool) {
	var heads []crdt.OpID
	err := r.db.View(func(t *store.Txn) (err error) {
		heads, err = t.Heads(ref)
		return err
	})
	return heads, err == nil
}

// Forget drops the payloads of ops here, without an op that says so: of what went with something that was deleted, as
// the edits of a message. What it drops is not told to anybody; others drop theirs by the same rule.
func (r *Replica) Forget(ctx context.Context, ids []crdt.OpID) error {
	b := &store.Batch{}
	err := r.db.View(func(t *store.Txn) error {
		for _, id := range ids {
			s, err := t.ByID(id)
			if err == store.ErrAbsent {
				continue
			}
			if err != nil {
				return err
			}
			if s.Op.HasPayload() && s.Op.PayloadLen > 0 {
				b.ReplaceOp(s.Place, s.LSN, stub(&s.Op))
			}
		}
		return nil
	})
	if err != nil || b.Empty() {
		return err
	}
	if err := r.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	r.mu.Lock()
	r.pub.forget()
	r.unwiped, r.wipeAt = true, r.o.Clock().Add(wipeAfter)
	r.mu.Unlock()
	r.nudge()
	return nil
}
