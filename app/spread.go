package app

import (
	"context"
	"errors"
	"fmt"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p"
	"hallway/p2p/wire"
	"hallway/store/replica"

	"github.com/libp2p/go-libp2p/core/peer"
)

// smallScope is how many devices a private channel may have for its ops to be pushed to them directly, past the topic
// that all share (protocol 7.1).
const smallScope = 64

// carry sends an op that was written here to those who should have it now: by the shared topic for what every member
// holds, straight to each device for private channels. Whoever is not there gets it by catch-up.
func (n *network) carry(ctx context.Context, adm access.Admitted) {
	node := n.running()
	if node == nil {
		return
	}
	op := adm.Verified().Op()
	frame := wire.AppendLiveOp(nil, op, len(op.Heads) == 0 && op.Seq > 0)
	scope := adm.Scope()
	if to, private := n.s.devicesOf(scope); private && len(to) <= smallScope {
		node.Push(to, frame)
		return
	}
	if err := node.Publish(ctx, wire.Shard(scope, 1), frame); err != nil && !errors.Is(err, p2p.ErrOverBudget) {
		n.s.log.Debug("could not publish", "err", err)
	}
}

// devicesOf are the network ids of the devices of a scope's people, without this one; private is false for scopes that
// every member holds.
func (s *space) devicesOf(scope crdt.ScopeID) (ids []peer.ID, private bool) {
	v := s.access()
	ch, ok := v.Channel(scope)
	private = ok && !ch.Public
	for _, m := range s.readersOf(scope) {
		for _, d := range v.Devices(m) {
			if d.Revoked || d.Ref == s.device {
				continue
			}
			if p, ok := peerOf(d.Cert.DTK); ok {
				ids = append(ids, p)
			}
		}
	}
	return ids, private
}

// spread follows what becomes durable here: what was written on this device goes out, and whoever wrote what came from
// elsewhere learns that it is held here too.
func (n *network) spread(ctx context.Context) error {
	lsn, _ := n.s.rep.LSN()
	for {
		last, wake := n.s.rep.LSN()
		for lsn < last {
			entries, err := n.s.rep.Feed(lsn, 256)
			if err != nil {
				return fmt.Errorf("follow the store: %w", err)
			}
			if len(entries) == 0 {
				break
			}
			n.spreadBatch(ctx, entries)
			lsn = entries[len(entries)-1].LSN
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// span is a run of ops of somebody else's log that became durable here.
type span struct {
	scope  crdt.ScopeID
	author access.UserID
	lo, hi uint64
}

func (n *network) spreadBatch(ctx context.Context, entries []replica.Entry) {
	stored := map[crdt.LogID][]span{}
	for _, e := range entries {
		op := e.Admitted.Verified().Op()
		if op.Device == n.s.device {
			if !n.isQuiet(op.Log) {
				n.carry(ctx, e.Admitted)
			}
			continue
		}
		spans := stored[op.Log]
		if last := len(spans) - 1; last >= 0 && spans[last].hi+1 == op.Seq {
			spans[last].hi = op.Seq // only what touches is joined: what lies between may not be here
			continue
		}
		stored[op.Log] = append(spans, span{scope: e.Scope, author: e.Admitted.User(), lo: op.Seq, hi: op.Seq})
	}
	node := n.running()
	if node == nil {
		return
	}
	for log, spans := range stored {
		var author []peer.ID
		for _, d := range n.s.access().Devices(spans[0].author) {
			if p, ok := peerOf(d.Cert.DTK); ok {
				author = append(author, p)
			}
		}
		for _, s := range spans {
			node.Stored(author, s.scope, log, s.lo, s.hi)
		}
	}
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
