package access

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"hallway/crdt"
)

// picture is all that a view says, as text: two copies that heard the same must agree on every byte.
func picture(v *View) string {
	var b strings.Builder
	for _, u := range v.Everybody() {
		m, _ := v.Member(u)
		fmt.Fprintf(&b, "%s here %v as %s profile %s", u, m.Present, m.Role, m.ProfileBy)
		if m.Puk != nil {
			fmt.Fprintf(&b, " puk %s", m.Puk.Op)
		}
		for _, d := range m.Devices {
			fmt.Fprintf(&b, " device %x revoked %v", d.Cert.DSK, d.Revoked)
		}
		b.WriteByte('\n')
	}
	for _, e := range v.Audit() {
		fmt.Fprintf(&b, "%s %v\n", e.Op, e.Effective)
	}
	for _, scope := range v.Scopes() {
		ch, _ := v.Channel(scope)
		fmt.Fprintf(&b, "%+v\n", ch)
		for _, r := range v.Recipients(scope) {
			fmt.Fprintf(&b, "%s %d ", r.User, r.Gen)
		}
	}
	for _, i := range v.Invites() {
		fmt.Fprintf(&b, "%s uses %d revoked %v effective %v\n", i.Op, i.Uses, i.Revoked, i.Effective)
	}
	for _, r := range v.Requests() {
		fmt.Fprintf(&b, "%s waits by %s\n", r.User, r.Op)
	}
	fmt.Fprint(&b, v.AccessHeads(crdt.AccessScope(v.Workspace())), string(v.Policy("colour")))
	return b.String()
}

