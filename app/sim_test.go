package app

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"hallway/p2p/simnet"
)

// Ada starts a workspace, Bob and Cleo join by a link, they talk, and all three show the same conversation.
func TestThreePeopleTalkInABubble(t *testing.T) {
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	synctest.Test(t, func(t *testing.T) {
		w := newSimWorld(t, 1, simnet.Config{Jitter: time.Millisecond})
		defer w.over()
		ada := w.found("Ada")
		inv, err := ada.of.Invite(context.Background(), InviteRequest{Uses: 10})
		w.must(err)
		bob := w.come("Bob", 0, inv.Link)
		cleo := w.come("Cleo", 0, inv.Link)
		if !w.until(time.Minute, time.Second, func() bool { return bob.isIn() && cleo.isIn() }) {
			w.fail("they are not in: %v %v", bob.log.last(10), cleo.log.last(10))
		}
		for _, d := range w.desks {
			_, err := d.of.Send(context.Background(), SendRequest{Channel: "#general", Text: "hello from " + d.name})
			w.must(err)
		}
		same := func() bool {
			a, err := ada.transcript("#general")
			w.must(err)
			b, err := bob.transcript("#general")
			w.must(err)
			c, err := cleo.transcript("#general")
			w.must(err)
			return a == b && a == c
		}
		if !w.until(time.Minute, time.Second, same) {
			a, _ := ada.transcript("#general")
			b, _ := bob.transcript("#general")
			w.fail("Ada reads\n%s\nBob reads\n%s", a, b)
		}
		a, _ := ada.transcript("#general")
		t.Log("\n" + a)
		t.Log(time.Since(w.start))
	})
}

var (
	simSeed   = flag.Uint64("sim.seed", 0, "replay this seed of the simulation alone")
	simPeople = flag.Int("sim.people", 20, "people in a simulation")
	simSteps  = flag.Int("sim.steps", 160, "what people do in a simulation, counted")
)

// seeds is how many seeds a simulation is run with: 2, or as HALLWAY_SEEDS says.
func seeds(t *testing.T) int {
	text := os.Getenv("HALLWAY_SEEDS")
	if text == "" {
		return 2
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("HALLWAY_SEEDS is %q; make it a number of seeds", text)
	}
	return n
}

// Twenty people come, talk, change their rights, lose the network, their power and the right time; in the end everybody
// who may read a channel shows the same conversation, and nobody else can open any of it.
func TestAnOfficeAgreesInTheEnd(t *testing.T) {
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	if *simSeed != 0 {
		synctest.Test(t, func(t *testing.T) { runOffice(t, *simSeed) })
		return
	}
	for seed := range uint64(seeds(t)) {
		t.Run(fmt.Sprint("seed ", seed+1), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { runOffice(t, seed+1) })
		})
	}
}

// quietTime is how long it may take, in virtual time, until all is merged once everybody is back.
const quietTime = 30 * time.Minute

func runOffice(t *testing.T, seed uint64) {
	w := newSimWorld(t, seed, simnet.Config{Jitter: 3 * time.Millisecond, Loss: 0.002})
	defer w.over()
	a := newSimActs(w, *simPeople)
	ada := w.found(simNames[0])
	for len(w.desks) < min(4, *simPeople) {
		a.invite(ada)
	}
	w.settle(20 * time.Second)
	a.approve(ada)
	w.settle(20 * time.Second)
	for step := range *simSteps {
		if step%12 == 11 {
			a.machine()
		} else {
			a.one()
		}
		if len(w.desks) < *simPeople && step%8 == 7 && ada.isIn() {
			a.invite(ada)
		}
		w.settle(a.pause())
	}
	a.finish()
}

// pause is how long nothing happens between two actions: mostly moments, so that things cross on their way.
func (a *simActs) pause() time.Duration {
	most := []time.Duration{0, 5 * time.Millisecond, 100 * time.Millisecond, 2 * time.Second, 10 * time.Second}[a.rng.IntN(5)]
	if most == 0 {
		return 0
	}
	return time.Duration(a.rng.Int64N(int64(most)))
}

// finish has everybody come back to a whole network with time enough that nothing lies in anybody's future, and checks.
func (a *simActs) finish() {
	for _, d := range a.desks {
		a.must(d.end())
	}
	a.note("the office is closed for six weeks")
	time.Sleep(2*maxSkew + time.Hour) // the fastest clock may be that far ahead of the slowest
	a.net.Heal()
	a.net.SetLoss(0)
	for _, d := range a.desks {
		d.skew = 0 // somebody set all clocks right: what is written from now on is in nobody's future
		a.must(d.start())
	}
	a.note("everybody is back")
	why := ""
	ok := a.until(quietTime, 20*time.Second, func() bool {
		for _, d := range a.online() {
			a.approve(d)
		}
		why = a.differs()
		return why == ""
	})
	if !ok {
		a.fail("not merged after %s: %s", quietTime, why)
		return
	}
	a.note("all is merged")
	a.checkForks()
	a.checkSecrets()
	for _, d := range a.desks {
		a.must(d.end())
	}
	a.checkDisks()
}
