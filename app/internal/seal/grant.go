package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// grantBody is the payload of a KeyGrant op (protocol 6.5):
//
//	version 1 | user 16 | uvarint generation | uvarint n, n x epoch id 16, sorted | wrap, prefixed by its length
type grantBody struct {
	user   User
	gen    uint32
	epochs []crdt.EpochID
	box    []byte
}

const grantVersion = 1

func (g *grantBody) append(b []byte) []byte {
	b = append(b, grantVersion)
	b = append(b, g.user[:]...)
	b = binary.AppendUvarint(b, uint64(g.gen))
	b = appendEpochs(b, g.epochs)
	return appendPart(b, g.box)
}

func parseGrant(b []byte) (grantBody, error) {
	if len(b) > crdt.MaxPayload {
		return grantBody{}, fmt.Errorf("read grant: %w", ErrTooLarge)
	}
	r := reader{b: b}
	var g grantBody
	if r.byte() != grantVersion {
		r.fail()
	}
	r.fill(g.user[:])
	gen := r.uvarint()
	g.gen = uint32(gen)
	g.epochs = r.epochs()
	g.box = bytes.Clone(r.part(crdt.MaxPayload))
	if err := r.done("grant"); err != nil || gen == 0 || gen > 1<<32-1 || len(g.epochs) == 0 || len(g.box) == 0 {
		return grantBody{}, fmt.Errorf("read grant: %w", ErrMalformed)
	}
	return g, nil
}

// grant is a KeyGrant that was taken. Its box is kept only where it is for me.
type grant struct {
	grantBody
	counts bool // its user had the right when it was written
}

// Grant is the payload of a KeyGrant op that gives a newcomer what the history policy of the scope lets him read:
// for HistoryAll the epochs that lead to all others by boxes, for HistoryDays those minted in the last days before now.
// It refuses with ErrRefused one who may not read, and where the policy gives nothing: a guest, HistoryFromJoin.
func (s *Sealer) Grant(v View, scope crdt.ScopeID, to User, now time.Time) ([]byte, error) {
	key := v.KeyScope(scope)
	r, ok := find(v.Recipients(key), to)
	if !ok || r.Guest {
		return nil, fmt.Errorf("grant: %w", ErrRefused)
	}
	s.mu.RLock()
	epochs := s.grantable(v, key, to, now)
	s.mu.RUnlock()
	if len(epochs) == 0 {
		return nil, fmt.Errorf("grant: %w", ErrRefused)
	}
	var l secrets
	for _, id := range epochs {
		secret, err := s.epochs.Get(id)
		if err != nil {
			return nil, fmt.Errorf("grant: %w", err)
		}
		l = append(l, struct {
			epoch  crdt.EpochID
			secret keyring.Secret
		}{id, secret})
	}
	box, err := wrap(kindGrant, v.PQ(), l.append(nil), r.Key)
	if err != nil {
		return nil, fmt.Errorf("grant: %w", err)
	}
	g := grantBody{user: to, gen: r.Gen, epochs: epochs, box: box}
	return g.append(nil), nil
}

// grantable are the epochs for a newcomer, sorted. Callers hold mu.
func (s *Sealer) grantable(v View, key crdt.ScopeID, to User, now time.Time) []crdt.EpochID {
	h := v.History(key)
	var pick []*mint
	switch h.Kind {
	case HistoryAll:
		pick = s.roots(key)
	case HistoryDays:
		from := crdt.HLCAt(now.AddDate(0, 0, -int(min(h.Days, 36500))))
		for _, id := range s.scopes[key] {
			if m := s.mints[id]; m.key == key && m.state == Held && m.hlc >= from {
				pick = append(pick, m)
			}
		}
	}
	var out []crdt.EpochID
	for _, m := range pick {
		at, _ := s.at(v, key, m.auth)
		if !at.has(to) && !m.grantedTo(to) && len(out) < maxSecrets {
			out = append(out, m.epoch)
		}
	}
	slices.SortFunc(out, func(a, b crdt.EpochID) int { return bytes.Compare(a[:], b[:]) })
	return out
}

// roots are the held epochs of a key scope that no box in another held one opens. Callers hold mu.
func (s *Sealer) roots(key crdt.ScopeID) []*mint {
	var held, roots []*mint
	inside := map[crdt.EpochID]bool{}
	for _, id := range s.scopes[key] {
		m := s.mints[id]
		if m.key != key || m.state != Held {
			continue
		}
		held = append(held, m)
		for _, p := range slices.Concat(m.previous, m.boxes) {
			inside[p.epoch] = inside[p.epoch] || p.box != nil
		}
	}
	for _, m := range held {
		if !inside[m.epoch] {
			roots = append(roots, m)
		}
	}
	if len(roots) == 0 {
		return held
	}
	return roots
}

// takeGrant notes who can open which epochs, and opens what is for me. Only epochs of mints that are here count; the
// rest waits for them.
func (s *Sealer) takeGrant(v View, key crdt.ScopeID, op *crdt.Op) (Taken, error) {
	body, err := parseGrant(op.Payload)
	if err != nil {
		return Taken{}, fmt.Errorf("take grant: %w", err)
	}
	if op.Type != crdt.TypeKeyGrant || v.KeyScope(key) != key {
		return Taken{}, fmt.Errorf("take grant: not one for this scope: %w", ErrMalformed)
	}
	at, _ := s.at(v, key, op.Auth)
	g := grant{grantBody: body, counts: at.has(body.user)}
	if body.user != s.ring.User() {
		g.box = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var t Taken
	for _, id := range body.epochs {
		if m, ok := s.mints[id]; ok {
			err = errors.Join(err, s.applyGrant(v, m, g, &t))
		} else {
			s.early[id] = append(s.early[id], g)
		}
	}
	return t, err
}

// applyGrant uses a grant for one epoch whose mint is here. A grant to somebody who had no right to it when it was
// written says nothing that could be relied on: whoever leaks a key does not write an op about it. Callers hold mu.
func (s *Sealer) applyGrant(v View, m *mint, g grant, t *Taken) error {
	if h := (holder{g.user, g.gen}); g.counts && !slices.Contains(m.granted, h) {
		m.granted = append(m.granted, h)
		delete(s.may, m.epoch)
	}
	if len(g.box) == 0 || m.state == Held || m.state == Destroyed {
		return nil
	}
	id, ok := s.ring.PUK(g.gen)
	if !ok {
		m.state = AwaitingPUK
		s.early[m.epoch] = append(s.early[m.epoch], g)
		return nil
	}
	content, err := unwrap(kindGrant, m.pq, g.box, id)
	if err != nil {
		m.state = BadWrap
		return nil
	}
	l, err := parseSecrets(content)
	if err != nil {
		m.state = BadWrap
		return nil
	}
	for i := range l {
		if l[i].epoch == m.epoch {
			return s.keep(m, l[i].secret, t)
		}
	}
	m.state = BadWrap
	return nil
}
