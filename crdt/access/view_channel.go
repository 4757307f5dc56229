package access

import (
	"bytes"
	"slices"

	"hallway/crdt"
)

// Channel is a public channel, or a private one whose scope is held here.
type Channel struct {
	Scope     crdt.ScopeID
	Public    bool
	Direct    bool
	Creator   UserID
	Created   crdt.HLC
	CreatedBy crdt.OpID
	Name      Sealed
	Topic     Sealed
	Archived  bool
	Post      ChannelRole // that writing takes
	History   History
	Members   []ChannelMember // sorted by user; in a public channel everybody but guests
}

// Scopes lists all channels known here, sorted by scope.
func (v *View) Scopes() []crdt.ScopeID {
	var out []crdt.ScopeID
	for _, sc := range v.scopes {
		if len(sc.roots) > 0 {
			out = append(out, sc.id)
		}
	}
	slices.SortFunc(out, func(a, b crdt.ScopeID) int { return bytes.Compare(a[:], b[:]) })
	return out
}

// Channel tells about a channel; ok is false where its first op is not here.
func (v *View) Channel(scope crdt.ScopeID) (Channel, bool) {
	sc := v.scopeOf(scope)
	if sc == nil || len(sc.roots) == 0 {
		return Channel{}, false
	}
	c := v.channelNow(sc)
	root := c.root()
	out := Channel{
		Scope: scope, Public: !sc.private, Direct: v.isDirect(sc), Creator: v.users[root.author].id,
		Created: root.hlc, CreatedBy: root.id, Archived: c.archived(), Post: c.post(), History: c.history(),
		Members: v.membersOf(c),
	}
	if b, ok := root.body.(*ChannelCreate); ok {
		out.Name, out.Topic = b.Name, b.Topic
	}
	if b := c.setting(SetName); b != nil {
		out.Name = b.Name
	}
	if b := c.setting(SetTopic); b != nil {
		out.Topic = b.Topic
	}
	return out, true
}

func (c *channelJudge) history() History {
	if b := c.setting(SetHistory); b != nil {
		return b.History
	}
	if b, ok := c.root().body.(*ChannelGenesis); ok {
		return b.History
	}
	return History{}
}

func (v *View) membersOf(c *channelJudge) []ChannelMember {
	var out []ChannelMember
	for _, n := range v.candidates(c) {
		if role := c.roleIn(n); role != none {
			out = append(out, ChannelMember{User: v.users[n].id, Role: ChannelRole(role)})
		}
	}
	return out
}

// candidates are those who may be in the channel, sorted by id: everybody for a public one, else those whom its ops
// name.
func (v *View) candidates(c *channelJudge) []int32 {
	if !c.sc.private {
		v.sortMembers()
		return v.members
	}
	seen := map[int32]bool{}
	for _, n := range c.sc.roots {
		root := v.ops[n]
		seen[root.author] = true
		for _, m := range root.body.(*ChannelGenesis).Members {
			if u := v.userNo(m.User); u != none {
				seen[u] = true
			}
		}
	}
	for _, n := range c.sc.ops {
		if x := v.ops[n]; x.typ == crdt.TypeChannelGrant {
			seen[x.user] = true
		}
	}
	out := sortedKeys(seen)
	slices.SortFunc(out, func(a, b int32) int { return bytes.Compare(v.users[a].id[:], v.users[b].id[:]) })
	return out
}

// ChannelRole is the person's rank in a channel; ok is false where he may not even read it.
func (v *View) ChannelRole(user UserID, scope crdt.ScopeID) (role ChannelRole, ok bool) {
	sc, n := v.scopeOf(scope), v.userNo(user)
	if sc == nil || n == none {
		return 0, false
	}
	r := v.channelNow(sc).roleIn(n)
	return ChannelRole(max(r, 0)), r != none
}

// MayRead reports whether the person may be served the scope: a channel that he is in, or, holding any role, the access
// scope.
func (v *View) MayRead(user UserID, scope crdt.ScopeID) bool {
	if scope == crdt.AccessScope(v.ws) {
		_, ok := v.Role(user)
		return ok
	}
	_, ok := v.ChannelRole(user, scope)
	return ok
}

