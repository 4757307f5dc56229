package p2p

import (
	"context"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	ma "github.com/multiformats/go-multiaddr"

	"hallway/p2p/wire"
)

// serveJoin answers the one question of a join stream (protocol 9, item 1).
func (n *Node) serveJoin(s network.Stream) {
	defer s.Close()
	p := s.Conn().RemotePeer()
	if !n.begin() {
		_ = s.Reset()
		return
	}
	defer n.busy.Done()
	if n.o.Admission.Tier(p) == Refused || n.o.Door == nil || s.SetDeadline(time.Now().Add(wire.JoinTime)) != nil {
		_ = s.Reset()
		return
	}
	frame, err := wire.NewFrameReader(s, wire.MaxJoinStream).Read()
	if err != nil {
		_ = s.Reset()
		return
	}
	q, err := wire.ParseJoinRequest(frame)
	if err != nil {
		n.o.Log.Debug("join request refused", "peer", p, "err", err)
		_ = s.Reset()
		return
	}
	ctx, cancel := context.WithTimeout(n.ctx, wire.JoinTime)
	defer cancel()
	reply := n.o.Door.Join(ctx, p, q)
	if b := reply.Append(nil); len(b) <= wire.MaxJoinStream {
		_ = wire.WriteFrame(s, b) // who is gone asks again
		return
	}
	n.o.Log.Error("join reply too large", "ops", len(reply.Ops))
	_ = s.Reset()
}

// AskToJoin dials a desk and asks it one question of the join protocol. The address needs a /p2p part, or TCP.
func (n *Node) AskToJoin(ctx context.Context, at ma.Multiaddr, q wire.JoinRequest) (wire.JoinReply, error) {
	ctx, cancel := context.WithTimeout(ctx, wire.JoinTime)
	defer cancel()
	info, err := n.resolve(ctx, at)
	if err != nil {
		return wire.JoinReply{}, err
	}
	n.host.Peerstore().AddAddrs(info.ID, info.Addrs, peerstore.TempAddrTTL)
	return n.askJoin(ctx, info.ID, q)
}

// askJoin asks a device whose addresses are known.
func (n *Node) askJoin(ctx context.Context, p peer.ID, q wire.JoinRequest) (wire.JoinReply, error) {
	s, err := n.host.NewStream(ctx, p, wire.ProtoJoin)
	if err != nil {
		return wire.JoinReply{}, fmt.Errorf("ask to join: %w", err)
	}
	defer s.Close()
	if dl, ok := ctx.Deadline(); ok {
		if err := s.SetDeadline(dl); err != nil {
			return wire.JoinReply{}, fmt.Errorf("ask to join: %w", err)
		}
	}
	b := q.Append(nil)
	if len(b) > wire.MaxJoinStream {
		return wire.JoinReply{}, fmt.Errorf("ask to join: %w", wire.ErrTooLarge)
	}
	if err := wire.WriteFrame(s, b); err != nil {
		_ = s.Reset()
		return wire.JoinReply{}, fmt.Errorf("ask to join: %w", err)
	}
	frame, err := wire.NewFrameReader(s, wire.MaxJoinStream).Read()
	if err != nil {
		_ = s.Reset()
		return wire.JoinReply{}, fmt.Errorf("hear the answer to a join request: %w", err)
	}
	return wire.ParseJoinReply(frame)
}

// present shows a desk that refuses our member proof the ops that make us a member: it may have slept through them.
func (n *Node) present(ctx context.Context, p peer.ID) error {
	if n.o.Door == nil {
		return nil
	}
	ops := n.o.Door.Present()
	if len(ops) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, wire.JoinTime)
	defer cancel()
	_, err := n.askJoin(ctx, p, wire.JoinRequest{Kind: wire.JoinPresent, Ops: ops})
	return err
}
