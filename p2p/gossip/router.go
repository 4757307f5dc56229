package gossip

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"hallway/crdt"
	"hallway/p2p/wire"
)

// router is one GossipSub over the topics of the workspace.
type router struct {
	ps     *pubsub.PubSub
	filter *topicFilter

	g *Gossip

	mu     sync.Mutex
	topics []joined // by shard
}

type joined struct {
	topic *pubsub.Topic
	leave pubsub.RelayCancelFunc
}

func newRouter(ctx context.Context, g *Gossip, proto protocol.ID, params pubsub.GossipSubParams, flood bool) (*router, error) {
	r := &router{g: g, filter: newTopicFilter(g.o.Workspace)}
	ps, err := pubsub.NewGossipSub(ctx, g.host,
		pubsub.WithGossipSubProtocols([]protocol.ID{proto}, features),
		pubsub.WithGossipSubParams(params),
		pubsub.WithFloodPublish(flood),
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(), // else 50 bytes of each message say who sent it, and in which order
		pubsub.WithMessageIdFn(frameID),
		pubsub.WithSubscriptionFilter(r.filter),
		pubsub.WithPeerFilter(func(p peer.ID, _ string) bool { return g.o.Allowed(p) }),
		pubsub.WithMaxMessageSize(wire.MaxGossip),
		pubsub.WithPeerOutboundQueueSize(256),
		pubsub.WithValidateQueueSize(512),
		pubsub.WithPeerScore(scoreParams(g.o), thresholds()),
		pubsub.WithLogger(quiet(g.o.Log)),
		pubsub.WithRPCLogger(quiet(g.o.Log)),
	)
	if err != nil {
		return nil, err
	}
	r.ps = ps
	return r, nil
}

// features: our own protocols have meshes and IDONTWANT, but neither peer exchange, since devices are found elsewhere, nor
// the extensions of 1.3.
func features(f pubsub.GossipSubFeature, _ protocol.ID) bool {
	return f == pubsub.GossipSubFeatureMesh || f == pubsub.GossipSubFeatureIdontwant
}

// frameID names a message by its content: 16 bytes are enough for a cache, since who finds a collision has written both.
func frameID(m *pb.Message) string {
	sum := crdt.Hash("hallway/frameid/v1", m.GetData())
	return string(sum[:16])
}

func (r *router) setShards(n int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.topics) > n {
		last := r.topics[len(r.topics)-1]
		last.leave()
		if err := last.topic.Close(); err != nil {
			return err
		}
		if err := r.ps.UnregisterTopicValidator(last.topic.String()); err != nil {
			return err
		}
		r.topics = r.topics[:len(r.topics)-1]
	}
	for len(r.topics) < n {
		j, err := r.join(len(r.topics))
		if err != nil {
			return err
		}
		r.topics = append(r.topics, j)
	}
	return nil
}

// join takes part in a shard's topic. It relays rather than subscribes: the validator is where a frame is taken in, so
// that a queue of delivered messages behind it would only cost memory.
func (r *router) join(shard int) (joined, error) {
	name := wire.Topic(r.g.o.Workspace, shard)
	if err := r.ps.RegisterTopicValidator(name, r.validate, pubsub.WithValidatorTimeout(ValidateTime)); err != nil {
		return joined{}, err
	}
	t, err := r.ps.Join(name)
	if err != nil {
		return joined{}, err
	}
	leave, err := t.Relay()
	if err != nil {
		return joined{}, err
	}
	return joined{topic: t, leave: leave}, nil
}

func (r *router) validate(ctx context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
	if from == r.g.o.Host.ID() {
		return pubsub.ValidationAccept
	}
	if len(m.GetData()) > wire.MaxLive {
		return pubsub.ValidationReject
	}
	switch r.g.o.Validate(ctx, from, m.GetData()) {
	case Accept:
		return pubsub.ValidationAccept
	case Reject:
		return pubsub.ValidationReject
	default:
		return pubsub.ValidationIgnore
	}
}

func (r *router) publish(ctx context.Context, shard int, frame []byte) error {
	r.mu.Lock()
	if shard < 0 || shard >= len(r.topics) {
		r.mu.Unlock()
		return fmt.Errorf("publish to shard %d: %w", shard, ErrShard)
	}
	t := r.topics[shard].topic
	r.mu.Unlock()
	if err := t.Publish(ctx, frame); err != nil {
		return fmt.Errorf("publish to shard %d: %w", shard, err)
	}
	return nil
}

// topicFilter is the allow-list of topics: what else a peer says it subscribes to is forgotten at once, so that a
// hundred thousand names cost nothing (protocol 9, item 3).
type topicFilter struct{ allowed map[string]bool }

func newTopicFilter(ws crdt.WorkspaceID) *topicFilter {
	f := &topicFilter{allowed: make(map[string]bool, wire.MaxShards)}
	for k := range wire.MaxShards {
		f.allowed[wire.Topic(ws, k)] = true
	}
	return f
}

// CanSubscribe implements pubsub.SubscriptionFilter.
func (f *topicFilter) CanSubscribe(topic string) bool { return f.allowed[topic] }

// FilterIncomingSubscriptions implements pubsub.SubscriptionFilter.
func (f *topicFilter) FilterIncomingSubscriptions(_ peer.ID, subs []*pb.RPC_SubOpts) ([]*pb.RPC_SubOpts, error) {
	kept := subs[:0]
	for _, s := range subs {
		if f.allowed[s.GetTopicid()] {
			kept = append(kept, s)
		}
	}
	return kept, nil
}

// quiet passes on what pubsub warns of: below that it writes a line for each message.
func quiet(log *slog.Logger) *slog.Logger { return slog.New(warnings{log.Handler()}) }

type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

// Handle leaves out a line that pubsub has for each message, since guardedHost gives it no connection manager to tag.
func (w warnings) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "error bumping delivery tag" {
		return nil
	}
	return w.Handler.Handle(ctx, r)
}
