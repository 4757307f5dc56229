package catchup

import (
	"time"

	"hallway/crdt"
	"hallway/p2p/wire"
)

// fetchState is what this side wants from the peer.
type fetchState struct {
	fetches     map[crdt.ScopeID]*fetch
	doubt       map[crdt.ScopeID]bool // a cursor brought nothing though the roots differ
	flying      map[uint64]*wantOut
	flyingWants int    // of content
	flyingOps   uint64 // of content, not here yet
	nextWant    uint64
	noBackfill  bool

	begun          bool // something was wanted: credit flows
	granted        int  // bytes that the peer may still send
	held           int  // bytes that came and are not committed
	queue          []*Work
	committing     []*Work
	bytesIn, opsIn uint64

	acks map[crdt.ScopeID]map[crdt.LogID]wire.SyncHold
}

func newFetchState() fetchState {
	return fetchState{
		fetches: map[crdt.ScopeID]*fetch{}, doubt: map[crdt.ScopeID]bool{}, flying: map[uint64]*wantOut{},
		acks: map[crdt.ScopeID]map[crdt.LogID]wire.SyncHold{},
	}
}

// phase is where the fetching of one scope stands.
type phase uint8

const (
	toAsk    phase = iota // the differences are not asked for yet
	asking                // a Delta or a walk is under way
	toRecent              // listed; the newest ops are to be asked for
	recent                // asked for
	fetching              // ranges are asked for as they fit
)

// fetch is one scope that differs, until it is settled.
type fetch struct {
	from  *offer
	phase phase
	audit bool
	again bool   // the peer's root changed meanwhile
	since bool   // asked by cursor
	after uint64 // the cursor that was used
	upto  uint64 // the cursor to set when all is here; 0: none

	needs  []*need // not done, in the order listed
	byLog  map[crdt.LogID]*need
	listed int
	short  bool // something could not be had: the cursor stays
	flying int  // ranges asked for, not finished and committed
	have   uint64
	got    []crdt.LogID
	below  map[crdt.OpID]bool // ends of branches that were asked for
}

// need is what we lack of one log.
type need struct {
	entry   Entry
	missing []Span // not asked for yet, ascending
	recent  uint64 // of content: from this seq on it is urgent
	forks   []wire.SyncRange
	askFork bool
	flying  int
	forkOut bool // its branches are asked for
	waited  bool // another session had it
	done    bool
}

// wantOut is a range that was asked for.
type wantOut struct {
	f      *fetch
	n      *need
	rng    wire.SyncRange
	lo, hi uint64 // what may still come, where left is not 0
	left   uint64
	at     ForkAt // of a branch: what the lowest op that came is chained to
}

// differs starts, or repeats, the fetching of a scope.
func (s *Session) differs(o *offer) {
	if f := s.fetches[o.scope]; f != nil {
		f.again = true
		return
	}
	s.fetches[o.scope] = &fetch{from: o, audit: s.audit || s.doubt[o.scope], byLog: map[crdt.LogID]*need{}}
}

func (s *Session) asking() (n int) {
	for _, f := range s.fetches {
		if f.phase == asking || f.phase == recent {
			n++
		}
	}
	return n
}

func (s *Session) uncommitted() int { return len(s.queue) + len(s.committing) }

// landed ends a range: nothing more will come for it.
func (s *Session) landed(id uint64, w *wantOut) {
	delete(s.flying, id)
	if w.rng.Down {
		s.flyingWants--
		s.flyingOps -= w.left
	}
	w.left = 0
}

// came narrows a range to what may still come after a segment; false where the segment is none that was asked for.
func (s *Session) came(w *wantOut, seg *crdt.Segment) bool {
	first, last := seg.Ops[0].Seq, seg.Ops[len(seg.Ops)-1].Seq
	if seg.Ops[0].Log != w.rng.Log || w.left == 0 || first < w.lo || last > w.hi {
		return false
	}
	before := w.left
	if !w.rng.Branch.IsZero() {
		w.at = ForkAt{Log: w.rng.Log, Seq: first, Prev: seg.Ops[0].Prev}
	}
	if w.rng.Down {
		if w.left = first - w.lo; w.left > 0 {
			w.hi = first - 1
		}
		s.flyingOps -= before - w.left
		return true
	}
	if w.left = w.hi - last; w.left > 0 {
		w.lo = last + 1
	}
	return true
}

// committedWant is called when a range has landed and what it brought is durable.
func (s *Session) committedWant(w *wantOut) {
	if w.at.Seq > 0 {
		s.branchBelow(w.f, w.at)
	}
	w.n.flying--
	w.f.flying--
	s.finish(w.f, w.n)
	s.settle(w.f)
}

