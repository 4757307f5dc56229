package chat_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
	"hallway/crdt/chat/chattest"
)

func seeded(t *rapid.T) *rand.Rand {
	return rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
}

// delivery is the talk in some order, some ops more than once, some first in the form that says less.
func delivery(rng *rand.Rand, forms []chattest.Form) []chat.Opened {
	var out []chat.Opened
	for _, f := range forms {
		if f.Less != nil && rng.IntN(2) == 0 {
			out = append(out, *f.Less)
		}
		for range 1 + rng.IntN(2) {
			out = append(out, f.Whole)
		}
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func TestOracle01_AnyOrderGivesTheSameConversation(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob", "Emil")
	o.Promote("Ada", "Emil", access.Admin)
	scopes := []crdt.ScopeID{o.Channel("Ada", 1), o.Channel("Ada", 2)}
	rapid.Check(t, func(rt *rapid.T) {
		rng := seeded(rt)
		forms := chattest.Talk(o, rng, rapid.IntRange(1, 60).Draw(rt, "ops"), scopes, "Ada", "Bob", "Emil")
		want := chat.NewFold()
		for _, f := range forms {
			want.Add(f.Whole)
		}
		for range 3 {
			got := chat.NewFold()
			for _, op := range delivery(rng, forms) {
				got.Add(op)
			}
			if got.Digest() != want.Digest() {
				rt.Fatalf("got\n%s\nwant\n%s", transcript(t, got, o, scopes[0]), transcript(t, want, o, scopes[0]))
			}
		}
	})
}

// The fold keeps what it worked out until something new comes: that must never show.
func TestOracle02_AFoldThatWasAskedAlongTheWayAnswersTheSame(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob")
	scope := o.Channel("Ada", 1)
	rng := rand.New(rand.NewPCG(2, 1))
	asked := chat.NewFold()
	forms := chattest.Talk(o, rng, 120, []crdt.ScopeID{scope}, "Ada", "Bob")
	for i, f := range forms {
		asked.Add(f.Whole)
		fresh := chat.NewFold()
		for _, f := range forms[:i+1] {
			fresh.Add(f.Whole)
		}
		if asked.Digest() != fresh.Digest() {
			t.Fatalf("after %d ops", i+1)
		}
	}
}

func TestOracle03_ClocksThreeWeeksApartGiveOneOrder(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob")
	general := o.Channel("Ada", 1)
	ada, bob := o.Pen("Ada", general, 1), o.Pen("Bob", general, 1)
	const weeks = -21 * 24 * time.Hour
	said := ada.Say(at(10), "what do you think?")
	answer := bob.Say(at(11).Add(weeks), "I like it", said)
	apart := bob.Say(at(12).Add(weeks), "and another thing")
	slow := o.Pen("Bob", general, 2).Say(at(5).Add(weeks), "written before, by a clock that is slow")
	a, b := chat.NewFold(), chat.NewFold()
	for _, op := range []chat.Opened{said, answer, apart, slow} {
		a.Add(op)
	}
	for _, op := range []chat.Opened{slow, apart, answer, said} {
		b.Add(op)
	}
	if a.Digest() != b.Digest() {
		t.Fatal("the copies differ")
	}
	posts := a.Channel(general)
	if posts[0].ID != id(slow) || posts[1].ID != id(said) || posts[2].ID != id(answer) || posts[3].ID != id(apart) {
		t.Errorf("an answer does not follow what it answers: %s", transcript(t, a, o, general))
	}
}

// Thirty devices edit one message without having heard of each other, then one that has heard of all.
func TestThirtyEditsThatCrossAgree(t *testing.T) {
	o := chattest.New(t, "Ada")
	general := o.Channel("Ada", 1)
	said := o.Pen("Ada", general, 1).Say(at(1), "first")
	edits := []chat.Opened{said}
	for i := range 30 {
		edits = append(edits, o.Pen("Ada", general, uint64(i+2)).Write(at(2), &chat.Edit{Target: id(said), Text: string(rune('a' + i))}))
	}
	rng := rand.New(rand.NewPCG(1, 1))
	shown := func() string {
		f := chat.NewFold()
		for _, i := range rng.Perm(len(edits)) {
			f.Add(edits[i])
		}
		return f.Channel(general)[0].Text
	}
	first := shown()
	for range 20 {
		if got := shown(); got != first {
			t.Fatalf("%q here, %q there", got, first)
		}
	}
	// Her clock is behind, but she had seen one of the edits that hold.
	edits = append(edits, o.Pen("Ada", general, 99).Write(at(0), &chat.Edit{Target: id(said), Text: "settled"}, edits[1:5]...))
	for range 20 {
		if got := shown(); got != "settled" {
			t.Fatalf("%q stands after an edit that had seen it", got)
		}
	}
}
