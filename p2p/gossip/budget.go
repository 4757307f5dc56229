package gossip

import (
	"sync"
	"time"

	"hallway/crdt"
)

// Limits are what one device may put on the live paths (protocol 9, item 5). They limit live forwarding only: what is over
// them is never invalid and comes by catch-up.
type Limits struct {
	Burst       int     // ops at once
	Rate        float64 // ops a second, sustained
	BytesHour   int     // payload bytes an hour
	LogsDay     int     // logs that were new to us, a day
	AccessHour  int     // access ops an hour
	MintsHour   int     // epoch mints an hour
	SignalBurst int     // signals at once; they count here and nowhere else
	SignalRate  float64 // signals a second, sustained
	DevicesKept int     // devices that are remembered at once, the idlest dropped first
}

// DefaultLimits are protocol 9, item 5's.
var DefaultLimits = Limits{
	Burst: 20, Rate: 2, BytesHour: 5 << 20, LogsDay: 64, AccessHour: 200, MintsHour: 6,
	SignalBurst: 40, SignalRate: 4, DevicesKept: 16384,
}

// Budgets counts what devices send live. It may be used from any goroutine.
type Budgets struct {
	limits Limits
	clock  func() time.Time

	mu      sync.Mutex
	devices map[crdt.DeviceRef]*buckets
}

// buckets are one device's.
type buckets struct {
	ops, bytes, logs, access, mints, signals bucket
	used                                     time.Time
}

// bucket is a token bucket that starts full.
type bucket struct {
	spent float64 // tokens that are missing
	at    time.Time
}

// Cost is what one op costs its author.
type Cost struct {
	Type   crdt.Type
	Bytes  int
	NewLog bool
	Signal bool // not an op: the other fields are zero
}

// NewBudgets counts against limits, DefaultLimits where zero, by the clock.
func NewBudgets(limits Limits, clock func() time.Time) *Budgets {
	if limits == (Limits{}) {
		limits = DefaultLimits
	}
	return &Budgets{limits: limits, clock: clock, devices: map[crdt.DeviceRef]*buckets{}}
}

// Allows reports whether the device could pay now. It charges nothing: a forged frame must not spend its victim's
// budget, so that the charge waits for the signature.
func (b *Budgets) Allows(device crdt.DeviceRef, c Cost) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	d, ok := b.devices[device]
	if !ok {
		return c.Bytes <= b.limits.BytesHour
	}
	return b.each(d, c, func(k *bucket, cost, size, rate float64) bool { return k.left(b.clock(), size, rate) >= cost })
}

// Charge books an op that was accepted.
func (b *Budgets) Charge(device crdt.DeviceRef, c Cost) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d, ok := b.devices[device]
	if !ok {
		b.makeRoom()
		d = &buckets{}
		b.devices[device] = d
	}
	now := b.clock()
	d.used = now
	b.each(d, c, func(k *bucket, cost, size, rate float64) bool { k.take(now, cost, size, rate); return true })
}

// each runs f over the buckets that an op draws on, until one says no.
func (b *Budgets) each(d *buckets, c Cost, f func(k *bucket, cost, size, rate float64) bool) bool {
	l := b.limits
	if c.Signal {
		return f(&d.signals, 1, float64(l.SignalBurst), l.SignalRate)
	}
	hour, day := time.Hour.Seconds(), 24*time.Hour.Seconds()
	ok := f(&d.ops, 1, float64(l.Burst), l.Rate) &&
		f(&d.bytes, float64(c.Bytes), float64(l.BytesHour), float64(l.BytesHour)/hour)
	if ok && c.NewLog {
		ok = f(&d.logs, 1, float64(l.LogsDay), float64(l.LogsDay)/day)
	}
	if ok && c.Type.Class() == crdt.ClassAccess {
		ok = f(&d.access, 1, float64(l.AccessHour), float64(l.AccessHour)/hour)
	}
	if ok && c.Type == crdt.TypeEpochMint {
		ok = f(&d.mints, 1, float64(l.MintsHour), float64(l.MintsHour)/hour)
	}
	return ok
}

// makeRoom drops the device that was silent longest where the table is full. It then starts anew with full buckets, which
// costs us no more than one burst.
func (b *Budgets) makeRoom() {
	if len(b.devices) < b.limits.DevicesKept || b.limits.DevicesKept <= 0 {
		return
	}
	var idlest crdt.DeviceRef
	var at time.Time
	first := true
	for ref, d := range b.devices {
		if first || d.used.Before(at) {
			idlest, at, first = ref, d.used, false
		}
	}
	delete(b.devices, idlest)
}

// left is how many tokens are there at now. A clock that went back refills nothing.
func (k *bucket) left(now time.Time, size, rate float64) float64 {
	spent := k.spent
	if d := now.Sub(k.at); d > 0 && !k.at.IsZero() {
		spent = max(0, spent-d.Seconds()*rate)
	}
	return size - spent
}

func (k *bucket) take(now time.Time, cost, size, rate float64) {
	k.spent = size - k.left(now, size, rate) + cost
	k.at = now
}
