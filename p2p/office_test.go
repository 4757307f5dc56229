package p2p_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"hallway/crdt"
	"hallway/p2p"
	"hallway/p2p/catchup"
	"hallway/p2p/gossip"
	"hallway/p2p/simnet"
	"hallway/p2p/wire"
)

var workspace = crdt.WorkspaceID{'o', 'f', 'f', 'i', 'c', 'e'}

// roll is who is a member, as one desk sees it.
type roll struct {
	mu      sync.Mutex
	members map[peer.ID]ed25519.PublicKey
	refused map[peer.ID]bool
}

func (r *roll) Tier(p peer.ID) p2p.Tier {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.refused[p]:
		return p2p.Refused
	case r.members[p] != nil:
		return p2p.Member
	default:
		return p2p.Joiner
	}
}

func (r *roll) SignKey(p peer.ID) (ed25519.PublicKey, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.members[p]
	return k, ok
}

func (r *roll) enrol(d *desk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members[d.id] = d.sign.Public().(ed25519.PublicKey)
	delete(r.refused, d.id)
}

func (r *roll) remove(d *desk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, d.id)
	r.refused[d.id] = true
}

// desk is one person's device: the callbacks of a node, which count what arrives.
type desk struct {
	t         *testing.T
	name      string
	transport ed25519.PrivateKey
	sign      ed25519.PrivateKey
	id        peer.ID
	roll      *roll
	node      *p2p.Node
	stop      func()
	opts      p2p.Options

	mu    sync.Mutex
	heard map[string]int // op id or signal digest: times
	taken []time.Time    // when new ops were heard
	here  map[peer.ID]bool
	log   tip
	copy  *memory // nil: live only
	wrote []crdt.OpID
	join  func(q wire.JoinRequest) wire.JoinReply
	shows [][]byte
}

// tip writes a desk's own log.
type tip struct{ tip crdt.Tip }

func newDesk(t *testing.T, name string) *desk {
	_, transport, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, sign, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := crypto.UnmarshalEd25519PrivateKey(transport)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{
		t: t, name: name, transport: transport, sign: sign, id: id, heard: map[string]int{}, here: map[peer.ID]bool{},
		roll: &roll{members: map[peer.ID]ed25519.PublicKey{}, refused: map[peer.ID]bool{}},
	}
	pub := sign.Public().(ed25519.PublicKey)
	d.log.tip = crdt.Tip{Log: crdt.NewLogID(workspace, hall, pub, crdt.ClassContent, 1), Device: crdt.RefOf(pub)}
	return d
}

// hall is the scope in which everybody writes.
var hall = crdt.ScopeID{'h', 'a', 'l', 'l'}

// write makes the desk's next op, of a size that a hundred characters have, as a live frame.
func (d *desk) write() (id crdt.OpID, frame []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.log.tip.Next(crdt.TypeContent, time.Now(), crdt.EpochID{1}, crdt.AuthRef{1}, nil)
	payload := make([]byte, 160)
	if _, err := rand.Read(payload); err != nil {
		d.t.Fatal(err)
	}
	v, err := crdt.Sign(workspace, d.sign, h, payload, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	d.log.tip = d.log.tip.After(v)
	if d.copy != nil {
		d.copy.put(hall, v)
	}
	d.wrote = append(d.wrote, v.ID())
	return v.ID(), wire.AppendLiveOp(nil, v.Op(), v.Op().Seq > 0)
}

// Live takes a frame in, once.
func (d *desk) Live(_ context.Context, from peer.ID, frame []byte) p2p.Received {
	kind, body, err := wire.SplitLive(frame)
	if err != nil {
		return p2p.Received{Verdict: gossip.Reject}
	}
	if kind == wire.LiveSignal {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.heard[string(body)]++
		return p2p.Received{Verdict: gossip.Accept}
	}
	f, err := crdt.ParseOp(body)
	if err != nil {
		return p2p.Received{Verdict: gossip.Reject}
	}
	op := f.Complete(crdt.AuthRef{1})
	key, ok := d.keyOf(op.Device)
	if !ok {
		return p2p.Received{Verdict: gossip.Ignore}
	}
	v, err := crdt.VerifyOp(workspace, key, op)
	if err != nil {
		return p2p.Received{Verdict: gossip.Reject}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard[string(idOf(v))]++
	if d.heard[string(idOf(v))] > 1 {
		return p2p.Received{Verdict: gossip.Ignore}
	}
	d.taken = append(d.taken, time.Now())
	if d.copy != nil {
		return d.copy.live(hall, v)
	}
	return p2p.Received{Verdict: gossip.Accept, NewLog: op.Seq == 0}
}

func idOf(v crdt.Verified) []byte { id := v.ID(); return id[:] }

func (d *desk) keyOf(ref crdt.DeviceRef) (ed25519.PublicKey, bool) {
	d.roll.mu.Lock()
	defer d.roll.mu.Unlock()
	for _, k := range d.roll.members {
		if crdt.RefOf(k) == ref {
			return k, true
		}
	}
	return nil, false
}

func (d *desk) has(id crdt.OpID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.heard[string(id[:])] > 0
}

func (d *desk) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.heard)
}

