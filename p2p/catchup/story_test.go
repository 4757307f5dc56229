package catchup

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"hallway/crdt"
	"hallway/p2p/wire"
)

// Eve is not in the plans channel, though she has learned its id: she gets nothing of it, and Anna's announcements do not
// show it to her.
func TestEveGetsNothingOfAChannelSheMayNotRead(t *testing.T) {
	w := newWorld()
	plans := scopeNamed("plans")
	a := w.memory("anna").join(KindPrivate, plans)
	eve := w.memory("eve").join(KindPrivate, plans)
	a.bar(plans, "eve")
	anna := w.author("anna")
	anna.write(a, w.access, crdt.ClassAccess, "genesis")
	anna.say(a, plans, 20)
	w.author("eve").say(eve, plans, 1)
	l := meet(t, a, eve)
	if n := eve.count(plans); n != 1 {
		t.Errorf("eve holds %d ops of the plans", n)
	}
	if len(l.ends[0].s.byScope) != 1 {
		t.Errorf("anna announced %d scopes, only the access scope is eve's", len(l.ends[0].s.byScope))
	}
	mustEqual(t, a, eve, w.access)
}

// What a peer was shown cannot be shown back: the tags of the two directions differ, and the number of a scope is worth
// nothing without proof of its id.
func TestATagCannotBeEchoed(t *testing.T) {
	w := newWorld()
	plans := scopeNamed("plans")
	a := w.memory("anna").join(KindPrivate, plans)
	w.author("anna").say(a, plans, 5)
	eve := w.memory("eve") // does not know the channel, though Anna believes that she may read it
	l := connect(t, a, eve)
	var tag wire.SyncTag
	l.trace = func(from int, m wire.SyncMessage, _ int) {
		if match, ok := m.(wire.SyncMatch); ok && from == 0 && len(match.Items) > 0 {
			tag = match.Items[len(match.Items)-1].Tag
		}
	}
	l.run()
	if tag == (wire.SyncTag{}) {
		t.Fatal("anna announced nothing")
	}
	echo := wire.AppendSync(nil, wire.SyncMatch{Items: []wire.SyncMark{{Tag: tag, Root: Hash{1}, LSN: 1}}})
	if err := l.ends[0].s.Receive(l.now, echo); err != nil {
		t.Fatal(err)
	}
	if l.ends[0].s.theirBy[plans] != nil {
		t.Error("anna took her own tag for eve's")
	}
	open := wire.AppendSync(nil, wire.SyncOpen{Ref: 0, Proof: tag, Mode: wire.SyncSince})
	if err := l.ends[0].s.Receive(l.now, open); !errors.Is(err, ErrProtocol) {
		t.Errorf("a wrong proof: %v", err)
	}
}

// Ben is removed from the plans while he catches up: not one batch more comes after Anna has heard of it.
func TestARemovalCountsInTheMiddle(t *testing.T) {
	w := newWorld()
	plans, office := scopeNamed("plans"), scopeNamed("office")
	a := w.memory("anna").join(KindPublic, office).join(KindPrivate, plans)
	b := w.memory("ben").join(KindPrivate, plans).join(KindPublic, office)
	anna := w.author("anna")
	anna.say(a, plans, 5000)
	anna.say(a, office, 10)
	l := connect(t, a, b)
	for b.count(plans) == 0 {
		if !l.steps(1) {
			t.Fatal("nothing came")
		}
	}
	a.bar(plans, "ben")
	l.ends[0].s.Refresh(l.now)
	sent := l.ends[0].batches
	closed := false
	l.trace = func(from int, m wire.SyncMessage, _ int) {
		if c, ok := m.(wire.SyncClosed); ok && from == 0 {
			closed = closed || l.ends[0].s.mine[c.Ref].scope == plans
		}
		if batch, ok := m.(wire.SyncBatchMsg); ok && from == 0 && l.ends[0].s.mine[batch.Ref].scope == plans {
			t.Error("a batch after the removal")
		}
	}
	l.run()
	if !closed || sent == 0 {
		t.Error("ben was not told that the plans are closed")
	}
	mustEqual(t, a, b, office)
	if b.count(plans) == 5000 {
		t.Error("ben has all of it")
	}
	for _, e := range l.ends {
		if !e.s.Idle() {
			t.Errorf("%s still waits", e.r.name)
		}
	}
}

