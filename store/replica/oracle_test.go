package replica_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p/catchup"
	"hallway/store/replica"
)

var ctx = context.Background()

// piece is a segment and where it belongs.
type piece struct {
	scope crdt.ScopeID
	seg   *crdt.Segment
}

// pieces cuts all that a desk has into segments of random sizes, each of which verifies alone.
func (d *desk) pieces(size func(most int) int) (out []piece) {
	d.o.t.Helper()
	srv := d.Catchup()
	for _, sc := range srv.Scopes() {
		entries, _ := srv.Changed(sc.ID, 0)
		for _, e := range entries {
			for _, span := range srv.Held(sc.ID, e.Log) {
				for from := span.From; from <= span.To; {
					to := min(span.To, from+uint64(size(crdt.MaxSegment))-1)
					seg, err := srv.Segment(sc.ID, catchup.Cut{Log: e.Log, From: from, To: to})
					if err != nil {
						d.o.t.Fatal(err)
					}
					out = append(out, piece{sc.ID, recode(d.o.t, seg)})
					from += uint64(len(seg.Ops))
				}
			}
		}
	}
	return out
}

// stranger is a desk with an empty copy of the workspace.
func (o *office) stranger(name string) *desk {
	o.t.Helper()
	d := newDesk(o, name)
	d.open()
	if err := d.AddScope(ctx, o.channel); err != nil {
		o.t.Fatal(err)
	}
	return d
}

// busyOffice is one where three people have talked, each having heard a part of the others.
func busyOffice(t testing.TB, each int) *office {
	o := newOffice(t, "Bo", "Cleo")
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range each {
		for _, d := range o.desks {
			d.local.add(time.Second)
			d.sayf("%s says %d", d.name, i)
		}
		if rng.IntN(5) == 0 {
			o.desks[rng.IntN(3)].pull(o.desks[rng.IntN(3)])
		}
		if i == each/2 {
			o.desks[0].do(&access.Grant{Rank: access.Owner, User: o.desks[1].user, Role: access.Moderator})
			o.desks[1].pull(o.desks[0])
		}
	}
	for range 2 {
		for _, a := range o.desks {
			for _, b := range o.desks {
				if a != b {
					a.pull(b)
				}
			}
		}
	}
	for _, d := range o.desks[1:] {
		if d.digest() != o.desks[0].digest() {
			t.Fatalf("%s and Ada differ before the test began", d.name)
		}
	}
	return o
}

func TestOracle01_AnyOrderAnyDoublingAnyBatchingGivesTheSame(t *testing.T) {
	o := busyOffice(t, 20)
	ada := o.desks[0]
	want := ada.digest()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		d := o.stranger(fmt.Sprintf("newcomer %d", n))
		defer d.close()
		ps := ada.pieces(func(most int) int { return rapid.IntRange(1, 20).Draw(rt, "size") })
		for range rapid.IntRange(0, 10).Draw(rt, "doubled") {
			ps = append(ps, ps[rapid.IntRange(0, len(ps)-1).Draw(rt, "which")])
		}
		for len(ps) > 0 {
			i := rapid.IntRange(0, len(ps)-1).Draw(rt, "next")
			batch := []*crdt.Segment{ps[i].seg}
			scope := ps[i].scope
			ps = append(ps[:i:i], ps[i+1:]...)
			if len(ps) > 0 && ps[0].scope == scope && rapid.Bool().Draw(rt, "two in a batch") {
				batch, ps = append(batch, ps[0].seg), ps[1:]
			}
			got, err := d.Ingest(ctx, replica.Source{Way: replica.ByCatchup, Peer: "Ada"}, scope, batch)
			if err != nil || len(got.Refused) > 0 {
				rt.Fatalf("%v %+v", err, got.Refused)
			}
		}
		if d.digest() != want {
			rt.Fatalf("reads %q", d.said())
		}
	})
}

