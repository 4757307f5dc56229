package catchup

import (
	"container/heap"
	"math"

	"hallway/crdt"
	"hallway/p2p/wire"
)

// askDifferences asks which logs of a scope differ: by cursor where there is one, or where nothing is here at all; else by
// walking both tries together.
func (s *Session) askDifferences(f *fetch) wire.SyncMessage {
	f.phase = asking
	f.since = true
	m := wire.SyncOpen{Ref: f.from.ref, Proof: s.myTag(labelProof, f.from.scope), Mode: wire.SyncSince}
	f.from.proved = true
	f.after = s.o.Replica.Cursor(s.peer.Instance, f.from.scope)
	trie := s.o.Replica.Trie(f.from.scope)
	switch {
	case trie.Len() == 0:
		f.after = 0
	case f.after == 0 || f.audit:
		m.Mode, f.after, f.since = wire.SyncTree, 0, false
		s.walks[f.from.scope] = &walk{scope: f.from.scope, ref: f.from.ref, trie: trie, asked: true}
	}
	m.After = f.after
	return m
}

// open answers a request for differences.
func (s *Session) open(m wire.SyncOpen) error {
	o, err := s.served(m.Ref, false)
	if o == nil || err != nil {
		return err
	}
	if m.Proof != s.theirTag(labelProof, o.scope) {
		return violation("wrong proof of a scope")
	}
	o.proved = true
	switch m.Mode {
	case wire.SyncSince:
		return s.owe(&deltaJob{o: o, after: m.After})
	case wire.SyncTree:
		s.startWalk(o)
	}
	return nil
}

// deltaJob lists what changed after a cursor. The list is made when it can be sent.
type deltaJob struct {
	o       *offer
	after   uint64
	made    bool
	upto    uint64
	entries []Entry
}

func (j *deltaJob) of() *offer { return j.o }

func (j *deltaJob) next(s *Session) (wire.SyncMessage, bool) {
	if !j.made {
		j.made = true
		if j.after > s.o.Replica.LSN() { // this store was set back: the cursor means nothing
			return wire.SyncDelta{Ref: j.o.ref, Upto: s.o.Replica.LSN(), Last: true}, false
		}
		j.entries, j.upto = s.o.Replica.Changed(j.o.scope, j.after)
	}
	n := min(len(j.entries), wire.MaxSyncEntries)
	m := wire.SyncDelta{Ref: j.o.ref, Upto: j.upto, Entries: j.entries[:n]}
	j.entries = j.entries[n:]
	m.Last = len(j.entries) == 0
	return m, !m.Last
}

// delta takes a list of what changed at the peer.
func (s *Session) delta(m wire.SyncDelta) error {
	f, err := s.fetchOf(m.Ref)
	if f == nil || err != nil {
		return err
	}
	if f.phase != asking || !f.since {
		return violation("list that was not asked for")
	}
	if m.Upto < f.after {
		f.phase, f.audit = toAsk, true
		return nil
	}
	f.upto = m.Upto
	for _, e := range m.Entries {
		if err := s.lists(f, e); err != nil {
			return err
		}
	}
	if m.Last {
		s.listed(f)
	}
	return nil
}

// fetchOf is the fetching that an answer belongs to; nil where it is over, as after Closed.
func (s *Session) fetchOf(ref uint64) (*fetch, error) {
	if ref >= uint64(len(s.theirs)) || !s.theirs[ref].proved {
		return nil, violation("answer in a scope that was not asked for")
	}
	o := s.theirs[ref]
	if f := s.fetches[o.scope]; f != nil && f.from == o {
		return f, nil
	}
	return nil, nil
}

// lists takes one log that the peer holds, and notes what of it is lacking here.
func (s *Session) lists(f *fetch, e Entry) error {
	if f.listed++; f.listed > MaxListed {
		return violation("too many logs")
	}
	s.emit(Event{Kind: EventHolds, Scope: f.from.scope, Log: e.Log, Lo: e.Lo, Hi: e.Hi})
	if f.byLog[e.Log] != nil {
		return nil
	}
	n := &need{entry: e, askFork: s.branched(f.from.scope, e)}
	if mine, _ := s.o.Replica.Trie(f.from.scope).Get(e.Log); !mine.Forked { // else the branches tell what is missing
		n.missing = lacking(e, s.o.Replica.Held(f.from.scope, e.Log))
	}
	if len(n.missing) > 0 || n.askFork {
		f.add(n)
	}
	return nil
}