// Carol learns of a channel from an access op that comes in this very session, and has its messages at the end of it.
func TestAChannelMayAppearInTheMiddle(t *testing.T) {
	w := newWorld()
	plans := scopeNamed("plans")
	a := w.memory("anna").join(KindPublic, plans)
	c := w.memory("carol")
	c.onAccess = func() {
		if len(c.scopes) == 1 {
			c.join(KindPublic, plans)
		}
	}
	anna := w.author("anna")
	anna.write(a, w.access, crdt.ClassAccess, "channel: plans")
	anna.say(a, plans, 300)
	meet(t, a, c)
	mustEqual(t, a, c, w.access, plans)
}

// Access ops come before keys, keys before content, whatever the scopes hold.
func TestRightsThenKeysThenContent(t *testing.T) {
	w := newWorld()
	office := scopeNamed("office")
	a := w.memory("anna").join(KindPrivate, office)
	b := w.memory("ben").join(KindPrivate, office)
	for i := range 5 {
		who := w.author(fmt.Sprint("p", i))
		who.say(a, office, 30)
		for _, s := range []crdt.ScopeID{office, w.access} {
			who.write(a, s, crdt.ClassKeys, "mint")
			who.write(a, s, crdt.ClassAccess, "grant")
		}
	}
	meet(t, a, b)
	mustEqual(t, a, b, w.access, office)
	rank := map[crdt.OpID]int{}
	for si, s := range []crdt.ScopeID{w.access, office} {
		for _, l := range a.logs[s] {
			for _, at := range l.ops {
				rank[at[0].id] = 10*si + int(l.class)
			}
		}
	}
	if !slices.IsSortedFunc(b.order, func(x, y crdt.OpID) int { return rank[x] - rank[y] }) {
		t.Error("they came out of order")
	}
}

// Access ops of one class come in the order in which they arrived at the peer, so that each finds what it builds on,
// though they are in many logs.
func TestAccessOpsComeInOrderOfArrival(t *testing.T) {
	w, a, b, _ := channelPair()
	people := make([]*author, 12)
	for i := range people {
		people[i] = w.author(fmt.Sprint("p", i))
	}
	for i := range 60 {
		people[i%7].write(a, w.access, crdt.ClassAccess, "grant")
		people[i%12].write(a, w.access, crdt.ClassAccess, "grant")
	}
	meet(t, a, b)
	if b.count(w.access) != 120 {
		t.Fatalf("%d ops", b.count(w.access))
	}
	first := map[crdt.LogID]bool{}
	last := uint64(0)
	for _, id := range b.order {
		for log, l := range a.logs[w.access] {
			for _, at := range l.ops {
				if at[0].id == id && !first[log] {
					first[log] = true
					if at[0].lsn < last {
						t.Errorf("log %s began out of order", log)
					}
					last = at[0].lsn
				}
			}
		}
	}
}

// fork lets somebody with a copied data directory write on in one log in both replicas.
func fork(w *world, a, b *memory, scope crdt.ScopeID, common, left, right int) crdt.LogID {
	one := w.author("mallory")
	one.say(a, scope, common)
	log := one.log(scope, crdt.ClassContent)
	for q := range uint64(common) {
		s := a.log(scope, log).main[q]
		b.put(scope, s.op, s.id)
	}
	other := w.author("mallory")
	if tip, ok := one.tips[log]; ok {
		other.tips[log] = tip
	}
	one.say(a, scope, left)
	for range right {
		other.write(b, scope, crdt.ClassContent, "the other branch")
	}
	return log
}

