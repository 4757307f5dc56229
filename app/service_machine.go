package app

import "time"

// StartRequest asks in which state this machine is.
type StartRequest struct{}

// StartReply says what a face should show first.
type StartReply struct {
	State StartState `json:"state"`
	// Workspaces that are on this machine, the one opened last first. Empty
	// while State is StartEmpty or StartLocked.
	Workspaces []Workspace `json:"workspaces"`
	// Protection says how secrets are kept here; empty before the first workspace.
	Protection Protection `json:"protection,omitempty"`
	// Keychain is true where the system has a keychain that answers.
	Keychain bool   `json:"keychain"`
	Version  string `json:"version"`
	// DeviceName is a proposal for the name of this computer.
	DeviceName string   `json:"device_name"`
	Settings   Settings `json:"settings"`
	// Network is true when any network interface is up.
	Network bool `json:"network"`
}

// StartState is the state of this machine's data directory.
type StartState string

// The states that a data directory can be in.
const (
	StartEmpty  StartState = "empty"  // no workspace yet
	StartLocked StartState = "locked" // the passphrase is needed
	StartReady  StartState = "ready"  // at least one workspace, perhaps still being joined
)

// Values lists every StartState.
func (StartState) Values() []StartState { return []StartState{StartEmpty, StartLocked, StartReady} }

// Protection is how the secrets on this disk are kept.
type Protection string

// The ways to keep secrets.
const (
	ProtectKeychain   Protection = "keychain"   // under a key in the system's keychain
	ProtectPassphrase Protection = "passphrase" // under a passphrase, asked at start
	ProtectKeyFile    Protection = "keyfile"    // under a key file of mode 0600 beside the data
)

// Values lists every Protection.
func (Protection) Values() []Protection {
	return []Protection{ProtectKeychain, ProtectPassphrase, ProtectKeyFile}
}

// Workspace is one company's conversation as this device holds it.
type Workspace struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Member string    `json:"member"` // this person's id in it
	Device string    `json:"device"` // this device's id in it
	State  JoinState `json:"state"`
	// RecoveryPending is true until the person has said that the recovery
	// sheet is kept.
	RecoveryPending bool `json:"recovery_pending"`
	Unread          int  `json:"unread"`
	Mentions        int  `json:"mentions"`
}

// UnlockRequest opens secrets that are kept under a passphrase.
type UnlockRequest struct {
	Passphrase string `json:"passphrase"`
}

// CreateRequest starts a workspace with #general; this device is its first owner.
type CreateRequest struct {
	Name   string `json:"name"`   // of the workspace, 1-80 characters
	As     string `json:"as"`     // this person's name, 1-80 characters
	Device string `json:"device"` // this computer's name; empty means the host's
	// Protection is looked at for the first workspace on a machine only;
	// empty means the keychain if there is one, else a key file.
	Protection Protection `json:"protection,omitempty"`
	Passphrase string     `json:"passphrase,omitempty"` // for ProtectPassphrase
}

// CreateReply names what was made. Recovery and Kit are secrets: they are
// shown once to the person or written where they asked, and never printed
// or logged otherwise.
type CreateReply struct {
	Workspace string   `json:"workspace"` // its id
	Name      string   `json:"name"`
	Member    string   `json:"member"`
	Device    string   `json:"device"`
	Recovery  []string `json:"recovery"` // the person's 24 words
	Kit       []string `json:"kit"`      // the workspace key's 24 words, for a safe
}

// PreviewInviteRequest asks what a pasted text invites to, without any network.
type PreviewInviteRequest struct {
	Link string `json:"link"` // a link, or text with a link in it; at most 64 KiB
}

// PreviewInviteReply is what can be read from an invitation alone. Name,
// InvitedBy and Role are what the link claims until the workspace confirms it.
type PreviewInviteReply struct {
	Workspace string     `json:"workspace"` // its id
	Name      string     `json:"name"`
	InvitedBy string     `json:"invited_by"`
	Role      Role       `json:"role,omitempty"`
	Mode      InviteMode `json:"mode,omitempty"`
	Expires   time.Time  `json:"expires,omitzero"`
	Expired   bool       `json:"expired"`
	// AlreadyHere is true when this machine is in the workspace.
	AlreadyHere bool `json:"already_here"`
	// Words are 6 words of the workspace's identity, to be read out to who invited.
	Words []string `json:"words"`
	// Link is the invitation alone, cut out of what was pasted.
	Link string `json:"link"`
}

