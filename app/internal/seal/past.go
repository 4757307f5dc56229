package seal

import (
	"bytes"
	"slices"

	"hallway/crdt"
)

// past is who had to hold an epoch of a key scope as of an op's Auth. It never changes once it can be told, so that it
// is kept: to resolve thousands of people anew at every message would be too dear.
type past struct {
	users []User // sorted
	me    int    // the place of this person, or -1
	gen   uint32 // of his PUK then
}

type pastKey struct {
	key  crdt.ScopeID
	auth crdt.AuthRef
}

// maxPasts bounds what is kept: 5 MiB where 5,000 people read.
const maxPasts = 64

// at asks the view for a past, once; ok is false where the heads behind auth are not known.
func (s *Sealer) at(v View, key crdt.ScopeID, auth crdt.AuthRef) (*past, bool) {
	k := pastKey{key, auth}
	s.pastMu.Lock()
	defer s.pastMu.Unlock()
	if p, ok := s.pasts[k]; ok {
		return p, true
	}
	list, ok := v.RecipientsAt(key, auth)
	if !ok {
		return nil, false
	}
	p := &past{me: -1, users: make([]User, len(list))}
	me := s.ring.User()
	for i := range list {
		p.users[i] = list[i].User
		if list[i].User == me {
			p.me, p.gen = i, list[i].Gen
		}
	}
	if len(s.pasts) >= maxPasts {
		clear(s.pasts)
	}
	s.pasts[k] = p
	return p, true
}

// has reports whether a user is among them; nobody is where nothing is known.
func (p *past) has(u User) bool {
	if p == nil {
		return false
	}
	_, ok := slices.BinarySearchFunc(p.users, u, func(a, b User) int { return bytes.Compare(a[:], b[:]) })
	return ok
}
