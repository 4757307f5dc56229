// Package gossip spreads live frames over the topics of a workspace (protocol 7.1, 9.3 to 9.5).
//
// It runs two GossipSub routers beside each other, because pubsub fixes the degree of its mesh when it is made. Flood
// has an empty mesh: the author sends to all, nobody passes on; the cheapest there is where all hear each other. Mesh
// passes on, for offices where they do not. Everybody listens on both; the author chooses for each frame, so that
// nothing is rebuilt and nothing lost when the office changes shape.
package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"hallway/crdt"
	"hallway/p2p/wire"
)

// Verdict is what becomes of a frame.
type Verdict uint8

// The verdicts, as pubsub has them.
const (
	Accept Verdict = iota // good: taken in, and passed on
	Ignore                // not for passing on, but nobody's fault: a duplicate, unknown author, future clock, over budget
	Reject                // provably bad by its sender: malformed, or a signature that does not hold
)

// ErrShard is returned for a shard that the workspace does not have.
var ErrShard = errors.New("no such shard")

// Options are what Gossip needs; all are required.
type Options struct {
	Host      host.Host
	Workspace crdt.WorkspaceID
	Shards    int // 1 to wire.MaxShards
	// Validate takes a frame in and says what becomes of it, within ValidateTime. It is called from many goroutines, not
	// for our own frames.
	Validate func(ctx context.Context, from peer.ID, frame []byte) Verdict
	// Allowed reports whether a device may take part. Until it may, its streams are refused; tell Admit when it may.
	Allowed func(p peer.ID) bool
	// Wait blocks until Allowed would say yes, for a short while at most, and answers what it then says: the other side
	// may have come to know it a moment before us.
	Wait func(p peer.ID) bool
	// Score is what else speaks for or against a device: 0, or below (P5 of GossipSub).
	Score func(p peer.ID) float64
	Log   *slog.Logger
}

// ValidateTime is how long a validator may take.
const ValidateTime = 200 * time.Millisecond

// Gossip is one device's part in the topics of its workspace.
type Gossip struct {
	o           Options
	flood, mesh *router
	host        *guardedHost
}

// New joins the topics. It works until ctx ends; what it started then ends by itself, once the host is closed.
func New(ctx context.Context, o Options) (*Gossip, error) {
	h, err := newGuardedHost(o)
	if err != nil {
		return nil, fmt.Errorf("start gossip: %w", err)
	}
	g := &Gossip{o: o, host: h}
	if g.flood, err = newRouter(ctx, g, wire.ProtoFlood, floodParams(), true); err != nil {
		return nil, fmt.Errorf("start gossip: %w", err)
	}
	if g.mesh, err = newRouter(ctx, g, wire.ProtoMesh, meshParams(), false); err != nil {
		return nil, fmt.Errorf("start gossip: %w", err)
	}
	if err := g.SetShards(o.Shards); err != nil {
		return nil, err
	}
	return g, nil
}

// Admit lets a device take part, now that Allowed says so.
func (g *Gossip) Admit(p peer.ID) { g.host.admit(p) }

// SetShards joins topics 0 to n-1 and leaves the others.
func (g *Gossip) SetShards(n int) error {
	if n < 1 || n > wire.MaxShards {
		return fmt.Errorf("join %d shards: %w", n, ErrShard)
	}
	for _, r := range []*router{g.flood, g.mesh} {
		if err := r.setShards(n); err != nil {
			return fmt.Errorf("join %d shards: %w", n, err)
		}
	}
	return nil
}

// Publish spreads a frame of our own. allHear says that everybody in reach is connected to us, so that our own sends are
// enough. It does not wait for the network.
func (g *Gossip) Publish(ctx context.Context, shard int, frame []byte, allHear bool) error {
	r := g.mesh
	if allHear {
		r = g.flood
	}
	return r.publish(ctx, shard, frame)
}

// floodParams: nobody passes on, the author sends to all. What is missed is offered by IHAVE once a second.
func floodParams() pubsub.GossipSubParams {
	p := pubsub.DefaultGossipSubParams()
	p.D, p.Dlo, p.Dhi, p.Dout, p.Dscore, p.Dlazy = 0, 0, 0, 0, 0, 2
	return p
}

// meshParams: a small mesh, which the author too relies on, so that a thousand neighbours do not cost him a thousand
// sends. IDONTWANT pays from about two typical frames on (facts of the benchmark).
func meshParams() pubsub.GossipSubParams {
	p := pubsub.DefaultGossipSubParams()
	p.D, p.Dlo, p.Dhi, p.Dout, p.Dscore = 4, 3, 12, 1, 3
	return p
}
