package main

import (
	"fmt"
	"time"

	"hallway/app"
	"hallway/p2p/wire"
)

// benchCatchup: Bram, who was away, comes back to n messages of which he has none. The three figures are from his going
// online to: all are held durably; all can be read in their channels; the oldest and the newest are found by search.
func (b *bench) benchCatchup() ([]figure, error) {
	ada, bram, err := b.pair("catchup")
	if err != nil {
		return nil, err
	}
	defer ada.close()
	if err := bram.close(); err != nil {
		return nil, err
	}
	ada.offline()
	texts, err := b.posts(b.n)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := b.fill(ada, texts); err != nil {
		return nil, err
	}
	wrote := time.Since(start)
	before, err := b.streamFloor("catchup-floor-1", b.n, 190)
	if err != nil {
		return nil, err
	}
	if err := ada.online(b); err != nil {
		return nil, err
	}
	if bram, err = b.open("catchup-bram", ada); err != nil {
		return nil, err
	}
	defer bram.close()
	var at stages
	used := cpu()
	if err := b.profiled(func() (err error) { at, err = b.follow(bram, len(texts)); return err }); err != nil {
		return nil, err
	}
	used = cpu() - used
	got := bram.bytes.received(wire.ProtoSync)
	size := int(got) / b.n
	after, err := b.streamFloor("catchup-floor-2", b.n, size)
	if err != nil {
		return nil, err
	}
	floor := float64(b.n) / after.Seconds()
	note := fmt.Sprintf("%d messages, %d B each over sync; one run; %.3g us of CPU each, both desks and all three stages; floor %.0f and %.0f/s; written by 128 hands at %.0f/s",
		b.n, size, float64(used.Microseconds())/float64(b.n), float64(b.n)/before.Seconds(), floor, float64(b.n)/wrote.Seconds())
	rate := func(name string, d time.Duration) figure {
		return figure{Name: "catchup/" + name, Value: float64(b.n) / d.Seconds(), Unit: "ops/s", Floor: floor, Note: note}
	}
	return []figure{rate("bare", at.held), rate("readable", at.read), rate("searchable", at.found)}, nil
}

type stages struct{ held, read, found time.Duration }

// follow takes a desk online and notes when it has come how far.
func (b *bench) follow(d *desk, n int) (at stages, err error) {
	st, err := d.JoinStatus(b.ctx, app.JoinStatusRequest{})
	if err != nil {
		return at, err
	}
	had := st.Have
	start := time.Now()
	if err := d.online(b); err != nil {
		return at, err
	}
	return at, b.until(30*time.Minute, 25*time.Millisecond, func() (bool, error) {
		if at.held == 0 {
			st, err := d.JoinStatus(b.ctx, app.JoinStatusRequest{})
			if err != nil || st.Have-had < n {
				return false, err
			}
			at.held = time.Since(start)
		}
		if at.read == 0 {
			st, err := d.Status(b.ctx, app.StatusRequest{})
			if err != nil || st.Have < n {
				return false, err
			}
			at.read = time.Since(start)
		}
		for _, word := range []string{oldestWord, newestWord} {
			r, err := d.Search(b.ctx, app.SearchRequest{Query: word})
			if err != nil || len(r.Hits) != 1 {
				return false, err
			}
		}
		at.found = time.Since(start)
		return true, nil
	})
}
