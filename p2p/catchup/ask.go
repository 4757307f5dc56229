package catchup

import (
	"hallway/crdt"
	"hallway/p2p/wire"
)

// ask is the next request. The access scope comes first and alone; then, scope by scope in the order of attention, rights,
// keys and what is newest; and when all have that, older history.
func (s *Session) ask() wire.SyncMessage {
	if len(s.fetches) == 0 {
		return nil
	}
	scopes := s.o.Replica.Scopes()
	var busy bool
	for _, sc := range scopes {
		f := s.fetches[sc.ID]
		if f == nil {
			continue
		}
		if m := s.askScope(f, true); m != nil {
			return m
		}
		if s.fetches[sc.ID] != f {
			continue // settled just now
		}
		urgent := f.phase != fetching || f.flying > 0
		if busy = busy || urgent; urgent && sc.Kind == KindAccess {
			return nil
		}
	}
	if busy && !s.onlyOld() || s.noBackfill {
		return nil
	}
	for _, sc := range scopes {
		if f := s.fetches[sc.ID]; f != nil {
			if m := s.askScope(f, false); m != nil {
				return m
			}
		}
	}
	return nil
}

// onlyOld reports that whatever is asked for is older history, or is nothing.
func (s *Session) onlyOld() bool {
	for _, f := range s.fetches {
		if f.phase != fetching {
			return false
		}
	}
	for _, w := range s.flying {
		if w.rng.Order != 0 || !w.rng.Branch.IsZero() || w.rng.To >= w.n.recent {
			return false
		}
	}
	return true
}

func (s *Session) askScope(f *fetch, urgent bool) wire.SyncMessage {
	switch f.phase {
	case toAsk:
		if !urgent || s.asking() >= maxAsking || s.walks[f.from.scope] != nil {
			return nil
		}
		return s.askDifferences(f)
	case toRecent:
		f.phase = recent
		return wire.SyncRecent{Ref: f.from.ref, Count: RecentOps}
	case fetching:
		return s.askRanges(f, urgent)
	}
	return nil
}

// askRanges gathers ranges of one scope into a Want, as far as the bounds allow, and drops needs that are done.
func (s *Session) askRanges(f *fetch, urgent bool) wire.SyncMessage {
	m := wire.SyncWant{Ref: f.from.ref, First: s.nextWant}
	kept := f.needs[:0]
	var fork wire.SyncMessage
	for _, n := range f.needs {
		if n.done {
			continue
		}
		kept = append(kept, n)
		if fork != nil || len(m.Ranges) >= rangesPerWant || !s.fits(n, urgent) || !s.claim(f, n) {
			continue
		}
		for len(m.Ranges) < rangesPerWant {
			rng, ok := s.take(n, urgent)
			if !ok {
				break
			}
			m.Ranges = append(m.Ranges, rng)
			s.fly(f, n, rng)
		}
		if n.askFork && n.flying == 0 && len(n.missing) == 0 && len(m.Ranges) == 0 { // the main branch first
			n.askFork, n.forkOut = false, true
			n.flying++
			f.flying++
			fork = wire.SyncFork{Ref: f.from.ref, Log: n.entry.Log}
		}
		s.finish(f, n)
	}
	for i := len(kept); i < len(f.needs); i++ {
		f.needs[i] = nil
	}
	f.needs = kept
	switch {
	case fork != nil:
		return fork
	case len(m.Ranges) > 0:
		s.begun = true
		return m
	}
	s.settle(f)
	return nil
}

// fits reports whether something of a log may be asked for now, so that no log is claimed before its turn.
func (s *Session) fits(n *need, urgent bool) bool {
	switch {
	case len(n.missing) == 0:
		return true
	case n.entry.Class != crdt.ClassContent:
		return urgent && len(s.flying) < maxWants-rangesPerWant
	case urgent && n.missing[len(n.missing)-1].To < n.recent && len(n.forks) == 0:
		return false
	}
	return s.flyingWants < maxFlying && s.flyingOps < maxFlyingOps
}

// claim makes sure that no other session fetches the log; where one did, what is missing is looked up anew.
func (s *Session) claim(f *fetch, n *need) bool {
	if !s.o.Shared.claim(s, f.from.scope, n.entry.Log) {
		n.waited = true
		return false
	}
	if n.waited {
		n.waited = false
		n.missing = lacking(n.entry, s.o.Replica.Held(f.from.scope, n.entry.Log))
	}
	return true
}

// take cuts the next range out of what a log lacks. Rights and keys go up from the oldest, in the order in which they
// arrived at the peer, so that each finds what it builds on; content goes down from the newest.
func (s *Session) take(n *need, urgent bool) (wire.SyncRange, bool) {
	if k := len(n.forks); k > 0 && urgent {
		rng := n.forks[k-1]
		n.forks = n.forks[:k-1]
		return rng, true
	}
	if len(n.missing) == 0 || !s.fits(n, urgent) {
		return wire.SyncRange{}, false
	}
	rng := wire.SyncRange{Log: n.entry.Log}
	if n.entry.Class != crdt.ClassContent {
		rng.From, rng.To, rng.Order = n.missing[0].From, n.missing[0].To, n.entry.Class
		n.missing = n.missing[1:]
		return rng, true
	}
	top := &n.missing[len(n.missing)-1]
	floor := top.From
	if urgent {
		floor = max(floor, n.recent)
	}
	if floor > top.To {
		return wire.SyncRange{}, false
	}
	rng.From, rng.To, rng.Down = max(floor, lowEnd(top.To)), top.To, true
	rng.Covered = rng.To < n.entry.Hi
	if rng.From == top.From {
		n.missing = n.missing[:len(n.missing)-1]
	} else {
		top.To = rng.From - 1
	}
	return rng, true
}

// lowEnd is where a range that goes down from to should end: at a CheckEvery boundary about rangeOps below.
func lowEnd(to uint64) uint64 {
	if to < rangeOps {
		return 0
	}
	return (to - rangeOps + crdt.CheckEvery) &^ (crdt.CheckEvery - 1)
}

func (s *Session) fly(f *fetch, n *need, rng wire.SyncRange) {
	w := &wantOut{f: f, n: n, rng: rng, lo: rng.From, hi: rng.To, left: rng.To - rng.From + 1}
	s.flying[s.nextWant] = w
	s.nextWant++
	n.flying++
	f.flying++
	if rng.Down {
		s.flyingWants++
		s.flyingOps += w.left
	}
}
