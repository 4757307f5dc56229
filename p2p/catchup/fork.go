package catchup

import (
	"hallway/crdt"
	"hallway/p2p/wire"
)

// forkAsked answers which branches of a log are held.
func (s *Session) forkAsked(m wire.SyncFork) error {
	o, err := s.served(m.Ref, true)
	if o == nil || err != nil {
		return err
	}
	return s.owe(&branchJob{o: o, log: m.Log})
}

type branchJob struct {
	o   *offer
	log crdt.LogID
}

func (j *branchJob) of() *offer { return j.o }

func (j *branchJob) next(s *Session) (wire.SyncMessage, bool) {
	m := wire.SyncBranches{Ref: j.o.ref, Log: j.log}
	for _, b := range s.o.Replica.Branches(j.o.scope, j.log) {
		if len(m.Heads) < crdt.MaxBranch {
			m.Heads = append(m.Heads, wire.SyncBranch{Hi: b.Hi, Head: b.Head})
		}
	}
	return m, false
}

// branches takes the ends of the peer's branches of a log, and wants those that are not here.
func (s *Session) branches(m wire.SyncBranches) error {
	f, err := s.fetchOf(m.Ref)
	if f == nil || err != nil {
		return err
	}
	n := f.byLog[m.Log]
	if n == nil || !n.forkOut {
		return violation("branches that were not asked for")
	}
	n.forkOut = false
	n.flying--
	f.flying--
	for _, b := range m.Heads {
		s.wantBranch(f, n, b.Hi, b.Head)
	}
	s.finish(f, n)
	s.settle(f)
	return nil
}

// branchBelow wants what lies under a run that does not stand on what is held, until the two branches meet.
func (s *Session) branchBelow(f *fetch, at ForkAt) {
	if at.Seq == 0 || s.fetches[f.from.scope] != f {
		return
	}
	n := f.byLog[at.Log]
	if n == nil {
		n = &need{}
		if n.entry, _ = s.o.Replica.Trie(f.from.scope).Get(at.Log); n.entry.Log != at.Log {
			return
		}
		f.add(n)
	}
	s.wantBranch(f, n, at.Seq-1, at.Prev)
}

// wantBranch wants the last run of a branch that ends in head, down to a CheckEvery boundary, unless it is here or was
// asked for. What lies below follows when that has come.
func (s *Session) wantBranch(f *fetch, n *need, hi uint64, head crdt.OpID) {
	if f.below[head] || s.o.Replica.Holds(f.from.scope, n.entry.Log, hi, head) {
		return
	}
	if f.below == nil {
		f.below = map[crdt.OpID]bool{}
	}
	f.below[head] = true
	n.forks = append(n.forks, wire.SyncRange{
		Log: n.entry.Log, From: hi &^ (crdt.CheckEvery - 1), To: hi, Down: true, Branch: head,
	})
}
