package app

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
)

const (
	maxInviteUses = 1000
	weekSeconds   = 7 * 24 * 3600
	maxInviteLife = 365 * 24 * time.Hour
	clockLimit    = 10 * time.Minute // off by more, a desk neither invites nor admits (protocol 3.4)
)

// clockSane refuses where this computer's clock is known to be wrong by too much.
func (s *space) clockSane() error {
	if off := s.net.clockOff(); off > clockLimit || off < -clockLimit {
		return problem(ProblemForbidden, "This computer's clock is more than ten minutes off the others'; set it right and try again.")
	}
	return nil
}

// Invite makes an invitation and its link.
func (of *Office) Invite(ctx context.Context, req InviteRequest) (InviteReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return InviteReply{}, err
	}
	body, err := s.inviteBody(ctx, &req)
	if err != nil {
		return InviteReply{}, err
	}
	var seed [ed25519.SeedSize]byte
	if _, err := io.ReadFull(of.o.Rand, seed[:]); err != nil {
		return InviteReply{}, err
	}
	link := access.NewLink(s.id, seed, body.Expires)
	link.WorkspaceName, link.InviterName = clip(s.name(), access.MaxLinkName), clip(s.names.name(s.self), access.MaxLinkName)
	link.Addresses = s.inviteAddrs()
	text, err := link.Text()
	if err != nil {
		return InviteReply{}, err
	}
	body.Pub = access.KeyOf(publicKey(link.Key()))
	if err := s.ring.SetExtra(extraInvite+link.Invite.String(), []byte(text)); err != nil {
		return InviteReply{}, explain(err)
	}
	if err := s.writeBody(ctx, s.scope(), body); err != nil {
		return InviteReply{}, explain(errors.Join(err, s.ring.SetExtra(extraInvite+link.Invite.String(), nil)))
	}
	return InviteReply{Link: text, ID: link.Invite.String(), Expires: body.Expires.Time()}, nil
}

func (s *space) inviteBody(ctx context.Context, req *InviteRequest) (*access.InviteCreate, error) {
	if err := s.clockSane(); err != nil {
		return nil, err
	}
	if req.Role == "" {
		req.Role = RoleMember
	}
	role, err := roleOf(req.Role)
	if err != nil {
		return nil, err
	}
	mine, ok := s.access().Role(s.self)
	body := &access.InviteCreate{Rank: mine, Role: role, Mode: access.InviteAuto, MaxUses: uint32(cmp.Or(req.Uses, 1))}
	life := time.Duration(cmp.Or(req.ExpiresSec, weekSeconds)) * time.Second
	switch {
	case !ok:
		return nil, problem(ProblemForbidden, "You are not in this workspace yet.")
	case req.Uses < 0 || req.Uses > maxInviteUses:
		return nil, problem(ProblemInvalid, "An invitation is good for 1 to 1000 people.")
	case life <= 0 || life > maxInviteLife:
		return nil, problem(ProblemInvalid, "An invitation is good for up to a year.")
	}
	body.Expires = crdt.HLCAt(s.clock().Add(life)) | 0xffff
	switch req.Mode {
	case InviteAuto, "":
		if role >= mine {
			return nil, problem(ProblemForbidden, "You can let people in below your own role only; ask an administrator, or choose a lower role.")
		}
	case InviteApprove:
		body.Mode = access.InviteApprove
	default:
		return nil, problem(ProblemInvalid, "An invitation is auto or approve.")
	}
	for _, name := range req.Channels {
		scope, err := s.findChannel(ctx, name, false)
		if err != nil {
			return nil, err
		}
		body.Channels = append(body.Channels, scope)
	}
	return body, nil
}

// clip cuts text to n bytes at a character's edge.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xc0 == 0x80 {
		n--
	}
	return text[:n]
}

// inviteAddrs are the addresses at which a newcomer finds this desk: those that others can reach first, loopback only
// where there is nothing else.
func (s *space) inviteAddrs() []string {
	var out []string
	if node := s.net.running(); node != nil {
		for _, a := range node.Addrs() {
			out = append(out, a.String())
		}
	} else {
		out = s.net.lastAddrs()
	}
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(farness(a), farness(b)) })
	return out[:min(len(out), access.MaxLinkAddrs)]
}

func farness(addr string) int {
	n := 0
	if strings.HasPrefix(addr, "/ip6/") {
		n++
	}
	if strings.Contains(addr, "/udp/") {
		n += 2
	}
	return n
}

// Invites lists invitations, newest first.
func (of *Office) Invites(_ context.Context, req InvitesRequest) (InvitesReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return InvitesReply{}, err
	}
	out := InvitesReply{Invites: []Invite{}}
	mine, _ := s.access().Role(s.self)
	now := crdt.HLCAt(s.clock())
	for _, i := range s.access().Invites() {
		row := Invite{
			ID: i.ID.String(), By: s.names.name(i.By), Role: roleNames[i.Body.Role], Mode: InviteAuto, Uses: int(i.Body.MaxUses), Used: i.Uses,
			Created: i.Created.Time(), Expires: i.Body.Expires.Time(), Revoked: i.Revoked, Open: i.Open(now),
			Link: string(s.ring.Extra(extraInvite + i.ID.String())), MayRevoke: !i.Revoked && (i.By == s.self || mine >= i.Body.Rank && mine >= access.Moderator),
		}
		if i.Body.Mode == access.InviteApprove {
			row.Mode = InviteApprove
		}
		out.Invites = append(out.Invites, row)
	}
	slices.SortStableFunc(out.Invites, func(a, b Invite) int { return b.Created.Compare(a.Created) })
	return out, nil
}

