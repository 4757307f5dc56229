package catchup

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"slices"
	"sync"
	"testing"
	"time"

	"hallway/crdt"
)

// world is what all replicas of a test share: a workspace, people with their keys, and who may read what.
type world struct {
	ws     crdt.WorkspaceID
	access crdt.ScopeID
	keys   map[crdt.DeviceRef]ed25519.PublicKey
	clock  time.Time
}

func newWorld() *world {
	ws := crdt.WorkspaceIDOf([]byte("Aster & Co"))
	return &world{
		ws: ws, access: crdt.AccessScope(ws), keys: map[crdt.DeviceRef]ed25519.PublicKey{},
		clock: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
	}
}

func scopeNamed(name string) crdt.ScopeID { return crdt.ScopeID(crdt.Hash("test/scope", []byte(name))) }

// author is one device of a person.
type author struct {
	w    *world
	key  ed25519.PrivateKey
	inc  crdt.Incarnation
	tips map[crdt.LogID]crdt.Tip
}

func (w *world) author(name string) *author {
	seed := crdt.Hash("test/key", []byte(name))
	key := ed25519.NewKeyFromSeed(seed[:])
	pub := key.Public().(ed25519.PublicKey)
	w.keys[crdt.RefOf(pub)] = pub
	inc := crdt.Hash("test/incarnation", []byte(name))
	return &author{w: w, key: key, inc: crdt.Incarnation(binary.BigEndian.Uint64(inc[:8])), tips: map[crdt.LogID]crdt.Tip{}}
}

func (a *author) log(scope crdt.ScopeID, class crdt.Class) crdt.LogID {
	return crdt.NewLogID(a.w.ws, scope, a.key.Public().(ed25519.PublicKey), class, a.inc)
}

func typeOf(class crdt.Class) (crdt.Type, crdt.EpochID) {
	switch class {
	case crdt.ClassAccess:
		return crdt.TypeMerge, crdt.EpochID{}
	case crdt.ClassKeys:
		return crdt.TypeKeyGrant, crdt.EpochID{}
	}
	return crdt.TypeContent, crdt.EpochID{1}
}

// write makes the next op of one of the author's logs and stores it in his replica.
func (a *author) write(r *memory, scope crdt.ScopeID, class crdt.Class, text string) crdt.Op {
	log := a.log(scope, class)
	tip, ok := a.tips[log]
	if !ok {
		tip = crdt.Tip{Log: log, Device: crdt.RefOf(a.key.Public().(ed25519.PublicKey))}
	}
	a.w.clock = a.w.clock.Add(time.Second)
	typ, epoch := typeOf(class)
	v, err := crdt.Sign(a.w.ws, a.key, tip.Next(typ, a.w.clock, epoch, crdt.AuthRef{7}, nil), []byte(text), nil)
	if err != nil {
		panic(err)
	}
	a.tips[log] = tip.After(v)
	r.put(scope, *v.Op(), v.ID())
	return *v.Op()
}

// say writes n messages of the length of an ordinary one, sealed.
func (a *author) say(r *memory, scope crdt.ScopeID, n int) {
	for range n {
		a.write(r, scope, crdt.ClassContent, string(make([]byte, 160)))
	}
}

// stored is an op in a memory.
type stored struct {
	op  crdt.Op
	id  crdt.OpID
	lsn uint64
}

// memLog is one log in a memory: ops by seq, of every branch.
type memLog struct {
	class  crdt.Class
	ops    map[uint64][]*stored
	main   map[uint64]*stored
	spans  []Span
	forked bool
	last   uint64 // lsn of the newest arrival
}

// memory is a Replica in maps, for tests: it verifies real ops and keeps all of them.
type memory struct {
	w        *world
	name     string
	mu       sync.Mutex
	instance InstanceID
	scopes   []Scope
	barred   map[crdt.ScopeID]map[PeerID]bool // who may not read
	logs     map[crdt.ScopeID]map[crdt.LogID]*memLog
	tries    map[crdt.ScopeID]Trie
	cursors  map[InstanceID]map[crdt.ScopeID]uint64
	lsn      uint64

	checks, stored, known int // signatures checked, ops taken, ops that were here already
	twice                 int // ops that came though they were here
	order                 []crdt.OpID
	onAccess              func()
	junk                  int // signatures stored that no one checked
}

