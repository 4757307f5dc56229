package access

import (
	"slices"

	"hallway/crdt"
)

// naive is the resolver of protocol 5.2 written down once more, from scratch and without a thought for speed: sets of
// ops are lists of booleans, every question is asked anew, nothing is kept. It is what State is compared with.
type naive struct {
	ops    []*naiveOp
	equals bool // the law mutated
	asking map[int]bool
	cycles int
}

type naiveOp struct {
	id       crdt.OpID
	hlc      crdt.HLC
	past     []bool // per op, without itself
	author   string // "" is the workspace key
	device   string
	kind     crdt.Type
	rank     int
	user     string
	role     int
	mode     InviteMode
	uses     int
	invite   int
	approved bool
	target   string // device added or revoked
	signer   string // of an added device: "" is the recovery key
}

func (n *naive) over(a, b int) bool { return a > b || n.equals && a == b }

func (n *naive) sponsor(x *naiveOp) string {
	if x.kind == crdt.TypeAdmit && !x.approved {
		return n.ops[x.invite].author
	}
	return x.author
}

func isGrant(x *naiveOp) bool {
	return x.kind == crdt.TypeGenesis || x.kind == crdt.TypeGrant || x.kind == crdt.TypeAdmit || x.kind == crdt.TypeDemote
}

func isRemoval(x *naiveOp) bool {
	return x.kind == crdt.TypeRemove || x.kind == crdt.TypeDemote || x.kind == crdt.TypeLeave
}

func (x *naiveOp) saw(i int) bool { return i < len(x.past) && x.past[i] }

// eff over the set; i is an op of it.
func (n *naive) eff(set []bool, i int) bool {
	if n.asking[i] {
		n.cycles++
		return false
	}
	n.asking[i] = true
	defer delete(n.asking, i)
	x := n.ops[i]
	switch x.kind {
	case crdt.TypeGenesis, crdt.TypeMerge:
		return true
	case crdt.TypeLeave, crdt.TypeDeviceAdd:
		return n.device(set, x.device, i, x.past, 0)
	case crdt.TypeDeviceRevoke:
		if x.rank == 0 {
			return true
		}
	case crdt.TypeAdmit:
		if !x.approved && !n.eff(set, x.invite) {
			return false
		}
		for j, r := range n.ops {
			if j < len(set) && set[j] && r.kind == crdt.TypeInviteRevoke && r.invite == x.invite && r.rank >= x.rank && !r.saw(i) && n.eff(set, j) {
				return false
			}
		}
	}
	return n.device(set, x.device, i, x.past, x.rank) && n.backed(set, i)
}

func (n *naive) backed(set []bool, i int) bool {
	x := n.ops[i]
	sponsor := n.sponsor(x)
	for g, grant := range n.ops {
		if !x.saw(g) || !isGrant(grant) || grant.user != sponsor || grant.role < x.rank || !n.counts(set, g) {
			continue
		}
		void := false
		for r, rem := range n.ops {
			if r >= len(set) || !set[r] || r == i || !isRemoval(rem) || rem.user != sponsor || !n.over(rem.rank, x.rank) || rem.saw(i) {
				continue
			}
			if rem.kind == crdt.TypeDemote && x.rank <= rem.role {
				continue
			}
			void = void || n.kills(r, g) && n.eff(set, r)
		}
		if !void {
			return true
		}
	}
	return false
}

func (n *naive) kills(r, g int) bool {
	rem, grant := n.ops[r], n.ops[g]
	if r == g || rem.kind == crdt.TypeDemote && grant.role <= rem.role {
		return false
	}
	if rem.saw(g) {
		return true
	}
	follows := grant.saw(r)
	if grant.kind == crdt.TypeAdmit && !grant.approved {
		follows = n.ops[grant.invite].saw(r)
	}
	return rem.kind != crdt.TypeLeave && !follows && rem.rank >= grant.rank
}

// counts: effective, and among the first of its invitation.
func (n *naive) counts(set []bool, g int) bool {
	x := n.ops[g]
	if !n.eff(set, g) {
		return false
	}
	if x.kind != crdt.TypeAdmit || x.approved || n.ops[x.invite].uses == 0 {
		return true
	}
	return slices.Contains(n.firstIn(set, x.invite), x.user)
}

func (n *naive) firstIn(set []bool, invite int) []string {
	var admits []int
	for i, x := range n.ops {
		if i < len(set) && set[i] && x.kind == crdt.TypeAdmit && !x.approved && x.invite == invite && n.eff(set, i) {
			admits = append(admits, i)
		}
	}
	slices.SortFunc(admits, func(a, b int) int {
		if x, y := n.ops[a], n.ops[b]; x.hlc != y.hlc {
			return int(int64(x.hlc) - int64(y.hlc))
		}
		return crdt.CompareIDs(n.ops[a].id, n.ops[b].id)
	})
	var users []string
	for _, i := range admits {
		if u := n.ops[i].user; !slices.Contains(users, u) && len(users) < n.ops[invite].uses {
			users = append(users, u)
		}
	}
	return users
}

func (n *naive) role(set []bool, user string) int {
	best := -1
	for g, x := range n.ops {
		if g >= len(set) || !set[g] || !isGrant(x) || x.user != user || x.role <= best || !n.counts(set, g) {
			continue
		}
		dead := false
		for r, rem := range n.ops {
			dead = dead || r < len(set) && set[r] && isRemoval(rem) && rem.user == user && n.kills(r, g) && n.eff(set, r)
		}
		if !dead {
			best = x.role
		}
	}
	return best
}

// device reports whether the device was good for the op at place i with this past.
func (n *naive) device(set []bool, device string, i int, past []bool, rank int) bool {
	for r, rev := range n.ops {
		if r >= len(set) || !set[r] || r == i || rev.kind != crdt.TypeDeviceRevoke || rev.target != device || i >= 0 && rev.saw(i) {
			continue
		}
		if rev.rank == 0 || n.over(rev.rank, rank) && n.eff(set, r) {
			return false
		}
	}
	for a, add := range n.ops {
		inPast := a == i || a < len(past) && past[a]
		if !inPast || add.target != device || add.kind == crdt.TypeDeviceRevoke {
			continue
		}
		if add.signer == "" || n.device(set, add.signer, a, add.past, rank) {
			return true
		}
	}
	return false
}