// deliver gives the ops to a fresh state in this order, holding early ones until they fit, some of them twice.
func deliver(t *testing.T, ws crdt.WorkspaceID, log []written, rng *rand.Rand) *State {
	st := New(ws)
	for queue := log; len(queue) > 0; {
		var early []written
		for _, w := range queue {
			_, err := st.Readmit(w.scope, w.v)
			if missing := (*Missing)(nil); errors.As(err, &missing) {
				early = append(early, w)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if rng.IntN(4) == 0 {
				if _, err := st.Readmit(w.scope, w.v); err != nil {
					t.Fatalf("the second time: %v", err)
				}
			}
		}
		if len(early) == len(queue) {
			t.Fatalf("%d ops never fit", len(early))
		}
		queue = early
	}
	return st
}

func TestOracle01_AnyOrderGivesTheSameState(t *testing.T) {
	s := newStage(t)
	for seed := range uint64(60) {
		p := s.play(t, 40_000+seed, false)
		for range 40 {
			p.step()
		}
		want := picture(p.st.View())
		for range 5 {
			log := append([]written(nil), p.log...)
			p.rng.Shuffle(len(log), func(i, j int) { log[i], log[j] = log[j], log[i] })
			if got := picture(deliver(t, p.ws, log, p.rng).View()); got != want {
				t.Fatalf("seed %d: two orders, two states:\n%s\n---\n%s", seed, want, got)
			}
		}
	}
}

func TestOracle06_AnAccessOpHoldsOnlyWhereItWasSigned(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram", "Chiyo")
	deps := o.heads()
	v := o.sign("Ada", o.access(), crdt.TypeGrant, (&Grant{Rank: Owner, User: o.user("Bram"), Role: Admin}).Append(nil), deps, deps)
	verify := func(ws crdt.WorkspaceID, change func(*crdt.Op)) error {
		op := *v.Op()
		change(&op)
		_, err := crdt.VerifyOp(ws, o.desks["Ada"].dsk.Public().(ed25519.PublicKey), op)
		return err
	}
	if err := verify(o.ws, func(*crdt.Op) {}); err != nil {
		t.Fatal(err)
	}
	if verify(crdt.WorkspaceID{1}, func(*crdt.Op) {}) == nil {
		t.Fatal("holds in another workspace")
	}
	if verify(o.ws, func(op *crdt.Op) { op.Type = crdt.TypeDemote }) == nil {
		t.Fatal("holds as another type")
	}
	o.refused(v, o.give(o.private("Bram", false), v)) // and in another scope
	if err := o.give(o.access(), v); err != nil {
		t.Fatal(err)
	}
	// What Bram says in one channel does not hold in another that he is in as well.
	here, there := o.private("Bram", false), o.private("Bram", false, "Chiyo")
	said := o.sign("Bram", here, crdt.TypeContent, []byte("sealed"), nil, o.heads())
	if err := o.give(there, said); !errors.Is(err, ErrInadmissible) || !strings.Contains(err.Error(), "log of another") {
		t.Fatalf("moved to another channel: %v", err)
	}
	// What its body carries is bound to this workspace too: a certificate, and a claim for another invitation.
	ada := o.desks["Ada"]
	cert := NewDeviceCert(crdt.WorkspaceID{1}, public(ada.rk), testBox("x"), 0, 0, CertSigners{ada.rk, testKey("x"), testKey("y")})
	o.refused(o.try("Ada", &DeviceAdd{Cert: *cert}))
	one, key := o.invite("Ada", Owner, Member, InviteAuto, 0)
	two, _ := o.invite("Ada", Owner, Member, InviteAuto, 0)
	o.refused(o.try("Ada", &Admit{Rank: Owner, Invite: two, Claim: o.claim("Noor", key)}))
	o.do("Ada", &Admit{Rank: Owner, Invite: one, Claim: o.claim("Noor", key)})
}

func TestOracle20_AnAccessLogsClockNeverGoesBack(t *testing.T) {
	o := newOffice(t)
	key, d := o.signer("Ada")
	tip := d.tips[logKey(o.access(), crdt.ClassAccess)]
	for _, back := range []crdt.HLC{1, 0} {
		h := tip.Next(crdt.TypeMerge, o.now, crdt.EpochID{}, crdt.HeadsDigest(o.heads()), o.heads())
		h.HLC = tip.HLC - back
		v, err := crdt.Sign(o.ws, key, h, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.give(o.access(), v); (back > 0) != errors.Is(err, ErrInadmissible) {
			t.Fatalf("%d back: %v", back, err)
		}
	}
}

func TestOracle24_OwnersPromotionStandsAgainstAdminsRemoval(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram", "Chiyo", "Emil", "Farah")
	o.do("Ada", &Grant{Rank: Owner, User: o.user("Bram"), Role: Admin})
	o.do("Ada", &Grant{Rank: Owner, User: o.user("Chiyo"), Role: Admin})
	fork := o.heads()
	o.from(fork, "Bram", &Remove{Rank: Admin, User: o.user("Emil")})
	o.from(fork, "Ada", &Grant{Rank: Owner, User: o.user("Emil"), Role: Moderator})
	o.expect("Emil", "moderator")
	o.from(fork, "Bram", &Remove{Rank: Admin, User: o.user("Farah")})
	o.from(fork, "Chiyo", &Grant{Rank: Admin, User: o.user("Farah"), Role: Moderator})
	o.expect("Farah", "nobody")
}

func TestOracle25_WhoEnteredOnlyThroughARemovedAdminIsOut(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram", "Chiyo")
	o.do("Ada", &Grant{Rank: Owner, User: o.user("Bram"), Role: Admin})
	o.do("Ada", &Grant{Rank: Owner, User: o.user("Chiyo"), Role: Admin})
	fork := o.heads()
	// Ada removes Bram, who is offline, does not know it, and brings in Emil, Farah and Noor.
	key, other := testKey("Bram's invitation"), testKey("Chiyo's invitation")
	inv := o.from(fork, "Bram", &InviteCreate{Rank: Admin, Pub: public(key), Role: Member, Mode: InviteAuto})
	in := map[string]crdt.OpID{}
	for _, name := range []string{"Emil", "Farah", "Noor"} {
		in[name] = o.from([]crdt.OpID{inv}, "Bram", &Admit{Rank: Admin, Invite: inv, Claim: o.claim(name, key)})
	}
	// Farah was let in by Chiyo as well, through an invitation of her own.
	theirs := o.from(fork, "Chiyo", &InviteCreate{Rank: Admin, Pub: public(other), Role: Member, Mode: InviteAuto})
	o.from([]crdt.OpID{theirs}, "Chiyo", &Admit{Rank: Admin, Invite: theirs, Claim: o.claim("Farah", other)})
	o.expect("Emil", "member")
	before := o.st.View()
	o.from(fork, "Ada", &Remove{Rank: Owner, User: o.user("Bram")})
	o.expect("Bram", "nobody")
	o.expect("Emil", "nobody")
	o.expect("Noor", "nobody")
	o.expect("Farah", "member")
	if ok, _ := o.st.View().Effective(in["Emil"]); ok {
		t.Fatal("Bram's Admit still counts")
	}
	if ok, _ := before.Effective(in["Emil"]); !ok {
		t.Fatal("the older view changed")
	}
}

func TestOracle26_OwnersCannotRemoveEachOther(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram")
	o.do("wk", &Grant{Rank: WorkspaceKey, User: o.user("Bram"), Role: Owner})
	o.expect("Bram", "owner")
	fork := o.heads()
	o.refused(o.write("Ada", o.access(), &Remove{Rank: Owner, User: o.user("Bram")}, fork, nil))
	o.refused(o.write("Bram", o.access(), &Remove{Rank: Owner, User: o.user("Ada")}, fork, nil))
	// Nor does claiming a higher rank help; the key from the recovery kit does.
	o.refused(o.write("Bram", o.access(), &Remove{Rank: Quorum, User: o.user("Ada")}, fork, nil))
	o.do("wk", &Remove{Rank: WorkspaceKey, User: o.user("Ada")})
	o.expect("Ada", "nobody")
}

func TestOracle27_AnInvitationForOneUsedInTwoPlacesLetsOneIn(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram", "Chiyo")
	inv, key := o.invite("Ada", Owner, Member, InviteAuto, 1)
	fork := o.heads()
	o.from(fork, "Bram", &Admit{Rank: Owner, Invite: inv, Claim: o.claim("Emil", key)})
	o.from(fork, "Chiyo", &Admit{Rank: Owner, Invite: inv, Claim: o.claim("Farah", key)})
	o.expect("Emil", "member") // the earlier reading
	o.expect("Farah", "nobody")
	if r := o.st.View().Requests(); len(r) != 1 || r[0].User != o.user("Farah") {
		t.Fatalf("Farah does not wait for approval: %+v", r)
	}
	rng := rand.New(rand.NewPCG(5, 5))
	want := picture(o.st.View())
	for range 20 {
		log := append([]written(nil), o.log...)
		rng.Shuffle(len(log), func(i, j int) { log[i], log[j] = log[j], log[i] })
		if picture(deliver(t, o.ws, log, rng).View()) != want {
			t.Fatal("another copy let in somebody else")
		}
	}
	o.refused(o.try("Bram", &Admit{Rank: Owner, Invite: inv, Claim: o.claim("Noor", key)}))
	o.refused(o.try("Farah", &Profile{})) // whose past holds both Admits
	// An owner approves Farah by hand, which the count does not bind.
	o.do("Ada", &Admit{Rank: Owner, Invite: inv, Approved: true, Claim: o.claim("Farah", key)})
	o.expect("Farah", "member")
}

func TestOracle28_ExpiredOrRevokedInvitationsLetNobodyIn(t *testing.T) {
	o := newOffice(t)
	o.hire("Bram")
	o.do("Ada", &Grant{Rank: Owner, User: o.user("Bram"), Role: Admin})
	key := testKey("short")
	soon := crdt.HLCAt(o.now.Add(3e9))
	inv := o.do("Ada", &InviteCreate{Rank: Owner, Pub: public(key), Role: Member, Mode: InviteAuto, Expires: soon})
	o.do("Ada", &Admit{Rank: Owner, Invite: inv, Claim: o.claim("Chiyo", key)})
	o.now = o.now.Add(60e9)
	o.refused(o.try("Ada", &Admit{Rank: Owner, Invite: inv, Claim: o.claim("Emil", key)}))

	key = testKey("to be revoked")
	inv = o.do("Bram", &InviteCreate{Rank: Admin, Pub: public(key), Role: Member, Mode: InviteAuto})
	fork := o.heads()
	o.from(fork, "Chiyo", &Admit{Rank: Admin, Invite: inv, Claim: o.claim("Farah", key)})
	o.expect("Farah", "member")
	o.from(fork, "Bram", &InviteRevoke{Rank: Admin, Invite: inv}) // had not seen Farah come
	o.expect("Farah", "nobody")
	o.refused(o.try("Chiyo", &Admit{Rank: Admin, Invite: inv, Claim: o.claim("Noor", key)}))
}

func TestOracle29_NoOpMakesAnAdminARecipientOfAPrivateChannel(t *testing.T) {
	s := newStage(t)
	admitted := 0
	for seed := range uint64(150) {
		p := s.play(t, 50_000+seed, false)
		g := &ChannelGenesis{Founder: p.users["Farah"], Members: []ChannelMember{{User: p.users["Noor"], Role: Poster}}, Post: Poster}
		scope := PrivateScope(p.ws, g)
		p.inScope("Farah", scope, g, nil)
		for range 40 {
			if p.rng.IntN(2) == 0 {
				p.step()
			} else if p.inScope(p.people[p.rng.IntN(4)], scope, p.drawChannel(scope), p.st.View().AccessHeads(scope)) {
				admitted++
			}
			for _, r := range p.st.View().Recipients(scope) {
				if r.User != p.users["Farah"] && r.User != p.users["Noor"] {
					t.Fatalf("seed %d: somebody else became a recipient", seed)
				}
			}
		}
	}
	if admitted > 0 {
		t.Fatalf("%d ops by people outside were admitted into the channel", admitted)
	}
}

func (p *play) drawChannel(scope crdt.ScopeID) Body {
	user, rank := p.users[p.people[p.rng.IntN(4)]], ChannelRole(p.rng.IntN(4))
	switch p.rng.IntN(5) {
	case 0:
		return &ChannelRemove{Scope: scope, Rank: rank, User: p.users["Farah"]}
	case 1:
		return &ChannelPolicy{Scope: scope, Rank: rank, Set: SetPost, Post: Reader}
	case 2:
		return &ChannelGenesis{Founder: user, Post: Poster}
	case 3:
		return &Merge{}
	}
	return &ChannelGrant{Scope: scope, Rank: rank, User: user, Role: ChannelRole(p.rng.IntN(4))}
}

// inScope writes an op into a private scope and answers whether it was admitted.
func (p *play) inScope(name string, scope crdt.ScopeID, b Body, deps []crdt.OpID) bool {
	key := p.keys[name]
	pub := public(key)
	log := crdt.NewLogID(p.ws, scope, pub[:], crdt.ClassAccess, crdt.Incarnation(p.rng.Uint64()))
	tip := crdt.Tip{Log: log, Device: crdt.RefOf(pub[:])}
	heads := p.st.View().AuthHeads(scope)
	if len(heads) > crdt.MaxHeads || len(deps) > crdt.MaxDeps {
		return false
	}
	v, err := crdt.Sign(p.ws, key, tip.Next(b.Type(), start, crdt.EpochID{}, crdt.HeadsDigest(heads), deps), b.Append(nil), heads)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err = p.st.Readmit(scope, v); err != nil && !errors.Is(err, ErrInadmissible) {
		p.t.Fatal(err)
	}
	return err == nil
}