func TestOracle02_FoldedAgainAfterEveryOpItIsTheSame(t *testing.T) {
	o := newOffice(t, "Bo")
	ada := o.desks[0]
	for i := range 6 {
		ada.sayf("message %d", i)
		if i == 3 {
			ada.do(&access.Grant{Rank: access.Owner, User: o.desks[1].user, Role: access.Admin})
		}
		if ada.crashed().digest() != ada.digest() {
			t.Fatalf("after message %d a copy opened anew shows something else", i)
		}
	}
}

func TestOracle08_NineOfTenPayloadsGoneEveryChainStillVerifies(t *testing.T) {
	o := busyOffice(t, 40)
	ada, d := o.desks[0], o.stranger("newcomer")
	rng := rand.New(rand.NewPCG(3, 4))
	dropped := 0
	for _, p := range ada.pieces(func(most int) int { return most }) {
		for i := range p.seg.Ops {
			if op := &p.seg.Ops[i]; op.Type == crdt.TypeContent && rng.IntN(10) > 0 {
				op.Payload = nil
				dropped++
			}
		}
		got, err := d.Ingest(ctx, replica.Source{Way: replica.ByCatchup, Peer: "Ada"}, p.scope, []*crdt.Segment{recode(t, p.seg)})
		if err != nil || len(got.Refused) > 0 {
			t.Fatalf("%v %+v", err, got.Refused)
		}
	}
	if dropped < 60 {
		t.Fatalf("only %d payloads were dropped", dropped)
	}
	for _, sc := range ada.Catchup().Scopes() {
		if ada.Catchup().Trie(sc.ID).Root() != d.Catchup().Trie(sc.ID).Root() {
			t.Errorf("scope %s differs", sc.ID)
		}
	}
	if a, b := ada.View().Members(), d.View().Members(); len(a) != len(b) || a[1].Role != b[1].Role {
		t.Error("roles differ")
	}
	again := o.stranger("the next")
	if got := again.pull(d); len(got.Refused) > 0 || got.Waiting > 0 {
		t.Errorf("what is left of it does not verify elsewhere: %+v", got)
	}
}

func TestOracle11_JunkSignaturesAreTakenAndNeverServedAgain(t *testing.T) {
	o := newOffice(t, "Bo", "Cleo")
	ada, bo := o.desks[0], o.desks[1]
	for i := range 50 {
		ada.sayf("message %d", i)
	}
	log := ada.say("the last").Verified().Op().Log
	seg, err := ada.Catchup().Segment(o.channel, catchup.Cut{Log: log, From: 0, To: 49})
	if err != nil || len(seg.Ops) != 50 {
		t.Fatal(err)
	}
	if len(seg.Tail) > 0 || seg.Ops[49].Sig == nil {
		t.Fatal("the last op is not signed")
	}
	junk := crdt.Signature{1, 2, 3}
	for i := range seg.Ops[:49] {
		seg.Ops[i].Sig = &junk
	}
	got, err := bo.Ingest(ctx, replica.Source{Way: replica.ByCatchup, Peer: "Mallory"}, o.channel, []*crdt.Segment{recode(t, seg)})
	if err != nil || got.New != 50 || got.Signatures != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	for a := range uint64(50) {
		for b := a; b < 50; b++ {
			seg, err := bo.Catchup().Segment(o.channel, catchup.Cut{Log: log, From: a, To: b})
			if err != nil {
				t.Fatal(err)
			}
			for _, ops := range [][]crdt.Op{seg.Ops, seg.Tail} {
				for i := range ops {
					if ops[i].Sig != nil && *ops[i].Sig == junk {
						t.Fatalf("junk of op %d is served in [%d, %d]", ops[i].Seq, a, b)
					}
				}
			}
		}
	}
	for _, e := range bo.feed() {
		if s := e.Admitted.Verified().Op().Sig; s != nil && *s == junk {
			t.Fatal("junk is in the feed")
		}
	}
}

