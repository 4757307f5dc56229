package p2p_test

import (
	"context"
	"crypto/ed25519"
	"slices"
	"sync"

	"hallway/crdt"
	"hallway/p2p"
	"hallway/p2p/catchup"
	"hallway/p2p/gossip"
)

// memory is a copy of one scope in maps, for logs that nobody forks and whose ops all carry their own signature.
type memory struct {
	ws   crdt.WorkspaceID
	keys func(crdt.DeviceRef) (ed25519.PublicKey, bool)

	mu      sync.Mutex
	name    catchup.InstanceID
	logs    map[crdt.LogID]*run
	trie    catchup.Trie
	lsn     uint64
	cursors map[catchup.InstanceID]uint64
	synced  int // ops that came by catch-up
	twice   int // ops that came so though they were here
}

// run is what is held of one log.
type run struct {
	ops   map[uint64]entry
	spans []catchup.Span
	last  uint64 // lsn of the newest arrival
}

func (r *run) top() catchup.Span { return r.spans[len(r.spans)-1] }

// add notes that seq is held.
func (r *run) add(seq uint64) {
	r.spans = append(r.spans, catchup.Span{From: seq, To: seq})
	slices.SortFunc(r.spans, func(a, b catchup.Span) int { return int(a.From) - int(b.From) })
	out := r.spans[:1]
	for _, s := range r.spans[1:] {
		if last := &out[len(out)-1]; last.To+1 == s.From {
			last.To = s.To
		} else {
			out = append(out, s)
		}
	}
	r.spans = out
}

type entry struct {
	op  crdt.Op
	id  crdt.OpID
	lsn uint64
}

func (d *desk) keepCopy() *memory {
	m := &memory{
		ws: workspace, keys: d.keyOf, logs: map[crdt.LogID]*run{}, cursors: map[catchup.InstanceID]uint64{},
	}
	copy(m.name[:], "store of "+d.name)
	d.copy = m
	return m
}

func (m *memory) put(_ crdt.ScopeID, v crdt.Verified) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(v)
}

// add keeps an op, and reports whether it is new.
func (m *memory) add(v crdt.Verified) bool {
	log := m.logs[v.Op().Log]
	if log == nil {
		log = &run{ops: map[uint64]entry{}}
		m.logs[v.Op().Log] = log
	}
	if _, ok := log.ops[v.Op().Seq]; ok {
		return false
	}
	m.lsn++
	log.ops[v.Op().Seq] = entry{op: *v.Op(), id: v.ID(), lsn: m.lsn}
	log.last = m.lsn
	log.add(v.Op().Seq)
	m.trie = m.trie.Set(m.entry(v.Op().Log))
	return true
}

func (m *memory) entry(log crdt.LogID) catchup.Entry {
	r := m.logs[log]
	top := r.top()
	return catchup.Entry{
		Log: log, Class: crdt.ClassContent, Lo: top.From, Hi: top.To, Head: catchup.HeadOf([]crdt.OpID{r.ops[top.To].id}),
	}
}

// live takes one op that came live, or says what is missing before it.
func (m *memory) live(scope crdt.ScopeID, v crdt.Verified) p2p.Received {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := p2p.Received{Verdict: gossip.Accept, NewLog: m.logs[v.Op().Log] == nil}
	before := uint64(0)
	if log := m.logs[v.Op().Log]; log != nil {
		before = log.top().To + 1
	}
	m.add(v)
	if v.Op().Seq > before {
		r.Gap = &p2p.Gap{Scope: scope, Log: v.Op().Log, From: before, To: v.Op().Seq - 1}
	}
	return r
}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int(m.lsn)
}

func (m *memory) root() catchup.Hash {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.trie.Root()
}

