package access

import (
	"fmt"
	"testing"

	"hallway/crdt"
)

// company is a history of a workspace of many people: invitations by a few admins, everybody let in by somebody, then
// profiles, devices, key rotations, channels and roles, with some concurrency throughout. Bodies carry no signatures
// and go through Readmit, as ops from the store do.
func company(t testing.TB, people, ops int) (*office, []written) {
	o := newOffice(t)
	give := func(name string, v crdt.Verified) {
		w := written{o.access(), v}
		if _, err := o.st.Readmit(w.scope, w.v); err != nil {
			t.Fatal(err)
		}
		o.log = append(o.log, w)
		o.quickAdvance(name, v)
	}
	heads := func() []crdt.OpID {
		ids := make([]crdt.OpID, 0, 8)
		for _, n := range o.st.core.heads {
			ids = append(ids, o.st.ops[n].id)
		}
		return crdt.SortHeads(ids)
	}
	do := func(name string, deps []crdt.OpID, b Body) crdt.OpID {
		v := o.sign(name, o.access(), b.Type(), b.Append(nil), deps, deps)
		give(name, v)
		return v.ID()
	}
	base := newDesk("base")
	key := testKey("the invitation")
	inv := do("Ada", heads(), &InviteCreate{Rank: Owner, Pub: public(key), Role: Member, Mode: InviteAuto, MaxUses: uint32(people)})
	claim := NewJoinClaim(o.ws, key, base.comer)
	names := []string{"Ada"}
	for i := 1; i < people; i++ {
		name := fmt.Sprint("p", i)
		d := &desk{name: name, dsk: testKey(name), rk: testKey(name + " rk"), tips: map[string]crdt.Tip{}, incarnate: 7}
		o.take(d)
		claim.Who.RK, claim.Who.Device.RK, claim.Who.Device.Signer = public(d.rk), public(d.rk), public(d.rk)
		claim.Who.Device.DSK = public(d.dsk)
		before := heads()
		do(names[o.rng.IntN(len(names))], before, &Admit{Rank: Owner, Invite: inv, Claim: claim.Append(nil)})
		names = append(names, name)
	}
	for len(o.log) < ops {
		name := names[o.rng.IntN(len(names))]
		other := o.user(names[o.rng.IntN(len(names))])
		before := heads()
		if o.rng.IntN(4) == 0 {
			do(names[o.rng.IntN(len(names))], before, &Profile{})
		}
		switch o.rng.IntN(10) {
		case 0:
			do("Ada", before, &Grant{Rank: Owner, User: other, Role: Moderator})
		case 1:
			do(name, before, &ChannelCreate{Salt: [32]byte{byte(len(o.log)), byte(len(o.log) >> 8), byte(len(o.log) >> 16)}})
		case 2:
			do(name, before, &PukRotate{Puk: Puk{Gen: o.lastGen(name) + 1}})
		default:
			do(name, before, &Profile{})
		}
	}
	return o, o.log
}

func (o *office) lastGen(name string) uint64 {
	var last uint64
	for _, n := range o.st.users[o.st.userNo(o.user(name))].puks {
		last = max(last, pukOf(o.st.ops[n]).Gen)
	}
	return last
}

func (o *office) quickAdvance(name string, v crdt.Verified) {
	lk := logKey(o.access(), crdt.ClassAccess)
	o.desks[name].tips[lk] = o.desks[name].tips[lk].After(v)
}

// BenchmarkFold folds 50,000 ops of 5,000 people from nothing, as a start does.
func BenchmarkFold(b *testing.B) {
	o, log := company(b, 5000, 50_000)
	for b.Loop() {
		st := New(o.ws)
		for _, w := range log {
			if _, err := st.Readmit(w.scope, w.v); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkOneMore adds one op to 50,000, and takes a view, as every op that arrives does.
func BenchmarkOneMore(b *testing.B) {
	o, _ := company(b, 5000, 50_000)
	n := 0
	for b.Loop() {
		n++
		who := o.user(fmt.Sprint("p", 1+n%4000))
		var body Body = &Grant{Rank: Owner, User: who, Role: Admin}
		if n%2 == 0 {
			body = &Remove{Rank: Owner, User: who}
		}
		b.StopTimer()
		deps := o.st.View().AccessHeads(o.access())
		v := o.sign("Ada", o.access(), body.Type(), body.Append(nil), deps, deps)
		b.StartTimer()
		if _, err := o.st.Readmit(o.access(), v); err != nil {
			b.Fatal(err)
		}
		o.st.View()
		b.StopTimer()
		o.quickAdvance("Ada", v)
		b.StartTimer()
	}
}

// BenchmarkContent judges an op of content whose access heads were asked about before.
func BenchmarkContent(b *testing.B) {
	o := newOffice(b)
	o.hire("Bram")
	salt := [32]byte{3}
	o.do("Bram", &ChannelCreate{Salt: salt, Post: Poster})
	scope := PublicScope(o.ws, o.user("Bram"), salt)
	v := o.sign("Bram", scope, crdt.TypeContent, []byte("sealed"), nil, o.st.View().AuthHeads(scope))
	for b.Loop() {
		if _, err := o.st.Admit(scope, v); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStale asks the send rule's question in a workspace of 5,000 people, as the first send after an access op does.
func BenchmarkStale(b *testing.B) {
	o, _ := company(b, 5000, 20_000)
	heads := o.st.View().AuthHeads(o.access())
	for b.Loop() {
		v := o.st.View()
		clear(v.stale)
		if stale, err := v.Stale(o.access(), heads); stale || err != nil {
			b.Fatal(stale, err)
		}
	}
}

// BenchmarkRecipients lists whom an epoch of 5,000 people is wrapped to.
func BenchmarkRecipients(b *testing.B) {
	o, _ := company(b, 5000, 20_000)
	for b.Loop() {
		v := o.st.View()
		clear(v.recipients)
		if n := len(v.Recipients(o.access())); n != 5000 {
			b.Fatal(n)
		}
	}
}
