package replica

import (
	"encoding/binary"
	"fmt"
	"slices"

	"hallway/crdt"
	"hallway/store"
)

// paths are the lines of ops that the runs form, the main one first: of branches that with the lowest id where they
// part. first answers the id of the op at a place. A log that was not forked has one path, with holes where it has holes.
func (h *holdings) paths(first func(store.Place) crdt.OpID) []path {
	if len(h.runs) == 0 {
		return nil
	}
	if !h.forked() {
		var p path
		for _, r := range h.runs {
			p.pieces = append(p.pieces, piece{r.branch, r.lo, r.hi})
		}
		top, _ := h.top()
		p.head, p.hi = top.head, top.hi
		return []path{p}
	}
	var all []path
	for i := range h.runs {
		if r := &h.runs[i]; h.isLeaf(r) {
			all = append(all, h.walk(r))
		}
	}
	order := &ordering{h: h, first: first}
	return order.sort(all, 0)
}

// isLeaf reports whether no run goes on from the head of this one.
func (h *holdings) isLeaf(r *run) bool {
	return !slices.ContainsFunc(h.runs, func(x run) bool { return x.lo == r.hi+1 && x.prev == r.head })
}

// walk is the path down from the head of a run.
func (h *holdings) walk(r *run) path {
	p := path{head: r.head, hi: r.hi}
	hi := r.hi
	for {
		p.pieces = append(p.pieces, piece{r.branch, r.lo, hi})
		if r.parent == noParent || r.lo == 0 {
			break
		}
		hi = r.lo - 1
		next := slices.IndexFunc(h.runs, func(x run) bool { return int16(x.branch) == r.parent && x.lo <= hi && hi <= x.hi })
		if next < 0 {
			break
		}
		r = &h.runs[next]
	}
	slices.Reverse(p.pieces)
	return p
}

// at is the branch that a path lies in at seq.
func (p *path) at(seq uint64) (branch uint8, ok bool) {
	for _, x := range p.pieces {
		if x.lo <= seq && seq <= x.hi {
			return x.branch, true
		}
	}
	return 0, false
}

func (p *path) lo() uint64 { return p.pieces[0].lo }

type ordering struct {
	h     *holdings
	first func(store.Place) crdt.OpID
}

// part is the lowest seq from which on the paths are not one; ok is false where they do not overlap.
func (o *ordering) part(ps []path, from uint64) (seq uint64, ok bool) {
	// Paths part only where a run begins.
	var starts []uint64
	for _, r := range o.h.runs {
		if r.lo >= from {
			starts = append(starts, r.lo)
		}
	}
	slices.Sort(starts)
	for _, seq := range slices.Compact(starts) {
		seen, branch := false, uint8(0)
		for i := range ps {
			b, here := ps[i].at(seq)
			if !here {
				continue
			}
			if seen && b != branch {
				return seq, true
			}
			seen, branch = true, b
		}
	}
	return 0, false
}

// sort orders paths by the ids where they part, from the lowest seq up.
func (o *ordering) sort(ps []path, from uint64) []path {
	if len(ps) < 2 {
		return ps
	}
	groups, seq := o.split(ps, from)
	if groups == nil {
		slices.SortFunc(ps, func(a, b path) int { return crdt.CompareIDs(a.head, b.head) })
		return ps
	}
	var out []path
	for _, g := range groups {
		out = append(out, o.sort(g.paths, seq+1)...)
	}
	return out
}

type group struct {
	id    crdt.OpID // of the op where its paths leave the others
	paths []path
}

// split groups the paths by the op that they go through where they part, in the order of the ids; paths that are not
// here at that seq come last, as one group without an id.
func (o *ordering) split(ps []path, from uint64) (groups []group, seq uint64) {
	seq, ok := o.part(ps, from)
	if !ok {
		return nil, 0
	}
	var rest []path
	for _, p := range ps {
		b, here := p.at(seq)
		if !here {
			rest = append(rest, p)
			continue
		}
		id := o.first(store.Place{Seq: seq, Branch: b})
		i := slices.IndexFunc(groups, func(g group) bool { return g.id == id })
		if i < 0 {
			groups = append(groups, group{id: id})
			i = len(groups) - 1
		}
		groups[i].paths = append(groups[i].paths, p)
	}
	slices.SortFunc(groups, func(a, b group) int { return crdt.CompareIDs(a.id, b.id) })
	if rest != nil {
		groups = append(groups, group{paths: rest})
	}
	return groups, seq
}

// keep chooses the paths that are kept, as a pure function of the tree: where branches part, those with the lowest ids
// (crdt.KeepBranches); of the room for crdt.MaxBranch in all, every branch at the lowest fork has one, and what is left
// goes to the lowest.
func (o *ordering) keep(ps []path, from uint64, room int) []path {
	if len(ps) <= room {
		return ps
	}
	groups, seq := o.split(ps, from)
	if groups == nil {
		return ps
	}
	n := min(len(groups), room)
	var out []path
	for i, g := range groups[:n] {
		share := 1
		if i == 0 {
			share = room - n + 1
		}
		out = append(out, o.keep(g.paths, seq+1, share)...)
	}
	return out
}

// rooted are the paths that reach down to the log's first op: the others' place in the tree is not known yet.
func rooted(ps []path) (out []path) {
	for _, p := range ps {
		if p.lo() == 0 {
			out = append(out, p)
		}
	}
	return out
}

