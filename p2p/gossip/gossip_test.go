package gossip_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"hallway/crdt"
	"hallway/p2p/gossip"
	"hallway/p2p/simnet"
)

// ear is one device that counts what its validator is asked.
type ear struct {
	host   host.Host
	gossip *gossip.Gossip
	mu     sync.Mutex
	asked  map[string]int
	barred map[peer.ID]bool
}

func (e *ear) count(prefix string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for text, times := range e.asked {
		if strings.HasPrefix(text, prefix) {
			n += times
		}
	}
	return n
}

func (e *ear) validate(_ context.Context, _ peer.ID, frame []byte) gossip.Verdict {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked[string(frame)]++
	switch {
	case strings.HasPrefix(string(frame), "bad"):
		return gossip.Reject
	case strings.HasPrefix(string(frame), "late"):
		return gossip.Ignore
	}
	return gossip.Accept
}

func (e *ear) allowed(p peer.ID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.barred[p]
}

// room connects devices in a line: each hears the one before.
func room(t *testing.T, ctx context.Context, net *simnet.Net, count int) []*ear {
	t.Helper()
	var ears []*ear
	for i := range count {
		place := net.Place(fmt.Sprint(i))
		h, err := place.Host(libp2p.ListenAddrs(place.Listen()...))
		if err != nil {
			t.Fatal(err)
		}
		e := &ear{host: h, asked: map[string]int{}, barred: map[peer.ID]bool{}}
		e.gossip, err = gossip.New(ctx, gossip.Options{
			Host: h, Workspace: crdt.WorkspaceID{1}, Shards: 2, Log: slog.New(slog.DiscardHandler),
			Validate: e.validate, Allowed: e.allowed, Wait: e.allowed, Score: func(peer.ID) float64 { return 0 },
		})
		if err != nil {
			t.Fatal(err)
		}
		ears = append(ears, e)
	}
	for i, e := range ears[1:] {
		before := ears[i]
		if err := e.host.Connect(ctx, peer.AddrInfo{ID: before.host.ID(), Addrs: before.host.Addrs()}); err != nil {
			t.Fatal(err)
		}
		e.gossip.Admit(before.host.ID())
		before.gossip.Admit(e.host.ID())
	}
	time.Sleep(5300 * time.Millisecond) // the heartbeats are at a tenth past the second
	return ears
}

// inRoom runs a story in a bubble of virtual time.
func inRoom(t *testing.T, count int, story func(ctx context.Context, ears []*ear)) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 3})
		ctx, cancel := context.WithCancel(t.Context())
		ears := room(t, ctx, net, count)
		story(ctx, ears)
		for _, e := range ears {
			e.host.Close()
		}
		cancel()
		net.Close()
	})
}

func (e *ear) say(t *testing.T, ctx context.Context, text string, allHear bool) {
	t.Helper()
	if err := e.gossip.Publish(ctx, 0, []byte(text), allHear); err != nil {
		t.Fatal(err)
	}
}

func TestWhoSendsRubbishIsSoonNotRead(t *testing.T) {
	inRoom(t, 2, func(ctx context.Context, ears []*ear) {
		for i := range 40 {
			ears[0].say(t, ctx, fmt.Sprint("bad ", i), true)
			time.Sleep(50 * time.Millisecond)
		}
		if n := ears[1].count("bad"); n < 5 || n > 15 {
			t.Errorf("%d of 40 bad frames were looked at", n)
		}
		time.Sleep(10 * time.Minute)
		ears[0].say(t, ctx, "sorry", true)
		time.Sleep(3 * time.Second)
		if ears[1].count("sorry") != 1 {
			t.Error("after ten minutes nothing is forgiven")
		}
	})
}

func TestIgnoredFramesGoNoFurtherAndCostNobody(t *testing.T) {
	inRoom(t, 3, func(ctx context.Context, ears []*ear) {
		for i := range 40 {
			ears[0].say(t, ctx, fmt.Sprint("late ", i), false)
			time.Sleep(50 * time.Millisecond)
		}
		ears[0].say(t, ctx, "good", false)
		time.Sleep(3 * time.Second)
		if n := ears[1].count("late"); n != 40 {
			t.Errorf("the neighbour was asked about %d of 40", n)
		}
		if ears[2].count("late") != 0 || ears[2].count("good") != 1 {
			t.Errorf("the one behind heard %d ignored frames and %d good ones", ears[2].count("late"), ears[2].count("good"))
		}
	})
}

func TestFloodIsNotPassedOnAtOnceAndMeshIs(t *testing.T) {
	inRoom(t, 3, func(ctx context.Context, ears []*ear) {
		ears[0].say(t, ctx, "to my neighbours", true)
		ears[0].say(t, ctx, "to all", false)
		time.Sleep(100 * time.Millisecond)
		if ears[1].count("to") != 2 {
			t.Errorf("the neighbour heard %d of 2", ears[1].count("to"))
		}
		if ears[2].count("to all") != 1 || ears[2].count("to my") != 0 {
			t.Errorf("the one behind heard %d and %d", ears[2].count("to all"), ears[2].count("to my"))
		}
		time.Sleep(3 * time.Second)
		if ears[2].count("to my") != 1 { // offered by IHAVE, in case somebody missed it
			t.Error("what was missed is not offered")
		}
	})
}

func TestShardsComeAndGo(t *testing.T) {
	inRoom(t, 2, func(ctx context.Context, ears []*ear) {
		if err := ears[0].gossip.Publish(ctx, 2, []byte("to nobody"), true); err == nil {
			t.Error("a shard that is not there is published to")
		}
		for _, n := range []int{4, 1, 3} {
			for _, e := range ears {
				if err := e.gossip.SetShards(n); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(3 * time.Second)
		if err := ears[0].gossip.Publish(ctx, 2, []byte("shard two"), true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if ears[1].count("shard two") != 1 {
			t.Error("a shard that came back carries nothing")
		}
	})
}
