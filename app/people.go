package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
)

var roleNames = map[access.Role]Role{
	access.Guest: RoleGuest, access.Member: RoleMember, access.Moderator: RoleModerator, access.Admin: RoleAdmin, access.Owner: RoleOwner,
}

func roleOf(r Role) (access.Role, error) {
	for role, name := range roleNames {
		if name == r {
			return role, nil
		}
	}
	return 0, problem(ProblemInvalid, "A role is owner, admin, moderator, member or guest.")
}

// Members lists the people of a workspace.
func (of *Office) Members(_ context.Context, req MembersRequest) (MembersReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return MembersReply{}, err
	}
	out := MembersReply{Members: []Member{}}
	for _, m := range s.access().Members() {
		out.Members = append(out.Members, s.memberRow(&m))
	}
	sortMembers(out.Members)
	return out, nil
}

func (s *space) memberRow(m *access.MemberInfo) Member {
	p := s.names.of(m)
	out := Member{ID: m.User.String(), Name: p.Name, Title: p.Title, Team: p.Team, Status: p.Status, Role: roleNames[m.Role], You: m.User == s.self}
	for i := range m.Devices {
		d := &m.Devices[i]
		if d.Revoked {
			continue
		}
		out.Devices++
		online, seen := s.net.contact(d)
		out.Online = out.Online || online || d.Ref == s.device
		if seen.After(out.LastSeen) {
			out.LastSeen = seen
		}
	}
	return out
}

// Member tells about one person.
func (of *Office) Member(_ context.Context, req MemberRequest) (MemberReply, error) {
	s, m, err := of.member(req)
	if err != nil {
		return MemberReply{}, err
	}
	mine, _ := s.access().Role(s.self)
	out := MemberReply{Member: s.memberRow(&m), Since: m.Joined.Time(), Devices: s.deviceRows(&m), MayRemove: mine > m.Role && m.User != s.self, MayGrant: []Role{}}
	if e, ok := s.access().Entry(m.JoinedBy); ok && e.Author != m.User && !e.Author.IsZero() {
		out.InvitedBy = s.names.name(e.Author)
	}
	if out.MayRemove {
		for r := access.Guest; r < mine; r++ {
			out.MayGrant = append(out.MayGrant, roleNames[r])
		}
	}
	for _, ch := range s.channels() {
		if s.access().MayRead(m.User, ch.Scope) {
			out.Channels++
		}
	}
	return out, nil
}

func (of *Office) member(req MemberRequest) (*space, access.MemberInfo, error) {
	s, err := of.space(req.In)
	if err != nil {
		return nil, access.MemberInfo{}, err
	}
	u, err := s.findMember(req.Member)
	if err != nil {
		return nil, access.MemberInfo{}, err
	}
	m, _ := s.access().Member(u)
	return s, m, nil
}

