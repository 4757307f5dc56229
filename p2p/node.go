package p2p

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"hallway/crdt"
	"hallway/p2p/catchup"
	"hallway/p2p/gossip"
	"hallway/p2p/wire"
)

// Errors of a Node. Each is wrapped with what was tried.
var (
	ErrOverBudget = errors.New("over the live budget: it goes by catch-up")
	ErrAddress    = errors.New("address cannot be used")
	ErrNoChunk    = errors.New("no device in reach has the chunk")
)

// Node is one desk in the network of one workspace.
type Node struct {
	o       Options
	host    host.Host
	gossip  *gossip.Gossip
	budgets *gossip.Budgets
	shared  *catchup.Coordinator
	process [8]byte // tells this process from a copy of it (protocol 3.1)
	remotes remotes
	dialer  *dialer
	chunks  *chunkPenalties

	ctx     context.Context // ends with the node
	cancel  context.CancelFunc
	recheck broadcast

	endMu sync.Mutex
	ended bool           // nothing more is begun
	busy  sync.WaitGroup // what was begun, for devices and their streams

	neighboursChanged chan struct{}
}

// New makes the host and listens; Addrs answers from then on. Devices are dialled, and admitted to anything but the join
// protocol, once Run runs. A node that is never run must be closed.
func New(o Options) (*Node, error) {
	if o.Shards == 0 {
		o.Shards = 1
	}
	n := &Node{
		o: o, budgets: gossip.NewBudgets(o.Budgets, o.Clock), shared: catchup.NewCoordinator(), chunks: newChunkPenalties(),
		remotes: remotes{m: map[peer.ID]*remote{}}, neighboursChanged: make(chan struct{}, 1),
	}
	n.dialer = newDialer(n)
	n.ctx, n.cancel = context.WithCancel(context.Background())
	if _, err := io.ReadFull(o.Rand, n.process[:]); err != nil {
		return nil, fmt.Errorf("draw process nonce: %w", err)
	}
	g := &gater{admission: o.Admission}
	h, err := newHost(o, g)
	if err != nil {
		return nil, err
	}
	n.host = h
	g.host.Store(&h)
	h.SetStreamHandler(wire.ProtoJoin, n.serveJoin)
	h.SetStreamHandler(wire.ProtoMember, n.answerProof)
	h.SetStreamHandler(wire.ProtoPush, n.guarded(n.servePush))
	h.SetStreamHandler(wire.ProtoSync, n.guarded(n.serveSync))
	h.SetStreamHandler(wire.ProtoChunk, n.guarded(n.serveChunks))
	h.SetStreamHandler(wire.ProtoAsk, n.guarded(n.serveAsk))
	n.gossip, err = gossip.New(n.ctx, gossip.Options{
		Host: h, Workspace: o.Workspace, Shards: o.Shards, Log: o.Log,
		Validate: n.live, Allowed: n.isProven, Wait: n.waitProven, Score: n.score,
	})
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Run finds peers, proves membership, and carries live ops, catch-up and chunks until ctx ends; then it closes the host
// and returns when everything that it started has ended. It is called once.
func (n *Node) Run(ctx context.Context) error {
	changes, err := n.host.EventBus().Subscribe([]any{
		new(event.EvtPeerConnectednessChanged), new(event.EvtLocalAddressesUpdated),
	})
	if err != nil {
		return errors.Join(fmt.Errorf("watch connections: %w", err), n.Close())
	}
	n.addKnown()
	parts := []func(context.Context){
		func(ctx context.Context) { n.watchHost(ctx, changes) },
		n.dialer.run, n.runNeighbours, n.runTimers,
	}
	if n.o.Discover {
		parts = append(parts, n.runDiscovery)
	}
	var wg sync.WaitGroup
	for _, part := range parts {
		wg.Go(func() { part(ctx) })
	}
	for _, p := range n.host.Network().Peers() { // who came before we watched
		n.connected(p)
	}
	<-ctx.Done()
	wg.Wait()
	_ = changes.Close()
	return n.Close()
}

// Close ends everything and waits for it. Run calls it.
func (n *Node) Close() error {
	n.endMu.Lock()
	n.ended = true
	n.endMu.Unlock()
	n.cancel()
	err := n.host.Close()
	n.busy.Wait()
	if err != nil {
		return fmt.Errorf("close host: %w", err)
	}
	return nil
}

// addKnown starts looking at remembered addresses and at those that a person gave.
func (n *Node) addKnown() {
	if n.o.Addresses != nil {
		for _, info := range n.o.Addresses.Remembered() {
			n.dialer.add(info, true)
		}
	}
	n.Dial(n.o.Peers...)
}

// Dial adds addresses to look for devices at, as Options.Peers does.
func (n *Node) Dial(addrs ...ma.Multiaddr) {
	for _, a := range addrs {
		info := peer.AddrInfo{Addrs: []ma.Multiaddr{a}}
		if with, err := peer.AddrInfoFromP2pAddr(a); err == nil {
			info = *with
		}
		n.dialer.put(info, true, true)
	}
}

// watchHost keeps the table of devices, and looks around when the network changes.
func (n *Node) watchHost(ctx context.Context, changes event.Subscription) {
	started := false
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-changes.Out():
			switch e := e.(type) {
			case event.EvtPeerConnectednessChanged:
				if e.Connectedness == network.Connected {
					n.connected(e.Peer)
				} else {
					n.disconnected(e.Peer)
				}
			case event.EvtLocalAddressesUpdated:
				if started { // the first is the state at the start
					n.dialer.retry()
					n.Reconcile()
				}
				started = true
			}
		}
	}
}

