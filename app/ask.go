package app

import (
	"context"
	"time"

	"hallway/crdt"

	"github.com/libp2p/go-libp2p/core/peer"
)

// maxAsked is how many members are asked for a missing key at a time (protocol 6.6).
const maxAsked = 3

// askEvery is how often it is looked whether a key is missing; how often somebody is asked is wantTimes' business.
const askEvery = 10 * time.Second

// Answer implements p2p.Answerer: a member asks for keys. Whether he may have them is decided by this desk's own view,
// and the answer goes to the key that access knows of him; to anybody else there is none.
func (n *network) Answer(_ context.Context, _ peer.ID, question []byte) []byte {
	answer, err := n.s.seal.Answer(n.s.sealView(), question)
	if err != nil {
		n.s.log.Debug("a want of keys got no answer", "err", err)
		return nil
	}
	return answer
}

// askKeys asks for keys that are missing, and gives them to those who lack them, for as long as the desk is online.
func (n *network) askKeys(ctx context.Context) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-n.s.keys.hurry:
		}
		if n.s.member() {
			n.s.keys.tend(ctx)
		}
		n.wantKeys(ctx)
	}
}

// wantKeys asks connected members for what is missing, when it is time to.
func (n *network) wantKeys(ctx context.Context) {
	node := n.running()
	missing := n.s.seal.Missing()
	if node == nil || len(missing) == 0 || !n.s.keys.wants.due(n.s.clock()) {
		return
	}
	epochs := make([]crdt.EpochID, 0, len(missing))
	for _, m := range missing {
		epochs = append(epochs, m.Epoch)
	}
	question, err := n.s.seal.Want(epochs[:min(len(epochs), 256)])
	if err != nil {
		n.s.log.Debug("could not ask for keys", "err", err)
		return
	}
	for i, p := range n.connected() {
		if i == maxAsked {
			return
		}
		answer, err := node.Ask(ctx, p.ID, question)
		if err != nil || len(answer) == 0 {
			continue
		}
		taken, err := n.s.seal.TakeAnswer(n.s.sealView(), answer)
		if err != nil {
			n.s.log.Debug("an answer with keys was not taken", "peer", p.ID, "err", err)
			continue
		}
		n.s.keys.use(taken)
	}
}
