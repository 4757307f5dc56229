package replica

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
)

// Draft is an op about to be written.
type Draft struct {
	Type  crdt.Type
	Epoch crdt.EpochID
	Seen  []crdt.HLC  // readings of the ops that it answers
	Deps  []crdt.OpID // of access ops; nil names the heads of their own DAG
	At    time.Time   // of imports: when it was first written; zero is now
	// Build answers the payload for a header that is fixed but for it. It runs while the writer waits: it must not call
	// the replica.
	Build func(h crdt.Header) (payload []byte, err error)
}

// Write writes one op into this device's log of the scope and returns when it is durable. Only then may it be shown as
// written, and sent. Of several at once each gets a seq of its own, and they share an fsync.
func (r *Replica) Write(ctx context.Context, scope crdt.ScopeID, d Draft) (access.Admitted, error) {
	adms, err := r.write(ctx, scope, nil, []Draft{d})
	if err != nil {
		return access.Admitted{}, fmt.Errorf("write: %w", err)
	}
	return adms[0], nil
}

// WriteAll writes several ops of one scope, durable together as far as one commit holds them, and in order. Where one of
// them fails, those before it stand and are answered with the error.
func (r *Replica) WriteAll(ctx context.Context, scope crdt.ScopeID, ds []Draft) ([]access.Admitted, error) {
	adms, err := r.write(ctx, scope, nil, ds)
	if err != nil {
		return adms, fmt.Errorf("write: %w", err)
	}
	return adms, nil
}

// Importer writes an imported history into an incarnation of its own (protocol 6.10), so that its old times do not hold
// back what the device writes now.
type Importer struct {
	r    *Replica
	inc  crdt.Incarnation
	logs map[ownKey]*logState
}

// Import begins an import.
func (r *Replica) Import() (*Importer, error) {
	var b [8]byte
	if _, err := r.o.Rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	return &Importer{r: r, inc: crdt.Incarnation(binary.BigEndian.Uint64(b[:])), logs: map[ownKey]*logState{}}, nil
}

// Write is WriteAll into the import's own log. Drafts must come in the order of their times.
func (im *Importer) Write(ctx context.Context, scope crdt.ScopeID, ds []Draft) ([]access.Admitted, error) {
	adms, err := im.r.write(ctx, scope, im, ds)
	if err != nil {
		return adms, fmt.Errorf("import: %w", err)
	}
	return adms, nil
}

func (r *Replica) write(ctx context.Context, scope crdt.ScopeID, im *Importer, ds []Draft) ([]access.Admitted, error) {
	r.mu.Lock()
	t, adms, err := r.writeLocked(scope, im, ds)
	if t == nil {
		r.mu.Unlock()
		return nil, err
	}
	wait := t.finish()
	count := r.own
	r.mu.Unlock()
	if werr := wait(ctx); werr != nil {
		return nil, werr
	}
	if len(adms) > 0 {
		r.noteCount(count.count)
	}
	return adms, err
}

// noteCount writes the counter outside, unless a later write has moved it on: that one will write it.
func (r *Replica) noteCount(count uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own.count == count {
		r.own.note()
	}
}

func (r *Replica) writeLocked(scope crdt.ScopeID, im *Importer, ds []Draft) (*turn, []access.Admitted, error) {
	if r.public == nil {
		return nil, nil, ErrNoDevice
	}
	if err := errors.Join(r.db.Room(), r.db.Failed()); err != nil {
		return nil, nil, err
	}
	t := r.turn(Source{})
	t.own = true
	sc := r.scopes[scope]
	if sc == nil {
		if len(ds) == 0 || ds[0].Type != crdt.TypeChannelGenesis {
			return nil, nil, ErrNoScope
		}
		sc = r.addScope(t.batch, scope) // a private channel begins with its own genesis
	}
	var adms []access.Admitted
	for i := range ds {
		adm, err := t.writeOne(sc, im, &ds[i])
		if err != nil {
			return t, adms, err
		}
		adms = append(adms, adm)
	}
	return t, adms, nil
}

