package replica

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"hallway/crdt"
	"hallway/store"
)

// ownLogs says into which of this device's logs it writes (protocol 3.1). Going on with a log that another copy of the
// store may have gone on with too would fork it; so a log is gone on with only where the store is known to be the one
// last written: it was made by this process, the counter outside of it agrees, or a peer confirmed the log's head.
type ownLogs struct {
	fresh     crdt.Incarnation // of logs that begin now
	trusted   bool             // the store is the last one
	confirmed map[crdt.LogID]bool
	current   map[ownKey]crdt.LogID // the newest of our logs in a scope
	count     uint64                // writes of this device, as the store has it
	path      string                // of the counter outside; ""
	told      time.Time             // when a peer's word alone last began new logs
}

type ownKey struct {
	scope crdt.ScopeID
	class crdt.Class
}

const (
	metaIncarnation = "incarnation"
	metaCount       = "writes"
)

func (r *Replica) loadOwn() error {
	o := &r.own
	o.confirmed, o.current = map[crdt.LogID]bool{}, map[ownKey]crdt.LogID{}
	if r.public == nil {
		return nil
	}
	ref := crdt.RefOf(r.public)
	if r.o.Runtime != "" {
		instance := r.db.Instance()
		name := crdt.Hash("hallway/counter/v1", r.ws[:], instance[:], r.public)
		o.path = filepath.Join(r.o.Runtime, "writes-"+hex.EncodeToString(name[:8]))
	}
	var inc []byte
	err := r.db.View(func(t *store.Txn) (err error) {
		if inc, err = t.Meta(metaIncarnation); err != nil {
			return err
		}
		b, err := t.Meta(metaCount)
		if len(b) == 8 {
			o.count = binary.BigEndian.Uint64(b)
		}
		return err
	})
	switch {
	case errors.Is(err, store.ErrAbsent) && inc == nil: // a new store, or a device's first start on it
		o.trusted = true
		return r.begin()
	case err != nil && !errors.Is(err, store.ErrAbsent):
		return err
	}
	o.fresh = crdt.Incarnation(binary.BigEndian.Uint64(inc))
	for _, l := range r.logs {
		if crdt.RefOf(l.key) != ref || string(l.key) != string(r.public) {
			continue
		}
		k := ownKey{l.scope.id, l.class}
		if old := r.logs[o.current[k]]; old == nil || old.lsn < l.lsn {
			o.current[k] = l.id
		}
	}
	if o.trusted = o.agrees(); o.trusted {
		return nil
	}
	return r.begin()
}

// begin draws an incarnation for logs that begin now.
func (r *Replica) begin() error {
	random := r.o.Rand
	if random == nil {
		random = rand.Reader
	}
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return fmt.Errorf("draw incarnation: %w", err)
	}
	r.own.fresh = crdt.Incarnation(binary.BigEndian.Uint64(b[:]))
	batch := &store.Batch{}
	batch.PutMeta(metaIncarnation, b[:])
	return r.commitNow(batch)
}

// agrees reports whether the counter outside the store is the store's.
func (o *ownLogs) agrees() bool {
	if o.path == "" {
		return false
	}
	b, err := os.ReadFile(o.path)
	return err == nil && string(b) == o.mark()
}

func (o *ownLogs) mark() string { return fmt.Sprintf("%d\n", o.count) }

// note writes the counter outside, after the commit that it counts: a crash between the two makes them disagree, which
// costs a new log and never a fork. So does a failure to write it.
func (o *ownLogs) note() {
	if o.path == "" {
		return
	}
	tmp := o.path + ".new"
	if err := os.WriteFile(tmp, []byte(o.mark()), 0o600); err != nil || os.Rename(tmp, o.path) != nil {
		_ = os.Remove(o.path) // what cannot be kept true must not stay
	}
}

// tip is where this device writes next in a scope.
func (r *Replica) tip(sc *scopeState, class crdt.Class) (crdt.Tip, *logState, error) {
	k := ownKey{sc.id, class}
	if l := r.logs[r.own.current[k]]; l != nil && (r.own.trusted || r.own.confirmed[l.id] || l.id.Incarnation() == r.own.fresh) {
		if l.forked() {
			return crdt.Tip{}, nil, ErrForked
		}
		if _, early := r.held.first[l.id]; !early {
			top, _ := l.top()
			return crdt.Tip{Log: l.id, Device: crdt.RefOf(r.public), Seq: top.hi + 1, Prev: top.head, HLC: top.hlc}, l, nil
		}
	}
	l := r.newOwnLog(sc, class, r.own.fresh)
	if r.logs[l.id] != nil {
		return crdt.Tip{}, nil, fmt.Errorf("incarnation is in use: %w", ErrForked)
	}
	return crdt.Tip{Log: l.id, Device: crdt.RefOf(r.public)}, l, nil
}

func (r *Replica) newOwnLog(sc *scopeState, class crdt.Class, inc crdt.Incarnation) *logState {
	id := crdt.NewLogID(r.ws, sc.id, r.public, class, inc)
	return &logState{scope: sc, id: id, class: class, key: r.public}
}

// noteOwn sees an op that came from outside. One of ours that was not here tells that another copy of this store has
// written: from now on this one writes logs of its own.
func (r *Replica) noteOwn(l *logState, op *crdt.Op) {
	if r.public == nil || string(l.key) != string(r.public) {
		return
	}
	k := ownKey{l.scope.id, l.class}
	if r.own.current[k] == l.id || op.Log.Incarnation() == r.own.fresh {
		r.newIncarnation()
	}
}

func (r *Replica) newIncarnation() {
	clear(r.own.current)
	clear(r.own.confirmed)
	r.own.trusted = false
	if err := r.begin(); err != nil {
		r.o.Log.Error("no new incarnation", "err", err)
	}
}

// NewIncarnation has this device write into logs of their own from now on: another live process with its identity was
// seen, or its clock was corrected (protocol 3.1, 3.4).
func (r *Replica) NewIncarnation() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.public != nil {
		r.believe()
	}
}

// beliefTime is how long a peer's word that another copy writes has no effect after the last one. Anybody can say so,
// again and again, and each time costs a log in every scope; whoever is right the second time is right about logs that
// this process began after the first, which nobody else writes to. Proof, an op of ours that is not here, always counts.
const beliefTime = 10 * time.Minute

// believe begins new logs on a peer's word.
func (r *Replica) believe() {
	now := r.o.Clock()
	if since := now.Sub(r.own.told); since >= 0 && since < beliefTime {
		return
	}
	r.own.told = now
	r.newIncarnation()
}

// Confirm hears that a peer holds a log up to hi. Of one of ours that says whether ours is the last copy of it: the same
// height means that it may be gone on with, a greater one that another copy wrote.
func (r *Replica) Confirm(log crdt.LogID, hi uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.logs[log]
	if l == nil || r.public == nil || string(l.key) != string(r.public) {
		return
	}
	top, ok := l.top()
	current := r.own.current[ownKey{l.scope.id, l.class}] == log
	switch {
	case ok && hi == top.hi:
		r.own.confirmed[log] = true
	case ok && hi > top.hi && current:
		r.believe()
	}
}

// Ours reports whether the log is one of this device's.
func (r *Replica) Ours(log crdt.LogID) bool {
	v := r.pub.log(log)
	return v != nil && r.public != nil && string(v.l.key) == string(r.public)
}
