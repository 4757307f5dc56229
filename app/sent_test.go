package app

import (
	"testing"

	"hallway/crdt"
	"hallway/p2p/catchup"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Ben's desk and Cleo's said what they hold of a log of which five ops are here.
func TestWhatIsMissingIsWhatOthersSaidThatTheyHold(t *testing.T) {
	_, s, _ := alone(t)
	log := crdt.LogID{7}
	ben, cleo := peer.ID("ben"), peer.ID("cleo")
	s.sent.heard(ben, []catchup.Event{{Kind: catchup.EventHolds, Log: log, Lo: 0, Hi: 6}})
	s.sent.heard(cleo, []catchup.Event{{Kind: catchup.EventHolds, Log: log, Lo: 0, Hi: 9}})
	for here, want := range map[uint64]int{4: 5, 8: 1, 9: 0, 12: 0} {
		n, who := s.sent.missing(log, here)
		if n != want || n > 0 && who != cleo || n == 0 && who != "" {
			t.Errorf("with ops up to %d here, %d are missing and %q has them; want %d", here, n, who, want)
		}
	}
	if name := s.otherThan(s.self, cleo); name != "" {
		t.Errorf("a device that nobody knows is called %q", name)
	}
}
