package keyring

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"filippo.io/age"
)

// HybridSize is the length of a hybrid recipient, in bytes.
const HybridSize = 1216

// Recipient is the public half of an [Identity] as it travels in certificates: both kinds stand there from the first
// version on, and the workspace says which one is used (protocol 6.2).
type Recipient struct {
	X25519 [32]byte
	Hybrid []byte // HybridSize bytes; empty where the workspace is classic
}

// ErrRecipient is returned for bytes that are not a key to encrypt to.
var ErrRecipient = fmt.Errorf("not a key to encrypt to")

// Age is the recipient as age takes it: hybrid where pq is set, else X25519. It never names a plugin: the text that age
// parses is made here, from bytes of a fixed length.
func (r Recipient) Age(pq bool) (age.Recipient, error) {
	if !pq {
		a, err := age.ParseX25519Recipient(bech32("age", r.X25519[:]))
		if err != nil {
			return nil, fmt.Errorf("x25519 recipient: %w", ErrRecipient)
		}
		return a, nil
	}
	if len(r.Hybrid) != HybridSize {
		return nil, fmt.Errorf("hybrid recipient of %d bytes: %w", len(r.Hybrid), ErrRecipient)
	}
	a, err := age.ParseHybridRecipient(bech32("age1pq", r.Hybrid))
	if err != nil {
		return nil, fmt.Errorf("hybrid recipient: %w", ErrRecipient)
	}
	return a, nil
}

// Equal reports whether both halves are the same.
func (r Recipient) Equal(o Recipient) bool {
	return r.X25519 == o.X25519 && bytes.Equal(r.Hybrid, o.Hybrid)
}

// Identity is a pair of age identities, X25519 and hybrid, from two independent secrets. The zero value is none.
type Identity struct {
	x25519, hybrid Secret
	keys           *ageKeys // shared by copies; expanding a hybrid key takes a while
}

type ageKeys struct {
	classic func() (*age.X25519Identity, error)
	hybrid  func() (*age.HybridIdentity, error)
}

// NewIdentity draws an identity.
func NewIdentity(rand io.Reader) (Identity, error) {
	x, err := NewSecret(rand)
	if err != nil {
		return Identity{}, err
	}
	h, err := NewSecret(rand)
	if err != nil {
		return Identity{}, err
	}
	return identityOf(x, h), nil
}

func identityOf(x, h Secret) Identity {
	k := &ageKeys{
		classic: sync.OnceValues(func() (*age.X25519Identity, error) {
			return age.ParseX25519Identity(strings.ToUpper(bech32("age-secret-key-", x[:])))
		}),
		hybrid: sync.OnceValues(func() (*age.HybridIdentity, error) {
			return age.ParseHybridIdentity(strings.ToUpper(bech32("age-secret-key-pq-", h[:])))
		}),
	}
	return Identity{x25519: x, hybrid: h, keys: k}
}

// IdentitySize is the length of what [Identity.Secrets] answers.
const IdentitySize = 64

// Secrets is the identity as bytes, for wrapping to another recipient. The caller must not keep it.
func (i Identity) Secrets() []byte {
	return append(append([]byte(nil), i.x25519[:]...), i.hybrid[:]...)
}

// IdentityFromSecrets is the inverse of [Identity.Secrets].
func IdentityFromSecrets(b []byte) (Identity, error) {
	if len(b) != IdentitySize {
		return Identity{}, fmt.Errorf("identity of %d bytes: %w", len(b), ErrDamaged)
	}
	return identityOf(Secret(b[:32]), Secret(b[32:])), nil
}

// IsZero reports whether there is no identity.
func (i Identity) IsZero() bool { return i.keys == nil }

// Age is the identity as age takes it: hybrid where pq is set, else X25519.
func (i Identity) Age(pq bool) (age.Identity, error) {
	if i.IsZero() {
		return nil, fmt.Errorf("no identity: %w", ErrNoKey)
	}
	if pq {
		return i.keys.hybrid()
	}
	return i.keys.classic()
}

// Recipient is the public half.
func (i Identity) Recipient() (Recipient, error) {
	if i.IsZero() {
		return Recipient{}, fmt.Errorf("no identity: %w", ErrNoKey)
	}
	return publicOf(i)
}

// String answers a fixed word.
func (Identity) String() string { return hidden }

// GoString answers a fixed word.
func (Identity) GoString() string { return hidden }

// Format writes a fixed word for every verb.
func (Identity) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue answers a fixed word.
func (Identity) LogValue() slog.Value { return slog.StringValue(hidden) }
