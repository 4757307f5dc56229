package access

import (
	"bytes"

	"hallway/crdt"
)

// judge answers questions about rights over one set of ops of the access scope: all of them, or a causal past. Each
// question about an op asks only about ops of strictly higher rank, or, of an Admit, about its invitation and that
// one's revocations, which in turn ask only above; so every question ends (protocol 5.2).
type judge struct {
	c    *core
	all  bool
	past vector // where not all
	memo map[int32]uint8
	// onCycle is told of an op whose question came back to itself. With the law as it is that cannot happen.
	onCycle func(*opRec)
}

const (
	memoAsking = 1
	memoNo     = 2
	memoYes    = 3
)

func (j *judge) in(x *opRec) bool { return j.all || j.past.at(x.chain) >= x.pos }

// effective is eff of protocol 5.2. Over all ops it was worked out as they arrived.
func (j *judge) effective(x *opRec) bool {
	if j.memo == nil {
		return j.c.status[x.no]&statusEffective != 0
	}
	switch j.memo[x.no] {
	case memoYes:
		return true
	case memoNo:
		return false
	case memoAsking:
		if j.onCycle != nil {
			j.onCycle(x)
		}
		return false
	}
	j.memo[x.no] = memoAsking
	yes := j.decide(x)
	if yes {
		j.memo[x.no] = memoYes
	} else {
		j.memo[x.no] = memoNo
	}
	return yes
}

// decide works out whether x is effective from the standing of ops above it.
func (j *judge) decide(x *opRec) bool {
	switch x.typ {
	case crdt.TypeGrant, crdt.TypeRemove, crdt.TypeDemote, crdt.TypeInviteCreate, crdt.TypeInviteRevoke, crdt.TypePolicy:
		return j.supported(x)
	case crdt.TypeAdmit:
		return j.decideAdmit(x)
	case crdt.TypeDeviceRevoke:
		return x.rank == 0 || j.supported(x) // by one's own devices: static admissibility is enough
	case crdt.TypeDeviceAdd, crdt.TypePukRotate, crdt.TypeProfile, crdt.TypeLeave:
		return j.vouched(x.device, x, 0)
	}
	return true // no power to void
}

func (j *judge) decideAdmit(x *opRec) bool {
	inv := j.c.invites[x.invite]
	if x.autoAdmit() && !j.effective(j.c.ops[inv.op]) {
		return false
	}
	for _, n := range inv.revokes {
		if r := j.c.ops[n]; j.in(r) && r.rank >= x.rank && !r.has(x) && j.effective(r) {
			return false
		}
	}
	return j.supported(x)
}

// supported reports whether a grant in the past of x still carries it at the rank that it declares.
func (j *judge) supported(x *opRec) bool {
	return j.carried(x, x.sponsor, x.rank) && j.vouched(x.device, x, x.rank)
}

func (j *judge) carried(x *opRec, sponsor int32, rank int8) bool {
	if sponsor == none {
		return true // the workspace key
	}
	u := j.c.users[sponsor]
	for _, n := range u.grants {
		g := j.c.ops[n]
		if x.has(g) && g.role >= rank && j.stands(g) && !j.voided(u, g, x, rank) {
			return true
		}
	}
	return false
}

// voided reports whether a removal that x had not seen, or had, takes the grant g away from it.
func (j *judge) voided(u *userRec, g, x *opRec, rank int8) bool {
	for _, n := range u.removals {
		r := j.c.ops[n]
		if !j.in(r) || !j.c.law.over(r.rank, rank) || r.typ == crdt.TypeDemote && rank <= r.role {
			continue
		}
		if !r.has(x) && r != x && j.kills(r, g) && j.effective(r) {
			return true
		}
	}
	return false
}

// kills reports whether the removal r, if effective, cancels the grant g.
func (j *judge) kills(r, g *opRec) bool {
	if r.typ == crdt.TypeDemote && (g.role <= r.role || g == r) {
		return false
	}
	if r.has(g) {
		return true
	}
	if r.typ == crdt.TypeLeave || r.rank < g.rank {
		return false
	}
	// An Admit without approval is as old as its invitation: an old link does not bring back who was removed since.
	if g.autoAdmit() {
		return !j.c.ops[j.c.invites[g.invite].op].has(r)
	}
	return !g.has(r)
}

// stands is effective, and where an invitation's uses are counted, among the first.
func (j *judge) stands(g *opRec) bool {
	if j.memo == nil {
		return j.c.status[g.no]&statusStands != 0
	}
	return j.effective(g) && j.withinUses(g)
}

// withinUses reports whether the person whom g admits is among the first that its invitation lets in, in the order of
// (hlc, op id) of the effective Admits. Several Admits of one person are one use. Those approved by hand do not count.
func (j *judge) withinUses(g *opRec) bool {
	if !g.autoAdmit() {
		return true
	}
	inv := j.c.invites[g.invite]
	limit := int(j.c.ops[inv.op].body.(*InviteCreate).MaxUses)
	if limit == 0 || inv.autos <= limit {
		return true
	}
	seen := map[int32]bool{}
	for _, n := range inv.admits {
		a := j.c.ops[n]
		if !a.autoAdmit() || !j.in(a) || !j.effective(a) || seen[a.user] {
			continue
		}
		if a.user == g.user {
			return true
		}
		if seen[a.user] = true; len(seen) == limit {
			return false
		}
	}
	return true
}

