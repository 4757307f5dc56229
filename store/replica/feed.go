package replica

import (
	"fmt"
	"sort"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/store"
)

// Entry is one op in the order of arrival.
type Entry struct {
	LSN      uint64
	Scope    crdt.ScopeID
	Admitted access.Admitted
	Erased   bool        // its payload is gone from this copy
	Erases   []crdt.OpID // of a Redact: the ops whose payload it took
}

// Feed answers the durable ops that arrived after the lsn, ascending, at most limit of them; fewer only at the end.
func (r *Replica) Feed(after uint64, limit int) ([]Entry, error) {
	if out, ok := r.pub.since(after, limit); ok {
		return out, nil
	}
	type place struct {
		l *logState
		s store.Stored
		h []crdt.OpID
	}
	var found []place
	err := r.db.View(func(t *store.Txn) error {
		return t.Arrivals(after, func(_ uint64, p store.Place) error {
			l := r.pub.logAt(p.Log)
			if l == nil {
				return store.Stop() // durable, and not announced yet
			}
			s, err := t.Op(p)
			if err != nil {
				return err
			}
			heads, err := t.Heads(s.Op.Auth)
			if err != nil && err != store.ErrAbsent {
				return err
			}
			if found = append(found, place{l, s, heads}); len(found) == limit {
				return store.Stop()
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("feed after %d: %w", after, err)
	}
	out := make([]Entry, 0, len(found))
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range found {
		f.s.Op.Heads = f.h
		adm, err := r.admitHeld(f.l, f.s.Op)
		if err != nil {
			return nil, fmt.Errorf("feed at %d: %w", f.s.LSN, err)
		}
		out = append(out, r.entry(f.s.LSN, adm))
	}
	return out, nil
}

func (r *Replica) entry(lsn uint64, adm access.Admitted) Entry {
	op := adm.Verified().Op()
	e := Entry{LSN: lsn, Scope: adm.Scope(), Admitted: adm, Erased: !op.HasPayload()}
	if op.Type == crdt.TypeRedact && op.HasPayload() {
		e.Erases = r.erasedBy(adm)
	}
	return e
}

// since answers from memory, where the reader keeps up.
func (p *published) since(after uint64, limit int) ([]Entry, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if after >= p.lsn {
		return nil, true
	}
	if len(p.recent) == 0 || p.recent[0].LSN > after+1 {
		return nil, false
	}
	i := sort.Search(len(p.recent), func(i int) bool { return p.recent[i].LSN > after })
	out := p.recent[i:min(i+limit, len(p.recent))]
	return append([]Entry(nil), out...), true
}

func (p *published) logAt(n store.LogNum) *logState {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if v := p.nums[n]; v != nil {
		return v.l
	}
	return nil
}

// LSN is the arrival number of the last durable op, and Wake is closed when there is a later one.
func (r *Replica) LSN() (lsn uint64, wake <-chan struct{}) {
	r.pub.mu.RLock()
	defer r.pub.mu.RUnlock()
	return r.pub.lsn, r.pub.wake
}

// Op is the durable op with this id, or ErrAbsent.
func (r *Replica) Op(id crdt.OpID) (Entry, error) {
	var s store.Stored
	var heads []crdt.OpID
	err := r.db.View(func(t *store.Txn) (err error) {
		if s, err = t.ByID(id); err != nil {
			return err
		}
		heads, err = t.Heads(s.Op.Auth)
		if err == store.ErrAbsent {
			return nil
		}
		return err
	})
	if err != nil {
		return Entry{}, fmt.Errorf("op %s: %w", id, err)
	}
	l := r.pub.logAt(s.Place.Log)
	if l == nil {
		return Entry{}, fmt.Errorf("op %s: %w", id, ErrAbsent)
	}
	s.Op.Heads = heads
	r.mu.Lock()
	defer r.mu.Unlock()
	adm, err := r.admitHeld(l, s.Op)
	if err != nil {
		return Entry{}, fmt.Errorf("op %s: %w", id, err)
	}
	return r.entry(s.LSN, adm), nil
}
