package view_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
	"hallway/crdt/chat/chattest"
	"hallway/store/view"
)

// failer is what testing.T and rapid.T have in common here.
type failer interface{ Fatalf(string, ...any) }

// sameAs checks everything that a view shows of these scopes against the pure fold of the same ops.
func (c *copyOf) sameAs(t failer, f *chat.Fold, scopes []crdt.ScopeID, read chat.ReadState) {
	searchable := 0
	for _, scope := range scopes {
		main := f.Channel(scope)
		c.samePosts(t, "main line", c.Channel(scope), main)
		for i, r := range c.page(view.Page{Scope: scope, Limit: view.MaxPage}).Rows {
			if r.Position != i+1 {
				t.Fatalf("row %d says position %d", i+1, r.Position)
			}
			c.sameThread(t, f, scope, r)
		}
		got, want := c.unread(scope), f.Unread(scope, c.o.User("Ada"), read)
		mentions := 0
		for i := range want {
			if want[i].Calls(c.o.User("Ada")) {
				mentions++
			}
		}
		if got.Count != len(want) || got.Mentions != mentions || len(want) > 0 && got.First != want[0].ID {
			t.Fatalf("unread %+v, want %d with %d mentions", got, len(want), mentions)
		}
		seen := map[crdt.OpID]bool{}
		for _, p := range append(main, allReplies(f, scope)...) {
			if p.Kind == chat.PostMessage && !seen[p.ID] {
				seen[p.ID] = true
				searchable++
				c.canFind(t, p)
			}
		}
	}
	if found := c.find(view.Query{}); found.Searched != searchable || found.Total != searchable {
		t.Fatalf("searched %d, found %d of %d", found.Searched, found.Total, searchable)
	}
}

func allReplies(f *chat.Fold, scope crdt.ScopeID) []chat.Post {
	var out []chat.Post
	for _, root := range f.Roots(scope) {
		out = append(out, f.Thread(scope, root)...)
	}
	return out
}

func (c *copyOf) sameThread(t failer, f *chat.Fold, scope crdt.ScopeID, r view.Row) {
	replies := f.Thread(scope, r.ID)
	c.samePosts(t, "thread", c.Thread(scope, r.ID), replies)
	if (r.Summary == nil) != (len(replies) == 0) {
		t.Fatalf("summary %+v of %d replies", r.Summary, len(replies))
	}
	if r.Summary != nil && !reflect.DeepEqual(r.Summary.Summary, chat.Summarize(replies)) {
		t.Fatalf("summary %+v, want %+v", r.Summary.Summary, chat.Summarize(replies))
	}
}

func (c *copyOf) samePosts(t failer, what string, got, want []chat.Post) {
	if len(got) != len(want) {
		t.Fatalf("%s has %d rows, want %d:\n%s\nwant\n%s", what, len(got), len(want), list(got), list(want))
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("%s row %d:\n%+v\nwant\n%+v", what, i, got[i], want[i])
		}
	}
}

func list(posts []chat.Post) string {
	var b strings.Builder
	for _, p := range posts {
		fmt.Fprintf(&b, "%d %s %s %q\n", p.Kind, p.ID, p.Op, p.Text)
	}
	return b.String()
}

// canFind checks that every word of a post finds it.
func (c *copyOf) canFind(t failer, p chat.Post) {
	for word := range strings.FieldsSeq(p.Text) {
		q := view.ParseQuery(word, time.UTC).Query
		q.In, q.Limit = []crdt.ScopeID{p.Scope}, view.MaxPage
		if !slices.ContainsFunc(c.find(q).Hits, func(h view.Hit) bool { return h.ID == p.ID }) {
			t.Fatalf("%q does not find %q", word, p.Text)
		}
	}
}

