package keyring

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// RecoveryKey is the root of a person (RK): 256 bits that fit on paper as 24 words, from which a sign key and an age
// identity come by different labels (protocol 2.1).
type RecoveryKey struct{ entropy Secret }

// NewRecoveryKey draws one.
func NewRecoveryKey(rand io.Reader) (RecoveryKey, error) {
	s, err := NewSecret(rand)
	return RecoveryKey{s}, err
}

// ParsePhrase reads 24 words, in any case and with any white space between them.
func ParsePhrase(phrase string) (RecoveryKey, error) {
	s, err := fromWords(phrase)
	if err != nil {
		return RecoveryKey{}, fmt.Errorf("recovery phrase: %w", err)
	}
	return RecoveryKey{s}, nil
}

// Phrase is the key as 24 words with single spaces, to be shown to its person once.
func (k RecoveryKey) Phrase() string { return strings.Join(toWords(k.entropy), " ") }

// Sign is the Ed25519 recovery key.
func (k RecoveryKey) Sign() ed25519.PrivateKey {
	seed := k.entropy.Derive("hallway/recovery-sign/v1")
	return ed25519.NewKeyFromSeed(seed[:])
}

// Identity is the age identity that PUKs are wrapped to for recovery.
func (k RecoveryKey) Identity() Identity {
	return identityOf(k.entropy.Derive("hallway/recovery-x25519/v1"), k.entropy.Derive("hallway/recovery-hybrid/v1"))
}

// String answers a fixed word.
func (RecoveryKey) String() string { return hidden }

// GoString answers a fixed word.
func (RecoveryKey) GoString() string { return hidden }

// Format writes a fixed word for every verb.
func (RecoveryKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue answers a fixed word.
func (RecoveryKey) LogValue() slog.Value { return slog.StringValue(hidden) }

// WorkspaceKey is the root of a workspace (WK): it signs the genesis, and then leaves the desk as a kit on paper.
type WorkspaceKey struct{ entropy Secret }

// NewWorkspaceKey draws one.
func NewWorkspaceKey(rand io.Reader) (WorkspaceKey, error) {
	s, err := NewSecret(rand)
	return WorkspaceKey{s}, err
}

// Sign is the Ed25519 workspace key.
func (k WorkspaceKey) Sign() ed25519.PrivateKey {
	seed := k.entropy.Derive("hallway/workspace-sign/v1")
	return ed25519.NewKeyFromSeed(seed[:])
}

// String answers a fixed word.
func (WorkspaceKey) String() string { return hidden }

// GoString answers a fixed word.
func (WorkspaceKey) GoString() string { return hidden }

// Format writes a fixed word for every verb.
func (WorkspaceKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue answers a fixed word.
func (WorkspaceKey) LogValue() slog.Value { return slog.StringValue(hidden) }
