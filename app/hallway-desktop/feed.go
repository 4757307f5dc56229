package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"hallway/app"
)

const (
	// maxBatch is how many events go to the page at once, at most.
	maxBatch = 512
	// betweenBatches is the least time between two batches: each is a script that the web view runs on its one thread,
	// and a catch-up of thousands must leave it time to draw.
	betweenBatches = 16 * time.Millisecond
)

// feed hands the Office's events to the page, from where the page asked for them.
type feed struct {
	office app.Feed
	log    *slog.Logger
	emit   func(events string) // a JSON list of app.Event

	mu     sync.Mutex
	cancel context.CancelFunc // ends what follows now; nil where nothing does
	ended  chan struct{}
}

// restart follows the Office from the Seq that the page gave. A page that was loaded again takes the place of itself.
func (f *feed) restart(data []any) error {
	if len(data) != 1 {
		return fmt.Errorf("events since: %d values", len(data))
	}
	text, ok := data[0].(string)
	if !ok {
		return fmt.Errorf("events since: a %T", data[0])
	}
	since, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return fmt.Errorf("events since: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.halt()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	f.cancel, f.ended = cancel, ended
	go func() {
		defer close(ended)
		f.follow(ctx, since)
	}()
	return nil
}

// stop ends what follows, and waits for it.
func (f *feed) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.halt()
}

// halt is stop for callers that hold mu.
func (f *feed) halt() {
	if f.cancel != nil {
		f.cancel()
		<-f.ended
		f.cancel = nil
	}
}

// follow subscribes until ctx ends. A subscription that fell behind is closed by the Office, and taken up again from
// the last event that the page was given.
func (f *feed) follow(ctx context.Context, since uint64) {
	for ctx.Err() == nil {
		events, err := f.office.Subscribe(ctx, since)
		if err != nil {
			f.log.Error("no events for the window", "err", err)
			return
		}
		since = f.pour(ctx, events, since)
	}
}

// pour gives events to the page in batches until the subscription closes, and answers the last Seq given.
func (f *feed) pour(ctx context.Context, events <-chan app.Event, since uint64) uint64 {
	for e := range events {
		batch := gather(e, events)
		text, err := json.Marshal(batch)
		if err != nil {
			f.log.Error("events for the window", "err", err)
			continue
		}
		if ctx.Err() != nil {
			break
		}
		f.emit(string(text))
		for _, e := range batch {
			since = max(since, e.Seq)
			if e.Kind == app.EventReset {
				since = e.Seq
			}
		}
		select {
		case <-time.After(betweenBatches):
		case <-ctx.Done():
		}
	}
	return since
}

// gather is first and what has come behind it by now.
func gather(first app.Event, events <-chan app.Event) []app.Event {
	batch := []app.Event{first}
	for len(batch) < maxBatch {
		select {
		case e, ok := <-events:
			if !ok {
				return batch
			}
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}
