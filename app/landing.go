package app

import (
	"sync"
	"time"

	"hallway/crdt"
	"hallway/p2p/catchup"
)

// clockWarn is how far off a clock is worth a word (protocol 3.4).
const clockWarn = 2 * time.Minute

// landing is the first stretch after an admission: who was let in sees a whole channel list and the first channels only
// once somebody's copy of each public scope has been taken over.
type landing struct {
	mu   sync.Mutex
	here map[crdt.ScopeID]bool
	done bool // and told
}

// note takes what catch-up says; a nil landing hears nothing.
func (l *landing) note(events []catchup.Event) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		if e.Kind == catchup.EventSettled || e.Kind == catchup.EventEqual {
			l.here[e.Scope] = true
		}
	}
}

func (l *landing) has(scope crdt.ScopeID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.here[scope]
}

// landed reports whether everything that every member reads was taken over once, and somebody knows this person's name.
// Where this computer's clock is wrong the others keep that back until it is due (protocol 3.4), so it is not waited for.
func (s *space) landed() bool {
	if s.landing == nil {
		return true
	}
	if !s.landing.has(s.scope()) {
		return false
	}
	for _, ch := range s.channels() {
		if ch.Public && !s.landing.has(ch.Scope) {
			return false
		}
	}
	if s.net.calledFast() {
		return true
	}
	for _, tip := range s.rep.Tips(s.scope()) {
		if tip.Device == s.device && s.sent.waiting(&tip) > 0 {
			return false
		}
	}
	return true
}

// land tells the faces how far it is; a nil landing has nothing to tell.
func (s *space) land() {
	if s.landing == nil {
		return
	}
	s.landing.mu.Lock()
	done := s.landing.done
	s.landing.mu.Unlock()
	if done {
		return
	}
	if s.landed() {
		s.landing.mu.Lock()
		s.landing.done = true
		s.landing.mu.Unlock()
	}
	s.tellJoin()
}

// calledFast reports whether anybody who was met says that this computer's clock is fast.
func (n *network) calledFast() bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	for _, off := range n.clocks {
		if off < -clockWarn {
			return true
		}
	}
	return false
}
