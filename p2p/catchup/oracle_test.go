package catchup

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hallway/crdt"
	"hallway/p2p/wire"
)

func channelPair(names ...string) (w *world, a, b *memory, scopes []crdt.ScopeID) {
	w = newWorld()
	scopes = []crdt.ScopeID{w.access}
	a, b = w.memory("anna"), w.memory("ben")
	for _, n := range names {
		scopes = append(scopes, scopeNamed(n))
	}
	return w, a.join(KindPublic, scopes[1:]...), b.join(KindPublic, scopes[1:]...), scopes
}

// Carol was caught up by amortised signatures alone and holds few of them. Whatever part of a log she serves, the one who
// gets it can verify it by itself.
func TestOracle12_AnySubRangeServedVerifies(t *testing.T) {
	w, a, carol, scopes := channelPair("office")
	office := scopes[1]
	anna := w.author("anna")
	anna.say(a, office, 300)
	meet(t, a, carol)
	log := anna.log(office, crdt.ClassContent)
	signed := 0
	for q := range uint64(300) {
		if carol.log(office, log).main[q].op.Sig != nil {
			signed++
		}
	}
	if signed > 8 {
		t.Fatalf("carol holds %d signatures: nothing would need a tail", signed)
	}
	served, runs := new(int), 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		from := rapid.Uint64Range(0, 299).Draw(rt, "from")
		to := rapid.Uint64Range(from, 299).Draw(rt, "to")
		fresh := w.memory("dora").join(KindPublic, office)
		l := connect(t, carol, fresh)
		var above crdt.OpID // what the segment that came before, higher up, is chained to
		l.trace = func(_ int, m wire.SyncMessage, _ int) {
			batch, ok := m.(wire.SyncBatchMsg)
			if !ok {
				return
			}
			for _, it := range batch.Items {
				if len(it.Segment) == 0 || it.Want != 0 {
					continue // the rest of the log, fetched after the range that was asked for
				}
				seg, err := crdt.ParseSegment(it.Segment)
				if err != nil || len(seg.Tail) > 63 {
					rt.Fatalf("tail of %d, %v", len(seg.Tail), err)
				}
				if _, err := crdt.VerifyChain(w.ws, w.keys[seg.Ops[0].Device], crdt.Chain{Ops: seg.Ops, Tail: seg.Tail, Next: above}); err != nil {
					rt.Fatalf("%d..%d does not verify alone: %v", from, to, err)
				}
				above = seg.Ops[0].Prev
				*served++
			}
		}
		for !l.ends[1].s.canFetch(office) { // until carol's channel is announced, and before it is listed
			if !l.send(0) && !l.send(1) && !l.deliver(0) && !l.deliver(1) {
				rt.Fatal("never announced")
			}
		}
		f := l.ends[1].s.fetches[office]
		f.phase = fetching
		f.add(&need{entry: Entry{Log: log, Class: crdt.ClassContent, Lo: from, Hi: to}, missing: []Span{{From: from, To: to}}})
		l.ends[1].s.prove = append(l.ends[1].s.prove, f.from)
		l.run()
		if got := fresh.Held(office, log); len(got) != 1 || got[0].From > from || got[0].To < to {
			rt.Fatalf("asked for %d..%d, holds %v", from, to, got)
		}
		l.close()
	})
	if *served < runs {
		t.Errorf("only %d segments were looked at in %d runs", *served, runs)
	}
}

func (s *Session) canFetch(scope crdt.ScopeID) bool { return s.fetches[scope] != nil }

// Three replicas meet in any order, each time some other pair, with connections cut anywhere; some ops arrive live with
// their own signature, others only under a later one. In the end all hold the same authentic ops.
func TestOracle14_AnyScheduleOfVerifyingEndsInTheSameSet(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld()
		office := scopeNamed("office")
		var rs []*memory
		for _, n := range []string{"anna", "ben", "carol"} {
			rs = append(rs, w.memory(n).join(KindPublic, office))
		}
		for i := range 3 {
			who := w.author(fmt.Sprint("author", i))
			who.say(rs[i], office, rapid.IntRange(1, 150).Draw(rt, "ops"))
		}
		for range rapid.IntRange(0, 8).Draw(rt, "meetings") {
			i := rapid.IntRange(0, 2).Draw(rt, "one")
			l := connect(t, rs[i], rs[(i+1)%3])
			l.wander(rt, rapid.IntRange(0, 80).Draw(rt, "steps"))
			l.close()
		}
		for i := range 4 {
			meet(t, rs[i%3], rs[(i+1)%3])
		}
		mustEqual(t, rs[0], rs[1], office)
		mustEqual(t, rs[1], rs[2], office)
		if t.Failed() {
			rt.FailNow()
		}
	})
}

