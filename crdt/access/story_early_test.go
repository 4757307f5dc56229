package access

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"

	"hallway/crdt"
)

func TestWhatComesEarlyNamesWhatItMisses(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram")
	salt := [32]byte{1}
	o.do("Bram", &ChannelCreate{Salt: salt, Post: Poster})
	scope := PublicScope(o.ws, o.user("Bram"), salt)
	heads := o.st.View().AuthHeads(scope)
	said := o.sign("Bram", scope, crdt.TypeContent, []byte("sealed"), nil, heads)
	bare := *said.Op()
	bare.Heads = nil
	v, err := crdt.VerifyOp(o.ws, o.desks["Bram"].dsk.Public().(ed25519.PublicKey), bare)
	if err != nil {
		t.Fatal(err)
	}
	st := New(o.ws)
	var missing *Missing
	if _, err := st.Admit(scope, v); !errors.As(err, &missing) || missing.Auth == nil || *missing.Auth != bare.Auth {
		t.Fatalf("want the heads asked for, got %v", err)
	}
	st.LearnHeads(heads)
	if _, err := st.Admit(scope, v); !errors.As(err, &missing) || !slices.Equal(missing.Ops, heads) {
		t.Fatalf("want the ops asked for, got %v", err)
	}
	for i := len(o.log) - 1; i > 0; i-- { // from the end: each misses its past
		if _, err := st.Admit(o.log[i].scope, o.log[i].v); !errors.As(err, &missing) {
			t.Fatalf("op %d: %v", i, err)
		}
	}
	for _, w := range o.log {
		if _, err := st.Admit(w.scope, w.v); err != nil {
			t.Fatal(err)
		}
	}
	if a, err := st.Admit(scope, v); err != nil || a.User() != o.user("Bram") || a.Scope() != scope || a.Verified().ID() != said.ID() {
		t.Fatalf("%v %v", a, err)
	}
}

func TestRightsAreJudgedInThePastThatAnOpNames(t *testing.T) {
	o := staffed(t)
	scope := o.private("Farah", false, "Noor")
	then := o.st.View().AuthHeads(scope)
	o.do("Ada", &Remove{Rank: Owner, User: o.user("Noor")})
	if err := o.say("Noor", scope); !errors.Is(err, ErrInadmissible) {
		t.Fatalf("Noor wrote, knowing that she was removed: %v", err)
	}
	if err := o.give(scope, o.sign("Noor", scope, crdt.TypeContent, []byte("offline"), nil, then)); err != nil {
		t.Fatalf("what Noor wrote before she knew: %v", err)
	}
	mint := func(who string, in crdt.ScopeID) error {
		return o.give(in, o.sign(who, in, crdt.TypeEpochMint, []byte("mint"), nil, o.st.View().AuthHeads(in)))
	}
	if err := mint("Farah", scope); err != nil {
		t.Fatal(err)
	}
	if err := mint("Ada", scope); !errors.Is(err, ErrInadmissible) {
		t.Fatalf("Ada made a key for a channel that she is not in: %v", err)
	}
	if err := mint("Farah", o.access()); err != nil {
		t.Fatal(err)
	}
	if err := o.give(o.access(), o.sign("Farah", o.access(), crdt.TypeContent, []byte("x"), nil, o.heads())); !errors.Is(err, ErrInadmissible) {
		t.Fatalf("content in the access scope: %v", err)
	}
}

