package keyring

import (
	"crypto/rand"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// seal is XChaCha20-Poly1305 with a random nonce in front: keys here live long and seal often.
func seal(key Secret, plain, aad []byte) ([]byte, error) {
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	out := make([]byte, a.NonceSize(), a.NonceSize()+len(plain)+a.Overhead())
	if _, err := rand.Read(out); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return a.Seal(out, out, plain, aad), nil
}

func open(key Secret, box, aad []byte) ([]byte, error) {
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if len(box) < a.NonceSize()+a.Overhead() {
		return nil, ErrDamaged
	}
	plain, err := a.Open(nil, box[:a.NonceSize()], box[a.NonceSize():], aad)
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

func wrapKey(key, root Secret) ([]byte, error) {
	return seal(key.Derive("hallway/keyring-wrap/v1"), root[:], []byte("hallway/keyring-wrap/v1"))
}

func unwrapKey(key Secret, wrapped []byte) (Secret, error) {
	b, err := open(key.Derive("hallway/keyring-wrap/v1"), wrapped, []byte("hallway/keyring-wrap/v1"))
	if err != nil || len(b) != len(Secret{}) {
		return Secret{}, ErrDamaged
	}
	return Secret(b), nil
}