// MayWrite reports whether the person may write content in the channel now.
func (v *View) MayWrite(user UserID, scope crdt.ScopeID) bool {
	role, ok := v.ChannelRole(user, scope)
	if !ok {
		return false
	}
	c := v.channelNow(v.scopeOf(scope))
	return role >= c.post() && !c.archived()
}

// MayManage reports whether the person may change the channel's settings and members.
func (v *View) MayManage(user UserID, scope crdt.ScopeID) bool {
	role, ok := v.ChannelRole(user, scope)
	return ok && role >= Manager && !v.isDirect(v.scopeOf(scope))
}

// Moderates reports whether the person may delete what others wrote in the channel now.
func (v *View) Moderates(user UserID, scope crdt.ScopeID) bool {
	role, ok := v.ChannelRole(user, scope)
	if !ok {
		return false
	}
	in, _ := v.Role(user)
	sc := v.scopeOf(scope)
	return role >= Manager && !v.isDirect(sc) || in >= Moderator && !sc.private
}

// Recipient is who must hold a scope's current epoch, with the key to wrap it to.
type Recipient struct {
	User UserID
	Gen  uint64
	Puk  BoxKey
	Op   crdt.OpID // that brought the key
}

// Recipients lists who must hold the scope's current epoch, sorted by user: of the access scope, every member who is
// not a guest; of a private channel, its members; a public channel is sealed under the workspace's epoch and answers
// like the access scope. Whoever has a revoked device and has not replaced his per-user key since is left out until he
// has: see Unreachable.
func (v *View) Recipients(scope crdt.ScopeID) []Recipient {
	v.mu.Lock()
	defer v.mu.Unlock()
	if out, ok := v.recipients[scope]; ok {
		return out
	}
	out, _ := v.recipientsIn(v.now(), v.entitled(scope, v.now(), func(sc *scopeRec) *channelJudge { return v.channelNow(sc) }))
	v.recipients[scope] = out
	return out
}

// Unreachable lists who should hold the scope's epoch and has no key that it may be wrapped to.
func (v *View) Unreachable(scope crdt.ScopeID) []UserID {
	_, out := v.recipientsIn(v.now(), v.entitled(scope, v.now(), func(sc *scopeRec) *channelJudge { return v.channelNow(sc) }))
	return out
}

// RecipientsAt is Recipients as of the past that these heads end. The error is *Missing where a head is not here.
func (v *View) RecipientsAt(scope crdt.ScopeID, heads []crdt.OpID) ([]Recipient, error) {
	h, err := v.horizonFor(scope, heads)
	if err != nil {
		return nil, err
	}
	out, _ := v.recipientsIn(h.judge, v.entitled(scope, h.judge, h.channel))
	return out, nil
}

func (v *View) horizonFor(scope crdt.ScopeID, heads []crdt.OpID) (*horizon, error) {
	n := v.scopeNo(scope)
	if n != none && !v.scopes[n].private {
		n = none
	}
	h, missing, err := v.horizonOf(n, heads)
	if len(missing) > 0 {
		return nil, &Missing{Ops: missing}
	}
	return h, err
}

// entitled lists who may read the scope, as judged, sorted by id.
func (v *View) entitled(scope crdt.ScopeID, j *judge, channel func(*scopeRec) *channelJudge) []int32 {
	sc := v.scopeOf(scope)
	var out []int32
	if sc != nil && sc.private {
		c := channel(sc)
		for _, n := range v.candidates(c) {
			if v.reads(j, c, n) {
				out = append(out, n)
			}
		}
		return out
	}
	v.sortMembers()
	for _, n := range v.members {
		if v.reads(j, nil, n) {
			out = append(out, n)
		}
	}
	return out
}

func (v *View) recipientsIn(j *judge, users []int32) (out []Recipient, without []UserID) {
	for _, n := range users {
		p := j.puk(n)
		if p == nil {
			without = append(without, v.users[n].id)
			continue
		}
		puk := pukOf(p)
		out = append(out, Recipient{User: v.users[n].id, Gen: puk.Gen, Puk: puk.Key, Op: p.id})
	}
	return out, without
}

