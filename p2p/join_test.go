package p2p_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hallway/p2p/simnet"
	"hallway/p2p/wire"
)

func TestANewcomerIsAdmittedAndTalksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 60})
		desks := simOffice(t, net, 2, nil)
		time.Sleep(5 * time.Second)
		carol := newDesk(t, "carol")
		carol.start(carol.options(net.Place("carol")))
		desks[0].join = func(q wire.JoinRequest) wire.JoinReply {
			if q.Kind != wire.JoinClaim || string(q.Claim) != "carol's claim" {
				return wire.JoinReply{State: wire.JoinRefused, Code: wire.JoinBadClaim}
			}
			for _, d := range desks {
				d.roll.enrol(carol)
				d.node.Recheck()
			}
			return wire.JoinReply{State: wire.JoinAdmitted, Ops: [][]byte{[]byte("genesis"), []byte("admit")}}
		}
		asked := time.Now()
		reply, err := carol.node.AskToJoin(t.Context(), desks[0].node.Addrs()[0], wire.JoinRequest{Kind: wire.JoinClaim, Claim: []byte("carol's claim"), Name: []byte("Carol")})
		if err != nil || reply.State != wire.JoinAdmitted || len(reply.Ops) != 2 {
			t.Fatal(reply, err)
		}
		for _, d := range append(desks, carol) {
			carol.roll.enrol(d)
		}
		carol.node.Recheck()
		time.Sleep(3 * time.Second)
		if n := len(carol.node.Peers()); n != 2 {
			t.Errorf("carol hears %d desks %v after asking", n, time.Since(asked))
		}
		id, frame := carol.write()
		if err := carol.node.Publish(t.Context(), 0, frame); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for _, d := range desks {
			if !d.has(id) {
				t.Errorf("desk %s did not hear the newcomer", d.name)
			}
		}
		stopAll(append(desks, carol), net)
	})
}

func TestADeskThatSleptIsShownWhoIsAMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 61})
		sleeper := newDesk(t, "sleeper")
		dave := newDesk(t, "dave")
		sleeper.roll.enrol(sleeper)
		dave.roll.enrol(dave)
		dave.roll.enrol(sleeper)
		dave.shows = [][]byte{[]byte("genesis"), []byte("admit dave")}
		var shown atomic.Int32
		sleeper.join = func(q wire.JoinRequest) wire.JoinReply {
			if q.Kind == wire.JoinPresent && len(q.Ops) == 2 {
				shown.Add(1)
				sleeper.roll.enrol(dave)
				sleeper.node.Recheck()
			}
			return wire.JoinReply{State: wire.JoinHeard}
		}
		sleeper.start(sleeper.options(net.Place("sleeper")))
		o := dave.options(net.Place("dave"))
		o.Peers = sleeper.node.Addrs()
		dave.start(o)
		time.Sleep(5 * time.Second)
		if shown.Load() != 1 {
			t.Errorf("membership was presented %d times", shown.Load())
		}
		if len(dave.node.Peers()) != 1 || len(sleeper.node.Peers()) != 1 {
			t.Error("the newcomer is locked out by a desk that slept")
		}
		stopAll([]*desk{sleeper, dave}, net)
	})
}

var joinPoll = wire.JoinRequest{Kind: wire.JoinPoll}
