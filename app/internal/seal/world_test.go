package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

func publicKey(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// tester is what testing.T and rapid.T share.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// world is a company for tests: people, each with one desk, and access facts that reach desks in any order. Its access
// state is a grow-only set of facts, so that two desks that heard the same resolve the same, whatever the order; what it
// resolves to is as simple as can be (present = came and did not leave).
type world struct {
	t     tester
	ws    crdt.WorkspaceID
	key   crdt.ScopeID
	pq    bool
	hist  HistoryKind
	facts []fact
	sets  map[crdt.AuthRef]set // every state of access that some desk was ever in
	keys  map[holder]keyring.Recipient
	desks map[string]*desk
	now   time.Time
	rand  io.Reader
}

type fact struct {
	user User
	kind string // came, guest, left, rotated
}

// set is which facts a desk has heard.
type set map[int]bool

type desk struct {
	*Sealer
	w     *world
	name  string
	ring  *keyring.Ring
	kept  memory
	heard set
	tips  map[crdt.Class]crdt.Tip
}

// memory keeps ciphertexts as the store does, without a disk.
type memory map[string][]byte

func (m memory) Put(name string, ct []byte) error { m[name] = bytes.Clone(ct); return nil }
func (m memory) Get(name string) ([]byte, bool, error) {
	ct, ok := m[name]
	return ct, ok, nil
}
func (m memory) Delete(name string) error { delete(m, name); return nil }
func (m memory) List(prefix string) (names []string, err error) {
	for n := range m {
		if strings.HasPrefix(n, prefix) {
			names = append(names, n)
		}
	}
	return names, nil
}

func newWorld(t tester, pq bool, names ...string) *world {
	w := &world{
		t: t, pq: pq, ws: crdt.WorkspaceID{1}, key: crdt.ScopeID{2}, sets: map[crdt.AuthRef]set{},
		keys: map[holder]keyring.Recipient{}, desks: map[string]*desk{}, rand: rand.Reader,
		now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
	}
	for _, n := range names {
		w.join(n)
	}
	return w
}

func userOf(name string) User {
	h := crdt.Hash("test user", []byte(name))
	return User(h[:16])
}

// join brings a new person with a desk; the others have yet to hear of it.
func (w *world) join(name string) *desk {
	w.t.Helper()
	ring, err := keyring.New(w.rand)
	w.must(err)
	return w.joinWith(name, ring, "came")
}

func (w *world) joinWith(name string, ring *keyring.Ring, kind string) *desk {
	w.must(ring.Bind(w.ws, userOf(name)))
	d := &desk{w: w, name: name, ring: ring, kept: memory{}, heard: set{}, tips: map[crdt.Class]crdt.Tip{}}
	d.restart()
	w.desks[name] = d
	w.learnKey(name)
	w.fact(d, fact{user: userOf(name), kind: kind})
	return d
}

func (w *world) learnKey(name string) {
	p := w.desks[name].ring.PUKs()[0]
	r, err := p.Identity.Recipient()
	w.must(err)
	w.keys[holder{userOf(name), p.Gen}] = r
}

// restart makes the desk's sealer anew from what is kept.
func (d *desk) restart() {
	e, err := d.ring.Epochs(d.kept)
	d.w.must(err)
	d.Sealer = New(Options{Workspace: d.w.ws, Ring: d.ring, Epochs: e, Rand: d.w.rand})
}

// fact happens at a desk: there it is known at once.
func (w *world) fact(at *desk, f fact) {
	w.facts = append(w.facts, f)
	at.heard[len(w.facts)-1] = true
}

// meet lets desks hear all that any of them knows of access.
func (w *world) meet(names ...string) {
	all := set{}
	for _, n := range names {
		maps.Copy(all, w.desks[n].heard)
	}
	for _, n := range names {
		maps.Copy(w.desks[n].heard, all)
	}
}

func (w *world) remove(by, who string) {
	w.fact(w.desks[by], fact{user: userOf(who), kind: "left"})
}

// rotate gives a person a new PUK, as after the loss of a device.
func (w *world) rotate(who string) {
	d := w.desks[who]
	id, err := keyring.NewIdentity(w.rand)
	w.must(err)
	w.must(d.ring.AddPUK(keyring.PUK{Gen: d.ring.PUKs()[0].Gen + 1, Identity: id}))
	w.learnKey(who)
	w.fact(d, fact{user: userOf(who), kind: "rotated"})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// view is one state of access as a desk sees it.
type view struct {
	w     *world
	heard set
	auth  crdt.AuthRef
}

func (d *desk) view() *view {
	heard := maps.Clone(d.heard)
	v := &view{d.w, heard, digest(heard)}
	d.w.sets[v.auth] = heard
	return v
}

func digest(s set) crdt.AuthRef {
	var heads []crdt.OpID
	for i := range s {
		heads = append(heads, crdt.OpID{byte(i >> 8), byte(i), 1})
	}
	return crdt.HeadsDigest(heads)
}

func (v *view) PQ() bool { return v.w.pq }
func (v *view) KeyScope(s crdt.ScopeID) crdt.ScopeID {
	if s[0] == 9 { // a public channel of this world
		return v.w.key
	}
	return s
}
func (v *view) Auth(crdt.ScopeID) crdt.AuthRef      { return v.auth }
func (v *view) Recipients(crdt.ScopeID) []Recipient { return v.w.resolve(v.heard) }
func (v *view) History(crdt.ScopeID) History        { return History{Kind: v.w.hist, Days: 7} }

func (v *view) RecipientsAt(_ crdt.ScopeID, auth crdt.AuthRef) ([]Recipient, bool) {
	s, ok := v.w.sets[auth]
	if !ok {
		return nil, false
	}
	for i := range s {
		if !v.heard[i] {
			return nil, false
		}
	}
	return v.w.resolve(s), true
}

func (v *view) Lost(_ crdt.ScopeID, auth crdt.AuthRef) bool {
	for i := range v.heard {
		if k := v.w.facts[i].kind; !v.w.sets[auth][i] && (k == "left" || k == "rotated") {
			return true
		}
	}
	return false
}

func (v *view) UserOf(sign [32]byte) (User, bool) {
	for name, d := range v.w.desks {
		if bytes.Equal(publicKey(d.ring.SignKey()), sign[:]) {
			_, ok := v.RecipientOf(userOf(name))
			return userOf(name), ok
		}
	}
	return User{}, false
}

func (v *view) RecipientOf(u User) (Recipient, bool) { return find(v.w.resolve(v.heard), u) }

func (w *world) resolve(s set) []Recipient {
	gens, guests, gone := map[User]uint32{}, map[User]bool{}, map[User]bool{}
	for i := range s {
		switch f := w.facts[i]; f.kind {
		case "came":
			gens[f.user]++
		case "guest":
			gens[f.user]++
			guests[f.user] = true
		case "rotated":
			gens[f.user]++
		case "left":
			gone[f.user] = true
		}
	}
	var out []Recipient
	for u, g := range gens {
		if !gone[u] {
			out = append(out, Recipient{User: u, Gen: g, Key: w.keys[holder{u, g}], Guest: guests[u]})
		}
	}
	slices.SortFunc(out, func(a, b Recipient) int { return bytes.Compare(a.User[:], b.User[:]) })
	return out
}

// write signs an op of this desk.
func (d *desk) write(typ crdt.Type, scope crdt.ScopeID, epoch crdt.EpochID, auth crdt.AuthRef, payload func(*crdt.Header) []byte) crdt.Verified {
	d.w.t.Helper()
	sign := d.ring.SignKey()
	pub := publicKey(sign)
	tip, ok := d.tips[typ.Class()]
	if !ok {
		tip = crdt.Tip{Log: crdt.NewLogID(d.w.ws, scope, pub, typ.Class(), 7), Device: crdt.RefOf(pub)}
	}
	d.w.now = d.w.now.Add(time.Second)
	h := tip.Next(typ, d.w.now, epoch, auth, nil)
	v, err := crdt.Sign(d.w.ws, sign, h, payload(&h), nil)
	d.w.must(err)
	d.tips[typ.Class()] = tip.After(v)
	return v
}

// mint makes an epoch at a desk and takes it there.
func (d *desk) mint() (crdt.Verified, *Minted) {
	d.w.t.Helper()
	m, err := d.Mint(d.view(), d.w.key)
	d.w.must(err)
	op := d.write(crdt.TypeEpochMint, d.w.key, crdt.EpochID{}, m.Auth, func(h *crdt.Header) []byte {
		body, err := m.Body(h)
		d.w.must(err)
		return body
	})
	d.take(op)
	return op, m
}

// take hands a key op to the desk.
func (d *desk) take(op crdt.Verified) Taken {
	d.w.t.Helper()
	t, err := d.tryTake(op)
	d.w.must(err)
	return t
}

func (d *desk) tryTake(op crdt.Verified) (Taken, error) {
	switch op.Op().Type {
	case crdt.TypeEpochMint:
		return d.takeMint(d.view(), d.w.key, op.Op(), op.ID())
	case crdt.TypeKeyGrant:
		return d.takeGrant(d.view(), d.w.key, op.Op())
	default:
		return d.takeBoxes(d.view(), d.w.key, op.Op())
	}
}

// grant gives a newcomer what policy allows, as an op.
func (d *desk) grant(to string) crdt.Verified {
	d.w.t.Helper()
	v := d.view()
	return d.write(crdt.TypeKeyGrant, d.w.key, crdt.EpochID{}, v.auth, func(*crdt.Header) []byte {
		p, err := d.Grant(v, d.w.key, userOf(to), d.w.now)
		d.w.must(err)
		return p
	})
}

// say seals a message at a desk under the epoch that it may send under.
func (d *desk) say(text string) crdt.Verified {
	d.w.t.Helper()
	v := d.view()
	c, err := d.EpochToSend(v, d.w.key)
	d.w.must(err)
	return d.sayUnder(c.Epoch, text)
}

func (d *desk) sayUnder(epoch crdt.EpochID, text string) crdt.Verified {
	d.w.t.Helper()
	v := d.view()
	return d.write(crdt.TypeContent, d.w.key, epoch, v.auth, func(h *crdt.Header) []byte {
		p, err := d.SealOp(v, d.w.key, h, []byte(text))
		d.w.must(err)
		return p
	})
}

// reads reports whether the desk opens the message, and that it says what it should.
func (d *desk) reads(op crdt.Verified, text string) bool {
	d.w.t.Helper()
	got, err := d.openContent(d.w.key, op.Op())
	if err != nil {
		return false
	}
	if string(got) != text {
		d.w.t.Fatalf("%s reads %q, not %q", d.name, got, text)
	}
	return true
}
