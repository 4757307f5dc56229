package replica

import (
	"sync"

	"hallway/crdt"
	"hallway/p2p/catchup"
	"hallway/store"
)

// published is what is durable, as readers see it. The store's writer changes it after each commit.
type published struct {
	mu     sync.RWMutex
	lsn    uint64
	scopes map[crdt.ScopeID]*scopeView
	logs   map[crdt.LogID]*logView
	nums   map[store.LogNum]*logView
	recent []Entry       // the newest, by lsn, for readers that keep up
	wake   chan struct{} // closed at the next change

	attention []crdt.ScopeID
	forked    map[crdt.LogID]bool // a proof is stored
}

// scopeView is one scope, as far as it is durable.
type scopeView struct {
	kind catchup.Kind
	trie catchup.Trie
	logs map[crdt.LogID]*logView
	lsn  uint64 // of its last change
}

// logView is one log, as far as it is durable. It never changes.
type logView struct {
	l     *logState // for what never changes of it
	entry catchup.Entry
	paths []path // the main one first
	runs  int
	gone  []crdt.OpID // first ops of branches not kept
	lsn   uint64
}

// piece is a stretch of a path that lies in one branch.
type piece struct {
	branch uint8
	lo, hi uint64
}

// path is one line of ops from the lowest that is here up to a head. Only where the log has holes do its pieces not
// touch.
type path struct {
	pieces []piece // ascending
	head   crdt.OpID
	hi     uint64
}

const maxRecent = 2048

func (p *published) init() {
	p.scopes, p.logs = map[crdt.ScopeID]*scopeView{}, map[crdt.LogID]*logView{}
	p.nums = map[store.LogNum]*logView{}
	p.forked = map[crdt.LogID]bool{}
	p.wake = make(chan struct{})
}

func (p *published) addScope(id crdt.ScopeID, kind catchup.Kind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.scopes[id] == nil {
		p.scopes[id] = &scopeView{logs: map[crdt.LogID]*logView{}}
	}
	p.scopes[id].kind = kind
}

// put installs what a log now holds.
func (p *published) put(views ...*logView) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range views {
		s := p.scopes[v.l.scope.id]
		p.logs[v.l.id], p.nums[v.l.num], s.logs[v.l.id] = v, v, v
		s.lsn = max(s.lsn, v.lsn)
		if v.runs == 0 {
			s.trie = s.trie.Delete(v.l.id)
		} else {
			s.trie = s.trie.Set(v.entry)
		}
	}
}

// arrived tells the readers of the feed.
func (p *published) arrived(lsn uint64, fresh []Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lsn = max(p.lsn, lsn)
	p.recent = append(p.recent, fresh...)
	if n := len(p.recent); n > 2*maxRecent {
		p.recent = append([]Entry(nil), p.recent[n-maxRecent:]...)
	}
	close(p.wake)
	p.wake = make(chan struct{})
}

// forget has the feed read from disk what it had in memory: a payload was dropped there.
func (p *published) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recent = nil
}

func (p *published) prove(log crdt.LogID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forked[log] = true
}

func (p *published) proven(log crdt.LogID) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.forked[log]
}

func (p *published) log(id crdt.LogID) *logView {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.logs[id]
}

// snapshot is the log as readers will see it once it is durable.
func (l *logState) snapshot(idAt func(*logState, store.Place) crdt.OpID) *logView {
	v := &logView{l: l, runs: len(l.runs), lsn: l.lsn, gone: l.dropped}
	v.paths = l.paths(func(p store.Place) crdt.OpID { return idAt(l, p) })
	if len(v.paths) == 0 {
		return v
	}
	heads := make([]crdt.OpID, len(v.paths))
	for i := range v.paths {
		heads[i] = v.paths[i].head
	}
	main := v.paths[0].pieces
	lo := main[len(main)-1].lo
	for i := len(main) - 2; i >= 0 && main[i].hi+1 == lo; i-- {
		lo = main[i].lo
	}
	v.entry = catchup.Entry{
		Log: l.id, Class: l.class, Forked: len(v.paths) > 1,
		Lo: lo, Hi: v.paths[0].hi, Head: catchup.HeadOf(heads),
	}
	return v
}

// flight is what was given to the store and is not yet durable. It has a lock of its own because the store's writer
// takes out of it.
type flight struct {
	mu    *sync.Mutex
	byID  map[crdt.OpID]store.Place
	byAt  map[store.Place]crdt.OpID
	auths map[crdt.OpID]crdt.AuthRef
}

func newFlight() flight {
	return flight{new(sync.Mutex), map[crdt.OpID]store.Place{}, map[store.Place]crdt.OpID{}, map[crdt.OpID]crdt.AuthRef{}}
}

func (f *flight) add(id crdt.OpID, p store.Place, auth crdt.AuthRef) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byID[id], f.byAt[p], f.auths[id] = p, id, auth
}

func (f *flight) remove(ids []crdt.OpID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		delete(f.byAt, f.byID[id])
		delete(f.byID, id)
		delete(f.auths, id)
	}
}

func (f *flight) find(id crdt.OpID) (store.Place, crdt.AuthRef, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.byID[id]
	return p, f.auths[id], ok
}

func (f *flight) at(p store.Place) (crdt.OpID, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, ok := f.byAt[p]
	return id, ok
}
