package app

import (
	"context"
	"errors"

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p/catchup"
	"hallway/p2p/wire"
	"hallway/store/replica"

	"github.com/libp2p/go-libp2p/core/peer"
)

// door answers strangers: it is how somebody with an invitation comes in, whoever of the members he reaches (protocol
// 5.5, 9.1). It is asked from many goroutines.
type door struct{ s *space }

// Join implements p2p.Door.
func (d *door) Join(ctx context.Context, from peer.ID, q wire.JoinRequest) wire.JoinReply {
	if !d.s.member() {
		return refuse(wire.JoinNotMember)
	}
	switch q.Kind {
	case wire.JoinClaim:
		return d.claim(ctx, q.Claim, string(q.Name))
	case wire.JoinPoll:
		return d.poll(q.ClaimID)
	case wire.JoinPresent:
		return d.present(ctx, from, q.Ops)
	}
	return refuse(wire.JoinBadClaim)
}

func refuse(code wire.JoinCode) wire.JoinReply {
	return wire.JoinReply{State: wire.JoinRefused, Code: code}
}

func (d *door) claim(ctx context.Context, raw []byte, name string) wire.JoinReply {
	s := d.s
	claim, err := access.ParseJoinClaim(raw)
	if err != nil {
		return refuse(wire.JoinBadClaim)
	}
	invite, ok := s.access().InviteByID(claim.Invite)
	if !ok {
		return refuse(wire.JoinUnknown)
	}
	if err := claim.Check(s.id, invite.Body.Pub, s.access().PQ()); err != nil {
		return refuse(wire.JoinBadClaim)
	}
	if _, in := s.access().Role(claim.User(s.id)); in {
		return d.admitted(claim) // he lost our answer, and asks again
	}
	if code := d.closed(&invite); code != wire.JoinNoReason {
		return refuse(code)
	}
	if s.denied(claim) {
		return refuse(wire.JoinRevoked)
	}
	if invite.Body.Mode == access.InviteApprove {
		return d.request(ctx, claim, &invite, name)
	}
	body := &access.Admit{Rank: invite.Body.Rank, Invite: invite.Op, Claim: raw}
	if err := s.writeBody(ctx, s.scope(), body); err != nil {
		return d.failed(err)
	}
	if err := s.welcome(ctx, claim, invite.Op); err != nil {
		s.log.Warn("a newcomer was let in without keys; they come by themselves", "err", err)
	}
	return d.admitted(claim)
}

// closed says why an invitation lets nobody in, if it does not.
func (d *door) closed(i *access.Invite) wire.JoinCode {
	now := crdt.HLCAt(d.s.clock())
	switch {
	case d.s.clockSane() != nil:
		return wire.JoinClockOff
	case i.Revoked || !i.Effective:
		return wire.JoinRevoked
	case i.Body.Expires != 0 && now > i.Body.Expires:
		return wire.JoinExpired
	case !i.Open(now):
		return wire.JoinUsedUp
	}
	return wire.JoinNoReason
}

func (d *door) failed(err error) wire.JoinReply {
	d.s.log.Warn("could not let somebody in", "err", err)
	if errors.Is(err, access.ErrInadmissible) {
		return refuse(wire.JoinUsedUp) // somebody was quicker
	}
	return refuse(wire.JoinBusy)
}

// maxRequests is how many may wait for an answer by one invitation. Each is an op that everybody keeps for good, and who
// has a link can make as many people up as he likes; more are heard when some of these have been decided.
const maxRequests = 50

// request puts a claim before those who may approve it, once.
func (d *door) request(ctx context.Context, claim *access.JoinClaim, invite *access.Invite, name string) wire.JoinReply {
	s := d.s
	user := claim.User(s.id)
	waiting := 0
	for _, r := range s.access().Requests() {
		if r.User == user {
			return wire.JoinReply{State: wire.JoinPending}
		}
		if r.Invite == invite.Op && !s.denied(r.Claim) {
			waiting++
		}
	}
	if waiting >= maxRequests {
		return refuse(wire.JoinBusy)
	}
	body := &access.JoinRequest{Invite: invite.Op, Claim: claim.Append(nil)}
	if clean, err := personName("A name", name); err == nil {
		if body.Name, err = s.sealed(ctx, s.scope(), seal.FieldRequestName, []byte(clean)); err != nil {
			return d.failed(err)
		}
	}
	if err := s.writeBody(ctx, s.scope(), body); err != nil {
		return d.failed(err)
	}
	return wire.JoinReply{State: wire.JoinPending}
}

