package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"hallway/app/internal/keyring"
	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p/wire"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// joinState is what of a join is kept until it is done: in the keyring, since the link is a secret.
type joinState struct {
	Link  string `json:"link"`
	Claim []byte `json:"claim"`
	Why   string `json:"why,omitempty"` // the sentence with which it ended, if it failed
}

// joining is a join under way. It is retried for as long as the workspace runs, until somebody says yes or no.
type joining struct {
	s    *space
	link access.Link

	mu    sync.Mutex
	state joinState
	step  JoinStep

	finishing atomic.Bool // the last step is under way or done: it is taken once
}

// loadJoining is the join that is under way in a workspace's folder, or nil.
func loadJoining(s *space) (*joining, error) {
	raw := s.ring.Extra(extraJoin)
	if raw == nil {
		return nil, nil
	}
	j := &joining{s: s, step: StepConnecting}
	if err := json.Unmarshal(raw, &j.state); err != nil {
		return nil, fmt.Errorf("read the join under way: %w", keyring.ErrDamaged)
	}
	link, err := access.ParseLink(j.state.Link)
	if err != nil {
		return nil, fmt.Errorf("read the join under way: %w", keyring.ErrDamaged)
	}
	j.link = link
	if j.state.Why != "" {
		j.step = StepFailed
	}
	return j, nil
}

const (
	joinRetry = 2 * time.Second
	joinPoll  = 2 * time.Second
)

