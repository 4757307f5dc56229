package p2p

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"hallway/p2p/wire"
)

// ErrNoPeer is returned where the device is not connected, or has not proved to be a member's.
var ErrNoPeer = errors.New("no such device is connected")

// Answerer answers one question of a proven member (wire.ProtoAsk): a want of keys (protocol 6.6). Question and answer
// are opaque here; nil means that there is no answer, and the asker learns no more than that.
type Answerer interface {
	Answer(ctx context.Context, from peer.ID, question []byte) []byte
}

// serveAsk answers the one question of a stream. A stranger's, or one that is too long, is reset.
func (n *Node) serveAsk(r *remote, s network.Stream) {
	defer s.Close()
	if n.o.Answers == nil || s.SetDeadline(time.Now().Add(wire.AskTime)) != nil {
		_ = s.Reset()
		return
	}
	question, err := wire.NewFrameReader(s, wire.MaxAsk).Read()
	if err != nil {
		_ = s.Reset()
		return
	}
	ctx, cancel := context.WithTimeout(r.ctx, wire.AskTime)
	defer cancel()
	answer := n.o.Answers.Answer(ctx, r.id, question)
	if len(answer) > wire.MaxAnswer {
		n.o.Log.Error("answer too large", "bytes", len(answer))
		_ = s.Reset()
		return
	}
	_ = wire.WriteFrame(s, answer) // who is gone asks again
}

// Ask puts one question to a connected member and answers what he said; empty where he had nothing to say.
func (n *Node) Ask(ctx context.Context, to peer.ID, question []byte) ([]byte, error) {
	if !slices.ContainsFunc(n.remotes.proven(), func(r *remote) bool { return r.id == to }) {
		return nil, ErrNoPeer
	}
	ctx, cancel := context.WithTimeout(ctx, wire.AskTime)
	defer cancel()
	s, err := n.host.NewStream(ctx, to, wire.ProtoAsk)
	if err != nil {
		return nil, fmt.Errorf("ask a member: %w", err)
	}
	defer s.Close()
	if dl, ok := ctx.Deadline(); ok {
		if err := s.SetDeadline(dl); err != nil {
			return nil, fmt.Errorf("ask a member: %w", err)
		}
	}
	if err := wire.WriteFrame(s, question); err != nil {
		_ = s.Reset()
		return nil, fmt.Errorf("ask a member: %w", err)
	}
	answer, err := wire.NewFrameReader(s, wire.MaxAnswer).Read()
	if err != nil {
		_ = s.Reset()
		return nil, fmt.Errorf("hear a member's answer: %w", err)
	}
	return answer, nil
}