func TestOracle12_AnyPartOfALogThatIsServedVerifiesAlone(t *testing.T) {
	o := newOffice(t, "Bo")
	ada, bo := o.desks[0], o.desks[1]
	var ds []replica.Draft
	for i := range 300 {
		ds = append(ds, content(fmt.Sprint("message ", i)))
	}
	adms, err := ada.WriteAll(ctx, o.channel, ds)
	if err != nil {
		t.Fatal(err)
	}
	log := adms[0].Verified().Op().Log
	bo.pull(ada) // Bo has one signature in 64, Ada has all
	pub := ada.comer.DSK.Public()
	rapid.Check(t, func(rt *rapid.T) {
		d := rapid.SampledFrom([]*desk{ada, bo}).Draw(rt, "whose")
		a := rapid.Uint64Range(0, 299).Draw(rt, "from")
		b := rapid.Uint64Range(a, 299).Draw(rt, "to")
		cut := catchup.Cut{Log: log, From: a, To: b, Down: rapid.Bool().Draw(rt, "down"), Bytes: rapid.SampledFrom([]int{0, 1, 900, 64 << 10}).Draw(rt, "bytes")}
		seg, err := d.Catchup().Segment(o.channel, cut)
		if err != nil {
			rt.Fatal(err)
		}
		seg = recode(t, seg)
		if len(seg.Tail) > 63 {
			rt.Fatalf("a tail of %d headers", len(seg.Tail))
		}
		first, last := seg.Ops[0].Seq, seg.Ops[len(seg.Ops)-1].Seq
		if first < a || last > b || !cut.Down && first != a || cut.Down && last != b {
			rt.Fatalf("asked for [%d, %d], got [%d, %d]", a, b, first, last)
		}
		got, err := crdt.VerifyChain(o.ws, ed(pub), crdt.Chain{Ops: seg.Ops, Tail: seg.Tail})
		if err != nil || len(got.Ops) != len(seg.Ops) || got.Signatures > 3 {
			rt.Fatalf("%d of %d ops, %d signatures: %v", len(got.Ops), len(seg.Ops), got.Signatures, err)
		}
	})
}

func TestOracle13_WithoutItsSignatureABatchIsNeverSeenAndIsFreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, "Bo")
		ada, bo := o.desks[0], o.desks[1]
		bo.clock = bubbleClock()
		bo.reopen()
		run, stop := context.WithCancel(ctx)
		done := make(chan error)
		go func() { done <- bo.Run(run) }()
		for i := range 20 {
			ada.sayf("message %d", i)
		}
		log := ada.say("the end").Verified().Op().Log
		cut := func(from, to uint64) *crdt.Segment {
			seg, err := ada.Catchup().Segment(o.channel, catchup.Cut{Log: log, From: from, To: to})
			if err != nil {
				t.Fatal(err)
			}
			return seg
		}
		give := func(seg *crdt.Segment) replica.Outcome {
			got, err := bo.Ingest(ctx, replica.Source{Way: replica.ByCatchup, Peer: "Mallory"}, o.channel, []*crdt.Segment{seg})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		bare := cut(0, 9)
		for i := range bare.Ops {
			bare.Ops[i].Sig = nil
		}
		before := bo.digest()
		if got := give(bare); got.New != 0 || got.Waiting != 10 {
			t.Fatalf("%+v", got)
		}
		if bo.digest() != before || len(bo.said()) > 0 {
			t.Fatal("it is seen")
		}
		time.Sleep(29 * time.Second)
		if n := bo.Waiting(); n != 10 {
			t.Fatalf("%d ops wait after 29 s", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := bo.Waiting(); n != 0 {
			t.Fatalf("%d ops wait after 31 s", n)
		}
		// What follows in time covers it.
		if got := give(bare); got.Waiting != 10 {
			t.Fatalf("%+v", got)
		}
		if got := give(cut(10, 20)); got.New != 21 || len(bo.said()) != 21 {
			t.Fatalf("%+v", got)
		}
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		for _, d := range o.desks {
			d.close()
		}
	})
}

