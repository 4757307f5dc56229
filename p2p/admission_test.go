package p2p_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"google.golang.org/protobuf/proto"

	"hallway/p2p"
	"hallway/p2p/simnet"
	"hallway/p2p/wire"
)

// stranger is a libp2p host of no member, or of a member whose program is not ours.
func stranger(t *testing.T, net *simnet.Net, name string, opts ...libp2p.Option) host.Host {
	t.Helper()
	place := net.Place(name)
	if len(opts) == 0 {
		opts = append(opts, libp2p.ListenAddrs(place.Listen()...))
	}
	h, err := place.Host(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func connect(t *testing.T, h host.Host, d *desk) {
	t.Helper()
	info, err := peer.AddrInfosFromP2pAddrs(d.node.Addrs()...)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Connect(t.Context(), info[0]); err != nil {
		t.Fatal(err)
	}
}

// serves reports whether a desk keeps a stream open after some bytes were written to it.
func serves(t *testing.T, h host.Host, d *desk, proto protocol.ID, say []byte) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	s, err := h.NewStream(ctx, d.id, proto)
	if err != nil {
		return false
	}
	defer s.Reset()
	if err := wire.WriteFrame(s, say); err != nil {
		return false
	}
	if err := s.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err = s.Read(make([]byte, 1))
	var timeout interface{ Timeout() bool }
	return err == nil || errors.As(err, &timeout) && timeout.Timeout()
}

func TestOracle50_AStrangerCanOnlyKnock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 50})
		desks := simOffice(t, net, 2, withCopies())
		time.Sleep(5 * time.Second)
		mallory := stranger(t, net, "mallory")
		connect(t, mallory, desks[0])
		for _, p := range []protocol.ID{wire.ProtoMember, wire.ProtoPush, wire.ProtoSync, wire.ProtoChunk, wire.ProtoFlood, wire.ProtoMesh} {
			if serves(t, mallory, desks[0], p, make([]byte, 40)) {
				t.Errorf("%s is served to a stranger", p)
			}
			connect(t, mallory, desks[0])
		}
		q := wire.JoinRequest{Kind: wire.JoinPoll}
		if !serves(t, mallory, desks[0], wire.ProtoJoin, q.Append(nil)) {
			t.Error("a stranger may not even ask to join")
		}
		time.Sleep(wire.JoinTime + 10*time.Second)
		if c := mallory.Network().Connectedness(desks[0].id); c == network.Connected {
			t.Error("a stranger that does not join stays connected")
		}
		mallory.Close()
		stopAll(desks, net)
	})
}

func TestOracle50_ARemovedDeviceIsDisconnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 51})
		desks := simOffice(t, net, 3, withCopies())
		time.Sleep(5 * time.Second)
		removed := time.Now()
		desks[0].roll.remove(desks[2])
		desks[0].node.Recheck()
		synctest.Wait()
		if n := len(desks[0].node.Peers()); n != 1 {
			t.Errorf("desk 0 still hears %d devices %v after the removal", n, time.Since(removed))
		}
		time.Sleep(20 * time.Second)
		for _, p := range desks[0].node.Peers() {
			if p.ID == desks[2].id {
				t.Error("the removed device came back")
			}
		}
		stopAll(desks, net)
	})
}

func TestAMemberWithoutItsSignKeyIsServedNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 52})
		desks := simOffice(t, net, 1, withCopies())
		thief := newDesk(t, "thief") // has the transport key of a device that the desk knows, not its sign key
		desks[0].roll.enrol(thief)
		key, err := crypto.UnmarshalEd25519PrivateKey(thief.transport)
		if err != nil {
			t.Fatal(err)
		}
		h := stranger(t, net, "thief", libp2p.Identity(key), libp2p.ListenAddrs(net.Place("thief").Listen()...))
		connect(t, h, desks[0])
		for _, p := range []protocol.ID{wire.ProtoPush, wire.ProtoSync, wire.ProtoChunk, wire.ProtoFlood, wire.ProtoMesh} {
			if serves(t, h, desks[0], p, []byte{1}) {
				t.Errorf("%s is served without a member proof", p)
			}
		}
		h.Close()
		stopAll(desks, net)
	})
}

func TestFourOfOneNetworkMayKnockAtOnce(t *testing.T) {
	a := []string{"/ip4/10.1.2.3/tcp/1", "/ip4/10.1.2.77/udp/9/quic-v1"}
	if p2p.Subnet(a[0]) != p2p.Subnet(a[1]) || p2p.Subnet(a[0]) == p2p.Subnet("/ip4/10.1.3.3/tcp/1") {
		t.Error("networks of strangers are not told apart by /24")
	}
	if p2p.Subnet("/ip6/2001:db8:1::5/tcp/1") != p2p.Subnet("/ip6/2001:db8:1:ffff::5/tcp/1") {
		t.Error("IPv6 strangers are not told apart by /48")
	}
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 53})
		desks := simOffice(t, net, 1, nil)
		in := 0
		var hosts []host.Host
		for i := range 6 { // six programs behind one address
			h := stranger(t, net, "crowd", libp2p.ListenAddrStrings(fmt.Sprintf("/ip4/%s/udp/%d/quic-v1", net.Place("crowd").IP(), 9000+i)))
			hosts = append(hosts, h)
			connect(t, h, desks[0])
			synctest.Wait()
			time.Sleep(time.Second)
			if h.Network().Connectedness(desks[0].id) == network.Connected {
				in++
			}
		}
		if in != 4 {
			t.Errorf("%d of 6 strangers of one network were let in at once", in)
		}
		for _, h := range hosts {
			h.Close()
		}
		stopAll(desks, net)
	})
}

