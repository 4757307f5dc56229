package seal

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hallway/crdt"
)

// truth is who can open what, whether anybody knows it or not: an all-knowing observer's book, kept beside the sealers.
type truth struct {
	opens map[crdt.EpochID]map[holder]bool
	holds map[crdt.EpochID][]crdt.EpochID // the epochs boxed under an epoch
}

// minted books the recipients of a mint, who by its boxes open the epochs before it as well.
func (b *truth) minted(t *rapid.T, v *view, m *Minted) {
	body, err := parseMint(m.body)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range body.previous {
		if p.box != nil {
			b.holds[m.Epoch] = append(b.holds[m.Epoch], p.epoch)
		}
	}
	for _, r := range v.Recipients(m.Key) {
		b.add(m.Epoch, holder{r.User, r.Gen})
	}
}

func (b *truth) add(e crdt.EpochID, who holder) {
	if b.opens[e] == nil {
		b.opens[e] = map[holder]bool{}
	}
	b.opens[e][who] = true
	for _, older := range b.holds[e] {
		b.add(older, who)
	}
}

// TestOracle32_NothingIsSealedForSomebodyKnownToBeRemoved lets people come, go, change keys, mint, grant and write in any
// order, with news of it all reaching desks in any order, and asks the observer at every message: can anybody open it
// whom its author knew to be gone, or by a key that its author knew to be replaced?
func TestOracle32_NothingIsSealedForSomebodyKnownToBeRemoved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { runSendModel(t, false, t.Fatalf) })
}

// A desk that writes under the first epoch it ever held, whoever can open it, is caught: the test of the test.
func TestOracle32_ForgettingToLookIsCaught(t *testing.T) {
	caught := 0
	careless := rapid.Custom(func(t *rapid.T) bool {
		runSendModel(t, true, func(string, ...any) { caught++ })
		return true
	})
	for seed := range 50 {
		careless.Example(seed)
	}
	if caught == 0 {
		t.Fatal("sending under any epoch at all broke nothing")
	}
}

// spoken is a message, and what its author knew of access.
type spoken struct {
	op    crdt.Verified
	heard set
}

type sendModel struct {
	t     *rapid.T
	w     *world
	book  *truth
	ops   []crdt.Verified // key ops, by any desk
	said  []spoken
	had   map[string]map[int]bool
	names []string
	blind bool
	fault func(format string, args ...any)
}

func runSendModel(t *rapid.T, blind bool, fault func(string, ...any)) *sendModel {
	m := &sendModel{
		t: t, had: map[string]map[int]bool{}, blind: blind, fault: fault,
		book:  &truth{map[crdt.EpochID]map[holder]bool{}, map[crdt.EpochID][]crdt.EpochID{}},
		names: []string{"ada", "bob", "cy", "dee"},
	}
	m.w = newWorld(t, false, m.names...)
	m.w.meet(m.names...)
	for range rapid.IntRange(5, 30).Draw(t, "steps") {
		m.step()
	}
	return m
}

func (m *sendModel) step() {
	name := rapid.SampledFrom(m.names).Draw(m.t, "who")
	d := m.w.desks[name]
	switch rapid.SampledFrom([]string{"say", "say", "say", "meet", "meet", "hear", "hear", "join", "remove", "rotate", "grant"}).Draw(m.t, "what") {
	case "say":
		m.say(d)
	case "meet":
		m.w.meet(name, rapid.SampledFrom(m.names).Draw(m.t, "with"))
	case "hear":
		m.hear(d)
	case "join":
		if n := fmt.Sprintf("new%d", len(m.names)); len(m.names) < 7 {
			m.w.join(n)
			m.names = append(m.names, n)
			m.w.meet(n, name)
		}
	case "remove":
		m.w.remove(name, rapid.SampledFrom(m.names).Draw(m.t, "whom"))
	case "rotate":
		m.w.rotate(name)
	case "grant":
		m.grant(d)
	}
}

// hear hands a desk some key ops whose rights it knows, as access does.
func (m *sendModel) hear(d *desk) {
	for i, op := range m.ops {
		if m.had[d.name][i] || !rapid.Bool().Draw(m.t, "arrives") {
			continue
		}
		if _, ok := d.view().RecipientsAt(m.w.key, op.Op().Auth); !ok {
			continue
		}
		m.note(d, i)
		d.take(op)
	}
}

func (m *sendModel) note(d *desk, i int) {
	if m.had[d.name] == nil {
		m.had[d.name] = map[int]bool{}
	}
	m.had[d.name][i] = true
}