func (s *space) deviceRows(m *access.MemberInfo) []Device {
	out := []Device{}
	for i := range m.Devices {
		d := &m.Devices[i]
		online, seen := s.net.contact(d)
		row := Device{
			ID: d.Ref.String(), Name: s.names.device(d), Member: m.User.String(), Added: d.Cert.Created.Time(),
			LastSeen: seen, Online: online || d.Ref == s.device, This: d.Ref == s.device, Revoked: d.Revoked,
		}
		out = append(out, row)
	}
	slices.SortStableFunc(out, func(a, b Device) int {
		if a.This != b.This {
			if a.This {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// Devices lists one's own devices.
func (of *Office) Devices(_ context.Context, req DevicesRequest) (DevicesReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return DevicesReply{}, err
	}
	m, ok := s.access().Member(s.self)
	if !ok {
		return DevicesReply{Devices: []Device{}}, nil
	}
	return DevicesReply{Devices: s.deviceRows(&m)}, nil
}

// RemoveMember removes a person, renews every key that this desk can renew, and drops their connections.
func (of *Office) RemoveMember(ctx context.Context, req MemberRequest) (Done, error) {
	s, m, err := of.member(req)
	if err != nil {
		return Done{}, err
	}
	if m.User == s.self {
		return Done{}, problem(ProblemInvalid, "You cannot remove yourself; ask another administrator, or leave.")
	}
	role, _ := s.access().Role(s.self)
	var affected []crdt.ScopeID
	for _, scope := range s.keyScopes() {
		if s.access().MayRead(m.User, scope) {
			affected = append(affected, scope)
		}
	}
	body := &access.Remove{Rank: role, User: m.User, Pins: s.pinsEverywhere(m.User)}
	if err := s.writeBody(ctx, s.scope(), body); err != nil {
		return Done{}, explain(err)
	}
	for _, scope := range affected {
		if err := s.keys.mint(ctx, scope); err != nil {
			return Done{}, explain(err)
		}
	}
	return Done{}, nil
}

// pins say how far the person's logs in a scope are known here: what is written after that is not shown (protocol 5.4).
func (s *space) pins(u access.UserID, scope crdt.ScopeID) []access.Pin {
	var out []access.Pin
	devices := s.access().Devices(u)
	for _, tip := range s.rep.Tips(scope) {
		for i := range devices {
			if devices[i].Ref == tip.Device && len(out) < access.MaxPins {
				out = append(out, access.Pin{Log: tip.Log, Seq: tip.Seq, ID: tip.ID})
			}
		}
	}
	slices.SortFunc(out, func(a, b access.Pin) int { return slices.Compare(a.Log[:], b.Log[:]) })
	return out
}

// pinsEverywhere are the pins of a person's logs in the access scope and in public channels. Those of private channels
// are written there, where only their people see them.
func (s *space) pinsEverywhere(u access.UserID) []access.Pin {
	out := s.pins(u, s.scope())
	for _, ch := range s.channels() {
		if ch.Public {
			out = append(out, s.pins(u, ch.Scope)...)
		}
	}
	slices.SortFunc(out, func(a, b access.Pin) int { return slices.Compare(a.Log[:], b.Log[:]) })
	return out[:min(len(out), access.MaxPins)]
}

// SetRole gives a person a role.
func (of *Office) SetRole(ctx context.Context, req SetRoleRequest) (Done, error) {
	want, err := roleOf(req.Role)
	if err != nil {
		return Done{}, err
	}
	s, m, err := of.member(MemberRequest{In: req.In, Member: req.Member})
	if err != nil {
		return Done{}, err
	}
	mine, _ := s.access().Role(s.self)
	switch {
	case want == m.Role:
		return Done{}, nil
	case want >= mine:
		return Done{}, problem(ProblemForbidden, "You can give roles below your own only; an owner is made with the recovery kit.")
	case want < m.Role:
		err = s.writeBody(ctx, s.scope(), &access.Demote{Rank: mine, User: m.User, Role: want})
	default:
		err = s.writeBody(ctx, s.scope(), &access.Grant{Rank: mine, User: m.User, Role: want})
	}
	if err == nil && want == access.Guest {
		err = s.keys.mint(ctx, s.scope()) // a guest no longer reads what all members read
	}
	return Done{}, explain(err)
}

// Profile is what a person says of themselves.
func (of *Office) Profile(_ context.Context, req ProfileRequest) (Profile, error) {
	s, err := of.space(req.In)
	if err != nil {
		return Profile{}, err
	}
	u := s.self
	if req.Member != "" {
		if u, err = s.findMember(req.Member); err != nil {
			return Profile{}, err
		}
	}
	p := s.names.profile(u)
	return Profile{Member: u.String(), Name: p.Name, Title: p.Title, Team: p.Team, Status: p.Status}, nil
}

// SetProfile sets one key of one's own profile.
func (of *Office) SetProfile(ctx context.Context, req SetProfileRequest) (Profile, error) {
	s, err := of.space(req.In)
	if err != nil {
		return Profile{}, err
	}
	if len(req.Value) > 200*4 || strings.IndexFunc(req.Value, hiddenRune) >= 0 {
		return Profile{}, problem(ProblemInvalid, "That has at most 200 characters, all of them visible.")
	}
	p := s.names.profile(s.self)
	p.Device = string(s.ring.Extra(extraDeviceName))
	value := strings.Join(strings.Fields(req.Value), " ")
	switch req.Key {
	case ProfileName:
		if p.Name, err = personName("Your name", req.Value); err != nil {
			return Profile{}, err
		}
	case ProfileTitle:
		p.Title = value
	case ProfileTeam:
		p.Team = value
	case ProfileStatus:
		p.Status = value
	default:
		return Profile{}, problem(ProblemInvalid, "A profile has name, title, team and status.")
	}
	if err := s.writeProfile(ctx, p); err != nil {
		return Profile{}, explain(err)
	}
	return Profile{Member: s.self.String(), Name: p.Name, Title: p.Title, Team: p.Team, Status: p.Status}, nil
}

// RecoverySheet is the sheet until it is kept.
func (of *Office) RecoverySheet(_ context.Context, req RecoverySheetRequest) (RecoverySheetReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return RecoverySheetReply{}, err
	}
	out := RecoverySheetReply{Name: s.name(), Person: s.names.name(s.self), Words: []string{}, Kit: []string{}, Kept: true}
	if rk, ok := s.ring.Recovery(); ok {
		out.Kept, out.Words = false, strings.Fields(rk.Phrase())
	}
	if wk, ok := s.ring.WorkspaceKey(); ok {
		out.Kit = wk.Words()
	}
	if m, ok := s.access().Member(s.self); ok {
		out.Created = m.Joined.Time()
	}
	return out, nil
}

// KeepRecovery drops the recovery key and the workspace key from this machine: the person has them elsewhere now.
func (of *Office) KeepRecovery(_ context.Context, req RecoverySheetRequest) (Done, error) {
	s, err := of.space(req.In)
	if err != nil {
		return Done{}, err
	}
	if err := s.ring.ForgetWorkspaceKey(); err != nil {
		return Done{}, explain(err)
	}
	return Done{}, explain(s.ring.ForgetRecovery())
}

// auditWords name the kinds of access ops in the audit.
var auditWords = map[crdt.Type]string{
	crdt.TypeGenesis: "found", crdt.TypeMerge: "merge", crdt.TypeGrant: "grant", crdt.TypeRemove: "remove", crdt.TypeDemote: "demote",
	crdt.TypeDeviceAdd: "device-add", crdt.TypeDeviceRevoke: "device-revoke", crdt.TypePukRotate: "key-rotate", crdt.TypeProfile: "profile",
	crdt.TypeInviteCreate: "invite", crdt.TypeInviteRevoke: "invite-revoke", crdt.TypeAdmit: "admit", crdt.TypeJoinRequest: "request",
	crdt.TypeChannelCreate: "channel-create", crdt.TypeChannelPolicy: "channel-policy", crdt.TypeChannelArchive: "channel-archive",
	crdt.TypeChannelGrant: "channel-grant", crdt.TypeChannelRemove: "channel-remove", crdt.TypeChannelGenesis: "channel-create",
	crdt.TypePolicy: "policy", crdt.TypeNotice: "notice", crdt.TypeLeave: "leave",
}

// Audit lists every change of rights, in order. Merges and notices change none and are left out.
func (of *Office) Audit(_ context.Context, req AuditRequest) (AuditReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return AuditReply{}, err
	}
	out := AuditReply{Entries: []AuditEntry{}}
	for _, e := range s.access().Audit() {
		if e.Op.String() == req.Before {
			break
		}
		if e.Type == crdt.TypeMerge || e.Type == crdt.TypeNotice {
			continue
		}
		out.Entries = append(out.Entries, s.auditRow(&e))
	}
	if n := len(out.Entries); req.Limit > 0 && n > req.Limit {
		out.Entries, out.Older = out.Entries[n-req.Limit:], true
	}
	return out, nil
}

func (s *space) auditRow(e *access.Entry) AuditEntry {
	out := AuditEntry{ID: e.Op.String(), Time: e.HLC.Time(), Action: auditWords[e.Type], Effective: e.Effective, Actor: "Workspace key"}
	if out.Action == "" {
		out.Action = "unknown"
	}
	if !e.Author.IsZero() {
		out.Actor = s.names.name(e.Author)
	}
	switch b := e.Body.(type) {
	case *access.Policy:
		out.Target = b.Key
	case *access.Grant:
		out.Target = s.names.name(b.User) + " as " + b.Role.String()
	case *access.Demote:
		out.Target = s.names.name(b.User) + " to " + b.Role.String()
	default:
		if !e.User.IsZero() {
			out.Target = s.names.name(e.User)
		} else if ch, ok := s.access().Channel(e.Scope); ok {
			name, _ := s.channelTitle(&ch)
			out.Target = "#" + name
			if b, ok := e.Body.(*access.ChannelGenesis); ok && b.Direct {
				out.Action, out.Target = "direct-create", name
			}
		}
	}
	return out
}

// laterOf is the later of two times.
func laterOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
