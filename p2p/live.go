package p2p

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"hallway/crdt"
	"hallway/p2p/gossip"
	"hallway/p2p/wire"
)

// Publish spreads a live frame over the shard's topic. It returns once the frame is handed to the network; that nobody is
// there is no error. ErrOverBudget: others would drop it, catch-up carries it, and has been told.
func (n *Node) Publish(ctx context.Context, shard int, frame []byte) error {
	device, cost, err := costOf(frame)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if !n.budgets.Allows(device, cost) {
		for _, r := range n.remotes.proven() {
			n.syncSoon(r)
		}
		return fmt.Errorf("publish: %w", ErrOverBudget)
	}
	n.budgets.Charge(device, cost)
	return n.gossip.Publish(ctx, shard, frame, n.everybodyHears())
}

// Push sends a live frame to those of the devices that are connected, and answers how many there were. It never waits: of
// a peer that reads too slowly the frame is dropped, and catch-up brings it. Those that are not connected are looked for.
func (n *Node) Push(to []peer.ID, frame []byte) (sent int) {
	for _, p := range to {
		r := n.remotes.get(p)
		switch {
		case p == n.ID():
		case r == nil:
			n.dialer.want(p)
		case r.ok() && r.push.put(frame):
			sent++
		}
	}
	return sent
}

// costOf reads from a frame what its author pays.
func costOf(frame []byte) (crdt.DeviceRef, gossip.Cost, error) {
	kind, body, err := wire.SplitLive(frame)
	if err != nil {
		return crdt.DeviceRef{}, gossip.Cost{}, err
	}
	switch kind {
	case wire.LiveOp:
		f, err := crdt.ParseOp(body)
		if err != nil {
			return crdt.DeviceRef{}, gossip.Cost{}, err
		}
		op := f.Peek()
		return op.Device, gossip.Cost{Type: op.Type, Bytes: len(op.Payload)}, nil
	case wire.LiveSignal:
		s, err := wire.ParseSignal(body)
		return s.Device, gossip.Cost{Signal: true}, err
	default:
		return crdt.DeviceRef{}, gossip.Cost{}, wire.ErrMalformed
	}
}

// live is the one way in for ops and signals, over gossip and push alike. Checks go from cheap to dear (protocol 9, item
// 3): form, budget, then whatever Inbox does. What is charged waits for the verdict.
func (n *Node) live(ctx context.Context, from peer.ID, frame []byte) gossip.Verdict {
	if !n.begin() {
		return gossip.Ignore
	}
	defer n.busy.Done()
	device, cost, err := costOf(frame)
	switch {
	case errors.Is(err, crdt.ErrVersion):
		return gossip.Ignore // a newer Hallway's
	case err != nil:
		return gossip.Reject
	}
	r := n.remotes.get(from)
	if !n.budgets.Allows(device, cost) {
		if r != nil && !cost.Signal {
			n.syncSoon(r)
		}
		return gossip.Ignore
	}
	got := n.o.Inbox.Live(ctx, from, frame)
	if got.Verdict == gossip.Reject && r != nil {
		r.mu.Lock()
		r.strikes++
		r.mu.Unlock()
	}
	if got.Gap != nil && r != nil && r.sync != nil {
		r.sync.gap(*got.Gap)
	}
	if got.Verdict != gossip.Accept {
		return got.Verdict
	}
	cost.NewLog = got.NewLog
	pays := n.budgets.Allows(device, cost)
	n.budgets.Charge(device, cost)
	if !pays {
		return gossip.Ignore
	}
	return gossip.Accept
}

// maxStrikes is how many provably bad frames on its push stream end a device's connection.
const maxStrikes = 8

// takePushed handles one frame of a push stream and reports whether to read on.
func (n *Node) takePushed(r *remote, frame []byte) bool {
	kind, body, err := wire.SplitLive(frame)
	if err != nil {
		return false
	}
	switch kind {
	case wire.LiveOp, wire.LiveSignal:
		ctx, cancel := context.WithTimeout(r.ctx, 10*time.Second)
		defer cancel()
		if n.live(ctx, r.id, frame) == gossip.Reject {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.strikes < maxStrikes
		}
		return true
	case wire.LiveNeighbours:
		nb, err := wire.ParseNeighbours(body)
		if err != nil {
			return false
		}
		n.heardNeighbours(r, nb)
		return true
	case wire.LiveWho:
		nb, err := wire.ParseNeighbours(body)
		if err != nil {
			return false
		}
		n.answerWho(r, nb)
		return true
	default:
		devices, err := wire.ParseDevices(body)
		if err != nil {
			return false
		}
		n.heardDevices(devices)
		return true
	}
}

// score is what speaks against a device besides its invalid gossip.
func (n *Node) score(p peer.ID) float64 {
	r := n.remotes.get(p)
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return -float64(r.strikes)
}
