package app

import (
	"context"
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
