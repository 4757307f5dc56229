package access

import (
	"bytes"

	"hallway/crdt"
)

// ChannelCreate opens a public channel. Its scope follows from the salt and the author, see PublicScope, so that nobody
// can claim another's channel. Post is the rank that writing takes.
type ChannelCreate struct {
	Salt  [32]byte
	Post  ChannelRole
	Name  Sealed
	Topic Sealed
}

func (b *ChannelCreate) walk(c *codec) {
	c.fixed(b.Salt[:])
	small(c, &b.Post, uint64(Founder))
	b.Name.walk(c)
	b.Topic.walk(c)
}

// PublicScope is the scope of the public channel that this person creates with this salt.
func PublicScope(ws crdt.WorkspaceID, creator UserID, salt [32]byte) crdt.ScopeID {
	return crdt.ScopeID(crdt.Hash("hallway/scope/public/v1", ws[:], creator[:], salt[:]))
}

// ChannelMember is a person with a rank in a channel.
type ChannelMember struct {
	User UserID
	Role ChannelRole
}

// ChannelGenesis is the first op of a private channel or direct message, in its own scope; the scope is PrivateScope of
// it. Members are the others, sorted by user, without the founder; each has a rank below Founder. A name is set by a
// ChannelPolicy afterwards, because the epoch that seals it can only be minted once the genesis is there.
type ChannelGenesis struct {
	Salt    [32]byte
	Direct  bool // members are fixed
	Founder UserID
	Members []ChannelMember
	Post    ChannelRole
	History History
}

func (b *ChannelGenesis) walk(c *codec) {
	c.fixed(b.Salt[:])
	c.flag(&b.Direct)
	c.fixed(b.Founder[:])
	list(c, &b.Members, MaxMembers, 17, func(c *codec, m *ChannelMember) {
		c.fixed(m.User[:])
		small(c, &m.Role, uint64(Manager))
	})
	small(c, &b.Post, uint64(Founder))
	b.History.walk(c)
	for i, m := range b.Members {
		c.require(m.User != b.Founder && (i == 0 || bytes.Compare(b.Members[i-1].User[:], m.User[:]) < 0))
		c.require(!b.Direct || m.Role == Poster)
	}
	c.require(!b.Direct || len(b.Members) < MaxDirect && b.Post <= Poster)
}

// PrivateScope is the scope that a ChannelGenesis opens: it commits to all of it.
func PrivateScope(ws crdt.WorkspaceID, g *ChannelGenesis) crdt.ScopeID {
	return crdt.ScopeID(crdt.Hash("hallway/scope/private/v1", ws[:], g.Append(nil)))
}

// Which fields a ChannelPolicy sets.
const (
	SetName    = 1 << 0
	SetTopic   = 1 << 1
	SetPost    = 1 << 2
	SetHistory = 1 << 3 // of private channels only: a public channel's history is all
)

// ChannelPolicy changes a channel. Only the fields that Set names count, the others are zero. Each is a register of its
// own.
type ChannelPolicy struct {
	Scope   crdt.ScopeID
	Rank    ChannelRole
	Set     uint8
	Name    Sealed
	Topic   Sealed
	Post    ChannelRole
	History History
}

func (b *ChannelPolicy) walk(c *codec) {
	c.fixed(b.Scope[:])
	small(c, &b.Rank, uint64(Founder))
	small(c, &b.Set, SetName|SetTopic|SetPost|SetHistory)
	if b.Set&SetName != 0 {
		b.Name.walk(c)
	}
	if b.Set&SetTopic != 0 {
		b.Topic.walk(c)
	}
	if b.Set&SetPost != 0 {
		small(c, &b.Post, uint64(Founder))
	}
	if b.Set&SetHistory != 0 {
		b.History.walk(c)
	}
	c.require(b.Set != 0)
}

// ChannelArchive closes a channel for writing, or opens it again. In the access scope it also locks a private one, for
// which the author needs to be an admin of the workspace and Rank is Founder.
type ChannelArchive struct {
	Scope    crdt.ScopeID
	Rank     ChannelRole
	Archived bool
}

func (b *ChannelArchive) walk(c *codec) {
	c.fixed(b.Scope[:])
	small(c, &b.Rank, uint64(Founder))
	c.flag(&b.Archived)
}

// ChannelGrant gives a person a rank in a channel.
type ChannelGrant struct {
	Scope crdt.ScopeID
	Rank  ChannelRole
	User  UserID
	Role  ChannelRole
}

func (b *ChannelGrant) walk(c *codec) {
	c.fixed(b.Scope[:])
	small(c, &b.Rank, uint64(Founder))
	c.fixed(b.User[:])
	small(c, &b.Role, uint64(Founder))
}

// ChannelRemove takes a person's ranks in a channel. In a public channel he may still read. Pins are sorted by log.
type ChannelRemove struct {
	Scope crdt.ScopeID
	Rank  ChannelRole
	User  UserID
	Pins  []Pin
}

func (b *ChannelRemove) walk(c *codec) {
	c.fixed(b.Scope[:])
	small(c, &b.Rank, uint64(Founder))
	c.fixed(b.User[:])
	walkPins(c, &b.Pins)
}