// deliver gives a talk to a copy in some order, some ops again, some first in the form that says less, in batches.
func (c *copyOf) deliver(rng *rand.Rand, forms []chattest.Form) {
	var items []view.Item
	for _, f := range forms {
		if f.Less != nil && rng.IntN(2) == 0 {
			items = append(items, view.Item{Op: *f.Less, Backfill: true})
		}
		for range 1 + rng.IntN(2) {
			items = append(items, view.Item{Op: f.Whole, Backfill: true})
		}
	}
	rng.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	for len(items) > 0 {
		n := 1 + rng.IntN(len(items))
		c.apply(items[:n]...)
		items = items[n:]
	}
}

func TestOracle01_AnyOrderAndBatchingGivesTheSameTables(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob", "Emil")
	o.Promote("Ada", "Emil", access.Admin)
	scopes := []crdt.ScopeID{o.Channel("Ada", 1), o.Channel("Ada", 2)}
	rapid.Check(t, func(rt *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		forms := chattest.Talk(o, rng, rapid.IntRange(1, 50).Draw(rt, "ops"), scopes, "Ada", "Bob", "Emil")
		f := chat.NewFold()
		for _, form := range forms {
			f.Add(form.Whole)
		}
		c := open(t, o, "Ada")
		read := chat.ReadState{Below: map[crdt.LogID]uint64{}}
		for _, form := range forms {
			from := form.Whole.Origin()
			if rng.IntN(6) == 0 {
				read.Below[from.Log] = from.Seq + 1
			}
		}
		setRead := func() {
			for _, scope := range scopes {
				if _, err := c.v.SetRead(t.Context(), scope, read); err != nil {
					rt.Fatalf("%v", err)
				}
			}
		}
		half := rng.IntN(len(forms) + 1)
		c.deliver(rng, forms[:half])
		setRead()
		c.deliver(rng, forms)
		c.sameAs(rt, f, scopes, read)
		if err := c.v.Close(); err != nil {
			rt.Fatalf("%v", err)
		}
	})
}

func TestOracle02_TheTablesAreRightAfterEverySingleOp(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob", "Emil")
	o.Promote("Ada", "Emil", access.Admin)
	scopes := []crdt.ScopeID{o.Channel("Ada", 1)}
	rng := rand.New(rand.NewPCG(7, 1))
	forms := chattest.Talk(o, rng, 80, scopes, "Ada", "Bob", "Emil")
	rng.Shuffle(len(forms), func(i, j int) { forms[i], forms[j] = forms[j], forms[i] })
	c, f := open(t, o, "Ada"), chat.NewFold()
	for _, form := range forms {
		if form.Less != nil {
			c.apply(view.Item{Op: *form.Less, Backfill: true})
			f.Add(*form.Less)
			c.sameAs(t, f, scopes, chat.ReadState{})
		}
		c.apply(view.Item{Op: form.Whole, Backfill: true})
		f.Add(form.Whole)
		c.sameAs(t, f, scopes, chat.ReadState{})
	}
}

// A copy is opened again after each batch, and one is built anew: all show the same.
func TestARebuiltViewShowsTheSame(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob")
	scopes := []crdt.ScopeID{o.Channel("Ada", 1)}
	rng := rand.New(rand.NewPCG(3, 1))
	forms := chattest.Talk(o, rng, 60, scopes, "Ada", "Bob")
	path := filepath.Join(t.TempDir(), "view")
	c := &copyOf{t: t, o: o, path: path}
	for part := range slices.Chunk(forms, 7) {
		v, err := view.Open(t.Context(), path, key, view.Options{Self: o.User("Ada")})
		if err != nil {
			t.Fatal(err)
		}
		c.v = v
		c.deliver(rng, part)
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if c.v, err = view.Open(t.Context(), path, key, view.Options{Self: o.User("Ada")}); err != nil {
		t.Fatal(err)
	}
	defer c.v.Close()
	anew := open(t, o, "Ada")
	anew.deliver(rng, forms)
	if got, want := c.transcript(scopes[0]), anew.transcript(scopes[0]); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