func TestOracle15_SignaturesCheckedOncePerRange(t *testing.T) {
	w, a, b, scopes := channelPair("office")
	const authors, each = 20, 500
	for i := range authors {
		w.author(fmt.Sprint("author", i)).say(a, scopes[1], each)
	}
	meet(t, a, b)
	mustEqual(t, a, b, scopes...)
	if limit := authors*each/64 + authors*2; b.checks > limit || b.checks == 0 {
		t.Errorf("%d signatures checked for %d ops in %d logs, at most %d are needed", b.checks, authors*each, authors, limit)
	}
}

// common fills both replicas with the same ops in n logs, without signing what will never travel.
func common(w *world, scope crdt.ScopeID, logs, ops int, rs ...*memory) []*author {
	authors := make([]*author, logs)
	for i := range authors {
		who := w.author(fmt.Sprint("desk", i))
		authors[i] = who
		log := who.log(scope, crdt.ClassContent)
		tip := crdt.Tip{Log: log, Device: crdt.RefOf(who.key.Public().(ed25519.PublicKey))}
		for range ops / logs {
			h := tip.Next(crdt.TypeContent, w.clock, crdt.EpochID{1}, crdt.AuthRef{7}, nil)
			h.PayloadHash, h.PayloadLen = crdt.HashPayload([]byte("x")), 1
			id := h.ID()
			for _, r := range rs {
				r.put(scope, crdt.Op{Header: h, Payload: []byte("x")}, id)
			}
			tip.Seq, tip.Prev, tip.HLC = h.Seq+1, id, h.HLC
		}
		who.tips[log] = tip
	}
	return authors
}

// The budget of the trie path: 3,000 logs and 100,000 ops in common, no cursor known, n logs with one op more.
func TestOracle44_BytesFollowTheDifference(t *testing.T) {
	w, a, b, scopes := channelPair("office")
	office := scopes[1]
	authors := common(w, office, 3000, 100_000, a, b)
	if got := meet(t, a, b).bytes(); got >= 200 {
		t.Errorf("equal replicas needed %d bytes", got)
	}
	for _, c := range []struct{ logs, budget int }{{1, 2 << 10}, {10, 12 << 10}, {100, 60 << 10}} {
		for i := range c.logs {
			r := a
			if i%2 == 1 {
				r = b
			}
			authors[i*7].say(r, office, 1)
		}
		l := meet(t, a, b)
		mustEqual(t, a, b, office)
		over := l.bytes() - l.batches()
		t.Logf("%d logs: %d bytes over %d of batches", c.logs, over, l.batches())
		if over > c.budget {
			t.Errorf("%d logs differ: %d bytes over the ops, budget %d", c.logs, over, c.budget)
		}
		clear(a.cursors)
		clear(b.cursors)
	}
	for i := range 10 {
		authors[i].say(a, office, 1)
	}
	if got := meet(t, a, b).bytes(); got >= 30<<10 {
		t.Errorf("10 new ops over 100,000 needed %d bytes", got)
	}
}

// Ben is killed again and again while he catches up: he loses nothing, and fetches again no more than what had come and
// was not yet durable, which is one batch at a time.
func TestOracle45_KilledAnywhereResumesWhereItWas(t *testing.T) {
	w, a, b, scopes := channelPair("office", "lunch")
	for i := range 6 {
		who := w.author(fmt.Sprint("author", i))
		who.write(a, w.access, crdt.ClassAccess, "hello")
		who.say(a, scopes[1+i%2], 400)
	}
	whole := 0
	{
		fresh := w.memory("fresh").join(KindPublic, scopes[1:]...)
		whole = meet(t, a, fresh).batches()
	}
	total, kills := 0, 0
	for n := 1; ; n = n%23 + 3 {
		l := connect(t, a, b)
		more := l.steps(n)
		total += l.batches()
		for _, frame := range l.ends[1].inbox { // on the way when the process died: never arrived
			if m, _ := wire.ParseSync(frame); m != nil {
				if _, ok := m.(wire.SyncBatchMsg); ok {
					total -= len(frame) + 3
				}
			}
		}
		l.close()
		if !more {
			break
		}
		kills++
	}
	mustEqual(t, a, b, scopes...)
	if b.twice > 0 {
		t.Errorf("%d ops were committed before and came again", b.twice)
	}
	if kills < 10 {
		t.Fatalf("only %d kills: nothing was tested", kills)
	}
	if limit := whole + kills*wire.SyncBatch; total > limit {
		t.Errorf("%d bytes of batches in %d lives, %d at once", total, kills+1, whole)
	}
}

