package access

import (
	"fmt"

	"hallway/crdt"
)

// Keys of policies that this package reads. Each holds one byte: the role that the right takes at least.
const (
	PolicyCreatePublic  = "channel.create.public"
	PolicyCreatePrivate = "channel.create.private"
	PolicyInviteApprove = "invite.approve"
	PolicyInviteAuto    = "invite.auto"
	PolicyImport        = "import"

	PolicyName = "workspace.name" // a Sealed under the workspace epoch, opaque here
)

// policyDefaults hold where nobody has set anything.
var policyDefaults = map[string]Role{
	PolicyCreatePublic: Member, PolicyCreatePrivate: Member, PolicyInviteApprove: Member, PolicyInviteAuto: Moderator, PolicyImport: Admin,
}

func (j *judge) atLeast(key string) int8 {
	if v := j.policy(key); len(v) == 1 && v[0] <= byte(Owner) {
		return int8(v[0])
	}
	if role, ok := policyDefaults[key]; ok {
		return int8(role)
	}
	return int8(Admin)
}

func (s *State) permitInvite(x *candidate, b *InviteCreate) error {
	if err := crdt.CheckSignKey(b.Pub[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrInadmissible, err)
	}
	for _, n := range lookupAll(s.names, s.names.invites, InviteIDOf(s.ws, b.Pub[:]), len(s.invites)) {
		if x.j.in(s.ops[s.invites[n].op]) {
			return inadmissible("invitation key already in use")
		}
	}
	switch {
	case b.Mode == InviteAuto && !s.law.over(x.rank, x.role):
		return inadmissible("rank %d invites to role %d", x.rank, x.role)
	case b.Mode == InviteAuto && x.rank < x.j.atLeast(PolicyInviteAuto):
		return inadmissible("policy demands a higher rank to invite without approval")
	case b.Mode == InviteApprove && x.role > int8(Member) && !s.law.over(x.rank, x.role):
		return inadmissible("rank %d invites to role %d", x.rank, x.role)
	case b.Mode == InviteApprove && x.rank < x.j.atLeast(PolicyInviteApprove):
		return inadmissible("policy demands a higher rank to invite")
	}
	return nil
}

func (s *State) invitation(x *candidate) (*inviteRec, *opRec, error) {
	if x.invite == none {
		return nil, nil, inadmissible("no such invitation")
	}
	inv := s.invites[x.invite]
	op := s.ops[inv.op]
	if !x.j.in(op) {
		return nil, nil, inadmissible("invitation not in the past")
	}
	return inv, op, nil
}

func (s *State) permitInviteRevoke(x *candidate) error {
	_, op, err := s.invitation(x)
	if err != nil {
		return err
	}
	if x.author != op.author && (x.rank < op.rank || x.rank < int8(Moderator)) {
		return inadmissible("rank %d revokes an invitation of rank %d", x.rank, op.rank)
	}
	return nil
}

// checkClaim holds what Admit and JoinRequest have in common: an invitation that was open, and a claim made for it.
func (s *State) checkClaim(x *candidate, mine int8) (*inviteRec, *opRec, error) {
	inv, op, err := s.invitation(x)
	if err != nil {
		return nil, nil, err
	}
	b := op.body.(*InviteCreate)
	if mine < int8(Member) {
		return nil, nil, inadmissible("guest")
	}
	if b.Expires != 0 && x.hlc > b.Expires {
		return nil, nil, inadmissible("invitation had expired")
	}
	for _, n := range inv.revokes {
		if r := s.ops[n]; x.j.in(r) && x.j.effective(r) {
			return nil, nil, inadmissible("invitation was revoked")
		}
	}
	if x.claim.Invite != InviteIDOf(s.ws, b.Pub[:]) {
		return nil, nil, inadmissible("claim for another invitation")
	}
	if x.trusted {
		return inv, op, nil
	}
	if err := x.claim.Check(s.ws, b.Pub, s.pq); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrInadmissible, err)
	}
	return inv, op, nil
}

func (s *State) permitRequest(x *candidate, mine int8) error {
	_, _, err := s.checkClaim(x, mine)
	return err
}

func (s *State) permitAdmit(x *candidate, b *Admit, mine int8) error {
	inv, op, err := s.checkClaim(x, mine)
	if err != nil {
		return err
	}
	known := s.userNo(x.claim.User(s.ws))
	if s.deviceTaken(x.j, x.claim.Who.Device.DSK, known) {
		return inadmissible("device key already in use")
	}
	if b.Approved {
		if !s.law.over(x.rank, x.role) {
			return inadmissible("rank %d admits to role %d", x.rank, x.role)
		}
		return nil
	}
	if op.body.(*InviteCreate).Mode != InviteAuto || x.rank != op.rank {
		return inadmissible("invitation does not admit by itself, or not with rank %d", x.rank)
	}
	if !x.j.effective(op) || !x.j.carriedAtEnd(op.author, op.rank) {
		return inadmissible("the invitation's author had lost the right")
	}
	if s.usedUp(x, inv, known) {
		return inadmissible("invitation was used up")
	}
	return nil
}

// carriedAtEnd reports whether the person holds the rank in the set itself.
func (j *judge) carriedAtEnd(user int32, rank int8) bool { return user == none || j.role(user) >= rank }

// usedUp reports whether all uses were taken by others in the op's past.
func (s *State) usedUp(x *candidate, inv *inviteRec, known int32) bool {
	limit := int(s.ops[inv.op].body.(*InviteCreate).MaxUses)
	if limit == 0 || inv.autos < limit {
		return false
	}
	seen := map[int32]bool{}
	for _, n := range inv.admits {
		a := s.ops[n]
		if !a.autoAdmit() || !x.j.in(a) || !x.j.effective(a) || seen[a.user] {
			continue
		}
		if a.user == known {
			return false
		}
		if seen[a.user] = true; len(seen) == limit {
			return true
		}
	}
	return false
}
