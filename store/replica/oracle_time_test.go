package replica_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p/catchup"
	"hallway/store/replica"
)

// TestOracle17_YesterdaysSnapshotWritesANewLogAndForksNothing is the replica's part of the oracle; nonces are seal's.
func TestOracle17_YesterdaysSnapshotWritesANewLogAndForksNothing(t *testing.T) {
	for name, c := range map[string]struct {
		reboot  bool // the runtime directory is empty
		running bool // the machine goes on while the copy runs too
		meets   bool // the copy meets Bo before it writes
	}{
		"restored":               {},
		"restored after reboot":  {reboot: true},
		"a copy beside it":       {running: true},
		"it meets Bo first":      {meets: true},
		"rebooted and meets Bo":  {reboot: true, meets: true},
		"copied, meets Bo first": {running: true, meets: true},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, "Bo")
			ada, bo := o.desks[0], o.desks[1]
			old := ada.say("yesterday").Verified().Op().Log
			snapshot := filepath.Join(t.TempDir(), "snapshot")
			if err := os.CopyFS(snapshot, os.DirFS(ada.dir)); err != nil {
				t.Fatal(err)
			}
			ada.local.add(24 * time.Hour)
			if log := ada.say("today").Verified().Op().Log; log != old {
				t.Fatal("a log of its own for every message")
			}
			bo.local.add(24 * time.Hour)
			bo.pull(ada)
			if !c.running {
				ada.close()
			}
			copied := *ada
			copied.dir, copied.rand = snapshot, seededRand("after the restore")
			if c.reboot {
				copied.runtime = t.TempDir()
			}
			copied.open()
			defer copied.close()
			if c.meets {
				copied.pull(bo)
			}
			adm := copied.say("after the restore")
			if adm.Verified().Op().Log == old {
				t.Error("it went on with the old log")
			}
			if c.running {
				ada.say("meanwhile on the machine itself")
				bo.pull(ada)
			}
			bo.pull(&copied)
			copied.pull(bo)
			bo.pull(&copied)
			for _, d := range []*desk{bo, &copied} {
				if proofs, err := d.Forks(); err != nil || len(proofs) > 0 {
					t.Errorf("%d fork proofs, %v", len(proofs), err)
				}
			}
			if bo.digest() != copied.digest() || !slices.Contains(bo.said(), "today") || !slices.Contains(bo.said(), "after the restore") {
				t.Errorf("Bo reads %q, the copy %q", bo.said(), copied.said())
			}
		})
	}
}

func TestARowOfCommandsLeavesOneLog(t *testing.T) {
	o := newOffice(t, "Bo")
	ada := o.desks[0]
	logs := map[crdt.LogID]bool{}
	for range 4 {
		logs[ada.say("another command").Verified().Op().Log] = true
		ada.reopen()
	}
	if len(logs) != 1 {
		t.Errorf("%d logs", len(logs))
	}
	// After a reboot it is a new one, unless a peer says that ours is the last copy.
	log := ada.say("before the reboot").Verified().Op()
	ada.runtime = t.TempDir()
	ada.reopen()
	ada.Confirm(log.Log, log.Seq)
	if got := ada.say("confirmed").Verified().Op().Log; got != log.Log {
		t.Error("confirmed, and yet a new log")
	}
	ada.runtime = t.TempDir()
	ada.reopen()
	if got := ada.say("unconfirmed").Verified().Op().Log; got == log.Log {
		t.Error("went on without being sure")
	}
	ada.Confirm(log.Log, log.Seq+5)
	ada.say("goes on")
}

func TestAPeerWhoHoldsMoreOfOurLogThanWeDoMakesUsBeginANewOne(t *testing.T) {
	o := newOffice(t)
	ada := o.desks[0]
	log := ada.say("one").Verified().Op().Log
	ada.Confirm(log, 9)
	if got := ada.say("two").Verified().Op().Log; got == log {
		t.Error("went on with a log that another copy has written to")
	}
}

func TestPeersWhoKeepSayingThatAnotherCopyWritesDoNotFillTheStoreWithLogs(t *testing.T) {
	o := newOffice(t)
	ada := o.desks[0]
	logs := map[crdt.LogID]bool{}
	say := func() {
		log := ada.say("one more").Verified().Op().Log
		logs[log] = true
		ada.Confirm(log, 1<<40)
		ada.NewIncarnation()
	}
	for range 20 {
		say()
	}
	if len(logs) != 2 {
		t.Errorf("%d logs for twenty rumours at once, want 2", len(logs))
	}
	ada.local.add(10 * time.Minute)
	for range 3 {
		say()
	}
	if len(logs) != 3 {
		t.Errorf("%d logs after a rumour later, want 3", len(logs))
	}
}

