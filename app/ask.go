package app

import (
	"context"
	"time"

	"hallway/crdt"
	"hallway/p2p/catchup"

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

// trust notes the sign key of a desk that let this one in, until this one's own admission is here.
func (n *network) trust(id peer.ID, key []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sponsor[id] = key
}

// lastAddrs are the addresses of last time, for an invitation that is made while the desk is not online.
func (n *network) lastAddrs() []string {
	var last []string
	if ok, err := n.s.kv.get(localAddrs, &last); err != nil || !ok {
		return nil
	}
	return last
}

// quiet keeps a log out of live sending: a history that is brought in goes by catch-up alone (protocol 6.10).
func (n *network) quiet(log crdt.LogID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent[log] = true
}

func (n *network) isQuiet(log crdt.LogID) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.silent[log]
}

// syncSide is the replica as catch-up asks it. Until this device's own admission is here, the desk that let it in is
// served the access scope as if it were known: so the two agree to exchange it.
type syncSide struct {
	catchupServer
	n *network
}

// MayRead implements catchup.Replica.
func (s syncSide) MayRead(p catchupPeer, scope crdt.ScopeID) bool {
	if s.catchupServer.MayRead(p, scope) {
		return true
	}
	if scope != s.n.s.scope() {
		// A private scope that a notice told of, and nothing of it is here yet: there is nothing to serve, and only who
		// holds the scope id can tell what is asked for.
		_, known := s.n.s.access().Channel(scope)
		return !known
	}
	if s.n.s.member() {
		return false
	}
	s.n.mu.RLock()
	defer s.n.mu.RUnlock()
	_, ok := s.n.sponsor[peer.ID(p)]
	return ok
}

// Ingest implements catchup.Replica; what was not taken is worth a line for whoever looks for it.
func (s syncSide) Ingest(ctx context.Context, from catchupPeer, scope crdt.ScopeID, segs []*crdt.Segment) (catchup.Outcome, error) {
	out, err := s.catchupServer.Ingest(ctx, from, scope, segs)
	s.n.s.log.Debug("caught up", "scope", scope.String()[:8], "segments", len(segs), "stored", out.Stored, "pending", out.Pending, "refused", out.Refused, "err", err)
	return out, err
}
