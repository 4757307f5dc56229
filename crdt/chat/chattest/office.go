// Package chattest is a workspace for tests: named people with real keys, whose ops are signed and admitted as anybody's,
// and whose words are opened without a cipher in between. Only tests and benchmarks import it.
package chattest

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
)

// Start is when the workspace was founded.
var Start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Office is one workspace with everybody's keys at hand.
type Office struct {
	t      testing.TB
	ws     crdt.WorkspaceID
	state  *access.State
	people map[string]*person
	invite ed25519.PrivateKey
	inv    crdt.OpID
	names  map[access.UserID]string
	now    time.Time
}

type person struct {
	user access.UserID
	key  *access.NewComer
	logs map[string]crdt.Tip
}

// New is a workspace that the first of the people founded and invited the others to, as members.
func New(t testing.TB, founder string, others ...string) *Office {
	t.Helper()
	o := &Office{t: t, people: map[string]*person{}, names: map[access.UserID]string{}, now: Start, invite: key("invite")}
	p := newPerson(founder)
	g := access.NewGenesis([32]byte{1}, false, key("wk"), p.key)
	o.ws = crdt.WorkspaceIDOf(g.Append(nil))
	o.state = access.New(o.ws)
	o.know(founder, p)
	o.do(founder, g)
	pub := access.KeyOf(o.invite.Public().(ed25519.PublicKey))
	o.inv = o.do(founder, &access.InviteCreate{Rank: access.Owner, Pub: pub, Role: access.Member, Mode: access.InviteAuto})
	for _, name := range others {
		p := newPerson(name)
		o.know(name, p)
		claim := access.NewJoinClaim(o.ws, o.invite, p.key).Append(nil)
		o.do(founder, &access.Admit{Rank: access.Owner, Invite: o.inv, Claim: claim})
	}
	return o
}

// Promote gives somebody a role; the founder does it.
func (o *Office) Promote(founder, name string, role access.Role) {
	o.t.Helper()
	o.do(founder, &access.Grant{Rank: access.Owner, User: o.User(name), Role: role})
}

// Channel is a public channel that somebody creates; n tells his channels apart.
func (o *Office) Channel(creator string, n byte) crdt.ScopeID {
	o.t.Helper()
	b := &access.ChannelCreate{Salt: [32]byte{n}, Post: access.Poster, Name: access.Sealed{Epoch: crdt.EpochID{1}, Box: []byte{n}}}
	o.do(creator, b)
	return access.PublicScope(o.ws, o.User(creator), b.Salt)
}

// User is somebody's id.
func (o *Office) User(name string) access.UserID { return o.people[name].user }

// Name is how a transcript calls an author.
func (o *Office) Name(a chat.Author) string {
	if name, ok := o.names[a.User]; ok {
		return name
	}
	return "nobody"
}

func (o *Office) access() crdt.ScopeID { return crdt.AccessScope(o.ws) }

// Pen is a log of somebody's that is being written: his device in one of its incarnations.
type Pen struct {
	o    *Office
	name string
	tip  crdt.Tip
	in   crdt.ScopeID
}

// Pen opens a log of somebody's in a scope; n is its incarnation.
func (o *Office) Pen(name string, scope crdt.ScopeID, n uint64) *Pen {
	pub := o.people[name].key.DSK.Public().(ed25519.PublicKey)
	return &Pen{o: o, name: name, in: scope, tip: crdt.Tip{
		Log: crdt.NewLogID(o.ws, scope, pub, crdt.ClassContent, crdt.Incarnation(n)), Device: crdt.RefOf(pub)}}
}

// Write writes a body at a time, having seen others' ops.
func (p *Pen) Write(at time.Time, body chat.Body, seen ...chat.Opened) chat.Opened {
	p.o.t.Helper()
	e := chat.Envelope{Body: body}
	clocks := make([]crdt.HLC, len(seen))
	for i := range seen {
		e.Deps = append(e.Deps, chat.DepOf(seen[i].Origin().ID))
		clocks[i] = seen[i].Origin().HLC
	}
	slices.SortFunc(e.Deps, func(a, b chat.Dep) int { return slices.Compare(a[:], b[:]) })
	e.Deps = slices.Compact(e.Deps)
	inner, err := e.Append(nil)
	if err != nil {
		p.o.t.Fatal(err)
	}
	opened, err := chat.Open(p.sign(crdt.TypeContent, at, inner, clocks), inner)
	if err != nil {
		p.o.t.Fatal(err)
	}
	return opened
}

