package access

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"hallway/crdt"
)

// errSignature is wrapped with the name of the signature that does not hold.
var errSignature = errors.New("signature does not hold")

// Labels under which the bytes of a certificate, a claim and a genesis are signed.
const (
	labelCert        = "hallway/devicecert/v1"
	labelDSKProof    = "hallway/devicecert/dsk/v1"
	labelDTKProof    = "hallway/devicecert/dtk/v1"
	labelClaimInvite = "hallway/claim/invite/v1"
	labelClaimRK     = "hallway/claim/rk/v1"
	labelGenesisWK   = "hallway/genesis/wk/v1"
	labelGenesisRK   = "hallway/genesis/rk/v1"
)

// context is what certificates of one workspace are bound to: its id, or, inside a genesis, whose hash the id is, the
// genesis's salt.
type context [32]byte

func workspaceContext(ws crdt.WorkspaceID) context { return context(ws) }

func genesisContext(salt [32]byte) context {
	return context(crdt.Hash("hallway/genesis/context/v1", salt[:]))
}

func digest(label string, ctx context, body []byte) []byte {
	sum := crdt.Hash(label, ctx[:], body)
	return sum[:]
}

func sign(key ed25519.PrivateKey, label string, ctx context, body []byte) crdt.Signature {
	return crdt.Signature(ed25519.Sign(key, digest(label, ctx, body)))
}

func holds(key Key, label string, ctx context, body []byte, sig *crdt.Signature) error {
	if !ed25519.Verify(key[:], digest(label, ctx, body), sig[:]) {
		return fmt.Errorf("%s: %w", label, errSignature)
	}
	return nil
}

// CertSigners are the private keys that make a device certificate. Signer is the recovery key, or the sign key of an
// existing device of the same person.
type CertSigners struct{ Signer, DSK, DTK ed25519.PrivateKey }

// NewDeviceCert certifies a device of the person whose recovery key is rk, in this workspace. It sets the fields that
// the signers determine and signs; DEK, Created and Caps are the caller's.
func NewDeviceCert(ws crdt.WorkspaceID, rk Key, dek BoxKey, created crdt.HLC, caps uint64, by CertSigners) *DeviceCert {
	return newCert(workspaceContext(ws), rk, dek, created, caps, by)
}

func newCert(ctx context, rk Key, dek BoxKey, created crdt.HLC, caps uint64, by CertSigners) *DeviceCert {
	d := &DeviceCert{
		RK: rk, DSK: public(by.DSK), DTK: public(by.DTK), DEK: dek, Created: created, Caps: caps, Signer: public(by.Signer),
	}
	body := encode(nil, d.walkSigned)
	d.Sig = sign(by.Signer, labelCert, ctx, body)
	d.DSKProof = sign(by.DSK, labelDSKProof, ctx, body)
	d.DTKProof = sign(by.DTK, labelDTKProof, ctx, body)
	return d
}

func public(key ed25519.PrivateKey) Key { return Key(key.Public().(ed25519.PublicKey)) }

// Check reports a certificate that does not hold in this workspace: a key of small order, a signature or a proof that
// is wrong, keys that should differ and do not. It does not know whether Signer may vouch: that is the state's to say.
func (d *DeviceCert) Check(ws crdt.WorkspaceID) error { return d.check(workspaceContext(ws)) }

func (d *DeviceCert) check(ctx context) error {
	for _, key := range []Key{d.RK, d.DSK, d.DTK} {
		if err := crdt.CheckSignKey(key[:]); err != nil {
			return fmt.Errorf("device certificate: %w", err)
		}
	}
	if d.DSK == d.DTK || d.DSK == d.RK || d.DTK == d.RK || d.Signer == d.DSK {
		return fmt.Errorf("device certificate: one key in two places: %w", crdt.ErrMalformed)
	}
	body := encode(nil, d.walkSigned)
	return errors.Join(
		holds(d.Signer, labelCert, ctx, body, &d.Sig),
		holds(d.DSK, labelDSKProof, ctx, body, &d.DSKProof),
		holds(d.DTK, labelDTKProof, ctx, body, &d.DTKProof),
	)
}

