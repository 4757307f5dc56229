package p2p

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"hallway/p2p/wire"
)

// remote is another device as long as at least one connection to it stands. Two desks that dial each other at once have
// two; all that is remembered is by device.
type remote struct {
	id     peer.ID
	ctx    context.Context // ends with the last connection
	cancel context.CancelFunc
	proven chan struct{} // closed once the member proof stands
	push   *pushQueue
	sync   *syncer // nil where nothing is caught up

	mu         sync.Mutex
	isProven   bool
	since      time.Time
	rtt        time.Duration
	neighbours wire.Neighbours
	told       bool // neighbours has been heard
	strikes    int  // frames of this device that were provably bad
}

// remotes is the table of devices that are connected.
type remotes struct {
	mu sync.Mutex
	m  map[peer.ID]*remote
}

func (t *remotes) get(p peer.ID) *remote {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.m[p]
}

// proven lists the devices whose proof stands.
func (t *remotes) proven() []*remote {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*remote
	for _, r := range t.m {
		if r.ok() {
			out = append(out, r)
		}
	}
	return out
}

func (r *remote) ok() bool {
	select {
	case <-r.proven:
		return true
	default:
		return false
	}
}

// connected takes note of a device whose first connection came.
func (n *Node) connected(p peer.ID) {
	n.remotes.mu.Lock()
	if n.remotes.m[p] != nil {
		n.remotes.mu.Unlock()
		return
	}
	r := &remote{id: p, proven: make(chan struct{}), push: newPushQueue()}
	r.ctx, r.cancel = context.WithCancel(n.ctx)
	n.remotes.m[p] = r
	n.remotes.mu.Unlock()
	n.spawn(func() { n.introduce(r) })
}

// disconnected forgets a device whose last connection went.
func (n *Node) disconnected(p peer.ID) {
	n.remotes.mu.Lock()
	r := n.remotes.m[p]
	delete(n.remotes.m, p)
	n.remotes.mu.Unlock()
	if r == nil {
		return
	}
	r.cancel()
	n.dialer.lost(p)
	if r.ok() {
		n.tellNeighbours()
		if n.o.Watch != nil {
			n.o.Watch.Peer(n.info(r), false)
		}
	}
}

// introduce proves our membership to a device and asks for its own, again and again while the connection stands and until
// it is done from either side. A stranger that does not become a member in the time of a join is sent away.
func (n *Node) introduce(r *remote) {
	wait := time.Duration(0)
	if n.ID() > r.id {
		wait = 300 * time.Millisecond // one of the two goes first
	}
	stranger := time.NewTimer(wire.JoinTime + 5*time.Second)
	defer stranger.Stop()
	for try := 0; ; try++ {
		timer := time.NewTimer(wait)
		select {
		case <-r.ctx.Done():
			timer.Stop()
			return
		case <-r.proven:
			timer.Stop()
			return
		case <-stranger.C:
			timer.Stop()
			if n.o.Admission.Tier(r.id) != Member {
				_ = n.host.Network().ClosePeer(r.id)
				return
			}
			continue
		case <-n.recheck.wait():
			timer.Stop()
			try = 0
		case <-timer.C:
		}
		wait = time.Second << min(try, 5)
		wait += rand.N(wait / 4)
		if n.o.Admission.Tier(r.id) != Member {
			continue
		}
		ahead, err := n.prove(r.ctx, r.id)
		if err == nil {
			n.proved(r.id, ahead)
			return
		}
		n.o.Log.Debug("member proof not taken", "peer", r.id, "err", err)
		if err := n.present(r.ctx, r.id); err != nil {
			n.o.Log.Debug("membership not presented", "peer", r.id, "err", err)
		}
	}
}

