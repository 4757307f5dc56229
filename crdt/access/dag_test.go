package access

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"hallway/crdt"
)

// stage is where random DAGs are played: one founded workspace with its people, prepared once, so that each DAG costs
// only its own ops. Bodies carry identities without signatures and are given to Readmit, which does not look at them;
// ops are signed as ever.
type stage struct {
	ws     crdt.WorkspaceID
	people []string // staff, then those outside
	keys   map[string]ed25519.PrivateKey
	users  map[string]UserID
	claims map[string]*JoinClaim
	first  []written
	known  []*naiveOp
}

var staff = []struct {
	name string
	role Role
}{{"Ada", Owner}, {"Bram", Admin}, {"Chiyo", Admin}, {"Emil", Moderator}, {"Farah", Member}, {"Noor", Member}}

var outside = []string{"Gil", "Hana", "Ivo"}

func newStage(t testing.TB) *stage {
	o := newOffice(t)
	inv, key := o.invite("Ada", Owner, Member, InviteAuto, 0)
	s := &stage{ws: o.ws, keys: map[string]ed25519.PrivateKey{}, users: map[string]UserID{}, claims: map[string]*JoinClaim{}}
	for _, p := range staff[1:] {
		o.do("Ada", &Admit{Rank: Owner, Invite: inv, Claim: o.claim(p.name, key)})
		if p.role > Member {
			o.do("Ada", &Grant{Rank: Owner, User: o.user(p.name), Role: p.role})
		}
	}
	for _, name := range outside {
		o.take(newDesk(name))
	}
	for name, d := range o.desks {
		s.keys[name], s.users[name] = d.dsk, d.user
		s.keys[name+"/2"] = testKey(name + "/2")
		s.claims[name] = NewJoinClaim(o.ws, key, d.comer)
	}
	for _, p := range staff {
		s.people = append(s.people, p.name)
	}
	s.people = append(s.people, outside...)
	s.first = o.log
	s.known = s.retell()
	return s
}

// retell writes the prepared ops down for the naive resolver.
func (s *stage) retell() []*naiveOp {
	var out []*naiveOp
	index := map[crdt.OpID]int{}
	name := func(id UserID) string {
		for n, u := range s.users {
			if u == id {
				return n
			}
		}
		return ""
	}
	for i, w := range s.first {
		op := w.v.Op()
		body, _ := ParseBody(op.Type, op.Payload)
		x := &naiveOp{id: w.v.ID(), hlc: op.HLC, kind: op.Type, author: "Ada", device: "Ada", past: make([]bool, i)}
		for j := range x.past {
			x.past[j] = true
		}
		switch b := body.(type) {
		case *Genesis:
			x.rank, x.user, x.role, x.target = int(WorkspaceKey), "Ada", int(Owner), "Ada"
		case *InviteCreate:
			x.rank, x.role, x.mode, x.uses = int(b.Rank), int(b.Role), b.Mode, int(b.MaxUses)
		case *Admit:
			claim, _ := ParseJoinClaim(b.Claim)
			who := name(claim.User(s.ws))
			x.rank, x.user, x.role, x.invite, x.target = int(b.Rank), who, int(Member), index[b.Invite], who
		case *Grant:
			x.rank, x.user, x.role = int(b.Rank), name(b.User), int(b.Role)
		}
		index[x.id] = i
		out = append(out, x)
	}
	return out
}

// play is one random DAG under way.
type play struct {
	*stage
	t     testing.TB
	rng   *rand.Rand
	st    *State
	n     *naive
	log   []written
	tips  map[string]crdt.Tip
	logs  map[crdt.OpID]crdt.Tip
	newOf map[string]string // invitation keys in use
	tried int
}

