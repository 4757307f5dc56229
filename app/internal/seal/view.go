package seal

import (
	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// User is an access.UserID.
type User = [16]byte

// Recipient is a person who must be able to open an epoch, by one generation of his PUK.
type Recipient struct {
	User  User
	Gen   uint32
	Key   keyring.Recipient
	Guest bool // sees nothing from before he came, whatever the channel's policy (protocol 6.5)
}

// History says what a newcomer may read of what was written before he came (protocol 6.5).
type History struct {
	Kind HistoryKind
	Days uint32 // of HistoryDays
}

// HistoryKind is a channel's history policy.
type HistoryKind uint8

// The history policies.
const (
	HistoryAll HistoryKind = iota
	HistoryFromJoin
	HistoryDays
)

// View is what seal must know of who may read what: one state of the access ops, unchanging. [ViewOf] makes one from
// access. Where a parameter is called key it is a key scope, one that has epochs of its own: the access scope, a private
// channel, a direct message.
type View interface {
	// PQ reports whether age recipients are hybrid: all of them, or none (protocol 6.2).
	PQ() bool
	// KeyScope is the scope whose epochs seal what is written in scope: the access scope for a public channel, else
	// scope itself.
	KeyScope(scope crdt.ScopeID) crdt.ScopeID
	// Auth is the digest of the heads that an op written now in the scope names.
	Auth(key crdt.ScopeID) crdt.AuthRef
	// Recipients are those who must hold the current epoch, sorted by user.
	Recipients(key crdt.ScopeID) []Recipient
	// RecipientsAt are those who had to as of an op's Auth, sorted by user; ok is false where the heads behind it are not
	// known.
	RecipientsAt(key crdt.ScopeID, auth crdt.AuthRef) (r []Recipient, ok bool)
	// Lost reports whether somebody who might read as of auth, or has come since, lost that right or had a device revoked,
	// and so his PUK, by something outside the past of auth. It may answer yes too often, never too seldom: whoever
	// came and went since may have been given the epoch by an op that this desk has not heard of.
	Lost(key crdt.ScopeID, auth crdt.AuthRef) bool
	// History is the scope's present policy.
	History(key crdt.ScopeID) History
	// UserOf is the user whose effective device signs with this Ed25519 key.
	UserOf(sign [32]byte) (u User, ok bool)
	// RecipientOf is a present member's newest PUK.
	RecipientOf(u User) (r Recipient, ok bool)
}
