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

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p"
	"hallway/p2p/catchup"
	"hallway/p2p/gossip"
	"hallway/p2p/wire"
	"hallway/store/blob"
	"hallway/store/replica"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
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

type (
	catchupServer = replica.Server
	catchupPeer   = catchup.PeerID
)

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

const (
	localListen = "net/listen" // the addresses that were listened on last
	localAddrs  = "net/addrs"  // the addresses that others could use last
	localPeers  = "net/peer/"  // + network id: where a device was met
)

// listenAddrs is where to listen: as told, else on the ports of last time, so that links that were handed out stay good.
func (n *network) listenAddrs(told []string) ([]ma.Multiaddr, error) {
	if len(told) > 0 {
		return multiaddrs(told)
	}
	var last []string
	if ok, err := n.s.kv.get(localListen, &last); err != nil || !ok {
		return nil, err
	}
	addrs, err := multiaddrs(last)
	if err != nil {
		return nil, nil
	}
	return addrs, nil
}

// keepListen remembers the ports, on every address: a laptop's addresses change with its network.
func (n *network) keepListen(ctx context.Context, addrs []ma.Multiaddr) error {
	var keep, all []string
	for _, a := range addrs {
		all = append(all, a.String())
		if w := wildcard(a); w != "" && !slices.Contains(keep, w) {
			keep = append(keep, w)
		}
	}
	if err := n.s.kv.put(ctx, localAddrs, all); err != nil || len(n.s.of.o.Network.Listen) > 0 || len(keep) == 0 {
		return err
	}
	return n.s.kv.put(ctx, localListen, keep)
}

// wildcard is the address with its host part opened to every address of this machine.
func wildcard(a ma.Multiaddr) string {
	host := "/ip4/0.0.0.0"
	if _, err := a.ValueForProtocol(ma.P_IP6); err == nil {
		host = "/ip6/::"
	}
	if port, err := a.ValueForProtocol(ma.P_TCP); err == nil {
		return host + "/tcp/" + port
	}
	if port, err := a.ValueForProtocol(ma.P_UDP); err == nil {
		return host + "/udp/" + port + "/quic-v1"
	}
	return ""
}

