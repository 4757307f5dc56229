package keyring

import (
	"cmp"
	"crypto/ed25519"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"

	"hallway/crdt"
)

// Ring is one device's keys in one workspace. It is safe for concurrent use. What changes it does so on disk before it
// returns, once the ring has a place there ([Create], [Open]).
type Ring struct {
	root Secret // keys of the store, the view, the epochs' ciphertexts and the file's body come from it

	mu   sync.RWMutex
	id   contents
	disk *file // nil until Create
}

// contents is what the file's body holds.
type contents struct {
	sign, transport Secret            // Ed25519 seeds
	device          []Identity        // the current one last
	puks            []PUK             // ascending generations
	recovery        *RecoveryKey      // until ForgetRecovery
	workspace       *WorkspaceKey     // until ForgetWorkspaceKey
	user            [16]byte          // set once the recovery key and the workspace are known
	ws              crdt.WorkspaceID  // zero until Bind
	extra           map[string][]byte // small values that must stay secret, by name; see SetExtra
}

// PUK is one generation of a person's key, shared by his devices (protocol 2.1).
type PUK struct {
	Gen      uint32 // from 1
	Identity Identity
}

// New draws the keys of a new device of a new person: sign, transport and encryption key, the first PUK and the
// recovery key. Nothing is on disk until [Create].
func New(rand io.Reader) (*Ring, error) {
	r, err := NewDevice(rand)
	if err != nil {
		return nil, err
	}
	puk, err := NewIdentity(rand)
	if err != nil {
		return nil, err
	}
	rk, err := NewRecoveryKey(rand)
	if err != nil {
		return nil, err
	}
	r.id.puks = []PUK{{Gen: 1, Identity: puk}}
	r.id.recovery = &rk
	return r, nil
}

// NewDevice draws the keys of a further device of somebody: it gets the PUK and the user from another device.
func NewDevice(rand io.Reader) (*Ring, error) {
	r := &Ring{id: contents{extra: map[string][]byte{}}}
	for _, s := range []*Secret{&r.root, &r.id.sign, &r.id.transport} {
		var err error
		if *s, err = NewSecret(rand); err != nil {
			return nil, err
		}
	}
	dek, err := NewIdentity(rand)
	if err != nil {
		return nil, err
	}
	r.id.device = []Identity{dek}
	return r, nil
}

// SignKey is the device's sign key (DSK). The caller signs with it and lets it go.
func (r *Ring) SignKey() ed25519.PrivateKey {
	return r.keyOf(func(c *contents) Secret { return c.sign })
}

// TransportKey is the device's transport key (DTK): its libp2p identity and nothing else.
func (r *Ring) TransportKey() ed25519.PrivateKey {
	return r.keyOf(func(c *contents) Secret { return c.transport })
}

func (r *Ring) keyOf(pick func(*contents) Secret) ed25519.PrivateKey {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s := pick(&r.id)
	return ed25519.NewKeyFromSeed(s[:])
}

// Device is the current device encryption key (DEK).
func (r *Ring) Device() Identity {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.id.device[len(r.id.device)-1]
}

// Devices are all device encryption keys still held, the current one first: an older one may be what the last PUK was
// wrapped to.
func (r *Ring) Devices() []Identity {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := slices.Clone(r.id.device)
	slices.Reverse(out)
	return out
}

// PUK is the identity of a generation; ok is false where this device does not have it.
func (r *Ring) PUK(gen uint32) (id Identity, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, p := range r.id.puks {
		if p.Gen == gen {
			return p.Identity, true
		}
	}
	return Identity{}, false
}

// PUKs are all generations that this device has, the newest first.
func (r *Ring) PUKs() []PUK {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := slices.Clone(r.id.puks)
	slices.Reverse(out)
	return out
}

// AddPUK keeps a generation. Another identity for a generation that is held is refused.
func (r *Ring) AddPUK(p PUK) error {
	return r.change(func(c *contents) error {
		for _, have := range c.puks {
			if have.Gen == p.Gen {
				if have.Identity.x25519 != p.Identity.x25519 || have.Identity.hybrid != p.Identity.hybrid {
					return fmt.Errorf("another key for generation %d: %w", p.Gen, ErrDamaged)
				}
				return nil
			}
		}
		if p.Gen == 0 || p.Identity.IsZero() || len(c.puks) == maxPUKs {
			return fmt.Errorf("generation %d: %w", p.Gen, ErrNoKey)
		}
		c.puks = append(slices.Clone(c.puks), p)
		slices.SortFunc(c.puks, func(a, b PUK) int { return cmp.Compare(a.Gen, b.Gen) })
		return nil
	})
}

