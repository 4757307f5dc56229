package replica_test

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"hallway/crdt"
	"hallway/p2p/catchup"
	"hallway/store/replica"
)

func TestTwoCopiesMeetByCatchUpAndAreEqual(t *testing.T) {
	o := newOffice(t, "Bo", "Cleo")
	for i := range 30 {
		for _, d := range o.desks {
			d.local.add(time.Second)
			d.sayf("%s says %d", d.name, i)
		}
	}
	ada, bo, cleo := o.desks[0], o.desks[1], o.desks[2]
	meet(t, ada, bo)
	meet(t, bo, cleo)
	meet(t, ada, cleo)
	if ada.digest() != bo.digest() || ada.digest() != cleo.digest() || len(ada.said()) != 90 {
		t.Fatalf("they read %d, %d and %d messages", len(ada.said()), len(bo.said()), len(cleo.said()))
	}
	if m := meet(t, ada, bo); m.bytes > 400 || m.commits > 0 {
		t.Errorf("%d bytes and %d commits between equals", m.bytes, m.commits)
	}
}

func TestAForkMeetsByCatchUp(t *testing.T) {
	o := newOffice(t, "Bo", "Cleo", "Mallory")
	bo, cleo := o.desks[1], o.desks[2]
	f := o.forge(o.desks[3], 9)
	var common, one, other []crdt.Verified
	for range 5 {
		common = append(common, f.op(t, start, "common"))
	}
	g := *f
	for range 8 {
		one, other = append(one, f.op(t, start, "one")), append(other, g.op(t, start, "other"))
	}
	for _, d := range []*desk{bo, cleo} {
		branch := one
		if d == cleo {
			branch = other[:6]
		}
		got, err := d.Ingest(ctx, replica.Source{Peer: "Mallory"}, o.channel, []*crdt.Segment{segmentOf(append(common[:5:5], branch...)...)})
		if err != nil || len(got.Refused) > 0 {
			t.Fatalf("%+v %v", got, err)
		}
	}
	for range 2 {
		meet(t, bo, cleo)
	}
	if bo.digest() != cleo.digest() || len(bo.said()) != 5+8+6 {
		t.Fatalf("Bo reads %q, Cleo %q", bo.said(), cleo.said())
	}
}

// hoard is a desk that has n messages of 100 characters.
func hoard(t *testing.T, d *desk, n int) {
	t.Helper()
	im, err := d.Import()
	if err != nil {
		t.Fatal(err)
	}
	for written := 0; written < n; {
		var ds []replica.Draft
		for ; len(ds) < 5000 && written < n; written++ {
			c := content(fmt.Sprintf("%0160d", written)) // a sealed message of 100 characters has 160 bytes
			c.At = start.Add(-time.Hour)
			ds = append(ds, c)
		}
		if _, err := im.Write(ctx, d.o.channel, ds); err != nil {
			t.Fatal(err)
		}
	}
}

// twin is somebody else's desk with exactly this desk's copy.
func (d *desk) twin(name string) *desk {
	d.o.t.Helper()
	for _, x := range d.o.desks {
		if x.name != name {
			continue
		}
		x.close()
		if err := os.RemoveAll(x.dir); err != nil {
			d.o.t.Fatal(err)
		}
		d.close()
		if err := os.CopyFS(x.dir, os.DirFS(d.dir)); err != nil {
			d.o.t.Fatal(err)
		}
		d.open()
		x.open()
		return x
	}
	d.o.t.Fatal("nobody is called " + name)
	return nil
}

func TestOracle44_WhatIsTransferredIsTheDifference(t *testing.T) {
	o := newOffice(t, "Bo")
	ada := o.desks[0]
	hoard(t, ada, 100_000)
	bo := ada.twin("Bo")
	if m := meet(t, ada, bo); m.bytes > 400 {
		t.Errorf("%d bytes between equals", m.bytes)
	}
	for i := range 5 {
		ada.sayf("%0100d", i)
		bo.sayf("%0100d", i)
	}
	m := meet(t, ada, bo)
	if m.bytes > 30<<10 {
		t.Errorf("%d bytes for 10 new ops among 100,000", m.bytes)
	}
	t.Logf("%d bytes for 10 new ops among 100,000", m.bytes)
	if ada.Catchup().Trie(o.channel).Root() != bo.Catchup().Trie(o.channel).Root() {
		t.Error("they differ")
	}
}

func TestOracle45_WhenItIsKilledAtAnyPointOfACatchUpNothingIsLostOrFetchedTwice(t *testing.T) {
	o := newOffice(t, "Bo")
	ada, bo := o.desks[0], o.desks[1]
	hoard(t, ada, 600)
	ada.say("and now")
	m := connect(t, ada, bo)
	acknowledged, crashes := 0, 0
	m.after = func() {
		acknowledged++
		seen, _ := bo.LSN()
		c := bo.crashed()
		defer c.close()
		if got, _ := c.LSN(); got < seen {
			t.Fatalf("after commit %d: %d arrivals were there, %d are after the crash", acknowledged, seen, got)
		}
		held := len(c.feed())
		crashes++
		again := meet(t, ada, c)
		if c.Catchup().Trie(o.channel).Root() != ada.Catchup().Trie(o.channel).Root() {
			t.Fatalf("after crash %d it does not come to the end", crashes)
		}
		if all := len(c.feed()); again.bytes > (all-held)*250+(64<<10) {
			t.Fatalf("after crash %d: %d bytes for %d ops", crashes, again.bytes, all-held)
		}
	}
	m.run()
	if crashes < 3 {
		t.Fatalf("only %d commits", crashes)
	}
	if bo.digest() != ada.digest() {
		t.Error("they differ in the end")
	}
}

func TestADiskOfAtMostFourTimesTheWire(t *testing.T) {
	o := newOffice(t)
	ada := o.desks[0]
	for i := range 2000 {
		ada.sayf("%0160d", i)
		if i%500 != 499 {
			continue
		}
		if err := ada.db.Compact(ctx); err != nil {
			t.Fatal(err)
		}
	}
	wire := 0
	for _, p := range ada.pieces(func(most int) int { return most }) {
		b, err := p.seg.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		wire += len(b)
	}
	disk := int(diskUse(t, ada.dir))
	t.Logf("%d B a message on the wire, %d B on disk, live ones with every signature", wire/2000, disk/2000)
	if disk > 4*wire {
		t.Errorf("%d bytes on disk for %d on the wire", disk, wire)
	}
}

func TestASegmentOfNothingIsNotHeld(t *testing.T) {
	o := newOffice(t)
	ada := o.desks[0]
	log := ada.say("one").Verified().Op().Log
	for _, cut := range []catchup.Cut{{Log: log, From: 1, To: 9}, {Log: log, From: 1, To: 0}, {Log: crdt.LogID{1}, To: 3}, {Log: log, To: 0, Branch: crdt.OpID{1}}} {
		if _, err := ada.Catchup().Segment(o.channel, cut); !errors.Is(err, catchup.ErrNotHeld) {
			t.Errorf("%+v: %v", cut, err)
		}
	}
	if _, err := ada.Catchup().Segment(o.root(), catchup.Cut{Log: log}); !errors.Is(err, catchup.ErrNotHeld) {
		t.Errorf("a log of another scope: %v", err)
	}
}