// branched reports that the peer holds a branch of the log that is not here.
func (s *Session) branched(scope crdt.ScopeID, e Entry) bool {
	mine, ok := s.o.Replica.Trie(scope).Get(e.Log)
	switch {
	case !ok:
		return e.Forked
	case mine.Forked || e.Forked:
		return mine.Head != e.Head
	case e.Hi > mine.Hi:
		return false // the ops above tell, when they come
	}
	p, ok := s.o.Replica.Place(scope, e.Log, e.Hi)
	return ok && !p.ID.IsZero() && HeadOf([]crdt.OpID{p.ID}) != e.Head
}

// listed goes on when the list of differing logs is whole.
func (s *Session) listed(f *fetch) {
	f.phase = fetching
	var ops uint64
	for _, n := range f.needs {
		if n.entry.Class == crdt.ClassContent {
			ops += count(n.missing)
		}
	}
	if ops > RecentOps {
		f.phase = toRecent
		for _, n := range f.needs {
			n.recent = math.MaxUint64
		}
		return
	}
	s.settle(f)
}

func count(spans []Span) (n uint64) {
	for _, sp := range spans {
		n += sp.To - sp.From + 1
	}
	return n
}

// recent answers where the newest ops of a scope begin.
func (s *Session) recent(m wire.SyncRecent) error {
	o, err := s.served(m.Ref, true)
	if o == nil || err != nil {
		return err
	}
	if m.Count > wire.MaxSyncSpans {
		return violation("too many recent ops")
	}
	return s.owe(&recentJob{o: o, count: int(m.Count)})
}

type recentJob struct {
	o     *offer
	count int
}

func (j *recentJob) of() *offer { return j.o }

func (j *recentJob) next(s *Session) (wire.SyncMessage, bool) {
	r := s.o.Replica
	return wire.SyncSpans{Ref: j.o.ref, Spans: newest(r.Trie(j.o.scope).Entries(), j.count,
		func(log crdt.LogID, seq uint64) (crdt.HLC, bool) {
			p, ok := r.Place(j.o.scope, log, seq)
			return p.HLC, ok
		})}, false
}

// newest finds the count newest ops of content by their clocks, and answers from where on each log has some of them.
func newest(entries []Entry, count int, clock func(crdt.LogID, uint64) (crdt.HLC, bool)) []wire.SyncFrom {
	var h tops
	for _, e := range entries {
		if e.Class != crdt.ClassContent {
			continue
		}
		if hlc, ok := clock(e.Log, e.Hi); ok {
			h = append(h, top{hlc: hlc, log: e.Log, seq: e.Hi, lo: e.Lo})
		}
	}
	heap.Init(&h)
	from := map[crdt.LogID]int{}
	var out []wire.SyncFrom
	for ; count > 0 && len(h) > 0; count-- {
		t := &h[0]
		i, ok := from[t.log]
		if !ok {
			i = len(out)
			from[t.log] = i
			out = append(out, wire.SyncFrom{Log: t.log})
		}
		out[i].From = t.seq
		if t.seq > t.lo {
			if hlc, ok := clock(t.log, t.seq-1); ok {
				t.seq, t.hlc = t.seq-1, hlc
				heap.Fix(&h, 0)
				continue
			}
		}
		heap.Pop(&h)
	}
	return out
}

// top is the newest op of a log that was not taken yet.
type top struct {
	hlc     crdt.HLC
	log     crdt.LogID
	seq, lo uint64
}

// tops is a heap, the newest first.
type tops []top

func (h tops) Len() int           { return len(h) }
func (h tops) Less(i, j int) bool { return h[i].hlc > h[j].hlc }
func (h tops) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *tops) Push(x any)        { *h = append(*h, x.(top)) }
func (h *tops) Pop() any {
	old := *h
	t := old[len(old)-1]
	*h = old[:len(old)-1]
	return t
}

// spans takes where the newest ops begin.
func (s *Session) spans(m wire.SyncSpans) error {
	f, err := s.fetchOf(m.Ref)
	if f == nil || err != nil {
		return err
	}
	if f.phase != recent {
		return violation("recent ops that were not asked for")
	}
	f.phase = fetching
	for _, sp := range m.Spans {
		if n := f.byLog[sp.Log]; n != nil {
			n.recent = sp.From
		}
	}
	return nil
}