func multiaddrs(texts []string) ([]ma.Multiaddr, error) {
	var out []ma.Multiaddr
	for _, t := range texts {
		a, err := ma.NewMultiaddr(t)
		if err != nil {
			return nil, problem(ProblemInvalid, fmt.Sprintf("%q is not an address; write it as /ip4/10.0.0.7/tcp/4021.", t))
		}
		out = append(out, a)
	}
	return out, nil
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

// sign proves with the device's sign key that this network id is the device's.
func (n *network) sign(digest [32]byte) (crdt.Signature, error) {
	return crdt.Signature(ed25519.Sign(n.s.ring.SignKey(), digest[:])), nil
}

// Tier implements p2p.Admission from the access state as it stands.
func (n *network) Tier(p peer.ID) p2p.Tier {
	key, ok := transportKey(p)
	if !ok {
		return p2p.Refused
	}
	d, known := n.s.access().DeviceByTransport(key)
	switch {
	case known && n.s.access().Connects(d):
		return p2p.Member
	case n.sponsors(p):
		return p2p.Member
	case known:
		return p2p.Refused // revoked, or its person was removed
	}
	return p2p.Joiner
}

// sponsors reports whether a device is trusted as the one that let this one in. That ends with this device's own
// admission, from which on what is here says who is a member: the sponsor may be removed as anybody may.
func (n *network) sponsors(p peer.ID) bool {
	n.mu.RLock()
	_, ok := n.sponsor[p]
	n.mu.RUnlock()
	return ok && !n.s.member()
}

// SignKey implements p2p.Admission.
func (n *network) SignKey(p peer.ID) (ed25519.PublicKey, bool) {
	key, ok := transportKey(p)
	if !ok {
		return nil, false
	}
	if d, known := n.s.access().DeviceByTransport(key); known {
		return d.Cert.DSK.Public(), true
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	k, ok := n.sponsor[p]
	return k, ok
}

func transportKey(p peer.ID) (ed25519.PublicKey, bool) {
	pub, err := p.ExtractPublicKey()
	if err != nil {
		return nil, false
	}
	raw, err := pub.Raw()
	if err != nil || pub.Type() != crypto.Ed25519 || len(raw) != ed25519.PublicKeySize {
		return nil, false
	}
	return ed25519.PublicKey(raw), true
}

// peerOf is the network id of a transport key.
func peerOf(key access.Key) (peer.ID, bool) {
	pub, err := crypto.UnmarshalEd25519PublicKey(key[:])
	if err != nil {
		return "", false
	}
	p, err := peer.IDFromPublicKey(pub)
	return p, err == nil
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

// Has implements p2p.Chunks: as for Chunk, to know a chunk's id is the right to hear whether it is here.
func (n *network) Has(_ context.Context, _ peer.ID, _ []byte, ids []wire.ChunkID) []bool {
	out := make([]bool, len(ids))
	for i, id := range ids {
		out[i] = n.s.blobs.Has(blob.ID(id))
	}
	return out
}

// Chunk implements p2p.Chunks. A chunk's id is the hash of its ciphertext, which only readers of a message with it, or
// those whose key was minted with it, can know; so to name it is the right to it (protocol 8).
func (n *network) Chunk(_ context.Context, _ peer.ID, _ []byte, id wire.ChunkID) ([]byte, bool) {
	b, err := n.s.blobs.Get(blob.ID(id))
	return b, err == nil
}

// fetch has chunks fetched from whoever has them, of these devices or, where from is nil, of all.
func (n *network) fetch(ctx context.Context, ids []seal.ChunkID, from []peer.ID) error {
	node := n.running()
	if node == nil {
		return p2p.ErrNoChunk
	}
	want := make([]wire.ChunkID, len(ids))
	for i, id := range ids {
		want[i] = wire.ChunkID(id)
	}
	return node.FetchChunks(ctx, p2p.Fetch{IDs: want, Sequential: true, From: from, Store: func(id wire.ChunkID, data []byte) error {
		return n.s.blobs.PutAs(blob.ID(id), data)
	}})
}

// wantPart has a part of a mint looked for.
func (n *network) wantPart(id [32]byte) {
	select {
	case n.parts <- id:
	default: // asked for again by Retry
	}
}

func (n *network) fetchParts(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case id := <-n.parts:
			if n.fetch(ctx, []seal.ChunkID{id}, nil) == nil {
				n.s.keys.fetchPart(id)
			}
		}
	}
}

// Remembered implements p2p.AddressBook.
func (n *network) Remembered() []peer.AddrInfo {
	var out []peer.AddrInfo
	err := n.s.kv.each(localPeers, func(name string, _ []byte) error {
		var addrs []string
		if ok, err := n.s.kv.get(name, &addrs); err != nil || !ok {
			return err
		}
		id, err := peer.Decode(name[len(localPeers):])
		if err != nil {
			return nil
		}
		if mas, err := multiaddrs(addrs); err == nil {
			out = append(out, peer.AddrInfo{ID: id, Addrs: mas})
		}
		return nil
	})
	if err != nil {
		n.s.log.Warn("could not read where peers were met", "err", err)
	}
	return out
}

// Remember implements p2p.AddressBook.
func (n *network) Remember(info peer.AddrInfo) {
	var addrs []string
	for _, a := range info.Addrs {
		addrs = append(addrs, a.String())
	}
	if err := n.s.kv.put(context.Background(), localPeers+info.ID.String(), addrs); err != nil {
		n.s.log.Warn("could not remember where a peer was met", "err", err)
	}
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
	defer n.mu.Unlock()
	n.clocks[from] = ahead
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
