package seal

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// historyBox seals an earlier epoch's secret under a later one's, for those who come later (protocol 6.1, 6.5). The
// nonce is random: two people may box the same pair.
func (s *Sealer) historyBox(key crdt.ScopeID, newer, older crdt.EpochID, under, secret keyring.Secret) ([]byte, error) {
	a, context, err := s.boxCipher(key, newer, older, under)
	if err != nil {
		return nil, err
	}
	out := make([]byte, chacha20poly1305.NonceSizeX, boxSize)
	if _, err := io.ReadFull(s.rand, out); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	return a.Seal(out, out, secret[:], context), nil
}

func (s *Sealer) openHistoryBox(key crdt.ScopeID, newer, older crdt.EpochID, under keyring.Secret, box []byte) (keyring.Secret, error) {
	if len(box) != boxSize {
		return keyring.Secret{}, fmt.Errorf("history box: %w", ErrMalformed)
	}
	a, context, err := s.boxCipher(key, newer, older, under)
	if err != nil {
		return keyring.Secret{}, err
	}
	plain, err := a.Open(nil, box[:chacha20poly1305.NonceSizeX], box[chacha20poly1305.NonceSizeX:], context)
	if err != nil || len(plain) != len(keyring.Secret{}) {
		return keyring.Secret{}, fmt.Errorf("history box: %w", ErrForged)
	}
	return keyring.Secret(plain), nil
}

func (s *Sealer) boxCipher(key crdt.ScopeID, newer, older crdt.EpochID, under keyring.Secret) (cipher.AEAD, []byte, error) {
	k := under.Derive("hallway/history-key/v1", s.ws[:], key[:], older[:])
	a, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		return nil, nil, err
	}
	context := append([]byte("hallway/history-box/v1"), newer[:]...)
	return a, append(context, older[:]...), nil
}

// secrets is a list of epochs with their secrets, sorted by id, as parts, grants and answers carry it inside a wrap.
type secrets []struct {
	epoch  crdt.EpochID
	secret keyring.Secret
}

// maxSecrets is the number of epochs in one grant, want or answer.
const maxSecrets = 256

func (l secrets) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(l)))
	for i := range l {
		b = append(b, l[i].epoch[:]...)
		b = append(b, l[i].secret[:]...)
	}
	return b
}

func parseSecrets(b []byte) (secrets, error) {
	r := reader{b: b}
	l := make(secrets, r.count(maxSecrets, 48))
	for i := range l {
		r.fill(l[i].epoch[:])
		r.fill(l[i].secret[:])
		if l[i].epoch.IsZero() || i > 0 && bytes.Compare(l[i-1].epoch[:], l[i].epoch[:]) >= 0 {
			r.fail()
			break
		}
	}
	if err := r.done("secrets"); err != nil {
		return nil, err
	}
	return l, nil
}

// appendEpochs writes a sorted list of epoch ids.
func appendEpochs(b []byte, ids []crdt.EpochID) []byte {
	b = binary.AppendUvarint(b, uint64(len(ids)))
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return b
}

func (r *reader) epochs() []crdt.EpochID {
	ids := make([]crdt.EpochID, r.count(maxSecrets, 16))
	for i := range ids {
		r.fill(ids[i][:])
		if ids[i].IsZero() || i > 0 && bytes.Compare(ids[i-1][:], ids[i][:]) >= 0 {
			r.fail()
			return nil
		}
	}
	return ids
}
