package replica

import (
	"time"

	"hallway/crdt"
)

// waitItem is something that cannot take its next step yet. One of raw, bare and chain is set: the names of the steps.
type waitItem struct {
	src   Source
	scope crdt.ScopeID
	log   crdt.LogID
	raw   *crdt.Segment   // whose key is not known
	bare  []crdt.Op       // that no signature covers
	chain []crdt.Verified // whose rights cannot be judged: access ops are missing
	tail  []crdt.Op       // what covers chain after its end; nil where its last op is signed
	size  int
	until time.Time
	turn  *turn // that brought it
}

func (w *waitItem) ops() int {
	if w.raw != nil {
		return len(w.raw.Ops)
	}
	return len(w.bare) + len(w.chain)
}

func opSize(op *crdt.Op) int {
	return 256 + len(op.Payload) + 32*(len(op.Deps)+len(op.Heads))
}

func (w *waitItem) measure() {
	if w.raw != nil {
		for _, part := range [][]crdt.Op{w.raw.Ops, w.raw.Tail} {
			for i := range part {
				w.size += opSize(&part[i])
			}
		}
	}
	for _, part := range [][]crdt.Op{w.bare, w.tail} {
		for i := range part {
			w.size += opSize(&part[i])
		}
	}
	for _, v := range w.chain {
		w.size += opSize(v.Op())
	}
}

// waitingRoom is where they wait, in the order in which they came.
type waitingRoom struct {
	items []*waitItem
	bytes map[string]int
}

// maxBundle is what a file may have waiting: its segments come from one reader of one file, not from the network.
const maxBundle = 32 << 20

func (s Source) limit() int {
	if s.Way == ByBundle {
		return maxBundle
	}
	return MaxWaitingBytes
}

// wait puts something into the waiting room, or gives it up where the source has its share there already: whoever
// brought it still has it.
func (t *turn) wait(w *waitItem) {
	w.src = t.src
	w.measure()
	w.until, w.turn = t.now.Add(MaxWaitingTime), t
	if t.retried != nil { // it does not wait anew
		w.until, w.turn = t.retried.until, t.retried.turn
	}
	room := &t.r.waiting
	if room.bytes == nil {
		room.bytes = map[string]int{}
	}
	if room.bytes[w.src.Peer]+w.size > w.src.limit() {
		return
	}
	room.bytes[w.src.Peer] += w.size
	room.items = append(room.items, w)
}

// takeOut removes the items that match and answers them.
func (room *waitingRoom) takeOut(match func(*waitItem) bool) (out []*waitItem) {
	kept := room.items[:0]
	for _, w := range room.items {
		if !match(w) {
			kept = append(kept, w)
			continue
		}
		out = append(out, w)
		if room.bytes[w.src.Peer] -= w.size; room.bytes[w.src.Peer] <= 0 {
			delete(room.bytes, w.src.Peer)
		}
	}
	clear(room.items[len(kept):])
	room.items = kept
	return out
}

// expire frees what waited its time.
func (room *waitingRoom) expire(now time.Time) {
	room.takeOut(func(w *waitItem) bool { return !now.Before(w.until) })
}

// next is when the first item expires; zero where nothing waits.
func (room *waitingRoom) next() (first time.Time) {
	for _, w := range room.items {
		if first.IsZero() || w.until.Before(first) {
			first = w.until
		}
	}
	return first
}

// uncovered takes out the ops of the same source and log that end right before op.
func (room *waitingRoom) uncovered(peer string, log crdt.LogID, op *crdt.Op) []crdt.Op {
	for _, w := range room.takeOut(func(w *waitItem) bool {
		if w.bare == nil || w.src.Peer != peer || w.log != log {
			return false
		}
		last := &w.bare[len(w.bare)-1]
		return last.Seq+1 == op.Seq && last.Header.ID() == op.Prev
	}) {
		return w.bare
	}
	return nil
}

// retry takes up again what may go on now: after an access op everything that waited for rights or keys, and after any
// op the runs that it covers.
func (t *turn) retry() {
	for again := true; again; {
		before, stored := t.access, t.out.New
		if t.access > 0 {
			t.again(t.r.waiting.takeOut(func(w *waitItem) bool { return w.bare == nil }))
		}
		t.again(t.r.waiting.takeOut(t.covered))
		again = t.access > before || t.out.New > stored
	}
}

// covered reports whether a run without a signature has since been covered by what is held after it.
func (t *turn) covered(w *waitItem) bool {
	l := t.r.logs[w.log]
	if w.bare == nil || l == nil {
		return false
	}
	last := &w.bare[len(w.bare)-1]
	return l.above(last.Seq, last.Header.ID()) != nil
}

// again takes items up where they stopped. What another turn brought is not this one's fault, nor its outcome.
func (t *turn) again(items []*waitItem) {
	src := t.src
	for _, w := range items {
		refused, missing := t.out.Refused, t.out.Missing
		t.src, t.retried = w.src, w
		sc := t.r.scopes[w.scope]
		switch {
		case w.raw != nil:
			t.segment(sc, w.raw)
		case w.bare != nil:
			t.verify(t.r.logs[w.log], w.bare, nil)
		case w.chain != nil:
			if l, err := t.r.logOf(sc, w.chain[0].Op()); err == nil {
				t.chain(l, w.chain, w.tail)
			}
		}
		if w.turn != t {
			t.out.Refused, t.out.Missing = refused, missing
		}
	}
	t.src, t.retried = src, nil
}

// left is the number of ops that the turn brought and that wait still.
func (room *waitingRoom) left(t *turn) (n int) {
	for _, w := range room.items {
		if w.turn == t {
			n += w.ops()
			w.turn = nil
		}
	}
	return n
}

// Waiting is the number of ops that wait in memory for a key, a right or a signature.
func (r *Replica) Waiting() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.waiting.items {
		n += w.ops()
	}
	return n
}
