package access

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"hallway/crdt"
)

// The people of the stories. An office is one copy of the workspace with everybody's keys at hand; each op is written
// by somebody's device from what a given set of heads had seen.

type desk struct {
	name      string
	user      UserID
	rk        ed25519.PrivateKey
	dsk, dtk  ed25519.PrivateKey
	comer     *NewComer
	tips      map[string]crdt.Tip
	incarnate crdt.Incarnation
}

type office struct {
	t     testing.TB
	ws    crdt.WorkspaceID
	st    *State
	wk    ed25519.PrivateKey
	rng   *rand.Rand
	now   time.Time
	desks map[string]*desk
	log   []written
}

type written struct {
	scope crdt.ScopeID
	v     crdt.Verified
}

func testKey(label string) ed25519.PrivateKey {
	seed := crdt.Hash("hallway/test/key/v1", []byte(label))
	return ed25519.NewKeyFromSeed(seed[:])
}

func testBox(label string) BoxKey {
	return BoxKey{X25519: crdt.Hash("hallway/test/box/v1", []byte(label))}
}

func newDesk(name string) *desk {
	d := &desk{
		name: name, rk: testKey(name + " rk"), dsk: testKey(name + " dsk"), dtk: testKey(name + " dtk"),
		tips: map[string]crdt.Tip{}, incarnate: 7,
	}
	d.comer = &NewComer{
		Recovery: testBox(name + " recovery"), DEK: testBox(name + " dek"), Puk: Puk{Gen: 1, Key: testBox(name + " puk")},
		Created: crdt.HLCAt(start), RK: d.rk, DSK: d.dsk, DTK: d.dtk,
	}
	return d
}

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// newOffice is a workspace that Ada founded.
func newOffice(t testing.TB) *office {
	o := &office{t: t, wk: testKey("wk"), rng: rand.New(rand.NewPCG(1, 2)), now: start, desks: map[string]*desk{}}
	ada := newDesk("Ada")
	g := NewGenesis([32]byte{1}, false, o.wk, ada.comer)
	payload := g.Append(nil)
	o.ws = crdt.WorkspaceIDOf(payload)
	o.st = New(o.ws)
	o.take(ada)
	o.must(o.write("Ada", o.access(), g, nil, nil))
	if t, ok := t.(*testing.T); ok {
		t.Cleanup(func() { o.retold(t) })
	}
	return o
}

// retold plays the story to other copies in other orders; each must end up with the same.
func (o *office) retold(t *testing.T) {
	if t.Failed() {
		return
	}
	want := picture(o.st.View())
	for range 5 {
		log := append([]written(nil), o.log...)
		o.rng.Shuffle(len(log), func(i, j int) { log[i], log[j] = log[j], log[i] })
		if got := picture(deliver(t, o.ws, log, o.rng).View()); got != want {
			t.Errorf("told in another order the story ends otherwise:\n%s\n---\n%s", want, got)
			return
		}
	}
}

func (o *office) access() crdt.ScopeID { return crdt.AccessScope(o.ws) }

func (o *office) take(d *desk) *desk {
	d.user = UserIDOf(o.ws, d.rk.Public().(ed25519.PublicKey))
	o.desks[d.name] = d
	return d
}

func (o *office) user(name string) UserID { return o.desks[name].user }

func (o *office) must(v crdt.Verified, err error) crdt.OpID {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
	return v.ID()
}

func (o *office) refused(v crdt.Verified, err error) {
	o.t.Helper()
	if !errors.Is(err, ErrInadmissible) {
		o.t.Fatalf("want the op refused for good, got %v", err)
	}
}

// do writes an access op as of everything that the office knows.
func (o *office) do(name string, b Body) crdt.OpID {
	o.t.Helper()
	return o.must(o.try(name, b))
}

func (o *office) try(name string, b Body) (crdt.Verified, error) {
	o.t.Helper()
	return o.write(name, o.access(), b, o.st.View().AccessHeads(o.access()), nil)
}

// from writes an access op as of these heads alone.
func (o *office) from(heads []crdt.OpID, name string, b Body) crdt.OpID {
	o.t.Helper()
	return o.must(o.write(name, o.access(), b, heads, nil))
}

func (o *office) heads() []crdt.OpID { return o.st.View().AccessHeads(o.access()) }

