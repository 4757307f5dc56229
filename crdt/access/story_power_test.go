package access

import (
	"errors"
	"slices"
	"testing"

	"hallway/crdt"
)

// The table of protocol 5.2, told with Ada the owner, Bram and Chiyo the admins, Emil the moderator, Farah and Noor.

func staffed(t *testing.T) *office {
	o := newOffice(t)
	o.hire("Bram", "Chiyo", "Emil", "Farah", "Noor")
	o.do("Ada", &Grant{Rank: Owner, User: o.user("Bram"), Role: Admin})
	o.do("Ada", &Grant{Rank: Owner, User: o.user("Chiyo"), Role: Admin})
	o.do("Ada", &Grant{Rank: Owner, User: o.user("Emil"), Role: Moderator})
	return o
}

func TestRemovalBeatsFavoursOfEqualOrLowerRank(t *testing.T) {
	o := staffed(t)
	fork := o.heads()
	o.from(fork, "Bram", &Remove{Rank: Admin, User: o.user("Noor")})
	o.from(fork, "Chiyo", &Grant{Rank: Admin, User: o.user("Noor"), Role: Moderator})
	o.from(fork, "Emil", &Grant{Rank: Moderator, User: o.user("Noor"), Role: Member})
	o.expect("Noor", "nobody")
}

func TestARemovedAdminsLateRevengeIsVoid(t *testing.T) {
	o := staffed(t)
	fork := o.heads()
	var struck []crdt.OpID
	at := fork
	for _, name := range []string{"Emil", "Farah", "Noor"} {
		id := o.from(at, "Bram", &Remove{Rank: Admin, User: o.user(name)})
		struck, at = append(struck, id), []crdt.OpID{id}
	}
	salt := [32]byte{4}
	o.from(at, "Bram", &ChannelCreate{Salt: salt, Post: Poster})
	scope := PublicScope(o.ws, o.user("Bram"), salt)
	for _, name := range []string{"Emil", "Farah", "Noor"} {
		o.expect(name, "nobody")
	}
	v := o.sign("Ada", o.access(), crdt.TypeRemove, (&Remove{Rank: Owner, User: o.user("Bram")}).Append(nil), fork, fork)
	a, err := o.st.Admit(o.access(), v)
	if err != nil {
		t.Fatal(err)
	}
	o.log = append(o.log, written{o.access(), v})
	o.expect("Emil", "moderator")
	o.expect("Farah", "member")
	o.expect("Noor", "member")
	slices.SortFunc(struck, crdt.CompareIDs)
	if !slices.Equal(a.Changed().Voided, struck) || len(a.Changed().Roles) != 4 {
		t.Fatalf("changed: %+v", a.Changed())
	}
	// The channel stands: voiding touches power only. Ada, an owner, runs it; Bram is gone from it.
	if ch, ok := o.st.View().Channel(scope); !ok || len(ch.Members) != 5 {
		t.Fatalf("channel: %+v", ch)
	}
	if o.st.View().MayManage(o.user("Bram"), scope) || !o.st.View().MayManage(o.user("Ada"), scope) {
		t.Fatal("the channel is in the wrong hands")
	}
}

func TestWhatTheRemovalHadSeenStands(t *testing.T) {
	o := staffed(t)
	o.do("Bram", &Remove{Rank: Admin, User: o.user("Noor")})
	o.do("Ada", &Remove{Rank: Owner, User: o.user("Bram")})
	o.expect("Noor", "nobody")
	o.refused(o.try("Bram", &Grant{Rank: Admin, User: o.user("Noor"), Role: Member}))
}

func TestRehiringTakesAGrantThatKnowsOfTheRemoval(t *testing.T) {
	o := staffed(t)
	o.do("Emil", &Remove{Rank: Moderator, User: o.user("Noor")})
	o.expect("Noor", "nobody")
	o.do("Emil", &Grant{Rank: Moderator, User: o.user("Noor"), Role: Member})
	o.expect("Noor", "member")
}

func TestAnOldLinkDoesNotBringBackTheRemoved(t *testing.T) {
	o := staffed(t)
	inv, key := o.invite("Bram", Admin, Member, InviteAuto, 0)
	o.do("Ada", &Remove{Rank: Owner, User: o.user("Noor")})
	o.do("Farah", &Admit{Rank: Admin, Invite: inv, Claim: o.claim("Noor", key)})
	o.expect("Noor", "nobody")
	inv, key = o.invite("Bram", Admin, Member, InviteAuto, 0)
	o.do("Farah", &Admit{Rank: Admin, Invite: inv, Claim: o.claim("Noor", key)})
	o.expect("Noor", "member")
}

func TestDemotionLeavesTheLowerRole(t *testing.T) {
	o := staffed(t)
	fork := o.heads()
	o.from(fork, "Ada", &Demote{Rank: Owner, User: o.user("Bram"), Role: Moderator})
	o.expect("Bram", "moderator")
	// What Bram did meanwhile as an admin is void; what a moderator may do stands.
	high := o.from(fork, "Bram", &Remove{Rank: Admin, User: o.user("Emil")})
	low := o.from([]crdt.OpID{high}, "Bram", &Remove{Rank: Moderator, User: o.user("Noor")})
	for id, want := range map[crdt.OpID]bool{high: false, low: true} {
		if got, _ := o.st.View().Effective(id); got != want {
			t.Fatalf("effective %v, want %v", got, want)
		}
	}
	o.expect("Emil", "moderator")
	o.expect("Noor", "nobody")
}

