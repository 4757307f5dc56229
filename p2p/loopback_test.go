package p2p_test

import (
	"context"
	"strings"
	"testing"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"hallway/p2p"
)

// came is a watcher that says when a device is proved.
type came struct {
	*desk
	here chan p2p.PeerInfo
}

func (c came) Peer(p p2p.PeerInfo, here bool) {
	if here {
		c.here <- p
	}
}

// TestRealSockets runs two desks over TCP on the loopback; the second knows only address and port of the first.
func TestTwoDesksOnRealSocketsFindEachOtherByAddressAlone(t *testing.T) {
	ann, bob := newDesk(t, "ann"), newDesk(t, "bob")
	for _, d := range []*desk{ann, bob} {
		d.roll.enrol(ann)
		d.roll.enrol(bob)
	}
	ann.start(ann.options(nil))
	defer ann.stop()
	var bare ma.Multiaddr
	for _, a := range ann.node.Addrs() {
		if _, err := a.ValueForProtocol(ma.P_TCP); err == nil && manet.IsIPLoopback(a) {
			bare, _ = ma.SplitLast(a)
		}
	}
	if bare == nil || strings.Contains(bare.String(), "p2p") {
		t.Fatal("no TCP address without a network id", ann.node.Addrs())
	}
	o := bob.options(nil)
	o.Peers = []ma.Multiaddr{bare}
	watch := came{desk: bob, here: make(chan p2p.PeerInfo, 1)}
	o.Watch = watch
	bob.start(o)
	defer bob.stop()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	select {
	case p := <-watch.here:
		if p.ID != ann.id || p.Path != p2p.PathLAN || !strings.Contains(p.Addr, "/tcp/") {
			t.Errorf("bob met %+v", p)
		}
	case <-ctx.Done():
		t.Fatal("bob did not find ann")
	}
	if n := bob.node.DueNow(); n != 0 {
		t.Errorf("%d targets are dialled on though the one desk there is has been found", n)
	}
	reply, err := bob.node.AskToJoin(ctx, ann.node.Addrs()[0], joinPoll)
	if err != nil || reply.Error() == nil {
		t.Errorf("a question over the join protocol: %+v, %v", reply, err)
	}
}
