package p2p

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	mss "github.com/multiformats/go-multistream"
)

// Limits of dialling.
const (
	maxTargets     = 4096 // devices that are looked for
	maxTargetAddrs = 16   // addresses kept of one
	maxDials       = 16   // at once
	dialTime       = 20 * time.Second
	minBackoffCap  = 20 * time.Second // the longest wait between two tries is a second for each target, within these
	maxBackoffCap  = 5 * time.Minute
	punishment     = time.Minute
	hintPause      = 30 * time.Second // between two hints that are taken
	enoughDevices  = 200              // connected: from then on only those that somebody wants are dialled
)

// target is a device, or an address without one, that is dialled until it answers, and again when it is lost.
type target struct {
	id       peer.ID        // empty for an address that a person gave without one
	found    peer.ID        // who was there last, where id is empty
	addrs    []ma.Multiaddr // the newest first
	explicit bool           // asked for by a person: dialled whoever it is
	fails    int
	next     time.Time // by the runtime's clock
	wanted   bool      // somebody has something for it: dialled even where enough are connected
	hinted   time.Time
	dialling bool
}

// dialer looks for devices as long as the node runs.
type dialer struct {
	n    *Node
	wake chan struct{}

	mu      sync.Mutex
	targets map[string]*target // by id, or "?" and the address
}

func newDialer(n *Node) *dialer {
	return &dialer{n: n, wake: make(chan struct{}, 1), targets: map[string]*target{}}
}

// add takes note of addresses of a device. With now, it is tried at once, unless it is connected: of two that found each
// other at the same moment, the one with the higher id waits for the other.
func (d *dialer) add(info peer.AddrInfo, now bool) { d.put(info, now, false) }

func (d *dialer) put(info peer.AddrInfo, now, explicit bool) {
	if info.ID == d.n.ID() || len(info.Addrs) == 0 {
		return
	}
	key := string(info.ID)
	if info.ID == "" {
		key = "?" + info.Addrs[0].String()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.targets[key]
	if t == nil {
		if len(d.targets) >= maxTargets {
			return
		}
		t = &target{id: info.ID, next: time.Now().Add(time.Second)}
		d.targets[key] = t
	}
	t.explicit = t.explicit || explicit
	t.addrs = uniqueAddrs(append(info.Addrs[:len(info.Addrs):len(info.Addrs)], t.addrs...), maxTargetAddrs)
	if now {
		t.fails, t.next = 0, time.Now()
		if info.ID != "" && d.n.ID() > info.ID && !explicit {
			t.next = t.next.Add(200*time.Millisecond + rand.N(100*time.Millisecond))
		}
	}
	d.poke()
}

func (d *dialer) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// known lists the devices of which addresses are known.
func (d *dialer) known() []peer.ID {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]peer.ID, 0, len(d.targets))
	for _, t := range d.targets {
		if t.id != "" {
			out = append(out, t.id)
		}
	}
	return out
}

// retry forgets all waiting, of all targets or of some.
func (d *dialer) retry(ids ...peer.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.targets {
		for i := range max(1, len(ids)) {
			if len(ids) == 0 || t.id == ids[i] {
				t.fails, t.next = 0, time.Now().Add(rand.N(100*time.Millisecond))
				t.wanted = t.wanted || len(ids) > 0
			}
		}
	}
	d.poke()
}

// met resets the waiting for a device that is here.
func (d *dialer) met(p peer.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.targets[string(p)]; t != nil {
		t.fails, t.wanted = 0, false
	}
}

// lost looks for a device again that has just gone.
func (d *dialer) lost(p peer.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.targets[string(p)]; t != nil && t.fails == 0 {
		t.next = time.Now().Add(500*time.Millisecond + rand.N(time.Second))
		d.poke()
	}
}

// hint tries devices soon that somebody else hears at this moment.
func (d *dialer) hint(heard func(p peer.ID) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.poke()
	now := time.Now()
	for _, t := range d.targets {
		if t.id != "" && now.Sub(t.hinted) > hintPause && heard(t.id) && !d.n.isConnected(t.id) {
			t.hinted = now
			if soon := now.Add(rand.N(200 * time.Millisecond)); t.next.After(soon) {
				t.next = soon
			}
		}
	}
}

// want tries a device soon for which there is something.
func (d *dialer) want(p peer.ID) {
	d.mu.Lock()
	if t := d.targets[string(p)]; t != nil {
		t.wanted = true
	}
	d.mu.Unlock()
	d.hint(func(q peer.ID) bool { return q == p })
}

// punish waits a while before a device is dialled again that broke a protocol.
func (d *dialer) punish(p peer.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.targets[string(p)]; t != nil {
		t.fails, t.next = 6, time.Now().Add(punishment)
	}
}