func (w *world) memory(name string) *memory {
	r := &memory{
		w: w, name: name, barred: map[crdt.ScopeID]map[PeerID]bool{},
		logs: map[crdt.ScopeID]map[crdt.LogID]*memLog{}, tries: map[crdt.ScopeID]Trie{},
		cursors: map[InstanceID]map[crdt.ScopeID]uint64{},
		scopes:  []Scope{{ID: w.access, Kind: KindAccess}},
	}
	copy(r.instance[:], name)
	return r
}

// join makes the replica hold channels, in the order of attention.
func (r *memory) join(kind Kind, scopes ...crdt.ScopeID) *memory {
	for _, s := range scopes {
		r.scopes = append(r.scopes, Scope{ID: s, Kind: kind})
	}
	return r
}

func (r *memory) bar(scope crdt.ScopeID, peer string) {
	if r.barred[scope] == nil {
		r.barred[scope] = map[PeerID]bool{}
	}
	r.barred[scope][PeerID(peer)] = true
}

func (r *memory) put(scope crdt.ScopeID, op crdt.Op, id crdt.OpID) bool {
	logs := r.logs[scope]
	if logs == nil {
		logs = map[crdt.LogID]*memLog{}
		r.logs[scope] = logs
	}
	l := logs[op.Log]
	if l == nil {
		l = &memLog{class: op.Type.Class(), ops: map[uint64][]*stored{}, main: map[uint64]*stored{}}
		logs[op.Log] = l
	}
	for _, s := range l.ops[op.Seq] {
		if s.id == id {
			if s.op.Sig == nil {
				s.op.Sig = op.Sig
			}
			return false
		}
	}
	r.lsn++
	st := &stored{op: op, id: id, lsn: r.lsn}
	l.ops[op.Seq] = append(l.ops[op.Seq], st)
	l.last = r.lsn
	l.forked = l.forked || len(l.ops[op.Seq]) > 1
	if !l.forked {
		l.main[op.Seq] = st
		l.spans = addSpan(l.spans, op.Seq)
	} else {
		l.chooseMain()
	}
	r.tries[scope] = r.tries[scope].Set(l.entry(op.Log))
	return true
}

func addSpan(spans []Span, seq uint64) []Span {
	i, _ := slices.BinarySearchFunc(spans, seq, func(s Span, q uint64) int {
		switch {
		case s.To+1 < q:
			return -1
		default:
			return 1
		}
	})
	switch {
	case i < len(spans) && spans[i].To+1 == seq:
		spans[i].To = seq
		if i+1 < len(spans) && spans[i+1].From == seq+1 {
			spans[i].To = spans[i+1].To
			return slices.Delete(spans, i+1, i+2)
		}
		return spans
	case i < len(spans) && spans[i].From == seq+1:
		spans[i].From = seq
		return spans
	case i < len(spans) && spans[i].From <= seq && seq <= spans[i].To:
		return spans
	}
	return slices.Insert(spans, i, Span{From: seq, To: seq})
}

// chooseMain works out the main branch anew: at every fork the lowest id.
func (l *memLog) chooseMain() {
	var seqs []uint64
	for s := range l.ops {
		seqs = append(seqs, s)
	}
	slices.Sort(seqs)
	l.main, l.spans = map[uint64]*stored{}, nil
	for _, q := range seqs {
		var best *stored
		below := l.main[q-1]
		for _, s := range l.ops[q] {
			if q > 0 && below != nil && s.op.Prev != below.id || q > 0 && below == nil && len(l.ops[q-1]) > 0 {
				continue
			}
			if best == nil || crdt.CompareIDs(s.id, best.id) < 0 {
				best = s
			}
		}
		if best != nil {
			l.main[q] = best
			l.spans = addSpan(l.spans, q)
		}
	}
}