// Stale is the send rule's question about an epoch (protocol 6.4): whether anybody who may hold it, by the mint at these
// access heads or by a grant after it, may not any more, or had a device revoked since. It rather says yes once too
// often. The error is *Missing where a head is not here.
func (v *View) Stale(scope crdt.ScopeID, heads []crdt.OpID) (bool, error) {
	key := staleKey{scope, crdt.HeadsDigest(heads)}
	v.mu.Lock()
	defer v.mu.Unlock()
	if stale, ok := v.stale[key]; ok {
		return stale, nil
	}
	h, err := v.horizonFor(scope, heads)
	if err != nil {
		return false, err
	}
	v.stale[key] = v.isStale(scope, h)
	return v.stale[key], nil
}

type staleKey struct {
	scope crdt.ScopeID
	auth  crdt.AuthRef
}

// isStale looks back at those alone who may not read now: commonly few.
func (v *View) isStale(scope crdt.ScopeID, h *horizon) bool {
	sc := v.scopeOf(scope)
	v.sortMembers()
	all := v.members
	var here *channelJudge
	if sc != nil && sc.private {
		here = v.channelNow(sc)
		all = v.candidates(here)
	}
	for _, n := range all {
		if v.reads(v.now(), here, n) {
			if v.revokedSince(h, v.users[n]) {
				return true
			}
		} else if v.grantedSince(h, scope, n) || v.readThen(h, sc, n) {
			return true
		}
	}
	return false
}

// reads reports whether the person may read: the private channel that is asked about, or the workspace's epoch.
func (v *View) reads(j *judge, channel *channelJudge, user int32) bool {
	if channel != nil {
		return channel.roleIn(user) != none
	}
	return j.standing(user) >= int8(Member)
}

func (v *View) readThen(h *horizon, sc *scopeRec, user int32) bool {
	if sc != nil && sc.private {
		return v.reads(h.judge, h.channel(sc), user)
	}
	return v.reads(h.judge, nil, user)
}

func (v *View) revokedSince(h *horizon, u *userRec) bool {
	for _, n := range u.revokes {
		if r := v.ops[n]; !h.judge.in(r) && v.status[n]&statusEffective != 0 {
			return true
		}
	}
	return false
}

// grantedSince reports whether somebody who may not read now was given the right after the past that h is: he may have
// been granted the epoch while he had it.
func (v *View) grantedSince(h *horizon, scope crdt.ScopeID, user int32) bool {
	for _, n := range v.users[user].grants {
		if !h.judge.in(v.ops[n]) {
			return true
		}
	}
	sc := v.scopeOf(scope)
	if sc == nil || !sc.private {
		return false
	}
	own := h.scopes[v.scopeNo(scope)]
	for _, n := range sc.ops {
		if x := v.ops[n]; x.typ == crdt.TypeChannelGrant && x.user == user && own.at(x.chain) < x.pos {
			return true
		}
	}
	return false
}

// Direct finds the direct message of exactly these people, whoever began it. Where several were begun apart, all fold
// into the one with the lowest scope, which is the answer.
func (v *View) Direct(users []UserID) (crdt.ScopeID, bool) {
	want := sortUsers(users)
	var best crdt.ScopeID
	found := false
	for _, sc := range v.scopes {
		if !v.isDirect(sc) || !slices.Equal(v.pair(sc), want) {
			continue
		}
		if !found || bytes.Compare(sc.id[:], best[:]) < 0 {
			best, found = sc.id, true
		}
	}
	return best, found
}

// Canonical is the scope that this one folds into: itself, but for a direct message that was begun more than once.
func (v *View) Canonical(scope crdt.ScopeID) crdt.ScopeID {
	if sc := v.scopeOf(scope); sc != nil && v.isDirect(sc) {
		if best, ok := v.Direct(v.pair(sc)); ok {
			return best
		}
	}
	return scope
}

// pair lists whom a direct message was begun between.
func (v *View) pair(sc *scopeRec) []UserID {
	g := v.ops[sc.roots[0]].body.(*ChannelGenesis)
	users := []UserID{g.Founder}
	for _, m := range g.Members {
		users = append(users, m.User)
	}
	return sortUsers(users)
}

func sortUsers(users []UserID) []UserID {
	out := slices.Clone(users)
	slices.SortFunc(out, func(a, b UserID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(out)
}
