package access

import (
	"errors"
	"fmt"

	"hallway/crdt"
)

// Body is the payload of an access op. Append writes its one encoding, ParseBody reads it.
type Body interface {
	Type() crdt.Type
	Append(b []byte) []byte
	walk(c *codec)
}

// bodies makes an empty body of each type that has a meaning today.
var bodies = map[crdt.Type]func() Body{
	crdt.TypeGenesis:        func() Body { return new(Genesis) },
	crdt.TypeMerge:          func() Body { return new(Merge) },
	crdt.TypeGrant:          func() Body { return new(Grant) },
	crdt.TypeRemove:         func() Body { return new(Remove) },
	crdt.TypeDemote:         func() Body { return new(Demote) },
	crdt.TypeDeviceAdd:      func() Body { return new(DeviceAdd) },
	crdt.TypeDeviceRevoke:   func() Body { return new(DeviceRevoke) },
	crdt.TypePukRotate:      func() Body { return new(PukRotate) },
	crdt.TypeProfile:        func() Body { return new(Profile) },
	crdt.TypeInviteCreate:   func() Body { return new(InviteCreate) },
	crdt.TypeInviteRevoke:   func() Body { return new(InviteRevoke) },
	crdt.TypeAdmit:          func() Body { return new(Admit) },
	crdt.TypeJoinRequest:    func() Body { return new(JoinRequest) },
	crdt.TypeChannelCreate:  func() Body { return new(ChannelCreate) },
	crdt.TypeChannelPolicy:  func() Body { return new(ChannelPolicy) },
	crdt.TypeChannelArchive: func() Body { return new(ChannelArchive) },
	crdt.TypeChannelGrant:   func() Body { return new(ChannelGrant) },
	crdt.TypeChannelRemove:  func() Body { return new(ChannelRemove) },
	crdt.TypeChannelGenesis: func() Body { return new(ChannelGenesis) },
	crdt.TypeLeave:          func() Body { return new(Leave) },
	crdt.TypePolicy:         func() Body { return new(Policy) },
	crdt.TypeNotice:         func() Body { return new(Notice) },
}

// ErrNoBody is returned for a type that has no body known here: reserved, or of a newer Hallway.
var ErrNoBody = errors.New("type without a known body")

// ParseBody reads the payload of an access op of this type, all of b.
func ParseBody(t crdt.Type, b []byte) (Body, error) {
	empty, ok := bodies[t]
	if !ok {
		return nil, fmt.Errorf("read body of type %#x: %w", byte(t), ErrNoBody)
	}
	body := empty()
	if err := decode(fmt.Sprintf("body of type %#x", byte(t)), b, body.walk); err != nil {
		return nil, err
	}
	return body, nil
}

// Genesis founds a workspace; the workspace's id is the hash of its encoding. WK is the workspace key. The founder is
// its first owner.
type Genesis struct {
	Salt    [32]byte
	WK      Key
	PQ      bool // every wrap is hybrid post-quantum
	Founder Identity
	WKSig   crdt.Signature
	RKSig   crdt.Signature
}

func (g *Genesis) walkSigned(c *codec) {
	version := uint8(1)
	small(c, &version, 1)
	c.require(version == 1)
	c.fixed(g.Salt[:])
	c.fixed(g.WK[:])
	c.flag(&g.PQ)
	g.Founder.walk(c)
}

func (g *Genesis) walk(c *codec) {
	g.walkSigned(c)
	c.fixed(g.WKSig[:])
	c.fixed(g.RKSig[:])
}

// Merge joins heads where there are more than an op may name. It has no power.
type Merge struct{}

func (*Merge) walk(*codec) {}

// Grant gives a person who is or was here a role.
type Grant struct {
	Rank Role // that the author uses
	User UserID
	Role Role
}

func (g *Grant) walk(c *codec) {
	walkRank(c, &g.Rank)
	c.fixed(g.User[:])
	small(c, &g.Role, uint64(Owner))
}

func walkRank(c *codec, r *Role) { small(c, r, uint64(WorkspaceKey)) }

// Pin says how far a log of a removed person or revoked device was known: later ops of it are not shown (protocol 5.4).
type Pin struct {
	Log crdt.LogID
	Seq uint64
	ID  crdt.OpID // of the op at Seq
}

func walkPins(c *codec, pins *[]Pin) {
	list(c, pins, MaxPins, 49, func(c *codec, p *Pin) {
		c.fixed(p.Log[:])
		c.number(&p.Seq, 1<<48)
		c.fixed(p.ID[:])
	})
	for i := 1; i < len(*pins); i++ {
		c.require(string((*pins)[i-1].Log[:]) < string((*pins)[i].Log[:]))
	}
}

// Remove takes every role from a person. Pins are sorted by log.
type Remove struct {
	Rank Role
	User UserID
	Pins []Pin
}

func (r *Remove) walk(c *codec) {
	walkRank(c, &r.Rank)
	c.fixed(r.User[:])
	walkPins(c, &r.Pins)
}

