package gossip

import (
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"

	"hallway/p2p/wire"
)

// scoreParams keeps scoring simple (protocol 9, item 4): invalid messages count strongly against who sent them (P4), and
// what the node knows otherwise (P5). IP colocation (P6) is off, since an office is one address. There are no positive
// weights, so that nobody can earn credit by being there and then spend it on misconduct (CVE-2022-47547).
func scoreParams(o Options) *pubsub.PeerScoreParams {
	p := &pubsub.PeerScoreParams{
		SkipAtomicValidation: true,
		Topics:               map[string]*pubsub.TopicScoreParams{},
		AppSpecificScore:     o.Score,
		AppSpecificWeight:    1,
		DecayInterval:        time.Second,
		DecayToZero:          0.01,
		RetainScore:          10 * time.Minute,
	}
	for k := range wire.MaxShards {
		p.Topics[wire.Topic(o.Workspace, k)] = &pubsub.TopicScoreParams{
			SkipAtomicValidation:           true,
			TopicWeight:                    1,
			TimeInMeshQuantum:              time.Second, // its weight is 0, but pubsub divides by it
			InvalidMessageDeliveriesWeight: -1,          // of the square of their number
			InvalidMessageDeliveriesDecay:  0.98,
		}
	}
	return p
}

// thresholds: four invalid messages at once and gossip with the peer ends, seven and nothing is sent to him, nine and
// nothing of his is read until the count has decayed, which takes about a minute.
func thresholds() *pubsub.PeerScoreThresholds {
	return &pubsub.PeerScoreThresholds{
		SkipAtomicValidation: true, GossipThreshold: -15, PublishThreshold: -45, GraylistThreshold: -80,
	}
}