func TestOracle18_AnOpAnHourAheadWaitsForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, "Bo", "Cleo")
		ada, bo, cleo := o.desks[0], o.desks[1], o.desks[2]
		run, stop := context.WithCancel(ctx)
		done := make(chan error)
		for _, d := range []*desk{bo, cleo} {
			d.clock = bubbleClock()
			d.reopen()
		}
		go func() { done <- cleo.Run(run) }()
		ada.local.add(time.Hour)
		first := ada.say("from the future")
		then := ada.say("and right after it")
		frames := [][]byte{ada.Frame(first), ada.Frame(then)}
		from := replica.Source{Way: replica.ByGossip, Peer: "Ada"}
		if got := bo.Live(from, frames[0]); got.Verdict != replica.Ignore || !errors.Is(got.Err, replica.ErrEarly) {
			t.Fatalf("live: %+v", got)
		}
		bo.settle()
		cleo.pull(ada)
		for _, d := range []*desk{bo, cleo} {
			if len(d.said()) > 0 {
				t.Fatalf("%s sees it", d.name)
			}
			if entries, _ := d.Catchup().Changed(o.channel, 0); len(entries) > 0 {
				t.Fatalf("%s offers it to others", d.name)
			}
		}
		bo.reopen() // it is held on disk
		go func() { done <- bo.Run(run) }()
		time.Sleep(54 * time.Minute)
		synctest.Wait()
		if len(cleo.said()) > 0 || len(bo.said()) > 0 {
			t.Fatal("seen before its time")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		cleo.settle()
		bo.settle()
		if got := cleo.said(); len(got) != 2 {
			t.Fatalf("Cleo reads %q", got)
		}
		if got := bo.said(); len(got) != 1 {
			t.Fatalf("Bo, who heard only the first, reads %q", got)
		}
		bo.pull(ada)
		if bo.digest() != cleo.digest() || bo.digest() != ada.digest() {
			t.Error("they differ in the end")
		}
		stop()
		for range 2 {
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		for _, d := range o.desks {
			d.close()
		}
	})
}

// forge signs ops by a desk's key at will, as a modified client would.
type forge struct {
	d   *desk
	tip crdt.Tip
}

func (o *office) forge(d *desk, inc crdt.Incarnation) *forge {
	pub := ed(d.key.Public())
	return &forge{d, crdt.Tip{Log: crdt.NewLogID(o.ws, o.channel, pub, crdt.ClassContent, inc), Device: crdt.RefOf(pub)}}
}

func (f *forge) op(t testing.TB, at time.Time, text string) crdt.Verified {
	t.Helper()
	heads := f.d.View().AuthHeads(f.d.o.channel)
	h := crdt.Header{
		Type: crdt.TypeContent, Device: f.tip.Device, Log: f.tip.Log, Seq: f.tip.Seq, Prev: f.tip.Prev,
		HLC: crdt.HLCAt(at), Epoch: crdt.EpochID{1}, Auth: crdt.HeadsDigest(heads),
	}
	v, err := crdt.Sign(f.d.o.ws, f.d.key, h, []byte(text), heads)
	if err != nil {
		t.Fatal(err)
	}
	f.tip = f.tip.After(v)
	return v
}

func segmentOf(vs ...crdt.Verified) *crdt.Segment {
	seg := &crdt.Segment{}
	for _, v := range vs {
		seg.Ops = append(seg.Ops, *v.Op())
	}
	return seg
}

func TestOracle20_AClockThatGoesBackInsideALogIsInadmissible(t *testing.T) {
	o := newOffice(t, "Bo", "Mallory")
	bo, mallory := o.desks[1], o.desks[2]
	f := o.forge(mallory, 9)
	one := f.op(t, start.Add(time.Minute), "now")
	two := f.op(t, start, "before that")
	if _, err := segmentOf(one, two).Append(nil); err == nil {
		t.Fatal("it can be encoded")
	}
	if got, err := bo.Ingest(ctx, replica.Source{Peer: "x"}, o.channel, []*crdt.Segment{segmentOf(one)}); err != nil || got.New != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	got, err := bo.Ingest(ctx, replica.Source{Peer: "x"}, o.channel, []*crdt.Segment{segmentOf(two)})
	if err != nil || got.New != 0 || len(got.Refused) != 1 || got.Refused[0].Fault != replica.AuthorFault || !errors.Is(got.Refused[0].Err, access.ErrInadmissible) {
		t.Fatalf("%+v %v", got, err)
	}
	live := bo.Live(replica.Source{Way: replica.ByGossip, Peer: "x"}, crdt.AppendOp(nil, two.Op(), false))
	if live.Verdict != replica.Ignore || !errors.Is(live.Err, access.ErrInadmissible) {
		t.Fatalf("live: %+v", live)
	}
	if len(bo.said()) != 1 {
		t.Error("it is seen")
	}
}

