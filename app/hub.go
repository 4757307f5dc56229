package app

import (
	"context"
	"sync"
	"time"
)

const (
	keptEvents       = 4096 // that a subscriber who was away may still ask for
	subscriberBuffer = 512  // events that a slow subscriber may lag before it is closed
)

// hub numbers events, keeps the last of them and hands them to subscribers. It never waits for one.
type hub struct {
	mu    sync.Mutex
	seq   uint64  // of the last event
	first uint64  // of the first event of this run
	kept  []Event // the last ones, consecutive, ending at seq
	subs  map[chan Event]struct{}
}

func newHub(start time.Time) *hub {
	s := uint64(max(start.UnixMilli(), 1))
	return &hub{seq: s, first: s + 1, subs: map[chan Event]struct{}{}}
}

// publish hands e to everybody. Typing and presence are told to who is there now and not kept.
func (h *hub) publish(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Kind == EventTyping || e.Kind == EventPresence {
		e.Seq = 0
	} else {
		h.seq++
		e.Seq = h.seq
		if len(h.kept) >= keptEvents {
			h.kept = append(h.kept[:0:0], h.kept[len(h.kept)-keptEvents/2:]...)
		}
		h.kept = append(h.kept, e)
	}
	for sub := range h.subs {
		select {
		case sub <- e:
		default: // too slow: it is closed, and comes back asking since
			delete(h.subs, sub)
			close(sub)
		}
	}
}

// Subscribe gives the events after since; see Feed.
func (h *hub) Subscribe(ctx context.Context, since uint64) (<-chan Event, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	missed, ok := h.after(since)
	if !ok {
		missed = []Event{{Seq: h.seq, Kind: EventReset}}
	}
	sub := make(chan Event, subscriberBuffer+len(missed))
	for _, e := range missed {
		sub <- e
	}
	h.subs[sub] = struct{}{}
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, there := h.subs[sub]; there {
			delete(h.subs, sub)
			close(sub)
		}
	})
	return sub, nil
}

// after is the kept events after since; ok is false where some are not kept, or since is of another run.
func (h *hub) after(since uint64) (missed []Event, ok bool) {
	if since > h.seq || since < h.first-1 || since == 0 {
		return nil, false
	}
	n := int(h.seq - since)
	if n > len(h.kept) {
		return nil, false
	}
	return h.kept[len(h.kept)-n:], true
}