// writeOne signs one op and takes it into the batch. Where it fails nothing was released, and its seq is free.
func (t *turn) writeOne(sc *scopeState, im *Importer, d *Draft) (access.Admitted, error) {
	class := d.Type.Class()
	heads, deps := t.rest(sc, class, d)
	if len(heads) > crdt.MaxHeads || len(deps) > crdt.MaxDeps {
		if err := t.merge(sc, im); err != nil {
			return access.Admitted{}, err
		}
		heads, deps = t.rest(sc, class, d)
	}
	tip, l, err := t.r.tipFor(sc, class, im)
	if err != nil {
		return access.Admitted{}, err
	}
	now := t.now
	if !d.At.IsZero() {
		now = d.At
	}
	auth := crdt.HeadsDigest(heads)
	h := tip.Next(d.Type, now, d.Epoch, auth, deps, d.Seen...)
	payload, err := d.Build(h)
	if err != nil {
		return access.Admitted{}, err
	}
	if top, ok := l.top(); ok && top.auth == auth {
		heads = nil // they stand with the op before
	}
	v, err := crdt.Sign(t.r.ws, t.r.o.Device, h, payload, heads)
	if err != nil {
		return access.Admitted{}, err
	}
	adm, err := t.admit(l, v)
	if err != nil {
		return access.Admitted{}, err
	}
	t.store(l, adm)
	t.wrote(l, im)
	return adm, nil
}

// rest is what a new op rests on: the access heads behind its Auth, and the hard dependencies of an access op.
func (t *turn) rest(sc *scopeState, class crdt.Class, d *Draft) (heads, deps []crdt.OpID) {
	view := t.r.state.View()
	heads = view.AuthHeads(sc.id)
	if class == crdt.ClassAccess {
		if deps = d.Deps; deps == nil {
			deps = view.AccessHeads(sc.id)
		}
	}
	if d.Type == crdt.TypeMerge && len(heads) > crdt.MaxHeads {
		heads = deps // a Merge has no power: it need not name what it does not join
	}
	return heads, deps
}

// merge joins the heads of the DAGs that a new op of the scope would have to name one by one.
func (t *turn) merge(sc *scopeState, im *Importer) error {
	scopes := []*scopeState{t.r.scopes[crdt.AccessScope(t.r.ws)]}
	if sc != scopes[0] {
		scopes = append(scopes, sc)
	}
	for _, s := range scopes {
		for heads := t.r.state.View().AccessHeads(s.id); len(heads) > 1; heads = t.r.state.View().AccessHeads(s.id) {
			d := Draft{
				Type: crdt.TypeMerge, Deps: heads[:min(len(heads), crdt.MaxDeps)],
				Build: func(crdt.Header) ([]byte, error) { return (&access.Merge{}).Append(nil), nil },
			}
			if _, err := t.writeOne(s, im, &d); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Replica) tipFor(sc *scopeState, class crdt.Class, im *Importer) (crdt.Tip, *logState, error) {
	if im == nil || class != crdt.ClassContent {
		return r.tip(sc, class)
	}
	l := im.logs[ownKey{sc.id, class}]
	if l == nil {
		l = r.newOwnLog(sc, class, im.inc)
		im.logs[ownKey{sc.id, class}] = l
	}
	tip := crdt.Tip{Log: l.id, Device: crdt.RefOf(r.public)}
	if top, ok := l.top(); ok {
		tip.Seq, tip.Prev, tip.HLC = top.hi+1, top.head, top.hlc
	}
	return tip, l, nil
}

// wrote notes that this device wrote into a log.
func (t *turn) wrote(l *logState, im *Importer) {
	o := &t.r.own
	if im == nil || l.class != crdt.ClassContent {
		o.current[ownKey{l.scope.id, l.class}] = l.id
	}
	o.count++
	t.batch.PutMeta(metaCount, binary.BigEndian.AppendUint64(nil, o.count))
}