// RevokeInvite makes an invitation void.
func (of *Office) RevokeInvite(ctx context.Context, req IDRequest) (Done, error) {
	s, err := of.space(req.In)
	if err != nil {
		return Done{}, err
	}
	mine, _ := s.access().Role(s.self)
	for _, i := range s.access().Invites() {
		if i.ID.String() == req.ID {
			if i.Revoked {
				return Done{}, nil
			}
			err := s.writeBody(ctx, s.scope(), &access.InviteRevoke{Rank: mine, Invite: i.Op})
			if err == nil {
				err = s.ring.SetExtra(extraInvite+req.ID, nil)
			}
			return Done{}, explain(err)
		}
	}
	return Done{}, problem(ProblemNotFound, "There is no such invitation.")
}

// Requests lists who waits to be let in.
func (of *Office) Requests(_ context.Context, req RequestsRequest) (RequestsReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return RequestsReply{}, err
	}
	out := RequestsReply{Requests: []Request{}}
	mine, _ := s.access().Role(s.self)
	for _, r := range s.access().Requests() {
		if s.denied(r.Claim) {
			continue
		}
		out.Requests = append(out.Requests, s.requestRow(&r, mine))
	}
	return out, nil
}

func (s *space) requestRow(r *access.Request, mine access.Role) Request {
	out := Request{ID: r.Op.String(), At: r.HLC.Time(), Words: compareWords(s.id, r.Claim.Who.RK), MayDecide: mine >= access.Admin}
	out.Name = "Newcomer (" + r.User.String()[:6] + ")"
	if text, ok := s.unseal(s.scope(), seal.FieldRequestName, r.Name); ok {
		if name, err := personName("A name", text); err == nil {
			out.Name = name
		}
	}
	if e, ok := s.access().Entry(r.Invite); ok {
		out.By = s.names.name(e.Author)
		if b, ok := e.Body.(*access.InviteCreate); ok {
			out.Role = roleNames[b.Role]
			out.MayDecide = mine > b.Role && mine >= access.Moderator
		}
	}
	return out
}

func (s *space) findRequest(id string) (access.Request, error) {
	for _, r := range s.access().Requests() {
		if r.Op.String() == id && !s.denied(r.Claim) {
			return r, nil
		}
	}
	return access.Request{}, problem(ProblemNotFound, "There is no such request; it may have been decided already.")
}

// Approve lets somebody in who asked.
func (of *Office) Approve(ctx context.Context, req IDRequest) (Done, error) {
	s, err := of.space(req.In)
	if err != nil {
		return Done{}, err
	}
	r, err := s.findRequest(req.ID)
	if err != nil {
		return Done{}, err
	}
	mine, _ := s.access().Role(s.self)
	body := &access.Admit{Rank: mine, Invite: r.Invite, Approved: true, Claim: r.Claim.Append(nil)}
	if err := s.writeBody(ctx, s.scope(), body); err != nil {
		return Done{}, explain(err)
	}
	return Done{}, explain(s.welcome(ctx, r.Claim, r.Invite))
}

// policyDenied is the register that says that a request was turned down: the key of the claim, the value 1.
const policyDenied = "join.denied/"

func deniedKey(claim *access.JoinClaim) string {
	id := crdt.Hash("hallway/denied/v1", claim.Append(nil))
	return policyDenied + hex.EncodeToString(id[:16])
}

func (s *space) denied(claim *access.JoinClaim) bool {
	return len(s.access().Policy(deniedKey(claim))) > 0
}

// Deny turns somebody down who asked.
func (of *Office) Deny(ctx context.Context, req IDRequest) (Done, error) {
	s, err := of.space(req.In)
	if err != nil {
		return Done{}, err
	}
	r, err := s.findRequest(req.ID)
	if err != nil {
		return Done{}, err
	}
	mine, _ := s.access().Role(s.self)
	return Done{}, explain(s.writeBody(ctx, s.scope(), &access.Policy{Rank: mine, Key: deniedKey(r.Claim), Value: []byte{1}}))
}

// welcome gives a newcomer the keys of what every member reads, and of the private channels that the invitation names, as
// far as its author manages them himself: the access scope cannot judge what he wrote into it, and this desk, which may
// let people in where he may not, must not do so at his word.
func (s *space) welcome(ctx context.Context, claim *access.JoinClaim, invite crdt.OpID) error {
	u := claim.User(s.id)
	if err := s.keys.grant(ctx, s.scope(), u); err != nil {
		return err
	}
	e, ok := s.access().Entry(invite)
	if !ok {
		return nil
	}
	for _, scope := range e.Body.(*access.InviteCreate).Channels {
		ch, ok := s.access().Channel(scope)
		if !ok || ch.Public || !s.access().MayManage(e.Author, scope) || !s.access().MayManage(s.self, scope) || s.access().MayRead(u, scope) {
			continue
		}
		role, _ := s.access().ChannelRole(s.self, scope)
		if err := s.writeBody(ctx, scope, &access.ChannelGrant{Scope: scope, Rank: role, User: u, Role: access.Poster}); err != nil {
			return err
		}
		if err := s.keys.grant(ctx, scope, u); err != nil {
			return err
		}
		if err := s.notify(ctx, scope, u); err != nil {
			return err
		}
	}
	return nil
}
