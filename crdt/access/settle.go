package access

import (
	"slices"

	"hallway/crdt"
)

// settling works out what one more op changes over all ops. Questions about an op lead only upwards in rank, so ranks
// are gone through from the highest down, and each op whose answer may be another is asked once.
type settling struct {
	s      *State
	j      *judge
	queue  [int(WorkspaceKey) + 1][3][]int32 // by rank, then: ops, Admits, invitations whose uses are to be counted
	queued map[[2]int32]bool
	users  map[int32]bool // whose role may be another
	named  map[int32]bool // who changed in another way
	fresh  int32
	out    Changed
}

const (
	phaseOps = iota
	phaseAdmits
	phaseUses
)

func (s *State) settle(x *opRec) *Changed {
	w := &settling{
		s: s, j: &judge{c: &s.core, all: true}, fresh: x.no,
		queued: map[[2]int32]bool{}, users: map[int32]bool{}, named: map[int32]bool{},
	}
	if x.scope != none || x.channel != none {
		s.status[x.no] = statusEffective | statusStands // a channel judges its own ops when it is asked
		w.out.Scopes = append(w.out.Scopes, s.scopes[x.channel].id)
		return &w.out
	}
	if x.typ == crdt.TypeDeviceRevoke && x.rank == 0 {
		w.followDevice(x) // it needs no standing of its own, and reaches ops of every rank
	}
	w.push(x)
	w.run()
	w.mention(x)
	return w.finish()
}

func (w *settling) push(x *opRec) {
	phase := phaseOps
	if x.typ == crdt.TypeAdmit {
		phase = phaseAdmits
	}
	w.enqueue(x.rank, phase, x.no)
}

func (w *settling) enqueue(rank int8, phase int, n int32) {
	key := [2]int32{int32(phase), n}
	if phase == phaseAdmits {
		key[0] = phaseOps
	}
	if w.queued[key] {
		return
	}
	w.queued[key] = true
	q := &w.queue[rank][phase]
	*q = append(*q, n)
}

func (w *settling) run() {
	for rank := int(WorkspaceKey); rank >= 0; rank-- {
		for phase := range w.queue[rank] {
			for i := 0; i < len(w.queue[rank][phase]); i++ {
				n := w.queue[rank][phase][i]
				if phase == phaseUses {
					w.count(n)
				} else {
					w.ask(w.s.ops[n])
				}
			}
		}
	}
}

// ask judges one op anew.
func (w *settling) ask(x *opRec) {
	w.s.rounds++
	was := w.s.status[x.no]
	now := was &^ statusEffective
	if w.j.decide(x) {
		now |= statusEffective
	}
	counted := x.autoAdmit() && w.s.counted(x.invite)
	if !counted {
		now = now &^ statusStands
		if now&statusEffective != 0 {
			now |= statusStands
		}
	}
	w.s.status[x.no] = now
	if x.no != w.fresh && (was^now)&statusEffective != 0 {
		w.report(x, now)
	}
	if counted {
		w.enqueue(x.rank, phaseUses, x.invite)
	}
	if was != now || x.no == w.fresh {
		w.follow(x)
	}
}

func (w *settling) report(x *opRec, now uint8) {
	if now&statusEffective != 0 {
		w.out.Stood = append(w.out.Stood, x.id)
	} else {
		w.out.Voided = append(w.out.Voided, x.id)
	}
}

// counted reports whether more were let in by the invitation than it allows.
func (c *core) counted(invite int32) bool {
	inv := c.invites[invite]
	limit := int(c.ops[inv.op].body.(*InviteCreate).MaxUses)
	return limit > 0 && inv.autos > limit
}

// count settles which of an invitation's Admits are within its uses.
func (w *settling) count(invite int32) {
	inv := w.s.invites[invite]
	limit := int(w.s.ops[inv.op].body.(*InviteCreate).MaxUses)
	first := map[int32]bool{}
	for _, n := range inv.admits {
		a := w.s.ops[n]
		if !a.autoAdmit() {
			continue
		}
		was := w.s.status[n]
		now := was &^ statusStands
		if was&statusEffective != 0 && (first[a.user] || len(first) < limit) {
			first[a.user] = true
			now |= statusStands
		}
		if now != was {
			w.s.status[n] = now
			w.follow(a)
		}
	}
}

// follow queues what the standing of x decides.
func (w *settling) follow(x *opRec) {
	if x.grants() {
		w.users[x.user] = true
		w.followGrant(x)
	}
	if x.removes() {
		w.users[x.user] = true
	}
	switch x.typ {
	case crdt.TypeRemove, crdt.TypeDemote:
		w.followPower(x, w.s.users[x.user].sponsored)
		w.followPower(x, w.s.users[x.user].authored)
	case crdt.TypeDeviceRevoke:
		w.named[x.user] = true
		w.followDevice(x)
	case crdt.TypeInviteCreate:
		w.followInvite(x, x.rank)
	case crdt.TypeInviteRevoke:
		w.followInvite(x, x.rank)
	case crdt.TypeDeviceAdd, crdt.TypePukRotate, crdt.TypeProfile:
		w.named[x.author] = true
	}
}

// followGrant queues the ops that may rest on the grant.
func (w *settling) followGrant(g *opRec) {
	if g.no == w.fresh {
		return // nothing has seen it yet
	}
	u := w.s.users[g.user]
	for _, list := range [][]int32{u.sponsored, u.authored} {
		for _, n := range list {
			if x := w.s.ops[n]; x.rank <= g.role && x.rank < g.rank && x.has(g) {
				w.push(x)
			}
		}
	}
}

// followPower queues the ops that the removal may void.
func (w *settling) followPower(r *opRec, list []int32) {
	for _, n := range list {
		if x := w.s.ops[n]; x.rank < r.rank && !r.has(x) {
			w.push(x)
		}
	}
}

func (w *settling) followDevice(r *opRec) {
	for _, n := range w.s.users[r.user].authored {
		x := w.s.ops[n]
		if (r.rank == 0 && r.no == w.fresh || x.rank < r.rank) && !r.has(x) && x.no != r.no {
			w.push(x)
		}
	}
}

func (w *settling) followInvite(x *opRec, rank int8) {
	if x.no == w.fresh && x.typ == crdt.TypeInviteCreate {
		return
	}
	for _, n := range w.s.invites[x.invite].admits {
		if a := w.s.ops[n]; a.rank <= rank {
			w.push(a)
		}
	}
}

// mention notes whom the new op itself concerns.
func (w *settling) mention(x *opRec) {
	if x.user != none {
		w.named[x.user] = true
	}
}

// finish sets roles anew and answers what changed.
func (w *settling) finish() *Changed {
	for _, n := range sortedKeys(w.users) {
		role := w.j.role(n)
		if role == w.s.users[n].role {
			continue
		}
		w.s.ownUser(n).role = role
		w.named[n] = true
		w.out.Roles = append(w.out.Roles, w.s.users[n].id)
	}
	for _, n := range sortedKeys(w.named) {
		w.out.Users = append(w.out.Users, w.s.users[n].id)
	}
	slices.SortFunc(w.out.Voided, crdt.CompareIDs)
	slices.SortFunc(w.out.Stood, crdt.CompareIDs)
	return &w.out
}

func sortedKeys(m map[int32]bool) []int32 {
	out := make([]int32, 0, len(m))
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
