package replica

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p/catchup"
	"hallway/store"
)

// load reads what the store has: scopes, logs, what is held, and the access ops into the state.
func (r *Replica) load() error {
	err := r.db.View(func(t *store.Txn) error {
		if err := r.checkWorkspace(t); err != nil {
			return err
		}
		if b, err := t.Meta(metaPruned); err == nil && len(b) == 8 {
			r.pruned.Store(binary.BigEndian.Uint64(b))
		}
		if err := t.Scopes(func(n store.ScopeNum, id crdt.ScopeID, _ []byte) error {
			r.enterScope(n, id)
			return nil
		}); err != nil {
			return err
		}
		if err := t.Logs(r.loadLog); err != nil {
			return err
		}
		lsn, err := t.LastLSN()
		if err != nil {
			return err
		}
		r.lsn = lsn
		for _, l := range r.logs {
			r.lsn = max(r.lsn, l.lsn) // a dropped branch used numbers too
		}
		if err := r.fold(t); err != nil {
			return err
		}
		return r.loadHeld(t)
	})
	if err != nil {
		return err
	}
	if err := r.found(); err != nil {
		return err
	}
	if err := r.loadOwn(); err != nil {
		return err
	}
	r.refreshView()
	r.enterPublic()
	for _, l := range r.logs {
		r.pub.put(l.snapshot(r.idAt))
	}
	r.pub.arrived(r.lsn, nil)
	return r.db.View(func(t *store.Txn) error {
		if err := t.Forks(func(n store.LogNum, _ uint64, _ []byte) error {
			if l := r.nums[n]; l != nil {
				r.pub.prove(l.id)
			}
			return nil
		}); err != nil {
			return err
		}
		return r.loadWishes(t)
	})
}

const metaWorkspace = "workspace"

// checkWorkspace refuses a store of another workspace: its numbers would mean other scopes.
func (r *Replica) checkWorkspace(t *store.Txn) error {
	b, err := t.Meta(metaWorkspace)
	if errors.Is(err, store.ErrAbsent) {
		return nil
	}
	if err == nil && string(b) != string(r.ws[:]) {
		return errors.New("the store belongs to another workspace")
	}
	return err
}

// found writes what a new store begins with: whose it is, and the access scope.
func (r *Replica) found() error {
	id := crdt.AccessScope(r.ws)
	if r.scopes[id] != nil {
		return nil
	}
	b := &store.Batch{}
	b.PutMeta(metaWorkspace, r.ws[:])
	r.addScope(b, id)
	return r.commitNow(b)
}

// commitNow makes a batch durable while the mutex is held: at the start, and for what happens once.
func (r *Replica) commitNow(b *store.Batch) error {
	done := make(chan error, 1)
	r.db.Enqueue(b, func(err error) { done <- err })
	return <-done
}

func (r *Replica) enterScope(n store.ScopeNum, id crdt.ScopeID) *scopeState {
	s := &scopeState{num: n, id: id}
	r.scopes[id], r.byNum[n] = s, s
	kind := catchup.KindPrivate
	switch {
	case id == crdt.AccessScope(r.ws):
		kind = catchup.KindAccess
	case r.open[id]:
		kind = catchup.KindPublic
	}
	r.pub.addScope(id, kind)
	return s
}

// addScope gives a scope the next number.
func (r *Replica) addScope(b *store.Batch, id crdt.ScopeID) *scopeState {
	n := store.ScopeNum(len(r.byNum) + 1)
	b.PutScope(n, id, nil)
	return r.enterScope(n, id)
}

// what a log is, as it lies in the store: scope number, class, log id, sign key.
func (l *logState) what() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(l.scope.num))
	b = append(b, byte(l.class))
	b = append(b, l.id[:]...)
	return append(b, l.key...)
}