// Two branches of one log meet: both copies end with both of them, whichever is longer and however far back they part.
func TestBranchesOfAForkAreExchanged(t *testing.T) {
	for _, c := range []struct{ common, left, right int }{
		{1, 1, 1}, {10, 5, 5}, {10, 3, 9}, {10, 9, 3}, {100, 200, 150}, {0, 70, 70}, {64, 1, 300}, {130, 64, 1},
	} {
		t.Run(fmt.Sprint(c.common, "+", c.left, "/", c.right), func(t *testing.T) {
			w, a, b, scopes := channelPair("office")
			log := fork(w, a, b, scopes[1], c.common, c.left, c.right)
			w.author("ben").say(b, scopes[1], 3)
			l := connect(t, a, b)
			l.run()
			l.kick(false)
			mustEqual(t, a, b, scopes...)
			if n := a.count(scopes[1]); n != c.common+c.left+c.right+3 {
				t.Errorf("%d ops", n)
			}
			if e, _ := a.Trie(scopes[1]).Get(log); !e.Forked {
				t.Error("the fork does not show")
			}
			if got := meet(t, a, b).bytes(); got >= 200 {
				t.Errorf("%d bytes once both hold both", got)
			}
			carol := w.memory("carol").join(KindPublic, scopes[1])
			cl := connect(t, a, carol)
			cl.run()
			cl.kick(false)
			mustEqual(t, a, carol, scopes...)
		})
	}
}

// Dora catches up from three peers at once: no op comes twice, two of them serve, and it works too when one goes away.
func TestTwoSourcesServeDisjointLogs(t *testing.T) {
	for _, loss := range []bool{false, true} {
		w := newWorld()
		office := scopeNamed("office")
		dora := w.memory("dora").join(KindPublic, office)
		shared := NewCoordinator()
		var sources []*memory
		for i := range 3 {
			sources = append(sources, w.memory(fmt.Sprint("desk", i)).join(KindPublic, office))
		}
		for i := range 40 {
			w.author(fmt.Sprint("author", i)).say(sources[0], office, 100)
		}
		meet(t, sources[0], sources[1])
		meet(t, sources[0], sources[2])
		var links []*link
		for _, s := range sources {
			links = append(links, connect(t, dora, s, shared))
		}
		most := 0
		for round := 0; ; round++ {
			moved := false
			for _, l := range links {
				if sc := shared.scopes[office]; sc != nil {
					most = max(most, len(sc.held))
				}
				if l.ends[0].woken {
					l.ends[0].woken = false
					moved = true
				}
				moved = l.steps(2) || moved
			}
			if loss && round == 8 {
				links[0].close()
				links = links[1:]
				moved = true
			}
			if !moved {
				break
			}
		}
		mustEqual(t, dora, sources[0], office)
		if dora.twice > 0 {
			t.Errorf("loss %v: %d ops came twice", loss, dora.twice)
		}
		serving := 0
		for _, l := range links {
			if l.ends[1].batches > 20<<10 {
				serving++
			}
		}
		if most != MaxSources || serving < 2 {
			t.Errorf("loss %v: %d sources at a time, %d in all", loss, most, serving)
		}
	}
}

// Anna's message is sent when Ben's desk has it, and she hears of it at once, not at the next kick.
func TestAnAckTellsTheAuthor(t *testing.T) {
	w, a, b, scopes := channelPair("office")
	anna := w.author("anna")
	l := connect(t, a, b)
	l.run()
	op := anna.write(a, scopes[1], crdt.ClassContent, "lunch?")
	b.put(scopes[1], op, op.Header.ID()) // it came live
	l.ends[1].s.Stored(scopes[1], op.Log, op.Seq, op.Seq)
	l.ends[0].events = nil
	l.run()
	want := Event{Kind: EventHolds, Scope: scopes[1], Log: op.Log}
	if !slices.Contains(l.ends[0].events, want) {
		t.Errorf("anna heard %+v", l.ends[0].events)
	}
}

// After an exchange each side knows what the other holds.
func TestBothKnowEachOthersHeadsAfterwards(t *testing.T) {
	w, a, b, scopes := channelPair("office")
	w.author("anna").say(a, scopes[1], 300)
	w.author("ben").say(b, scopes[1], 7)
	l := meet(t, a, b)
	for _, e := range l.ends {
		if !slices.ContainsFunc(e.events, func(ev Event) bool { return ev.Kind == EventEqual && ev.Scope == scopes[1] }) {
			t.Errorf("%s does not know that both hold the same", e.r.name)
		}
	}
}

