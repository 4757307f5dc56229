package seal

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// mint is what is known of an epoch.
type mint struct {
	epoch    crdt.EpochID
	key      crdt.ScopeID // the key scope
	op       crdt.OpID
	auth     crdt.AuthRef
	hlc      crdt.HLC
	pq       bool
	previous []previous
	boxes    []previous // that HistoryBox ops added; they say nothing about which epoch follows which
	parts    [][32]byte
	inline   [][]byte // until mine has been opened
	count    int
	rivals   []*mint  // other ops that claim the same id, while no secret shows which is true
	granted  []holder // beside those at auth
	state    State
}

// holder is one who can open an epoch by a grant.
type holder struct {
	user User
	gen  uint32
}

// Minted is a new epoch before its op is written. Its secret is in no store yet: once the op is, Take opens the
// minter's own part like anyone else's, so that a crash in between leaves nothing behind.
type Minted struct {
	Epoch  crdt.EpochID
	Key    crdt.ScopeID // the key scope in whose key log the op goes
	Auth   crdt.AuthRef // that its header must carry
	Chunks [][]byte     // parts to keep in the store of chunks before the op is written; none where they are inside
	body   []byte
}

// Body is the payload for the op whose header is h; ErrMoved where access has moved on since Mint, which is then to be
// called again: an epoch id commits to the rights that it was minted under.
func (m *Minted) Body(h *crdt.Header) ([]byte, error) {
	if h.Auth != m.Auth || h.Type != crdt.TypeEpochMint {
		return nil, fmt.Errorf("write mint: %w", ErrMoved)
	}
	return m.body, nil
}

// Mint makes an epoch for all who may read the scope's key scope in v: a random secret, wrapped in parts of 64 people
// sorted by user id, and where the policy is to show newcomers everything, boxes of the epochs that it follows (protocol
// 6.2 to 6.5). It refuses with ErrRefused where the minter himself may not read there.
func (s *Sealer) Mint(v View, scope crdt.ScopeID) (*Minted, error) {
	key := v.KeyScope(scope)
	to := v.Recipients(key)
	if _, ok := find(to, s.ring.User()); !ok {
		return nil, fmt.Errorf("mint: %w", ErrRefused)
	}
	secret, err := keyring.NewSecret(s.rand)
	if err != nil {
		return nil, fmt.Errorf("mint: %w", err)
	}
	m := &Minted{Key: key, Auth: v.Auth(key)}
	m.Epoch = s.epochID(key, m.Auth, secret)
	body := mintBody{epoch: m.Epoch, pq: v.PQ(), count: len(to)}
	if body.previous, err = s.follow(v, key, m.Epoch, secret, to); err != nil {
		return nil, fmt.Errorf("mint: %w", err)
	}
	parts, err := wrapParts(v.PQ(), m.Epoch, secret, to)
	if err != nil {
		return nil, fmt.Errorf("mint: %w", err)
	}
	total := 0
	for _, p := range parts {
		body.parts = append(body.parts, sha256.Sum256(p))
		total += len(p)
	}
	if total <= maxInline {
		body.inline = parts
	} else {
		m.Chunks = parts
	}
	m.body = body.append(nil)
	return m, nil
}

func wrapParts(pq bool, epoch crdt.EpochID, secret keyring.Secret, to []Recipient) ([][]byte, error) {
	if len(to) > maxParts*partSize {
		return nil, fmt.Errorf("%d recipients: %w", len(to), ErrTooLarge)
	}
	content := secrets{{epoch, secret}}.append(nil)
	var parts [][]byte
	for some := range slices.Chunk(to, partSize) {
		keys := make([]keyring.Recipient, len(some))
		for i, r := range some {
			keys[i] = r.Key
		}
		p, err := wrap(kindPart, pq, content, keys...)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// follow lists the epochs that a new one follows, with boxes where newcomers may read everything.
func (s *Sealer) follow(v View, key crdt.ScopeID, epoch crdt.EpochID, secret keyring.Secret, to []Recipient) ([]previous, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []previous
	for _, m := range s.tops(key) {
		if len(out) == maxPrevious {
			break // the next mint follows the others
		}
		p := previous{epoch: m.epoch}
		if v.History(key).Kind == HistoryAll && s.guestsHad(v, m, to) {
			old, err := s.epochs.Get(m.epoch)
			if err != nil {
				return nil, err
			}
			if p.box, err = s.historyBox(key, epoch, m.epoch, secret, old); err != nil {
				return nil, err
			}
		}
		out = append(out, p)
	}
	sortPrevious(out)
	return out, nil
}

func sortPrevious(list []previous) {
	slices.SortFunc(list, func(a, b previous) int { return bytes.Compare(a.epoch[:], b.epoch[:]) })
}

// guestsHad reports whether every guest among the recipients of a new epoch could open m already: a box would show the
// others what was said before they came.
func (s *Sealer) guestsHad(v View, m *mint, to []Recipient) bool {
	at, _ := s.at(v, m.key, m.auth)
	for _, r := range to {
		if r.Guest && !at.has(r.User) && !m.grantedTo(r.User) {
			return false
		}
	}
	return true
}

func (m *mint) grantedTo(u User) bool {
	return slices.ContainsFunc(m.granted, func(h holder) bool { return h.user == u })
}

// tops are the epochs of a key scope that are held and that no other held epoch follows, so that a scheduled rotation
// takes over; where epochs follow each other in a ring, which only malice makes, all that are held. Callers hold mu.
func (s *Sealer) tops(key crdt.ScopeID) []*mint {
	var held, tops []*mint
	over := map[crdt.EpochID]bool{}
	for _, id := range s.scopes[key] {
		if m := s.mints[id]; m.key == key && m.state == Held {
			held = append(held, m)
			for _, p := range m.previous {
				over[p.epoch] = true
			}
		}
	}
	for _, m := range held {
		if !over[m.epoch] {
			tops = append(tops, m)
		}
	}
	if len(tops) == 0 {
		tops = held
	}
	slices.SortFunc(tops, func(a, b *mint) int {
		return cmp.Or(cmp.Compare(b.hlc, a.hlc), bytes.Compare(a.epoch[:], b.epoch[:]))
	})
	return tops
}

// find is the recipient who is this user, in a list sorted by user.
func find(list []Recipient, u User) (Recipient, bool) {
	i, ok := slices.BinarySearchFunc(list, u, func(r Recipient, u User) int { return bytes.Compare(r.User[:], u[:]) })
	if !ok {
		return Recipient{}, false
	}
	return list[i], true
}
