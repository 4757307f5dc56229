package app

import (
	"crypto/ed25519"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

// sign proves with the device's sign key that this network id is the device's.
func (n *network) sign(digest [32]byte) (crdt.Signature, error) {
	return crdt.Signature(ed25519.Sign(n.s.ring.SignKey(), digest[:])), nil
}

// Tier implements p2p.Admission from the access state as it stands.
func (n *network) Tier(p peer.ID) p2p.Tier {
	key, ok := transportKey(p)
	if !ok {
		return p2p.Refused
	}
	d, known := n.s.access().DeviceByTransport(key)
	switch {
	case known && n.s.access().Connects(d):
		return p2p.Member
	case n.sponsors(p):
		return p2p.Member
	case known:
		return p2p.Refused // revoked, or its person was removed
	}
	return p2p.Joiner
}

// sponsors reports whether a device is trusted as the one that let this one in. That ends with this device's own
// admission, from which on what is here says who is a member: the sponsor may be removed as anybody may.
func (n *network) sponsors(p peer.ID) bool {
	n.mu.RLock()
	_, ok := n.sponsor[p]
	n.mu.RUnlock()
	return ok && !n.s.member()
}

// SignKey implements p2p.Admission.
func (n *network) SignKey(p peer.ID) (ed25519.PublicKey, bool) {
	key, ok := transportKey(p)
	if !ok {
		return nil, false
	}
	if d, known := n.s.access().DeviceByTransport(key); known {
		return d.Cert.DSK.Public(), true
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	k, ok := n.sponsor[p]
	return k, ok
}

func transportKey(p peer.ID) (ed25519.PublicKey, bool) {
	pub, err := p.ExtractPublicKey()
	if err != nil {
		return nil, false
	}
	raw, err := pub.Raw()
	if err != nil || pub.Type() != crypto.Ed25519 || len(raw) != ed25519.PublicKeySize {
		return nil, false
	}
	return ed25519.PublicKey(raw), true
}

// peerOf is the network id of a transport key.
func peerOf(key access.Key) (peer.ID, bool) {
	pub, err := crypto.UnmarshalEd25519PublicKey(key[:])
	if err != nil {
		return "", false
	}
	p, err := peer.IDFromPublicKey(pub)
	return p, err == nil
}

// trust notes the sign key of a desk that let this one in, until this one's own admission is here.
func (n *network) trust(id peer.ID, key []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sponsor[id] = key
}
