package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"hallway/app/internal/keyring"
)

// An envelope is salt, then XChaCha20-Poly1305 of the padded content. The nonce comes from key, salt and context by
// HKDF, so that 16 random bytes travel instead of 24, and a device that was rolled back and repeats a place still has
// another nonce (protocol 3.2).

const (
	saltSize = 16
	tagSize  = chacha20poly1305.Overhead
	overhead = saltSize + tagSize
)

// nonceOf derives the nonce of an envelope.
func nonceOf(key keyring.Secret, salt, context []byte) ([]byte, error) {
	info := append([]byte("hallway/nonce/v1"), context...)
	return hkdf.Key(sha256.New, key[:], salt, string(info), chacha20poly1305.NonceSizeX)
}

// closeEnvelope seals content under key, bound to context.
func closeEnvelope(key keyring.Secret, rand io.Reader, context, content []byte) ([]byte, error) {
	out := make([]byte, saltSize, PaddedLen(len(content))+overhead)
	if _, err := io.ReadFull(rand, out); err != nil {
		return nil, fmt.Errorf("draw a salt: %w", err)
	}
	nonce, err := nonceOf(key, out, context)
	if err != nil {
		return nil, err
	}
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, err
	}
	return a.Seal(out, nonce, pad(content), context), nil
}

// openEnvelope is the inverse. A length outside the padding set is refused before anything is computed.
func openEnvelope(key keyring.Secret, context, envelope []byte) ([]byte, error) {
	if !isPadded(len(envelope) - overhead) {
		return nil, fmt.Errorf("envelope of %d bytes: %w", len(envelope), ErrMalformed)
	}
	salt := envelope[:saltSize]
	nonce, err := nonceOf(key, salt, context)
	if err != nil {
		return nil, err
	}
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, err
	}
	padded, err := a.Open(nil, nonce, envelope[saltSize:], context)
	if err != nil {
		return nil, ErrForged
	}
	return unpad(padded)
}
