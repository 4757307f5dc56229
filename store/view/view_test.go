package view_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
	"hallway/crdt/chat/chattest"
	"hallway/store/view"
)

var key = [32]byte{1, 2, 3}

func at(minutes int) time.Time { return chattest.Start.Add(time.Duration(minutes) * time.Minute) }

func id(o chat.Opened) crdt.OpID { return o.Origin().ID }

// copyOf is one person's copy.
type copyOf struct {
	t    *testing.T
	o    *chattest.Office
	v    *view.View
	path string
}

func open(t *testing.T, o *chattest.Office, self string) *copyOf {
	t.Helper()
	c := &copyOf{t: t, o: o, path: filepath.Join(t.TempDir(), "view")}
	v, err := view.Open(t.Context(), c.path, key, view.Options{Self: o.User(self)})
	if err != nil {
		t.Fatal(err)
	}
	c.v = v
	t.Cleanup(func() { _ = v.Close() })
	return c
}

// take gives ops to the copy as if they had just been written.
func (c *copyOf) take(ops ...chat.Opened) view.Changes {
	c.t.Helper()
	items := make([]view.Item, len(ops))
	for i, o := range ops {
		from := o.Origin()
		items[i] = view.Item{Op: o, Arrived: from.HLC.Time()}
	}
	return c.apply(items...)
}