// Join answers as the test says.
func (d *desk) Join(_ context.Context, _ peer.ID, q wire.JoinRequest) wire.JoinReply {
	if d.join == nil {
		return wire.JoinReply{State: wire.JoinRefused, Code: wire.JoinUnknown}
	}
	return d.join(q)
}

// Present shows what the test gave.
func (d *desk) Present() [][]byte { d.mu.Lock(); defer d.mu.Unlock(); return d.shows }

// Peer keeps who is here.
func (d *desk) Peer(p p2p.PeerInfo, here bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.here[p.ID] = here
}

// Sync is no news to these tests.
func (d *desk) Sync(peer.ID, []catchup.Event) {}

// ClockOff is no news either.
func (d *desk) ClockOff(peer.ID, time.Duration) {}

// options are the desk's at a place of a simulated network.
func (d *desk) options(place *simnet.Place) p2p.Options {
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("HALLWAY_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("desk", d.name)
	}
	o := p2p.Options{
		Workspace: workspace, Identity: d.transport, Admission: d.roll, Inbox: d, Door: d, Watch: d,
		Sign: func(digest [32]byte) (crdt.Signature, error) {
			return crdt.Signature(ed25519.Sign(d.sign, digest[:])), nil
		},
		Clock: time.Now, Rand: rand.Reader, Log: log,
	}
	if place != nil {
		o.Host, o.Listen = place.Host, place.Listen()
	} else {
		o.Listen = []ma.Multiaddr{ma.StringCast("/ip4/127.0.0.1/tcp/0"), ma.StringCast("/ip4/127.0.0.1/udp/0/quic-v1")}
	}
	return o
}

// start runs the desk's node until stop is called.
func (d *desk) start(o p2p.Options) {
	d.t.Helper()
	node, err := p2p.New(o)
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- node.Run(ctx) }()
	d.node, d.opts = node, o
	d.stop = func() {
		cancel()
		if err := <-done; err != nil {
			d.t.Error(err)
		}
	}
}

// simOffice starts desks at a network, each of which knows all as members and where the first one is.
func simOffice(t *testing.T, net *simnet.Net, count int, change func(i int, o *p2p.Options)) []*desk {
	t.Helper()
	var desks []*desk
	for i := range count {
		desks = append(desks, newDesk(t, fmt.Sprint(i)))
	}
	for i, d := range desks {
		for _, other := range desks {
			d.roll.enrol(other)
		}
		o := d.options(net.Place(d.name))
		if i > 0 {
			o.Peers = []ma.Multiaddr{desks[0].node.Addrs()[0]}
		}
		if change != nil {
			change(i, &o)
		}
		d.start(o)
	}
	return desks
}