func TestOracle51_ForeignTopicsCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 54, Mbps: 1000})
		desks := simOffice(t, net, 1, nil)
		eve := newDesk(t, "eve")
		h := member(t, net, eve, desks[0])
		s, err := h.NewStream(t.Context(), desks[0].id, wire.ProtoMesh)
		if err != nil {
			t.Fatal(err)
		}
		rpcs := foreignSubscriptions(t, 100_000)
		settle := func() uint64 {
			synctest.Wait()
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := settle()
		for _, rpc := range rpcs {
			if err := wire.WriteFrame(s, rpc); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		if after := settle(); after > before+1<<20 {
			t.Errorf("a hundred thousand topics cost %d KiB", (after-before)>>10)
		}
		runtime.KeepAlive(rpcs)
		h.Close()
		stopAll(desks, net)
	})
}

// member is a bare host of an enrolled device, connected to a desk and proved by hand, as SPEC 5 says it.
func member(t *testing.T, net *simnet.Net, d, to *desk) host.Host {
	t.Helper()
	to.roll.enrol(d)
	key, err := crypto.UnmarshalEd25519PrivateKey(d.transport)
	if err != nil {
		t.Fatal(err)
	}
	h := stranger(t, net, d.name, libp2p.Identity(key), libp2p.ListenAddrs(net.Place(d.name).Listen()...))
	connect(t, h, to)
	s, err := h.NewStream(t.Context(), to.id, wire.ProtoMember)
	if err != nil {
		t.Fatal(err)
	}
	fr := wire.NewFrameReader(s, wire.MaxMemberFrame)
	hello := wire.MemberHello{Nonce: wire.Nonce{1, 2, 3}}
	write := func(b []byte) {
		if err := wire.WriteFrame(s, b); err != nil {
			t.Fatal(err)
		}
	}
	read := func() []byte {
		b, err := fr.Read()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	write(hello.Append(nil))
	theirs, err := wire.ParseMemberHello(read())
	if err != nil {
		t.Fatal(err)
	}
	pf := wire.MemberProof{
		Workspace: workspace, Opener: []byte(d.id), Answerer: []byte(to.id), OpenerNonce: hello.Nonce, AnswerNonce: theirs.Nonce,
	}
	if !pf.Verify(to.sign.Public().(ed25519.PublicKey), read()) {
		t.Fatal("the desk's own proof does not hold")
	}
	pf.ByOpener = true
	digest := pf.Digest()
	write(ed25519.Sign(d.sign, digest[:]))
	if len(read()) != 0 {
		t.Fatal("the desk's consent is not an empty frame")
	}
	return h
}

func TestADeviceThatBreaksTheSyncProtocolIsSentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 58})
		desks := simOffice(t, net, 2, withCopies())
		time.Sleep(5 * time.Second)
		eve := newDesk(t, "eve")
		h := member(t, net, eve, desks[0])
		nonsense := func(s network.Stream) {
			if err := wire.WriteFrame(s, []byte{byte(wire.SyncKindMatch), 0xff, 0xff, 0xff}); err != nil {
				t.Error(err)
			}
		}
		h.SetStreamHandler(wire.ProtoSync, nonsense) // whichever side it is that opens
		if eve.id < desks[0].id {
			s, err := h.NewStream(t.Context(), desks[0].id, wire.ProtoSync)
			if err != nil {
				t.Fatal(err)
			}
			nonsense(s)
		}
		time.Sleep(10 * time.Second)
		if h.Network().Connectedness(desks[0].id) == network.Connected {
			t.Error("nonsense on the sync stream has no consequence")
		}
		if n := len(desks[0].node.Peers()); n != 1 {
			t.Errorf("desk 0 hears %d devices", n)
		}
		h.Close()
		stopAll(desks, net)
	})
}

// foreignSubscriptions are RPCs that subscribe to random topics, a hundred each.
func foreignSubscriptions(t *testing.T, count int) [][]byte {
	t.Helper()
	var out [][]byte
	for range count / 100 {
		rpc := &pb.RPC{}
		for range 100 {
			rpc.Subscriptions = append(rpc.Subscriptions, &pb.RPC_SubOpts{
				Subscribe: proto.Bool(true), Topicid: proto.String("hallway/1/" + rand.Text() + "/0"),
			})
		}
		b, err := proto.Marshal(rpc)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func TestOracle57_AHandshakeTellsAStrangerNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 57})
		desks := simOffice(t, net, 1, withCopies())
		mallory := stranger(t, net, "mallory")
		connect(t, mallory, desks[0])
		time.Sleep(2 * time.Second)
		protos, err := mallory.Peerstore().GetProtocols(desks[0].id)
		if err != nil || len(protos) == 0 {
			t.Fatal("nothing was identified", err)
		}
		agent, err := mallory.Peerstore().Get(desks[0].id, "AgentVersion")
		if err != nil || agent != "hallway" {
			t.Errorf("agent %v, %v", agent, err)
		}
		seen := fmt.Sprint(protos, agent, mallory.Peerstore().Addrs(desks[0].id))
		for _, secret := range []string{hex.EncodeToString(workspace[:4]), wire.TopicPrefix(workspace), string(workspace[:6]), desks[0].name + "'s"} {
			if strings.Contains(seen, secret) {
				t.Errorf("a stranger sees %q in %s", secret, seen)
			}
		}
		mallory.Close()
		stopAll(desks, net)
	})
}
