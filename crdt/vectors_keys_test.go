package crdt

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/binary"
	"testing"

	"filippo.io/edwards25519"
)

// torsionPoint is a point of order 8.
const torsionPoint = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"

// mixed is a sign key with a torsion part: [a]B + T. Signatures by it tell verifiers apart that RFC 8032 leaves free:
// where k, the hash that a signature is over, is no multiple of 8, only a cofactored verifier takes it.
type mixed struct {
	t testing.TB
	a *edwards25519.Scalar
	p *edwards25519.Point
}

func mixedKey(t testing.TB) mixed {
	t.Helper()
	a, err := edwards25519.NewScalar().SetUniformBytes(seeded("mixed key", 64))
	if err != nil {
		t.Fatal(err)
	}
	torsion, err := new(edwards25519.Point).SetBytes(unhex(t, torsionPoint))
	if err != nil {
		t.Fatal(err)
	}
	p := new(edwards25519.Point).ScalarBaseMult(a)
	return mixed{t: t, a: a, p: p.Add(p, torsion)}
}

func (m mixed) pub() ed25519.PublicKey { return m.p.Bytes() }

// challenge is k = SHA-512(R || A || message) reduced.
func challenge(t testing.TB, r []byte, key ed25519.PublicKey, message []byte) *edwards25519.Scalar {
	h := sha512.New()
	h.Write(r)
	h.Write(key)
	h.Write(message)
	k, err := edwards25519.NewScalar().SetUniformBytes(h.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// sign finds a signature whose k is a multiple of 8, or is not.
func (m mixed) sign(message []byte, multiple bool) (sig Signature) {
	m.t.Helper()
	for try := uint64(0); ; try++ {
		seed := binary.BigEndian.AppendUint64(seeded("nonce", 56), try)
		r, err := edwards25519.NewScalar().SetUniformBytes(seed)
		if err != nil {
			m.t.Fatal(err)
		}
		point := new(edwards25519.Point).ScalarBaseMult(r).Bytes()
		k := challenge(m.t, point, m.pub(), message)
		if (k.Bytes()[0]&7 == 0) != multiple {
			continue
		}
		copy(sig[:32], point)
		copy(sig[32:], edwards25519.NewScalar().MultiplyAdd(k, m.a, r).Bytes())
		return sig
	}
}

// op is an op of the mixed key's own log.
func (m mixed) op(multiple bool) Op {
	h := plain(TypeRedact, 1)
	h.Device = RefOf(m.pub())
	h.PayloadLen, h.PayloadHash = 1, HashPayload([]byte("m"))
	sig := m.sign(signed(newWriter(m.t, "ada", ClassContent).ws, &h), multiple)
	return Op{Header: h, Payload: []byte("m"), Sig: &sig}
}

// plusOrder is the signature with the group's order added to S: the same equation, another string.
func plusOrder(t testing.TB, sig Signature) Signature {
	order := unhex(t, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	carry := 0
	for i := range order {
		carry += int(sig[32+i]) + int(order[i])
		sig[32+i] = byte(carry)
		carry >>= 8
	}
	if carry != 0 {
		t.Fatal("the sum does not fit")
	}
	return sig
}

// identityR signs with R the identity, written as r, by the key of this seed.
func identityR(t testing.TB, seed []byte, message, r []byte) (sig Signature) {
	t.Helper()
	sum := sha512.Sum512(seed)
	a, err := edwards25519.NewScalar().SetBytesWithClamping(sum[:32])
	if err != nil {
		t.Fatal(err)
	}
	key := new(edwards25519.Point).ScalarBaseMult(a).Bytes()
	copy(sig[:32], r)
	copy(sig[32:], edwards25519.NewScalar().Multiply(challenge(t, r, key, message), a).Bytes())
	return sig
}