// bubbleClock is the time of a synctest bubble, moved to when the stories play.
func bubbleClock() func() time.Time {
	ahead := start.Sub(time.Now())
	return func() time.Time { return time.Now().Add(ahead) }
}

func TestOracle14_WhateverWasVerifiedHowTheAuthenticSetsAreEqualInTheEnd(t *testing.T) {
	o := busyOffice(t, 70)
	var live [][]byte
	for _, e := range o.desks[0].feed() {
		if e.Scope == o.channel {
			live = append(live, o.desks[1].Frame(e.Admitted))
		}
	}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		two := []*desk{o.stranger(fmt.Sprintf("left %d", n)), o.stranger(fmt.Sprintf("right %d", n))}
		defer two[0].close()
		defer two[1].close()
		for _, d := range two {
			if _, err := d.tryPullScope(o.desks[0], o.root(), crdt.MaxSegment); err != nil {
				rt.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 5).Draw(rt, "steps") {
			i := rapid.IntRange(0, 1).Draw(rt, "who")
			d := two[i]
			switch rapid.IntRange(0, 2).Draw(rt, "how") {
			case 0:
				from := rapid.IntRange(0, len(live)-1).Draw(rt, "from")
				for _, f := range live[from:min(len(live), from+20)] {
					d.Live(replica.Source{Way: replica.ByGossip, Peer: "x"}, f)
				}
				d.settle()
			case 1:
				step := rapid.Uint64Range(1, 64).Draw(rt, "step")
				if _, err := d.tryPullScope(two[1-i], o.channel, step); err != nil {
					rt.Fatal(err)
				}
			case 2:
				ps := o.desks[2].pieces(func(int) int { return rapid.IntRange(1, 64).Draw(rt, "size") })
				p := ps[rapid.IntRange(0, len(ps)-1).Draw(rt, "piece")]
				if _, err := d.Ingest(ctx, replica.Source{Way: replica.ByCatchup, Peer: "y"}, p.scope, []*crdt.Segment{p.seg}); err != nil {
					rt.Fatal(err)
				}
			}
		}
		for range 2 {
			two[0].pull(two[1])
			two[1].pull(two[0])
		}
		if two[0].digest() != two[1].digest() {
			rt.Fatal("they differ")
		}
		two[0].pull(o.desks[0])
		two[1].pull(two[0])
		if two[1].digest() != o.desks[0].digest() {
			rt.Fatal("they differ from where it came from")
		}
	})
}

func TestOracle15_TenThousandOpsTakeOneSignatureInSixtyFour(t *testing.T) {
	o := newOffice(t, "Bo")
	ada, bo := o.desks[0], o.desks[1]
	for range 5 {
		var ds []replica.Draft
		for i := range 2000 {
			ds = append(ds, content(fmt.Sprint("message ", i)))
		}
		if _, err := ada.WriteAll(ctx, o.channel, ds); err != nil {
			t.Fatal(err)
		}
	}
	before := bo.Signatures()
	got := bo.pull(ada)
	if got.New != 10000 {
		t.Fatalf("%d ops", got.New)
	}
	if n := bo.Signatures() - before; n > 10000/64+2 || n < 100 {
		t.Fatalf("%d signatures were checked", n)
	}
	// And again through a desk that has itself only one in 64.
	cleo := o.stranger("Cleo")
	total := cleo.pull(bo)
	logs := 0
	for _, sc := range bo.Catchup().Scopes() {
		logs += bo.Catchup().Trie(sc.ID).Len()
	}
	if n := int(cleo.Signatures()); n > total.New/64+2*logs {
		t.Fatalf("%d signatures for %d ops in %d logs", n, total.New, logs)
	}
}
