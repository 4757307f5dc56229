package crdt

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// WorkspaceID names a workspace and authenticates its genesis: it is WorkspaceIDOf the genesis payload.
type WorkspaceID [32]byte

// ScopeID names what is synced, served and sealed as one unit (protocol 3.1). A channel's is random and a capability.
type ScopeID [32]byte

// OpID is the hash of an op's full header (SPEC 4).
type OpID [32]byte

// LogID names one single-writer log; see NewLogID.
type LogID [16]byte

// DeviceRef is the first 8 bytes of the hash of a device's sign key. A wrong match only makes the signature fail.
type DeviceRef [8]byte

// EpochID commits to an epoch secret (protocol 6.3). The zero value means that nothing is sealed.
type EpochID [16]byte

// AuthRef is the digest of a set of access heads (SPEC 5); HeadsDigest makes it.
type AuthRef [32]byte

// Signature is an Ed25519 signature.
type Signature [64]byte

// Incarnation tells apart the logs that one device wrote from different copies of its store (protocol 3.1).
type Incarnation uint64

func (id WorkspaceID) String() string { return hex.EncodeToString(id[:]) }
func (id ScopeID) String() string     { return hex.EncodeToString(id[:]) }
func (id OpID) String() string        { return hex.EncodeToString(id[:]) }
func (id LogID) String() string       { return hex.EncodeToString(id[:]) }
func (id DeviceRef) String() string   { return hex.EncodeToString(id[:]) }
func (id EpochID) String() string     { return hex.EncodeToString(id[:]) }
func (id AuthRef) String() string     { return hex.EncodeToString(id[:]) }

// IsZero reports whether the id is unset.
func (id OpID) IsZero() bool { return id == OpID{} }

// IsZero reports whether the id is unset.
func (id EpochID) IsZero() bool { return id == EpochID{} }

// IsZero reports whether the id is unset.
func (id AuthRef) IsZero() bool { return id == AuthRef{} }

// ErrBadID is returned for text that is not the hexadecimal form of an id.
var ErrBadID = errors.New("not an id")

// ParseOpID reads the 64 hexadecimal digits of an op id.
func ParseOpID(s string) (OpID, error) {
	var id OpID
	if len(s) != 2*len(id) {
		return OpID{}, fmt.Errorf("op id: %w", ErrBadID)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return OpID{}, fmt.Errorf("op id: %w", ErrBadID)
	}
	return id, nil
}

// Hash is SHA-256 over a label and parts, each prefixed by its length as a uvarint, so that no two inputs meet
// (SPEC 2). Every hash of the protocol that is not over one fixed encoding goes through it.
func Hash(label string, parts ...[]byte) [32]byte {
	h := sha256.New()
	var n [binary.MaxVarintLen64]byte
	write := func(p []byte) {
		h.Write(n[:binary.PutUvarint(n[:], uint64(len(p)))])
		h.Write(p)
	}
	write([]byte(label))
	for _, p := range parts {
		write(p)
	}
	var out [32]byte
	h.Sum(out[:0])
	return out
}

// WorkspaceIDOf is the id of the workspace that a genesis payload founds.
func WorkspaceIDOf(genesisPayload []byte) WorkspaceID {
	return WorkspaceID(Hash("hallway/ws/v1", genesisPayload))
}

// AccessScope is the scope of a workspace's access ops and identity logs. Every member and relay has it.
func AccessScope(ws WorkspaceID) ScopeID {
	return ScopeID(Hash("hallway/scope/access/v1", ws[:]))
}

// RefOf is the short reference to a device's sign key.
func RefOf(key ed25519.PublicKey) DeviceRef {
	sum := Hash("hallway/device/v1", key)
	return DeviceRef(sum[:8])
}

// NewLogID is the id of the log that the device writes for this class of ops in this scope and incarnation. Who holds
// the scope id recognises the log as the device's; to others it is random (protocol 3.1).
func NewLogID(ws WorkspaceID, scope ScopeID, key ed25519.PublicKey, class Class, r Incarnation) LogID {
	var id LogID
	binary.BigEndian.PutUint64(id[:8], uint64(r))
	mac := hmac.New(sha256.New, scope[:])
	mac.Write([]byte("hallway/log/v1"))
	mac.Write(ws[:])
	mac.Write(key)
	mac.Write([]byte{byte(class)})
	mac.Write(id[:8])
	copy(id[8:], mac.Sum(nil))
	return id
}

// Incarnation is the part of the log id that its writer drew at random.
func (id LogID) Incarnation() Incarnation { return Incarnation(binary.BigEndian.Uint64(id[:8])) }

// ClassOfLog tells which class of the device's logs in this scope the id names; ok is false where it is none of them.
func ClassOfLog(ws WorkspaceID, scope ScopeID, key ed25519.PublicKey, id LogID) (c Class, ok bool) {
	for _, c := range []Class{ClassContent, ClassAccess, ClassKeys} {
		if NewLogID(ws, scope, key, c, id.Incarnation()) == id {
			return c, true
		}
	}
	return 0, false
}

// HeadsDigest is the AuthRef for a set of access heads, whatever their order; duplicates count once.
func HeadsDigest(heads []OpID) AuthRef {
	sorted := SortHeads(heads)
	buf := make([]byte, 0, len(sorted)*len(OpID{}))
	for _, h := range sorted {
		buf = append(buf, h[:]...)
	}
	return AuthRef(Hash("hallway/heads/v1", buf))
}

// SortHeads is a sorted copy of the set, without duplicates.
func SortHeads(heads []OpID) []OpID {
	sorted := slices.Clone(heads)
	slices.SortFunc(sorted, CompareIDs)
	return slices.Compact(sorted)
}

// ascending reports whether the ids are sorted, without duplicates.
func ascending(ids []OpID) bool {
	for i := 1; i < len(ids); i++ {
		if CompareIDs(ids[i-1], ids[i]) >= 0 {
			return false
		}
	}
	return true
}

// CompareIDs orders op ids as byte strings.
func CompareIDs(a, b OpID) int { return slices.Compare(a[:], b[:]) }
