package seal

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"hallway/app/internal/keyring"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
)

// office is a workspace with the real access state: one copy of it, and everybody's key rings.
type office struct {
	t      *testing.T
	ws     crdt.WorkspaceID
	pq     bool
	st     *access.State
	now    time.Time
	people map[string]*person
	heads  map[crdt.AuthRef][]crdt.OpID
	invite ed25519.PrivateKey
	inv    crdt.OpID
	keys   []access.Admitted // key ops, as they were written
}

type person struct {
	*Sealer
	ring *keyring.Ring
	tips map[string]crdt.Tip
}

func newOffice(t *testing.T, pq bool, founder string, others ...string) *office {
	o := &office{
		t: t, pq: pq, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), people: map[string]*person{},
		heads: map[crdt.AuthRef][]crdt.OpID{},
	}
	ring, comer := o.comer()
	wk, err := ring.MakeWorkspaceKey(rand.Reader)
	o.must(err)
	g := access.NewGenesis([32]byte{1}, pq, wk.Sign(), comer)
	o.ws = crdt.WorkspaceIDOf(g.Append(nil))
	o.st = access.New(o.ws)
	o.sit(founder, ring)
	o.do(founder, o.access(), g)
	_, o.invite, err = ed25519.GenerateKey(rand.Reader)
	o.must(err)
	o.inv = o.do(founder, o.access(), &access.InviteCreate{
		Rank: access.Owner, Pub: access.KeyOf(publicKey(o.invite)), Role: access.Member, Mode: access.InviteAuto,
	}).Verified().ID()
	for _, name := range others {
		o.admit(founder, name)
	}
	return o
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) access() crdt.ScopeID { return crdt.AccessScope(o.ws) }

func (o *office) comer() (*keyring.Ring, *access.NewComer) {
	o.t.Helper()
	ring, err := keyring.New(rand.Reader)
	o.must(err)
	comer, err := NewComer(ring, o.pq, crdt.HLCAt(o.now), 0)
	o.must(err)
	return ring, comer
}

// sit gives a person a desk.
func (o *office) sit(name string, ring *keyring.Ring) {
	rk, _ := ring.Recovery()
	o.must(ring.Bind(o.ws, access.UserIDOf(o.ws, publicKey(rk.Sign()))))
	epochs, err := ring.Epochs(memory{})
	o.must(err)
	o.people[name] = &person{
		Sealer: New(Options{Workspace: o.ws, Ring: ring, Epochs: epochs, Rand: rand.Reader}), ring: ring, tips: map[string]crdt.Tip{},
	}
}

func (o *office) admit(by, name string) {
	o.t.Helper()
	ring, comer := o.comer()
	o.sit(name, ring)
	claim := access.NewJoinClaim(o.ws, o.invite, comer).Append(nil)
	o.do(by, o.access(), &access.Admit{Rank: access.Owner, Invite: o.inv, Claim: claim})
}

func (o *office) user(name string) User { return o.people[name].ring.User() }

func (o *office) view() View {
	return ViewOf(o.st.View(), func(ref crdt.AuthRef) ([]crdt.OpID, bool) {
		h, ok := o.heads[ref]
		return h, ok
	})
}

// write signs an op as the one writer does, and has it admitted.
func (o *office) write(name string, scope crdt.ScopeID, typ crdt.Type, epoch crdt.EpochID, payload func(*crdt.Header) []byte) access.Admitted {
	o.t.Helper()
	p := o.people[name]
	key := p.ring.SignKey()
	log := crdt.NewLogID(o.ws, scope, publicKey(key), typ.Class(), 3)
	tip, ok := p.tips[log.String()]
	if !ok {
		tip = crdt.Tip{Log: log, Device: crdt.RefOf(publicKey(key))}
	}
	o.now = o.now.Add(time.Second)
	heads := o.st.View().AuthHeads(scope)
	var deps []crdt.OpID
	if typ.Class() == crdt.ClassAccess {
		deps = o.st.View().AccessHeads(scope)
	}
	auth := crdt.HeadsDigest(heads)
	o.heads[auth] = heads
	h := tip.Next(typ, o.now, epoch, auth, deps)
	v, err := crdt.Sign(o.ws, key, h, payload(&h), heads)
	o.must(err)
	a, err := o.st.Admit(scope, v)
	o.must(err)
	p.tips[log.String()] = tip.After(v)
	if typ.Class() == crdt.ClassKeys {
		o.keys = append(o.keys, a)
	}
	return a
}

