package p2p

import (
	"crypto/ed25519"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Tier is how far a device that proved its network identity is let in (protocol 9, item 1).
type Tier uint8

// The tiers.
const (
	Refused Tier = iota // removed or revoked: no connection at all
	Joiner              // unknown: identify, ping and the join protocol
	Member              // a device of a member, by its certificate: everything, once it has proved its sign key too
)

// Admission says who may come in. It is asked from many goroutines, for every connection and every stream, so that it
// must answer at once from memory.
type Admission interface {
	// Tier is the tier of the device with this network id, as things stand now.
	Tier(p peer.ID) Tier
	// SignKey is the sign key in the certificate of a member's device.
	SignKey(p peer.ID) (ed25519.PublicKey, bool)
}