func (s *stage) play(t testing.TB, seed uint64, equals bool) *play {
	p := &play{
		stage: s, t: t, rng: rand.New(rand.NewPCG(seed, 77)), st: New(s.ws),
		n: &naive{equals: equals, asking: map[int]bool{}}, tips: map[string]crdt.Tip{},
	}
	for i, w := range s.first {
		if _, err := p.st.Readmit(w.scope, w.v); err != nil {
			t.Fatal(err)
		}
		p.n.ops = append(p.n.ops, s.known[i])
		p.log = append(p.log, w)
	}
	p.st.law.equals = equals
	return p
}

// all is the set of all ops.
func (p *play) all() []bool {
	set := make([]bool, len(p.n.ops))
	for i := range set {
		set[i] = true
	}
	return set
}

// step tries one random op at a random place; it answers the op's number, or -1 where it was not admissible.
func (p *play) step() int {
	x, body, author := p.draw()
	op := p.sign(x, body, author)
	want := p.admissible(x)
	_, err := p.st.Readmit(crdt.AccessScope(p.ws), op)
	if err != nil && !errors.Is(err, ErrInadmissible) {
		p.t.Fatalf("%v", err)
	}
	p.tried++
	if !p.n.equals && want != (err == nil) {
		p.t.Fatalf("op %d %T by %s: naive says admissible %v, state says %v", len(p.n.ops), body, author, want, err)
	}
	if err != nil {
		return -1
	}
	x.id, x.hlc = op.ID(), op.Op().HLC
	p.n.ops = append(p.n.ops, x)
	p.log = append(p.log, written{crdt.AccessScope(p.ws), op})
	p.tips[author] = crdt.Tip{Log: op.Op().Log, Device: op.Op().Device}.After(op)
	return len(p.n.ops) - 1
}

// draw makes up an op: who, what, to whom, at which rank, and what it had seen.
func (p *play) draw() (*naiveOp, Body, string) {
	r := p.rng
	author := p.people[r.IntN(len(p.people))]
	if r.IntN(3) > 0 {
		author = p.people[r.IntN(4)] // those with a rank
	}
	x := &naiveOp{author: author, device: author, invite: -1}
	if r.IntN(6) == 0 {
		x.device = author + "/2"
	}
	x.past = p.closure(x.device)
	x.user = p.people[r.IntN(len(p.people))]
	x.rank = p.n.role(x.past, author)
	if x.rank < 0 || r.IntN(5) == 0 {
		x.rank = r.IntN(5)
	}
	x.role = r.IntN(4)
	body := p.drawBody(x)
	x.kind = body.Type()
	return x, body, x.device
}

func (p *play) drawBody(x *naiveOp) Body {
	r, user := p.rng, p.users[x.user]
	switch k := r.IntN(20); {
	case k < 4:
		return &Grant{Rank: Role(x.rank), User: user, Role: Role(x.role)}
	case k < 8:
		x.role = -1
		return &Remove{Rank: Role(x.rank), User: user}
	case k < 10:
		return &Demote{Rank: Role(x.rank), User: user, Role: Role(x.role)}
	case k < 12:
		return p.drawInvite(x)
	case k < 16:
		if b := p.drawOnInvite(x); b != nil {
			return b
		}
	case k < 17:
		x.user, x.rank, x.role = x.author, 0, -1
		return &Leave{}
	case k < 18:
		x.rank, x.user, x.target = 0, "", x.author+"/2"
		if r.IntN(2) == 0 {
			x.signer = x.device
		}
		return p.drawDevice(x)
	default:
		x.target = x.user
		if r.IntN(2) == 0 {
			x.target += "/2"
		}
		if r.IntN(2) == 0 {
			x.rank = 0
		}
		return &DeviceRevoke{Rank: Role(x.rank), User: user, Device: public(p.keys[x.target])}
	}
	x.rank, x.user, x.role = 0, "", -1
	return &Merge{}
}

func (p *play) drawDevice(x *naiveOp) Body {
	cert := DeviceCert{RK: p.claims[x.author].Who.RK, DSK: public(p.keys[x.target]), Signer: p.claims[x.author].Who.RK}
	if x.signer != "" {
		cert.Signer = public(p.keys[x.signer])
	}
	return &DeviceAdd{Cert: cert}
}

