package wire

import (
	"crypto/ed25519"
	"encoding/binary"

	"hallway/crdt"
)

// Nonce is 32 random bytes of one side of one member proof.
type Nonce [32]byte

// MemberHello opens the proof on either side (SPEC 5).
type MemberHello struct {
	Nonce Nonce
	Time  uint64 // Unix milliseconds of the sender's clock, to warn of one that is off (protocol 3.4)
}

// Append appends the hello's encoding.
func (h *MemberHello) Append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(append(b, h.Nonce[:]...), h.Time)
}

// ParseMemberHello reads one hello, all of b.
func ParseMemberHello(b []byte) (MemberHello, error) {
	r := reader{b: b}
	var h MemberHello
	r.fill(h.Nonce[:])
	h.Time = r.uint64()
	if err := r.done("member hello"); err != nil {
		return MemberHello{}, err
	}
	return h, nil
}

// MemberProof is what each side of a member proof signs (protocol 9, item 2): that the holder of the device's sign key
// speaks on this very connection. Roles are part of it, so that a proof cannot be sent back to who made it; the nonces
// are both sides', so that it cannot be replayed; the network ids are both sides', so that it cannot be passed on.
type MemberProof struct {
	Workspace   crdt.WorkspaceID
	Opener      []byte // network id (the bytes of the libp2p peer id) of who opened the stream
	Answerer    []byte
	OpenerNonce Nonce
	AnswerNonce Nonce
	ByOpener    bool // whose proof it is
}

// Digest is what is signed.
func (p *MemberProof) Digest() [32]byte {
	role := []byte("answerer")
	if p.ByOpener {
		role = []byte("opener")
	}
	return crdt.Hash("hallway/member/v1", p.Opener, p.Answerer, p.Workspace[:], p.OpenerNonce[:], p.AnswerNonce[:], role)
}

// Verify reports whether sig is the proof by the holder of key.
func (p *MemberProof) Verify(key ed25519.PublicKey, sig []byte) bool {
	d := p.Digest()
	return len(key) == ed25519.PublicKeySize && len(sig) == ed25519.SignatureSize && ed25519.Verify(key, d[:], sig)
}
