package app

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hallway/p2p/simnet"
	"hallway/p2p/wire"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	p2pnet "github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
)

var simOps = flag.Int("sim.ops", 300, "messages that each side of a long cut writes; the protocol names 50,000")

// pair starts Ada's and Bob's desks, both in.
func (w *simWorld) pair() (ada, bob *simDesk) {
	ada = w.found("Ada")
	inv, err := ada.of.Invite(context.Background(), InviteRequest{})
	w.must(err)
	bob = w.come("Bob", 0, inv.Link)
	if !w.until(time.Minute, time.Second, bob.isIn) {
		w.fail("Bob is not in: %s", bob.howFar())
	}
	return ada, bob
}

// write has both write for three weeks, each on their own.
func (w *simWorld) write(desks ...*simDesk) {
	for i := range *simOps {
		for _, d := range desks {
			_, err := d.of.Send(context.Background(), SendRequest{Channel: "#general", Text: fmt.Sprintf("%d from %s", i, d.name)})
			w.must(err)
		}
		if i%(*simOps/20+1) == 0 {
			w.rest(desks, 24*time.Hour)
		}
	}
}

// rest has the desks switched off for a while, as at night: virtual time is dear only while somebody is awake.
func (w *simWorld) rest(desks []*simDesk, d time.Duration) {
	for _, x := range desks {
		w.must(x.end())
	}
	time.Sleep(d)
	for _, x := range desks {
		w.must(x.start())
	}
}

// agree reports whether both show the same conversation, with everything that both sides wrote.
func (w *simWorld) agree(a, b *simDesk, rows int) bool {
	x, err := a.transcript("#general")
	w.must(err)
	y, err := b.transcript("#general")
	w.must(err)
	n := 0
	for _, c := range x {
		if c == '\n' {
			n++
		}
	}
	return x == y && n >= rows
}

func TestOracle48_ThreeWeeksApartAreMergedByOneContact(t *testing.T) {
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	synctest.Test(t, func(t *testing.T) {
		w := newSimWorld(t, 48, simnet.Config{})
		defer w.over()
		ada, bob := w.pair()
		w.net.Cut([]string{"Ada"}, []string{"Bob"})
		w.write(ada, bob)
		if w.agree(ada, bob, 0) {
			w.fail("they agree before they have met")
		}
		w.net.Heal()
		if !w.until(20*time.Minute, 5*time.Second, func() bool { return w.agree(ada, bob, 2**simOps) }) {
			w.fail("not merged after one contact")
		}
	})
}

func TestOracle48_ThreeWeeksApartAreMergedByBundlesAlone(t *testing.T) {
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	synctest.Test(t, func(t *testing.T) {
		w := newSimWorld(t, 4848, simnet.Config{})
		defer w.over()
		ada, bob := w.pair()
		w.net.Cut([]string{"Ada"}, []string{"Bob"})
		w.write(ada, bob)
		for _, way := range [][2]*simDesk{{ada, bob}, {bob, ada}} {
			path := filepath.Join(w.dir, way[0].name+".bundle")
			_, err := way[0].of.BundleMake(context.Background(), BundleMakeRequest{Path: path, For: way[1].user})
			w.must(err)
			_, err = way[1].of.BundleApply(context.Background(), BundleApplyRequest{Path: path})
			w.must(err)
		}
		if !w.until(time.Minute, time.Second, func() bool { return w.agree(ada, bob, 2**simOps) }) {
			w.fail("not merged by bundles")
		}
	})
}

// deafHost hears nothing live: it knows neither gossip nor direct pushes, so that catch-up alone brings anything.
type deafHost struct {
	host.Host
	refused *atomic.Int32
}

func live(p protocol.ID) bool {
	return p == wire.ProtoPush || p == wire.ProtoFlood || p == wire.ProtoMesh
}

// SetStreamHandler implements host.Host.
func (h deafHost) SetStreamHandler(p protocol.ID, handle p2pnet.StreamHandler) {
	if live(p) {
		h.refused.Add(1)
		return
	}
	h.Host.SetStreamHandler(p, handle)
}

// SetStreamHandlerMatch implements host.Host.
func (h deafHost) SetStreamHandlerMatch(p protocol.ID, match func(protocol.ID) bool, handle p2pnet.StreamHandler) {
	if live(p) {
		h.refused.Add(1)
		return
	}
	h.Host.SetStreamHandlerMatch(p, match, handle)
}

func TestOracle49_WithoutAnythingLiveCatchUpSuffices(t *testing.T) {
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	synctest.Test(t, func(t *testing.T) {
		w := newSimWorld(t, 49, simnet.Config{})
		defer w.over()
		var refused atomic.Int32
		w.host = func(d *simDesk) func(...libp2p.Option) (host.Host, error) {
			return func(opts ...libp2p.Option) (host.Host, error) {
				h, err := d.place.Host(opts...)
				return deafHost{h, &refused}, err
			}
		}
		ada, bob := w.pair()
		for _, d := range w.desks {
			_, err := d.of.OpenDirect(context.Background(), OpenDirectRequest{Members: []string{ada.user, bob.user}})
			w.must(err)
			for i := range 5 {
				_, err := d.of.Send(context.Background(), SendRequest{Channel: "#general", Text: fmt.Sprintf("%d from %s", i, d.name)})
				w.must(err)
			}
		}
		if refused.Load() < 4 {
			w.fail("only %d live handlers were refused: something live is still heard", refused.Load())
		}
		if !w.until(10*time.Minute, 10*time.Second, func() bool { return w.agree(ada, bob, 10) }) {
			w.fail("not merged without anything live")
		}
	})
}