// proved is called once a member proof stands, from whichever side; the second call does nothing.
func (n *Node) proved(p peer.ID, ahead time.Duration) {
	r := n.remotes.get(p)
	if r == nil && n.host.Network().Connectedness(p) == network.Connected {
		// The stream came before the news of its connection.
		n.connected(p)
	}
	if r == nil {
		if r = n.remotes.get(p); r == nil {
			return
		}
	}
	r.mu.Lock()
	if r.isProven {
		r.mu.Unlock()
		return
	}
	r.isProven, r.since = true, n.o.Clock()
	if n.o.Replica != nil {
		r.sync = n.newSyncer(r)
	}
	close(r.proven)
	r.mu.Unlock()

	n.dialer.met(p)
	n.gossip.Admit(p)
	n.spawn(func() { n.runPush(r) })
	if r.sync != nil {
		n.spawn(func() { r.sync.run() })
	}
	n.remember(p)
	r.push.put(n.neighboursFrame()) // it has heard nothing of us yet; the others hear in a moment
	n.tellNeighbours()
	n.ping(r)
	if n.o.Watch != nil {
		n.o.Watch.Peer(n.info(r), true)
		n.o.Watch.ClockOff(p, ahead)
	}
}

// waitProven blocks until a device has proved itself, for at most five seconds: its streams may overtake the proof's last
// frame. It answers whether the device may be served.
func (n *Node) waitProven(p peer.ID) bool {
	if n.o.Admission.Tier(p) != Member {
		return false
	}
	r := n.remotes.get(p)
	if r == nil {
		return false
	}
	if !r.ok() {
		timer := time.NewTimer(5 * time.Second)
		defer timer.Stop()
		select {
		case <-r.proven:
		case <-r.ctx.Done():
			return false
		case <-timer.C:
			return false
		}
	}
	return n.o.Admission.Tier(p) == Member
}

func (n *Node) isProven(p peer.ID) bool {
	r := n.remotes.get(p)
	return r != nil && r.ok() && n.o.Admission.Tier(p) == Member
}

// guarded serves a stream to proven members only.
func (n *Node) guarded(serve func(r *remote, s network.Stream)) network.StreamHandler {
	return func(s network.Stream) {
		p := s.Conn().RemotePeer()
		if !n.waitProven(p) {
			_ = s.Reset()
			return
		}
		r := n.remotes.get(p)
		if r == nil || !n.begin() {
			_ = s.Reset()
			return
		}
		defer n.busy.Done()
		serve(r, s)
	}
}

// remember keeps the addresses of a member for the next start, those of this connection first.
func (n *Node) remember(p peer.ID) {
	addrs := n.host.Peerstore().Addrs(p)
	for _, c := range n.host.Network().ConnsToPeer(p) {
		if c.Stat().Direction == network.DirOutbound {
			addrs = append([]ma.Multiaddr{c.RemoteMultiaddr()}, addrs...)
		}
	}
	info := peer.AddrInfo{ID: p, Addrs: uniqueAddrs(addrs, maxTargetAddrs)}
	if len(info.Addrs) == 0 {
		return
	}
	n.dialer.add(info, false)
	if n.o.Addresses != nil {
		n.o.Addresses.Remember(info)
	}
}

func uniqueAddrs(addrs []ma.Multiaddr, limit int) []ma.Multiaddr {
	seen := map[string]bool{}
	var out []ma.Multiaddr
	for _, a := range addrs {
		if k := string(a.Bytes()); !seen[k] && len(out) < limit {
			seen[k] = true
			out = append(out, a)
		}
	}
	return out
}

// info describes a device by the best of its connections.
func (n *Node) info(r *remote) PeerInfo {
	r.mu.Lock()
	i := PeerInfo{ID: r.id, Path: PathRelay, RTT: r.rtt, Since: r.since}
	r.mu.Unlock()
	for _, c := range n.host.Network().ConnsToPeer(r.id) {
		if path := pathOf(c); i.Addr == "" || nearer(path, i.Path) {
			i.Path, i.Addr = path, c.RemoteMultiaddr().String()
		}
	}
	return i
}

func pathOf(c network.Conn) Path {
	a := c.RemoteMultiaddr()
	if _, relayed := port(a, ma.P_CIRCUIT); relayed {
		return PathRelay
	}
	if isNear(a) || manet.IsIPLoopback(a) {
		return PathLAN
	}
	return PathDirect
}

func nearer(a, b Path) bool {
	rank := map[Path]int{PathLAN: 0, PathDirect: 1, PathRelay: 2}
	return rank[a] < rank[b]
}
