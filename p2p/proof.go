package p2p

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"hallway/p2p/wire"
)

// proofTime is how long a member proof may take.
const proofTime = 10 * time.Second

// errProof is wrapped by every reason for which a member proof failed.
var errProof = errors.New("member proof failed")

// prove opens the member proof with a peer, and answers by how much its clock is ahead of ours.
func (n *Node) prove(ctx context.Context, p peer.ID) (ahead time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	s, err := n.host.NewStream(ctx, p, wire.ProtoMember)
	if err != nil {
		return 0, fmt.Errorf("open member proof: %w", err)
	}
	ahead, err = n.proveOver(s, true)
	if err != nil {
		_ = s.Reset()
		return 0, err
	}
	_ = s.Close() // the other side may have closed it first
	return ahead, nil
}

// answerProof is the other side of prove.
func (n *Node) answerProof(s network.Stream) {
	if !n.begin() {
		_ = s.Reset()
		return
	}
	defer n.busy.Done()
	p := s.Conn().RemotePeer()
	ahead, err := n.proveOver(s, false)
	if err != nil {
		n.o.Log.Debug("member proof not given", "peer", p, "err", err)
		_ = s.Reset()
		return
	}
	_ = s.Close()
	n.proved(p, ahead)
}

// proveOver runs either side (SPEC 5): hello, hello and proof, proof, and one empty frame by which the answerer says that
// it is content, so that neither side speaks on before the other is ready.
func (n *Node) proveOver(s network.Stream, opener bool) (ahead time.Duration, err error) {
	p := s.Conn().RemotePeer()
	key, ok := n.o.Admission.SignKey(p)
	if n.o.Admission.Tier(p) != Member || !ok {
		return 0, fmt.Errorf("%w: not a member's device here", errProof)
	}
	if err := s.SetDeadline(time.Now().Add(proofTime)); err != nil {
		return 0, fmt.Errorf("set deadline of member proof: %w", err)
	}
	mine := wire.MemberHello{Time: uint64(n.o.Clock().UnixMilli())}
	if _, err := io.ReadFull(n.o.Rand, mine.Nonce[:]); err != nil {
		return 0, fmt.Errorf("draw nonce: %w", err)
	}
	if err := wire.WriteFrame(s, mine.Append(nil)); err != nil {
		return 0, fmt.Errorf("write member hello: %w", err)
	}
	fr := wire.NewFrameReader(s, wire.MaxMemberFrame)
	frame, err := fr.Read()
	if err != nil {
		return 0, fmt.Errorf("read member hello: %w", err)
	}
	theirs, err := wire.ParseMemberHello(frame)
	if err != nil {
		return 0, err
	}
	pf := wire.MemberProof{Workspace: n.o.Workspace}
	if opener {
		pf.Opener, pf.Answerer, pf.OpenerNonce, pf.AnswerNonce = []byte(n.ID()), []byte(p), mine.Nonce, theirs.Nonce
	} else {
		pf.Opener, pf.Answerer, pf.OpenerNonce, pf.AnswerNonce = []byte(p), []byte(n.ID()), theirs.Nonce, mine.Nonce
	}
	if err := n.swapProofs(s, fr, pf, key, opener); err != nil {
		return 0, err
	}
	return time.UnixMilli(int64(theirs.Time)).Sub(n.o.Clock()), nil
}

func (n *Node) swapProofs(s network.Stream, fr *wire.FrameReader, pf wire.MemberProof, key []byte, opener bool) error {
	pf.ByOpener = opener
	sig, err := n.o.Sign(pf.Digest())
	if err != nil {
		return fmt.Errorf("sign member proof: %w", err)
	}
	pf.ByOpener = !opener
	check := func() error {
		got, err := fr.Read()
		if err != nil {
			return fmt.Errorf("read member proof: %w", err)
		}
		if !pf.Verify(key, got) {
			return fmt.Errorf("%w: signature does not hold", errProof)
		}
		return nil
	}
	if opener { // the answerer shows his first
		if err := check(); err != nil {
			return err
		}
		if err := wire.WriteFrame(s, sig[:]); err != nil {
			return fmt.Errorf("write member proof: %w", err)
		}
		if _, err := fr.Read(); err != nil {
			return fmt.Errorf("await consent to member proof: %w", err)
		}
		return nil
	}
	if err := wire.WriteFrame(s, sig[:]); err != nil {
		return fmt.Errorf("write member proof: %w", err)
	}
	if err := check(); err != nil {
		return err
	}
	return wire.WriteFrame(s, nil)
}
