package access

import "hallway/crdt"

// channelJudge answers questions about one channel: its own ranks founder 3 > manager 2 > poster 1 > reader 0 under the
// same law as the workspace's. In a public channel, whose ops lie in the access scope, every workspace admin counts as
// a founder and every member as a poster; in a private channel workspace rank gives nothing, but who has no role in the
// workspace has none here either.
type channelJudge struct {
	*judge
	sc      *scopeRec
	allHere bool
	here    vector // where not allHere: the set of ops of a private scope
	asked   map[int32]uint8
}

func (j *judge) channel(sc *scopeRec, allHere bool, here vector) *channelJudge {
	return &channelJudge{judge: j, sc: sc, allHere: allHere, here: here, asked: map[int32]uint8{}}
}

func (c *channelJudge) holds(x *opRec) bool {
	if x.scope == none {
		return c.judge.in(x)
	}
	return c.allHere || c.here.at(x.chain) >= x.pos
}

// creator is who opened the channel, or none where the genesis is not in the set.
func (c *channelJudge) creator() int32 {
	if root := c.root(); root != nil {
		return root.author
	}
	return none
}

// root is the channel's first op, or nil where it is not in the set. Where its author wrote it twice, which the scope's
// id leaves open to him, it is the one with the lowest id.
func (c *channelJudge) root() *opRec {
	var root *opRec
	for _, n := range c.sc.roots {
		if x := c.c.ops[n]; c.holds(x) && (root == nil || crdt.CompareIDs(x.id, root.id) < 0) {
			root = x
		}
	}
	return root
}

func (c *channelJudge) stands(x *opRec) bool {
	switch c.asked[x.no] {
	case memoYes:
		return true
	case memoNo:
		return false
	case memoAsking:
		if c.onCycle != nil {
			c.onCycle(x)
		}
		return false
	}
	c.asked[x.no] = memoAsking
	yes := c.settle(x)
	c.asked[x.no] = memoNo
	if yes {
		c.asked[x.no] = memoYes
	}
	return yes
}

// settle works out whether a channel op is effective.
func (c *channelJudge) settle(x *opRec) bool {
	if isRoot(x) {
		return true
	}
	if x.scope == none {
		if !c.vouched(x.device, x, 0) {
			return false
		}
		if c.lock(x) && x.typ == crdt.TypeChannelArchive {
			return c.carried(x, x.author, int8(Admin)) // a lock
		}
	} else if c.cut(x) {
		return false
	}
	return x.typ == crdt.TypeLeave || c.upheld(x)
}

// cut reports whether an op of a private scope lies beyond a pin that a removal from the workspace, or a revocation,
// set for its log. Ops of the access scope never have ops of a private one in their past, so without a pin nothing says
// which came first, and what was granted stands.
func (c *channelJudge) cut(x *opRec) bool {
	if x.author == none {
		return false
	}
	u := c.c.users[x.author]
	for _, list := range [][]int32{u.removals, u.revokes} {
		for _, n := range list {
			r := c.c.ops[n]
			if !c.judge.in(r) || x.ws.at(r.chain) >= r.pos || !c.effective(r) {
				continue
			}
			if seq, ok := pinnedAt(r, x.log); ok && x.seq > seq {
				return true
			}
		}
	}
	return false
}

func pinnedAt(r *opRec, log crdt.LogID) (uint64, bool) {
	for _, p := range pinsOf(r) {
		if p.Log == log {
			return p.Seq, true
		}
	}
	return 0, false
}

// channelGrant is a rank given to someone, by the channel's first op or a later one.
type channelGrant struct {
	op   *opRec
	role int8
	rank int8 // with which it was given
}

// given lists the ranks given to the person. The first op's come with a rank above all.
func (c *channelJudge) given(user int32) []channelGrant {
	var out []channelGrant
	for _, n := range c.sc.roots {
		root := c.c.ops[n]
		if root.author == user && c.holds(root) {
			out = append(out, channelGrant{op: root, role: int8(Founder), rank: int8(Founder) + 1})
		}
		if g, ok := root.body.(*ChannelGenesis); ok && c.holds(root) {
			id := c.c.users[user].id
			for _, m := range g.Members {
				if m.User == id {
					out = append(out, channelGrant{op: root, role: int8(m.Role), rank: int8(Founder) + 1})
				}
			}
		}
	}
	for _, n := range c.sc.ops {
		if x := c.c.ops[n]; x.typ == crdt.TypeChannelGrant && x.user == user && c.holds(x) {
			out = append(out, channelGrant{op: x, role: x.role, rank: x.rank})
		}
	}
	return out
}