// ID is this device's network id.
func (n *Node) ID() peer.ID { return n.host.ID() }

// Addrs are the addresses at which others reach this node, each with its /p2p part: those that others cannot reach
// (loopback) only where there is nothing else.
func (n *Node) Addrs() []ma.Multiaddr {
	all, err := n.host.Network().InterfaceListenAddresses()
	if err != nil || len(all) == 0 {
		all = n.host.Addrs()
	}
	var far []ma.Multiaddr
	for _, a := range all {
		if !manet.IsIPLoopback(a) {
			far = append(far, a)
		}
	}
	if len(far) == 0 {
		far = all
	}
	slices.SortStableFunc(far, func(a, b ma.Multiaddr) int { // TCP first, as it is dialled on a LAN
		_, x := port(a, ma.P_TCP)
		_, y := port(b, ma.P_TCP)
		switch {
		case x == y:
			return 0
		case x:
			return -1
		default:
			return 1
		}
	})
	out, err := peer.AddrInfoToP2pAddrs(&peer.AddrInfo{ID: n.ID(), Addrs: far})
	if err != nil {
		return nil
	}
	return out
}

// Peers lists the proven devices that are connected now, by network id.
func (n *Node) Peers() []PeerInfo {
	var out []PeerInfo
	for _, r := range n.remotes.proven() {
		out = append(out, n.info(r))
	}
	slices.SortFunc(out, func(a, b PeerInfo) int { return slices.Compare([]byte(a.ID), []byte(b.ID)) })
	return out
}

// Stored tells the peers' catch-up sessions that ops of a log are durable here; to nil means every connected device.
func (n *Node) Stored(to []peer.ID, scope crdt.ScopeID, log crdt.LogID, lo, hi uint64) {
	for _, r := range n.remotes.proven() {
		if r.sync != nil && (to == nil || slices.Contains(to, r.id)) {
			r.sync.call(func(s *catchup.Session, _ time.Time) { s.Stored(scope, log, lo, hi) })
		}
	}
}

// Recheck asks Admission again about every connection: who is out is disconnected before Recheck returns, who has become
// a member is asked for the proof, and catch-up looks at rights anew. Call it when access ops took effect.
func (n *Node) Recheck() {
	for _, p := range n.host.Network().Peers() {
		r := n.remotes.get(p)
		tier := n.o.Admission.Tier(p)
		if tier == Refused || tier == Joiner && r != nil && r.ok() {
			_ = n.host.Network().ClosePeer(p)
		}
	}
	n.recheck.fire()
	for _, r := range n.remotes.proven() {
		if r.sync != nil {
			// With rights, scopes come: the roots tell the other end that there is one to be announced.
			r.sync.call(func(s *catchup.Session, now time.Time) { s.Refresh(now); s.Kick(now, false) })
		}
	}
	n.dialer.poke()
}

// Reconcile compares holdings with every connected device now: on resume from sleep, and after an import of a bundle.
func (n *Node) Reconcile() {
	for _, r := range n.remotes.proven() {
		if r.sync != nil {
			r.sync.kick(false)
		}
	}
}

// Retry forgets all waiting and dials everything anew; with ids, those devices only.
func (n *Node) Retry(ids ...peer.ID) { n.dialer.retry(ids...) }

// SetShards changes the number of topics (1 to wire.MaxShards).
func (n *Node) SetShards(shards int) error { return n.gossip.SetShards(shards) }

// Progress is what catch-up with a connected device still has to fetch.
func (n *Node) Progress() map[peer.ID][]catchup.Progress {
	out := map[peer.ID][]catchup.Progress{}
	for _, r := range n.remotes.proven() {
		if r.sync != nil {
			r.sync.mu.Lock()
			out[r.id] = slices.Clone(r.sync.progress)
			r.sync.mu.Unlock()
		}
	}
	return out
}

// spawn runs f in a goroutine that Close waits for, unless the node has ended.
func (n *Node) spawn(f func()) {
	if n.begin() {
		go func() {
			defer n.busy.Done()
			f()
		}()
	}
}

// begin keeps Close waiting until busy.Done, unless the node has ended.
func (n *Node) begin() bool {
	n.endMu.Lock()
	defer n.endMu.Unlock()
	if n.ended {
		return false
	}
	n.busy.Add(1)
	return true
}
