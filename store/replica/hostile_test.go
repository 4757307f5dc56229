package replica_test

import (
	"errors"
	"fmt"
	"testing"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p/catchup"
	"hallway/store"
	"hallway/store/replica"
)

func TestABadSignatureIsTheSendersFaultAndABadRightTheAuthors(t *testing.T) {
	o := newOffice(t, "Bo", "Cleo")
	ada, bo := o.desks[0], o.desks[1]
	op := *ada.say("signed by Ada").Verified().Op()
	forged := op
	forged.Payload = []byte("put into Ada's mouth")
	forged.PayloadLen, forged.PayloadHash = uint32(len(forged.Payload)), crdt.HashPayload(forged.Payload)
	src := replica.Source{Way: replica.ByGossip, Peer: "Mallory"}
	if got := bo.Live(src, crdt.AppendOp(nil, &forged, false)); got.Verdict != replica.Reject || !errors.Is(got.Err, crdt.ErrNotAuthentic) {
		t.Errorf("live: %+v", got)
	}
	got, err := bo.Ingest(ctx, src, o.channel, []*crdt.Segment{{Ops: []crdt.Op{forged}}})
	if err != nil || !errors.Is(got.Fault(), crdt.ErrNotAuthentic) {
		t.Errorf("batch: %+v %v", got, err)
	}
	if _, err := bo.Catchup().Ingest(ctx, "Mallory", o.channel, []*crdt.Segment{{Ops: []crdt.Op{forged}}}); !errors.Is(err, crdt.ErrNotAuthentic) {
		t.Errorf("the session is not told: %v", err)
	}
	if got := bo.Live(src, []byte("\x10not an op")); got.Verdict != replica.Reject {
		t.Errorf("noise: %+v", got)
	}
	if got := bo.Live(src, make([]byte, replica.MaxFrame+1)); got.Verdict != replica.Reject || !errors.Is(got.Err, crdt.ErrTooLarge) {
		t.Errorf("too long: %+v", got)
	}
	// What Ada may not write is Ada's fault, and its bearer's none: content does not belong into the access scope.
	pub := ed(ada.key.Public())
	tip := crdt.Tip{Log: crdt.NewLogID(o.ws, o.root(), pub, crdt.ClassContent, 3), Device: crdt.RefOf(pub)}
	heads := ada.View().AuthHeads(o.root())
	v, err := crdt.Sign(o.ws, ada.key, tip.Next(crdt.TypeContent, start, crdt.EpochID{1}, crdt.HeadsDigest(heads), nil), []byte("x"), heads)
	if err != nil {
		t.Fatal(err)
	}
	got, err = bo.Ingest(ctx, src, o.root(), []*crdt.Segment{segmentOf(v)})
	if err != nil || got.Fault() != nil || len(got.Refused) != 1 || !errors.Is(got.Refused[0].Err, access.ErrInadmissible) {
		t.Errorf("inadmissible: %+v %v", got, err)
	}
	// A log moved to a scope that it is not of.
	got, err = bo.Ingest(ctx, src, o.root(), []*crdt.Segment{{Ops: []crdt.Op{op}}})
	if err != nil || !errors.Is(got.Fault(), replica.ErrNotOurs) {
		t.Errorf("another scope: %+v %v", got, err)
	}
	if len(bo.said()) != 0 || bo.Waiting() != 0 {
		t.Error("something of it stayed")
	}
}

