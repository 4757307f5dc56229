package view_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"hallway/crdt"
	"hallway/crdt/chat"
	"hallway/crdt/chat/chattest"
	"hallway/store/view"
)

func texts(rows view.Rows) (out []string) {
	for _, r := range rows.Rows {
		if r.Line != nil {
			out = append(out, "("+string(r.Line.Value)+")")
			continue
		}
		out = append(out, r.Text)
	}
	return out
}

func TestPagesMeet(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob")
	general := o.Channel("Ada", 1)
	bob := o.Pen("Bob", general, 1)
	c := open(t, o, "Ada")
	ids := make([]crdt.OpID, 10)
	for i := range ids {
		op := bob.Say(at(i), fmt.Sprint(i))
		ids[i] = id(op)
		c.take(op)
	}
	newest := c.page(view.Page{Scope: general, Limit: 3})
	expect(t, "the newest", texts(newest), "7", "8", "9")
	if !newest.Older || newest.Newer || newest.Rows[0].Position != 8 {
		t.Errorf("%v %v %d", newest.Older, newest.Newer, newest.Rows[0].Position)
	}
	expect(t, "before", texts(c.page(view.Page{Scope: general, Limit: 3, Before: ids[7]})), "4", "5", "6")
	after := c.page(view.Page{Scope: general, Limit: 3, After: ids[6]})
	if expect(t, "after", texts(after), "7", "8", "9"); after.Newer || !after.Older {
		t.Error("a page that reaches the end says that there is more")
	}
	expect(t, "around", texts(c.page(view.Page{Scope: general, Limit: 4, Around: ids[5]})), "3", "4", "5", "6")
	expect(t, "around the first", texts(c.page(view.Page{Scope: general, Limit: 4, Around: ids[0]})), "0", "1", "2", "3")
	expect(t, "around the last", texts(c.page(view.Page{Scope: general, Limit: 4, Around: ids[9]})), "6", "7", "8", "9")
	c.read(general, ids[4])
	unread := c.page(view.Page{Scope: general, Limit: 6, AtUnread: true})
	expect(t, "a third above the line", texts(unread), "3", "4", "5", "6", "7", "8")
	if unread.Rows[1].Unread || !unread.Rows[2].Unread {
		t.Error("the line stands elsewhere")
	}
	c.read(general, crdt.OpID{})
	expect(t, "nothing unread", texts(c.page(view.Page{Scope: general, Limit: 2, AtUnread: true})), "8", "9")
	if _, err := c.v.History(t.Context(), view.Page{Scope: general, Before: crdt.OpID{9}}); !errors.Is(err, view.ErrNotFound) {
		t.Errorf("before nothing gives %v", err)
	}
	if rows := c.page(view.Page{Scope: crdt.ScopeID{9}}); len(rows.Rows) != 0 {
		t.Error("a scope that is not here has rows")
	}
}

func TestLinesOfTheSystemStandBetween(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob")
	general := o.Channel("Ada", 1)
	bob := o.Pen("Bob", general, 1)
	c := open(t, o, "Ada")
	c.take(bob.Say(at(1), "one"), bob.Say(at(3), "two"))
	joined := view.Line{ID: crdt.OpID{1}, HLC: crdt.HLCAt(at(2)), Value: []byte("Emil joined")}
	for range 2 { // the second time in place of the first
		if err := c.v.SetLines(t.Context(), general, []view.Line{joined}, nil); err != nil {
			t.Fatal(err)
		}
	}
	rows := c.page(view.Page{Scope: general, System: true})
	expect(t, "with lines", texts(rows), "one", "(Emil joined)", "two")
	if rows.Rows[2].Position != 2 {
		t.Errorf("the line counts: position %d", rows.Rows[2].Position)
	}
	expect(t, "without", texts(c.page(view.Page{Scope: general})), "one", "two")
	if err := c.v.SetLines(t.Context(), general, nil, []crdt.OpID{joined.ID}); err != nil {
		t.Fatal(err)
	}
	expect(t, "taken away", texts(c.page(view.Page{Scope: general, System: true})), "one", "two")
}

func TestVersionsFilesAndLockedOps(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob")
	general := o.Channel("Ada", 1)
	bob := o.Pen("Bob", general, 1)
	c := open(t, o, "Ada")
	f := chat.File{Name: "plan.txt", Mime: "text/plain", Size: 3, Manifest: []byte("manifest")}
	said := bob.Write(at(1), &chat.Message{Text: "draft", Files: []chat.File{f}})
	first, second := bob.Write(at(2), &chat.Edit{Target: id(said), Text: "better"}), bob.Write(at(3), &chat.Edit{Target: id(said), Text: "best"})
	c.take(second, said, first)
	versions, err := c.v.Versions(t.Context(), id(said))
	if err != nil || len(versions) != 3 || versions[0].Text != "draft" || versions[1].Text != "better" || !versions[2].Now || versions[1].Now {
		t.Errorf("%+v, %v", versions, err)
	}
	got, in, err := c.v.File(t.Context(), f.ID())
	if err != nil || got.Name != "plan.txt" || len(in) != 1 || in[0] != id(said) {
		t.Errorf("%+v in %v, %v", got, in, err)
	}
	locked, _, opened := bob.Sealed(at(4), &chat.React{Target: id(said), Emoji: "👍"})
	c.take(locked)
	waiting, err := c.v.Locked(t.Context())
	if err != nil || len(waiting) != 1 || waiting[0] != id(locked) || c.page(view.Page{Scope: general}).Rows[1].Kind != chat.PostLocked {
		t.Errorf("%v, %v", waiting, err)
	}
	changes := c.take(opened)
	if rows := c.page(view.Page{Scope: general}).Rows; len(rows) != 1 || len(rows[0].Reactions) != 1 || len(changes.Posts) != 2 || changes.Posts[0].What != view.Withdrawn {
		t.Errorf("%+v, %+v", rows, changes)
	}
	c.take(bob.Redact(at(5), crdt.RedactTarget{ID: id(said), Row: true}))
	if _, _, err := c.v.File(t.Context(), f.ID()); !errors.Is(err, view.ErrNotFound) {
		t.Errorf("the file of a deleted message gives %v", err)
	}
}

// Readers never see half of a batch, and never wait for the writer.
func TestReadersSeeWholeBatches(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob")
	general := o.Channel("Ada", 1)
	bob := o.Pen("Bob", general, 1)
	c := open(t, o, "Ada")
	stop, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for stop.Err() == nil {
				ch, err := c.v.Channel(t.Context(), general)
				found, err2 := c.v.Search(t.Context(), view.Query{})
				if err != nil || err2 != nil || ch.Rows%5 != 0 || ch.Count != ch.Rows || found.Searched%5 != 0 || found.Total != found.Searched {
					t.Errorf("%+v, %v; searched %d, found %d, %v", ch, err, found.Searched, found.Total, err2)
					return
				}
			}
		})
	}
	for i := range 20 {
		var batch []chat.Opened
		for j := range 5 {
			batch = append(batch, bob.Say(at(i*5+j), "again"))
		}
		c.take(batch...)
	}
	cancel()
	wg.Wait()
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.v.History(done, view.Page{Scope: general}); !errors.Is(err, context.Canceled) {
		t.Errorf("a question that nobody waits for gives %v", err)
	}
}