func TestOracle16_AForkEndsInOneProofAndTheSameBranchesEverywhere(t *testing.T) {
	o := newOffice(t, "Bo", "Cleo", "Mallory")
	bo, cleo, mallory := o.desks[1], o.desks[2], o.desks[3]
	f := o.forge(mallory, 9)
	var common []crdt.Verified
	for i := range 5 {
		common = append(common, f.op(t, start, string(rune('a'+i))))
	}
	branch := func(name string, n int) (vs []crdt.Verified) {
		g := *f
		for range n {
			vs = append(vs, g.op(t, start, name))
		}
		return vs
	}
	var branches [][]crdt.Verified
	for _, name := range []string{"to Bo", "to Cleo", "third", "fourth", "fifth", "sixth"} {
		branches = append(branches, branch(name, 3+len(branches)))
	}
	give := func(d *desk, vs ...crdt.Verified) {
		t.Helper()
		got, err := d.Ingest(ctx, replica.Source{Peer: "Mallory"}, o.channel, []*crdt.Segment{recode(t, segmentOf(vs...))})
		if err != nil || got.Fault() != nil {
			t.Fatalf("%+v %v", got, err)
		}
	}
	for _, d := range []*desk{bo, cleo} {
		give(d, common...)
	}
	give(bo, branches[0]...)
	give(cleo, branches[1]...)
	same := func(want int) {
		t.Helper()
		for range 3 {
			bo.pull(cleo)
			cleo.pull(bo)
		}
		if bo.digest() != cleo.digest() {
			t.Fatalf("Bo reads %q, Cleo %q", bo.said(), cleo.said())
		}
		if got := bo.Catchup().Branches(o.channel, f.tip.Log); len(got) != want {
			t.Fatalf("%d branches", len(got))
		}
		a, err := bo.Forks()
		if err != nil || len(a) != 1 || a[0].Verify(o.ws, ed(mallory.key.Public())) != nil {
			t.Fatalf("Bo has %d proofs, %v", len(a), err)
		}
		b, err := cleo.Forks()
		if err != nil || len(b) != 1 {
			t.Fatalf("Cleo has %d proofs, %v", len(b), err)
		}
		for i := range a[0].Branches {
			if a[0].Branches[i].Headers[0].ID() != b[0].Branches[i].Headers[0].ID() {
				t.Fatal("their proofs show different branches")
			}
		}
	}
	same(2)
	// More branches than are kept, to each in another order.
	for _, i := range []int{2, 3, 4, 5} {
		give(bo, branches[i]...)
	}
	for _, i := range []int{5, 4, 3, 2} {
		give(cleo, branches[i]...)
	}
	same(crdt.MaxBranch)
	firsts := make([]crdt.OpID, len(branches))
	for i := range branches {
		firsts[i] = branches[i][0].ID()
	}
	kept := crdt.KeepBranches(firsts)
	for i, vs := range branches {
		last := vs[len(vs)-1]
		_, err := bo.Op(last.ID())
		if want := slices.Contains(kept, firsts[i]); want != (err == nil) {
			t.Errorf("branch %d: %v", i, err)
		}
		if !bo.Catchup().Holds(o.channel, f.tip.Log, firsts2(vs), vs[0].ID()) {
			t.Errorf("branch %d would be fetched again and again", i)
		}
	}
	bo.reopen()
	same(crdt.MaxBranch)
	dana := o.stranger("Dana")
	for range 3 {
		dana.pull(bo)
	}
	if dana.digest() != bo.digest() {
		t.Errorf("Dana, who hears of it later, reads %q", dana.said())
	}
	if _, err := mallory.Write(ctx, o.channel, content("innocent")); err != nil {
		t.Fatal("her own copy does not know yet:", err)
	}
}

func firsts2(vs []crdt.Verified) uint64 { return vs[0].Op().Seq }

func TestABranchThatComesFromItsEndDownIsJoinedWhereItLeft(t *testing.T) {
	o := newOffice(t, "Bo", "Mallory")
	bo, mallory := o.desks[1], o.desks[2]
	f := o.forge(mallory, 9)
	var common []crdt.Verified
	for range 4 {
		common = append(common, f.op(t, start, "common"))
	}
	g := *f
	var a, b []crdt.Verified
	for range 6 {
		a = append(a, f.op(t, start, "one"))
		b = append(b, g.op(t, start, "other"))
	}
	give := func(vs ...crdt.Verified) replica.Outcome {
		got, err := bo.Ingest(ctx, replica.Source{Peer: "x"}, o.channel, []*crdt.Segment{segmentOf(vs...)})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	give(append(common, a...)...)
	got := give(b[3:]...)
	if len(got.Loose) != 1 || got.Loose[0].Seq != 7 || got.Loose[0].Prev != b[2].ID() {
		t.Fatalf("%+v", got)
	}
	if got := give(b[:3]...); len(got.Loose) != 0 || got.New != 3 {
		t.Fatalf("%+v", got)
	}
	heads := bo.Catchup().Branches(o.channel, f.tip.Log)
	if len(heads) != 2 || !bo.Forked(f.tip.Log) {
		t.Fatalf("%+v", heads)
	}
	for _, h := range heads {
		seg, err := bo.Catchup().Segment(o.channel, catchup.Cut{Log: f.tip.Log, From: 0, To: h.Hi, Branch: h.Head})
		if err != nil || len(seg.Ops) != 10 || seg.Ops[9].Header.ID() != h.Head {
			t.Fatalf("branch %s: %v", h.Head, err)
		}
	}
}