// JoinRequest joins by a link. It returns when the claim is stored; progress
// comes by JoinStatus and EventJoin.
type JoinRequest struct {
	Link       string     `json:"link"`
	As         string     `json:"as"`     // this person's name, 1-80 characters
	Device     string     `json:"device"` // this computer's name; empty means the host's
	Protection Protection `json:"protection,omitempty"`
	Passphrase string     `json:"passphrase,omitempty"`
}

// JoinReply names what is being joined. Recovery holds the person's 24 words,
// a secret as in CreateReply.
type JoinReply struct {
	Workspace string    `json:"workspace"`
	Name      string    `json:"name"`
	Member    string    `json:"member"`
	Device    string    `json:"device"`
	State     JoinState `json:"state"`
	Recovery  []string  `json:"recovery"`
}

// JoinStatusRequest asks how far a join is.
type JoinStatusRequest struct{ In }

// JoinStatusReply is how far a join is.
type JoinStatusReply struct {
	Workspace string    `json:"workspace"`
	Name      string    `json:"name"`
	Member    string    `json:"member"`
	Device    string    `json:"device"`
	State     JoinState `json:"state"`
	Step      JoinStep  `json:"step"`
	// Sentence says in words what is waited for, or why it ended.
	Sentence string `json:"sentence"`
	// Words are 6 words that both sides compare where the mode is approve.
	Words []string `json:"words,omitempty"`
	// Have of Want messages are here; Want is 0 while unknown.
	Have int `json:"have"`
	Want int `json:"want"`
}

// JoinState is whether this device is in a workspace yet.
type JoinState string

// The states of a join, as the command line shows them.
const (
	JoinMember  JoinState = "member"
	JoinPending JoinState = "pending"
)

// Values lists every JoinState.
func (JoinState) Values() []JoinState { return []JoinState{JoinMember, JoinPending} }

// JoinStep is what a join is doing.
type JoinStep string

// The steps of a join, in order; the last four end it or wait for somebody.
const (
	StepConnecting JoinStep = "connecting" // looking for a computer of the workspace
	StepAsking     JoinStep = "asking"     // connected, the claim is under way
	StepKeys       JoinStep = "keys"       // admitted, waiting for keys
	StepFetching   JoinStep = "fetching"   // usable; older history is on its way
	StepDone       JoinStep = "done"       // everything known of is here
	StepApproval   JoinStep = "approval"   // waiting for an administrator
	StepDenied     JoinStep = "denied"     // an administrator said no
	StepFailed     JoinStep = "failed"     // expired, used up, revoked or wrong
)

// Values lists every JoinStep.
func (JoinStep) Values() []JoinStep {
	return []JoinStep{StepConnecting, StepAsking, StepKeys, StepFetching, StepDone, StepApproval, StepDenied, StepFailed}
}

// RecoverySheetRequest asks for the recovery sheet of a workspace.
type RecoverySheetRequest struct{ In }

// RecoverySheetReply is the sheet. The words are kept on this machine only
// until KeepRecovery; after that Words and Kit are empty and Kept is true.
type RecoverySheetReply struct {
	Kept    bool      `json:"kept"`
	Name    string    `json:"name"`   // of the workspace
	Person  string    `json:"person"` // whose sheet it is
	Words   []string  `json:"words"`
	Kit     []string  `json:"kit"` // for the first owner only
	Created time.Time `json:"created,omitzero"`
}

// SettingsRequest asks for this machine's settings.
type SettingsRequest struct{}

// Settings are this machine's, not a person's: they are never synced.
type Settings struct {
	Theme     Theme   `json:"theme"`
	Density   Density `json:"density"`
	TextScale int     `json:"text_scale"` // percent, 85-150
	// SingleKeys turns single-letter shortcuts in the message list on (WCAG 2.1.4).
	SingleKeys bool `json:"single_keys"`
	// SidebarWidth and PaneWidth are in px, 200-360 and 320-560.
	SidebarWidth int `json:"sidebar_width"`
	PaneWidth    int `json:"pane_width"`
}

// Theme is light, dark, or what the system says.
type Theme string

// The themes.
const (
	ThemeSystem Theme = "system"
	ThemeLight  Theme = "light"
	ThemeDark   Theme = "dark"
)

// Values lists every Theme.
func (Theme) Values() []Theme { return []Theme{ThemeSystem, ThemeLight, ThemeDark} }

// Density is how close rows stand.
type Density string

// The densities.
const (
	DensityCosy    Density = "cosy"
	DensityCompact Density = "compact"
)

// Values lists every Density.
func (Density) Values() []Density { return []Density{DensityCosy, DensityCompact} }
