package app

import "time"

// Role is what a person may do in a workspace (protocol 5.1).
type Role string

// The roles, the strongest first.
const (
	RoleOwner     Role = "owner"
	RoleAdmin     Role = "admin"
	RoleModerator Role = "moderator"
	RoleMember    Role = "member"
	RoleGuest     Role = "guest"
)

// Values lists every Role.
func (Role) Values() []Role {
	return []Role{RoleOwner, RoleAdmin, RoleModerator, RoleMember, RoleGuest}
}

// MembersRequest lists the people of a workspace.
type MembersRequest struct{ In }

// MembersReply holds them by name.
type MembersReply struct {
	Members []Member `json:"members"`
}

// MemberRequest names a person by id or name.
type MemberRequest struct {
	In
	Member string `json:"member"`
}

// Member is one person.
type Member struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Title    string    `json:"title,omitempty"`
	Team     string    `json:"team,omitempty"`
	Status   string    `json:"status,omitempty"`
	Role     Role      `json:"role"`
	Devices  int       `json:"devices"`
	Verified bool      `json:"verified"`
	LastSeen time.Time `json:"last_seen,omitzero"`
	You      bool      `json:"you,omitempty"`
	// Online is true when a device of theirs is reachable now.
	Online bool `json:"online"`
	// NewDevice is true when a device came after the person was verified.
	NewDevice bool `json:"new_device,omitempty"`
}

// MemberReply is one person in full.
type MemberReply struct {
	Member    Member    `json:"member"`
	Since     time.Time `json:"since,omitzero"`
	InvitedBy string    `json:"invited_by,omitempty"` // name
	Devices   []Device  `json:"devices"`
	// MayRemove and MayGrant are what this person may do to them.
	MayRemove bool   `json:"may_remove"`
	MayGrant  []Role `json:"may_grant"`
	// Channels counts the channels whose keys a removal would renew.
	Channels int `json:"channels"`
}

// SetRoleRequest gives a person a role.
type SetRoleRequest struct {
	In
	Member string `json:"member"`
	Role   Role   `json:"role"`
}

// ProfileRequest names whose profile; empty means one's own.
type ProfileRequest struct {
	In
	Member string `json:"member,omitempty"`
}

// Profile is what a person says of themselves.
type Profile struct {
	Member string `json:"member"`
	Name   string `json:"name"`
	Title  string `json:"title"`
	Team   string `json:"team"`
	Status string `json:"status"`
}

// SetProfileRequest sets one key of one's own profile.
type SetProfileRequest struct {
	In
	Key   ProfileKey `json:"key"`
	Value string     `json:"value"` // at most 200 characters
}

// ProfileKey is a part of a profile.
type ProfileKey string

// The parts of a profile.
const (
	ProfileName   ProfileKey = "name"
	ProfileTitle  ProfileKey = "title"
	ProfileTeam   ProfileKey = "team"
	ProfileStatus ProfileKey = "status"
)

// Values lists every ProfileKey.
func (ProfileKey) Values() []ProfileKey {
	return []ProfileKey{ProfileName, ProfileTitle, ProfileTeam, ProfileStatus}
}

// DevicesRequest lists one's own devices.
type DevicesRequest struct{ In }

// DevicesReply holds them, this one first.
type DevicesReply struct {
	Devices []Device `json:"devices"`
}

// Device is one computer of a person.
type Device struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Member   string    `json:"member"` // id
	Added    time.Time `json:"added,omitzero"`
	AddedBy  string    `json:"added_by,omitempty"` // name of a device or person
	LastSeen time.Time `json:"last_seen,omitzero"`
	Online   bool      `json:"online"`
	This     bool      `json:"this,omitempty"`
	Revoked  bool      `json:"revoked,omitempty"`
}

// InviteMode is how somebody with a link comes in.
type InviteMode string

// The modes of an invitation.
const (
	InviteAuto    InviteMode = "auto"    // whoever has the link is let in by any member's computer
	InviteApprove InviteMode = "approve" // an administrator compares words and lets them in
)

// Values lists every InviteMode.
func (InviteMode) Values() []InviteMode { return []InviteMode{InviteAuto, InviteApprove} }

// InviteRequest makes an invitation.
type InviteRequest struct {
	In
	Role       Role       `json:"role,omitempty"`        // empty means member
	Uses       int        `json:"uses,omitempty"`        // 1-1000, 0 means 1
	ExpiresSec int        `json:"expires_sec,omitempty"` // from now; 0 means 7 days
	Mode       InviteMode `json:"mode,omitempty"`        // empty means auto
	Channels   []string   `json:"channels,omitempty"`    // empty means all public ones
}

// InviteReply is a new invitation. Link is a secret of whoever may hand it on.
type InviteReply struct {
	Link    string    `json:"link"`
	ID      string    `json:"id"`
	Expires time.Time `json:"expires"`
}

// InvitesRequest lists the invitations of a workspace.
type InvitesRequest struct{ In }

// InvitesReply holds them, newest first.
type InvitesReply struct {
	Invites []Invite `json:"invites"`
}

// Invite is an invitation as everybody sees it.
type Invite struct {
	ID      string     `json:"id"`
	By      string     `json:"by"` // name
	Role    Role       `json:"role"`
	Mode    InviteMode `json:"mode"`
	Uses    int        `json:"uses"`
	Used    int        `json:"used"`
	Created time.Time  `json:"created"`
	Expires time.Time  `json:"expires"`
	Revoked bool       `json:"revoked"`
	// Open is true while it can still be used.
	Open bool `json:"open"`
	// Link is there only on the device that made it.
	Link      string `json:"link,omitempty"`
	MayRevoke bool   `json:"may_revoke"`
}

// RequestsRequest lists who waits to be let in.
type RequestsRequest struct{ In }

// RequestsReply holds them, oldest first.
type RequestsReply struct {
	Requests []Request `json:"requests"`
}

// Request is somebody who waits to be let in.
type Request struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Device string    `json:"device"`
	Role   Role      `json:"role"`
	At     time.Time `json:"at"`
	By     string    `json:"by"` // who invited
	// Words are 6 words that both people compare.
	Words []string `json:"words"`
	// MayDecide is true where this person may approve or deny it.
	MayDecide bool `json:"may_decide"`
}

// AuditRequest asks for the signed log of membership, role, device, key and
// policy changes.
type AuditRequest struct {
	In
	Limit  int    `json:"limit,omitempty"` // 0 means all
	Before string `json:"before,omitempty"`
}

// AuditReply holds a page, oldest first.
type AuditReply struct {
	Entries []AuditEntry `json:"entries"`
	Older   bool         `json:"older"`
}

// AuditEntry is one change.
type AuditEntry struct {
	ID     string    `json:"id"`
	Time   time.Time `json:"time"`
	Actor  string    `json:"actor"`  // name
	Action string    `json:"action"` // as "grant", "remove", "invite"; a fixed word a kind of op
	Target string    `json:"target"`
	// Effective is false for what a removal made void.
	Effective bool `json:"effective"`
}