// poll answers whether a claim still waits. Of one that does not, the claim itself tells the rest: who polls sends it
// again, and is answered as a member or not. So a stranger has nothing searched but the few that wait.
func (d *door) poll(id [32]byte) wire.JoinReply {
	for _, r := range d.s.access().Requests() {
		if wire.ClaimID(r.Claim.Append(nil)) != id {
			continue
		}
		if d.s.denied(r.Claim) {
			return refuse(wire.JoinRevoked)
		}
		return wire.JoinReply{State: wire.JoinPending}
	}
	return refuse(wire.JoinUnknown)
}

// admitted answers with what the newcomer needs to talk to this desk: the genesis, which the link authenticates, and the
// ops that brought this desk's own certificate and his admission. Everything else comes by catch-up.
func (d *door) admitted(claim *access.JoinClaim) wire.JoinReply {
	s := d.s
	genesis, _ := s.access().Genesis()
	ids := []crdt.OpID{genesis}
	if m, ok := s.access().Member(s.self); ok && m.JoinedBy != genesis {
		ids = append(ids, m.JoinedBy)
	}
	if m, ok := s.access().Member(claim.User(s.id)); ok {
		ids = append(ids, m.JoinedBy)
	}
	reply := wire.JoinReply{State: wire.JoinAdmitted}
	for _, id := range ids {
		b, err := s.proof(id)
		if err != nil {
			s.log.Warn("could not show an admission", "err", err)
			return refuse(wire.JoinBusy)
		}
		reply.Ops = append(reply.Ops, b)
	}
	return reply
}

// proof is one access op as a segment, with the headers that lead to a signature over it.
func (s *space) proof(id crdt.OpID) ([]byte, error) {
	e, err := s.rep.Op(id)
	if err != nil {
		return nil, err
	}
	op := e.Admitted.Verified().Op()
	seg, err := s.rep.Catchup().Segment(e.Scope, catchup.Cut{Log: op.Log, From: op.Seq, To: op.Seq, Bytes: 1})
	if err != nil {
		return nil, err
	}
	return seg.Append(nil)
}

// presentBytes is how much of an admission is shown to a desk that has not heard of it.
const presentBytes = 48 << 10

// Present implements p2p.Door: the newest access ops up to this person's admission, ancestors first, as far as one
// message of the join protocol holds them. A desk that slept through more hears it from others.
func (d *door) Present() [][]byte {
	var out [][]byte
	total := 0
	entries := d.s.access().Audit()
	for i := len(entries) - 1; i >= 0 && len(out) < wire.MaxJoinOps; i-- {
		if ch, ok := d.s.access().Channel(entries[i].Scope); ok && !ch.Public {
			continue
		}
		b, err := d.s.proof(entries[i].Op)
		if err != nil {
			continue
		}
		if total += len(b); total > presentBytes {
			break
		}
		out = append([][]byte{b}, out...)
	}
	return out
}

// present takes in the ops that make a stranger a member.
func (d *door) present(ctx context.Context, from peer.ID, ops [][]byte) wire.JoinReply {
	d.s.takeOps(ctx, from, ops)
	if key, ok := transportKey(from); ok {
		if _, known := d.s.access().DeviceByTransport(key); known {
			return wire.JoinReply{State: wire.JoinHeard}
		}
	}
	return refuse(wire.JoinUnknown)
}

// joinSource is whom all that comes with the join protocol is laid to. A stranger makes himself a new network id for
// nothing, so that a share of the memory for what waits would be no bound if each had his own.
var joinSource = replica.Source{Way: replica.ByJoin, Peer: "join"}

// takeOps ingests access ops that came with the join protocol, each a segment.
func (s *space) takeOps(ctx context.Context, from peer.ID, ops [][]byte) {
	for _, raw := range ops {
		seg, err := crdt.ParseSegment(raw)
		if err != nil {
			return
		}
		out, err := s.rep.Ingest(ctx, joinSource, s.scope(), []*crdt.Segment{seg})
		if err = errors.Join(err, out.Fault()); err != nil {
			s.log.Debug("op of a join not taken", "from", from, "err", err)
			return
		}
	}
}
