package p2p_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"hallway/p2p"
	"hallway/p2p/gossip"
	"hallway/p2p/simnet"
)

// withCopies gives each desk a store.
func withCopies() func(i int, o *p2p.Options) {
	return func(_ int, o *p2p.Options) { o.Replica = o.Inbox.(*desk).keepCopy() }
}

func sameCopies(t *testing.T, desks []*desk, want int) {
	t.Helper()
	for _, d := range desks {
		if n := d.copy.count(); n != want {
			t.Errorf("desk %s has %d of %d ops", d.name, n, want)
		}
		if d.copy.root() != desks[0].copy.root() {
			t.Errorf("desk %s has another copy than desk 0", d.name)
		}
	}
}

func stopAll(desks []*desk, net *simnet.Net) {
	for _, d := range desks {
		d.stop()
	}
	net.Close()
}

func TestOracle49_SyncAloneSuffices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 49})
		desks := simOffice(t, net, 4, withCopies())
		time.Sleep(10 * time.Second)
		for _, d := range desks {
			for range 100 {
				d.write() // stored, and told to nobody
			}
		}
		time.Sleep(10 * time.Minute)
		sameCopies(t, desks, 400)
		for _, d := range desks {
			if d.count() != 0 {
				t.Errorf("desk %s heard %d ops live", d.name, d.count())
			}
		}
		stopAll(desks, net)
	})
}

func TestOracle49_WithoutSyncOnlyLiveMessagesFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 50})
		desks := simOffice(t, net, 3, nil) // no replica, no sync
		time.Sleep(5 * time.Second)
		before, _ := desks[0].write()
		after, frame := desks[0].write()
		if err := desks[0].node.Publish(t.Context(), 0, frame); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		for _, d := range desks[1:] {
			if d.has(before) || !d.has(after) {
				t.Errorf("desk %s: old %v, live %v", d.name, d.has(before), d.has(after))
			}
		}
		stopAll(desks, net)
	})
}

func TestAGapIsFilledByWhoPassedTheOpOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 51})
		desks := simOffice(t, net, 3, withCopies())
		time.Sleep(10 * time.Second)
		for range 10 {
			desks[1].write()
		}
		_, frame := desks[1].write()
		if err := desks[1].node.Publish(t.Context(), 0, frame); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		sameCopies(t, desks, 11)
		stopAll(desks, net)
	})
}

func TestACutOfficeWritesOnAndMerges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 52, Jitter: 2 * time.Millisecond})
		desks := simOffice(t, net, 6, withCopies())
		time.Sleep(10 * time.Second)
		net.Cut([]string{"0", "1", "2"}, []string{"3", "4", "5"})
		time.Sleep(time.Minute)
		for _, d := range desks {
			for range 8 {
				_, frame := d.write()
				if err := d.node.Publish(t.Context(), 0, frame); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
		}
		if n := desks[0].copy.count(); n != 24 {
			t.Errorf("the upper half has %d ops", n)
		}
		net.Heal()
		time.Sleep(10 * time.Minute)
		sameCopies(t, desks, 48)
		stopAll(desks, net)
	})
}

// TestOracle52 floods an office from one member's modified node, a thousand ops a second for ten seconds, while others talk.
func TestOracle52_AFloodDoesNotDelayOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 53})
		desks := simOffice(t, net, 5, func(i int, o *p2p.Options) {
			o.Replica = o.Inbox.(*desk).keepCopy()
			if i == 4 { // the flooder's own node does not hold him back
				o.Budgets = gossip.Limits{Burst: 1 << 20, Rate: 1 << 20, BytesHour: 1 << 40, LogsDay: 1 << 20, AccessHour: 1, MintsHour: 1, SignalBurst: 1, SignalRate: 1, DevicesKept: 100}
			}
		})
		time.Sleep(10 * time.Second)
		ctx, stop := context.WithCancel(t.Context())
		flood := make(chan int)
		go func() {
			n := 0
			for ctx.Err() == nil {
				_, frame := desks[4].write()
				if desks[4].node.Publish(ctx, 0, frame) == nil {
					n++
				}
				time.Sleep(time.Millisecond)
			}
			flood <- n
		}()
		for range 10 {
			id, frame := desks[1].write()
			if err := desks[1].node.Publish(t.Context(), 0, frame); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			for _, i := range []int{0, 2, 3} {
				if !desks[i].has(id) {
					t.Errorf("desk %d waited over a second for a message during the flood", i)
				}
			}
		}
		stop()
		sent := <-flood
		if sent < 9000 {
			t.Fatalf("the flood was %d ops", sent)
		}
		heard := desks[0].count()
		if limit := 10 + 20 + 2*12; heard > limit {
			t.Errorf("desk 0 took %d ops live, the budget lets %d", heard, limit)
		}
		time.Sleep(10 * time.Minute)
		sameCopies(t, desks, len(desks[4].wrote)+10)
		stopAll(desks, net)
	})
}
