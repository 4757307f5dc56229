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

// takeMint notes an epoch and opens this person's part of it. An epoch's id is public, so somebody may write an op of
// his own that claims it: until the secret is here and shows which claim it fits, all of them stand side by side.
func (s *Sealer) takeMint(v View, key crdt.ScopeID, op *crdt.Op, id crdt.OpID) (Taken, error) {
	body, err := parseMint(op.Payload)
	if err != nil {
		return Taken{}, fmt.Errorf("take mint: %w", err)
	}
	if op.Type != crdt.TypeEpochMint || v.KeyScope(key) != key || body.pq != v.PQ() {
		return Taken{}, fmt.Errorf("take mint: not one for this scope: %w", ErrMalformed)
	}
	m := &mint{
		epoch: body.epoch, key: key, op: id, auth: op.Auth, hlc: op.HLC, pq: body.pq, count: body.count,
		previous: body.previous, parts: body.parts, inline: body.inline,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch secret, err := s.epochs.Get(m.epoch); {
	case err == nil:
		return s.meet(v, m, secret)
	case !errors.Is(err, keyring.ErrNoKey):
		return Taken{}, fmt.Errorf("take mint: %w", err)
	}
	if at, ok := s.at(v, key, op.Auth); !ok || len(at.users) != m.count {
		return Taken{}, fmt.Errorf("take mint: wrapped for %d, who are not all that read: %w", m.count, ErrMalformed)
	}
	for _, have := range s.claims(m.epoch) {
		if have.op == id {
			return s.settle(v, have)
		}
	}
	if first, ok := s.mints[m.epoch]; !ok {
		s.mints[m.epoch] = m
	} else if len(first.rivals) < maxRivals {
		first.rivals = append(first.rivals, m)
	} else {
		return Taken{}, fmt.Errorf("take mint: too many claims of epoch %s: %w", m.epoch, ErrTooLarge)
	}
	s.list(m)
	return s.settle(v, m)
}

// maxRivals bounds the claims of one epoch id.
const maxRivals = 64

// meet takes a mint whose secret is here already, from an earlier run. Callers hold mu.
func (s *Sealer) meet(v View, m *mint, secret keyring.Secret) (Taken, error) {
	if s.epochID(m.key, m.auth, secret) != m.epoch {
		return Taken{}, fmt.Errorf("take mint: a false claim of epoch %s: %w", m.epoch, ErrForged)
	}
	if _, ok := s.mints[m.epoch]; ok {
		return Taken{}, nil // the first of equal claims stands
	}
	m.state, m.inline = Held, nil
	s.mints[m.epoch] = m
	s.list(m)
	var t Taken
	s.descend(m, secret, &t)
	err := s.retry(v, m, &t)
	return t, err
}

func (s *Sealer) list(m *mint) {
	if !slices.Contains(s.scopes[m.key], m.epoch) {
		s.scopes[m.key] = append(s.scopes[m.key], m.epoch)
	}
}

// claims are all mints that were taken under an id and may yet turn out to be the one that its secret fits.
func (s *Sealer) claims(epoch crdt.EpochID) []*mint {
	m, ok := s.mints[epoch]
	if !ok {
		return nil
	}
	return append([]*mint{m}, m.rivals...)
}

// settle finds out where the secret of a mint stands that is not held. Callers hold mu.
func (s *Sealer) settle(v View, m *mint) (Taken, error) {
	if s.epochs.Destroyed(m.epoch) {
		m.state, m.inline = Destroyed, nil
		return Taken{}, nil
	}
	var t Taken
	if i, ok := s.myPart(v, m); !ok {
		m.state = s.entitled(v, m)
	} else if m.inline == nil {
		m.state = AwaitingPart
		t.Fetch = append(t.Fetch, m.parts[i])
	} else if err := s.openPart(v, m, m.inline[i], &t); err != nil {
		return t, err
	}
	err := s.retry(v, m, &t)
	return t, err
}

// retry uses what came before its mint did: boxes of epochs that follow it, and grants to me.
func (s *Sealer) retry(v View, m *mint, t *Taken) error {
	for _, id := range s.scopes[m.key] {
		if s.stateOf(m.epoch) == Held {
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
	for _, b := range s.loose[m.epoch] {
		s.addBoxes(m, b, t)
	}
	delete(s.loose, m.epoch)
	waiting := s.early[m.epoch]
	delete(s.early, m.epoch)
	for _, g := range waiting {
		if err := s.applyGrant(v, s.mints[m.epoch], g, t); err != nil {
			return err
		}
	}
	return nil
}

// myPart is the place of the part that this person is in, by the list of recipients that all sort alike.
func (s *Sealer) myPart(v View, m *mint) (part int, ok bool) {
	at, ok := s.at(v, m.key, m.auth)
	if !ok || at.me < 0 {
		return 0, false
	}
	return at.me / partSize, at.me/partSize < len(m.parts)
}

// entitled tells whether a key that was not minted for me will come by a grant or an answer.
func (s *Sealer) entitled(v View, m *mint) State {
	r, ok := find(v.Recipients(m.key), s.ring.User())
	if ok && !r.Guest && v.History(m.key).Kind == HistoryAll || m.grantedTo(s.ring.User()) {
		return AwaitingPart
	}
	return NotEntitled
}

// openPart opens my part and checks what it holds against the epoch's id. Callers hold mu.
func (s *Sealer) openPart(v View, m *mint, part []byte, t *Taken) error {
	at, _ := s.at(v, m.key, m.auth)
	id, ok := s.ring.PUK(at.gen)
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

// keep stores a secret if one of the mints under its id commits to it, lets that mint stand for the id, and opens what
// the secret leads to. Callers hold mu.
func (s *Sealer) keep(m *mint, secret keyring.Secret, t *Taken) error {
	first := s.mints[m.epoch]
	for _, c := range s.claims(m.epoch) {
		if s.epochID(c.key, c.auth, secret) != c.epoch {
			continue
		}
		if err := s.epochs.Put(c.epoch, secret); err != nil {
			return err
		}
		c.granted, c.boxes = first.granted, first.boxes
		c.state, c.inline, c.rivals = Held, nil, nil
		s.mints[c.epoch] = c
		delete(s.may, c.epoch)
		delete(s.asked, c.epoch)
		t.Keys = append(t.Keys, c.epoch)
		s.descend(c, secret, t)
		return nil
	}
	m.state = BadWrap
	return nil
}

// descend opens the boxes of an epoch, and those of the epochs in them, as far as their mints are here.
func (s *Sealer) descend(m *mint, secret keyring.Secret, t *Taken) {
	for _, p := range slices.Concat(m.previous, m.boxes) {
		older, ok := s.mints[p.epoch]
		if !ok || p.box == nil || older.state == Held || older.state == Destroyed {
			continue
		}
		old, err := s.openHistoryBox(m.key, m.epoch, older.epoch, secret, p.box)
		if err != nil || !s.fits(older.epoch, old) {
			continue // a box that lies is worth nothing, and says nothing about the epoch
		}
		if err := s.keep(older, old, t); err != nil {
			continue // it is asked for again, or found at the next start
		}
	}
}

// fits reports whether a mint that is here commits to this secret.
func (s *Sealer) fits(epoch crdt.EpochID, secret keyring.Secret) bool {
	return slices.ContainsFunc(s.claims(epoch), func(c *mint) bool {
		return s.epochID(c.key, c.auth, secret) == c.epoch
	})
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
	for epoch := range s.mints {
		for _, m := range s.claims(epoch) {
			if m.state != AwaitingPart && m.state != AwaitingPUK {
				continue
			}
			if i, ok := s.myPart(v, m); ok && m.parts[i] == sum {
				err := s.openPart(v, m, part, &t)
				return t, err
			}
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
