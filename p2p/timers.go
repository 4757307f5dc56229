package p2p

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

// runTimers: every minute or two holdings are compared with one neighbour, once a day with each from the ground up
// (protocol 7.9); round trips are measured; a computer that slept looks around when it wakes.
func (n *Node) runTimers(ctx context.Context) {
	var last time.Time
	next := time.NewTimer(time.Minute + rand.N(time.Minute))
	defer next.Stop()
	for {
		before := time.Now()
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		// The monotonic clock stands still in sleep, the wall clock does not.
		asleep := time.Now().Round(0).Sub(before.Round(0)) - time.Since(before)
		if asleep > 30*time.Second {
			n.dialer.retry()
			n.Reconcile()
		}
		all := n.remotes.proven()
		audit := last.IsZero() || time.Since(last) > 24*time.Hour
		if audit {
			last = time.Now()
		}
		for i, at := range rand.Perm(len(all)) {
			r := all[at]
			if r.sync != nil && (i == 0 || audit) {
				r.sync.kick(audit)
			}
			n.ping(r)
			n.dropSpare(r)
		}
		next.Reset(time.Minute + rand.N(time.Minute))
	}
}

// ping measures the round trip to a device, in the background.
func (n *Node) ping(r *remote) {
	n.spawn(func() {
		ctx, cancel := context.WithTimeout(r.ctx, proofTime)
		defer cancel()
		res, ok := <-ping.Ping(ctx, n.host, r.id)
		if !ok || res.Error != nil {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.rtt == 0 {
			r.rtt = res.RTT
		}
		r.rtt = (3*r.rtt + res.RTT) / 4
	})
}

// dropSpare closes connections to a device that carry no stream, where there are several: two desks that dial each other
// at once have two. The one with the lower id does it, so that both do not close each other's last.
func (n *Node) dropSpare(r *remote) {
	conns := n.host.Network().ConnsToPeer(r.id)
	if len(conns) < 2 || n.ID() > r.id {
		return
	}
	slices.SortFunc(conns, func(a, b network.Conn) int { return len(b.GetStreams()) - len(a.GetStreams()) })
	for _, c := range conns[1:] {
		if len(c.GetStreams()) == 0 {
			_ = c.Close()
		}
	}
}

// broadcast wakes all who wait.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) fire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
	}
	b.ch = nil
}
