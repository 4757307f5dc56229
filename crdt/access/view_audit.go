package access

import (
	"slices"

	"hallway/crdt"
)

// Entry is one access op as the audit shows it.
type Entry struct {
	Op        crdt.OpID
	Scope     crdt.ScopeID // of the channel that it concerns; the access scope where it concerns none
	Type      crdt.Type
	HLC       crdt.HLC
	Author    UserID // zero: the workspace key
	Device    crdt.DeviceRef
	User      UserID // whom it concerns; zero where nobody
	Body      Body   // not to be changed; nil for notices and types without a known body, and Claim in it is nil
	Effective bool
}

// Audit lists the access ops of the workspace and of the private channels held here, ordered by (hlc, op id).
func (v *View) Audit() []Entry {
	order := make([]int32, len(v.ops))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := v.ops[a], v.ops[b]
		if x.hlc != y.hlc {
			if x.hlc < y.hlc {
				return -1
			}
			return 1
		}
		return crdt.CompareIDs(x.id, y.id)
	})
	c := v.newCounter()
	out := make([]Entry, len(order))
	for i, n := range order {
		out[i] = c.entry(v.ops[n])
	}
	return out
}

// Entry is the audit's line for one op; ok is false where it is not here.
func (v *View) Entry(id crdt.OpID) (Entry, bool) {
	x := v.op(id)
	if x == nil {
		return Entry{}, false
	}
	return v.newCounter().entry(x), true
}

func (c *counter) entry(x *opRec) Entry {
	v := c.v
	e := Entry{
		Op: x.id, Scope: crdt.AccessScope(v.ws), Type: x.typ, HLC: x.hlc, Device: crdt.RefOf(v.devs[x.device].key[:]),
		Body: x.body, Effective: c.counts(x),
	}
	if x.typ == crdt.TypeNotice {
		e.Body = nil
	}
	if x.channel != none {
		e.Scope = v.scopes[x.channel].id
	}
	if x.author != none {
		e.Author = v.users[x.author].id
	}
	if x.user != none {
		e.User = v.users[x.user].id
	}
	return e
}

// Invite is an invitation and how it stands.
type Invite struct {
	Op        crdt.OpID
	ID        InviteID
	By        UserID
	Created   crdt.HLC
	Body      *InviteCreate // not to be changed
	Uses      int           // people let in who count
	Effective bool          // its author still had the right
	Revoked   bool
}

// Open reports whether the invitation lets anybody in at this reading.
func (i *Invite) Open(now crdt.HLC) bool {
	used := i.Body.MaxUses > 0 && i.Body.Mode == InviteAuto && i.Uses >= int(i.Body.MaxUses)
	return i.Effective && !i.Revoked && !used && (i.Body.Expires == 0 || now <= i.Body.Expires)
}

// Invites lists all invitations, ordered by op id.
func (v *View) Invites() []Invite {
	out := make([]Invite, len(v.invites))
	for i, inv := range v.invites {
		out[i] = v.invite(inv)
	}
	slices.SortFunc(out, func(a, b Invite) int { return crdt.CompareIDs(a.Op, b.Op) })
	return out
}

// InviteByID finds the invitation that a link or a claim names. Where its key was used twice it is the one with the
// lowest op id.
func (v *View) InviteByID(id InviteID) (Invite, bool) {
	var best Invite
	found := false
	for _, n := range lookupAll(v.names, v.names.invites, id, len(v.invites)) {
		if i := v.invite(v.invites[n]); !found || crdt.CompareIDs(i.Op, best.Op) < 0 {
			best, found = i, true
		}
	}
	return best, found
}

func (v *View) invite(inv *inviteRec) Invite {
	x := v.ops[inv.op]
	b := x.body.(*InviteCreate)
	out := Invite{
		Op: x.id, ID: InviteIDOf(v.ws, b.Pub[:]), Created: x.hlc, Body: b, Effective: v.sound(x),
	}
	if x.author != none {
		out.By = v.users[x.author].id
	}
	for _, n := range inv.revokes {
		out.Revoked = out.Revoked || v.status[n]&statusEffective != 0
	}
	seen := map[int32]bool{}
	for _, n := range inv.admits {
		if a := v.ops[n]; a.autoAdmit() && v.status[n]&statusStands != 0 {
			seen[a.user] = true
		}
	}
	out.Uses = len(seen)
	return out
}

// sound reports whether the invitation counts and its author still has its rank.
func (v *View) sound(x *opRec) bool {
	return v.status[x.no]&statusEffective != 0 && (x.author == none || v.users[x.author].role >= x.rank)
}

// Request is somebody who waits to be let in.
type Request struct {
	Op     crdt.OpID
	Invite crdt.OpID
	User   UserID
	Claim  *JoinClaim // not to be changed
	Name   Sealed
	By     UserID // who passed the request on
	HLC    crdt.HLC
}