// Anna reads slowly, or her disk does not keep up: the sender stops at the window, and nothing piles up on either side.
func TestOracle46_ASlowReaderStopsTheSender(t *testing.T) {
	w, a, b, scopes := channelPair("office")
	for i := range 5 {
		w.author(fmt.Sprint("author", i)).say(a, scopes[1], 2000)
	}
	l := connect(t, a, b)
	l.ends[1].busyDisk = true
	l.run()
	if got := l.ends[0].batches; got > wire.SyncWindow || got < wire.SyncWindow/2 {
		t.Errorf("%d bytes were sent to a disk that does not write; the window is %d", got, wire.SyncWindow)
	}
	if held := l.ends[1].s.held; held > wire.SyncWindow {
		t.Errorf("%d bytes wait for the disk", held)
	}
	if b.stored > 0 {
		t.Fatal("the disk was not slow")
	}
	// The stream takes nothing either: the session makes no frame that nobody asked for, and keeps one segment at most.
	s := l.ends[0].s
	if s.current != nil && len(s.current.ready) > wire.SyncBatch {
		t.Errorf("%d bytes are cut and wait", len(s.current.ready))
	}
	if n := s.wantCount(); n > maxWants || len(s.jobs) > maxJobs {
		t.Errorf("%d ranges and %d answers are queued", n, len(s.jobs))
	}
	l.ends[1].busyDisk = false
	l.run()
	mustEqual(t, a, b, scopes...)
	l.close()
}

// The open channel is the smallest of many. Its newest 200 messages are durable before a twentieth of the backlog came.
func TestOracle47_TheOpenChannelIsReadableFirst(t *testing.T) {
	w := newWorld()
	open := scopeNamed("open")
	a := w.memory("anna")
	var others []crdt.ScopeID
	for i := range 9 {
		others = append(others, scopeNamed(fmt.Sprint("channel", i)))
	}
	a.join(KindPublic, append(slices.Clone(others), open)...)
	b := w.memory("ben").join(KindPublic, append([]crdt.ScopeID{open}, others...)...)
	var newest []crdt.OpID
	for i := range 4 {
		w.author(fmt.Sprint("old", i)).say(a, open, 500)
	}
	for i := range 200 {
		op := w.author(fmt.Sprint("new", i%5)).resume(a, open)
		newest = append(newest, op.Header.ID())
	}
	for i, s := range others {
		w.author(fmt.Sprint("else", i)).say(a, s, 1500)
	}
	l := connect(t, a, b)
	for {
		if !l.steps(1) {
			t.Fatal("it ended before the newest were here")
		}
		have := 0
		for _, id := range newest {
			if slices.Contains(b.order, id) {
				have++
			}
		}
		if have == len(newest) {
			break
		}
	}
	backlog := a.count(open)
	for _, s := range others {
		backlog += a.count(s)
	}
	if over := b.stored - len(newest); over > backlog/20 {
		t.Errorf("%d of %d ops came before the newest 200 of the open channel were complete", over, backlog)
	}
	l.run()
	mustEqual(t, a, b, append(others, open)...)
}

// resume writes one more message in a log that an author of the same name may have begun.
func (a *author) resume(r *memory, scope crdt.ScopeID) crdt.Op {
	log := a.log(scope, crdt.ClassContent)
	if spans := r.Held(scope, log); len(spans) > 0 {
		last := r.log(scope, log).main[spans[0].To]
		a.tips[log] = crdt.Tip{Log: log, Device: last.op.Device, Seq: last.op.Seq + 1, Prev: last.id, HLC: last.op.HLC}
	}
	return a.write(r, scope, crdt.ClassContent, string(make([]byte, 160)))
}

// There is no gossip in this package at all: five replicas that only ever catch up, in pairs, end up equal.
func TestOracle49_CatchUpAloneSuffices(t *testing.T) {
	w := newWorld()
	scopes := []crdt.ScopeID{w.access, scopeNamed("office"), scopeNamed("lunch")}
	var rs []*memory
	for i := range 5 {
		r := w.memory(fmt.Sprint("desk", i)).join(KindPublic, scopes[1:]...)
		who := w.author(fmt.Sprint("person", i))
		who.write(r, w.access, crdt.ClassAccess, "here I am")
		who.say(r, scopes[1+i%2], 70*(i+1))
		rs = append(rs, r)
	}
	for range 2 {
		for i := range rs[1:] {
			meet(t, rs[i], rs[i+1])
		}
		slices.Reverse(rs)
	}
	for i := range rs[1:] {
		mustEqual(t, rs[0], rs[i+1], scopes...)
	}
}