// settle drops the branches of a forked log that are not kept, once their place is known, and keeps a proof of the fork.
// It is rare, and waits for the disk.
func (t *turn) settle(l *logState) {
	first := func(p store.Place) crdt.OpID { return t.r.idAt(l, p) }
	o := &ordering{h: &l.holdings, first: first}
	all := rooted(l.paths(first))
	seq, parted := o.part(all, 0)
	if !parted {
		return
	}
	kept := o.keep(all, 0, crdt.MaxBranch)
	groups, _ := o.split(all, seq)
	if len(groups) < 2 {
		return
	}
	pair := [2]crdt.OpID{groups[0].id, groups[1].id}
	if len(kept) == len(all) && l.proven == pair {
		return
	}
	t.cut()
	if err := t.drain(); err != nil {
		t.fault = err
		return
	}
	if l.proven != pair {
		if err := t.r.prove(l, groups, seq); err != nil {
			t.r.o.Log.Warn("fork without proof", "log", l.id, "err", err)
		} else {
			l.proven = pair
		}
	}
	if len(kept) < len(all) {
		if err := t.prune(l, all, kept); err != nil {
			t.fault = err
		}
	}
}

// drain waits until all that was given to the store is durable.
func (t *turn) drain() error {
	for _, done := range t.parts {
		if err := <-done; err != nil {
			return err
		}
	}
	t.parts = nil
	return t.r.commitNow(&store.Batch{})
}

// prune takes out what lies on no kept path.
func (t *turn) prune(l *logState, all, kept []path) error {
	type stretch struct {
		branch uint8
		lo, hi uint64
	}
	var gone []stretch
	for i := range l.runs {
		x := &l.runs[i]
		lo := x.lo
		for _, p := range kept {
			for _, pc := range p.pieces {
				if pc.branch == x.branch && pc.lo <= x.hi && pc.hi >= x.lo {
					lo = max(lo, min(pc.hi, x.hi)+1)
				}
			}
		}
		onTree := slices.ContainsFunc(all, func(p path) bool {
			return slices.ContainsFunc(p.pieces, func(pc piece) bool { return pc.branch == x.branch && pc.lo <= x.hi && pc.hi >= x.lo })
		})
		if onTree && lo <= x.hi {
			gone = append(gone, stretch{x.branch, lo, x.hi})
		}
	}
	for _, g := range gone {
		if err := t.dropOps(l, g.branch, g.lo, g.hi); err != nil {
			return err
		}
	}
	t.r.pruned.Add(1)
	t.batch.PutMeta(metaPruned, binary.BigEndian.AppendUint64(nil, t.r.pruned.Load()))
	t.r.pub.forget()
	if l.class == crdt.ClassAccess {
		t.access++ // the state is folded anew without them
		t.refold = true
	}
	return nil
}

// dropOps takes the upper end of a run out of the store.
func (t *turn) dropOps(l *logState, branch uint8, lo, hi uint64) error {
	var prev *store.Stored
	var gone []store.Stored
	err := t.r.db.View(func(tx *store.Txn) error {
		if lo > 0 {
			if s, err := tx.Op(store.Place{Log: l.num, Seq: lo - 1, Branch: branch}); err == nil {
				prev = &s
			}
		}
		return tx.Ops(l.num, lo, hi, func(s store.Stored) error {
			if s.Place.Branch == branch {
				s.Op.Payload = nil
				gone = append(gone, s)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for i := range gone {
		id := gone[i].Op.Header.ID()
		if i == 0 {
			t.r.drop(l, id)
		}
		if !t.batch.Fits(len(t.touched)+8, (len(t.touched)+8)*stateCost) {
			t.cut()
		}
		t.batch.DropOp(l.scope.num, gone[i].Place, gone[i].LSN, id)
	}
	i := slices.IndexFunc(l.runs, func(x run) bool { return x.branch == branch && x.lo <= lo && x.hi == hi })
	if i < 0 {
		return fmt.Errorf("branch %d at %d: %w", branch, lo, store.ErrDamaged)
	}
	if x := &l.runs[i]; x.lo == lo || prev == nil {
		l.runs = slices.Delete(l.runs, i, i+1)
	} else {
		x.hi, x.head, x.hlc, x.auth = lo-1, prev.Op.Header.ID(), prev.Op.HLC, prev.Op.Auth
	}
	l.firsts = nil
	t.r.lsn++ // a change that readers of the trie must see
	l.lsn = t.r.lsn
	t.touch(l)
	return nil
}

const metaPruned = "pruned"

// Pruned counts how often ops were taken out again, because more branches of a forked log came than are kept. Whoever
// folded the feed up to here at another count has ops that are gone, and must fold from the start.
func (r *Replica) Pruned() uint64 { return r.pruned.Load() }

// maxDropped bounds the memory of what was dropped.
const maxDropped = 256

// drop remembers that a branch beginning with this op is not kept.
func (r *Replica) drop(l *logState, id crdt.OpID) {
	if !slices.Contains(l.dropped, id) {
		l.dropped = append(l.dropped, id)
		l.dropped = l.dropped[max(0, len(l.dropped)-maxDropped):]
	}
}

// isDropped reports whether an op begins, or follows, a branch that is not kept.
func (r *Replica) isDropped(l *logState, id, prev crdt.OpID) bool {
	return len(l.dropped) > 0 && (slices.Contains(l.dropped, id) || slices.Contains(l.dropped, prev))
}
