package keyring

import (
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"hallway/crdt"
)

// Secrets keeps ciphertexts by name; the store serves it. Put and Delete are durable when they return. Names are ASCII,
// at most 128 bytes; ciphertexts are at most a few hundred bytes.
type Secrets interface {
	Put(name string, ct []byte) error
	Get(name string) (ct []byte, ok bool, err error)
	Delete(name string) error
	List(prefix string) (names []string, err error)
}

// Epochs holds the secrets of epochs: each sealed by itself, its name bound to it, and cached once opened. It is safe
// for concurrent use. Only seal hands it what it has checked against a signed mint.
type Epochs struct {
	key  Secret
	kept Secrets

	mu    sync.RWMutex
	cache map[crdt.EpochID]Secret
	gone  map[crdt.EpochID]bool
}

const (
	epochPrefix = "epoch/"
	gonePrefix  = "gone/"
)

// Epochs are the ring's epoch secrets, kept by s.
func (r *Ring) Epochs(s Secrets) (*Epochs, error) {
	e := &Epochs{
		key: r.root.Derive("hallway/epoch-at-rest/v1"), kept: s,
		cache: map[crdt.EpochID]Secret{}, gone: map[crdt.EpochID]bool{},
	}
	names, err := s.List(gonePrefix)
	if err != nil {
		return nil, fmt.Errorf("list destroyed epochs: %w", err)
	}
	for _, n := range names {
		var id crdt.EpochID
		text := strings.TrimPrefix(n, gonePrefix)
		if len(text) != 2*len(id) {
			continue
		}
		if _, err := hex.Decode(id[:], []byte(text)); err == nil {
			e.gone[id] = true
		}
	}
	return e, nil
}

// Put keeps a secret; one that was destroyed stays so, with ErrNoKey.
func (e *Epochs) Put(id crdt.EpochID, s Secret) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone[id] {
		return fmt.Errorf("keep a destroyed epoch: %w", ErrNoKey)
	}
	if have, ok := e.cache[id]; ok && have == s {
		return nil
	}
	name := epochPrefix + id.String()
	ct, err := seal(e.key, s[:], []byte(name))
	if err != nil {
		return err
	}
	if err := e.kept.Put(name, ct); err != nil {
		return fmt.Errorf("keep an epoch: %w", err)
	}
	e.cache[id] = s
	return nil
}

// Get is the secret of an epoch, or ErrNoKey; ErrDamaged where the ciphertext was changed or put under another name.
func (e *Epochs) Get(id crdt.EpochID) (Secret, error) {
	e.mu.RLock()
	s, ok := e.cache[id]
	e.mu.RUnlock()
	if ok {
		return s, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	name := epochPrefix + id.String()
	ct, ok, err := e.kept.Get(name)
	switch {
	case err != nil:
		return Secret{}, fmt.Errorf("fetch an epoch: %w", err)
	case !ok || e.gone[id]:
		return Secret{}, fmt.Errorf("fetch an epoch: %w", ErrNoKey)
	}
	b, err := open(e.key, ct, []byte(name))
	if err != nil || len(b) != len(Secret{}) {
		return Secret{}, fmt.Errorf("fetch an epoch: %w", ErrDamaged)
	}
	e.cache[id] = Secret(b)
	return Secret(b), nil
}

// Destroy forgets a secret for good: what is sealed under it, here or in any backup, can no more be opened with what
// this desk has (protocol 3.6).
func (e *Epochs) Destroy(id crdt.EpochID) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.kept.Put(gonePrefix+id.String(), []byte{}); err != nil {
		return fmt.Errorf("destroy an epoch: %w", err)
	}
	e.gone[id] = true
	delete(e.cache, id)
	if err := e.kept.Delete(epochPrefix + id.String()); err != nil {
		return fmt.Errorf("destroy an epoch: %w", err)
	}
	return nil
}

// Destroyed reports whether the secret was destroyed here.
func (e *Epochs) Destroyed(id crdt.EpochID) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.gone[id]
}

// String answers a fixed word.
func (e *Epochs) String() string { return hidden }

// GoString answers a fixed word.
func (e *Epochs) GoString() string { return hidden }

// Format writes a fixed word for every verb.
func (e *Epochs) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue answers a fixed word.
func (e *Epochs) LogValue() slog.Value { return slog.StringValue(hidden) }