// signer answers the key and the log of somebody: a person's device, "Ada/rk" for a recovery key, "Ada/2" for a second
// device, "wk" for the workspace key.
func (o *office) signer(name string) (ed25519.PrivateKey, *desk) {
	if d := o.desks[name]; d != nil {
		return d.dsk, d
	}
	key := testKey(name)
	if name == "wk" {
		key = o.wk
	}
	var who string
	if n, _ := fmt.Sscanf(name, "rk:%s", &who); n == 1 {
		key = o.desks[who].rk
	}
	d := &desk{name: name, dsk: key, tips: map[string]crdt.Tip{}, incarnate: 7}
	o.desks[name] = d
	return key, d
}

// write signs an op and gives it to the office's state. authHeads nil means the deps.
func (o *office) write(name string, scope crdt.ScopeID, b Body, deps, authHeads []crdt.OpID) (crdt.Verified, error) {
	o.t.Helper()
	if authHeads == nil {
		authHeads = deps
	}
	v := o.sign(name, scope, b.Type(), b.Append(nil), deps, authHeads)
	return v, o.give(scope, v)
}

func (o *office) give(scope crdt.ScopeID, v crdt.Verified) error {
	_, err := o.st.Admit(scope, v)
	if err == nil {
		o.log = append(o.log, written{scope, v})
		o.advance(scope, v)
	}
	return err
}

func (o *office) advance(scope crdt.ScopeID, v crdt.Verified) {
	for _, d := range o.desks {
		key := logKey(scope, v.Op().Type.Class())
		if tip, ok := d.tips[key]; ok && tip.Log == v.Op().Log && tip.Seq == v.Op().Seq {
			d.tips[key] = tip.After(v)
		}
	}
}

func logKey(scope crdt.ScopeID, c crdt.Class) string { return fmt.Sprintf("%s/%d", scope, c) }

// sign makes the op without giving it to anybody.
func (o *office) sign(name string, scope crdt.ScopeID, typ crdt.Type, payload []byte, deps, authHeads []crdt.OpID) crdt.Verified {
	o.t.Helper()
	key, d := o.signer(name)
	lk := logKey(scope, typ.Class())
	tip, ok := d.tips[lk]
	if !ok {
		pub := key.Public().(ed25519.PublicKey)
		tip = crdt.Tip{Log: crdt.NewLogID(o.ws, scope, pub, typ.Class(), d.incarnate), Device: crdt.RefOf(pub)}
		d.tips[lk] = tip
	}
	o.now = o.now.Add(time.Second)
	var epoch crdt.EpochID
	if typ.Sealed() {
		epoch = crdt.EpochID{1}
	}
	h := tip.Next(typ, o.now, epoch, crdt.HeadsDigest(authHeads), deps)
	v, err := crdt.Sign(o.ws, key, h, payload, authHeads)
	if err != nil {
		o.t.Fatal(err)
	}
	return v
}

// invite makes an invitation and answers its op and key.
func (o *office) invite(by string, rank Role, role Role, mode InviteMode, uses uint32) (crdt.OpID, ed25519.PrivateKey) {
	o.t.Helper()
	key := testKey(fmt.Sprint("invite ", len(o.log), o.now))
	return o.do(by, &InviteCreate{Rank: rank, Pub: public(key), Role: role, Mode: mode, MaxUses: uses}), key
}

// claim is the newcomer's claim for an invitation.
func (o *office) claim(name string, key ed25519.PrivateKey) []byte {
	d := o.desks[name]
	if d == nil {
		d = o.take(newDesk(name))
	}
	return NewJoinClaim(o.ws, key, d.comer).Append(nil)
}

// hire lets people in as members through an invitation by Ada.
func (o *office) hire(names ...string) {
	o.t.Helper()
	inv, key := o.invite("Ada", Owner, Member, InviteAuto, 0)
	for _, name := range names {
		o.do("Ada", &Admit{Rank: Owner, Invite: inv, Claim: o.claim(name, key)})
	}
}

func (o *office) role(name string) string {
	r, ok := o.st.View().Role(o.user(name))
	if !ok {
		return "nobody"
	}
	return r.String()
}

func (o *office) expect(name, role string) {
	o.t.Helper()
	if got := o.role(name); got != role {
		o.t.Fatalf("%s is %s, want %s", name, got, role)
	}
}
