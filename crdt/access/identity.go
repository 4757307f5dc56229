package access

import (
	"crypto/ed25519"

	"hallway/crdt"
)

// Limits of what bodies carry. With MaxWraps hybrid wraps a PukRotate still fits into crdt.MaxPayload.
const (
	HybridSize  = 1216    // bytes of a hybrid post-quantum age recipient
	MaxSealed   = 4 << 10 // bytes of a sealed field
	MaxWraps    = 24      // wraps of one per-user key
	MaxBox      = 4 << 10 // bytes of one age file in a body
	MaxClaim    = 32 << 10
	MaxPins     = 1024
	MaxMembers  = 1024 // initial members of a private channel
	MaxDirect   = 16   // members of a direct message
	MaxInviteTo = 32   // channels that an invitation names
	MaxKey      = 64   // bytes of a policy's key
	MaxValue    = 4200 // bytes of a policy's value: a Sealed fits
	NoticeSize  = 2048 // bytes of every notice, whoever it is for
)

// Key is an Ed25519 public key.
type Key [ed25519.PublicKeySize]byte

// Public is the key in the type of crypto/ed25519.
func (k Key) Public() ed25519.PublicKey { return ed25519.PublicKey(k[:]) }

// KeyOf copies a public key. The key must have ed25519.PublicKeySize bytes.
func KeyOf(pub ed25519.PublicKey) Key { return Key(pub) }

// BoxKey is what age encrypts to: the raw bytes of the recipients, not their text. X25519 is always there; Hybrid,
// HybridSize bytes or none, is there wherever the workspace is post-quantum.
type BoxKey struct {
	X25519 [32]byte
	Hybrid []byte
}

func (k *BoxKey) walk(c *codec) {
	c.fixed(k.X25519[:])
	c.bytes(&k.Hybrid, HybridSize)
	c.require(len(k.Hybrid) == 0 || len(k.Hybrid) == HybridSize)
}

// DeviceCert binds a device's three keys to a person (protocol 2.1). The signature is by the recovery key or by an
// existing device of the same person; both proofs are over the same bytes.
type DeviceCert struct {
	RK      Key // whose device it is
	DSK     Key // signs ops
	DTK     Key // transport; its libp2p peer id follows from it
	DEK     BoxKey
	Created crdt.HLC
	Caps    uint64

	Signer   Key // RK, or the DSK of the device that vouches
	Sig      crdt.Signature
	DSKProof crdt.Signature
	DTKProof crdt.Signature
}

// Ref is the short reference to the device.
func (d *DeviceCert) Ref() crdt.DeviceRef { return crdt.RefOf(d.DSK[:]) }

func (d *DeviceCert) walkSigned(c *codec) {
	c.fixed(d.RK[:])
	c.fixed(d.DSK[:])
	c.fixed(d.DTK[:])
	d.DEK.walk(c)
	c.hlc(&d.Created)
	c.number(&d.Caps, 1<<63)
	c.fixed(d.Signer[:])
}

func (d *DeviceCert) walk(c *codec) {
	d.walkSigned(c)
	c.fixed(d.Sig[:])
	c.fixed(d.DSKProof[:])
	c.fixed(d.DTKProof[:])
}

// Append appends the certificate's encoding.
func (d *DeviceCert) Append(b []byte) []byte { return encode(b, d.walk) }

// ParseDeviceCert reads one certificate, all of b. It says nothing about whether it holds.
func ParseDeviceCert(b []byte) (*DeviceCert, error) {
	var d DeviceCert
	if err := decode("device certificate", b, d.walk); err != nil {
		return nil, err
	}
	return &d, nil
}

// Wrap is a per-user key's secret as an age file for one of the person's devices, or for the recovery key where To is
// zero.
type Wrap struct {
	To  crdt.DeviceRef
	Box []byte
}

func (w *Wrap) walk(c *codec) {
	c.fixed(w.To[:])
	c.bytes(&w.Box, MaxBox)
}

// Puk is one generation of a person's own encryption key: what epoch secrets are wrapped to.
type Puk struct {
	Gen   uint64 // from 1
	Key   BoxKey
	Wraps []Wrap
}

func (p *Puk) walk(c *codec) {
	c.number(&p.Gen, 1<<32)
	p.Key.walk(c)
	list(c, &p.Wraps, MaxWraps, 9, func(c *codec, w *Wrap) { w.walk(c) })
	c.require(p.Gen > 0)
}

// Identity is what a person shows on entering: in the genesis or in a join claim.
type Identity struct {
	RK       Key
	Recovery BoxKey // the age recipient derived from the recovery key
	Device   DeviceCert
	Puk      Puk // generation 1
}

func (i *Identity) walk(c *codec) {
	c.fixed(i.RK[:])
	i.Recovery.walk(c)
	i.Device.walk(c)
	i.Puk.walk(c)
	c.require(i.RK == i.Device.RK && i.Puk.Gen == 1)
}

// JoinClaim asks to be let in by an invitation. The signature with the invitation's key binds it to one person and one
// device, so that whoever carries it cannot put himself in the place (protocol 5.5).
type JoinClaim struct {
	Invite    InviteID
	Who       Identity
	InviteSig crdt.Signature
	RKSig     crdt.Signature
}

func (j *JoinClaim) walkSigned(c *codec) {
	c.fixed(j.Invite[:])
	j.Who.walk(c)
}

func (j *JoinClaim) walk(c *codec) {
	j.walkSigned(c)
	c.fixed(j.InviteSig[:])
	c.fixed(j.RKSig[:])
}

// Append appends the claim's encoding: what Admit and JoinRequest embed.
func (j *JoinClaim) Append(b []byte) []byte { return encode(b, j.walk) }

// ParseJoinClaim reads one claim, all of b, of at most MaxClaim bytes. It says nothing about whether it holds.
func ParseJoinClaim(b []byte) (*JoinClaim, error) {
	if len(b) > MaxClaim {
		return nil, crdt.ErrTooLarge
	}
	var j JoinClaim
	if err := decode("join claim", b, j.walk); err != nil {
		return nil, err
	}
	return &j, nil
}