// NewComer is what a person brings to a genesis or a claim: his keys as they are public, and the private ones that sign.
type NewComer struct {
	Recovery BoxKey
	DEK      BoxKey
	Puk      Puk // generation 1
	Created  crdt.HLC
	Caps     uint64
	RK       ed25519.PrivateKey
	DSK      ed25519.PrivateKey
	DTK      ed25519.PrivateKey
}

func (n *NewComer) identity(ctx context) Identity {
	rk := public(n.RK)
	cert := newCert(ctx, rk, n.DEK, n.Created, n.Caps, CertSigners{Signer: n.RK, DSK: n.DSK, DTK: n.DTK})
	return Identity{RK: rk, Recovery: n.Recovery, Device: *cert, Puk: n.Puk}
}

func (i *Identity) check(ctx context, pq bool) error {
	if i.Device.Signer != i.RK {
		return fmt.Errorf("identity: first device not vouched for by the recovery key: %w", crdt.ErrMalformed)
	}
	for _, k := range []*BoxKey{&i.Recovery, &i.Device.DEK, &i.Puk.Key} {
		if pq && len(k.Hybrid) == 0 {
			return fmt.Errorf("identity: no post-quantum key: %w", crdt.ErrMalformed)
		}
	}
	return i.Device.check(ctx)
}

// NewGenesis founds a workspace: its payload, for an op of type Genesis that the founder's device signs as the first of
// its access log. The workspace's id is crdt.WorkspaceIDOf the payload. The workspace key is for the recovery kit.
func NewGenesis(salt [32]byte, pq bool, wk ed25519.PrivateKey, founder *NewComer) *Genesis {
	ctx := genesisContext(salt)
	g := &Genesis{Salt: salt, WK: public(wk), PQ: pq, Founder: founder.identity(ctx)}
	body := encode(nil, g.walkSigned)
	g.WKSig = sign(wk, labelGenesisWK, ctx, body)
	g.RKSig = sign(founder.RK, labelGenesisRK, ctx, body)
	return g
}

// Check reports a genesis that does not hold.
func (g *Genesis) Check() error {
	ctx := genesisContext(g.Salt)
	if err := crdt.CheckSignKey(g.WK[:]); err != nil {
		return fmt.Errorf("genesis: %w", err)
	}
	body := encode(nil, g.walkSigned)
	return errors.Join(
		g.Founder.check(ctx, g.PQ),
		holds(g.WK, labelGenesisWK, ctx, body, &g.WKSig),
		holds(g.Founder.RK, labelGenesisRK, ctx, body, &g.RKSig),
	)
}

// NewJoinClaim asks to be let in, with the key whose seed the invitation's link carries.
func NewJoinClaim(ws crdt.WorkspaceID, invite ed25519.PrivateKey, who *NewComer) *JoinClaim {
	ctx := workspaceContext(ws)
	j := &JoinClaim{Invite: InviteIDOf(ws, invite.Public().(ed25519.PublicKey)), Who: who.identity(ctx)}
	body := encode(nil, j.walkSigned)
	j.InviteSig = sign(invite, labelClaimInvite, ctx, body)
	j.RKSig = sign(who.RK, labelClaimRK, ctx, body)
	return j
}

// Check reports a claim that does not hold for the invitation with this public key. pq is whether the workspace is
// post-quantum.
func (j *JoinClaim) Check(ws crdt.WorkspaceID, invite Key, pq bool) error {
	ctx := workspaceContext(ws)
	if j.Invite != InviteIDOf(ws, invite.Public()) {
		return fmt.Errorf("join claim: for another invitation: %w", crdt.ErrMalformed)
	}
	body := encode(nil, j.walkSigned)
	return errors.Join(
		j.Who.check(ctx, pq),
		holds(invite, labelClaimInvite, ctx, body, &j.InviteSig),
		holds(j.Who.RK, labelClaimRK, ctx, body, &j.RKSig),
	)
}

// User is the id that the claimant will have.
func (j *JoinClaim) User(ws crdt.WorkspaceID) UserID { return UserIDOf(ws, j.Who.RK[:]) }