// heads are the ends of all branches.
func (l *memLog) heads() []BranchHead {
	var out []BranchHead
	for q, at := range l.ops {
		for _, s := range at {
			if !slices.ContainsFunc(l.ops[q+1], func(n *stored) bool { return n.op.Prev == s.id }) {
				if l.forked || q == l.spans[len(l.spans)-1].To {
					out = append(out, BranchHead{Hi: q, Head: s.id})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b BranchHead) int { return crdt.CompareIDs(a.Head, b.Head) })
	return out
}

func (l *memLog) entry(log crdt.LogID) Entry {
	top := l.spans[len(l.spans)-1]
	e := Entry{Log: log, Class: l.class, Forked: l.forked, Lo: top.From, Hi: top.To}
	if !l.forked {
		e.Head = HeadOf([]crdt.OpID{l.main[top.To].id})
		return e
	}
	var heads []crdt.OpID
	for _, h := range l.heads() {
		heads = append(heads, h.Head)
	}
	e.Head = HeadOf(heads)
	return e
}

func (r *memory) Instance() InstanceID                  { return r.instance }
func (r *memory) AccessHeads() []crdt.OpID              { return nil }
func (r *memory) LSN() uint64                           { return r.lsn }
func (r *memory) Trie(s crdt.ScopeID) Trie              { return r.tries[s] }
func (r *memory) Scopes() []Scope                       { return r.scopes }
func (r *memory) MayRead(p PeerID, s crdt.ScopeID) bool { return !r.barred[s][p] }

func (r *memory) Changed(scope crdt.ScopeID, after uint64) ([]Entry, uint64) {
	var out []Entry
	for id, l := range r.logs[scope] {
		if l.last > after {
			out = append(out, l.entry(id))
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return slices.Compare(a.Log[:], b.Log[:]) })
	return out, r.lsn
}

func (r *memory) log(scope crdt.ScopeID, log crdt.LogID) *memLog {
	if l := r.logs[scope][log]; l != nil {
		return l
	}
	return &memLog{}
}

func (r *memory) Held(scope crdt.ScopeID, log crdt.LogID) []Span {
	return slices.Clone(r.log(scope, log).spans)
}

func (r *memory) Place(scope crdt.ScopeID, log crdt.LogID, seq uint64) (Place, bool) {
	s := r.log(scope, log).main[seq]
	if s == nil {
		return Place{}, false
	}
	return Place{LSN: s.lsn, HLC: s.op.HLC, ID: s.id}, true
}

func (r *memory) Branches(scope crdt.ScopeID, log crdt.LogID) []BranchHead {
	if l := r.logs[scope][log]; l != nil {
		return l.heads()
	}
	return nil
}

func (r *memory) Holds(scope crdt.ScopeID, log crdt.LogID, seq uint64, id crdt.OpID) bool {
	return slices.ContainsFunc(r.log(scope, log).ops[seq], func(s *stored) bool { return s.id == id })
}

// branch is the ops of the wanted branch by seq, from the op at c.To downward, or the main branch.
func (l *memLog) branch(c Cut) func(seq uint64) *stored {
	if c.Branch.IsZero() {
		return func(seq uint64) *stored { return l.main[seq] }
	}
	ops := map[uint64]*stored{}
	for q, id := c.To, c.Branch; ; q-- {
		i := slices.IndexFunc(l.ops[q], func(s *stored) bool { return s.id == id })
		if i < 0 {
			break
		}
		ops[q] = l.ops[q][i]
		if id = ops[q].op.Prev; q == 0 || q == c.From {
			break
		}
	}
	return func(seq uint64) *stored {
		if s := ops[seq]; s != nil || seq <= c.To {
			return s
		}
		for _, s := range l.ops[seq] { // the tail, on top of the branch
			if below := ops[seq-1]; below != nil && s.op.Prev == below.id {
				ops[seq] = s
				return s
			}
		}
		return nil
	}
}

func (r *memory) Segment(scope crdt.ScopeID, c Cut) (*crdt.Segment, error) {
	at := r.log(scope, c.Log).branch(c)
	seg := &crdt.Segment{}
	bytes := 0
	var ops []crdt.Op
	if c.Down {
		for q := c.To; len(ops) < crdt.MaxSegment && at(q) != nil && (len(ops) == 0 || bytes < c.Bytes-400); q-- {
			ops = append(ops, at(q).op)
			if bytes += len(at(q).op.Payload) + 100; q == c.From {
				break
			}
		}
		slices.Reverse(ops)
	} else {
		for q := c.From; q <= c.To && len(ops) < crdt.MaxSegment && at(q) != nil && (len(ops) == 0 || bytes < c.Bytes-400); q++ {
			ops = append(ops, at(q).op)
			bytes += len(at(q).op.Payload) + 100
		}
	}
	if len(ops) == 0 {
		return nil, ErrNotHeld
	}
	seg.Ops = ops
	last := ops[len(ops)-1]
	if last.Sig != nil || c.Covered && last.Seq == c.To {
		return seg, nil
	}
	for q := last.Seq + 1; len(seg.Tail) < crdt.MaxSegment-1 && at(q) != nil; q++ {
		op := at(q).op
		op.Payload, op.Heads = nil, nil
		if op.PayloadLen == 0 {
			op.Payload = []byte{}
		}
		seg.Tail = append(seg.Tail, op)
		if op.Sig != nil {
			return seg, nil
		}
		op.Sig = nil
	}
	panic("memory: no signature above " + r.name)
}

func (r *memory) Cursor(p InstanceID, s crdt.ScopeID) uint64 { return r.cursors[p][s] }

func (r *memory) SetCursor(p InstanceID, s crdt.ScopeID, lsn uint64) {
	if r.cursors[p] == nil {
		r.cursors[p] = map[crdt.ScopeID]uint64{}
	}
	r.cursors[p][s] = lsn
}

func (r *memory) Ingest(_ context.Context, _ PeerID, scope crdt.ScopeID, segs []*crdt.Segment) (Outcome, error) {
	var out Outcome
	access := false
	for _, seg := range segs {
		last := &seg.Ops[len(seg.Ops)-1]
		chain := crdt.Chain{Ops: seg.Ops, Tail: seg.Tail}
		for _, s := range r.log(scope, last.Log).ops[last.Seq+1] {
			if s.op.Prev == last.Header.ID() {
				chain.Next = s.op.Prev
			}
		}
		checked, err := crdt.VerifyChain(r.w.ws, r.w.keys[last.Device], chain)
		r.checks += checked.Signatures
		if err != nil {
			return out, err
		}
		for _, v := range checked.Ops {
			if r.put(scope, *v.Op(), v.ID()) {
				out.Stored++
				r.order = append(r.order, v.ID())
			} else {
				out.Known++
				r.twice++
			}
		}
		out.Forks = append(out.Forks, r.log(scope, last.Log).unjoined(seg)...)
		access = access || last.Type.Class() == crdt.ClassAccess
	}
	r.stored += out.Stored
	r.known += out.Known
	if access && r.onAccess != nil {
		r.onAccess()
	}
	return out, nil
}

// unjoined are the ends of a segment that do not lie on, or under, what is held there.
func (l *memLog) unjoined(seg *crdt.Segment) []ForkAt {
	var out []ForkAt
	check := func(s *stored) {
		q := s.op.Seq
		if q == 0 || len(l.ops[q-1]) == 0 {
			return
		}
		if !slices.ContainsFunc(l.ops[q-1], func(b *stored) bool { return b.id == s.op.Prev }) {
			out = append(out, ForkAt{Log: s.op.Log, Seq: q, Prev: s.op.Prev})
		}
	}
	first, last := seg.Ops[0].Seq, seg.Ops[len(seg.Ops)-1].Seq
	for _, q := range []uint64{first, last + 1} {
		for _, s := range l.ops[q] {
			check(s)
		}
	}
	return out
}

// digest is what the replica holds, for comparing: every op id of the scope.
func (r *memory) digest(scope crdt.ScopeID) crdt.AuthRef {
	var ids []crdt.OpID
	for _, l := range r.logs[scope] {
		for _, at := range l.ops {
			for _, s := range at {
				ids = append(ids, s.id)
			}
		}
	}
	return crdt.HeadsDigest(ids)
}

func (r *memory) count(scope crdt.ScopeID) (n int) {
	for _, l := range r.logs[scope] {
		for _, at := range l.ops {
			n += len(at)
		}
	}
	return n
}

func mustEqual(t testing.TB, a, b *memory, scopes ...crdt.ScopeID) {
	t.Helper()
	for _, s := range scopes {
		if a.digest(s) != b.digest(s) {
			t.Errorf("%s and %s differ: %d and %d ops", a.name, b.name, a.count(s), b.count(s))
		}
		if a.Trie(s).Root() != b.Trie(s).Root() {
			t.Errorf("%s and %s hold the same ops under different roots", a.name, b.name)
		}
	}
}
