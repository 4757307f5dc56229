package access

import "hallway/crdt"

// Type is the op type that carries this body.
func (*Genesis) Type() crdt.Type { return crdt.TypeGenesis }

// Append appends the body's encoding.
func (b *Genesis) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*Merge) Type() crdt.Type { return crdt.TypeMerge }

// Append appends the body's encoding.
func (b *Merge) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*Grant) Type() crdt.Type { return crdt.TypeGrant }

// Append appends the body's encoding.
func (b *Grant) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*Remove) Type() crdt.Type { return crdt.TypeRemove }

// Append appends the body's encoding.
func (b *Remove) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*Demote) Type() crdt.Type { return crdt.TypeDemote }

// Append appends the body's encoding.
func (b *Demote) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*DeviceAdd) Type() crdt.Type { return crdt.TypeDeviceAdd }

// Append appends the body's encoding.
func (b *DeviceAdd) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*DeviceRevoke) Type() crdt.Type { return crdt.TypeDeviceRevoke }

// Append appends the body's encoding.
func (b *DeviceRevoke) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*PukRotate) Type() crdt.Type { return crdt.TypePukRotate }

// Append appends the body's encoding.
func (b *PukRotate) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*Profile) Type() crdt.Type { return crdt.TypeProfile }

// Append appends the body's encoding.
func (b *Profile) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*InviteCreate) Type() crdt.Type { return crdt.TypeInviteCreate }

// Append appends the body's encoding.
func (b *InviteCreate) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*InviteRevoke) Type() crdt.Type { return crdt.TypeInviteRevoke }

// Append appends the body's encoding.
func (b *InviteRevoke) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*Admit) Type() crdt.Type { return crdt.TypeAdmit }

// Append appends the body's encoding.
func (b *Admit) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*JoinRequest) Type() crdt.Type { return crdt.TypeJoinRequest }

// Append appends the body's encoding.
func (b *JoinRequest) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*ChannelCreate) Type() crdt.Type { return crdt.TypeChannelCreate }

// Append appends the body's encoding.
func (b *ChannelCreate) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*ChannelPolicy) Type() crdt.Type { return crdt.TypeChannelPolicy }

// Append appends the body's encoding.
func (b *ChannelPolicy) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*ChannelArchive) Type() crdt.Type { return crdt.TypeChannelArchive }

// Append appends the body's encoding.
func (b *ChannelArchive) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*ChannelGrant) Type() crdt.Type { return crdt.TypeChannelGrant }

// Append appends the body's encoding.
func (b *ChannelGrant) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*ChannelRemove) Type() crdt.Type { return crdt.TypeChannelRemove }

// Append appends the body's encoding.
func (b *ChannelRemove) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*ChannelGenesis) Type() crdt.Type { return crdt.TypeChannelGenesis }

// Append appends the body's encoding.
func (b *ChannelGenesis) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*Leave) Type() crdt.Type { return crdt.TypeLeave }

// Append appends the body's encoding.
func (b *Leave) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*Policy) Type() crdt.Type { return crdt.TypePolicy }

// Append appends the body's encoding.
func (b *Policy) Append(to []byte) []byte { return encode(to, b.walk) }

// Type is the op type that carries this body.
func (*Notice) Type() crdt.Type { return crdt.TypeNotice }

// Append appends the body's encoding.
func (b *Notice) Append(to []byte) []byte { return encode(to, b.walk) }
