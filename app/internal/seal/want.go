package seal

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"slices"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// A want asks other members for keys (protocol 6.6):
//
//	version 1 | sign key 32 | uvarint n, n x epoch id 16, sorted | signature 64
//
// It names no scope, which may be unknown to whoever reads it, and no key to encrypt to: an answer goes to the PUK that
// access knows.
type want struct {
	by     [32]byte
	epochs []crdt.EpochID
	sig    [64]byte
}

const (
	wantVersion   = 1
	answerVersion = 1
	maxWant       = 1 + 32 + 2 + 16*maxSecrets + 64
)

func (w *want) appendSigned(b []byte) []byte {
	b = append(b, wantVersion)
	b = append(b, w.by[:]...)
	return appendEpochs(b, w.epochs)
}

func parseWant(b []byte) (want, error) {
	if len(b) > maxWant {
		return want{}, fmt.Errorf("read want: %w", ErrTooLarge)
	}
	r := reader{b: b}
	var w want
	if r.byte() != wantVersion {
		r.fail()
	}
	r.fill(w.by[:])
	w.epochs = r.epochs()
	r.fill(w.sig[:])
	if err := r.done("want"); err != nil || len(w.epochs) == 0 {
		return want{}, fmt.Errorf("read want: %w", ErrMalformed)
	}
	return w, nil
}

func (s *Sealer) wantBytes(w *want) []byte {
	return w.appendSigned(append([]byte("hallway/keywant/v1"), s.ws[:]...))
}

// Missing lists the epochs that others may be asked for: those that should be here and are not. Sorted by id.
func (s *Sealer) Missing() []MissingKey {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []MissingKey
	for _, m := range s.mints {
		if m.state == AwaitingPart || m.state == BadWrap || m.state == AwaitingPUK {
			out = append(out, MissingKey{m.epoch, m.state})
		}
	}
	slices.SortFunc(out, func(a, b MissingKey) int { return bytes.Compare(a.Epoch[:], b.Epoch[:]) })
	return out
}

// Want is a signed request for the keys of epochs, at most 256, whose mints are here; ErrRefused where none is.
func (s *Sealer) Want(epochs []crdt.EpochID) ([]byte, error) {
	key := s.ring.SignKey()
	w := want{by: [32]byte(key.Public().(ed25519.PublicKey))}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range epochs {
		if m, ok := s.mints[id]; ok && m.state != Held && m.state != Destroyed {
			w.epochs = append(w.epochs, id)
		}
	}
	slices.SortFunc(w.epochs, func(a, b crdt.EpochID) int { return bytes.Compare(a[:], b[:]) })
	w.epochs = slices.Compact(w.epochs)
	if len(w.epochs) == 0 || len(w.epochs) > maxSecrets {
		return nil, fmt.Errorf("ask for %d keys: %w", len(w.epochs), ErrRefused)
	}
	for _, id := range w.epochs {
		s.asked[id] = struct{}{}
	}
	return append(w.appendSigned(nil), ed25519.Sign(key, s.wantBytes(&w))...), nil
}

// Answer is the reply to a want: the secrets that the one who signed it may have by this desk's own view, wrapped to the
// newest PUK that the view knows of him. ErrRefused where that is none: he then gets no reply at all.
func (s *Sealer) Answer(v View, wantBytes []byte) ([]byte, error) {
	w, err := parseWant(wantBytes)
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	if !ed25519.Verify(w.by[:], s.wantBytes(&w), w.sig[:]) {
		return nil, fmt.Errorf("answer: signature: %w", ErrRefused)
	}
	user, ok := v.UserOf(w.by)
	if !ok {
		return nil, fmt.Errorf("answer: no device of a member: %w", ErrRefused)
	}
	to, ok := v.RecipientOf(user)
	if !ok {
		return nil, fmt.Errorf("answer: no key of the member: %w", ErrRefused)
	}
	var l secrets
	for _, id := range w.epochs {
		if !s.mayHave(v, id, user) {
			continue
		}
		if secret, err := s.epochs.Get(id); err == nil {
			l = append(l, struct {
				epoch  crdt.EpochID
				secret keyring.Secret
			}{id, secret})
		}
	}
	if len(l) == 0 {
		return nil, fmt.Errorf("answer: %w", ErrRefused)
	}
	box, err := wrap(kindAnswer, v.PQ(), l.append(nil), to.Key)
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	return append(binary.AppendUvarint([]byte{answerVersion}, uint64(to.Gen)), box...), nil
}

// mayHave reports whether a user may be given an epoch's secret: he may read its scope now, and either it was made for
// him or the channel shows newcomers everything.
func (s *Sealer) mayHave(v View, epoch crdt.EpochID, u User) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	m, ok := s.mints[epoch]
	if !ok || m.state != Held {
		return false
	}
	now, ok := find(v.Recipients(m.key), u)
	if !ok {
		return false
	}
	at, _ := s.at(v, m.key, m.auth)
	return at.has(u) || m.grantedTo(u) || v.History(m.key).Kind == HistoryAll && !now.Guest
}

// TakeAnswer keeps what an answer brings of what was asked for, each key only where the mint that is here commits to
// it. Who sent it does not matter. ErrUnasked where nothing in it was asked for.
func (s *Sealer) TakeAnswer(v View, answer []byte) (Taken, error) {
	if len(answer) > maxWrap {
		return Taken{}, fmt.Errorf("take answer: %w", ErrTooLarge)
	}
	r := reader{b: answer}
	ver, gen := r.byte(), r.uvarint()
	if r.bad || ver != answerVersion || gen == 0 || gen > 1<<32-1 {
		return Taken{}, fmt.Errorf("take answer: %w", ErrMalformed)
	}
	id, ok := s.ring.PUK(uint32(gen))
	if !ok {
		return Taken{}, fmt.Errorf("take answer for generation %d: %w", gen, keyring.ErrNoKey)
	}
	content, err := unwrap(kindAnswer, v.PQ(), r.b, id)
	if err != nil {
		return Taken{}, fmt.Errorf("take answer: %w", err)
	}
	l, err := parseSecrets(content)
	if err != nil {
		return Taken{}, fmt.Errorf("take answer: %w", err)
	}
	return s.keepAsked(l)
}

func (s *Sealer) keepAsked(l secrets) (Taken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var t Taken
	wrong := fmt.Errorf("take answer: %w", ErrUnasked)
	for i := range l {
		m, ok := s.mints[l[i].epoch]
		if _, asked := s.asked[l[i].epoch]; !ok || !asked || m.state == Held || m.state == Destroyed {
			continue
		}
		if !s.fits(m.epoch, l[i].secret) {
			wrong = fmt.Errorf("take answer: %w", ErrWrap)
			continue
		}
		if err := s.keep(m, l[i].secret, &t); err != nil {
			return t, err
		}
	}
	if len(t.Keys) == 0 {
		return t, wrong
	}
	return t, nil
}
