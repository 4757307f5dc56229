package chattest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
)

// Form is an op in the forms in which copies may come to know it: Whole always, and for some a form that says less.
type Form struct {
	Whole chat.Opened
	Less  *chat.Opened // the same op, its key or its payload not here; nil for most
}

// Talk is n random ops of several people in several scopes, about each other in every way that there is, sensible and
// not: edits of others' messages, replies to nothing, reactions to what was deleted, imports of one thing twice,
// clocks that are weeks apart. It is a function of rng.
func Talk(o *Office, rng *rand.Rand, n int, scopes []crdt.ScopeID, names ...string) []Form {
	t := talk{o: o, rng: rng}
	for i, name := range names {
		skew := time.Duration(rng.IntN(21*24)) * time.Hour * time.Duration(i%2)
		for _, scope := range scopes {
			t.pens = append(t.pens, randomPen{o.Pen(name, scope, uint64(i+1)), skew})
		}
	}
	for i := range n {
		t.one(Start.Add(time.Duration(i+1) * time.Minute))
	}
	return t.forms
}

type talk struct {
	o     *Office
	rng   *rand.Rand
	pens  []randomPen
	forms []Form
	ids   []crdt.OpID
}

type randomPen struct {
	*Pen
	skew time.Duration
}

func (t *talk) one(at time.Time) {
	pen := t.pens[t.rng.IntN(len(t.pens))]
	at = at.Add(-pen.skew)
	if len(t.ids) > 0 && t.rng.IntN(8) == 0 {
		t.add(Form{Whole: pen.Redact(at, t.targets()...)}, crdt.OpID{})
		return
	}
	body, shown := t.body(pen)
	if t.rng.IntN(8) == 0 {
		locked, erased, opened := pen.Sealed(at, body)
		less := &locked
		if t.rng.IntN(2) == 0 {
			less = &erased
		}
		t.add(Form{opened, less}, shown)
		return
	}
	var seen []chat.Opened
	if len(t.forms) > 0 && t.rng.IntN(2) == 0 && pen.skew == 0 {
		seen = append(seen, t.forms[t.rng.IntN(len(t.forms))].Whole)
	}
	t.add(Form{Whole: pen.Write(at, body, seen...)}, shown)
}

func (t *talk) add(f Form, shown crdt.OpID) {
	t.forms = append(t.forms, f)
	if from := f.Whole.Origin(); shown.IsZero() {
		shown = from.ID
	}
	t.ids = append(t.ids, shown)
}

func (t *talk) target() crdt.OpID {
	if len(t.ids) == 0 || t.rng.IntN(20) == 0 {
		return crdt.OpID{0xff, byte(t.rng.IntN(3))}
	}
	return t.ids[t.rng.IntN(len(t.ids))]
}

func (t *talk) targets() []crdt.RedactTarget {
	seen := map[crdt.OpID]bool{}
	var out []crdt.RedactTarget
	for range 1 + t.rng.IntN(3) {
		f := t.forms[t.rng.IntN(len(t.forms))].Whole
		if from := f.Origin(); !seen[from.ID] {
			seen[from.ID] = true
			out = append(out, crdt.RedactTarget{ID: from.ID, Row: t.rng.IntN(2) == 0})
		}
	}
	return out
}

var emoji = []string{"👍", "🎉", ":shipit:"}

// body is a random body, and the id that it is shown under where that is not the op's own.
func (t *talk) body(pen randomPen) (chat.Body, crdt.OpID) {
	switch t.rng.IntN(10) {
	case 0, 1:
		return &chat.Edit{Target: t.target(), Text: t.text()}, crdt.OpID{}
	case 2, 3:
		return &chat.React{Target: t.target(), Emoji: emoji[t.rng.IntN(len(emoji))], Remove: t.rng.IntN(3) == 0}, crdt.OpID{}
	case 4:
		return &chat.Pin{Target: t.target(), Remove: t.rng.IntN(3) == 0}, crdt.OpID{}
	case 5:
		m := t.imported(pen)
		return m, m.ID(pen.in)
	case 6:
		if t.rng.IntN(4) == 0 {
			return &chat.Unknown{Of: 200, Raw: []byte("from a newer version")}, crdt.OpID{}
		}
		return &chat.Message{Text: t.text(), Thread: t.target(), Broadcast: t.rng.IntN(2) == 0}, crdt.OpID{}
	case 7:
		return &chat.Message{Text: t.text(), Thread: t.target()}, crdt.OpID{}
	}
	m := &chat.Message{Text: t.text()}
	if t.rng.IntN(4) == 0 {
		m.Text = "@x " + m.Text
		m.Mentions = []chat.Mention{{Start: 0, End: 2, Kind: chat.MentionUser, User: t.somebody()}}
	}
	if t.rng.IntN(6) == 0 {
		m.Files = []chat.File{{Name: "file" + fmt.Sprint(t.rng.IntN(3)), Mime: "text/plain", Manifest: []byte{byte(t.rng.IntN(3))}}}
	}
	return m, crdt.OpID{}
}

func (t *talk) imported(pen randomPen) *chat.Imported {
	n := t.rng.IntN(4)
	m := &chat.Imported{System: "slack", Channel: "C1", Source: fmt.Sprint(n), AuthorName: "Dee", Text: t.text(),
		Time: Start.Add(time.Duration(n-5000)*time.Hour + 1234*time.Microsecond), Pinned: t.rng.IntN(3) == 0}
	if n > 1 {
		m.Thread = fmt.Sprint(n - 2)
	}
	if t.rng.IntN(3) == 0 {
		m.Author = t.somebody()
	}
	if t.rng.IntN(3) == 0 {
		m.Reactions = []chat.ImportedReaction{{Emoji: emoji[0], By: []chat.ImportedPerson{{Name: "Kim"}, {User: t.somebody()}}}}
	}
	return m
}

func (t *talk) somebody() access.UserID { return t.o.User(t.pens[t.rng.IntN(len(t.pens))].name) }

var vocabulary = []string{"build", "builds", "building", "running", "run", "ran", "Café", "coffee", "tests", "https://example.org/x", "東京", "happily"}

func (t *talk) text() string {
	s := vocabulary[t.rng.IntN(len(vocabulary))]
	for range t.rng.IntN(5) {
		s += " " + vocabulary[t.rng.IntN(len(vocabulary))]
	}
	return s
}
