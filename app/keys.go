package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/store/blob"
	"hallway/store/replica"
)

// keys mints epochs, gives them to newcomers, and asks for those that are missing (protocol 6.4 to 6.6).
type keys struct {
	s *space

	mu    sync.Mutex // one mint at a time on this device
	wants wantTimes
	hurry chan struct{} // somebody came, or rights changed: look at once
}

func newKeys(s *space) *keys { return &keys{s: s, hurry: make(chan struct{}, 1)} }

// soon has missing keys looked at at once.
func (k *keys) soon() {
	k.wants.reset()
	select {
	case k.hurry <- struct{}{}:
	default:
	}
}

// toSend is the epoch to seal under in a scope now: the newest that qualifies, else one minted here and now.
func (k *keys) toSend(ctx context.Context, scope crdt.ScopeID) (crdt.EpochID, error) {
	c, err := k.s.seal.EpochToSend(k.s.sealView(), scope)
	if errors.Is(err, seal.ErrNeedMint) {
		if err := k.mint(ctx, scope); err != nil {
			return crdt.EpochID{}, err
		}
		c, err = k.s.seal.EpochToSend(k.s.sealView(), scope)
	}
	return c.Epoch, err
}

// mintTries bounds how often access may move on under a mint before it is given up.
const mintTries = 8

// mint writes a new epoch of the scope's key scope and takes it in. Where somebody else's qualifies by then, or access
// moves on meanwhile, it looks again.
func (k *keys) mint(ctx context.Context, scope crdt.ScopeID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for range mintTries {
		v := k.s.sealView()
		if _, err := k.s.seal.EpochToSend(v, scope); err == nil {
			return nil
		}
		m, err := k.s.seal.Mint(v, scope)
		if err != nil {
			return err
		}
		for _, part := range m.Chunks {
			if err := k.s.blobs.PutAs(blob.IDOf(part), part); err != nil {
				return fmt.Errorf("keep a part of the new key: %w", err)
			}
		}
		adm, err := k.s.rep.Write(ctx, m.Key, replica.Draft{Type: crdt.TypeEpochMint, Build: func(h crdt.Header) ([]byte, error) { return m.Body(&h) }})
		if errors.Is(err, seal.ErrMoved) {
			continue
		}
		if err != nil {
			return err
		}
		return k.take(adm)
	}
	return fmt.Errorf("mint a key: %w", seal.ErrMoved)
}

// take hands a key op to seal, and to whoever waits for what it brings.
func (k *keys) take(adm access.Admitted) error {
	taken, err := k.s.seal.Take(k.s.sealView(), adm)
	if err != nil {
		return err
	}
	k.use(taken)
	return nil
}

// use acts on what became known: opens what waited for a key, fetches parts that are elsewhere.
func (k *keys) use(t seal.Taken) {
	if len(t.Keys) > 0 {
		k.s.reader.unlocked(t.Keys)
	}
	for _, id := range t.Fetch {
		k.fetchPart(id)
	}
}

// fetchPart takes a part of a mint from the chunks here, or has the network look for it.
func (k *keys) fetchPart(id [32]byte) {
	if b, err := k.s.blobs.Get(blob.ID(id)); err == nil {
		if taken, err := k.s.seal.TakePart(k.s.sealView(), b); err == nil {
			k.use(taken)
		}
		return
	}
	k.s.net.wantPart(id)
}

// grant gives a person the keys that the scope's policy lets him have. It is no error where the policy gives nothing.
func (k *keys) grant(ctx context.Context, scope crdt.ScopeID, to access.UserID) error {
	body, err := k.s.seal.Grant(k.s.sealView(), scope, to, k.s.of.o.Clock())
	if errors.Is(err, seal.ErrRefused) {
		return nil
	}
	if err != nil {
		return err
	}
	adm, err := k.s.rep.Write(ctx, k.s.sealView().KeyScope(scope), replica.Draft{Type: crdt.TypeKeyGrant,
		Build: func(crdt.Header) ([]byte, error) { return body, nil }})
	if err != nil {
		return err
	}
	return k.take(adm)
}

// tend gives keys to those who may read a scope and have none yet: whoever let them in has usually done it, so others
// wait, each a little longer than the one before in the order of devices (protocol 6.4).
func (k *keys) tend(ctx context.Context) {
	for _, scope := range k.s.keyScopes() {
		c, err := k.s.seal.EpochToSend(k.s.sealView(), scope)
		if err != nil || !k.s.access().MayWrite(k.s.self, scope) {
			continue
		}
		for _, u := range c.Ungranted {
			if err := k.grant(ctx, scope, u); err != nil {
				k.s.log.Warn("could not give a newcomer the key", "err", err)
				return
			}
		}
		if payload, ok, err := k.s.seal.Boxes(k.s.sealView(), scope); err == nil && ok {
			if _, err := k.s.rep.Write(ctx, scope, replica.Draft{Type: crdt.TypeHistoryBox,
				Build: func(crdt.Header) ([]byte, error) { return payload, nil }}); err != nil {
				k.s.log.Warn("could not box older keys", "err", err)
			}
		}
	}
}

// wantTimes is when missing keys are asked for again: on every new connection and change of rights, and after 1, 2, 4,
// up to 60 minutes (protocol 6.6).
type wantTimes struct {
	mu   sync.Mutex
	next time.Time
	wait time.Duration
}

const (
	firstWant = time.Minute
	lastWant  = time.Hour
)

func (w *wantTimes) due(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Before(w.next) {
		return false
	}
	w.wait = min(max(2*w.wait, firstWant), lastWant)
	w.next = now.Add(w.wait)
	return true
}

// reset makes the next question due at once.
func (w *wantTimes) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next, w.wait = time.Time{}, 0
}