func (p *play) drawInvite(x *naiveOp) Body {
	x.user, x.mode, x.uses = "", InviteAuto, p.rng.IntN(3)
	if p.rng.IntN(3) == 0 {
		x.mode = InviteApprove
	}
	return &InviteCreate{
		Rank: Role(x.rank), Pub: public(testKey(fmt.Sprint("invite", p.rng.IntN(1<<30)))), Role: Role(x.role), Mode: x.mode, MaxUses: uint32(x.uses),
	}
}

// drawOnInvite uses or revokes an invitation that the op has seen; nil where it has seen none.
func (p *play) drawOnInvite(x *naiveOp) Body {
	var seen []int
	for i, saw := range x.past {
		if saw && p.n.ops[i].kind == crdt.TypeInviteCreate {
			seen = append(seen, i)
		}
	}
	if len(seen) == 0 {
		return nil
	}
	x.invite = seen[p.rng.IntN(len(seen))]
	inv := p.n.ops[x.invite]
	if p.rng.IntN(5) == 0 {
		x.user, x.role = "", -1
		return &InviteRevoke{Rank: Role(x.rank), Invite: inv.id}
	}
	x.role, x.target = inv.role, x.user
	x.approved = p.rng.IntN(3) == 0
	if !x.approved {
		x.rank = inv.rank
	}
	claim := *p.claims[x.user]
	body, _ := ParseBody(crdt.TypeInviteCreate, p.log[x.invite].v.Op().Payload)
	claim.Invite = InviteIDOf(p.ws, body.(*InviteCreate).Pub.Public())
	return &Admit{Rank: Role(x.rank), Invite: inv.id, Approved: x.approved, Claim: claim.Append(nil)}
}

// closure is a random set of ops closed under "has in its past": often all of them, sometimes a long way back. In half
// of the cases the author continues his log, so that his own last op is among them.
func (p *play) closure(device string) []bool {
	set := make([]bool, len(p.n.ops))
	add := func(i int) {
		set[i] = true
		for j, saw := range p.n.ops[i].past {
			set[j] = set[j] || saw
		}
	}
	if p.rng.IntN(4) == 0 {
		if tip, ok := p.tips[device]; ok {
			add(p.number(tip.Prev))
		}
	} else {
		delete(p.tips, device)
	}
	for range 1 + p.rng.IntN(2) {
		add(len(p.first) - 1 + p.rng.IntN(len(set)-len(p.first)+1))
	}
	if p.rng.IntN(6) == 0 {
		for i := range set {
			set[i] = true
		}
	}
	return set
}

func (p *play) number(id crdt.OpID) int {
	return slices.IndexFunc(p.n.ops, func(x *naiveOp) bool { return x.id == id })
}

