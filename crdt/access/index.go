package access

import (
	"hallway/crdt"
)

// The own... methods answer a record that may be changed: a copy, where a view holds the old one.

func (s *State) ownUser(n int32) *userRec {
	if u := s.users[n]; u.gen != s.gen {
		c := *u
		c.gen = s.gen
		s.users[n] = &c
	}
	return s.users[n]
}

func (s *State) ownDevice(n int32) *devRec {
	if d := s.devs[n]; d.gen != s.gen {
		c := *d
		c.gen = s.gen
		s.devs[n] = &c
	}
	return s.devs[n]
}

func (s *State) ownInvite(n int32) *inviteRec {
	if i := s.invites[n]; i.gen != s.gen {
		c := *i
		c.gen = s.gen
		s.invites[n] = &c
	}
	return s.invites[n]
}

func (s *State) ownScope(n int32) *scopeRec {
	if sc := s.scopes[n]; sc.gen != s.gen {
		c := *sc
		c.gen = s.gen
		s.scopes[n] = &c
	}
	return s.scopes[n]
}

func number[K comparable](n *names, m map[K]int32, key K, next int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m[key] = int32(next)
}

func numberMore[K comparable](n *names, m map[K][]int32, key K, next int32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m[key] = append(m[key], next)
}

// addUser makes sure that the person is known, and that the op is noted as one that brought his keys.
func (s *State) addUser(who *Identity, op int32) int32 {
	id := UserIDOf(s.ws, who.RK[:])
	n := s.userNo(id)
	if n == none {
		n = int32(len(s.users))
		number(s.names, s.names.users, id, len(s.users))
		s.users = append(s.users, &userRec{gen: s.gen, id: id, rk: who.RK, role: none})
		rk := s.addKey(devRec{user: n, key: who.RK, kind: devRecovery})
		s.ownUser(n).devices = append(s.users[n].devices, rk)
	}
	u := s.ownUser(n)
	u.identity = append(u.identity, op)
	u.puks = append(u.puks, op)
	return n
}

func (s *State) addKey(d devRec) int32 {
	n := int32(len(s.devs))
	d.gen = s.gen
	s.devs = append(s.devs, &d)
	numberMore(s.names, s.names.refs, crdt.RefOf(d.key[:]), n)
	if d.cert != nil {
		numberMore(s.names, s.names.transport, d.cert.DTK, n)
	}
	return n
}

// addDevice notes that the op certifies the device; by is the device that vouches, none for the recovery key. Of two
// certificates for one sign key the one with the lower op id is shown.
func (s *State) addDevice(user int32, cert *DeviceCert, op, by int32) int32 {
	n := s.deviceOf(user, cert.DSK)
	if n == none {
		n = s.addKey(devRec{user: user, key: cert.DSK, cert: cert})
		u := s.ownUser(user)
		u.devices = append(u.devices, n)
	}
	d := s.ownDevice(n)
	if d.cert.DTK != cert.DTK {
		numberMore(s.names, s.names.transport, cert.DTK, n)
	}
	if len(d.sources) > 0 {
		first := d.sources[0]
		for _, src := range d.sources {
			if crdt.CompareIDs(s.ops[src].id, s.ops[first].id) < 0 {
				first = src
			}
		}
		if crdt.CompareIDs(s.ops[op].id, s.ops[first].id) < 0 {
			d.cert = cert
		}
	}
	d.sources = append(d.sources, op)
	d.signers = append(d.signers, by)
	return n
}

// deviceOf is the number of the person's device with this sign key, or none.
func (c *core) deviceOf(user int32, key Key) int32 {
	for _, n := range c.users[user].devices {
		if c.devs[n].key == key && c.devs[n].kind == devPlain {
			return n
		}
	}
	return none
}

func (s *State) addScope(id crdt.ScopeID) int32 {
	n := s.scopeNo(id)
	if n == none {
		n = int32(len(s.scopes))
		number(s.names, s.names.scopes, id, len(s.scopes))
		s.scopes = append(s.scopes, &scopeRec{gen: s.gen, id: id})
	}
	return n
}