// upheld reports whether a rank given in the past of x still carries it.
func (c *channelJudge) upheld(x *opRec) bool {
	if x.author == none {
		return true
	}
	if !c.sc.private && c.carried(x, x.author, int8(Admin)) {
		return true
	}
	for _, g := range c.given(x.author) {
		if x.has(g.op) && g.role >= x.rank && c.grantStands(g) && !c.taken(x.author, g, x) {
			return true
		}
	}
	return false
}

func (c *channelJudge) grantStands(g channelGrant) bool { return isRoot(g.op) || c.stands(g.op) }

// lock reports an op of the access scope about a channel of which it had seen nothing: a workspace admin's lock on a
// private one. That is a fact of its own past, whatever else is here.
func (c *channelJudge) lock(x *opRec) bool {
	if x.scope != none {
		return false
	}
	for _, n := range c.sc.roots {
		if root := c.c.ops[n]; root.scope == none && x.has(root) {
			return false
		}
	}
	return true
}

func isRoot(x *opRec) bool {
	return x.typ == crdt.TypeChannelCreate || x.typ == crdt.TypeChannelGenesis
}

// taken reports whether a removal takes the grant away: from the op x, or, where x is nil, altogether.
func (c *channelJudge) taken(user int32, g channelGrant, x *opRec) bool {
	for _, n := range c.sc.ops {
		r := c.c.ops[n]
		leave := r.typ == crdt.TypeLeave
		if r.user != user || !leave && r.typ != crdt.TypeChannelRemove || !c.holds(r) {
			continue
		}
		if x != nil && (leave || !c.c.law.over(r.rank, x.rank) || r.has(x)) {
			continue
		}
		kills := r.has(g.op) || !leave && !g.op.has(r) && r.rank >= g.rank
		if kills && c.stands(r) {
			return true
		}
	}
	return false
}

// roleIn is the person's rank in the channel, or none.
func (c *channelJudge) roleIn(user int32) int8 {
	if user == none || c.creator() == none {
		return none
	}
	here := c.judge.standing(user)
	if here == none || !c.sc.private && here < int8(Member) {
		return none
	}
	if !c.sc.private && here >= int8(Admin) {
		return int8(Founder)
	}
	best := int8(none)
	for _, g := range c.given(user) {
		if g.role > best && c.grantStands(g) && !c.taken(user, g, nil) {
			best = g.role
		}
	}
	if c.sc.private {
		return best
	}
	if best < int8(Poster) && !c.taken(user, channelGrant{op: c.root()}, nil) {
		best = int8(Poster)
	}
	return max(best, int8(Reader))
}

// post is the rank that writing takes.
func (c *channelJudge) post() ChannelRole {
	if b := c.setting(SetPost); b != nil {
		return b.Post
	}
	switch b := c.root().body.(type) {
	case *ChannelCreate:
		return b.Post
	case *ChannelGenesis:
		return b.Post
	}
	return Founder
}

// setting is the effective ChannelPolicy for a field, or nil.
func (c *channelJudge) setting(field uint8) *ChannelPolicy {
	x := winner(c.c, c.sc.ops, func(x *opRec) bool {
		b, ok := x.body.(*ChannelPolicy)
		return ok && b.Set&field != 0 && c.holds(x) && c.stands(x)
	})
	if x == nil {
		return nil
	}
	return x.body.(*ChannelPolicy)
}

// archived reports whether the channel is closed for writing, by its own people or by a lock.
func (c *channelJudge) archived() bool {
	for _, lock := range []bool{false, true} {
		x := winner(c.c, c.sc.ops, func(x *opRec) bool {
			return x.typ == crdt.TypeChannelArchive && c.lock(x) == lock && c.holds(x) && c.stands(x)
		})
		if x != nil && x.body.(*ChannelArchive).Archived {
			return true
		}
	}
	return false
}