// Requests lists who waits for approval, ordered by (hlc, op id): each person once, without those who are here by now
// and those whose invitation was revoked. Who was let in beyond an invitation's uses waits again.
func (v *View) Requests() []Request {
	var out []Request
	for _, inv := range v.invites {
		if v.invite(inv).Revoked {
			continue
		}
		for _, n := range inv.asks {
			out = append(out, v.request(v.ops[n]))
		}
		for _, n := range inv.admits {
			if a := v.ops[n]; v.status[n]&(statusEffective|statusStands) == statusEffective {
				out = append(out, v.request(a))
			}
		}
	}
	slices.SortFunc(out, func(a, b Request) int {
		if a.HLC != b.HLC {
			if a.HLC < b.HLC {
				return -1
			}
			return 1
		}
		return crdt.CompareIDs(a.Op, b.Op)
	})
	seen := map[UserID]bool{}
	return slices.DeleteFunc(out, func(r Request) bool {
		_, here := v.Role(r.User)
		drop := here || seen[r.User]
		seen[r.User] = true
		return drop
	})
}

func (v *View) request(x *opRec) Request {
	r := Request{
		Op: x.id, Invite: v.ops[v.invites[x.invite].op].id, User: x.claim.User(v.ws), Claim: x.claim, HLC: x.hlc,
	}
	if b, ok := x.body.(*JoinRequest); ok {
		r.Name = b.Name
	}
	if x.author != none {
		r.By = v.users[x.author].id
	}
	return r
}

// Cut is how far a log of a removed person or a revoked device counts: what it holds after Seq is kept but not shown.
type Cut struct {
	Seq uint64
	ID  crdt.OpID
}

// Cuts lists, for each log that an effective removal pins, the farthest of its pins: pins only grow (protocol 5.4). Pins
// of a removal that a later grant undid still stand here; Shown is the question to ask of one op.
func (v *View) Cuts() map[crdt.LogID]Cut {
	out := map[crdt.LogID]Cut{}
	count := v.newCounter()
	for _, x := range v.ops {
		pins := pinsOf(x)
		if len(pins) == 0 || !count.counts(x) {
			continue
		}
		for _, p := range pins {
			if c, ok := out[p.Log]; !ok || p.Seq > c.Seq || p.Seq == c.Seq && crdt.CompareIDs(p.ID, c.ID) > 0 {
				out[p.Log] = Cut{Seq: p.Seq, ID: p.ID}
			}
		}
	}
	return out
}

func pinsOf(x *opRec) []Pin {
	switch b := x.body.(type) {
	case *Remove:
		return b.Pins
	case *DeviceRevoke:
		return b.Pins
	case *ChannelRemove:
		return b.Pins
	}
	return nil
}

// Shown reports whether an op of class keys or content counts: it lies within the farthest pin of its log, or nothing
// pins the log, or its author was granted a role again in the past that its Auth names, after the removals that pin it.
// The heads are those that its Auth stands for. The error is *Missing where a head is not here.
func (v *View) Shown(scope crdt.ScopeID, h *crdt.Header, user UserID, heads []crdt.OpID) (bool, error) {
	n := v.userNo(user)
	if n == none {
		return false, nil
	}
	past, err := v.horizonFor(scope, heads)
	if err != nil {
		return false, err
	}
	pinned, within := false, false
	for _, r := range v.pinning(scope, n) {
		seq, ok := pinnedAt(r, h.Log)
		if !ok || !v.counts(r) || v.rehired(past, scope, n, r) {
			continue
		}
		pinned = true
		within = within || h.Seq <= seq
	}
	return !pinned || within, nil
}

// pinning lists the removals that may pin the person's logs in the scope.
func (v *View) pinning(scope crdt.ScopeID, user int32) []*opRec {
	var out []*opRec
	u := v.users[user]
	for _, list := range [][]int32{u.removals, u.revokes} {
		for _, n := range list {
			out = append(out, v.ops[n])
		}
	}
	if sc := v.scopeOf(scope); sc != nil {
		for _, n := range sc.ops {
			if x := v.ops[n]; x.typ == crdt.TypeChannelRemove && x.user == user {
				out = append(out, x)
			}
		}
	}
	return out
}

// rehired reports whether the past holds a grant to the person that follows the removal.
func (v *View) rehired(past *horizon, scope crdt.ScopeID, user int32, r *opRec) bool {
	if r.typ == crdt.TypeDeviceRevoke {
		return false
	}
	if r.typ == crdt.TypeRemove {
		for _, n := range v.users[user].grants {
			if g := v.ops[n]; past.judge.in(g) && g.has(r) {
				return true
			}
		}
		return false
	}
	sc := v.scopeOf(scope)
	c := past.channel(sc)
	for _, n := range sc.ops {
		if g := v.ops[n]; g.typ == crdt.TypeChannelGrant && g.user == user && c.holds(g) && g.has(r) {
			return true
		}
	}
	return false
}