// role is the highest role that the person holds, or none.
func (j *judge) role(user int32) int8 {
	if user == none {
		return none
	}
	u := j.c.users[user]
	best := int8(none)
	for _, n := range u.grants {
		g := j.c.ops[n]
		if g.role > best && j.in(g) && j.stands(g) && !j.killed(u, g) {
			best = g.role
		}
	}
	return best
}

// standing is role, as it was last worked out where the set is of all ops.
func (j *judge) standing(user int32) int8 {
	if j.memo == nil && user != none {
		return j.c.users[user].role
	}
	return j.role(user)
}

func (j *judge) killed(u *userRec, g *opRec) bool {
	for _, n := range u.removals {
		if r := j.c.ops[n]; j.in(r) && j.kills(r, g) && j.effective(r) {
			return true
		}
	}
	return false
}

// vouched reports whether the device was certified in the past of x, by devices that were in good standing then, and
// no revocation that matters at this rank had not seen x. x nil asks at the end of the set, rank none about any
// revocation.
func (j *judge) vouched(device int32, x *opRec, rank int8) bool {
	d := j.c.devs[device]
	if d.kind == devWorkspace {
		return true
	}
	if d.kind == devRecovery {
		return j.anyIn(j.c.users[d.user].identity)
	}
	if j.revoked(d, x, rank) {
		return false
	}
	for i, n := range d.sources {
		src := j.c.ops[n]
		if !j.in(src) || x != nil && src != x && !x.has(src) {
			continue
		}
		if d.signers[i] == none || d.signers[i] != device && j.vouched(d.signers[i], src, rank) {
			return true
		}
	}
	return false
}

func (j *judge) anyIn(ops []int32) bool {
	for _, n := range ops {
		if j.in(j.c.ops[n]) {
			return true
		}
	}
	return false
}

func (j *judge) revoked(d *devRec, x *opRec, rank int8) bool {
	for _, n := range d.revokes {
		r := j.c.ops[n]
		if !j.in(r) || x != nil && (r.has(x) || r == x) {
			continue
		}
		if r.rank == 0 || j.c.law.over(r.rank, rank) && j.effective(r) {
			return true
		}
	}
	return false
}

// puk is the op whose per-user key is to be used for the person, or nil: the highest generation that no revoked device
// knew. Of equal generations the lowest op id.
func (j *judge) puk(user int32) *opRec {
	u := j.c.users[user]
	var best *opRec
	for _, n := range u.puks {
		p := j.c.ops[n]
		if !j.in(p) || !j.effectivePuk(p) || j.tainted(u, p) {
			continue
		}
		if best == nil || pukOf(p).Gen > pukOf(best).Gen || pukOf(p).Gen == pukOf(best).Gen && crdt.CompareIDs(p.id, best.id) < 0 {
			best = p
		}
	}
	return best
}

// effectivePuk: a first key comes with the person, whoever let him in; a later one is only as good as the device.
func (j *judge) effectivePuk(p *opRec) bool { return p.typ != crdt.TypePukRotate || j.effective(p) }

func (j *judge) tainted(u *userRec, p *opRec) bool {
	for _, n := range u.revokes {
		if r := j.c.ops[n]; j.in(r) && !p.has(r) && (r.rank == 0 || j.effective(r)) {
			return true
		}
	}
	return false
}

func pukOf(p *opRec) *Puk {
	if b, ok := p.body.(*PukRotate); ok {
		return &b.Puk
	}
	return &identityOf(p).Puk
}

// winner is the one among the register's ops: of those that no other has seen, the highest rank, then the latest
// reading, then the highest id.
func winner(c *core, ops []int32, counts func(*opRec) bool) *opRec {
	var front []*opRec
	for _, n := range ops { // an op comes after its past
		x := c.ops[n]
		if !counts(x) {
			continue
		}
		kept := front[:0]
		for _, f := range front {
			if !x.has(f) {
				kept = append(kept, f)
			}
		}
		front = append(kept, x)
	}
	var best *opRec
	for _, f := range front {
		if best == nil || outranks(f, best) {
			best = f
		}
	}
	return best
}

func outranks(a, b *opRec) bool {
	if a.rank != b.rank {
		return a.rank > b.rank
	}
	if a.hlc != b.hlc {
		return a.hlc > b.hlc
	}
	return bytes.Compare(a.id[:], b.id[:]) > 0
}

func (j *judge) policy(key string) []byte {
	n := lookup(j.c.names, j.c.names.registers, key, len(j.c.registers))
	if n == none {
		return nil
	}
	x := winner(j.c, j.c.registers[n].ops, func(x *opRec) bool { return j.in(x) && j.effective(x) })
	if x == nil {
		return nil
	}
	return x.body.(*Policy).Value
}