// finish lets go of a log of which nothing is missing or flying any more.
func (s *Session) finish(f *fetch, n *need) {
	if s.fetches[f.from.scope] != f || n.done || n.flying > 0 || len(n.missing) > 0 || len(n.forks) > 0 || n.askFork {
		return
	}
	n.done = true
	f.got = append(f.got, n.entry.Log)
	delete(f.byLog, n.entry.Log)
	s.o.Shared.release(s, f.from.scope, n.entry.Log)
	mine, _ := s.o.Replica.Trie(f.from.scope).Get(n.entry.Log)
	whole := len(lacking(n.entry, s.o.Replica.Held(f.from.scope, n.entry.Log))) == 0
	if !whole || n.entry.Forked && mine.Head != n.entry.Head {
		f.short = true
	}
}

// settle ends the fetching of a scope when nothing is left, and tells the peer where we stand now.
func (s *Session) settle(f *fetch) {
	if f.phase != fetching || f.flying > 0 || s.fetches[f.from.scope] != f {
		return
	}
	for _, n := range f.needs {
		if !n.done {
			return
		}
	}
	scope := f.from.scope
	delete(s.fetches, scope)
	if f.upto > 0 && !f.short {
		s.o.Replica.SetCursor(s.peer.Instance, scope, f.upto)
	}
	s.emit(Event{Kind: EventSettled, Scope: scope})
	s.tell(f)
	s.doubt[scope] = f.since && f.have == 0 && s.o.Replica.Trie(scope).Root() != f.from.root
	if f.again {
		s.check(f.from)
	}
}

// tell lets the peer know what we hold now: the root, and where that is not what it holds itself, the logs that grew.
func (s *Session) tell(f *fetch) {
	scope := f.from.scope
	o := s.byScope[scope]
	if o == nil || f.have == 0 {
		return
	}
	o.stale = true
	trie := s.o.Replica.Trie(scope)
	if trie.Root() == f.from.root {
		s.check(f.from)
		return
	}
	for _, log := range f.got {
		if e, ok := trie.Get(log); ok {
			s.Stored(scope, log, e.Lo, e.Hi)
		}
	}
}

// abandon forgets the fetching of a scope that the peer closed.
func (s *Session) abandon(scope crdt.ScopeID) {
	delete(s.walks, scope)
	f := s.fetches[scope]
	if f == nil {
		return
	}
	delete(s.fetches, scope)
	for id, w := range s.flying {
		if w.f == f {
			s.landed(id, w)
		}
	}
	for _, n := range f.needs {
		s.o.Shared.release(s, scope, n.entry.Log)
	}
}

// Gap asks for seqs from..to of a log of which this peer forwarded a later op (protocol 7.8).
func (s *Session) Gap(now time.Time, scope crdt.ScopeID, log crdt.LogID, from, to uint64) {
	if s.err != nil || s.peer == nil || from > to {
		return
	}
	o := s.theirBy[scope]
	if o == nil {
		s.offer(scope) // the peer announces it in answer, and its root shows the difference
		return
	}
	if !o.proved {
		s.prove = append(s.prove, o)
	}
	f := s.fetches[scope]
	if f == nil {
		f = &fetch{from: o, phase: fetching, byLog: map[crdt.LogID]*need{}}
		s.fetches[scope] = f
	}
	if f.phase != fetching || f.byLog[log] != nil {
		f.again = true
		return
	}
	e := Entry{Log: log, Class: crdt.ClassContent, Lo: from, Hi: to}
	if mine, ok := s.o.Replica.Trie(scope).Get(log); ok {
		e.Class = mine.Class
	}
	if missing := lacking(e, s.o.Replica.Held(scope, log)); len(missing) > 0 {
		f.add(&need{entry: e, missing: missing})
	}
}

func (f *fetch) add(n *need) {
	f.needs = append(f.needs, n)
	f.byLog[n.entry.Log] = n
}

// lacking is what of an entry is not held.
func lacking(e Entry, held []Span) []Span {
	var out []Span
	lo := e.Lo
	for _, h := range held {
		if h.To < lo {
			continue
		}
		if h.From > e.Hi {
			break
		}
		if h.From > lo {
			out = append(out, Span{From: lo, To: h.From - 1})
		}
		if lo = h.To + 1; lo > e.Hi {
			return out
		}
	}
	return append(out, Span{From: lo, To: e.Hi})
}
