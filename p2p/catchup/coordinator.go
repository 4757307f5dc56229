package catchup

import (
	"sync"

	"hallway/crdt"
)

// MaxSources is how many peers one scope is fetched from at a time (protocol 7.7).
const MaxSources = 2

// Coordinator keeps the sessions of one node from fetching the same log twice: at most MaxSources a scope, with disjoint
// sets of logs. It also notices two live processes behind one identity. It may be used from any goroutine.
type Coordinator struct {
	mu     sync.Mutex
	scopes map[crdt.ScopeID]*claims
	lives  map[PeerID]map[*Session][8]byte
	twins  map[*Session]bool // told of, not yet taken
}

// claims are those on one scope.
type claims struct {
	owner   map[crdt.LogID]*Session
	held    map[*Session]int
	waiting map[*Session]bool
}

// NewCoordinator is one without sessions.
func NewCoordinator() *Coordinator {
	return &Coordinator{
		scopes: map[crdt.ScopeID]*claims{},
		lives:  map[PeerID]map[*Session][8]byte{},
		twins:  map[*Session]bool{},
	}
}

// claim answers whether s may fetch the log now. Where it may not, s is woken when that may have changed.
func (c *Coordinator) claim(s *Session, scope crdt.ScopeID, log crdt.LogID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	sc := c.scopes[scope]
	if sc == nil {
		sc = &claims{owner: map[crdt.LogID]*Session{}, held: map[*Session]int{}, waiting: map[*Session]bool{}}
		c.scopes[scope] = sc
	}
	switch owner := sc.owner[log]; {
	case owner == s:
		return true
	case owner != nil, sc.held[s] == 0 && len(sc.held) >= MaxSources:
		sc.waiting[s] = true
		return false
	}
	sc.owner[log] = s
	sc.held[s]++
	return true
}

// release gives a log back.
func (c *Coordinator) release(s *Session, scope crdt.ScopeID, log crdt.LogID) {
	c.mu.Lock()
	var woken []*Session
	if sc := c.scopes[scope]; sc != nil && sc.owner[log] == s {
		delete(sc.owner, log)
		if sc.held[s]--; sc.held[s] == 0 {
			delete(sc.held, s)
		}
		woken = c.wake(scope, sc)
	}
	c.mu.Unlock()
	wakeAll(woken)
}

// drop forgets a session.
func (c *Coordinator) drop(s *Session) {
	c.mu.Lock()
	var woken []*Session
	for id, sc := range c.scopes {
		for log, owner := range sc.owner {
			if owner == s {
				delete(sc.owner, log)
			}
		}
		delete(sc.held, s)
		delete(sc.waiting, s)
		woken = append(woken, c.wake(id, sc)...)
	}
	if lives := c.lives[s.o.Peer]; lives != nil {
		if delete(lives, s); len(lives) == 0 {
			delete(c.lives, s.o.Peer)
		}
	}
	delete(c.twins, s)
	c.mu.Unlock()
	wakeAll(woken)
}

// wake takes the sessions that wait for the scope, and forgets the scope where nobody is in it.
func (c *Coordinator) wake(id crdt.ScopeID, sc *claims) []*Session {
	var woken []*Session
	for w := range sc.waiting {
		woken = append(woken, w)
	}
	clear(sc.waiting)
	if len(sc.owner) == 0 {
		delete(c.scopes, id)
	}
	return woken
}

func wakeAll(sessions []*Session) {
	for _, s := range sessions {
		if s.o.Wake != nil {
			s.o.Wake()
		}
	}
}

// live notes the process behind a peer; where another process with the same identity is connected too, the sessions of
// both are told (protocol 3.1).
func (c *Coordinator) live(s *Session, process [8]byte) {
	c.mu.Lock()
	lives := c.lives[s.o.Peer]
	if lives == nil {
		lives = map[*Session][8]byte{}
		c.lives[s.o.Peer] = lives
	}
	lives[s] = process
	var woken []*Session
	for other, p := range lives {
		if p != process {
			c.twins[s], c.twins[other] = true, true
			woken = append(woken, other)
		}
	}
	c.mu.Unlock()
	wakeAll(woken)
}

// takeTwin answers once whether s is to tell its peer of a twin.
func (c *Coordinator) takeTwin(s *Session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.twins[s]
	delete(c.twins, s)
	return t
}