func (o *office) do(name string, scope crdt.ScopeID, b access.Body) access.Admitted {
	o.t.Helper()
	return o.write(name, scope, b.Type(), crdt.EpochID{}, func(*crdt.Header) []byte { return b.Append(nil) })
}

// say writes a message, with a mint and grants before it where they are due, as Office does.
func (o *office) say(name string, scope crdt.ScopeID, text string) access.Admitted {
	o.t.Helper()
	p, v := o.people[name], o.view()
	key := v.KeyScope(scope)
	c, err := p.EpochToSend(v, scope)
	if errors.Is(err, ErrNeedMint) {
		m, err := p.Mint(v, scope)
		o.must(err)
		o.take(name, o.write(name, key, crdt.TypeEpochMint, crdt.EpochID{}, func(h *crdt.Header) []byte {
			b, err := m.Body(h)
			o.must(err)
			return b
		}))
		c, err = p.EpochToSend(v, scope)
		o.must(err)
	} else {
		o.must(err)
	}
	for _, u := range c.Ungranted {
		o.take(name, o.write(name, key, crdt.TypeKeyGrant, crdt.EpochID{}, func(*crdt.Header) []byte {
			b, err := p.Grant(v, scope, u, o.now)
			o.must(err)
			return b
		}))
	}
	inner, err := (&chat.Envelope{Body: &chat.Message{Text: text}}).Append(nil)
	o.must(err)
	return o.write(name, scope, crdt.TypeContent, c.Epoch, func(h *crdt.Header) []byte {
		b, err := p.SealOp(v, scope, h, inner)
		o.must(err)
		return b
	})
}

func (o *office) take(name string, a access.Admitted) {
	o.t.Helper()
	_, err := o.people[name].Take(o.view(), a)
	o.must(err)
}

// catchUp hands a desk all key ops there are.
func (o *office) catchUp(name string) {
	for _, a := range o.keys {
		o.take(name, a)
	}
}

func (o *office) reads(name string, a access.Admitted) string {
	o.t.Helper()
	got, err := o.people[name].OpenOp(a)
	var miss *MissingKey
	if errors.As(err, &miss) {
		if got.State() != chat.StateLocked {
			o.t.Fatalf("without a key the op is in state %d", got.State())
		}
		return miss.State.String()
	}
	o.must(err)
	return got.Body().(*chat.Message).Text
}

func TestAWholeWorkspaceFromGenesisToARemoval(t *testing.T) {
	for name, pq := range map[string]bool{"classic": false, "post-quantum": true} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, pq, "ada", "bob")
			create := &access.ChannelCreate{Salt: [32]byte{4}, Post: access.Poster, Name: access.Sealed{Epoch: crdt.EpochID{1}, Box: []byte{1}}}
			o.do("ada", o.access(), create)
			general := access.PublicScope(o.ws, o.user("ada"), create.Salt)
			first := o.say("ada", general, "welcome")
			if got := o.reads("bob", first); got != "awaiting-mint" {
				t.Fatalf("Bob, without keys, sees %q", got)
			}
			o.catchUp("bob")
			if got := o.reads("bob", first); got != "welcome" {
				t.Fatalf("Bob reads %q", got)
			}
			o.admit("ada", "cy")
			second := o.say("bob", general, "hello Cy")
			o.catchUp("cy")
			if a, b := o.reads("cy", first), o.reads("cy", second); a != "welcome" || b != "hello Cy" {
				t.Fatalf("Cy reads %q and %q", a, b)
			}
			o.do("ada", o.access(), &access.Remove{Rank: access.Owner, User: o.user("cy")})
			for _, n := range []string{"ada", "bob"} {
				o.catchUp(n)
				if _, err := o.people[n].EpochToSend(o.view(), general); !errors.Is(err, ErrNeedMint) {
					t.Fatalf("%s would write what Cy can read: %v", n, err)
				}
			}
			third := o.say("bob", general, "Cy is gone")
			for _, n := range []string{"ada", "cy"} {
				o.catchUp(n)
			}
			if a, c := o.reads("ada", third), o.reads("cy", third); a != "Cy is gone" || c != "not-entitled" {
				t.Fatalf("Ada reads %q, Cy %q", a, c)
			}
		})
	}
}

