package replica

import (
	"context"
	"fmt"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/store"
)

const (
	wipeAfter = 30 * time.Second // erasures that come together share a Compact
	wipeRetry = 10 * time.Minute
)

// Redact writes an op that has the payloads of the targets dropped, by every copy that finds its author entitled to it.
func (r *Replica) Redact(ctx context.Context, scope crdt.ScopeID, targets ...crdt.OpID) (access.Admitted, error) {
	if len(targets) == 0 || len(targets) > crdt.MaxRedact {
		return access.Admitted{}, fmt.Errorf("redact %d ops: %w", len(targets), crdt.ErrTooLarge)
	}
	var body crdt.RedactBody
	for _, id := range crdt.SortHeads(targets) {
		body.Targets = append(body.Targets, crdt.RedactTarget{ID: id})
	}
	return r.Write(ctx, scope, Draft{
		Type:  crdt.TypeRedact,
		Build: func(crdt.Header) ([]byte, error) { return body.Append(nil), nil },
	})
}

// stub is the op without its payload: the header goes on holding the chain together.
func stub(op *crdt.Op) *crdt.Op {
	bare := *op
	if bare.PayloadLen > 0 {
		bare.Payload = nil
	}
	return &bare
}

// redact applies a Redact: what is here is dropped now, the rest when it comes.
func (t *turn) redact(l *logState, adm access.Admitted) {
	body, err := crdt.ParseRedactBody(adm.Verified().Op().Payload)
	if err != nil {
		return // an author's nonsense erases nothing
	}
	for _, target := range body.Targets {
		id := target.ID
		t.batch.PutErase(id, adm.Verified().ID())
		if t.erase(id, adm) {
			t.fresh[len(t.fresh)-1].Erases = append(t.fresh[len(t.fresh)-1].Erases, id)
		}
	}
}

// redactCost is at most what redact adds to a batch.
const redactCost = crdt.MaxRedact * 800

// readable makes sure that the targets of a Redact can be read back before it is stored beside their new form.
func (t *turn) readable(op *crdt.Op) {
	body, err := crdt.ParseRedactBody(op.Payload)
	if err != nil {
		return
	}
	for _, target := range body.Targets {
		if _, _, flying := t.r.flight.find(target.ID); flying {
			t.cut()
			if err := t.drain(); err != nil {
				t.fault = err
			}
			break
		}
	}
	if !t.batch.Fits(2*crdt.MaxRedact+len(t.touched)+8, redactCost+(len(t.touched)+4)*stateCost) {
		t.cut()
	}
}

// erase drops the payload of an op that is here, if the redactor may. One that is not here is remembered.
func (t *turn) erase(target crdt.OpID, by access.Admitted) bool {
	r := t.r
	p, _, here := r.find(target)
	if !here {
		r.wish(target, by.Verified().ID())
		return false
	}
	l := r.nums[p.Log]
	var s store.Stored
	if err := r.db.View(func(tx *store.Txn) (err error) { s, err = tx.Op(p); return err }); err != nil {
		t.fault = err
		return false
	}
	written, err := r.readmitted(l, s)
	if err != nil || !r.mayErase(by, written) {
		return false
	}
	if !s.Op.HasPayload() || s.Op.PayloadLen == 0 {
		return true
	}
	t.batch.ReplaceOp(p, s.LSN, stub(&s.Op))
	r.pub.forget()
	r.unwiped, r.wipeAt = true, t.now.Add(wipeAfter)
	return true
}

// wish remembers that an op is to lose its payload when it comes.
func (r *Replica) wish(target, by crdt.OpID) { r.wishes[target] = append(r.wishes[target], by) }

// wished reports whether an op that has just come was to lose its payload.
func (r *Replica) wished(adm access.Admitted) bool {
	id := adm.Verified().ID()
	askers := r.wishes[id]
	if askers == nil {
		return false
	}
	delete(r.wishes, id)
	for _, by := range askers {
		if red, err := r.redactor(by); err == nil && r.mayErase(red, adm) {
			return true
		}
	}
	return false
}

// mayErase reports whether the author of a Redact may have the payload of this op dropped: what he wrote himself, and
// as a moderator, or who manages the channel, what others wrote there.
func (r *Replica) mayErase(by, written access.Admitted) bool {
	op := written.Verified().Op()
	if by.Scope() != written.Scope() || op.Type.Class() != crdt.ClassContent || op.Type == crdt.TypeRedact {
		return false
	}
	return by.User() == written.User() || by.Moderates()
}

// redactor is a Redact that is here, Admitted again.
func (r *Replica) redactor(id crdt.OpID) (access.Admitted, error) {
	if _, _, flying := r.flight.find(id); flying {
		if err := r.commitNow(&store.Batch{}); err != nil {
			return access.Admitted{}, err
		}
	}
	var s store.Stored
	if err := r.db.View(func(t *store.Txn) (err error) { s, err = t.ByID(id); return err }); err != nil {
		return access.Admitted{}, err
	}
	return r.readmitted(r.nums[s.Place.Log], s)
}

// readmitted is an op of the store, Admitted again.
func (r *Replica) readmitted(l *logState, s store.Stored) (adm access.Admitted, err error) {
	err = r.db.View(func(t *store.Txn) error {
		adm, err = r.readmit(t, l, s)
		return err
	})
	return adm, err
}

// erasedBy lists the targets of a Redact that are here without their payload.
func (r *Replica) erasedBy(adm access.Admitted) (out []crdt.OpID) {
	body, err := crdt.ParseRedactBody(adm.Verified().Op().Payload)
	if err != nil {
		return nil
	}
	_ = r.db.View(func(t *store.Txn) error {
		for _, target := range body.Targets {
			id := target.ID
			if s, err := t.ByID(id); err == nil && !s.Op.HasPayload() {
				out = append(out, id)
			}
		}
		return nil
	})
	return out
}

// loadWishes finds the erasures whose ops are not here.
func (r *Replica) loadWishes(t *store.Txn) error {
	return t.Erasures(func(target, by crdt.OpID) error {
		if _, err := t.PlaceOf(target); err != nil {
			r.wish(target, by)
		}
		return nil
	})
}

func (r *Replica) wipeTime() time.Time {
	if !r.unwiped {
		return time.Time{}
	}
	return r.wipeAt
}
