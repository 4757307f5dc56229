package replica_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"hallway/crdt"
	"hallway/store"
	"hallway/store/replica"
)

func TestAdaAndBoTalkAndBothReadTheSame(t *testing.T) {
	o := newOffice(t, "Bo")
	ada, bo := o.desks[0], o.desks[1]
	ada.say("good morning")
	bo.pull(ada)
	bo.local.add(1e9)
	bo.say("morning, Ada")
	ada.pull(bo)
	want := []string{"good morning", "morning, Ada"}
	for _, d := range o.desks {
		if got := d.said(); !slices.Equal(got, want) {
			t.Errorf("%s reads %q", d.name, got)
		}
	}
	if ada.digest() != bo.digest() {
		t.Error("their copies differ")
	}
	ada.reopen()
	if ada.digest() != bo.digest() {
		t.Error("Ada's copy is another after a restart")
	}
}

func TestAMessageSaidLiveIsHeardOnceAndStays(t *testing.T) {
	o := newOffice(t, "Bo", "Cleo")
	ada, bo, cleo := o.desks[0], o.desks[1], o.desks[2]
	from := replica.Source{Way: replica.ByGossip, Peer: "Ada"}
	for i := range 5 {
		adm := ada.sayf("message %d", i)
		frame := ada.Frame(adm)
		if i > 0 && len(frame) > len(ada.Frame(adm)) {
			t.Error("a frame that grows")
		}
		for _, d := range []*desk{bo, cleo} {
			if got := d.Live(from, frame); got.Verdict != replica.Accept || got.Scope != o.channel || got.Gap != nil {
				t.Fatalf("%s: %+v", d.name, got)
			}
			if got := d.Live(from, frame); got.Verdict != replica.Ignore || !got.Known {
				t.Fatalf("%s hears it again: %+v", d.name, got)
			}
		}
	}
	bo.settle()
	if got := bo.pull(ada); got.New != 0 {
		t.Errorf("%d ops had been missed", got.New)
	}
	bo.reopen()
	cleo.settle()
	if ada.digest() != bo.digest() || ada.digest() != cleo.digest() {
		t.Error("their copies differ")
	}
}

// settle waits until all that a desk took in is durable.
func (d *desk) settle() {
	d.o.t.Helper()
	if err := d.db.Commit(context.Background(), &store.Batch{}); err != nil { // after all that is queued
		d.o.t.Fatal(err)
	}
}

func TestAGapIsToldToTheOneWhoForwarded(t *testing.T) {
	o := newOffice(t, "Bo")
	ada, bo := o.desks[0], o.desks[1]
	ada.say("0")
	bo.pull(ada)
	for i := range 3 {
		ada.sayf("missed %d", i)
	}
	adm := ada.say("4")
	got := bo.Live(replica.Source{Way: replica.ByGossip, Peer: "Cleo"}, crdt.AppendOp(nil, adm.Verified().Op(), false))
	want := replica.Gap{Scope: o.channel, Log: adm.Verified().Op().Log, From: 1, To: 3}
	if got.Verdict != replica.Accept || got.Gap == nil || *got.Gap != want {
		t.Fatalf("%+v, gap %+v", got, got.Gap)
	}
	same := bo.Live(replica.Source{Way: replica.ByGossip, Peer: "Cleo"}, ada.Frame(ada.say("5")))
	if same.Verdict != replica.Accept {
		t.Fatalf("the op after it: %+v", same)
	}
	lost := ada.say("6")
	_ = lost
	next := bo.Live(replica.Source{Way: replica.ByGossip, Peer: "Cleo"}, ada.Frame(ada.say("7")))
	if next.Verdict != replica.Ignore || next.Gap == nil || next.Gap.To != 7 {
		t.Fatalf("an op that leans on one that is not here: %+v", next)
	}
	bo.settle()
	bo.pull(ada)
	if ada.digest() != bo.digest() {
		t.Error("the gap was not filled")
	}
}

func TestManyAtOnceEachGetASeqOfTheirOwn(t *testing.T) {
	o := newOffice(t, "Bo")
	ada, bo := o.desks[0], o.desks[1]
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if _, err := ada.Write(context.Background(), o.channel, content(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(ada.said()); got != 40 {
		t.Fatalf("%d of 40 messages", got)
	}
	bo.pull(ada)
	if ada.digest() != bo.digest() {
		t.Error("their copies differ")
	}
}

func TestTheFeedWakesItsReadersAndGoesOnWhereTheyWere(t *testing.T) {
	o := newOffice(t)
	ada := o.desks[0]
	seen, wake := ada.LSN()
	go ada.say("wake up")
	<-wake
	es, err := ada.Feed(seen, 10)
	if err != nil || len(es) != 1 || string(es[0].Admitted.Verified().Op().Payload) != "wake up" {
		t.Fatalf("%d entries, %v", len(es), err)
	}
	id := es[0].Admitted.Verified().ID()
	ada.reopen()
	cold, err := ada.Feed(seen, 10)
	if err != nil || len(cold) != 1 || cold[0].Admitted.Verified().ID() != id || cold[0].LSN != es[0].LSN {
		t.Fatalf("after a restart: %d entries, %v", len(cold), err)
	}
	if got, err := ada.Op(id); err != nil || got.Scope != o.channel {
		t.Fatal(err)
	}
}

func TestAnImportIsItsOwnLogAndDoesNotHoldBackTheClock(t *testing.T) {
	o := newOffice(t, "Bo")
	ada, bo := o.desks[0], o.desks[1]
	ada.say("today")
	im, err := ada.Import()
	if err != nil {
		t.Fatal(err)
	}
	var ds []replica.Draft
	for i := range 1500 {
		d := content(fmt.Sprintf("imported message %d, of the length that such messages have, more or less", i))
		d.At = start.AddDate(-1, 0, 0).Add(1e9 * 60 * 1)
		ds = append(ds, d)
	}
	adms, err := im.Write(context.Background(), o.channel, ds)
	if err != nil || len(adms) != 1500 {
		t.Fatal(len(adms), err)
	}
	now := ada.say("still today")
	if now.Verified().Op().Log == adms[0].Verified().Op().Log || adms[0].Verified().Op().HLC >= now.Verified().Op().HLC {
		t.Error("the import is not apart")
	}
	bo.pull(ada)
	if ada.digest() != bo.digest() || len(bo.said()) != 1502 {
		t.Errorf("Bo reads %d messages", len(bo.said()))
	}
	ada.reopen()
	if ada.digest() != bo.digest() {
		t.Error("after a restart they differ")
	}
}