func TestTheLawBindsEverybody(t *testing.T) {
	o := staffed(t)
	for _, c := range []struct {
		who  string
		body Body
	}{
		{"Bram", &Remove{Rank: Admin, User: o.user("Chiyo")}},
		{"Bram", &Remove{Rank: Owner, User: o.user("Chiyo")}},
		{"Bram", &Grant{Rank: Admin, User: o.user("Noor"), Role: Admin}},
		{"Noor", &Grant{Rank: Member, User: o.user("Noor"), Role: Moderator}},
		{"Noor", &Policy{Rank: Member, Key: "x", Value: []byte("y")}},
		{"Noor", &InviteCreate{Rank: Member, Pub: public(testKey("n")), Role: Guest, Mode: InviteAuto}},
		{"Noor", &InviteCreate{Rank: Member, Pub: public(testKey("n")), Role: Moderator, Mode: InviteApprove}},
		{"Ada", &Leave{}},
		{"Ada", &Grant{Rank: Owner, User: UserID{1}, Role: Member}},
		{"wk", &Policy{Rank: WorkspaceKey, Key: "x"}},
		{"rk:Noor", &Profile{}},
		{"stranger", &Merge{}},
	} {
		v, err := o.try(c.who, c.body)
		if !errors.Is(err, ErrInadmissible) {
			t.Fatalf("%s wrote %T: %v (%s)", c.who, c.body, err, v.ID())
		}
	}
	o.do("Chiyo", &Leave{})
	o.expect("Chiyo", "nobody")
}

func TestMembersInviteWithApproval(t *testing.T) {
	o := staffed(t)
	inv, key := o.invite("Noor", Member, Member, InviteApprove, 0)
	o.refused(o.try("Farah", &Admit{Rank: Member, Invite: inv, Claim: o.claim("Gil", key)}))
	o.do("Farah", &JoinRequest{Invite: inv, Claim: o.claim("Gil", key), Name: Sealed{Epoch: crdt.EpochID{1}, Box: []byte("Gil")}})
	r := o.st.View().Requests()
	if len(r) != 1 || r[0].User != o.user("Gil") || r[0].By != o.user("Farah") {
		t.Fatalf("requests: %+v", r)
	}
	o.refused(o.try("Noor", &Admit{Rank: Member, Invite: inv, Approved: true, Claim: r[0].Claim.Append(nil)}))
	o.do("Emil", &Admit{Rank: Moderator, Invite: inv, Approved: true, Claim: r[0].Claim.Append(nil)})
	o.expect("Gil", "member")
	if len(o.st.View().Requests()) != 0 {
		t.Fatal("Gil still waits")
	}
}

func TestPoliciesAreRegisters(t *testing.T) {
	o := staffed(t)
	o.do("Bram", &Policy{Rank: Admin, Key: PolicyCreatePublic, Value: []byte{byte(Moderator)}})
	o.refused(o.try("Noor", &ChannelCreate{Salt: [32]byte{1}}))
	o.do("Emil", &ChannelCreate{Salt: [32]byte{1}})
	fork := o.heads()
	o.from(fork, "Bram", &Policy{Rank: Admin, Key: "colour", Value: []byte("red")})
	o.from(fork, "Ada", &Policy{Rank: Owner, Key: "colour", Value: []byte("green")})
	o.from(fork, "Chiyo", &Policy{Rank: Admin, Key: "colour", Value: []byte("blue")})
	if got := string(o.st.View().Policy("colour")); got != "green" {
		t.Fatalf("colour is %s", got)
	}
	o.do("Chiyo", &Policy{Rank: Admin, Key: "colour", Value: []byte("grey")}) // has seen the others
	if got := string(o.st.View().Policy("colour")); got != "grey" {
		t.Fatalf("colour is %s", got)
	}
}

func TestGuestsSeeOnlyTheirPrivateChannels(t *testing.T) {
	o := staffed(t)
	inv, key := o.invite("Ada", Owner, Guest, InviteAuto, 0)
	o.do("Ada", &Admit{Rank: Owner, Invite: inv, Claim: o.claim("Gil", key)})
	o.expect("Gil", "guest")
	if _, ok := o.recipient("Gil"); ok {
		t.Fatal("a guest receives the workspace's epoch")
	}
	salt := [32]byte{1}
	o.do("Noor", &ChannelCreate{Salt: salt, Post: Poster})
	open := PublicScope(o.ws, o.user("Noor"), salt)
	scope := o.private("Noor", false, "Gil")
	v := o.st.View()
	if v.MayRead(o.user("Gil"), open) || !v.MayRead(o.user("Gil"), scope) {
		t.Fatal("the guest reads the wrong channels")
	}
	if err := o.say("Gil", scope); err != nil {
		t.Fatal(err)
	}
	if err := o.say("Gil", open); !errors.Is(err, ErrInadmissible) {
		t.Fatalf("the guest wrote in public: %v", err)
	}
	o.refused(o.try("Gil", &ChannelCreate{Salt: [32]byte{2}}))
}

func TestOneMoreOpIsJudgedAloneUnlessItTakesAway(t *testing.T) {
	o := staffed(t)
	for range 20 {
		o.do("Bram", &Grant{Rank: Admin, User: o.user("Noor"), Role: Moderator})
	}
	rounds := func(b Body, from []crdt.OpID) int {
		before := o.st.rounds
		o.from(from, "Ada", b)
		return o.st.rounds - before
	}
	fork := o.heads()
	if n := rounds(&Grant{Rank: Owner, User: o.user("Noor"), Role: Admin}, fork); n != 1 {
		t.Fatalf("a grant: %d ops judged", n)
	}
	if n := rounds(&Remove{Rank: Owner, User: o.user("Bram")}, o.heads()); n != 1 {
		t.Fatalf("a removal that had seen everything: %d ops judged", n)
	}
	if n := rounds(&Remove{Rank: Owner, User: o.user("Chiyo")}, fork[:1]); n != 1 {
		t.Fatalf("a removal of somebody who did nothing: %d ops judged", n)
	}
}