func TestWhatWaitsIsBoundedForEachSource(t *testing.T) {
	o := newOffice(t, "Bo")
	bo := o.desks[1]
	stranger := testKey("nobody has heard of this device")
	pub := ed(stranger.Public())
	give := func(peer string, inc crdt.Incarnation) {
		tip := crdt.Tip{Log: crdt.NewLogID(o.ws, o.channel, pub, crdt.ClassContent, inc), Device: crdt.RefOf(pub)}
		v, err := crdt.Sign(o.ws, stranger, tip.Next(crdt.TypeContent, start, crdt.EpochID{1}, crdt.AuthRef{1}, nil), make([]byte, 60<<10), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bo.Ingest(ctx, replica.Source{Way: replica.ByCatchup, Peer: peer}, o.channel, []*crdt.Segment{segmentOf(v)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		give("Mallory", crdt.Incarnation(i))
	}
	n := bo.Waiting()
	if n < 10 || n*(60<<10) > replica.MaxWaitingBytes {
		t.Fatalf("%d ops of 60 KiB wait", n)
	}
	give("Cleo", 1000)
	if bo.Waiting() != n+1 {
		t.Error("Mallory takes the place of others")
	}
	bo.local.add(replica.MaxWaitingTime)
	give("Cleo", 1001)
	if got := bo.Waiting(); got != 1 {
		t.Errorf("%d ops wait after their time", got)
	}
}

func TestANewcomersWordsThatCameBeforeHisAdmissionAreHeardWhenItComes(t *testing.T) {
	o := newOffice(t, "Bo")
	ada, bo := o.desks[0], o.desks[1]
	eve := o.join("Eve")
	eve.pull(ada)
	said := eve.say("hello, I am new")
	seg, err := eve.Catchup().Segment(o.channel, catchup.Cut{Log: said.Verified().Op().Log})
	if err != nil {
		t.Fatal(err)
	}
	got, err := bo.Ingest(ctx, replica.Source{Way: replica.ByCatchup, Peer: "Eve"}, o.channel, []*crdt.Segment{recode(t, seg)})
	if err != nil || got.Waiting != 1 || len(bo.said()) != 0 {
		t.Fatalf("%+v %v", got, err)
	}
	if live := bo.Live(replica.Source{Way: replica.ByGossip, Peer: "Eve"}, eve.Frame(said)); live.Verdict != replica.Ignore {
		t.Fatalf("%+v", live)
	}
	if _, err := bo.tryPullScope(ada, o.root(), 64); err != nil {
		t.Fatal(err)
	}
	if got := bo.said(); len(got) != 1 || bo.Waiting() != 0 {
		t.Fatalf("Bo reads %q", got)
	}
}

func TestOverTheBudgetIsNotForwardedAndComesByCatchUp(t *testing.T) {
	o := newOffice(t, "Bo")
	ada, bo := o.desks[0], o.desks[1]
	bo.close()
	bo.budget = replica.Budget{Burst: 5, Rate: 1, Excess: 2}
	bo.open()
	count := map[replica.Verdict]int{}
	before := bo.Signatures()
	hear := func(n int) {
		for i := range n {
			count[bo.Live(replica.Source{Way: replica.ByGossip, Peer: "x"}, ada.Frame(ada.sayf("message %d", i))).Verdict]++
		}
		bo.settle()
	}
	hear(30)
	if count[replica.Accept] != 5 || len(bo.said()) != 10 || bo.Signatures()-before != 10 {
		t.Fatalf("%v, %d heard, %d signatures", count, len(bo.said()), bo.Signatures()-before)
	}
	bo.pull(ada)
	bo.local.add(3e9)
	hear(10)
	if count[replica.Accept] != 8 {
		t.Fatalf("after 3 s: %v", count)
	}
	bo.pull(ada)
	if bo.digest() != ada.digest() {
		t.Error("they differ in the end")
	}
}

func TestAFullDiskRefusesTheWriterAndKeepsEverything(t *testing.T) {
	o := newOffice(t, "Bo")
	ada, bo := o.desks[0], o.desks[1]
	bo.say("from Bo")
	for i := range 5 {
		ada.sayf("message %d", i)
	}
	free := uint64(store.DefaultReserve - 1)
	ada.setFree(func(string) (uint64, error) { return free, nil })
	digest := ada.digest()
	if _, err := ada.Write(ctx, o.channel, content("no room")); !errors.Is(err, store.ErrFull) {
		t.Fatalf("write: %v", err)
	}
	if _, err := ada.tryPull(bo, 64); !errors.Is(err, store.ErrFull) {
		t.Fatalf("pull: %v", err)
	}
	if ada.digest() != digest {
		t.Error("something changed")
	}
	free = store.DefaultReserve
	ada.say("there is room again")
	ada.pull(bo)
	bo.pull(ada)
	if ada.digest() != bo.digest() || len(bo.said()) != 7 {
		t.Errorf("Bo reads %q", bo.said())
	}
}

func TestAFailedCommitStopsTheWriterBeforeASecondOpOfOneSeq(t *testing.T) {
	o := newOffice(t)
	ada := o.desks[0]
	ada.say("acknowledged")
	n := 0
	ada.setFree(func(string) (uint64, error) { // the disk fills up between the question and the commit
		if n++; n == 1 {
			return 1 << 40, nil
		}
		return 0, nil
	})
	if _, err := ada.Write(ctx, o.channel, content("lost")); !errors.Is(err, store.ErrFull) {
		t.Fatalf("write: %v", err)
	}
	ada.setFree(func(string) (uint64, error) { return 1 << 40, nil })
	if _, err := ada.Write(ctx, o.channel, content("built on it")); !errors.Is(err, store.ErrFull) {
		t.Fatalf("the next write: %v", err)
	}
	if got := fmt.Sprint(ada.said()); got != "[acknowledged]" {
		t.Errorf("Ada reads %s", got)
	}
	ada.reopen()
	if ada.say("after a restart").Verified().Op().Seq == 0 {
		t.Log("in a log of its own")
	}
	if got := fmt.Sprint(ada.said()); got != "[acknowledged after a restart]" && got != "[after a restart acknowledged]" {
		t.Errorf("Ada reads %s", got)
	}
}