func TestAPrivateChannelIsFoundByANotice(t *testing.T) {
	o := newOffice(t, false, "ada", "bob", "cy")
	g := &access.ChannelGenesis{
		Salt: [32]byte{5}, Founder: o.user("ada"), Post: access.Poster,
		Members: []access.ChannelMember{{User: o.user("bob"), Role: access.Poster}},
	}
	secret := access.PrivateScope(o.ws, g)
	gen := o.do("ada", secret, g)
	said := o.say("ada", secret, "between us")
	box, err := o.people["ada"].MakeNotice(o.view(), o.user("bob"), Notice{Scope: secret, Genesis: gen.Verified().ID()})
	o.must(err)
	if len(box) != access.NoticeSize {
		t.Fatalf("a notice of %d bytes", len(box))
	}
	n, ok := o.people["bob"].TryNotice(o.view(), box)
	if !ok || n.Scope != secret || n.Genesis != gen.Verified().ID() {
		t.Fatalf("Bob finds %+v", n)
	}
	if _, ok := o.people["cy"].TryNotice(o.view(), box); ok {
		t.Fatal("Cy opens a notice to Bob")
	}
	o.catchUp("bob")
	o.catchUp("cy")
	if b, c := o.reads("bob", said), o.reads("cy", said); b != "between us" || c != "not-entitled" {
		t.Fatalf("Bob reads %q, Cy %q", b, c)
	}
	want, err := o.people["cy"].Want([]crdt.EpochID{said.Verified().Op().Epoch})
	o.must(err)
	if _, err := o.people["ada"].Answer(o.view(), want); !errors.Is(err, ErrRefused) {
		t.Fatalf("Ada tells Cy: %v", err)
	}
}

func TestAPersonsNextKeyReachesHisOtherDesksAndHisRecoveryKey(t *testing.T) {
	o := newOffice(t, false, "ada", "bob")
	create := &access.ChannelCreate{Salt: [32]byte{4}, Post: access.Poster, Name: access.Sealed{Epoch: crdt.EpochID{1}, Box: []byte{1}}}
	o.do("ada", o.access(), create)
	general := access.PublicScope(o.ws, o.user("ada"), create.Salt)
	bob := o.people["bob"]
	dir, pass := t.TempDir(), keyring.Passphrase([]byte("x"), 1)
	o.must(keyring.Create(dir, pass, bob.ring))
	late, err := keyring.Open(dir, pass) // the same device, which has not heard of what follows
	o.must(err)
	body, err := NextPUK(bob.ring, o.st.View(), rand.Reader)
	o.must(err)
	o.do("bob", o.access(), body)
	said := o.say("ada", general, "hello")

	bob.ring = late
	epochs, err := late.Epochs(memory{})
	o.must(err)
	bob.Sealer = New(Options{Workspace: o.ws, Ring: late, Epochs: epochs, Rand: rand.Reader})
	o.catchUp("bob")
	if got := o.reads("bob", said); got != "awaiting-puk" {
		t.Fatalf("without his new key Bob sees %q", got)
	}
	n, err := LearnPUKs(late, o.st.View())
	if err != nil || n != 1 {
		t.Fatalf("learned %d: %v", n, err)
	}
	if got, err := bob.Retry(o.view()); err != nil || len(got.Keys) != 1 {
		t.Fatalf("retry: %+v, %v", got, err)
	}
	if got := o.reads("bob", said); got != "hello" {
		t.Fatalf("Bob reads %q", got)
	}
	rk, _ := late.Recovery()
	all := o.st.View().Puks(late.User())
	for _, w := range all[1].Puk.Wraps {
		if w.To != (crdt.DeviceRef{}) {
			continue
		}
		second, err := UnwrapPUK(false, w.Box, rk.Identity(), 2, keyring.Recipient(all[1].Puk.Key))
		o.must(err)
		if _, err := UnwrapPUK(false, all[1].Previous, second.Identity, 1, keyring.Recipient(all[0].Puk.Key)); err != nil {
			t.Fatalf("the first generation under the second: %v", err)
		}
		if _, err := UnwrapPUK(false, w.Box, rk.Identity(), 2, keyring.Recipient(all[0].Puk.Key)); !errors.Is(err, ErrWrap) {
			t.Fatalf("a key that access does not name was taken: %v", err)
		}
		return
	}
	t.Fatal("nothing is wrapped to the recovery key")
}
