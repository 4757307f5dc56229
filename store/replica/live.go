package replica

import (
	"errors"
	"fmt"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
)

// MaxFrame is the most bytes of a live op.
const MaxFrame = crdt.MaxPayload + 4<<10

// Budget bounds what one device may send live (protocol 9.5). What is over it is not invalid: it comes by catch-up.
type Budget struct {
	Burst  float64 // ops at once that are forwarded
	Rate   float64 // ops a second that are forwarded
	Excess float64 // how many times as many are taken without being forwarded, before they are not even looked at
}

// DefaultBudget is that of protocol 9.5.
var DefaultBudget = Budget{Burst: 20, Rate: 2, Excess: 20}

// bucket is a device's account: it holds up to Burst*Excess ops, and what is left of the uppermost Burst is forwarded.
type bucket struct {
	forward, take float64
	at            time.Time
}

func (b *bucket) spend(o Budget, now time.Time) (forward, take bool) {
	d := max(0, now.Sub(b.at).Seconds())
	b.forward = min(o.Burst, b.forward+d*o.Rate)
	b.take = min(o.Burst*o.Excess, b.take+d*o.Rate*o.Excess)
	b.at = now
	if forward = b.forward >= 1; forward {
		b.forward--
	}
	if take = b.take >= 1; take {
		b.take--
	}
	return forward, take
}

// errBudget is why an op over its author's budget is not forwarded.
var errBudget = errors.New("over the author's budget")

// Live takes one op as it travels live (crdt.AppendOp), from the cheapest check to the dearest (protocol 9.3), and
// answers before it is durable.
func (r *Replica) Live(from Source, frame []byte) Heard {
	if len(frame) > MaxFrame {
		return reject(crdt.ErrTooLarge)
	}
	f, err := crdt.ParseOp(frame)
	if errors.Is(err, crdt.ErrVersion) {
		return Heard{Verdict: Ignore, Err: err}
	}
	if err != nil {
		return reject(err)
	}
	l, op, heard := r.recognise(from, f)
	if heard.Verdict != Accept {
		return heard
	}
	v, err := crdt.VerifyOp(r.ws, l.key, op)
	r.checked.Add(1)
	if err != nil {
		return reject(err)
	}
	got := r.takeLive(from, l, v)
	if got.Verdict == Accept && heard.Err != nil {
		got.Verdict, got.Err = Ignore, heard.Err
	}
	return got
}

func reject(err error) Heard { return Heard{Verdict: Reject, Err: err} }

func ignore(sc *scopeState, err error) Heard {
	h := Heard{Verdict: Ignore, Err: err}
	if sc != nil {
		h.Scope = sc.id
	}
	return h
}

// recognise does all but the signature: whose is it, is it known, is it within budget. A verdict of Accept means that
// the signature decides.
func (r *Replica) recognise(from Source, f crdt.LiveFrame) (*logState, crdt.Op, Heard) {
	op := f.Peek()
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.logOfAny(op)
	if l == nil {
		return nil, crdt.Op{}, ignore(nil, ErrEarly)
	}
	if op.Type.Class() != l.class {
		return nil, crdt.Op{}, reject(crdt.ErrMalformed)
	}
	heard := Heard{Verdict: Accept, Scope: l.scope.id}
	auth, ok := r.prevAuth(l, f)
	if !ok {
		heard = ignore(l.scope, ErrEarly)
		heard.Gap = l.gap(op.Seq + 1)
		return nil, crdt.Op{}, heard
	}
	full := f.Complete(auth)
	if l.covers(op.Seq) && r.here(full.Header.ID()) {
		heard = ignore(l.scope, nil)
		heard.Known = true
		return nil, crdt.Op{}, heard
	}
	forward, take := r.spend(from, op.Device)
	if !take {
		return nil, crdt.Op{}, ignore(l.scope, errBudget)
	}
	if !forward {
		heard.Err = errBudget
	}
	return l, full, heard
}

func (r *Replica) spend(from Source, device crdt.DeviceRef) (forward, take bool) {
	b := r.budgets[device]
	now := r.o.Clock()
	if b == nil {
		if len(r.budgets) > 1<<16 {
			clear(r.budgets)
		}
		b = &bucket{forward: r.o.Budget.Burst, take: r.o.Budget.Burst * r.o.Budget.Excess, at: now}
		r.budgets[device] = b
	}
	return b.spend(r.o.Budget, now)
}

// logOfAny finds the log of an op among all scopes held.
func (r *Replica) logOfAny(op *crdt.Op) *logState {
	if l := r.logs[op.Log]; l != nil {
		if crdt.RefOf(l.key) != op.Device {
			return nil
		}
		return l
	}
	for _, key := range r.state.Keys(op.Device) {
		for _, sc := range r.byNum {
			if class, ok := crdt.ClassOfLog(r.ws, sc.id, key, op.Log); ok {
				return &logState{scope: sc, id: op.Log, class: class, key: key}
			}
		}
	}
	return nil
}

// prevAuth is the Auth of the op before, where the frame left it out.
func (r *Replica) prevAuth(l *logState, f crdt.LiveFrame) (crdt.AuthRef, bool) {
	op := f.Peek()
	if !f.NeedsPrev() {
		return crdt.AuthRef{}, true
	}
	if b := l.below(op.Seq, op.Prev); b != nil {
		return b.auth, true
	}
	_, auth, ok := r.find(op.Prev)
	return auth, ok
}

// gap is what is missing right below seq, or nil.
func (l *logState) gap(seq uint64) *Gap {
	from := uint64(0)
	for i := range l.runs {
		x := &l.runs[i]
		if x.lo < seq && x.hi+1 >= seq {
			return nil
		}
		if x.hi < seq {
			from = max(from, x.hi+1)
		}
	}
	if from >= seq {
		return nil
	}
	return &Gap{Scope: l.scope.id, Log: l.id, From: from, To: seq - 1}
}

// takeLive takes a verified op on, and does not wait for the disk.
func (r *Replica) takeLive(from Source, l *logState, v crdt.Verified) Heard {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.logs[l.id]; known != nil {
		l = known // entered meanwhile
	}
	if err := errors.Join(r.db.Room(), r.db.Failed()); err != nil {
		return ignore(l.scope, err)
	}
	t := r.turn(from)
	gap := l.gap(v.Op().Seq)
	t.chain(l, []crdt.Verified{v}, nil)
	got := t.out
	t.finish()
	r.nudge()
	heard := Heard{Verdict: Accept, Scope: l.scope.id, Gap: gap}
	switch {
	case got.Known > 0:
		heard.Verdict, heard.Known = Ignore, true
	case len(got.Refused) > 0:
		heard.Verdict, heard.Err = Ignore, got.Refused[0].Err
	case r.isEarly(v):
		heard.Verdict, heard.Err = Ignore, fmt.Errorf("ahead of its time: %w", ErrEarly)
	case got.New == 0:
		heard.Err = ErrEarly // authentic and for those to judge who can: forward it
	}
	return heard
}

func (r *Replica) isEarly(v crdt.Verified) bool {
	_, held := r.held.ops[v.ID()]
	return held
}

// Frame is the op as it travels live: Auth is left out where it equals that of the op before, else the heads that it
// stands for come along.
func (r *Replica) Frame(adm access.Admitted) []byte {
	op := adm.Verified().Op()
	same := false
	if op.Seq > 0 {
		_, auth, ok := r.find(op.Prev)
		same = ok && auth == op.Auth
	}
	return crdt.AppendOp(nil, op, same)
}
