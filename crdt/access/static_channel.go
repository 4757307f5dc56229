package access

import (
	"hallway/crdt"
)

// permitChannel judges what concerns one channel: ops of a private scope, and ops about a public channel.
func (s *State) permitChannel(x *candidate, mine int8) error {
	switch b := x.body.(type) {
	case *ChannelCreate:
		if mine < max(int8(Member), x.j.atLeast(PolicyCreatePublic)) {
			return inadmissible("policy demands a higher rank to create a channel")
		}
		return nil
	case *ChannelGenesis:
		return s.permitChannelGenesis(x, b, mine)
	case *ChannelArchive:
		if x.scope == none && (x.ch == nil || x.ch.sc.private || x.ch.creator() == none) {
			return permitLock(x, mine)
		}
	}
	if x.ch == nil || x.ch.creator() == none {
		return inadmissible("no such channel in the past")
	}
	here := x.ch.roleIn(x.author)
	if here == none {
		return inadmissible("author was not in the channel")
	}
	if x.scope == none && x.ch.sc.private {
		return inadmissible("private channel's op in the access scope")
	}
	if x.rank > here {
		return inadmissible("author used channel rank %d and had %d", x.rank, here)
	}
	return s.permitInChannel(x)
}

func permitLock(x *candidate, mine int8) error {
	if mine < int8(Admin) || x.rank != int8(Founder) {
		return inadmissible("locking a channel takes a workspace admin")
	}
	return nil
}

func (s *State) permitChannelGenesis(x *candidate, b *ChannelGenesis, mine int8) error {
	if x.scope == none {
		return inadmissible("private channel in the access scope")
	}
	if mine < max(int8(Member), x.j.atLeast(PolicyCreatePrivate)) {
		return inadmissible("policy demands a higher rank to create a channel")
	}
	if b.Founder != s.users[x.author].id {
		return inadmissible("founder is not the author")
	}
	if PrivateScope(s.ws, b) != s.scopes[x.scope].id {
		return inadmissible("genesis of another channel")
	}
	return nil
}

func (s *State) permitInChannel(x *candidate) error {
	direct := s.isDirect(x.ch.sc)
	switch b := x.body.(type) {
	case *ChannelGrant:
		if direct {
			return inadmissible("members of a direct message are fixed")
		}
		if x.user == none || x.j.role(x.user) == none {
			return inadmissible("no member of the workspace")
		}
		if !s.law.over(x.rank, x.role) {
			return inadmissible("channel rank %d grants %d", x.rank, x.role)
		}
	case *ChannelRemove:
		if direct || x.user == none {
			return inadmissible("nobody who can be removed")
		}
		if theirs := x.ch.roleIn(x.user); !s.law.over(x.rank, theirs) || x.rank < int8(Manager) {
			return inadmissible("channel rank %d removes %d", x.rank, theirs)
		}
	case *ChannelPolicy:
		if direct || x.rank < int8(Manager) || b.Set&SetHistory != 0 && !x.ch.sc.private {
			return inadmissible("channel setting out of reach")
		}
	case *ChannelArchive:
		if direct || x.rank < int8(Manager) {
			return inadmissible("archiving takes a manager")
		}
	case *Leave:
		if direct {
			return inadmissible("members of a direct message are fixed")
		}
	case *Merge:
	default:
		if _, known := bodies[x.typ]; known {
			return inadmissible("type %#x in a private scope", byte(x.typ))
		}
	}
	return nil
}

func (c *core) isDirect(sc *scopeRec) bool {
	if len(sc.roots) == 0 {
		return false
	}
	g, ok := c.ops[sc.roots[0]].body.(*ChannelGenesis)
	return ok && g.Direct
}

// mayWrite judges an op of class keys or content in the past that its Auth names.
func (s *State) mayWrite(h *horizon, scope int32, user int32, typ crdt.Type) error {
	if scope == none {
		if typ.Class() != crdt.ClassKeys || h.judge.role(user) < int8(Member) {
			return inadmissible("not a member's, or not for the access scope")
		}
		return nil
	}
	ch := h.channel(s.scopes[scope])
	here := ch.roleIn(user)
	switch {
	case here == none:
		return inadmissible("author was not in the channel")
	case typ.Class() == crdt.ClassKeys:
		if here < int8(Poster) {
			return inadmissible("readers make no keys")
		}
	case here < int8(ch.post()):
		return inadmissible("writing here takes channel rank %d", ch.post())
	case ch.archived():
		return inadmissible("channel was archived")
	}
	return nil
}