func (c *copyOf) apply(items ...view.Item) view.Changes {
	c.t.Helper()
	changes, err := c.v.Apply(c.t.Context(), items, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	return changes
}

func (c *copyOf) page(p view.Page) view.Rows {
	c.t.Helper()
	rows, err := c.v.History(c.t.Context(), p)
	if err != nil {
		c.t.Fatal(err)
	}
	return rows
}

// Channel and Thread read a whole conversation page by page, so that a transcript can be written of it.
func (c *copyOf) Channel(scope crdt.ScopeID) []chat.Post {
	return c.all(view.Page{Scope: scope, Limit: 7})
}

func (c *copyOf) Thread(scope crdt.ScopeID, root crdt.OpID) []chat.Post {
	return c.all(view.Page{Scope: scope, Root: root, Limit: 7})
}

func (c *copyOf) all(p view.Page) []chat.Post {
	c.t.Helper()
	var out []chat.Post
	for {
		rows := c.page(p)
		posts := make([]chat.Post, len(rows.Rows))
		for i, r := range rows.Rows {
			posts[i] = r.Post
		}
		out = append(posts, out...)
		if !rows.Older {
			return out
		}
		p.Before = posts[0].ID
	}
}

func (c *copyOf) transcript(scope crdt.ScopeID) string { return transcript(c.t, c, c.o, scope) }

func transcript(t testing.TB, c chat.Conversation, o *chattest.Office, scope crdt.ScopeID) string {
	t.Helper()
	var b strings.Builder
	if err := chat.Transcript(&b, c, scope, o.Name); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (c *copyOf) unread(scope crdt.ScopeID) view.Unread {
	c.t.Helper()
	ch, err := c.v.Channel(c.t.Context(), scope)
	if err != nil {
		c.t.Fatal(err)
	}
	return ch.Unread
}

// read marks as read up to a message, or all.
func (c *copyOf) read(scope crdt.ScopeID, to crdt.OpID) {
	c.t.Helper()
	state, err := c.v.ReadUpTo(c.t.Context(), scope, to)
	if err == nil {
		_, err = c.v.SetRead(c.t.Context(), scope, state)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *copyOf) search(query string) []string {
	c.t.Helper()
	found := c.find(view.ParseQuery(query, time.UTC).Query)
	out := make([]string, len(found.Hits))
	for i, h := range found.Hits {
		out[i] = h.Text
	}
	return out
}

func (c *copyOf) find(q view.Query) view.Found {
	c.t.Helper()
	found, err := c.v.Search(c.t.Context(), q)
	if err != nil {
		c.t.Fatal(err)
	}
	return found
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestAViewIsReadAsItWasWritten(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob")
	general := o.Channel("Ada", 1)
	ada, bob := o.Pen("Ada", general, 1), o.Pen("Bob", general, 1)
	c := open(t, o, "Ada")
	f := chat.NewFold()
	root := ada.Say(at(1), "lunch at noon?")
	ops := []chat.Opened{root, bob.Write(at(2), &chat.Message{Text: "yes", Thread: id(root)}, root),
		bob.Write(at(3), &chat.React{Target: id(root), Emoji: "👍"}), ada.Write(at(4), &chat.Edit{Target: id(root), Text: "lunch at one?"}),
		bob.Write(at(5), &chat.Pin{Target: id(root)}), bob.Say(at(6), "wrong channel")}
	ops = append(ops, bob.Redact(at(7), crdt.RedactTarget{ID: id(ops[5]), Row: true}))
	for _, op := range ops {
		f.Add(op)
	}
	c.take(ops...)
	if got, want := c.transcript(general), transcript(t, f, o, general); got != want || got == "" {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	rows := c.page(view.Page{Scope: general}).Rows
	if s := rows[0].Summary; s == nil || s.Replies != 1 || s.Unread != 1 || s.People[0].User != o.User("Bob") {
		t.Errorf("summary %+v", s)
	}
	if rows[0].Position != 1 || rows[1].Position != 2 {
		t.Errorf("positions %d, %d", rows[0].Position, rows[1].Position)
	}
	pins, err := c.v.Pins(t.Context(), general)
	if err != nil || len(pins) != 1 || pins[0].ID != id(root) {
		t.Errorf("pins %+v, %v", pins, err)
	}
}

func TestOracle18And19_ABackdatedMessageIsUnreadAndLate(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob", "Emil")
	general := o.Channel("Ada", 1)
	bob, emil := o.Pen("Bob", general, 1), o.Pen("Emil", general, 1)
	c := open(t, o, "Ada")
	const day = 24 * 60
	first := bob.Say(at(35*day), "a month on")
	c.take(first)
	c.read(general, id(first))
	if u := c.unread(general); u.Count != 0 {
		t.Fatalf("after reading: %+v", u)
	}
	slipped := emil.Say(at(5*day), "thirty days ago, says his clock")
	changes := c.apply(view.Item{Op: slipped, Arrived: at(35*day + 5)})
	if got := changes.Posts[0]; !got.Late || !got.Unread {
		t.Errorf("announced as %+v", got)
	}
	next := bob.Say(at(36*day), "next day")
	c.take(next)
	c.read(general, id(next)) // Ada looks at the end, not at what came in above
	if u := c.unread(general); u.Count != 1 || u.First != id(slipped) {
		t.Fatalf("Emil slipped it under the line: %+v", u)
	}
	rows := c.page(view.Page{Scope: general}).Rows
	if rows[0].ID != id(slipped) || !rows[0].Late || !rows[0].Unread || rows[1].Late {
		t.Errorf("rows %+v", rows)
	}
	c.read(general, id(slipped))
	if u := c.unread(general); u.Count != 0 {
		t.Errorf("after reading it: %+v", u)
	}
	history := emil.Say(at(6*day), "fetched, not slipped in")
	c.apply(view.Item{Op: history, Arrived: at(36 * day), Backfill: true})
	if c.page(view.Page{Scope: general}).Rows[1].Late {
		t.Error("history that this copy fetched is called late")
	}
}

func TestUnreadIsCountedFromRows(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob")
	general := o.Channel("Ada", 1)
	ada, bob := o.Pen("Ada", general, 1), o.Pen("Bob", general, 1)
	c := open(t, o, "Ada")
	hello := bob.Say(at(1), "hello")
	call := bob.Write(at(2), &chat.Message{Text: "@Ada look", Mentions: []chat.Mention{{Start: 0, End: 4, Kind: chat.MentionUser, User: o.User("Ada")}}})
	reply := bob.Write(at(3), &chat.Message{Text: "in a thread", Thread: id(hello)})
	c.take(hello, ada.Say(at(2), "my own"), call, reply)
	if u := c.unread(general); u.Count != 2 || u.Mentions != 1 || u.First != id(hello) {
		t.Fatalf("%+v", u)
	}
	mentions, _, err := c.v.Activity(t.Context(), view.Activity{Kind: view.ActivityMentions})
	if err != nil || len(mentions) != 1 || mentions[0].ID != id(call) {
		t.Errorf("mentions %+v, %v", mentions, err)
	}
	c.read(general, id(hello))
	if u := c.unread(general); u.Count != 1 || u.First != id(call) || !u.ReadAt.Equal(at(2)) {
		t.Errorf("after one was read: %+v", u)
	}
	c.read(general, crdt.OpID{})
	if u := c.unread(general); u.Count != 0 || u.Mentions != 0 {
		t.Errorf("after all was read: %+v", u)
	}
	state, err := c.v.UnreadFrom(t.Context(), general, id(hello))
	if err != nil || state.Generation != 1 {
		t.Fatal(state, err)
	}
	if _, err := c.v.SetRead(t.Context(), general, state); err != nil {
		t.Fatal(err)
	}
	if u := c.unread(general); u.Count != 2 || u.Generation != 1 {
		t.Errorf("after it was marked unread: %+v", u)
	}
	c.take(bob.Redact(at(9), crdt.RedactTarget{ID: id(call), Row: true}))
	if u := c.unread(general); u.Count != 1 || u.Mentions != 0 {
		t.Errorf("after the mention was deleted: %+v", u)
	}
	threads, _, err := c.v.Activity(t.Context(), view.Activity{Kind: view.ActivityThreads})
	if err != nil || len(threads) != 0 {
		t.Errorf("threads %+v, %v: Ada is in none", threads, err)
	}
	c.take(ada.Write(at(10), &chat.Message{Text: "I am now", Thread: id(hello)}))
	threads, _, err = c.v.Activity(t.Context(), view.Activity{Kind: view.ActivityThreads})
	if err != nil || len(threads) != 1 || threads[0].ID != id(hello) || threads[0].Summary.Replies != 2 {
		t.Errorf("threads %+v, %v", threads, err)
	}
}

func TestAThreadIsReadByItself(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob", "Emil")
	general := o.Channel("Ada", 1)
	ada, bob, emil := o.Pen("Ada", general, 1), o.Pen("Bob", general, 1), o.Pen("Emil", general, 1)
	c := open(t, o, "Ada")
	root := ada.Say(at(1), "who brings bread?")
	first := bob.Write(at(2), &chat.Message{Text: "I do", Thread: id(root)})
	aside := bob.Say(at(3), "the post is here")
	second := bob.Write(at(4), &chat.Message{Text: "two loaves", Thread: id(root)})
	third := emil.Write(at(5), &chat.Message{Text: "and I butter", Thread: id(root)})
	c.take(root, first, aside, second, third)
	news := func() int {
		t.Helper()
		row, err := c.v.Find(t.Context(), id(root))
		if err != nil {
			t.Fatal(err)
		}
		return row.Summary.Unread
	}
	if news() != 3 {
		t.Fatalf("%d of 3 replies are new before any was read", news())
	}
	read := func(to crdt.OpID) {
		t.Helper()
		before, err := c.v.ReadState(t.Context(), general)
		if err != nil {
			t.Fatal(err)
		}
		state, err := c.v.ReadThread(t.Context(), general, id(root), to)
		if err == nil {
			state, err = c.v.SetRead(t.Context(), general, state)
		}
		if err != nil {
			t.Fatal(err)
		}
		roots, err := c.v.RootsBetween(t.Context(), general, before, state)
		if err != nil || len(roots) != 1 || roots[0] != id(root) {
			t.Errorf("roots %v, %v", roots, err)
		}
	}
	read(id(first))
	if news() != 2 {
		t.Errorf("%d are new after the first was read", news())
	}
	read(id(third))
	if u := c.unread(general); news() != 1 || u.Count != 1 || u.First != id(aside) {
		t.Errorf("%d are new, main line %+v: what Bob said aside was not seen, and his log is read no further", news(), u)
	}
	c.read(general, id(aside))
	read(id(third))
	if u := c.unread(general); news() != 0 || u.Count != 0 {
		t.Errorf("%d are new, main line %+v", news(), u)
	}
}

func TestSearchFindsWhatIsMeant(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob")
	general, plans := o.Channel("Ada", 1), o.Channel("Ada", 2)
	ada, bob, there := o.Pen("Ada", general, 1), o.Pen("Bob", general, 1), o.Pen("Bob", plans, 1)
	c := open(t, o, "Ada")
	run := ada.Say(at(1), "The builds are running again")
	c.take(run, bob.Say(at(2), "they ran, happily: see https://example.org/Ünïcode"), there.Say(at(3), "a happy café 東京都"),
		there.Write(at(4), &chat.Message{Files: []chat.File{{Name: "Budget-2026.pdf", Manifest: []byte{1}}}}))
	expect(t, "other forms", c.search("run"), "The builds are running again")
	expect(t, "the form itself", c.search("running build"), "The builds are running again")
	expect(t, "prefix of a form that stems away", c.search("runni*"), "The builds are running again")
	expect(t, "quoted words are exact", c.search(`"run"`))
	expect(t, "phrase", c.search(`"running again"`), "The builds are running again")
	expect(t, "not in that order", c.search(`"again running"`))
	expect(t, "accents", c.search("cafe unicode"))
	expect(t, "accents", c.search("CAFÉ"), "a happy café 東京都")
	expect(t, "a part of a name in Han", c.search("京都"), "a happy café 東京都")
	expect(t, "newest first", c.search("happ*"), "a happy café 東京都", "they ran, happily: see https://example.org/Ünïcode")
	expect(t, "address", c.search("https://example.org/unicode"), "they ran, happily: see https://example.org/Ünïcode")
	expect(t, "file name", c.search("budget"), "")
	expect(t, "has file", c.search("has:file"), "")
	expect(t, "has link", c.search("has:link"), "they ran, happily: see https://example.org/Ünïcode")
	expect(t, "nothing before", c.search("before:2026-03-02 running"))
	expect(t, "that day is not after itself", c.search("after:2026-03-02"))
	if got := c.search("after:2026-03-01"); len(got) != 4 {
		t.Errorf("after the day before: %q", got)
	}
	found := c.find(view.Query{Terms: []view.Term{{Words: []string{"happy"}}}, In: []crdt.ScopeID{plans}})
	if len(found.Hits) != 1 || found.Total != 1 || !found.Exact || found.Searched != 4 {
		t.Errorf("in: %+v", found)
	}
	if h := found.Hits[0]; len(h.Marks) != 1 || h.Snippet[h.Marks[0].From:h.Marks[0].To] != "happy" {
		t.Errorf("hit %+v", h)
	}
	found = c.find(view.Query{From: []view.Sender{{User: o.User("Bob")}}, Limit: 2})
	if len(found.Hits) != 2 || !found.More || found.Total != 3 {
		t.Errorf("from: %+v", found)
	}
	found = c.find(view.Query{From: []view.Sender{{User: o.User("Bob")}}, Limit: 2, Before: found.Hits[1].ID})
	if len(found.Hits) != 1 || found.More {
		t.Errorf("next page: %+v", found)
	}
	if found = c.find(view.Query{NarrowIn: true}); len(found.Hits) != 0 || !found.Exact {
		t.Errorf("a channel that there is not: %+v", found)
	}
	c.take(ada.Write(at(9), &chat.Edit{Target: id(run), Text: "The tests are waiting"}))
	expect(t, "old text after an edit", c.search("running"))
	expect(t, "new text after an edit", c.search("wait"), "The tests are waiting")
}

func TestAViewIsReopenedRefusedAndDropped(t *testing.T) {
	o := chattest.New(t, "Ada")
	general := o.Channel("Ada", 1)
	c := open(t, o, "Ada")
	said := o.Pen("Ada", general, 1).Say(at(1), "kept")
	if _, err := c.v.Apply(t.Context(), []view.Item{{Op: said}}, 41); err != nil {
		t.Fatal(err)
	}
	if err := c.v.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.v.Cursor(context.Background()); err == nil {
		t.Error("a closed view answers")
	}
	if _, err := view.Open(t.Context(), c.path, [32]byte{9}, view.Options{}); !isDamaged(err) {
		t.Errorf("another key gives %v", err)
	}
	again, err := view.Open(t.Context(), c.path, key, view.Options{Self: o.User("Ada")})
	if err != nil {
		t.Fatal(err)
	}
	cursor, err := again.Cursor(t.Context())
	row, err2 := again.Find(t.Context(), id(said))
	if cursor != 41 || row.Text != "kept" || err != nil || err2 != nil {
		t.Errorf("cursor %d, %+v, %v, %v", cursor, row, err, err2)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if err := view.Drop(c.path); err != nil {
		t.Fatal(err)
	}
	empty, err := view.Open(t.Context(), c.path, key, view.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if cursor, err := empty.Cursor(t.Context()); cursor != 0 || err != nil {
		t.Errorf("a new view stands at %d, %v", cursor, err)
	}
	_ = empty.Close()
}

func isDamaged(err error) bool { return errors.Is(err, view.ErrDamaged) }

func TestAModeratorDeletesAndAMemberDoesNot(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob", "Emil")
	general := o.Channel("Ada", 1)
	o.Promote("Ada", "Emil", access.Moderator)
	c := open(t, o, "Ada")
	said := o.Pen("Ada", general, 1).Say(at(1), "keep this")
	c.take(o.Pen("Bob", general, 1).Redact(at(2), crdt.RedactTarget{ID: id(said), Row: true}), said)
	expect(t, "after Bob, a member, tried", c.search("keep"), "keep this")
	c.take(o.Pen("Emil", general, 1).Redact(at(3), crdt.RedactTarget{ID: id(said), Row: true}))
	expect(t, "after Emil, a moderator, did", c.search("keep"))
	if row := c.page(view.Page{Scope: general}).Rows[0]; row.Kind != chat.PostDeleted || row.DeletedBy != o.User("Emil") {
		t.Errorf("%+v", row)
	}
}
