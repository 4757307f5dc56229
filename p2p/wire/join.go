package wire

import (
	"fmt"

	"hallway/crdt"
)

// JoinKind says what a stranger asks for (protocol 9, item 1).
type JoinKind uint8

// The three requests of the join protocol.
const (
	JoinClaim   JoinKind = 1 // here is my claim: admit me, or put it before someone who may
	JoinPoll    JoinKind = 2 // what became of that claim?
	JoinPresent JoinKind = 3 // I am a member: here are the access ops that say so, which you may not have heard of
)

// JoinRequest is the one question of a join stream.
type JoinRequest struct {
	Kind    JoinKind
	Claim   []byte   // JoinClaim: the signed claim, opaque here
	Name    []byte   // JoinClaim: the newcomer's name, at most MaxJoinName bytes, for whoever approves
	ClaimID [32]byte // JoinPoll: ClaimID of the claim
	Ops     [][]byte // JoinPresent: access ops, ancestors first, each a crdt.Segment of its own
}

// MaxJoinName is the most bytes of a name inside the join protocol.
const MaxJoinName = 256

// ClaimID is what a claim is asked after by.
func ClaimID(claim []byte) [32]byte { return crdt.Hash("hallway/claimid/v1", claim) }

// Append appends the request's encoding.
func (q *JoinRequest) Append(b []byte) []byte {
	b = append(b, byte(q.Kind))
	switch q.Kind {
	case JoinClaim:
		return appendBytes(appendBytes(b, q.Claim), q.Name)
	case JoinPoll:
		return append(b, q.ClaimID[:]...)
	default:
		return appendList(b, q.Ops)
	}
}

// ParseJoinRequest reads one request, all of b, sharing no memory with it.
func ParseJoinRequest(b []byte) (JoinRequest, error) {
	r := reader{b: b}
	q := JoinRequest{Kind: JoinKind(r.byte())}
	switch q.Kind {
	case JoinClaim:
		q.Claim = r.bytes(MaxJoinStream)
		q.Name = r.bytes(MaxJoinName)
	case JoinPoll:
		r.fill(q.ClaimID[:])
	case JoinPresent:
		q.Ops = r.list(MaxJoinOps, MaxJoinStream)
	default:
		r.fail(ErrMalformed)
	}
	if err := r.done("join request"); err != nil {
		return JoinRequest{}, err
	}
	return q, nil
}

// JoinState is the answer to a join request.
type JoinState uint8

// The answers of the join protocol.
const (
	JoinAdmitted JoinState = 1 // Ops holds the genesis, the certificate of the desk that answers, the admission
	JoinPending  JoinState = 2 // someone has to approve: poll
	JoinRefused  JoinState = 3 // Code says why
	JoinHeard    JoinState = 4 // answer to present: taken in, connect again as a member
)

// JoinCode says why a claim was refused. It tells a stranger no more than he could find out with his link.
type JoinCode uint8

// The reasons of a refusal.
const (
	JoinNoReason     JoinCode = 0
	JoinBadClaim     JoinCode = 1 // not a claim, or its signatures do not hold
	JoinUnknown      JoinCode = 2 // no such invitation here (yet)
	JoinExpired      JoinCode = 3
	JoinUsedUp       JoinCode = 4
	JoinRevoked      JoinCode = 5
	JoinBusy         JoinCode = 6 // ask again later, or somebody else
	JoinWrongPlace   JoinCode = 7 // another workspace's link
	JoinClockOff     JoinCode = 8 // this desk's clock is off, it may not admit
	JoinNotMember    JoinCode = 9 // the desk that was asked is no member itself yet
	joinCodeEnd      JoinCode = 10
	joinStateHighest          = JoinHeard
)

// JoinReply is the one answer of a join stream.
type JoinReply struct {
	State JoinState
	Code  JoinCode // zero unless State is JoinRefused
	Ops   [][]byte // access ops, ancestors first, each a crdt.Segment of its own
}

// Append appends the reply's encoding.
func (a *JoinReply) Append(b []byte) []byte {
	return appendList(append(b, byte(a.State), byte(a.Code)), a.Ops)
}

// ParseJoinReply reads one reply, all of b, sharing no memory with it.
func ParseJoinReply(b []byte) (JoinReply, error) {
	r := reader{b: b}
	a := JoinReply{State: JoinState(r.byte()), Code: JoinCode(r.byte())}
	if a.State == 0 || a.State > joinStateHighest || a.Code >= joinCodeEnd || (a.Code != 0) != (a.State == JoinRefused) {
		r.fail(ErrMalformed)
	}
	a.Ops = r.list(MaxJoinOps, MaxJoinStream)
	if err := r.done("join reply"); err != nil {
		return JoinReply{}, err
	}
	return a, nil
}

// Error is a refusal as an error, nil for every other answer.
func (a *JoinReply) Error() error {
	if a.State != JoinRefused {
		return nil
	}
	return fmt.Errorf("join refused, code %d", a.Code)
}