// Demote takes every role above Role from a person and leaves him that one.
type Demote struct {
	Rank Role
	User UserID
	Role Role
}

func (d *Demote) walk(c *codec) {
	walkRank(c, &d.Rank)
	c.fixed(d.User[:])
	small(c, &d.Role, uint64(Owner))
}

// DeviceAdd certifies another device of the author's own. Wraps hold his per-user key for it.
type DeviceAdd struct {
	Cert  DeviceCert
	Wraps []Wrap
}

func (d *DeviceAdd) walk(c *codec) {
	d.Cert.walk(c)
	list(c, &d.Wraps, MaxWraps, 9, func(c *codec, w *Wrap) { w.walk(c) })
}

// DeviceRevoke puts a device out for good. Rank zero: by its own person; else by someone of higher rank. Pins are
// sorted by log.
type DeviceRevoke struct {
	Rank   Role
	User   UserID
	Device Key // its sign key
	Pins   []Pin
}

func (d *DeviceRevoke) walk(c *codec) {
	walkRank(c, &d.Rank)
	c.fixed(d.User[:])
	c.fixed(d.Device[:])
	walkPins(c, &d.Pins)
}

// PukRotate replaces the author's per-user key. Previous is the secret of the generation before, boxed under this one.
type PukRotate struct {
	Puk      Puk
	Previous []byte
}

func (p *PukRotate) walk(c *codec) {
	p.Puk.walk(c)
	c.bytes(&p.Previous, MaxBox)
}

// Profile is how the author is called.
type Profile struct{ Sealed Sealed }

func (p *Profile) walk(c *codec) { p.Sealed.walk(c) }

// InviteCreate opens the door to whoever holds the secret of Pub (protocol 5.5). MaxUses zero means any number; it
// bounds those let in without approval.
type InviteCreate struct {
	Rank     Role
	Pub      Key
	Role     Role
	Mode     InviteMode
	MaxUses  uint32
	Expires  crdt.HLC // the last reading at which an Admit may be written; zero means never
	Channels []crdt.ScopeID
	Note     Sealed
}

func (i *InviteCreate) walk(c *codec) {
	walkRank(c, &i.Rank)
	c.fixed(i.Pub[:])
	small(c, &i.Role, uint64(Owner))
	small(c, &i.Mode, uint64(InviteApprove))
	small(c, &i.MaxUses, 1<<32-1)
	c.hlc(&i.Expires)
	list(c, &i.Channels, MaxInviteTo, 32, func(c *codec, s *crdt.ScopeID) { c.fixed(s[:]) })
	i.Note.walk(c)
	c.require(i.Mode == InviteAuto || i.Mode == InviteApprove)
}

// InviteRevoke closes an invitation and voids admissions that had not seen it.
type InviteRevoke struct {
	Rank   Role
	Invite crdt.OpID
}

func (i *InviteRevoke) walk(c *codec) {
	walkRank(c, &i.Rank)
	c.fixed(i.Invite[:])
}

// Admit lets the person of a join claim in. Without Approved it acts with the rank of the invitation's author, which
// Rank must repeat; with Approved it acts with its own author's.
type Admit struct {
	Rank     Role
	Invite   crdt.OpID // the InviteCreate
	Approved bool
	Claim    []byte // a JoinClaim's encoding
}

func (a *Admit) walk(c *codec) {
	walkRank(c, &a.Rank)
	c.fixed(a.Invite[:])
	c.flag(&a.Approved)
	c.bytes(&a.Claim, MaxClaim)
}

// JoinRequest shows a join claim to those who may approve it.
type JoinRequest struct {
	Invite crdt.OpID
	Claim  []byte
	Name   Sealed // as the newcomer gave it
}

func (j *JoinRequest) walk(c *codec) {
	c.fixed(j.Invite[:])
	c.bytes(&j.Claim, MaxClaim)
	j.Name.walk(c)
}

// Policy sets a register of the workspace. Of those that have not seen each other the highest rank wins, then the
// latest reading, then the highest op id.
type Policy struct {
	Rank  Role
	Key   string
	Value []byte
}

func (p *Policy) walk(c *codec) {
	walkRank(c, &p.Rank)
	c.text(&p.Key, MaxKey)
	c.bytes(&p.Value, MaxValue)
	c.require(p.Key != "")
}

// Notice is one age file for one person who alone learns that it is for him. Box has exactly NoticeSize bytes: who
// makes it pads what is inside.
type Notice struct{ Box []byte }

func (n *Notice) walk(c *codec) {
	if c.reading {
		n.Box = make([]byte, NoticeSize)
	}
	c.fixed(n.Box)
	c.require(len(n.Box) == NoticeSize)
}

// Leave takes the author out of the workspace, or out of one channel where Scope is not zero.
type Leave struct{ Scope crdt.ScopeID }

func (l *Leave) walk(c *codec) { c.fixed(l.Scope[:]) }
