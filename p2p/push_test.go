package p2p_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"hallway/p2p"
	"hallway/p2p/simnet"
)

// slow is an inbox that takes about a kilobyte a second.
type slow struct{ *desk }

func (s slow) Live(ctx context.Context, from peer.ID, frame []byte) p2p.Received {
	time.Sleep(time.Duration(len(frame)) * time.Second / 1024)
	return s.desk.Live(ctx, from, frame)
}

func TestOracle46_ASlowReaderCostsTheSenderUnderAMegabyte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 46})
		desks := simOffice(t, net, 3, func(i int, o *p2p.Options) {
			o.Replica = o.Inbox.(*desk).keepCopy()
			o.Budgets.Burst, o.Budgets.Rate, o.Budgets.BytesHour, o.Budgets.LogsDay, o.Budgets.DevicesKept = 1<<20, 1<<20, 1<<40, 64, 64
			if i == 1 {
				o.Inbox = slow{o.Inbox.(*desk)}
			}
		})
		time.Sleep(10 * time.Second)
		const total = 8000
		taken, bytes := map[peer.ID]int{}, 0
		for range total {
			_, frame := desks[0].write()
			bytes += len(frame)
			for _, d := range desks[1:] {
				taken[d.id] += desks[0].node.Push([]peer.ID{d.id}, frame)
			}
			time.Sleep(time.Millisecond)
		}
		if bytes < 2<<20 {
			t.Fatalf("only %d bytes were written: the test would show nothing", bytes)
		}
		each := bytes / total
		// What was taken is in the queue, on the wire, or read: the last is little, at a kilobyte a second.
		if got := taken[desks[1].id] * each; got > 1<<20 {
			t.Errorf("%d KiB were kept for a slow reader", got>>10)
		}
		if taken[desks[2].id] != total {
			t.Errorf("a quick reader was given %d of %d frames", taken[desks[2].id], total)
		}
		time.Sleep(10 * time.Minute)
		sameCopies(t, desks, total)
		stopAll(desks, net)
	})
}
