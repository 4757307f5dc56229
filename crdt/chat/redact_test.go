package chat

import (
	"testing"

	"hallway/crdt"
	"hallway/crdt/access"
)

// The three who write here need no keys: what they may is given with each op.
var (
	ada  = access.UserID{1}
	bob  = access.UserID{2}
	emil = access.UserID{3}
)

func said(t *testing.T, n byte, who access.UserID, body Body) Opened {
	t.Helper()
	e := Envelope{Body: body}
	inner, err := e.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := open(Origin{ID: crdt.OpID{n}, User: who, Log: crdt.LogID{who[0]}, Seq: uint64(n), HLC: crdt.HLC(n) << 16, Imports: true}, inner)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func deleted(t *testing.T, n byte, who access.UserID, moderates bool, targets ...byte) Opened {
	t.Helper()
	var body crdt.RedactBody
	for _, id := range targets {
		body.Targets = append(body.Targets, crdt.RedactTarget{ID: crdt.OpID{id}, Row: true})
	}
	return openRedact(Origin{ID: crdt.OpID{n}, User: who, Log: crdt.LogID{who[0]}, Seq: uint64(n), HLC: crdt.HLC(n) << 16, Moderates: moderates}, body.Append(nil))
}

func TestOnlyAuthorAndModeratorDelete(t *testing.T) {
	f := NewFold()
	f.Add(said(t, 1, ada, &Message{Text: "keep this"}))
	f.Add(deleted(t, 2, bob, false, 1))
	if got := f.Channel(crdt.ScopeID{})[0]; got.Text != "keep this" {
		t.Fatalf("Bob, a member, deleted Ada's message: %+v", got)
	}
	f.Add(deleted(t, 3, emil, true, 1))
	if got := f.Channel(crdt.ScopeID{})[0]; got.Kind != PostDeleted || got.Text != "" || got.DeletedBy != emil {
		t.Fatalf("Emil, a moderator, did not delete it: %+v", got)
	}
	f.Add(deleted(t, 2, ada, false, 1))
	if got := f.Channel(crdt.ScopeID{})[0]; got.DeletedBy != emil {
		t.Fatalf("another op under an id that is taken changed something: %+v", got)
	}
}

func TestWhoNeverSawADeletedMessageShowsTheSame(t *testing.T) {
	root, gone := said(t, 1, ada, &Message{Text: "root"}), said(t, 2, bob, &Message{Text: "a reply that goes", Thread: crdt.OpID{1}})
	redact := deleted(t, 3, bob, false, 2)
	saw, late := NewFold(), NewFold()
	for _, o := range []Opened{root, gone, redact} {
		saw.Add(o)
	}
	stub := gone
	stub.state, stub.body, stub.inner = StateErased, nil, nil
	for _, o := range []Opened{redact, stub, root} {
		late.Add(o)
	}
	if saw.Digest() != late.Digest() {
		t.Error("the two copies differ")
	}
	if len(saw.Thread(crdt.ScopeID{}, crdt.OpID{1})) != 0 || len(saw.Channel(crdt.ScopeID{})) != 2 {
		t.Error("the reply still counts as one")
	}
}

// Two people import the same file: one message each, whatever arrives first, and the second carries on when the first
// is deleted.
func TestTwoImportsOfOneFileConverge(t *testing.T) {
	m := &Imported{System: "slack", Channel: "C1", Source: "1.1", AuthorName: "Dee", Text: "from before", Time: crdt.HLC(1 << 16).Time()}
	first, second := said(t, 4, ada, m), said(t, 9, bob, m)
	react := said(t, 10, emil, &React{Target: m.ID(crdt.ScopeID{}), Emoji: "🎉"})
	a, b := NewFold(), NewFold()
	for _, o := range []Opened{first, react, second} {
		a.Add(o)
	}
	for _, o := range []Opened{second, first, react} {
		b.Add(o)
	}
	posts := a.Channel(crdt.ScopeID{})
	if a.Digest() != b.Digest() || len(posts) != 1 || posts[0].Op != (crdt.OpID{4}) || len(posts[0].Reactions) != 1 {
		t.Fatalf("%+v", posts)
	}
	for _, f := range []*Fold{a, b} {
		f.Add(deleted(t, 11, ada, false, 4))
	}
	posts = a.Channel(crdt.ScopeID{})
	if len(posts) != 2 || posts[0].Op != (crdt.OpID{9}) && posts[1].Op != (crdt.OpID{9}) || a.Digest() != b.Digest() {
		t.Fatalf("after the first was deleted: %+v", posts)
	}
	if len(a.Unread(crdt.ScopeID{}, emil, ReadState{})) != 0 {
		t.Error("imported history is unread")
	}
}