func (m *sendModel) grant(d *desk) {
	v := d.view()
	c, err := d.EpochToSend(v, m.w.key)
	if err != nil || len(c.Ungranted) == 0 || !present(v, d) {
		return
	}
	u := rapid.SampledFrom(c.Ungranted).Draw(m.t, "newcomer")
	payload, err := d.Grant(v, m.w.key, u, m.w.now)
	if err != nil {
		m.t.Fatal(err)
	}
	op := d.write(crdt.TypeKeyGrant, m.w.key, crdt.EpochID{}, v.auth, func(*crdt.Header) []byte { return payload })
	g, err := parseGrant(payload)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, e := range g.epochs {
		m.book.add(e, holder{g.user, g.gen})
	}
	m.ops = append(m.ops, op)
	m.note(d, len(m.ops)-1)
	d.take(op)
}

func present(v *view, d *desk) bool {
	_, ok := v.RecipientOf(userOf(d.name))
	return ok
}

func (m *sendModel) say(d *desk) {
	v := d.view()
	if !present(v, d) {
		return
	}
	if all := d.scopes[m.w.key]; m.blind && len(all) > 0 {
		m.sealed(v, d, all[0])
		return
	}
	c, err := d.EpochToSend(v, m.w.key)
	if errors.Is(err, ErrNeedMint) {
		mv, err := d.Mint(v, m.w.key)
		if err != nil {
			m.t.Fatal(err)
		}
		op := d.write(crdt.TypeEpochMint, m.w.key, crdt.EpochID{}, mv.Auth, func(*crdt.Header) []byte { return mv.body })
		m.book.minted(m.t, v, mv)
		m.ops = append(m.ops, op)
		m.note(d, len(m.ops)-1)
		d.take(op)
		if c, err = d.EpochToSend(v, m.w.key); err != nil {
			m.t.Fatalf("right after a mint: %v", err)
		}
	}
	m.said = append(m.said, spoken{d.sayUnder(c.Epoch, "hello"), v.heard})
	m.sealed(v, d, c.Epoch)
	m.refusesOthers(v, d, c.Epoch)
}

// sealed asks the observer.
func (m *sendModel) sealed(v *view, d *desk, e crdt.EpochID) {
	for h := range m.book.opens[e] {
		for i := range v.heard {
			f := m.w.facts[i]
			if f.user == h.user && f.kind == "left" {
				m.fault("%s sealed for somebody whom he knew to be gone", d.name)
			}
		}
		if r, ok := v.RecipientOf(h.user); ok && r.Gen > h.gen {
			m.fault("%s sealed for a key that he knew to be replaced", d.name)
		}
	}
}

// refusesOthers tries to seal under every other epoch: whatever SealOp lets through must be right as well.
func (m *sendModel) refusesOthers(v *view, d *desk, but crdt.EpochID) {
	for _, e := range slices.Clone(d.scopes[m.w.key]) {
		h := crdt.Header{Type: crdt.TypeContent, Epoch: e, Auth: v.auth}
		if _, err := d.SealOp(v, m.w.key, &h, []byte("x")); err == nil && e != but {
			m.sealed(v, d, e)
		}
	}
}

// TestOracle34_WhoeverWasRemovedReadsNothingAndWhoeverStaysReadsAll plays the same games to their end: then all that was
// ever written reaches everybody, the removed included, and those who are left ask each other for what they lack.
func TestOracle34_WhoeverWasRemovedReadsNothingAndWhoeverStaysReadsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := runSendModel(t, false, t.Fatalf)
		m.w.meet(m.names...)
		for _, n := range m.names {
			d := m.w.desks[n]
			for _, op := range m.ops {
				d.take(op)
			}
			if _, err := d.Retry(d.view()); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			m.heal()
		}
		m.removedReadNothing()
		m.presentReadAll()
	})
}

// heal lets everybody ask everybody.
func (m *sendModel) heal() {
	for _, n := range m.names {
		d := m.w.desks[n]
		var epochs []crdt.EpochID
		for _, miss := range d.Missing() {
			epochs = append(epochs, miss.Epoch)
		}
		want, err := d.Want(epochs)
		if err != nil {
			continue
		}
		for _, o := range m.names {
			peer := m.w.desks[o]
			answer, err := peer.Answer(peer.view(), want)
			if err != nil {
				continue
			}
			if _, err := d.TakeAnswer(d.view(), answer); err != nil && !errors.Is(err, ErrUnasked) {
				m.t.Fatalf("%s cannot use the answer of %s: %v", n, o, err)
			}
		}
	}
}