func TestPinsSayHowFarARemovedPersonIsHeard(t *testing.T) {
	o := staffed(t)
	scope := o.private("Farah", false, "Noor", "Emil")
	auth := o.st.View().AuthHeads(scope)
	var said []crdt.Verified
	for range 4 {
		v := o.sign("Noor", scope, crdt.TypeContent, []byte("sealed"), nil, auth)
		if err := o.give(scope, v); err != nil {
			t.Fatal(err)
		}
		said = append(said, v)
	}
	pin := Pin{Log: said[1].Op().Log, Seq: 1, ID: said[1].ID()}
	fork := o.heads()
	o.from(fork, "Bram", &Remove{Rank: Admin, User: o.user("Noor"), Pins: []Pin{{Log: pin.Log, Seq: 0, ID: said[0].ID()}}})
	o.from(fork, "Chiyo", &Remove{Rank: Admin, User: o.user("Noor"), Pins: []Pin{pin}})
	shown := func(v crdt.Verified, heads []crdt.OpID) bool {
		t.Helper()
		ok, err := o.st.View().Shown(scope, &v.Op().Header, o.user("Noor"), heads)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	for i, v := range said {
		if shown(v, auth) != (i <= 1) { // the farthest pin counts
			t.Fatalf("message %d", i)
		}
	}
	if c := o.st.View().Cuts()[pin.Log]; c.Seq != 1 {
		t.Fatalf("cut: %+v", c)
	}
	o.do("Ada", &Grant{Rank: Owner, User: o.user("Noor"), Role: Member})
	again := o.sign("Noor", scope, crdt.TypeContent, []byte("sealed"), nil, o.st.View().AuthHeads(scope))
	if err := o.give(scope, again); err != nil {
		t.Fatal(err)
	}
	if !shown(again, again.Op().Heads) || shown(said[3], auth) {
		t.Fatal("whoever is re-hired is heard again, from then on")
	}
}

func TestTypesOfTomorrowAreKeptWithoutEffect(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram")
	before := picture(o.st.View())
	for _, typ := range []crdt.Type{crdt.TypeCheckpoint, crdt.TypeRelayAdd, 0x3c} {
		if err := o.give(o.access(), o.sign("Bram", o.access(), typ, []byte("whatever it is"), o.heads(), o.heads())); err != nil {
			t.Fatal(err)
		}
	}
	o.do("Ada", &Merge{})
	o.expect("Bram", "member")
	if before == picture(o.st.View()) {
		t.Fatal("the ops left no trace at all")
	}
	o.refused(crdt.Verified{}, o.give(o.access(), o.sign("Bram", o.access(), crdt.TypeJoinClaim, nil, o.heads(), o.heads())))
	o.refused(crdt.Verified{}, o.give(o.access(), o.sign("Bram", o.access(), crdt.TypeGrant, []byte("no body"), o.heads(), o.heads())))
}

func TestALockClosesAChannelButOpensNothing(t *testing.T) {
	o := staffed(t)
	scope := o.private("Farah", false, "Noor")
	o.refused(o.try("Emil", &ChannelArchive{Scope: scope, Rank: Founder, Archived: true}))
	o.do("Bram", &ChannelArchive{Scope: scope, Rank: Founder, Archived: true})
	if err := o.say("Noor", scope); !errors.Is(err, ErrInadmissible) {
		t.Fatalf("Noor wrote in a locked channel: %v", err)
	}
	if o.st.View().MayRead(o.user("Bram"), scope) {
		t.Fatal("the lock let Bram in")
	}
	o.do("Bram", &ChannelArchive{Scope: scope, Rank: Founder})
	if err := o.say("Noor", scope); err != nil {
		t.Fatal(err)
	}
}

func TestARemovedFoundersBackdatedGrantIsCutByThePin(t *testing.T) {
	o := staffed(t)
	scope := o.private("Farah", false, "Noor")
	v := o.st.View()
	root := v.AccessHeads(scope)
	tip := o.desks["Farah"].tips[logKey(scope, crdt.ClassAccess)]
	auth := v.AuthHeads(scope)
	o.do("Ada", &Remove{Rank: Owner, User: o.user("Farah"), Pins: []Pin{{Log: tip.Log, Seq: 0, ID: tip.Prev}}})
	o.must(o.write("Farah", scope, &ChannelGrant{Scope: scope, Rank: Founder, User: o.user("Emil"), Role: Manager}, root, auth))
	if o.st.View().MayRead(o.user("Emil"), scope) {
		t.Fatal("Emil came in by a grant written after the removal")
	}
	if !o.st.View().MayRead(o.user("Noor"), scope) {
		t.Fatal("what Farah granted before is gone")
	}
}

func TestAChannelsOwnHeadsTellWhatTheyHadSeenOfTheWorkspace(t *testing.T) {
	o := staffed(t)
	scope := o.private("Farah", false, "Noor")
	own := o.st.View().AccessHeads(scope)
	if err := o.give(scope, o.sign("Noor", scope, crdt.TypeContent, []byte("sealed"), nil, own)); err != nil {
		t.Fatal(err)
	}
	if rs, err := o.st.View().RecipientsAt(scope, own); err != nil || len(rs) != 2 {
		t.Fatalf("%d recipients, %v", len(rs), err)
	}
	other := o.private("Farah", false, "Emil")
	err := o.give(scope, o.sign("Noor", scope, crdt.TypeContent, []byte("sealed"), nil, o.st.View().AuthHeads(other)))
	if !errors.Is(err, ErrInadmissible) {
		t.Fatalf("heads of another channel: %v", err)
	}
}

func TestRemovalFromAChannelBeatsAGrantBesideItAndYieldsToOneAfter(t *testing.T) {
	o := staffed(t)
	scope := o.private("Farah", false, "Noor")
	o.must(o.within(scope, "Farah", &ChannelGrant{Scope: scope, Rank: Founder, User: o.user("Noor"), Role: Manager}))
	o.must(o.within(scope, "Farah", &ChannelGrant{Scope: scope, Rank: Founder, User: o.user("Chiyo"), Role: Manager}))
	o.must(o.within(scope, "Noor", &ChannelGrant{Scope: scope, Rank: Manager, User: o.user("Emil"), Role: Poster}))
	v := o.st.View()
	fork, auth := v.AccessHeads(scope), v.AuthHeads(scope)
	o.must(o.write("Noor", scope, &ChannelRemove{Scope: scope, Rank: Manager, User: o.user("Emil")}, fork, auth))
	o.must(o.write("Chiyo", scope, &ChannelGrant{Scope: scope, Rank: Manager, User: o.user("Emil"), Role: Poster}, fork, auth))
	if o.st.View().MayRead(o.user("Emil"), scope) {
		t.Fatal("the grant beside the removal brought Emil back")
	}
	o.must(o.within(scope, "Noor", &ChannelGrant{Scope: scope, Rank: Manager, User: o.user("Emil"), Role: Poster}))
	if !o.st.View().MayRead(o.user("Emil"), scope) {
		t.Fatal("the grant after the removal did not bring Emil back")
	}
	// Farah removes Chiyo, who meanwhile adds Bram: that is void.
	v = o.st.View()
	fork, auth = v.AccessHeads(scope), v.AuthHeads(scope)
	o.must(o.write("Farah", scope, &ChannelRemove{Scope: scope, Rank: Founder, User: o.user("Chiyo")}, fork, auth))
	added := o.must(o.write("Chiyo", scope, &ChannelGrant{Scope: scope, Rank: Manager, User: o.user("Bram"), Role: Poster}, fork, auth))
	if ok, known := o.st.View().Effective(added); ok || !known || o.st.View().MayRead(o.user("Bram"), scope) {
		t.Fatal("Bram came in through Chiyo, who was out")
	}
	o.must(o.within(scope, "Emil", &Leave{Scope: scope}))
	if o.st.View().MayRead(o.user("Emil"), scope) {
		t.Fatal("Emil left and is still there")
	}
}

func TestAnEpochIsStaleOnceANewcomerWhoMayHoldItIsGone(t *testing.T) {
	o := staffed(t)
	mint := o.heads()
	o.hire("Gil") // after the mint: he is granted the epoch
	if stale, err := o.st.View().Stale(o.access(), mint); stale || err != nil {
		t.Fatalf("stale because somebody came: %v", err)
	}
	o.do("Emil", &Remove{Rank: Moderator, User: o.user("Gil")})
	if stale, err := o.st.View().Stale(o.access(), mint); !stale || err != nil {
		t.Fatalf("Gil holds the epoch and is gone: %v", err)
	}
	if stale, err := o.st.View().Stale(o.access(), o.heads()); stale || err != nil {
		t.Fatalf("an epoch minted after he went is stale: %v", err)
	}
}

func TestWhoMayDeleteWhatOthersWrote(t *testing.T) {
	o := staffed(t)
	salt := [32]byte{6}
	o.do("Noor", &ChannelCreate{Salt: salt, Post: Poster})
	open := PublicScope(o.ws, o.user("Noor"), salt)
	private, direct := o.private("Farah", false, "Emil"), o.private("Farah", true, "Emil")
	for _, c := range []struct {
		name  string
		scope crdt.ScopeID
		want  bool
	}{
		{"Noor", open, true}, {"Emil", open, true}, {"Farah", open, false},
		{"Farah", private, true}, {"Emil", private, false}, // a moderator of the workspace, and nobody special here
		{"Farah", direct, false}, {"Emil", direct, false},
	} {
		v := o.sign(c.name, c.scope, crdt.TypeContent, []byte("sealed"), nil, o.st.View().AuthHeads(c.scope))
		a, err := o.st.Admit(c.scope, v)
		if err != nil {
			t.Fatal(err)
		}
		if a.Moderates() != c.want || o.st.View().Moderates(o.user(c.name), c.scope) != c.want || a.Imports() {
			t.Fatalf("%s in %s: %v", c.name, c.scope, a.Moderates())
		}
	}
}
