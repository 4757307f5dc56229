package main

import (
	"fmt"
	"time"

	"hallway/app"
	"hallway/p2p/wire"
)

// The budgets of protocol 3.2, in bytes of a 100-character message.
const (
	liveBudget    = 360
	catchupBudget = 190
)

// benchWire: what a message of 100 characters weighs, counted on the streams of a real desk.
func (b *bench) benchWire() ([]figure, error) {
	ada, bram, err := b.pair("wire")
	if err != nil {
		return nil, err
	}
	defer ada.close()
	if err := b.settle(ada, bram); err != nil {
		return nil, err
	}
	live, err := b.wireLive(ada, bram)
	if err != nil {
		return nil, err
	}
	if err := bram.close(); err != nil {
		return nil, err
	}
	ada.offline()
	const n = 6400
	texts := make([]post, n)
	for i := range texts {
		texts[i] = post{"general", hundred(i)}
	}
	if err := b.fill(ada, texts); err != nil {
		return nil, err
	}
	if err := ada.online(b); err != nil {
		return nil, err
	}
	if bram, err = b.open("wire-bram", ada); err != nil {
		return nil, err
	}
	defer bram.close()
	st, err := bram.JoinStatus(b.ctx, app.JoinStatusRequest{})
	if err != nil {
		return nil, err
	}
	if err := bram.online(b); err != nil {
		return nil, err
	}
	err = b.until(time.Minute, 25*time.Millisecond, func() (bool, error) {
		now, err := bram.JoinStatus(b.ctx, app.JoinStatusRequest{})
		return now.Have-st.Have >= n, err
	})
	if err != nil {
		return nil, err
	}
	got := float64(bram.bytes.received(wire.ProtoSync)) / n
	asked := float64(bram.bytes.sent(wire.ProtoSync)) / n
	return []figure{
		{Name: "wire/live", Value: median(live), Unit: "B", Floor: liveBudget, Note: "floor is the budget; one pubsub RPC with its length; spread " + spread(live)},
		{Name: "wire/catchup", Value: got, Unit: "B", Floor: catchupBudget,
			Note: fmt.Sprintf("floor is the budget; all that came over the sync stream for %d messages, in segments of up to 64; asking took %.3g B more each", n, asked)},
	}, nil
}

// wireLive is what each of a few messages adds to the gossip stream.
func (b *bench) wireLive(ada, bram *desk) ([]float64, error) {
	events, err := bram.Subscribe(b.ctx, 0)
	if err != nil {
		return nil, err
	}
	var out []float64
	for i := range 15 {
		was := bram.bytes.received(wire.ProtoFlood) + bram.bytes.received(wire.ProtoMesh)
		if _, _, err := b.liveOnce(ada, events, hundred(i)); err != nil {
			return nil, err
		}
		out = append(out, float64(bram.bytes.received(wire.ProtoFlood)+bram.bytes.received(wire.ProtoMesh)-was))
	}
	return out[2:], nil // the first brings the list of heads
}
