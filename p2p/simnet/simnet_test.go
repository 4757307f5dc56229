package simnet

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"hallway/crdt"
	"hallway/p2p/gossip"
)

type desk struct {
	host   host.Host
	gossip *gossip.Gossip
	mu     sync.Mutex
	heard  map[string]int
}

// office starts ten desks that are all connected to each other.
func office(t *testing.T, ctx context.Context, n *Net) []*desk {
	t.Helper()
	var desks []*desk
	for i := range 10 {
		place := n.Place(fmt.Sprint(i))
		h, err := place.Host(libp2p.ListenAddrs(place.Listen()...))
		if err != nil {
			t.Fatal(err)
		}
		d := &desk{host: h, heard: map[string]int{}}
		d.gossip, err = gossip.New(ctx, gossip.Options{
			Host: h, Workspace: crdt.WorkspaceID{1}, Shards: 1, Log: slog.New(slog.DiscardHandler),
			Validate: d.take,
			Allowed:  func(peer.ID) bool { return true },
			Wait:     func(peer.ID) bool { return true },
			Score:    func(peer.ID) float64 { return 0 },
		})
		if err != nil {
			t.Fatal(err)
		}
		desks = append(desks, d)
	}
	for i, d := range desks {
		for _, other := range desks[:i] {
			if err := d.host.Connect(ctx, peer.AddrInfo{ID: other.host.ID(), Addrs: other.host.Addrs()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, d := range desks {
		for _, other := range desks {
			if other != d {
				d.gossip.Admit(other.host.ID())
			}
		}
	}
	return desks
}

func (d *desk) take(_ context.Context, _ peer.ID, frame []byte) gossip.Verdict {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard[string(frame)]++
	return gossip.Accept
}

func (d *desk) has(s string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.heard[s] == 1
}

func (d *desk) say(t *testing.T, text string, allHear bool) {
	t.Helper()
	if err := d.gossip.Publish(t.Context(), 0, []byte(text), allHear); err != nil {
		t.Fatal(err)
	}
}

func TestTenHostsGossipAcrossACutThatHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Seed: 1, Jitter: time.Millisecond})
		ctx, cancel := context.WithCancel(t.Context())
		desks := office(t, ctx, n)
		time.Sleep(3 * time.Second)

		for _, allHear := range []bool{true, false} {
			text := fmt.Sprint("good morning ", allHear)
			desks[3].say(t, text, allHear)
			time.Sleep(3 * time.Second)
			for i, d := range desks {
				if i != 3 && !d.has(text) {
					t.Errorf("desk %d did not hear %q once", i, text)
				}
			}
		}

		n.Cut([]string{"0", "1", "2", "3", "4"}, []string{"5", "6", "7", "8", "9"})
		desks[0].say(t, "upstairs", true)
		desks[9].say(t, "downstairs", true)
		time.Sleep(3 * time.Second)
		for i, d := range desks {
			if i != 0 && d.has("upstairs") != (i < 5) || i != 9 && d.has("downstairs") != (i >= 5) {
				t.Errorf("desk %d: upstairs %v, downstairs %v", i, d.has("upstairs"), d.has("downstairs"))
			}
		}
		n.Heal()
		time.Sleep(20 * time.Second)
		desks[0].say(t, "together", true)
		time.Sleep(3 * time.Second)
		for i, d := range desks[1:] {
			if !d.has("together") {
				t.Errorf("desk %d did not hear what was said after the cut", i+1)
			}
		}
		for _, d := range desks {
			d.host.Close()
		}
		cancel()
		n.Close()
	})
}
