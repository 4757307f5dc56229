package access

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"hallway/crdt"
)

func TestAdaFoundsAndBramJoins(t *testing.T) {
	o := newOffice(t)
	o.expect("Ada", "owner")
	inv, key := o.invite("Ada", Owner, Member, InviteAuto, 0)
	o.do("Ada", &Admit{Rank: Owner, Invite: inv, Claim: o.claim("Bram", key)})
	o.expect("Bram", "member")
	// Ada sleeps: Bram lets Chiyo in through the same invitation.
	o.do("Bram", &Admit{Rank: Owner, Invite: inv, Claim: o.claim("Chiyo", key)})
	o.expect("Chiyo", "member")
	if got := len(o.st.View().Recipients(o.access())); got != 3 {
		t.Fatalf("%d recipients of the workspace's epoch, want 3", got)
	}
	if i, _ := o.st.View().InviteByID(InviteIDOf(o.ws, key.Public().(ed25519.PublicKey))); i.Uses != 2 || !i.Open(0) {
		t.Fatalf("invitation: %+v", i)
	}
}

func TestBramWritesInAPublicChannel(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram", "Chiyo")
	salt := [32]byte{9}
	o.do("Bram", &ChannelCreate{Salt: salt, Post: Poster, Name: Sealed{Epoch: crdt.EpochID{1}, Box: []byte("box")}})
	scope := PublicScope(o.ws, o.user("Bram"), salt)
	ch, ok := o.st.View().Channel(scope)
	if !ok || !ch.Public || ch.Creator != o.user("Bram") || len(ch.Members) != 3 {
		t.Fatalf("channel: %+v", ch)
	}
	say := func(who string) error {
		return o.give(scope, o.sign(who, scope, crdt.TypeContent, []byte("sealed"), nil, o.st.View().AuthHeads(scope)))
	}
	for _, who := range []string{"Ada", "Bram", "Chiyo"} {
		if err := say(who); err != nil {
			t.Fatal(err)
		}
	}
	// The founder makes it a channel of announcements: now Chiyo may only read, and Ada, as an owner, may still write.
	o.do("Bram", &ChannelPolicy{Scope: scope, Rank: Founder, Set: SetPost, Post: Manager})
	if err := say("Chiyo"); !errors.Is(err, ErrInadmissible) {
		t.Fatalf("Chiyo wrote in announcements: %v", err)
	}
	if err := say("Ada"); err != nil {
		t.Fatal(err)
	}
	o.do("Bram", &ChannelArchive{Scope: scope, Rank: Founder, Archived: true})
	if err := say("Bram"); !errors.Is(err, ErrInadmissible) {
		t.Fatalf("Bram wrote in an archived channel: %v", err)
	}
}

func (o *office) private(founder string, direct bool, others ...string) crdt.ScopeID {
	o.t.Helper()
	g := &ChannelGenesis{Direct: direct, Founder: o.user(founder), Post: Poster}
	g.Salt[0] = byte(len(o.log))
	var users []UserID
	for _, name := range others {
		users = append(users, o.user(name))
	}
	for _, u := range sortUsers(users) {
		g.Members = append(g.Members, ChannelMember{User: u, Role: Poster})
	}
	scope := PrivateScope(o.ws, g)
	o.must(o.write(founder, scope, g, nil, o.heads()))
	return scope
}

func (o *office) within(scope crdt.ScopeID, name string, b Body) (crdt.Verified, error) {
	o.t.Helper()
	v := o.st.View()
	return o.write(name, scope, b, v.AccessHeads(scope), v.AuthHeads(scope))
}

func (o *office) say(who string, scope crdt.ScopeID) error {
	o.t.Helper()
	return o.give(scope, o.sign(who, scope, crdt.TypeContent, []byte("sealed"), nil, o.st.View().AuthHeads(scope)))
}

func TestPrivateChannelIsItsMembersOwn(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram", "Chiyo", "Emil")
	scope := o.private("Bram", false, "Chiyo")
	if err := o.say("Chiyo", scope); err != nil {
		t.Fatal(err)
	}
	// Ada owns the workspace, and is nobody here.
	if err := o.say("Ada", scope); !errors.Is(err, ErrInadmissible) {
		t.Fatalf("Ada wrote: %v", err)
	}
	o.refused(o.within(scope, "Ada", &ChannelGrant{Scope: scope, Rank: Founder, User: o.user("Ada"), Role: Poster}))
	o.refused(o.within(scope, "Chiyo", &ChannelGrant{Scope: scope, Rank: Poster, User: o.user("Emil"), Role: Poster}))
	o.must(o.within(scope, "Bram", &ChannelGrant{Scope: scope, Rank: Founder, User: o.user("Emil"), Role: Manager}))
	before := o.st.View()
	heads := before.AuthHeads(scope)
	if n := len(before.Recipients(scope)); n != 3 {
		t.Fatalf("%d recipients, want 3", n)
	}
	if stale, err := before.Stale(scope, heads); stale || err != nil {
		t.Fatalf("epoch stale at once: %v %v", stale, err)
	}
	o.must(o.within(scope, "Emil", &ChannelRemove{Scope: scope, Rank: Manager, User: o.user("Chiyo")}))
	after := o.st.View()
	if stale, err := after.Stale(scope, heads); !stale || err != nil {
		t.Fatalf("Chiyo was removed and the epoch is not stale: %v", err)
	}
	if after.MayRead(o.user("Chiyo"), scope) || !before.MayRead(o.user("Chiyo"), scope) {
		t.Fatal("the older view changed, or the newer did not")
	}
	if rs, err := after.RecipientsAt(scope, heads); err != nil || len(rs) != 3 {
		t.Fatalf("recipients then: %d %v", len(rs), err)
	}
}

func TestDirectMessageBegunTwiceFoldsIntoOne(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram", "Chiyo")
	a, b := o.private("Bram", true, "Chiyo"), o.private("Chiyo", true, "Bram")
	v := o.st.View()
	one, ok := v.Direct([]UserID{o.user("Chiyo"), o.user("Bram")})
	if !ok || v.Canonical(a) != one || v.Canonical(b) != one || a == b {
		t.Fatal("the two do not fold into one")
	}
	o.refused(o.within(a, "Bram", &ChannelGrant{Scope: a, Rank: Founder, User: o.user("Ada"), Role: Poster}))
}