func (r *Replica) loadLog(n store.LogNum, what, state []byte) error {
	if len(what) != 4+1+16+ed25519.PublicKeySize {
		return fmt.Errorf("log record: %w", store.ErrDamaged)
	}
	sc := r.byNum[store.ScopeNum(binary.BigEndian.Uint32(what))]
	if sc == nil {
		return fmt.Errorf("log of no scope: %w", store.ErrDamaged)
	}
	h, err := parseHoldings(state)
	if err != nil {
		return err
	}
	l := &logState{
		num: n, scope: sc, class: crdt.Class(what[4]), id: crdt.LogID(what[5:21]),
		key: ed25519.PublicKey(what[21:]), holdings: h,
	}
	r.enterLog(l)
	return nil
}

func (r *Replica) enterLog(l *logState) {
	r.logs[l.id], r.nums[l.num] = l, l
	l.scope.logs = append(l.scope.logs, l)
}

// fold gives the state every access op that is here, in the order in which they were admitted, which is an order in
// which each finds what it rests on.
func (r *Replica) fold(t *store.Txn) error {
	return t.Arrivals(0, func(lsn uint64, p store.Place) error {
		l := r.nums[p.Log]
		if l == nil {
			return fmt.Errorf("arrival of no log: %w", store.ErrDamaged)
		}
		if l.class != crdt.ClassAccess {
			return nil
		}
		s, err := t.Op(p)
		if err != nil {
			return fmt.Errorf("op of arrival %d: %w", lsn, err)
		}
		adm, err := r.readmit(t, l, s)
		if err != nil {
			return fmt.Errorf("fold arrival %d: %w", lsn, err)
		}
		r.noteChannel(adm)
		return nil
	})
}

// readmit takes an op of the store through the steps again. It was authentic when it was put there, which is what naming
// itself as held after itself says to VerifyChain; a signature that it must carry is checked all the same.
func (r *Replica) readmit(t *store.Txn, l *logState, s store.Stored) (access.Admitted, error) {
	op := s.Op
	heads, err := t.Heads(op.Auth)
	if err != nil && !errors.Is(err, store.ErrAbsent) {
		return access.Admitted{}, err
	}
	op.Heads = heads
	return r.admitHeld(l, op)
}

// admitHeld makes an authentic op that lies in the store Verified and Admitted again.
func (r *Replica) admitHeld(l *logState, op crdt.Op) (access.Admitted, error) {
	c, err := crdt.VerifyChain(r.ws, l.key, crdt.Chain{Ops: []crdt.Op{op}, Next: op.Header.ID()})
	if err != nil {
		return access.Admitted{}, fmt.Errorf("%w: %w", store.ErrDamaged, err)
	}
	return r.state.Readmit(l.scope.id, c.Ops[0])
}

// refreshView publishes the state's newest view.
func (r *Replica) refreshView() { r.view.Store(r.state.View()) }

// noteChannel sees to it that a public channel is entered: every member holds it.
func (r *Replica) noteChannel(adm access.Admitted) {
	op := adm.Verified().Op()
	if op.Type != crdt.TypeChannelCreate {
		return
	}
	if body, err := access.ParseBody(op.Type, op.Payload); err == nil {
		if b, ok := body.(*access.ChannelCreate); ok {
			r.open[access.PublicScope(r.ws, adm.User(), b.Salt)] = true
		}
	}
}

// enterPublic enters the public channels that were noted and are not held.
func (r *Replica) enterPublic() {
	b := &store.Batch{}
	for id := range r.open {
		if r.scopes[id] != nil {
			r.pub.addScope(id, catchup.KindPublic) // it may have been held before its creation was heard of
		} else if b.Fits(1, 64) {
			r.addScope(b, id)
		}
	}
	if !b.Empty() {
		// Not waited for: if it is lost, the next start enters them again.
		r.db.Enqueue(b, func(error) {})
	}
}

// refold makes the state anew from what the store has: a branch of an access log was dropped.
func (r *Replica) refold() error {
	r.state = access.New(r.ws)
	return r.db.View(r.fold)
}
