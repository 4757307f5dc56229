package seal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// Taken is what became known by taking something.
type Taken struct {
	Keys  []crdt.EpochID // whose secrets are held from now on: what waited for them can be opened
	Fetch [][32]byte     // chunks to fetch by their SHA-256 and to hand to TakePart
}

// takeMint notes an epoch and opens this person's part of it.
func (s *Sealer) takeMint(v View, key crdt.ScopeID, op *crdt.Op, id crdt.OpID) (Taken, error) {
	body, err := parseMint(op.Payload)
	if err != nil {
		return Taken{}, fmt.Errorf("take mint: %w", err)
	}
	if op.Type != crdt.TypeEpochMint || v.KeyScope(key) != key || body.pq != v.PQ() {
		return Taken{}, fmt.Errorf("take mint: not one for this scope: %w", ErrMalformed)
	}
	at, _, ok := v.RecipientsAt(key, op.Auth)
	if !ok || len(at) != body.count {
		return Taken{}, fmt.Errorf("take mint: wrapped for %d, not %d: %w", body.count, len(at), ErrMalformed)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.mints[body.epoch]; ok {
		if m.op == id && m.state != Held && m.inline == nil {
			return s.wantPart(v, m), nil
		}
		return Taken{}, nil // the same again, or another op by somebody who copied it: the first stands
	}
	m := &mint{
		epoch: body.epoch, key: key, op: id, auth: op.Auth, hlc: op.HLC, pq: body.pq,
		previous: body.previous, parts: body.parts, inline: body.inline,
	}
	s.mints[m.epoch] = m
	s.scopes[key] = append(s.scopes[key], m.epoch)
	return s.settle(v, m)
}

// settle finds out where a new mint's secret stands. Callers hold mu.
func (s *Sealer) settle(v View, m *mint) (Taken, error) {
	if s.epochs.Destroyed(m.epoch) {
		m.state, m.inline = Destroyed, nil
		return Taken{}, nil
	}
	secret, err := s.epochs.Get(m.epoch)
	switch {
	case err == nil:
		m.state, m.inline = Held, nil
		var t Taken
		s.descend(m, secret, &t)
		return t, nil
	case !errors.Is(err, keyring.ErrNoKey):
		return Taken{}, err
	}
	var t Taken
	if i, ok := s.myPart(v, m); ok {
		if m.inline != nil {
			if err := s.openPart(v, m, m.inline[i], &t); err != nil {
				return t, err
			}
		} else {
			m.state = AwaitingPart
			t.Fetch = append(t.Fetch, m.parts[i])
		}
	} else {
		m.state = s.entitled(v, m)
	}
	err = s.retry(v, m, &t)
	return t, err
}

// retry uses what came before its mint did: boxes of epochs that follow it, and grants to me.
func (s *Sealer) retry(v View, m *mint, t *Taken) error {
	for _, id := range s.scopes[m.key] {
		if m.state == Held {
			break
		}
		newer := s.mints[id]
		if newer.state != Held {
			continue
		}
		if secret, err := s.epochs.Get(id); err == nil {
			s.descend(newer, secret, t)
		}
	}
	waiting := s.early[m.epoch]
	delete(s.early, m.epoch)
	for _, g := range waiting {
		if err := s.applyGrant(v, m, g, t); err != nil {
			return err
		}
	}
	return nil
}

// myPart is the place of the part that this person is in, by the list of recipients that all sort alike.
func (s *Sealer) myPart(v View, m *mint) (part int, ok bool) {
	at, _, _ := v.RecipientsAt(m.key, m.auth)
	me := s.ring.User()
	for i := range at {
		if at[i].User == me {
			return i / partSize, i/partSize < len(m.parts)
		}
	}
	return 0, false
}

// entitled tells whether a key that was not minted for me will come by a grant or an answer.
func (s *Sealer) entitled(v View, m *mint) State {
	r, ok := find(v.Recipients(m.key), s.ring.User())
	if ok && !r.Guest && v.History(m.key).Kind == HistoryAll || m.grantedTo(s.ring.User()) {
		return AwaitingPart
	}
	return NotEntitled
}

func (s *Sealer) wantPart(v View, m *mint) Taken {
	if i, ok := s.myPart(v, m); ok && m.state == AwaitingPart {
		return Taken{Fetch: [][32]byte{m.parts[i]}}
	}
	return Taken{}
}

// openPart opens my part and checks what it holds against the epoch's id. Callers hold mu.
func (s *Sealer) openPart(v View, m *mint, part []byte, t *Taken) error {
	at, _, _ := v.RecipientsAt(m.key, m.auth)
	me, _ := find(at, s.ring.User())
	id, ok := s.ring.PUK(me.Gen)
	if !ok {
		m.state = AwaitingPUK
		return nil
	}
	content, err := unwrap(kindPart, m.pq, part, id)
	if err == nil {
		var l secrets
		if l, err = parseSecrets(content); err == nil && len(l) == 1 && l[0].epoch == m.epoch {
			return s.keep(m, l[0].secret, t)
		}
	}
	m.state = BadWrap // signed by its minter, so nobody else's fault: ask, and complain
	return nil
}

// keep stores a secret if the mint commits to it, and opens what it leads to. Callers hold mu.
func (s *Sealer) keep(m *mint, secret keyring.Secret, t *Taken) error {
	if s.epochID(m.key, m.auth, secret) != m.epoch {
		m.state = BadWrap
		return nil
	}
	if err := s.epochs.Put(m.epoch, secret); err != nil {
		return err
	}
	m.state, m.inline = Held, nil
	t.Keys = append(t.Keys, m.epoch)
	s.descend(m, secret, t)
	return nil
}

// descend opens the boxes of an epoch, and those of the epochs in them, as far as their mints are here.
func (s *Sealer) descend(m *mint, secret keyring.Secret, t *Taken) {
	for _, p := range slices.Concat(m.previous, m.boxes) {
		older, ok := s.mints[p.epoch]
		if !ok || p.box == nil || older.key != m.key || older.state == Held || older.state == Destroyed {
			continue
		}
		old, err := s.openHistoryBox(m.key, m.epoch, older.epoch, secret, p.box)
		if err != nil || s.epochID(older.key, older.auth, old) != older.epoch {
			continue // a box that lies is worth nothing, and says nothing about the epoch
		}
		if err := s.keep(older, old, t); err != nil {
			continue // asked for again, or found at the next start
		}
	}
}

// TakePart takes a part that Taken.Fetch named.
func (s *Sealer) TakePart(v View, part []byte) (Taken, error) {
	if len(part) > maxWrap {
		return Taken{}, fmt.Errorf("take part: %w", ErrTooLarge)
	}
	sum := sha256.Sum256(part)
	s.mu.Lock()
	defer s.mu.Unlock()
	var t Taken
	for _, m := range s.mints {
		if m.state != AwaitingPart && m.state != AwaitingPUK {
			continue
		}
		if i, ok := s.myPart(v, m); ok && m.parts[i] == sum {
			err := s.openPart(v, m, part, &t)
			return t, err
		}
	}
	return t, fmt.Errorf("take part: %w", ErrUnasked)
}

// missing is the reason why an epoch's secret is not here.
func (s *Sealer) missing(epoch crdt.EpochID) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return &MissingKey{epoch, s.stateOf(epoch)}
}

func (s *Sealer) stateOf(epoch crdt.EpochID) State {
	if s.epochs.Destroyed(epoch) {
		return Destroyed
	}
	if m, ok := s.mints[epoch]; ok {
		return m.state
	}
	return AwaitingMint
}

// State tells where an epoch's secret stands.
func (s *Sealer) State(epoch crdt.EpochID) State {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.stateOf(epoch)
}
