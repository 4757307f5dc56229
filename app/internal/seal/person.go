package seal

import (
	"crypto/ed25519"
	"fmt"
	"io"

	"hallway/app/internal/keyring"
	"hallway/crdt"
	"hallway/crdt/access"
)

// NewComer is what a new person brings to a genesis or a join claim: the public halves of the ring's keys, and the first
// PUK wrapped to this device and to the recovery key. The ring must still have its recovery key.
func NewComer(r *keyring.Ring, pq bool, created crdt.HLC, caps uint64) (*access.NewComer, error) {
	rk, ok := r.Recovery()
	if !ok {
		return nil, fmt.Errorf("newcomer without a recovery key: %w", keyring.ErrNoKey)
	}
	puk, ok := r.PUK(1)
	if !ok {
		return nil, fmt.Errorf("newcomer without a first key: %w", keyring.ErrNoKey)
	}
	n := &access.NewComer{
		Created: created, Caps: caps, RK: rk.Sign(), DSK: r.SignKey(), DTK: r.TransportKey(), Puk: access.Puk{Gen: 1},
	}
	for _, k := range []struct {
		id keyring.Identity
		to *access.BoxKey
	}{{rk.Identity(), &n.Recovery}, {r.Device(), &n.DEK}, {puk, &n.Puk.Key}} {
		pub, err := boxKey(k.id, pq)
		if err != nil {
			return nil, fmt.Errorf("newcomer: %w", err)
		}
		*k.to = pub
	}
	var err error
	n.Puk.Wraps, err = wrapFor(pq, keyring.PUK{Gen: 1, Identity: puk}, []pukTo{
		{key: n.Recovery}, {ref: crdt.RefOf(n.DSK.Public().(ed25519.PublicKey)), key: n.DEK},
	})
	if err != nil {
		return nil, fmt.Errorf("newcomer: %w", err)
	}
	return n, nil
}

// boxKey is an identity's public half as access carries it.
func boxKey(id keyring.Identity, pq bool) (access.BoxKey, error) {
	pub, err := id.Recipient()
	if err != nil {
		return access.BoxKey{}, err
	}
	if !pq {
		pub.Hybrid = nil
	}
	return access.BoxKey(pub), nil
}

// pukTo is whom a PUK is wrapped to: a device, or the recovery key where ref is zero.
type pukTo struct {
	ref crdt.DeviceRef
	key access.BoxKey
}

func wrapFor(pq bool, p keyring.PUK, to []pukTo) ([]access.Wrap, error) {
	var out []access.Wrap
	for _, t := range to {
		box, err := WrapPUK(pq, p, keyring.Recipient(t.key))
		if err != nil {
			return nil, err
		}
		out = append(out, access.Wrap{To: t.ref, Box: box})
	}
	return out, nil
}

// NextPUK draws the person's next PUK, keeps it in the ring, and answers the op that brings it: wrapped to all his
// devices that are not revoked and to his recovery key, with the one before boxed under it.
func NextPUK(r *keyring.Ring, v *access.View, rand io.Reader) (*access.PukRotate, error) {
	me, ok := v.Member(r.User())
	if !ok {
		return nil, fmt.Errorf("next puk: %w", ErrRefused)
	}
	id, err := keyring.NewIdentity(rand)
	if err != nil {
		return nil, fmt.Errorf("next puk: %w", err)
	}
	last := keyring.PUK{}
	if have := r.PUKs(); len(have) > 0 {
		last = have[0]
	}
	next := keyring.PUK{Gen: last.Gen + 1, Identity: id}
	for _, p := range v.Puks(r.User()) {
		next.Gen = max(next.Gen, uint32(p.Puk.Gen)+1)
	}
	to := []pukTo{{key: me.Recovery}}
	for _, d := range me.Devices {
		if !d.Revoked {
			to = append(to, pukTo{d.Ref, d.Cert.DEK})
		}
	}
	body := &access.PukRotate{Puk: access.Puk{Gen: uint64(next.Gen)}}
	if body.Puk.Key, err = boxKey(id, v.PQ()); err != nil {
		return nil, fmt.Errorf("next puk: %w", err)
	}
	if body.Puk.Wraps, err = wrapFor(v.PQ(), next, to); err != nil {
		return nil, fmt.Errorf("next puk: %w", err)
	}
	if last.Gen > 0 {
		if body.Previous, err = WrapPUK(v.PQ(), last, keyring.Recipient(body.Puk.Key)); err != nil {
			return nil, fmt.Errorf("next puk: %w", err)
		}
	}
	if err := r.AddPUK(next); err != nil {
		return nil, fmt.Errorf("next puk: %w", err)
	}
	return body, nil
}

// LearnPUKs looks in the view for wraps of this person's PUKs that the ring can open, by this device's keys, by the
// recovery key where the ring has it, and from each generation to the one before. It answers how many came; Retry is
// then due.
func LearnPUKs(r *keyring.Ring, v *access.View) (learned int, err error) {
	me := r.User()
	ref := crdt.RefOf(r.SignKey().Public().(ed25519.PublicKey))
	keys := r.Devices()
	wraps := v.WrapsFor(me, ref)
	if rk, ok := r.Recovery(); ok {
		keys = append(keys, rk.Identity())
		wraps = append(wraps, v.WrapsFor(me, crdt.DeviceRef{})...)
	}
	all := v.Puks(me)
	for i := len(all) - 1; i >= 0; i-- { // the newest first: it opens those before
		p := all[i].Puk
		if _, ok := r.PUK(uint32(p.Gen)); !ok {
			if puk, ok := findPUK(v.PQ(), p, wraps, keys); ok {
				if err := r.AddPUK(puk); err != nil {
					return learned, fmt.Errorf("learn puks: %w", err)
				}
				learned++
			}
		}
		if held, ok := r.PUK(uint32(p.Gen)); ok && len(all[i].Previous) > 0 {
			keys = append(keys, held)
			wraps = append(wraps, access.Wrap{Box: all[i].Previous})
		}
	}
	return learned, nil
}

// findPUK tries which wrap holds this generation and which key opens it; both lists are a handful.
func findPUK(pq bool, p *access.Puk, wraps []access.Wrap, keys []keyring.Identity) (keyring.PUK, bool) {
	for _, w := range wraps {
		for _, k := range keys {
			if puk, err := UnwrapPUK(pq, w.Box, k, uint32(p.Gen), keyring.Recipient(p.Key)); err == nil {
				return puk, true
			}
		}
	}
	return keyring.PUK{}, false
}
