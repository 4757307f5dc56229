package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// Limits of a mint.
const (
	partSize    = 64       // recipients of one part (protocol 6.2)
	maxParts    = 1024     // so 65,536 recipients
	maxPrevious = 64       // epochs that one mint follows
	maxInline   = 40 << 10 // bytes of parts inside the op; more goes to chunks
	boxSize     = 24 + 32 + 16
)

// mintBody is the payload of an EpochMint op (protocol 6.3):
//
//	version 1 | flags | epoch id 16
//	uvarint n | n x (epoch id 16 | 0, or 1 and box 72)       sorted by id
//	uvarint recipients | hash 32 of each part
//	where flag 1 is set: each part, prefixed by its length
type mintBody struct {
	epoch    crdt.EpochID
	pq       bool
	previous []previous
	count    int        // recipients
	parts    [][32]byte // SHA-256 of each part
	inline   [][]byte   // the parts themselves, or nil
}

// previous is an epoch that a mint follows, and where the policy allows its secret, boxed under the new one.
type previous struct {
	epoch crdt.EpochID
	box   []byte // boxSize bytes or nil
}

const (
	mintVersion = 1
	flagInline  = 1 << 0
	flagPQ      = 1 << 1
)

func partsFor(recipients int) int { return (recipients + partSize - 1) / partSize }

func (m *mintBody) append(b []byte) []byte {
	var flags byte
	if m.inline != nil {
		flags |= flagInline
	}
	if m.pq {
		flags |= flagPQ
	}
	b = append(b, mintVersion, flags)
	b = append(b, m.epoch[:]...)
	b = appendPrevious(b, m.previous)
	b = binary.AppendUvarint(b, uint64(m.count))
	for _, h := range m.parts {
		b = append(b, h[:]...)
	}
	for _, p := range m.inline {
		b = appendPart(b, p)
	}
	return b
}

func appendPrevious(b []byte, list []previous) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, p := range list {
		b = append(b, p.epoch[:]...)
		if p.box == nil {
			b = append(b, 0)
			continue
		}
		b = append(append(b, 1), p.box...)
	}
	return b
}

func parseMint(b []byte) (mintBody, error) {
	if len(b) > crdt.MaxPayload {
		return mintBody{}, fmt.Errorf("read mint: %w", ErrTooLarge)
	}
	r := reader{b: b}
	var m mintBody
	if r.byte() != mintVersion {
		r.fail()
	}
	flags := r.byte()
	if flags&^(flagInline|flagPQ) != 0 {
		r.fail()
	}
	m.pq = flags&flagPQ != 0
	r.fill(m.epoch[:])
	m.previous = r.previous(m.epoch)
	n := r.uvarint()
	if n == 0 || n > maxParts*partSize || partsFor(int(n))*32 > len(r.b) {
		r.fail()
	}
	if !r.bad {
		m.count = int(n)
		m.parts = make([][32]byte, partsFor(m.count))
		for i := range m.parts {
			r.fill(m.parts[i][:])
		}
		if flags&flagInline != 0 {
			for range m.parts {
				m.inline = append(m.inline, bytes.Clone(r.part(maxInline)))
			}
			for i, p := range m.inline {
				if sha256.Sum256(p) != m.parts[i] {
					r.fail() // its hash names another
				}
			}
		}
	}
	if err := r.done("mint"); err != nil || m.epoch.IsZero() {
		return mintBody{}, fmt.Errorf("read mint: %w", ErrMalformed)
	}
	return m, nil
}

// previous reads a list of epochs, sorted, without duplicates and without the epoch that it stands in.
func (r *reader) previous(self crdt.EpochID) []previous {
	var out []previous
	for i := range r.count(maxPrevious, 17) {
		var p previous
		r.fill(p.epoch[:])
		if p.epoch.IsZero() || p.epoch == self || i > 0 && bytes.Compare(out[i-1].epoch[:], p.epoch[:]) >= 0 {
			r.fail()
		}
		switch r.byte() {
		case 0:
		case 1:
			p.box = bytes.Clone(r.take(boxSize))
		default:
			r.fail()
		}
		if r.bad {
			return nil
		}
		out = append(out, p)
	}
	return out
}

// epochID commits to a secret, to where it is for, and to the rights that it was minted under (protocol 6.3).
func (s *Sealer) epochID(key crdt.ScopeID, auth crdt.AuthRef, secret keyring.Secret) crdt.EpochID {
	h := crdt.Hash("hallway/epoch/v1", s.ws[:], key[:], auth[:], secret[:])
	return crdt.EpochID(h[:16])
}
