package crdt

// Version is the header version that this code reads and writes. Another version is refused.
const Version = 1

// Class says which of a device's logs in a scope an op belongs to. The classes are synced in this order: rights
// first, then keys, then what needs both.
type Class uint8

// The classes of logs.
const (
	ClassAccess  Class = 1 // who may do what; hard dependencies in the clear header
	ClassKeys    Class = 2 // epoch mints, grants and history boxes
	ClassContent Class = 3 // what people wrote
)

// Type says what an op is. A type that is not known is stored and forwarded all the same (protocol 3.2); its class
// follows from its number.
type Type uint8

// Access ops: 0x01 to 0x3f.
const (
	TypeGenesis        Type = 0x01
	TypeMerge          Type = 0x02
	TypeGrant          Type = 0x03
	TypeRemove         Type = 0x04
	TypeDemote         Type = 0x05
	TypeDeviceAdd      Type = 0x06
	TypeDeviceRevoke   Type = 0x07
	TypePukRotate      Type = 0x08
	TypeProfile        Type = 0x09
	TypeInviteCreate   Type = 0x0a
	TypeInviteRevoke   Type = 0x0b
	TypeJoinClaim      Type = 0x0c
	TypeAdmit          Type = 0x0d
	TypeJoinRequest    Type = 0x0e
	TypeChannelCreate  Type = 0x0f
	TypeChannelPolicy  Type = 0x10
	TypeChannelArchive Type = 0x11
	TypeChannelGrant   Type = 0x12
	TypeChannelRemove  Type = 0x13
	TypePolicy         Type = 0x14
	TypeNotice         Type = 0x15
	TypeChannelGenesis Type = 0x16
	TypeLeave          Type = 0x17

	// Reserved: their numbers and names are taken now, their meaning comes with a later version.
	TypeApprove     Type = 0x18
	TypeCheckpoint  Type = 0x19
	TypeRelayAdd    Type = 0x1a
	TypeRelayRemove Type = 0x1b
	TypeAttest      Type = 0x1c
	TypeRecover     Type = 0x1d
	TypeRetention   Type = 0x1e
	TypeErase       Type = 0x1f
	TypeMute        Type = 0x20
	TypeFence       Type = 0x21
)

// Key ops: 0x40 to 0x4f.
const (
	TypeEpochMint  Type = 0x40
	TypeKeyGrant   Type = 0x41
	TypeHistoryBox Type = 0x42
	TypeBadWrap    Type = 0x43
)

// Content ops: 0x50 and above.
const (
	TypeContent Type = 0x50 // sealed; what it is stands inside
	TypeRedact  Type = 0x51 // clear: who holds a copy, a relay too, must see what to drop
)

// Class is the class of logs that ops of this type live in.
func (t Type) Class() Class {
	switch {
	case t >= 0x01 && t <= 0x3f:
		return ClassAccess
	case t >= 0x40 && t <= 0x4f:
		return ClassKeys
	default:
		return ClassContent
	}
}

// Sealed reports whether the payload of this type is ciphertext under an epoch. Of the types known today only
// content is.
func (t Type) Sealed() bool { return t == TypeContent }

func (t Type) known() bool {
	return t >= TypeGenesis && t <= TypeFence || t >= TypeEpochMint && t <= TypeBadWrap || t == TypeContent || t == TypeRedact
}

// Limits of a single op. They hold before anything is allocated.
const (
	MaxPayload = 64 << 10 // bytes; what is larger goes to blobs
	MaxDeps    = 8        // hard dependencies of an access op
	MaxHeads   = 64       // access heads that one AuthRef may stand for
	MaxSegment = 64       // ops in one segment
	CheckEvery = 64       // an op whose seq is CheckEvery-1 modulo CheckEvery carries a signature of its own
	MaxBranch  = 4        // branches kept of a log that its writer forked

	maxSeq = 1 << 48 // the last place in a log; centuries of writing away, it keeps sums from wrapping
)