// Ben hears message 9 live and lacks 5 to 8: he asks the peer that forwarded it, and gets just those.
func TestAGapIsFilledByThePeerWhoForwarded(t *testing.T) {
	w, a, b, scopes := channelPair("office")
	anna := w.author("anna")
	anna.say(a, scopes[1], 5)
	anna.write(a, w.access, crdt.ClassAccess, "genesis")
	l := connect(t, a, b)
	l.run()
	anna.say(a, scopes[1], 4)
	op := anna.write(a, scopes[1], crdt.ClassContent, "9")
	before := l.bytes()
	l.ends[1].s.Gap(l.now, scopes[1], op.Log, 5, op.Seq-1)
	l.run()
	if held := b.Held(scopes[1], op.Log); len(held) != 1 || held[0].To != 8 {
		t.Errorf("ben holds %v", held)
	}
	if n := l.bytes() - before; n > 3000 {
		t.Errorf("%d bytes for four messages", n)
	}
}

func TestAKickBetweenEqualsIsSmall(t *testing.T) {
	w, a, b, scopes := channelPair("office")
	w.author("anna").say(a, scopes[1], 50)
	l := connect(t, a, b)
	l.run()
	before := l.bytes()
	l.kick(false)
	if n := l.bytes() - before; n > 80 {
		t.Errorf("%d bytes", n)
	}
}

// A store that was set back has smaller arrival numbers than the cursor that was kept for it: nothing is missed.
func TestAStoreThatWasSetBackIsWalked(t *testing.T) {
	w, a, b, scopes := channelPair("office")
	anna := w.author("anna")
	anna.say(a, scopes[1], 10)
	meet(t, a, b)
	b.SetCursor(a.instance, scopes[1], 1000)
	anna.say(a, scopes[1], 3)
	meet(t, a, b)
	mustEqual(t, a, b, scopes...)
}

// Anna's store is a copy of another one, for which Ben kept a cursor: by the cursor nothing seems new, and the next kick
// finds what differs all the same.
func TestACursorThatBringsNothingIsDoubted(t *testing.T) {
	w, a, b, scopes := channelPair("office")
	anna := w.author("anna")
	anna.say(a, scopes[1], 10)
	meet(t, a, b)
	anna.say(a, scopes[1], 3)
	b.SetCursor(a.instance, scopes[1], a.LSN())
	l := connect(t, a, b)
	l.run()
	l.kick(false)
	mustEqual(t, a, b, scopes...)
}

// On battery only what is recent comes; the rest when it is allowed.
func TestOlderHistoryWaitsForPower(t *testing.T) {
	w, a, b, scopes := channelPair("office")
	w.author("anna").say(a, scopes[1], 2000)
	l := connect(t, a, b)
	l.ends[1].s.SetBackfill(false)
	l.run()
	if n := b.count(scopes[1]); n < RecentOps || n > RecentOps+64 {
		t.Errorf("%d ops on battery", n)
	}
	p := l.ends[1].s.Progress()
	if len(p) != 1 || !p[0].Recent || p[0].Want != uint64(2000-b.count(scopes[1])) || p[0].BytesLeft == 0 {
		t.Errorf("progress %+v", p)
	}
	l.ends[1].s.SetBackfill(true)
	l.run()
	mustEqual(t, a, b, scopes...)
}

func TestAPeerThatStallsIsGivenUp(t *testing.T) {
	w, a, b, scopes := channelPair("office")
	w.author("anna").say(a, scopes[1], 2000)
	l := connect(t, a, b)
	l.steps(12)
	for l.send(1) {
	}
	s := l.ends[1].s
	if err := s.Poll(l.now.Add(StallAfter)); err != nil {
		t.Errorf("too early: %v", err)
	}
	if err := s.Poll(l.now.Add(StallAfter + time.Second)); !errors.Is(err, ErrStalled) {
		t.Errorf("%v", err)
	}
	if l := connect(t, a, b); true {
		l.run()
		mustEqual(t, a, b, scopes...)
	}
}

// Somebody copied a data directory: two processes with one identity are connected, and both hear of it.
func TestTwinsAreTold(t *testing.T) {
	w, a, b, scopes := channelPair("office")
	twin := w.memory("ben").join(KindPublic, scopes[1])
	shared := NewCoordinator()
	one, two := connect(t, a, b, shared), connect(t, a, twin, shared)
	two.ends[1].s.o.Process = [8]byte{9}
	one.run()
	two.run()
	one.run()
	for i, l := range []*link{one, two} {
		if !slices.ContainsFunc(l.ends[1].events, func(e Event) bool { return e.Kind == EventTwin }) {
			t.Errorf("twin %d was not told", i)
		}
	}
}
