package p2p_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"hallway/p2p"
	"hallway/p2p/simnet"
)

func TestTenDesksFindEachOtherThroughOneAndTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 7, Jitter: time.Millisecond})
		desks := simOffice(t, net, 10, nil)
		time.Sleep(20 * time.Second)
		for _, d := range desks {
			if n := len(d.node.Peers()); n != 9 {
				t.Errorf("desk %s hears %d others", d.name, n)
			}
		}
		id, frame := desks[4].write()
		if err := desks[4].node.Publish(t.Context(), 0, frame); err != nil {
			t.Fatal(err)
		}
		secret, whisper := desks[2].write()
		if n := desks[2].node.Push([]peer.ID{desks[5].id, desks[9].id}, whisper); n != 2 {
			t.Errorf("pushed to %d devices", n)
		}
		time.Sleep(time.Second)
		for i, d := range desks {
			if i != 4 && !d.has(id) {
				t.Errorf("desk %d did not hear the channel", i)
			}
			if want := i == 5 || i == 9; d.has(secret) != want {
				t.Errorf("desk %d heard the direct message: %v", i, !want)
			}
		}
		for _, d := range desks {
			d.stop()
		}
		net.Close()
	})
}

func TestACutOfficeTalksInBothHalvesAndComesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 8})
		desks := simOffice(t, net, 6, nil)
		time.Sleep(20 * time.Second)
		net.Cut([]string{"0", "1", "2"}, []string{"3", "4", "5"})
		time.Sleep(2 * time.Minute)
		for i, d := range desks {
			if n := len(d.node.Peers()); n != 2 {
				t.Errorf("desk %d hears %d others in its half", i, n)
			}
		}
		id, frame := desks[3].write()
		if err := desks[3].node.Publish(t.Context(), 0, frame); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		for i, d := range desks {
			if i != 3 && d.has(id) != (i > 3) {
				t.Errorf("desk %d heard it: %v", i, d.has(id))
			}
		}
		net.Heal()
		time.Sleep(45 * time.Second)
		for i, d := range desks {
			if n := len(d.node.Peers()); n != 5 {
				t.Errorf("desk %d hears %d others after the cut", i, n)
			}
		}
		for _, d := range desks {
			d.stop()
		}
		net.Close()
	})
}

func TestADeskThatRestartsAtItsPlaceIsFoundAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 11, Loss: 0.05, Jitter: 3 * time.Millisecond})
		desks := simOffice(t, net, 4, withCopies())
		time.Sleep(10 * time.Second)
		for range 3 {
			desks[2].stop()
			desks[0].write() // it misses this
			time.Sleep(30 * time.Second)
			desks[2].start(desks[2].opts)
			time.Sleep(30 * time.Second)
			if n := len(desks[2].node.Peers()); n != 3 {
				t.Errorf("after its restart the desk hears %d others", n)
			}
		}
		net.Place("3").Down()
		time.Sleep(2 * time.Minute)
		if n := len(desks[0].node.Peers()); n != 2 {
			t.Errorf("with one cable pulled desk 0 hears %d others", n)
		}
		net.Place("3").Up()
		time.Sleep(time.Minute)
		sameCopies(t, desks, 3)
		stopAll(desks, net)
	})
}

func TestALineOfDesksTalksLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 10})
		for _, name := range []string{"0", "1", "2", "3", "4"} {
			net.Place(name)
		}
		for _, apart := range [][2]string{{"0", "2"}, {"0", "3"}, {"0", "4"}, {"1", "3"}, {"1", "4"}, {"2", "4"}} {
			net.Block(apart[0], apart[1])
		}
		var before *desk
		desks := simOffice(t, net, 5, func(i int, o *p2p.Options) {
			o.Peers = nil
			if before != nil {
				o.Peers = before.node.Addrs()
			}
			before = o.Inbox.(*desk)
		})
		time.Sleep(2 * time.Minute)
		for i, d := range desks {
			want := 2
			if i == 0 || i == 4 {
				want = 1
			}
			if n := len(d.node.Peers()); n != want {
				t.Errorf("desk %d of the line hears %d others", i, n)
			}
		}
		id, frame := desks[0].write()
		if err := desks[0].node.Publish(t.Context(), 0, frame); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for i, d := range desks[1:] {
			if !d.has(id) {
				t.Errorf("desk %d of the line did not hear what desk 0 said", i+1)
			}
		}
		stopAll(desks, net)
	})
}

func TestOverBudgetIsSaidAndNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 9})
		desks := simOffice(t, net, 2, nil)
		time.Sleep(5 * time.Second)
		over := 0
		for range 30 {
			_, frame := desks[0].write()
			err := desks[0].node.Publish(t.Context(), 0, frame)
			if errors.Is(err, p2p.ErrOverBudget) {
				over++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if over != 10 {
			t.Errorf("%d of 30 at once were over a burst of 20", over)
		}
		time.Sleep(time.Second)
		if n := desks[1].count(); n != 20 {
			t.Errorf("the other desk heard %d", n)
		}
		for _, d := range desks {
			d.stop()
		}
		net.Close()
	})
}
