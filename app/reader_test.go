package app

import (
	"io"
	"log/slog"
	"testing"

	"hallway/crdt"
	"hallway/store/view"
)

// alone is Ada's desk with no network, and what a face of it hears.
func alone(t *testing.T) (*Office, *space, <-chan Event) {
	t.Helper()
	of, err := Open(t.Context(), Options{Dir: t.TempDir(), Runtime: t.TempDir(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Network: Network{Off: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = of.Close() })
	if _, err := of.Create(t.Context(), CreateRequest{Name: "Northwind", As: "Ada"}); err != nil {
		t.Fatal(err)
	}
	s, err := of.space(In{})
	if err != nil {
		t.Fatal(err)
	}
	feed, err := of.Subscribe(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if e := <-feed; e.Kind != EventReset {
		t.Fatalf("the first event is %s", e.Kind)
	}
	return of, s, feed
}

// until reads events up to the first of this kind, about this message where one is named, and refuses those of another.
func until(t *testing.T, feed <-chan Event, kind EventKind, id string, never EventKind) {
	t.Helper()
	for e := range feed {
		if e.Kind == never {
			t.Fatalf("%s came before %s", never, kind)
		}
		if e.Kind == kind && (id == "" || e.ID == id) {
			return
		}
	}
	t.Fatalf("no %s came", kind)
}

// Ada's laptop was shut for a week. What it fetches then is told to her window at once as "read afresh"; what is
// written after that must be told one by one again.
func TestAfterAFloodEachMessageIsToldAgain(t *testing.T) {
	of, s, feed := alone(t)
	home, _ := s.home()
	posts := make([]view.Change, flood+1)
	for i := range posts {
		posts[i] = view.Change{Scope: home, ID: crdt.OpID{byte(i)}, What: view.Added}
	}
	s.reader.poke(func() { s.tell(t.Context(), view.Changes{Posts: posts}, &batch{r: s.reader}) })
	until(t, feed, EventReset, "", EventMessage)
	sent, err := of.Send(t.Context(), SendRequest{Channel: home.String(), Text: "back again"})
	if err != nil {
		t.Fatal(err)
	}
	until(t, feed, EventMessage, sent.ID, EventReset)
}

// Ada has the view built anew. Her window reads it afresh when it is there, and goes on hearing of what comes.
func TestAViewBuiltAnewIsReadAfresh(t *testing.T) {
	of, s, feed := alone(t)
	home, _ := s.home()
	if _, err := of.RebuildView(t.Context(), RebuildViewRequest{}); err != nil {
		t.Fatal(err)
	}
	until(t, feed, EventReset, "", EventMessage)
	sent, err := of.Send(t.Context(), SendRequest{Channel: home.String(), Text: "still here"})
	if err != nil {
		t.Fatal(err)
	}
	until(t, feed, EventMessage, sent.ID, EventReset)
}
