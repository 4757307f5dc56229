package seal

import (
	"errors"
	"fmt"

	"hallway/crdt"
)

// Retry looks again at all keys that are missing, after this person's PUKs or his rights changed.
func (s *Sealer) Retry(v View) (Taken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var t Taken
	var err error
	for epoch := range s.mints {
		for _, m := range s.claims(epoch) {
			if st := s.stateOf(epoch); st == Held || st == Destroyed {
				break
			}
			again, e := s.settle(v, m)
			t.Keys = append(t.Keys, again.Keys...)
			t.Fetch = append(t.Fetch, again.Fetch...)
			err = errors.Join(err, e)
		}
	}
	return t, err
}

// Destroy forgets an epoch for good (protocol 3.6).
func (s *Sealer) Destroy(epoch crdt.EpochID) error {
	if err := s.epochs.Destroy(epoch); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.mints[epoch]; ok {
		m.state, m.inline = Destroyed, nil
	}
	delete(s.asked, epoch)
	for id := range s.logs {
		if id.epoch == epoch {
			delete(s.logs, id)
		}
	}
	return nil
}

// boxesBody is the payload of a HistoryBox op: boxes that a mint left out because its minter lacked the secrets.
//
//	version 1 | epoch id 16 under which the boxes are | list of epochs as in a mint, each with its box
type boxesBody struct {
	under crdt.EpochID
	list  []previous
}

const boxesVersion = 1

func (b *boxesBody) append(to []byte) []byte {
	to = append(to, boxesVersion)
	to = append(to, b.under[:]...)
	return appendPrevious(to, b.list)
}

func parseBoxes(p []byte) (boxesBody, error) {
	r := reader{b: p}
	var b boxesBody
	if r.byte() != boxesVersion {
		r.fail()
	}
	r.fill(b.under[:])
	b.list = r.previous(b.under)
	for _, p := range b.list {
		if p.box == nil {
			r.fail()
		}
	}
	if err := r.done("history boxes"); err != nil || b.under.IsZero() || len(b.list) == 0 {
		return boxesBody{}, fmt.Errorf("read history boxes: %w", ErrMalformed)
	}
	return b, nil
}

// Boxes is the payload of a HistoryBox op that puts epochs which nothing leads to under the one that is sent under now;
// ok is false where there are none, or where the policy shows newcomers less than everything.
func (s *Sealer) Boxes(v View, scope crdt.ScopeID) (payload []byte, ok bool, err error) {
	choice, err := s.EpochToSend(v, scope)
	if err != nil {
		return nil, false, err
	}
	key := v.KeyScope(scope)
	if v.History(key).Kind != HistoryAll {
		return nil, false, nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	under, err := s.epochs.Get(choice.Epoch)
	if err != nil {
		return nil, false, err
	}
	body := boxesBody{under: choice.Epoch}
	for _, m := range s.roots(key) {
		if m.epoch == choice.Epoch || len(body.list) == maxPrevious || !s.guestsHad(v, m, v.Recipients(key)) {
			continue
		}
		old, err := s.epochs.Get(m.epoch)
		if err != nil {
			return nil, false, err
		}
		box, err := s.historyBox(key, choice.Epoch, m.epoch, under, old)
		if err != nil {
			return nil, false, err
		}
		body.list = append(body.list, previous{m.epoch, box})
	}
	if len(body.list) == 0 {
		return nil, false, nil
	}
	sortPrevious(body.list)
	return body.append(nil), true, nil
}

// takeBoxes notes the boxes of a HistoryBox op and opens those that can be.
func (s *Sealer) takeBoxes(v View, key crdt.ScopeID, op *crdt.Op) (Taken, error) {
	body, err := parseBoxes(op.Payload)
	if err != nil {
		return Taken{}, fmt.Errorf("take history boxes: %w", err)
	}
	if op.Type != crdt.TypeHistoryBox || v.KeyScope(key) != key {
		return Taken{}, fmt.Errorf("take history boxes: not for this scope: %w", ErrMalformed)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.mints[body.under]
	if !ok {
		s.loose[body.under] = append(s.loose[body.under], looseBoxes{key, body.list})
		return Taken{}, nil
	}
	var t Taken
	s.addBoxes(m, looseBoxes{key, body.list}, &t)
	return t, nil
}

// looseBoxes are boxes whose mint is not here yet.
type looseBoxes struct {
	key  crdt.ScopeID
	list []previous
}

func (s *Sealer) addBoxes(m *mint, b looseBoxes, t *Taken) {
	if b.key != m.key {
		return
	}
	m.boxes = append(m.boxes, b.list...)
	if m.state != Held {
		return
	}
	if secret, err := s.epochs.Get(m.epoch); err == nil {
		s.descend(m, secret, t)
	}
}

// Complaint is the payload of a BadWrap op: the part of this epoch that was for its author does not hold what the mint
// commits to (protocol 6.6).
func Complaint(epoch crdt.EpochID) []byte { return append([]byte{1}, epoch[:]...) }

// ParseComplaint reads what Complaint made.
func ParseComplaint(payload []byte) (crdt.EpochID, error) {
	r := reader{b: payload}
	var id crdt.EpochID
	if r.byte() != 1 {
		r.fail()
	}
	r.fill(id[:])
	if err := r.done("complaint"); err != nil || id.IsZero() {
		return crdt.EpochID{}, fmt.Errorf("read complaint: %w", ErrMalformed)
	}
	return id, nil
}

// Followed reports how many epochs of a scope are known and how many of them are held, for doctor.
func (s *Sealer) Followed(key crdt.ScopeID) (known, held int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range s.scopes[key] {
		known++
		if s.mints[id].state == Held {
			held++
		}
	}
	return known, held
}
