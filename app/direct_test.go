package app

import (
	"context"
	"log/slog"
	"testing"

	"hallway/crdt/access"
)

// Ada's desk holds two direct messages with nobody but herself, as two desks of hers would begin them apart: what was
// said in either can be read.
func TestDirectMessagesBegunApartAreBothShown(t *testing.T) {
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	ctx := context.Background()
	of, err := Open(ctx, Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Network: Network{Off: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer of.Close()
	if _, err := of.Create(ctx, CreateRequest{Name: "Harbour Studio", As: "Ada Njoku"}); err != nil {
		t.Fatal(err)
	}
	s, err := of.space(In{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		scope, err := s.beginPrivate(ctx, &access.ChannelGenesis{Direct: true, Founder: s.self, Post: access.Poster})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := of.Send(ctx, SendRequest{Channel: scope.String(), Text: "a note"}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := of.Channels(ctx, ChannelsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, ch := range all.Channels {
		if ch.Kind != ChannelDirect {
			continue
		}
		h, err := of.History(ctx, HistoryRequest{Channel: ch.ID})
		if err != nil {
			t.Fatal(err)
		}
		shown += len(h.Rows)
	}
	if shown != 2 {
		t.Errorf("%d of 2 messages can be read", shown)
	}
}