// dropScopes forgets the channels that an op named before it turned out to be inadmissible.
func (s *State) dropScopes(keep int) {
	s.names.mu.Lock()
	defer s.names.mu.Unlock()
	for _, sc := range s.scopes[keep:] {
		delete(s.names.scopes, sc.id)
	}
	s.scopes = s.scopes[:keep]
}

func (s *State) addRegister(key string) int32 {
	n := lookup(s.names, s.names.registers, key, len(s.registers))
	if n == none {
		n = int32(len(s.registers))
		number(s.names, s.names.registers, key, len(s.registers))
		s.registers = append(s.registers, &registerRec{gen: s.gen})
	}
	return n
}

// index enters an admitted op in the lists that questions start from.
func (s *State) index(x *opRec) {
	switch b := x.body.(type) {
	case *Genesis:
		s.owners = append(s.owners, x.user)
	case *Admit:
		s.indexAdmit(x)
	case *JoinRequest:
		inv := s.ownInvite(x.invite)
		inv.asks = append(inv.asks, x.no)
	case *InviteCreate:
		x.invite = int32(len(s.invites))
		s.invites = append(s.invites, &inviteRec{gen: s.gen, op: x.no})
		numberMore(s.names, s.names.invites, InviteIDOf(s.ws, b.Pub[:]), x.invite)
	case *InviteRevoke:
		inv := s.ownInvite(x.invite)
		inv.revokes = append(inv.revokes, x.no)
	case *DeviceAdd:
		by := int32(none)
		if b.Cert.Signer != b.Cert.RK {
			by = x.device
		}
		s.addDevice(x.author, &b.Cert, x.no, by)
	case *DeviceRevoke:
		n := s.deviceOf(x.user, b.Device)
		d, u := s.ownDevice(n), s.ownUser(x.user)
		d.revokes, u.revokes = append(d.revokes, x.no), append(u.revokes, x.no)
	case *PukRotate:
		u := s.ownUser(x.author)
		u.puks = append(u.puks, x.no)
	case *Profile:
		u := s.ownUser(x.author)
		u.profiles = append(u.profiles, x.no)
	case *Policy:
		n := s.addRegister(b.Key)
		r := *s.registers[n]
		r.ops = append(r.ops, x.no)
		s.registers[n] = &r
	}
	s.indexRole(x)
	s.indexChannel(x)
}

func (s *State) indexAdmit(x *opRec) {
	x.user = s.addUser(&x.claim.Who, x.no)
	s.addDevice(x.user, &x.claim.Who.Device, x.no, none)
	inv := s.ownInvite(x.invite)
	inv.admits = s.sortedByTime(inv.admits, x)
	if x.autoAdmit() {
		inv.autos++
	}
}

func (s *State) indexRole(x *opRec) {
	if x.scope != none || x.channel != none {
		return
	}
	if x.grants() {
		u := s.ownUser(x.user)
		u.grants = append(u.grants, x.no)
		if x.typ != crdt.TypeGenesis && x.role == int8(Owner) {
			s.owners = append(s.owners, x.user)
		}
	}
	if x.removes() {
		u := s.ownUser(x.user)
		u.removals = append(u.removals, x.no)
	}
	if !losable(x) {
		return
	}
	if x.author != none {
		u := s.ownUser(x.author)
		u.authored = append(u.authored, x.no)
	}
	if x.sponsor != none && x.sponsor != x.author {
		u := s.ownUser(x.sponsor)
		u.sponsored = append(u.sponsored, x.no)
	}
}

// losable reports an op that something can void.
func losable(x *opRec) bool {
	switch x.typ {
	case crdt.TypeGrant, crdt.TypeRemove, crdt.TypeDemote, crdt.TypeInviteCreate, crdt.TypeInviteRevoke, crdt.TypePolicy,
		crdt.TypeAdmit, crdt.TypeDeviceRevoke, crdt.TypeDeviceAdd, crdt.TypePukRotate, crdt.TypeProfile, crdt.TypeLeave:
		return true
	}
	return false
}

func (s *State) indexChannel(x *opRec) {
	if x.channel == none {
		return
	}
	sc := s.ownScope(x.channel)
	if isRoot(x) {
		sc.roots = append(sc.roots, x.no)
		sc.private = x.typ == crdt.TypeChannelGenesis
		return
	}
	sc.ops = append(sc.ops, x.no)
}