func (m *memory) Instance() catchup.InstanceID              { return m.name }
func (m *memory) AccessHeads() []crdt.OpID                  { return nil }
func (m *memory) MayRead(catchup.PeerID, crdt.ScopeID) bool { return true }
func (m *memory) LSN() uint64                               { m.mu.Lock(); defer m.mu.Unlock(); return m.lsn }
func (m *memory) Scopes() []catchup.Scope {
	return []catchup.Scope{{ID: crdt.AccessScope(m.ws), Kind: catchup.KindAccess}, {ID: hall, Kind: catchup.KindPublic}}
}

func (m *memory) Trie(s crdt.ScopeID) catchup.Trie {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s != hall {
		return catchup.Trie{}
	}
	return m.trie
}

func (m *memory) Changed(s crdt.ScopeID, after uint64) (out []catchup.Entry, upto uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s == hall {
		for log, r := range m.logs {
			if r.last > after {
				out = append(out, m.entry(log))
			}
		}
	}
	slices.SortFunc(out, func(a, b catchup.Entry) int { return slices.Compare(a.Log[:], b.Log[:]) })
	return out, m.lsn
}

func (m *memory) Held(_ crdt.ScopeID, log crdt.LogID) []catchup.Span {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.logs[log]; r != nil {
		return slices.Clone(r.spans)
	}
	return nil
}

func (m *memory) Place(_ crdt.ScopeID, log crdt.LogID, seq uint64) (catchup.Place, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.logs[log]
	if r == nil {
		return catchup.Place{}, false
	}
	e, ok := r.ops[seq]
	if !ok {
		return catchup.Place{}, false
	}
	return catchup.Place{LSN: e.lsn, HLC: e.op.HLC, ID: e.id}, true
}

// Segment cuts from ops that all carry their own signature.
func (m *memory) Segment(_ crdt.ScopeID, c catchup.Cut) (*crdt.Segment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.logs[c.Log]
	if r == nil {
		return nil, catchup.ErrNotHeld
	}
	seg := &crdt.Segment{}
	for i, s := range r.spans {
		if c.Down {
			s = r.spans[len(r.spans)-1-i]
		}
		from, to := max(c.From, s.From), min(c.To, s.To)
		if from > to {
			continue
		}
		if c.Down && to-from >= crdt.MaxSegment {
			from = to - crdt.MaxSegment + 1
		}
		for q := from; q <= to && len(seg.Ops) < crdt.MaxSegment; q++ {
			seg.Ops = append(seg.Ops, r.ops[q].op)
		}
		return seg, nil
	}
	return nil, catchup.ErrNotHeld
}

func (m *memory) Branches(_ crdt.ScopeID, log crdt.LogID) []catchup.BranchHead {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.logs[log]
	if r == nil {
		return nil
	}
	return []catchup.BranchHead{{Hi: r.top().To, Head: r.ops[r.top().To].id}}
}

func (m *memory) Holds(_ crdt.ScopeID, log crdt.LogID, seq uint64, id crdt.OpID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.logs[log]
	return r != nil && r.ops[seq].id == id
}

func (m *memory) Cursor(p catchup.InstanceID, _ crdt.ScopeID) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursors[p]
}

func (m *memory) SetCursor(p catchup.InstanceID, s crdt.ScopeID, lsn uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s == hall {
		m.cursors[p] = lsn
	}
}

func (m *memory) Ingest(_ context.Context, _ catchup.PeerID, _ crdt.ScopeID, segs []*crdt.Segment) (catchup.Outcome, error) {
	var out catchup.Outcome
	for _, seg := range segs {
		key, ok := m.keys(seg.Ops[0].Device)
		if !ok {
			out.Refused += len(seg.Ops)
			continue
		}
		checked, err := crdt.VerifyChain(m.ws, key, crdt.Chain{Ops: seg.Ops, Tail: seg.Tail})
		if err != nil {
			return out, err
		}
		m.mu.Lock()
		for _, v := range checked.Ops {
			if m.add(v) {
				out.Stored++
				m.synced++
			} else {
				out.Known++
				m.twice++
			}
		}
		m.mu.Unlock()
	}
	return out, nil
}