func (m *sendModel) removedReadNothing() {
	for _, s := range m.said {
		for i := range s.heard {
			f := m.w.facts[i]
			for _, n := range m.names {
				if d := m.w.desks[n]; f.kind == "left" && f.user == userOf(n) && d.reads(s.op, "hello") {
					m.t.Fatalf("%s reads what was written by one who knew that he was gone", n)
				}
			}
		}
	}
}

// presentReadAll holds wherever anybody who is left has the key.
func (m *sendModel) presentReadAll() {
	for _, s := range m.said {
		has, lacks := "", ""
		for _, n := range m.names {
			if d := m.w.desks[n]; present(d.view(), d) && d.reads(s.op, "hello") {
				has = n
			} else if present(d.view(), d) {
				lacks = n
			}
		}
		if has != "" && lacks != "" {
			m.t.Fatalf("%s reads a message and %s, asking, does not: %s", has, lacks, m.w.desks[lacks].State(s.op.Op().Epoch))
		}
	}
}

// TestOracle33_TwoRemovalsInTwoPartitionsEndInOneEpochWithoutBoth: A removes x here, B removes y there; when they meet,
// neither epoch will do, and the first message after that is under one that shuts both out.
func TestOracle33_TwoRemovalsInTwoPartitionsEndInOneEpochWithoutBoth(t *testing.T) {
	w := newWorld(t, false, "ada", "bob", "x", "y")
	w.meet("ada", "bob", "x", "y")
	ada, bob, x, y := w.desks["ada"], w.desks["bob"], w.desks["x"], w.desks["y"]
	e0, _ := ada.mint()
	for _, d := range []*desk{bob, x, y} {
		d.take(e0)
	}
	w.remove("ada", "x")
	w.remove("bob", "y")
	if _, err := ada.EpochToSend(ada.view(), w.key); !errors.Is(err, ErrNeedMint) {
		t.Fatalf("Ada would write for x: %v", err)
	}
	e1, m1 := ada.mint()
	e2, m2 := bob.mint()
	w.meet("ada", "bob")
	ada.take(e2)
	bob.take(e1)
	for _, d := range []*desk{ada, bob} {
		if _, err := d.EpochToSend(d.view(), w.key); !errors.Is(err, ErrNeedMint) {
			t.Fatalf("after they met, %s takes an epoch that x or y can open: %v", d.name, err)
		}
		for _, m := range []*Minted{m1, m2} {
			h := crdt.Header{Type: crdt.TypeContent, Epoch: m.Epoch}
			if _, err := d.SealOp(d.view(), w.key, &h, nil); !errors.Is(err, ErrStale) {
				t.Fatalf("sealed under it all the same: %v", err)
			}
		}
	}
	e3, m3 := bob.mint()
	ada.take(e3)
	first := ada.say("just us")
	if first.Op().Epoch != m3.Epoch || !bob.reads(first, "just us") {
		t.Fatal("the two who stayed cannot talk")
	}
	w.meet("ada", "x", "y")
	for _, d := range []*desk{x, y} {
		for _, op := range []crdt.Verified{e1, e2, e3} {
			d.take(op)
		}
		if d.reads(first, "just us") {
			t.Fatalf("%s reads what was written after he was removed", d.name)
		}
	}
}

func TestDesksThatKnowTheSameWriteUnderTheSameEpoch(t *testing.T) {
	w := newWorld(t, false, "ada", "bob", "cy")
	w.meet("ada", "bob", "cy")
	ada, bob, cy := w.desks["ada"], w.desks["bob"], w.desks["cy"]
	a, am := ada.mint()
	b, bm := bob.mint()
	want := min(am.Epoch.String(), bm.Epoch.String())
	for i, d := range []*desk{ada, bob, cy} {
		for _, op := range [][]crdt.Verified{{b}, {a}, {b, a}}[i] {
			d.take(op)
		}
		c, err := d.EpochToSend(d.view(), w.key)
		w.must(err)
		if c.Epoch.String() != want {
			t.Fatalf("%s chose %s", d.name, c.Epoch)
		}
	}
	next, nm := cy.mint() // by schedule: nothing in access has changed
	for _, d := range []*desk{ada, bob} {
		d.take(next)
		if c, err := d.EpochToSend(d.view(), w.key); err != nil || c.Epoch != nm.Epoch {
			t.Fatalf("%s does not follow a scheduled rotation: %v", d.name, err)
		}
	}
}