// sign makes the op of what was drawn. Its deps are the heads of its past, less where there are too many.
func (p *play) sign(x *naiveOp, body Body, device string) crdt.Verified {
	var deps []crdt.OpID
	for i, saw := range x.past {
		head := saw
		for j := i + 1; head && j < len(x.past); j++ {
			head = !x.past[j] || !p.n.ops[j].past[i]
		}
		if head {
			deps = append(deps, p.n.ops[i].id)
		}
	}
	if len(deps) > crdt.MaxDeps {
		deps = deps[len(deps)-crdt.MaxDeps:]
		p.shrink(x, deps, device)
	}
	key := p.keys[device]
	pub := key.Public().(ed25519.PublicKey)
	scope := crdt.AccessScope(p.ws)
	tip, ok := p.tips[device]
	if !ok {
		log := crdt.NewLogID(p.ws, scope, pub, crdt.ClassAccess, crdt.Incarnation(p.rng.Uint64()))
		tip = crdt.Tip{Log: log, Device: crdt.RefOf(pub)}
	}
	h := tip.Next(body.Type(), start.Add(1e9*3600*24).Add(1e6*1000*10*1), crdt.EpochID{}, crdt.HeadsDigest(deps), deps)
	h.HLC = max(h.HLC, crdt.HLC(p.rng.IntN(1<<20))<<16+crdt.HLCAt(start.Add(1e9*3600*48)))
	v, err := crdt.Sign(p.ws, key, h, body.Append(nil), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// shrink recomputes the past from the deps that were kept.
func (p *play) shrink(x *naiveOp, deps []crdt.OpID, device string) {
	set := make([]bool, len(x.past))
	ids := deps
	if tip, ok := p.tips[device]; ok {
		ids = append(slices.Clone(deps), tip.Prev)
	}
	for _, id := range ids {
		i := p.number(id)
		set[i] = true
		for j, saw := range p.n.ops[i].past {
			set[j] = set[j] || saw
		}
	}
	x.past = set
}

// admissible is static of protocol 5.2, naively.
func (p *play) admissible(x *naiveOp) bool {
	n, set := p.n, x.past
	n.ops = append(n.ops, x)
	defer func() { n.ops = n.ops[:len(n.ops)-1] }()
	mine := n.role(set, x.author)
	if !n.device(set, x.device, -1, set, -1) || mine < 0 {
		return false
	}
	auto := x.kind == crdt.TypeAdmit && !x.approved
	if x.rank > mine && !auto {
		return false
	}
	switch x.kind {
	case crdt.TypeGrant:
		return p.here(set, x.user) && x.rank > x.role
	case crdt.TypeRemove, crdt.TypeDemote:
		return p.here(set, x.user) && x.rank > n.role(set, x.user) && x.rank >= int(Moderator) && x.rank > x.role
	case crdt.TypeLeave:
		return mine != int(Owner) // only Ada owns anything here
	case crdt.TypeInviteCreate:
		if x.mode == InviteAuto {
			return x.rank > x.role && x.rank >= int(Moderator)
		}
		return x.rank >= int(Member) && (x.role <= int(Member) || x.rank > x.role)
	case crdt.TypeInviteRevoke:
		inv := n.ops[x.invite]
		return x.author == inv.author || x.rank >= inv.rank && x.rank >= int(Moderator)
	case crdt.TypeAdmit:
		return p.mayAdmit(x, mine)
	case crdt.TypeDeviceAdd:
		return !p.certified(set, x.target)
	case crdt.TypeDeviceRevoke:
		if !p.certified(set, x.target) {
			return false
		}
		if x.rank == 0 {
			return x.user == x.author
		}
		return x.rank > n.role(set, x.user) && x.rank >= int(Moderator)
	}
	return true
}

func (p *play) mayAdmit(x *naiveOp, mine int) bool {
	n, set, inv := p.n, x.past, p.n.ops[x.invite]
	for i, r := range n.ops[:len(set)] {
		if set[i] && r.kind == crdt.TypeInviteRevoke && r.invite == x.invite && n.eff(set, i) {
			return false
		}
	}
	if mine < int(Member) {
		return false
	}
	if x.approved {
		return x.rank > x.role
	}
	if inv.mode != InviteAuto || !n.eff(set, x.invite) || n.role(set, inv.author) < inv.rank {
		return false
	}
	first := n.firstIn(set, x.invite)
	return inv.uses == 0 || len(first) < inv.uses || slices.Contains(first, x.user)
}

func (p *play) here(set []bool, user string) bool {
	for i, x := range p.n.ops {
		if i < len(set) && set[i] && (x.kind == crdt.TypeGenesis || x.kind == crdt.TypeAdmit) && x.user == user {
			return true
		}
	}
	return false
}

func (p *play) certified(set []bool, device string) bool {
	for i, x := range p.n.ops {
		if i < len(set) && set[i] && x.target == device && x.kind != crdt.TypeDeviceRevoke {
			return true
		}
	}
	return false
}