// run dials what is due until ctx ends.
func (d *dialer) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		due, next := d.due()
		for _, t := range due {
			wg.Go(func() { d.dial(ctx, t) })
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-d.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// due takes the targets whose time has come, and answers when to look again.
// A target without an id is asked anew who it is whenever the one who was there is gone.
func (d *dialer) due() (due []*target, next time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, busy := time.Now(), 0
	next = time.Minute
	enough := len(d.n.host.Network().Peers()) >= enoughDevices
	for _, t := range d.targets {
		if t.dialling {
			busy++
		}
	}
	for _, t := range d.targets {
		if t.dialling || d.n.isConnected(t.id) || d.n.isConnected(t.found) {
			continue
		}
		if enough && !t.explicit && !t.wanted {
			continue
		}
		if wait := t.next.Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		if busy >= maxDials || !t.explicit && d.n.o.Admission.Tier(t.id) != Member {
			continue
		}
		busy++
		t.dialling = true
		due = append(due, t)
	}
	return due, next
}

// dial tries a target once and sets the time of the next try: a second, doubling up to a cap, with jitter. Where there are
// few to look for, the cap is low, so that an office that was cut comes together soon; a thousand absent laptops cost a few
// dials a second.
func (d *dialer) dial(ctx context.Context, t *target) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	d.mu.Lock()
	info := peer.AddrInfo{ID: t.id, Addrs: t.addrs}
	d.mu.Unlock()
	found, err := d.connect(ctx, info)
	d.mu.Lock()
	defer d.mu.Unlock()
	t.dialling, t.found = false, found
	if err == nil {
		t.fails, t.next = 0, time.Now().Add(time.Second)
	} else {
		longest := min(max(time.Duration(len(d.targets))*time.Second, minBackoffCap), maxBackoffCap)
		wait := min(time.Second<<min(t.fails, 12), longest)
		t.fails++
		t.next = time.Now().Add(wait*3/4 + rand.N(wait/2))
		d.n.o.Log.Debug("device not reached", "peer", info.ID, "addrs", len(info.Addrs), "tries", t.fails, "err", err)
	}
	d.poke()
}

// connect dials, and answers who was there.
func (d *dialer) connect(ctx context.Context, info peer.AddrInfo) (peer.ID, error) {
	if info.ID == "" {
		found, err := d.n.resolve(ctx, info.Addrs[0])
		if err != nil {
			return "", err
		}
		info = found
		if info.ID == d.n.ID() {
			return "", fmt.Errorf("%w: %s is this desk itself", ErrAddress, info.Addrs[0])
		}
	}
	d.n.host.Peerstore().AddAddrs(info.ID, info.Addrs, peerstore.TempAddrTTL)
	// A failed dial makes the swarm wait before the next: this dialler does that already.
	ctx = network.WithForceDirectDial(ctx, "hallway dials")
	return info.ID, d.n.host.Connect(ctx, info)
}

func (n *Node) isConnected(p peer.ID) bool {
	return p != "" && n.host.Network().Connectedness(p) == network.Connected
}

// resolve answers who is at an address. One without a /p2p part is asked over TCP and Noise: whoever answers must then
// be let in as any other, so that nothing rests on what it says.
func (n *Node) resolve(ctx context.Context, at ma.Multiaddr) (peer.AddrInfo, error) {
	if info, err := peer.AddrInfoFromP2pAddr(at); err == nil && len(info.Addrs) > 0 {
		return *info, nil
	}
	network, hostport, err := manet.DialArgs(at)
	if err != nil || network != "tcp" && network != "tcp4" && network != "tcp6" {
		return peer.AddrInfo{}, fmt.Errorf("%w: %s needs a /p2p part, or /tcp", ErrAddress, at)
	}
	var nd net.Dialer
	c, err := nd.DialContext(ctx, network, hostport)
	if err != nil {
		return peer.AddrInfo{}, fmt.Errorf("ask who is at %s: %w", at, err)
	}
	defer c.Close()
	if dl, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(dl); err != nil {
			return peer.AddrInfo{}, fmt.Errorf("ask who is at %s: %w", at, err)
		}
	}
	id, err := n.whoIs(ctx, c)
	if err != nil {
		return peer.AddrInfo{}, fmt.Errorf("ask who is at %s: %w", at, err)
	}
	return peer.AddrInfo{ID: id, Addrs: []ma.Multiaddr{at}}, nil
}

func (n *Node) whoIs(ctx context.Context, c net.Conn) (peer.ID, error) {
	if err := mss.SelectProtoOrFail(string(noise.ID), c); err != nil {
		return "", err
	}
	key, err := crypto.UnmarshalEd25519PrivateKey(n.o.Identity)
	if err != nil {
		return "", err
	}
	tpt, err := noise.New(noise.ID, key, nil)
	if err != nil {
		return "", err
	}
	st, err := tpt.WithSessionOptions(noise.DisablePeerIDCheck())
	if err != nil {
		return "", err
	}
	sec, err := st.SecureOutbound(ctx, c, "")
	if err != nil {
		return "", err
	}
	return sec.RemotePeer(), nil
}
