package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p"
	"hallway/p2p/catchup"
	"hallway/p2p/gossip"
	"hallway/p2p/wire"
	"hallway/store/replica"

	"github.com/libp2p/go-libp2p/core/peer"
)

// network is a workspace's desk in the network. What asks it while it is not running finds nobody there.
type network struct {
	s *space

	mu      sync.RWMutex
	node    *p2p.Node
	ready   chan struct{}                 // closed when node is there, or broken
	broken  error                         // why it could not go online
	sponsor map[peer.ID]ed25519.PublicKey // desks that let this one in, until their own admission is here
	peers   map[peer.ID]p2p.PeerInfo
	seen    map[peer.ID]time.Time // last contact
	clocks  map[peer.ID]time.Duration
	parts   chan [32]byte       // parts of mints that are wanted
	silent  map[crdt.LogID]bool // logs of imports
}

func newNetwork(s *space) *network {
	return &network{
		s: s, ready: make(chan struct{}), sponsor: map[peer.ID]ed25519.PublicKey{}, peers: map[peer.ID]p2p.PeerInfo{},
		seen: map[peer.ID]time.Time{}, clocks: map[peer.ID]time.Duration{}, parts: make(chan [32]byte, 256), silent: map[crdt.LogID]bool{},
	}
}

// run takes the workspace online until ctx ends.
func (s *space) run(ctx context.Context) error {
	o := s.of.o.Network
	if o.Off {
		<-ctx.Done()
		return nil
	}
	n := s.net
	n.tryAgain()
	listen, err := n.listenAddrs(o.Listen)
	if err != nil {
		return err
	}
	peers, err := multiaddrs(o.Peers)
	if err != nil {
		return err
	}
	options := p2p.Options{
		Workspace: s.id, Identity: s.ring.TransportKey(), Sign: n.sign, Admission: n, Inbox: n, Door: &door{s},
		Replica: syncSide{s.rep.Catchup(), n}, Chunks: n, Watch: n, Answers: n, Listen: listen, Peers: peers, Addresses: n, Discover: !o.NoDiscovery,
		Clock: s.of.o.Clock, Rand: s.of.o.Rand, Log: s.log, Host: o.Host,
	}
	node, err := p2p.New(options)
	if err != nil && len(o.Listen) == 0 && listen != nil {
		options.Listen = nil // last time's ports are taken: any will do
		node, err = p2p.New(options)
	}
	if err != nil && len(o.Listen) > 0 {
		s.log.Debug("could not listen", "err", err)
		return problem(ProblemUnavailable, fmt.Sprintf("This desk cannot listen at %s; another program may have that port, name another address.", strings.Join(o.Listen, ", ")))
	}
	if err != nil {
		return fmt.Errorf("go online: %w", err)
	}
	n.mu.Lock()
	n.node = node
	close(n.ready)
	n.mu.Unlock()
	if err := n.keepListen(ctx, node.Addrs()); err != nil {
		s.log.Warn("could not remember the ports", "err", err)
	}
	defer func() {
		n.mu.Lock()
		n.node, n.ready = nil, make(chan struct{})
		clear(n.peers)
		n.mu.Unlock()
	}()
	return n.together(ctx, node.Run, n.spread, n.fetchParts, s.joinLoop, n.askKeys)
}

// gaveUp notes why the workspace is not online; it reports whether it never was, in this run.
func (n *network) gaveUp(err error) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken = err
	select {
	case <-n.ready:
		return false
	default:
		close(n.ready)
		return true
	}
}

func (n *network) tryAgain() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.broken != nil {
		n.broken, n.ready = nil, make(chan struct{})
	}
}

// together runs parts until one ends or ctx does, and returns when all have.
func (n *network) together(ctx context.Context, parts ...func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, len(parts))
	for _, part := range parts {
		go func() { ended <- part(ctx) }()
	}
	var errs []error
	for range parts {
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			errs = append(errs, err)
			stop()
		}
	}
	return errors.Join(errs...)
}

// running is the node while it runs, or nil.
func (n *network) running() *p2p.Node {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.node
}

// Listening waits until the workspaces are online and answers the first one's network id and addresses; empty ones where
// there is no workspace yet or no network is wanted.
func (of *Office) Listening(ctx context.Context) (id string, addrs []string, err error) {
	of.mu.RLock()
	spaces := slices.Clone(of.spaces)
	of.mu.RUnlock()
	addrs = []string{}
	for _, s := range spaces {
		s.net.mu.RLock()
		ready := s.net.ready
		s.net.mu.RUnlock()
		if of.o.Network.Off {
			continue
		}
		select {
		case <-ready:
		case <-ctx.Done():
			return "", addrs, ctx.Err()
		}
		node := s.net.running()
		if node == nil {
			s.net.mu.RLock()
			err := s.net.broken
			s.net.mu.RUnlock()
			if err != nil {
				return "", addrs, explain(err)
			}
			continue
		}
		if id == "" {
			id = node.ID().String()
		}
		for _, a := range node.Addrs() {
			addrs = append(addrs, a.String())
		}
	}
	return id, addrs, nil
}