// Say writes a message of text alone.
func (p *Pen) Say(at time.Time, text string, seen ...chat.Opened) chat.Opened {
	p.o.t.Helper()
	return p.Write(at, &chat.Message{Text: text}, seen...)
}

// Redact deletes ops.
func (p *Pen) Redact(at time.Time, targets ...crdt.RedactTarget) chat.Opened {
	p.o.t.Helper()
	slices.SortFunc(targets, func(a, b crdt.RedactTarget) int { return crdt.CompareIDs(a.ID, b.ID) })
	body := crdt.RedactBody{Targets: targets}
	return chat.OpenRedact(p.sign(crdt.TypeRedact, at, body.Append(nil), nil))
}

// Sealed writes a message whose key is not here, and whose payload is gone, as two forms of one op, with what it says.
func (p *Pen) Sealed(at time.Time, body chat.Body) (locked, erased, opened chat.Opened) {
	p.o.t.Helper()
	e := chat.Envelope{Body: body}
	inner, err := e.Append(nil)
	if err != nil {
		p.o.t.Fatal(err)
	}
	adm := p.sign(crdt.TypeContent, at, inner, nil)
	if opened, err = chat.Open(adm, inner); err != nil {
		p.o.t.Fatal(err)
	}
	return chat.LockedOp(adm), chat.ErasedOp(adm), opened
}

func (p *Pen) sign(typ crdt.Type, at time.Time, payload []byte, seen []crdt.HLC) access.Admitted {
	p.o.t.Helper()
	heads := p.o.state.View().AuthHeads(p.in)
	epoch := crdt.EpochID{}
	if typ.Sealed() {
		epoch[0] = 1
	}
	h := p.tip.Next(typ, at, epoch, crdt.HeadsDigest(heads), nil, seen...)
	v, err := crdt.Sign(p.o.ws, p.o.people[p.name].key.DSK, h, payload, heads)
	if err != nil {
		p.o.t.Fatal(err)
	}
	p.tip = p.tip.After(v)
	adm, err := p.o.state.Admit(p.in, v)
	if err != nil {
		p.o.t.Fatal(err)
	}
	return adm
}

func (o *Office) know(name string, p *person) {
	p.user = access.UserIDOf(o.ws, p.key.RK.Public().(ed25519.PublicKey))
	o.people[name], o.names[p.user] = p, name
}

// do writes an access op as of all that is known.
func (o *Office) do(name string, b access.Body) crdt.OpID {
	o.t.Helper()
	p := o.people[name]
	tip, ok := p.logs["access"]
	if !ok {
		pub := p.key.DSK.Public().(ed25519.PublicKey)
		tip = crdt.Tip{Log: crdt.NewLogID(o.ws, o.access(), pub, crdt.ClassAccess, 1), Device: crdt.RefOf(pub)}
	}
	var heads []crdt.OpID
	if _, founding := b.(*access.Genesis); !founding {
		heads = o.state.View().AccessHeads(o.access())
	}
	o.now = o.now.Add(time.Second)
	h := tip.Next(b.Type(), o.now, crdt.EpochID{}, crdt.HeadsDigest(heads), heads)
	v, err := crdt.Sign(o.ws, p.key.DSK, h, b.Append(nil), heads)
	if err != nil {
		o.t.Fatal(err)
	}
	if _, err := o.state.Admit(o.access(), v); err != nil {
		o.t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
	p.logs["access"] = tip.After(v)
	return v.ID()
}

func newPerson(name string) *person {
	return &person{logs: map[string]crdt.Tip{}, key: &access.NewComer{
		Recovery: box(name + " recovery"), DEK: box(name + " dek"), Puk: access.Puk{Gen: 1, Key: box(name + " puk")},
		Created: crdt.HLCAt(Start), RK: key(name + " rk"), DSK: key(name + " dsk"), DTK: key(name + " dtk"),
	}}
}

func key(label string) ed25519.PrivateKey {
	seed := crdt.Hash("hallway/test/key/v1", []byte(label))
	return ed25519.NewKeyFromSeed(seed[:])
}

func box(label string) access.BoxKey {
	return access.BoxKey{X25519: crdt.Hash("hallway/test/box/v1", []byte(label))}
}
