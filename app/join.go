package app

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"hallway/app/internal/keyring"
	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
)

// readLink finds the invitation in what was pasted, and says what is wrong with it if something is.
func readLink(text string) (access.Link, string, error) {
	if len(text) > 64<<10 {
		return access.Link{}, "", problem(ProblemInvalid, "That is too much text for an invitation; paste the link alone.")
	}
	if i := strings.Index(text, access.LinkPrefix); i >= 0 {
		text, _, _ = strings.Cut(text[i:], " ")
		text = strings.TrimRight(strings.Fields(text)[0], ".,;)>\"'")
	}
	link, err := access.ParseLink(text)
	switch {
	case errors.Is(err, access.ErrLinkVersion):
		return link, "", problem(ProblemNewer, "This invitation was made by a newer Hallway; install that version.")
	case err != nil:
		return link, "", problem(ProblemInvalid, "This is not a whole invitation link; copy it again, from hallway:// to its end.")
	}
	return link, text, nil
}

// PreviewInvite says what a pasted text invites to, without any network.
func (of *Office) PreviewInvite(_ context.Context, req PreviewInviteRequest) (PreviewInviteReply, error) {
	link, text, err := readLink(req.Link)
	if err != nil {
		return PreviewInviteReply{}, err
	}
	out := PreviewInviteReply{
		Workspace: link.Workspace.String(), Name: link.WorkspaceName, InvitedBy: link.InviterName,
		Expired: link.CheckTime(of.o.Clock()) != nil, AlreadyHere: of.byID(link.Workspace) != nil,
		Words: workspaceWords(link.Workspace), Link: text,
	}
	if link.Expires != 0 {
		out.Expires = link.Expires.Time()
	}
	return out, nil
}

// Join takes an invitation. It returns when the claim is stored; the rest goes on while the Office runs.
func (of *Office) Join(ctx context.Context, req JoinRequest) (JoinReply, error) {
	link, text, err := readLink(req.Link)
	if err != nil {
		return JoinReply{}, err
	}
	as, err := personName("Your name", req.As)
	if err != nil {
		return JoinReply{}, err
	}
	if s := of.byID(link.Workspace); s != nil && !s.turnedDown() {
		return JoinReply{}, problem(ProblemExists, "This workspace is on this computer already.")
	}
	if link.CheckTime(of.o.Clock()) != nil {
		return JoinReply{}, problem(ProblemExpired, "This invitation has expired; ask for a new one.")
	}
	if s := of.byID(link.Workspace); s != nil { // what an earlier link left, which led nowhere
		if err := of.remove(s); err != nil {
			return JoinReply{}, err
		}
	}
	ring, err := keyring.New(of.o.Rand)
	if err != nil {
		return JoinReply{}, err
	}
	who, err := seal.NewComer(ring, usePQ, crdt.HLCAt(of.o.Clock()), 0)
	if err != nil {
		return JoinReply{}, err
	}
	state, err := json.Marshal(joinState{Link: text, Claim: access.NewJoinClaim(link.Workspace, link.Key(), who).Append(nil)})
	if err != nil {
		return JoinReply{}, err
	}
	s, err := of.newSpace(ctx, ring, link.Workspace, newSpaceOptions{
		name: link.WorkspaceName, as: as, device: req.Device, protection: req.Protection, passphrase: req.Passphrase, join: state,
	})
	if err != nil {
		return JoinReply{}, explain(err)
	}
	rk, _ := ring.Recovery()
	return JoinReply{
		Workspace: s.idText(), Name: s.name(), Member: s.self.String(), Device: s.device.String(), State: JoinPending,
		Recovery: strings.Fields(rk.Phrase()),
	}, nil
}

// turnedDown reports whether the workspace is here only as a join that was answered with no.
func (s *space) turnedDown() bool {
	j := s.joining.Load()
	return j != nil && !s.member() && j.failed() != ""
}

// JoinStatus says how far a join is.
func (of *Office) JoinStatus(_ context.Context, req JoinStatusRequest) (JoinStatusReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return JoinStatusReply{}, err
	}
	return s.joinStatus(), nil
}

func (s *space) joinStatus() JoinStatusReply {
	out := JoinStatusReply{Workspace: s.idText(), Name: s.name(), Member: s.self.String(), Device: s.device.String(), State: JoinPending, Step: StepDone}
	if s.member() {
		out.State = JoinMember
	}
	out.Have, out.Want = s.haveWantAll()
	j := s.joining.Load()
	switch {
	case j == nil && (out.Want > out.Have || !s.landed()):
		out.Step = StepFetching
	case j != nil:
		j.mu.Lock()
		out.Step = j.step
		why := j.state.Why
		j.mu.Unlock()
		if out.Step == StepApproval {
			out.Words = compareWords(s.id, access.KeyOf(s.recoveryPublic()))
		}
		out.Sentence = joinSentence(out.Step, why)
		return out
	}
	out.Sentence = joinSentence(out.Step, "")
	return out
}

func joinSentence(step JoinStep, why string) string {
	if why != "" {
		return why
	}
	switch step {
	case StepConnecting:
		return "Looking for a computer of the workspace; whoever invited you must be reachable. It is tried again and again."
	case StepAsking:
		return "Asking to be let in."
	case StepApproval:
		return "Waiting for somebody to approve; compare the words with them."
	case StepKeys:
		return "You are in; the keys are on their way."
	case StepFetching:
		return "You are in; older history is being fetched."
	}
	return "You are in."
}

// recoveryPublic is the public half of this person's recovery key, which the claim holds.
func (s *space) recoveryPublic() []byte {
	if j := s.joining.Load(); j != nil {
		if claim, err := access.ParseJoinClaim(j.state.Claim); err == nil {
			return claim.Who.RK[:]
		}
	}
	m, _ := s.access().Member(s.self)
	return m.RK[:]
}

// CancelJoin gives a join up and removes what was made for it.
func (of *Office) CancelJoin(_ context.Context, req JoinStatusRequest) (Done, error) {
	s, err := of.space(req.In)
	if err != nil {
		return Done{}, err
	}
	if s.joining.Load() == nil || s.member() {
		return Done{}, problem(ProblemInvalid, "You are in this workspace already.")
	}
	return Done{}, of.remove(s)
}