// joinLoop asks to be let in until it is answered for good.
func (s *space) joinLoop(ctx context.Context) error {
	j := s.joining.Load()
	if j == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	s.joinProgress(ctx)
	for !s.member() && j.failed() == "" {
		wait := j.ask(ctx)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func (j *joining) failed() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state.Why
}

// ask asks every address in turn until one answers, and says how long to wait before the next round.
func (j *joining) ask(ctx context.Context) time.Duration {
	node := j.s.net.running()
	if node == nil {
		return joinRetry
	}
	q := wire.JoinRequest{Kind: wire.JoinClaim, Claim: j.state.Claim, Name: j.s.ring.Extra(extraPerson)}
	for _, text := range append(append([]string{}, j.link.Addresses...), j.s.of.o.Network.Peers...) {
		at, err := ma.NewMultiaddr(text)
		if err != nil {
			continue
		}
		reply, err := node.AskToJoin(ctx, at, q)
		if err != nil {
			j.s.log.Debug("desk not reached", "at", text, "err", err)
			continue
		}
		if wait, done := j.answered(ctx, at, &reply); done {
			return wait
		}
	}
	return joinRetry
}

// answered acts on a reply; done is false where somebody else should be asked.
func (j *joining) answered(ctx context.Context, at ma.Multiaddr, reply *wire.JoinReply) (wait time.Duration, done bool) {
	switch reply.State {
	case wire.JoinPending:
		j.move(ctx, StepApproval)
		return joinPoll, true
	case wire.JoinAdmitted:
		if j.admitted(ctx, at, reply.Ops) {
			return joinRetry, true
		}
		return 0, false
	case wire.JoinRefused:
		if reply.Code == wire.JoinRevoked && j.at() == StepApproval {
			j.fail(ctx, StepDenied, "Your request was turned down; speak to whoever invited you.")
			return 0, true
		}
		if why := refusalSentence(reply.Code); why != "" {
			j.fail(ctx, StepFailed, why)
			return 0, true
		}
	}
	return 0, false
}

// refusalSentence is what a refusal means, or empty where asking somebody else, or later, may help.
func refusalSentence(code wire.JoinCode) string {
	switch code {
	case wire.JoinExpired:
		return "This invitation has expired; ask for a new one."
	case wire.JoinUsedUp:
		return "This invitation was used as often as it may be; ask for a new one."
	case wire.JoinRevoked:
		return "This invitation was withdrawn; ask for a new one."
	case wire.JoinBadClaim:
		return "The workspace does not accept this invitation; ask for a new one."
	}
	return ""
}

func (j *joining) move(ctx context.Context, step JoinStep) {
	j.mu.Lock()
	same := j.step == step
	j.step = step
	j.mu.Unlock()
	if !same {
		j.s.tellJoin()
	}
}

func (j *joining) at() JoinStep {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.step
}

func (j *joining) fail(_ context.Context, step JoinStep, why string) {
	j.mu.Lock()
	j.state.Why, j.step = why, step
	raw, err := json.Marshal(j.state)
	j.mu.Unlock()
	if err == nil {
		err = j.s.ring.SetExtra(extraJoin, raw)
	}
	if err != nil {
		j.s.log.Warn("could not note how the join ended", "err", err)
	}
	j.s.tellJoin()
}

// admitted takes the answer in: the genesis, which the link vouches for, and the certificate of the desk that answered,
// which is trusted with nothing but to serve ops that prove themselves.
func (j *joining) admitted(ctx context.Context, at ma.Multiaddr, ops [][]byte) bool {
	s := j.s
	id, err := peerIn(at)
	if err != nil || len(ops) == 0 {
		return false
	}
	s.takeOps(ctx, id, ops[:1])
	if !s.access().Founded() {
		s.log.Debug("the desk that answered showed no genesis of this workspace", "peer", id)
		return false
	}
	for _, raw := range ops {
		seg, err := crdt.ParseSegment(raw)
		if err != nil {
			continue
		}
		if cert := certIn(&seg.Ops[0]); cert != nil {
			if p, ok := peerOf(cert.DTK); ok && p == id && cert.Check(s.id) == nil {
				s.net.trust(id, cert.DSK.Public())
			}
		}
	}
	j.move(ctx, StepAsking)
	if node := s.net.running(); node != nil {
		node.Recheck()
		node.Dial(at)
	}
	return true
}

// peerIn is the network id that an address names.
func peerIn(at ma.Multiaddr) (peer.ID, error) {
	info, err := peer.AddrInfoFromP2pAddr(at)
	if err != nil {
		return "", err
	}
	return info.ID, nil
}

// certIn is the device certificate that an op brings, by which its device connects.
func certIn(op *crdt.Op) *access.DeviceCert {
	body, err := access.ParseBody(op.Type, op.Payload)
	if err != nil {
		return nil
	}
	switch b := body.(type) {
	case *access.Genesis:
		return &b.Founder.Device
	case *access.Admit:
		if claim, err := access.ParseJoinClaim(b.Claim); err == nil {
			return &claim.Who.Device
		}
	case *access.DeviceAdd:
		return &b.Cert
	}
	return nil
}

// joinProgress looks how far a join has come by what is here, and finishes it: once the first key opens, this person's
// own profile is written and the link forgotten.
func (s *space) joinProgress(ctx context.Context) {
	j := s.joining.Load()
	if j == nil || !s.member() {
		return
	}
	_, err := s.seal.EpochToSend(s.sealView(), s.scope())
	if errors.Is(err, seal.ErrNeedMint) && s.nameOpens() {
		err = nil // the keys are here; somebody was removed since, and whoever writes next renews them
	}
	if err != nil {
		j.move(ctx, StepKeys)
		return
	}
	p := profile{Name: string(s.ring.Extra(extraPerson)), Device: string(s.ring.Extra(extraDeviceName))}
	if !j.finishing.CompareAndSwap(false, true) {
		return
	}
	go func() { // the reader, which calls, must not wait for a write that it has to read
		if err := s.writeProfile(ctx, p); err != nil {
			s.log.Warn("could not write the profile", "err", err)
			j.finishing.Store(false)
			return
		}
		if err := s.ring.SetExtra(extraJoin, nil); err != nil {
			s.log.Warn("could not forget the invitation", "err", err)
		}
		s.joinDone()
	}()
}

// nameOpens reports whether the workspace's name can be read, which its key seals.
func (s *space) nameOpens() bool {
	sealed, err := access.ParseSealed(s.access().Policy(access.PolicyName))
	if err != nil || sealed.IsZero() {
		return false
	}
	_, ok := s.unseal(s.scope(), seal.FieldWorkspaceName, sealed)
	return ok
}
