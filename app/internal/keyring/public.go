package keyring

import (
	"crypto/ecdh"
	"fmt"

	"filippo.io/hpke"
)

// publicOf computes the public halves. age's own types give them only as text.
func publicOf(i Identity) (Recipient, error) {
	x, err := ecdh.X25519().NewPrivateKey(i.x25519[:])
	if err != nil {
		return Recipient{}, fmt.Errorf("public half: %w", err)
	}
	h, err := hpke.MLKEM768X25519().NewPrivateKey(i.hybrid[:])
	if err != nil {
		return Recipient{}, fmt.Errorf("public half: %w", err)
	}
	return Recipient{X25519: [32]byte(x.PublicKey().Bytes()), Hybrid: h.PublicKey().Bytes()}, nil
}
