package seal

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"hallway/crdt"
)

// verdict is the answer of the send rule for an epoch in one state of access.
type verdict struct {
	auth      crdt.AuthRef
	ok        bool
	ungranted []User
}

// Choice is the epoch to write under.
type Choice struct {
	Epoch     crdt.EpochID
	Minted    crdt.HLC // when, by its minter's clock, for rotation by schedule
	Ungranted []User   // may read and have no grant of it yet: whoever may write there gives them one
}

// EpochToSend answers the epoch to seal under in a scope, or ErrNeedMint (protocol 6.4). An epoch qualifies where all
// who can open it may still read in v, by keys that were not revoked, and where those who have come since may have it by
// the channel's history policy. Of several the one that fewest of them lack is taken, then the one with the lowest id, so
// that desks that know the same write under the same.
func (s *Sealer) EpochToSend(v View, scope crdt.ScopeID) (Choice, error) {
	key := v.KeyScope(scope)
	s.mu.Lock()
	defer s.mu.Unlock()
	var best *mint
	var why verdict
	for _, m := range s.tops(key) {
		a := s.judge(v, m)
		if !a.ok {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(len(a.ungranted), len(why.ungranted)), bytes.Compare(m.epoch[:], best.epoch[:])) < 0 {
			best, why = m, a
		}
	}
	if best == nil {
		return Choice{}, fmt.Errorf("choose an epoch: %w", ErrNeedMint)
	}
	return Choice{Epoch: best.epoch, Minted: best.hlc, Ungranted: slices.Clone(why.ungranted)}, nil
}

// maySend is the send rule for one epoch, asked again at the moment of sealing.
func (s *Sealer) maySend(v View, key crdt.ScopeID, epoch crdt.EpochID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.mints[epoch]
	switch {
	case !ok:
		return &MissingKey{epoch, AwaitingMint}
	case m.key != key:
		return fmt.Errorf("epoch of another scope: %w", ErrMalformed)
	case m.state != Held:
		return &MissingKey{epoch, m.state}
	case !s.judge(v, m).ok:
		return ErrStale
	}
	return nil
}

// judge applies the send rule to an epoch. The answer depends on nothing but the access ops that v knows and the
// epoch's grants, so it is kept until either changes. Callers hold mu for writing.
func (s *Sealer) judge(v View, m *mint) verdict {
	auth := v.Auth(m.key)
	if a, ok := s.may[m.epoch]; ok && a.auth == auth {
		return a
	}
	at, ok := s.at(v, m.key, m.auth)
	if !ok {
		return verdict{} // not kept: the heads may come without any change of access
	}
	a := s.judgeAnew(v, m, at)
	a.auth = auth
	s.may[m.epoch] = a
	return a
}

func (s *Sealer) judgeAnew(v View, m *mint, at *past) verdict {
	if v.Lost(m.key, m.auth) {
		return verdict{}
	}
	now := v.Recipients(m.key)
	for _, u := range at.users {
		if !reads(now, u) {
			return verdict{}
		}
	}
	for _, h := range m.granted {
		if !reads(now, h.user) {
			return verdict{}
		}
	}
	a := verdict{ok: true}
	all := v.History(m.key).Kind == HistoryAll
	for _, r := range now {
		if at.has(r.User) || m.grantedTo(r.User) {
			continue
		}
		if !all || r.Guest {
			return verdict{} // what is sealed under it already is not for him
		}
		a.ungranted = append(a.ungranted, r.User)
	}
	return a
}

func reads(now []Recipient, u User) bool {
	_, ok := find(now, u)
	return ok
}
