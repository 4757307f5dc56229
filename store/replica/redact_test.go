package replica_test

import (
	"slices"
	"testing"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/store/replica"
)

func TestWhatBoTakesBackIsGoneEverywhereInWhateverOrderItComes(t *testing.T) {
	o := newOffice(t, "Bo", "Cleo", "Dana")
	ada, bo, cleo, dana := o.desks[0], o.desks[1], o.desks[2], o.desks[3]
	bo.say("before")
	slip := bo.say("a slip of the tongue")
	bo.say("after")
	ada.pull(bo)
	red, err := bo.Redact(ctx, o.channel, slip.Verified().ID())
	if err != nil {
		t.Fatal(err)
	}
	ada.pull(bo)
	// Cleo hears of it before she has the message: the Redact came live.
	from := replica.Source{Way: replica.ByGossip, Peer: "Bo"}
	if got := cleo.Live(from, crdt.AppendOp(nil, red.Verified().Op(), false)); got.Verdict != replica.Accept {
		t.Fatalf("%+v", got)
	}
	cleo.settle()
	cleo.reopen()
	// and then the message, from one who had not heard of it.
	if got := cleo.Live(from, crdt.AppendOp(nil, slip.Verified().Op(), false)); got.Verdict != replica.Accept {
		t.Fatalf("%+v", got)
	}
	cleo.settle()
	cleo.pull(ada)
	dana.pull(cleo)
	want := []string{"before", "(erased)", "after"}
	for _, d := range o.desks {
		got := d.said()
		slices.Sort(got)
		exp := slices.Clone(want)
		slices.Sort(exp)
		if !slices.Equal(got, exp) {
			t.Errorf("%s reads %q", d.name, got)
		}
		if d.digest() != ada.digest() {
			t.Errorf("%s differs", d.name)
		}
		e, err := d.Op(slip.Verified().ID())
		if err != nil || !e.Erased || e.Admitted.Verified().Op().HasPayload() {
			t.Errorf("%s: %v", d.name, err)
		}
		r, err := d.Op(red.Verified().ID())
		if err != nil || !slices.Equal(r.Erases, []crdt.OpID{slip.Verified().ID()}) {
			t.Errorf("%s: the redact took %v, %v", d.name, r.Erases, err)
		}
	}
}

func TestOnlyTheAuthorAndAModeratorMayErase(t *testing.T) {
	o := newOffice(t, "Bo", "Cleo")
	ada, bo, cleo := o.desks[0], o.desks[1], o.desks[2]
	said := bo.say("Bo's own words")
	cleo.pull(bo)
	id := said.Verified().ID()
	if _, err := cleo.Redact(ctx, o.channel, id); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*desk{ada, bo} {
		d.pull(cleo)
		d.pull(bo)
	}
	for _, d := range o.desks {
		if got := d.said(); !slices.Equal(got, []string{"Bo's own words"}) {
			t.Fatalf("a member erased another's words: %s reads %q", d.name, got)
		}
	}
	ada.do(&access.Grant{Rank: access.Owner, User: cleo.user, Role: access.Moderator})
	cleo.pull(ada)
	if _, err := cleo.Redact(ctx, o.channel, id); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*desk{ada, bo} {
		d.pull(cleo)
	}
	for _, d := range o.desks {
		if got := d.said(); !slices.Equal(got, []string{"(erased)"}) {
			t.Fatalf("a moderator erased it, and %s reads %q", d.name, got)
		}
	}
}