// Bind notes whose keys these are and for which workspace, as soon as both are known.
func (r *Ring) Bind(ws crdt.WorkspaceID, user [16]byte) error {
	return r.change(func(c *contents) error {
		c.ws, c.user = ws, user
		return nil
	})
}

// Workspace is the id given to Bind, or zero.
func (r *Ring) Workspace() crdt.WorkspaceID {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.id.ws
}

// User is the id given to Bind, or zero.
func (r *Ring) User() [16]byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.id.user
}

// Recovery is the recovery key (RK); ok is false once it was forgotten, or was never here.
func (r *Ring) Recovery() (rk RecoveryKey, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.id.recovery == nil {
		return RecoveryKey{}, false
	}
	return *r.id.recovery, true
}

// ForgetRecovery drops the recovery key, once its person has written the words down.
func (r *Ring) ForgetRecovery() error {
	return r.change(func(c *contents) error { c.recovery = nil; return nil })
}

// MakeWorkspaceKey draws the workspace key (WK) that a founder signs the genesis with and then takes out as a kit.
func (r *Ring) MakeWorkspaceKey(rand io.Reader) (WorkspaceKey, error) {
	wk, err := NewWorkspaceKey(rand)
	if err != nil {
		return WorkspaceKey{}, err
	}
	return wk, r.change(func(c *contents) error { c.workspace = &wk; return nil })
}

// WorkspaceKey is the workspace key; ok is false once it was taken out, or was never here.
func (r *Ring) WorkspaceKey() (wk WorkspaceKey, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.id.workspace == nil {
		return WorkspaceKey{}, false
	}
	return *r.id.workspace, true
}

// ForgetWorkspaceKey drops the workspace key, once its kit has been saved elsewhere.
func (r *Ring) ForgetWorkspaceKey() error {
	return r.change(func(c *contents) error { c.workspace = nil; return nil })
}

// Extra is a small secret value kept by name, such as an invitation's seed on its author's desk; nil where there is none.
func (r *Ring) Extra(name string) []byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.id.extra[name])
}

// SetExtra keeps a value of at most MaxExtra bytes under a name, or drops it where value is nil.
func (r *Ring) SetExtra(name string, value []byte) error {
	if len(name) == 0 || len(name) > MaxExtra || len(value) > MaxExtra {
		return fmt.Errorf("keep %d bytes in the key ring: %w", len(value), ErrTooLarge)
	}
	return r.change(func(c *contents) error {
		next := make(map[string][]byte, len(c.extra)+1)
		for k, v := range c.extra {
			next[k] = v
		}
		delete(next, name)
		if value != nil {
			next[name] = slices.Clone(value)
		}
		if len(next) > maxExtras {
			return fmt.Errorf("%d values in the key ring: %w", len(next), ErrTooLarge)
		}
		c.extra = next
		return nil
	})
}

// StoreKey encrypts the store at rest.
func (r *Ring) StoreKey() Secret { return r.root.Derive("hallway/store-key/v1") }

// ViewKey encrypts the views and their index at rest.
func (r *Ring) ViewKey() Secret { return r.root.Derive("hallway/view-key/v1") }

// change applies f to a copy and keeps it only once it is on disk.
func (r *Ring) change(f func(*contents) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.id
	if err := f(&next); err != nil {
		return err
	}
	if r.disk != nil {
		if err := r.disk.save(r.root, &next); err != nil {
			return err
		}
	}
	r.id = next
	return nil
}

// String answers a fixed word.
func (r *Ring) String() string { return hidden }

// GoString answers a fixed word.
func (r *Ring) GoString() string { return hidden }

// Format writes a fixed word for every verb.
func (r *Ring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue answers a fixed word.
func (r *Ring) LogValue() slog.Value { return slog.StringValue(hidden) }
