package access

import (
	"fmt"

	"hallway/crdt"
)

// inadmissible is a reason why an op can never be stored.
func inadmissible(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInadmissible, fmt.Sprintf(format, args...))
}

// candidate is an access op whose own past is about to judge it.
type candidate struct {
	*opRec
	j       *judge        // over the past in the access scope
	ch      *channelJudge // of a channel op
	trusted bool          // signatures inside the body were checked before
}

// permit is static of protocol 5.2: an op of the access scope, or of a private scope, judged in its own past alone.
func (s *State) permit(x *candidate) error {
	if x.typ == crdt.TypeGenesis {
		return s.permitGenesis(x)
	}
	if !x.j.vouched(x.device, nil, none) {
		return inadmissible("device was not certified, or was revoked")
	}
	if x.author == none {
		return s.permitWorkspaceKey(x)
	}
	if s.devs[x.device].kind == devRecovery {
		return s.permitRecovery(x)
	}
	mine := x.j.role(x.author)
	if mine == none {
		return inadmissible("author was no member")
	}
	if x.channel != none || x.scope != none {
		return s.permitChannel(x, mine)
	}
	if rank := x.rank; rank > mine && !x.autoAdmit() {
		return inadmissible("author used rank %d and had %d", rank, mine)
	}
	return s.permitBody(x, mine)
}

func (s *State) permitBody(x *candidate, mine int8) error {
	switch b := x.body.(type) {
	case *Grant, *Remove, *Demote:
		return s.permitRole(x)
	case *DeviceAdd:
		return s.permitDeviceAdd(x, b)
	case *DeviceRevoke:
		return s.permitDeviceRevoke(x, b)
	case *PukRotate:
		return s.permitPuk(x, b)
	case *InviteCreate:
		return s.permitInvite(x, b)
	case *InviteRevoke:
		return s.permitInviteRevoke(x)
	case *Admit:
		return s.permitAdmit(x, b, mine)
	case *JoinRequest:
		return s.permitRequest(x, mine)
	case *Policy:
		if x.rank < int8(Admin) {
			return inadmissible("policy below the rank of an admin")
		}
	case *Leave:
		return s.permitLeave(x, mine)
	case *Notice, *ChannelCreate:
		if mine < int8(Member) {
			return inadmissible("guest")
		}
	}
	return nil // profile, merge, and types without a meaning here: stored, without power
}

func (s *State) permitGenesis(x *candidate) error {
	g := x.body.(*Genesis)
	if x.scope != none || crdt.WorkspaceIDOf(g.Append(nil)) != s.ws {
		return inadmissible("genesis of another workspace")
	}
	if x.trusted {
		return nil
	}
	if err := g.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInadmissible, err)
	}
	return nil
}

// permitWorkspaceKey: the key from the recovery kit changes roles, and nothing else.
func (s *State) permitWorkspaceKey(x *candidate) error {
	if x.scope != none {
		return inadmissible("the workspace key writes in the access scope alone")
	}
	switch x.body.(type) {
	case *Grant, *Remove, *Demote:
		if x.rank != int8(WorkspaceKey) {
			return inadmissible("the workspace key uses its own rank")
		}
		return s.permitRole(x)
	case *Merge:
		return nil
	}
	return inadmissible("the workspace key does not write type %#x", byte(x.typ))
}

// permitRecovery: a recovery key cares for its person's devices and keys.
func (s *State) permitRecovery(x *candidate) error {
	if x.scope != none {
		return inadmissible("a recovery key writes in the access scope alone")
	}
	switch b := x.body.(type) {
	case *DeviceAdd:
		return s.permitDeviceAdd(x, b)
	case *DeviceRevoke:
		if x.rank != 0 {
			return inadmissible("a recovery key has no rank")
		}
		return s.permitDeviceRevoke(x, b)
	case *PukRotate:
		return s.permitPuk(x, b)
	case *Merge:
		return nil
	}
	return inadmissible("a recovery key does not write type %#x", byte(x.typ))
}

// permitRole holds the one law.
func (s *State) permitRole(x *candidate) error {
	if x.user == none || !x.j.anyIn(s.users[x.user].identity) {
		return inadmissible("nobody known")
	}
	if x.grants() && !s.law.over(x.rank, x.role) {
		return inadmissible("rank %d grants role %d", x.rank, x.role)
	}
	if !x.removes() {
		return nil
	}
	if theirs := x.j.role(x.user); !s.law.over(x.rank, theirs) {
		return inadmissible("rank %d removes role %d", x.rank, theirs)
	}
	if x.rank < int8(Moderator) {
		return inadmissible("removal below the rank of a moderator")
	}
	return nil
}

func (s *State) permitDeviceAdd(x *candidate, b *DeviceAdd) error {
	if b.Cert.RK != s.users[x.author].rk {
		return inadmissible("device of another person")
	}
	if b.Cert.Signer != b.Cert.RK && b.Cert.Signer != s.devs[x.device].key {
		return inadmissible("device vouched for by neither the recovery key nor the author")
	}
	if s.pq && len(b.Cert.DEK.Hybrid) == 0 {
		return inadmissible("device without a post-quantum key")
	}
	if s.deviceTaken(x.j, b.Cert.DSK, none) {
		return inadmissible("device key already in use")
	}
	if x.trusted {
		return nil
	}
	if err := b.Cert.Check(s.ws); err != nil {
		return fmt.Errorf("%w: %w", ErrInadmissible, err)
	}
	return nil
}

// deviceTaken reports whether the sign key was certified before, for anybody but this user.
func (s *State) deviceTaken(j *judge, key Key, but int32) bool {
	for _, n := range lookupAll(s.names, s.names.refs, crdt.RefOf(key[:]), len(s.devs)) {
		d := s.devs[n]
		if d.key != key {
			continue
		}
		if d.kind != devPlain || d.user != but && j.anyIn(d.sources) {
			return true
		}
	}
	return false
}

func (s *State) permitDeviceRevoke(x *candidate, b *DeviceRevoke) error {
	if x.user == none {
		return inadmissible("nobody known")
	}
	d := s.deviceOf(x.user, b.Device)
	if d == none || !x.j.anyIn(s.devs[d].sources) {
		return inadmissible("no such device")
	}
	if x.rank == 0 {
		if x.user != x.author {
			return inadmissible("device of another person")
		}
		return nil
	}
	if theirs := x.j.role(x.user); !s.law.over(x.rank, theirs) || x.rank < int8(Moderator) {
		return inadmissible("rank %d revokes a device of role %d", x.rank, theirs)
	}
	return nil
}

func (s *State) permitPuk(x *candidate, b *PukRotate) error {
	var last uint64
	for _, n := range s.users[x.author].puks {
		if p := s.ops[n]; x.j.in(p) {
			last = max(last, pukOf(p).Gen)
		}
	}
	if b.Puk.Gen != last+1 {
		return inadmissible("per-user key %d after %d", b.Puk.Gen, last)
	}
	if s.pq && len(b.Puk.Key.Hybrid) == 0 {
		return inadmissible("per-user key without a post-quantum part")
	}
	return nil
}

func (s *State) permitLeave(x *candidate, mine int8) error {
	if mine != int8(Owner) {
		return nil
	}
	for _, n := range s.owners {
		if n != x.author && x.j.role(n) == int8(Owner) {
			return nil
		}
	}
	return inadmissible("the last owner cannot leave")
}
