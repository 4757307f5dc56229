package keyring

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
)

// hidden is what every secret prints as.
const hidden = "[secret]"

// Secret is 32 bytes that nobody may see: a key, or what keys are derived from. However it is printed or logged, a
// fixed word comes out.
type Secret [32]byte

// String answers a fixed word.
func (Secret) String() string { return hidden }

// GoString answers a fixed word.
func (Secret) GoString() string { return hidden }

// Format writes a fixed word for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue answers a fixed word.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText refuses: a secret is never part of a document.
func (Secret) MarshalText() ([]byte, error) { return nil, fmt.Errorf("a secret has no text form") }

// NewSecret reads 32 bytes from rand, which must be cryptographically strong.
func NewSecret(rand io.Reader) (Secret, error) {
	var s Secret
	if _, err := io.ReadFull(rand, s[:]); err != nil {
		return Secret{}, fmt.Errorf("draw a secret: %w", err)
	}
	return s, nil
}

// Derive is HKDF-SHA256 of the secret for a purpose: label names it ("hallway/<what>/v1") and parts, each prefixed by
// its length, narrow it, so that no two purposes share a key.
func (s Secret) Derive(label string, parts ...[]byte) Secret {
	info := appendPart(nil, []byte(label))
	for _, p := range parts {
		info = appendPart(info, p)
	}
	b, err := hkdf.Key(sha256.New, s[:], nil, string(info), len(Secret{}))
	if err != nil {
		panic("hkdf of 32 bytes: " + err.Error()) // only a length over 255 hashes can fail
	}
	return Secret(b)
}

// Secretive is secret bytes of any length, such as a passphrase. However it is printed or logged, a fixed word comes
// out.
type Secretive []byte

// String answers a fixed word.
func (Secretive) String() string { return hidden }

// GoString answers a fixed word.
func (Secretive) GoString() string { return hidden }

// Format writes a fixed word for every verb.
func (Secretive) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue answers a fixed word.
func (Secretive) LogValue() slog.Value { return slog.StringValue(hidden) }