// Live implements p2p.Inbox.
func (n *network) Live(ctx context.Context, from peer.ID, frame []byte) p2p.Received {
	kind, body, err := wire.SplitLive(frame)
	if err != nil {
		return p2p.Received{Verdict: gossip.Reject}
	}
	switch kind {
	case wire.LiveOp:
		h := n.s.rep.Live(replica.Source{Way: replica.ByGossip, Peer: from.String()}, body)
		r := p2p.Received{Verdict: verdictOf(h.Verdict)}
		if h.Gap != nil {
			r.Gap = &p2p.Gap{Scope: h.Gap.Scope, Log: h.Gap.Log, From: h.Gap.From, To: h.Gap.To}
		}
		return r
	case wire.LiveSignal:
		return p2p.Received{Verdict: n.s.heardSignal(body)}
	}
	return p2p.Received{Verdict: gossip.Ignore}
}

func verdictOf(v replica.Verdict) gossip.Verdict {
	switch v {
	case replica.Accept:
		return gossip.Accept
	case replica.Reject:
		return gossip.Reject
	}
	return gossip.Ignore
}

// Peer implements p2p.Watcher.
func (n *network) Peer(p p2p.PeerInfo, here bool) {
	now := n.s.of.o.Clock()
	n.mu.Lock()
	if here {
		n.peers[p.ID] = p
	} else {
		delete(n.peers, p.ID)
	}
	n.seen[p.ID] = now
	n.mu.Unlock()
	n.s.reader.poke(func() { n.s.peerChanged(p, here) })
}

// Sync implements p2p.Watcher.
func (n *network) Sync(from peer.ID, events []catchup.Event) {
	n.mu.Lock()
	n.seen[from] = n.s.of.o.Clock()
	n.mu.Unlock()
	for _, e := range events {
		switch e.Kind {
		case catchup.EventHolds: // a peer that holds an own log as far as it goes here says that this is its last copy
			if n.s.rep.Ours(e.Log) {
				n.s.rep.Confirm(e.Log, e.Hi)
			}
		case catchup.EventTwin:
			n.s.log.Warn("another live process writes as this device; from now on this one writes into logs of its own")
			n.s.rep.NewIncarnation()
		}
	}
	n.s.sent.heard(from, events)
}

// ClockOff implements p2p.Watcher.
func (n *network) ClockOff(from peer.ID, ahead time.Duration) {
	n.mu.Lock()
	n.clocks[from] = ahead
	n.mu.Unlock()
	if ahead > clockWarn || ahead < -clockWarn {
		n.s.reader.poke(func() { // the network line says so
			n.s.cameFurther(nil, true)
			n.s.land()
		})
	}
}

// clockOff is by how much this computer's clock is behind (positive) or ahead of the others', by the median over people,
// however many devices each has; zero where fewer than two agree that it is off at all: one whose word counted alone could
// keep a desk from inviting and admitting.
func (n *network) clockOff() time.Duration {
	n.mu.RLock()
	defer n.mu.RUnlock()
	by := map[access.UserID]time.Duration{}
	for p, off := range n.clocks {
		key, ok := transportKey(p)
		if !ok {
			continue
		}
		d, known := n.s.access().DeviceByTransport(key)
		if !known || d.User == n.s.self {
			continue
		}
		if before, ok := by[d.User]; !ok || off.Abs() < before.Abs() {
			by[d.User] = off
		}
	}
	return agreed(slices.Collect(maps.Values(by)))
}

// agreed is the median of what desks say; of an even number the one of the two in the middle that is nearer to nothing,
// and zero where these two do not even agree on its direction.
func agreed(off []time.Duration) time.Duration {
	if len(off) < 2 {
		return 0
	}
	slices.Sort(off)
	lo, hi := off[(len(off)-1)/2], off[len(off)/2]
	switch {
	case lo > 0:
		return lo
	case hi < 0:
		return hi
	}
	return 0
}

// syncSide is the replica as catch-up asks it. Until this device's own admission is here, the desk that let it in is
// served the access scope as if it were known: so the two agree to exchange it.
type syncSide struct {
	replica.Server
	n *network
}

// MayRead implements catchup.Replica.
func (s syncSide) MayRead(p catchup.PeerID, scope crdt.ScopeID) bool {
	if s.Server.MayRead(p, scope) {
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
func (s syncSide) Ingest(ctx context.Context, from catchup.PeerID, scope crdt.ScopeID, segs []*crdt.Segment) (catchup.Outcome, error) {
	out, err := s.Server.Ingest(ctx, from, scope, segs)
	s.n.s.log.Debug("caught up", "scope", scope.String()[:8], "segments", len(segs), "stored", out.Stored, "pending", out.Pending, "refused", out.Refused, "err", err)
	return out, err
}
