package main

import (
	"context"
	"fmt"
	"time"

	"hallway/app"
	"hallway/p2p/wire"
)

// sendEvery keeps what is measured within what one device may send live (protocol 9.5); liveWarm come before it is.
const (
	sendEvery = 520 * time.Millisecond
	liveWarm  = 10
	opBytes   = 342 // of a 100-character message, as one RPC
)

// benchLive: from Send being called at Ada's to Bram's face being told of the message, which is after it can be read.
func (b *bench) benchLive() ([]figure, error) {
	ada, bram, err := b.pair("live")
	if err != nil {
		return nil, err
	}
	defer ada.close()
	defer bram.close()
	if err := b.settle(ada, bram); err != nil {
		return nil, err
	}
	floor, err := b.newLiveFloor("live-floor", opBytes)
	if err != nil {
		return nil, err
	}
	defer floor.close()
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	events, err := bram.Subscribe(ctx, 0)
	if err != nil {
		return nil, err
	}
	synced := bram.bytes.received(wire.ProtoSync)
	var ours, theirs, own []float64
	err = b.profiled(func() error {
		for i := range b.live + liveWarm {
			next := time.After(sendEvery)
			took, sent, err := b.liveOnce(ada, events, hundred(i))
			if err != nil {
				return fmt.Errorf("message %d: %w", i, err)
			}
			least, err := floor.once()
			if err != nil {
				return err
			}
			if i >= liveWarm {
				ours, own, theirs = append(ours, millis(took)), append(own, millis(sent)), append(theirs, millis(least))
			}
			<-next
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("spread %s ms, floor %s ms; Send itself returns after %.3g ms (p50); %d B came by catch-up meanwhile",
		spread(ours), spread(theirs), median(own), bram.bytes.received(wire.ProtoSync)-synced)
	return []figure{
		{Name: "live/p50", Value: median(ours), Unit: "ms", Floor: median(theirs), Note: note},
		{Name: "live/p99", Value: quantile(ours, 0.99), Unit: "ms", Floor: quantile(theirs, 0.99)},
	}, nil
}

// liveOnce sends one message and waits until the other side has told of it.
func (b *bench) liveOnce(ada *desk, events <-chan app.Event, text string) (took, sent time.Duration, err error) {
	start := time.Now()
	returned := make(chan error, 1)
	go func() {
		_, err := ada.Send(b.ctx, app.SendRequest{Channel: "general", Text: text})
		sent = time.Since(start)
		returned <- err
	}()
	late := time.After(20 * time.Second)
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return 0, 0, fmt.Errorf("the feed ended")
			}
			if e.Kind == app.EventMessage && e.Message != nil && e.Message.Text == text {
				took = time.Since(start)
				err = <-returned
				return took, sent, err
			}
		case <-late:
			return 0, 0, errLate
		}
	}
}
