package catchup

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"hallway/p2p/wire"
)

// link carries messages between two sessions, like a stream that keeps order.
type link struct {
	t      testing.TB
	ends   [2]*end
	now    time.Time
	frames int // delivered so far
	trace  func(from int, m wire.SyncMessage, size int)
}

// end is one side: a session, its replica, and what is on the way to it.
type end struct {
	r        *memory
	s        *Session
	inbox    [][]byte
	bytes    int // sent by this end, lengths included
	batches  int // bytes of batches alone
	lost     int // bytes of batches that came and were never committed
	work     *Work
	events   []Event
	busyDisk bool // commits do not happen
	woken    bool
	memory   int // most bytes of batches waiting in the inbox
}

var nonces uint64

func connect(t testing.TB, a, b *memory, shared ...*Coordinator) *link {
	l := &link{t: t, now: a.w.clock}
	rs := []*memory{a, b}
	for i, r := range rs {
		c := NewCoordinator()
		if i < len(shared) && shared[i] != nil {
			c = shared[i]
		}
		nonces++
		o := Options{Replica: r, Shared: c, Self: PeerID(r.name), Peer: PeerID(rs[1-i].name)}
		binary.BigEndian.PutUint64(o.Nonce[:], nonces)
		copy(o.Process[:], r.name)
		e := &end{r: r}
		o.Wake = func() { e.woken = true }
		e.s = NewSession(o)
		l.ends[i] = e
	}
	return l
}

// send moves one frame of end i onto the way, and reports whether there was one.
func (l *link) send(i int) bool {
	e := l.ends[i]
	frame, ok := e.s.Next()
	if !ok {
		return false
	}
	if len(frame) > wire.MaxSyncFrame {
		l.t.Fatalf("frame of %d bytes", len(frame))
	}
	size := len(binary.AppendUvarint(nil, uint64(len(frame)))) + len(frame)
	e.bytes += size
	m, err := wire.ParseSync(frame)
	if err != nil {
		l.t.Fatalf("%s wrote what cannot be read: %v", e.r.name, err)
	}
	if _, ok := m.(wire.SyncBatchMsg); ok {
		e.batches += size
	}
	if l.trace != nil {
		l.trace(i, m, size)
	}
	l.ends[1-i].inbox = append(l.ends[1-i].inbox, frame)
	return true
}

// deliver hands end i the next frame that is on the way to it.
func (l *link) deliver(i int) bool {
	e := l.ends[i]
	if len(e.inbox) == 0 {
		return false
	}
	frame := e.inbox[0]
	e.inbox = e.inbox[1:]
	l.frames++
	if err := e.s.Receive(l.now, frame); err != nil {
		l.t.Fatalf("%s: %v", e.r.name, err)
	}
	e.events = append(e.events, e.s.Events()...)
	return true
}

// commit makes a batch of end i durable.
func (l *link) commit(i int) bool {
	e := l.ends[i]
	if e.busyDisk {
		return false
	}
	w, ok := e.s.Work()
	if !ok {
		return false
	}
	out, err := e.r.Ingest(context.Background(), PeerID(l.ends[1-i].r.name), w.Scope, w.Segments)
	if err := e.s.Committed(l.now, w, out, err); err != nil {
		l.t.Fatalf("%s: %v", e.r.name, err)
	}
	e.events = append(e.events, e.s.Events()...)
	return true
}

// run carries on until nobody has anything to say.
func (l *link) run() {
	for moved := true; moved; {
		moved = false
		for i := range l.ends {
			for l.send(i) {
				moved = true
			}
			for l.deliver(i) {
				moved = true
				for l.commit(i) {
				}
			}
			for l.commit(i) {
				moved = true
			}
		}
	}
	for _, e := range l.ends {
		if err := e.s.Poll(l.now); err != nil {
			l.t.Fatal(err)
		}
	}
}

// steps carries on for at most n deliveries, and reports whether there is more.
func (l *link) steps(n int) bool {
	stop := l.frames + n
	for l.frames < stop {
		moved := false
		for i := range l.ends {
			moved = l.send(i) || moved
			if l.frames < stop && l.deliver(i) {
				moved = true
			}
			moved = l.commit(i) || moved
		}
		if !moved {
			return false
		}
	}
	return true
}

func (l *link) close() {
	for _, e := range l.ends {
		e.s.Close()
	}
}

func (l *link) bytes() int   { return l.ends[0].bytes + l.ends[1].bytes }
func (l *link) batches() int { return l.ends[0].batches + l.ends[1].batches }

func (l *link) kick(audit bool) {
	l.ends[0].s.Kick(l.now, audit)
	l.run()
}

func meet(t testing.TB, a, b *memory) *link {
	t.Helper()
	l := connect(t, a, b)
	l.run()
	for _, e := range l.ends {
		if !e.s.Idle() {
			t.Errorf("%s is not idle at the end", e.r.name)
		}
	}
	l.close()
	return l
}
