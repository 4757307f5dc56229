package access

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"

	"hallway/crdt"
)

// UserID names a person in one workspace: the first 16 bytes of a hash of the workspace and the person's recovery key.
type UserID [16]byte

func (id UserID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether the id is unset.
func (id UserID) IsZero() bool { return id == UserID{} }

// UserIDOf is the id of the person whose recovery key this is.
func UserIDOf(ws crdt.WorkspaceID, rk ed25519.PublicKey) UserID {
	sum := crdt.Hash("hallway/user/v1", ws[:], rk)
	return UserID(sum[:16])
}

// ParseUserID reads the 32 hexadecimal digits of a user id.
func ParseUserID(s string) (UserID, error) {
	var id UserID
	if len(s) != 2*len(id) {
		return UserID{}, fmt.Errorf("user id: %w", crdt.ErrBadID)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return UserID{}, fmt.Errorf("user id: %w", crdt.ErrBadID)
	}
	return id, nil
}

// InviteID names an invitation by its public key; links and join claims carry it.
type InviteID [16]byte

func (id InviteID) String() string { return hex.EncodeToString(id[:]) }

// InviteIDOf is the id of the invitation whose public key this is.
func InviteIDOf(ws crdt.WorkspaceID, pub ed25519.PublicKey) InviteID {
	sum := crdt.Hash("hallway/invite/v1", ws[:], pub)
	return InviteID(sum[:16])
}

// Role is a rank in the workspace (protocol 5.1).
type Role uint8

// The ranks. To grant a role, or to remove who holds it, takes a rank strictly above it.
const (
	Guest        Role = 0
	Member       Role = 1
	Moderator    Role = 2
	Admin        Role = 3
	Owner        Role = 4
	Quorum       Role = 5 // reserved: a majority of the owners
	WorkspaceKey Role = 6 // the key in the recovery kit; nobody holds this as a role
)

func (r Role) String() string {
	names := [...]string{"guest", "member", "moderator", "admin", "owner", "quorum", "workspace key"}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// ChannelRole is a rank inside one channel.
type ChannelRole uint8

// The ranks of a channel. In a public channel every workspace member is at least a Poster and every workspace admin
// counts as a Founder; in a private one workspace rank gives nothing.
const (
	Reader  ChannelRole = 0
	Poster  ChannelRole = 1
	Manager ChannelRole = 2
	Founder ChannelRole = 3
)

func (r ChannelRole) String() string {
	names := [...]string{"reader", "poster", "manager", "founder"}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("channel role %d", uint8(r))
}

// HistoryKind says what a newcomer reads of what was written before (protocol 6.5).
type HistoryKind uint8

// The kinds of history.
const (
	HistoryAll      HistoryKind = 0
	HistoryFromJoin HistoryKind = 1
	HistoryDays     HistoryKind = 2
)

// History is a channel's history policy. Days counts only with HistoryDays.
type History struct {
	Kind HistoryKind
	Days uint32
}

func (h *History) walk(c *codec) {
	small(c, &h.Kind, uint64(HistoryDays))
	small(c, &h.Days, 36500)
	c.require((h.Kind == HistoryDays) == (h.Days > 0))
}

// InviteMode says who lets a newcomer in.
type InviteMode uint8

// The modes of an invitation.
const (
	InviteAuto    InviteMode = 1 // any member who is asked
	InviteApprove InviteMode = 2 // someone whose rank is above the role
)

// Sealed is a name or other text that only holders of an epoch can open. This package never looks inside. The zero
// value means that there is none.
type Sealed struct {
	Epoch crdt.EpochID
	Box   []byte // at most MaxSealed bytes
}

// IsZero reports that nothing is there.
func (s *Sealed) IsZero() bool { return len(s.Box) == 0 }

func (s *Sealed) walk(c *codec) {
	c.bytes(&s.Box, MaxSealed)
	if len(s.Box) > 0 {
		c.fixed(s.Epoch[:])
	}
}

// Append appends the encoding: what a Policy whose value is sealed carries.
func (s *Sealed) Append(b []byte) []byte { return encode(b, s.walk) }

// ParseSealed reads what Append wrote.
func ParseSealed(b []byte) (Sealed, error) {
	var s Sealed
	err := decode("sealed field", b, s.walk)
	return s, err
}
