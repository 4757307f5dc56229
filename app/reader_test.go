package app

import (
	"io"
	"log/slog"
	"testing"

	"hallway/crdt"
	"hallway/store/view"
)

// Ada's laptop was shut for a week. What it fetches then is told to her window at once as "read afresh"; what Ben
// writes after that must be told one by one again.
func TestAfterAFloodEachMessageIsToldAgain(t *testing.T) {
	ctx := t.Context()
	of, err := Open(ctx, Options{Dir: t.TempDir(), Runtime: t.TempDir(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Network: Network{Off: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer of.Close()
	if _, err := of.Create(ctx, CreateRequest{Name: "Northwind", As: "Ada"}); err != nil {
		t.Fatal(err)
	}
	s, err := of.space(In{})
	if err != nil {
		t.Fatal(err)
	}
	feed, err := of.Subscribe(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	if e := <-feed; e.Kind != EventReset {
		t.Fatalf("the first event is %s", e.Kind)
	}
	home, _ := s.home()
	posts := make([]view.Change, flood+1)
	for i := range posts {
		posts[i] = view.Change{Scope: home, ID: crdt.OpID{byte(i)}, What: view.Added}
	}
	s.reader.poke(func() { s.tell(ctx, view.Changes{Posts: posts}, &batch{r: s.reader}) })
	for e := range feed {
		if e.Kind == EventReset {
			break
		}
		if e.Kind == EventMessage {
			t.Fatal("a flood is told message by message")
		}
	}
	sent, err := of.Send(ctx, SendRequest{Channel: home.String(), Text: "back again"})
	if err != nil {
		t.Fatal(err)
	}
	for e := range feed {
		if e.Kind == EventReset {
			t.Fatal("one message is told as a flood")
		}
		if e.Kind == EventMessage && e.ID == sent.ID {
			return
		}
	}
}
