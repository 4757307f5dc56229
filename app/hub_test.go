package app

import (
	"testing"
	"time"
)

func drain(ch <-chan Event, n int) []Event {
	var out []Event
	for range n {
		out = append(out, <-ch)
	}
	return out
}

func TestASubscriberWhoWasAwayMissesNothing(t *testing.T) {
	h := newHub(time.UnixMilli(1000))
	ctx := t.Context()
	fresh, _ := h.Subscribe(ctx, 0)
	if e := <-fresh; e.Kind != EventReset || e.Seq != 1000 {
		t.Fatalf("a first subscription answers %v, want a reset at 1000", e)
	}
	for range 3 {
		h.publish(Event{Kind: EventMessage})
	}
	h.publish(Event{Kind: EventTyping})
	back, _ := h.Subscribe(ctx, 1001)
	got := drain(back, 2)
	if got[0].Seq != 1002 || got[1].Seq != 1003 {
		t.Errorf("since 1001 answers %d and %d, want 1002 and 1003", got[0].Seq, got[1].Seq)
	}
	for _, since := range []uint64{999, 5000, 12} {
		other, _ := h.Subscribe(ctx, since)
		if e := <-other; e.Kind != EventReset {
			t.Errorf("since %d, which is of another run, answers %v, want a reset", since, e.Kind)
		}
	}
}

func TestASlowSubscriberIsClosedAndComesBack(t *testing.T) {
	h := newHub(time.UnixMilli(1000))
	slow, _ := h.Subscribe(t.Context(), 0)
	for range subscriberBuffer + 2 {
		h.publish(Event{Kind: EventMessage})
	}
	var last uint64
	n := 0
	for e := range slow {
		last = e.Seq
		n++
	}
	if n != subscriberBuffer+1 {
		t.Fatalf("the slow one got %d events before it was closed, want %d", n, subscriberBuffer+1)
	}
	again, _ := h.Subscribe(t.Context(), last)
	for range subscriberBuffer + 2 - (n - 1) {
		if e := <-again; e.Seq != last+1 {
			t.Fatalf("after coming back the next is %d, want %d", e.Seq, last+1)
		}
		last++
	}
}

func TestEventsThatAreNoLongerKeptAnswerAReset(t *testing.T) {
	h := newHub(time.UnixMilli(1000))
	for range keptEvents * 2 {
		h.publish(Event{Kind: EventMessage})
	}
	old, _ := h.Subscribe(t.Context(), 1001)
	if e := <-old; e.Kind != EventReset {
		t.Errorf("an event long gone answers %v, want a reset", e.Kind)
	}
}
