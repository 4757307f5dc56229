package crdt

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"slices"
)

// ForkProof shows that a device signed two ops with one (log, seq): each branch is bare headers from that seq up to the
// one whose signature covers it (SPEC 9). It is permanent and needs no trust in who brings it.
type ForkProof struct {
	Branches [2]Branch // ordered by the id of their first header
}

// Branch is a run of headers from the fork point to a signature.
type Branch struct {
	Headers []Header // 1 to CheckEvery
	Sig     Signature
}

// Log is the log that was forked. The proof is one that was parsed or has passed Verify.
func (p *ForkProof) Log() LogID { return p.Branches[0].Headers[0].Log }

// NewForkProof is the proof from two branches, in the one order that its encoding has.
func NewForkProof(a, b Branch) ForkProof {
	if len(a.Headers) > 0 && len(b.Headers) > 0 && CompareIDs(a.Headers[0].ID(), b.Headers[0].ID()) > 0 {
		a, b = b, a
	}
	return ForkProof{Branches: [2]Branch{a, b}}
}

// Append appends the proof's encoding.
func (p *ForkProof) Append(b []byte) []byte {
	for _, br := range p.Branches {
		b = binary.AppendUvarint(b, uint64(len(br.Headers)))
		for i := range br.Headers {
			b = br.Headers[i].Append(b)
		}
		b = append(b, br.Sig[:]...)
	}
	return b
}

// ParseForkProof reads one proof, all of b. It says nothing about whether the proof holds: Verify does.
func ParseForkProof(b []byte) (ForkProof, error) {
	r := reader{b: b}
	var p ForkProof
	for i := range p.Branches {
		n := int(r.length(CheckEvery))
		if n == 0 {
			r.fail(ErrMalformed)
		}
		for range n {
			if r.err != nil {
				break
			}
			p.Branches[i].Headers = append(p.Branches[i].Headers, r.header())
		}
		r.fill(p.Branches[i].Sig[:])
	}
	if err := r.done("fork proof"); err != nil {
		return ForkProof{}, err
	}
	return p, nil
}

// Verify checks that both branches start at the same place of the same log with different ops, and that the key
// signed both.
func (p *ForkProof) Verify(ws WorkspaceID, key ed25519.PublicKey) error {
	var first [2]OpID
	for i := range p.Branches {
		br := &p.Branches[i]
		ops := make([]Op, len(br.Headers))
		for j := range br.Headers {
			ops[j] = Op{Header: br.Headers[j]}
		}
		if len(ops) == 0 || len(ops) > CheckEvery {
			return fmt.Errorf("fork proof of %d headers: %w", len(ops), ErrMalformed)
		}
		v := chainVerifier{ws: ws, key: key}
		if err := v.link(ops, nil); err != nil {
			return fmt.Errorf("fork proof: %w", err)
		}
		last := &ops[len(ops)-1]
		last.Sig = &br.Sig
		if err := v.check(last); err != nil {
			return fmt.Errorf("fork proof: %w", err)
		}
		first[i] = v.ids[0]
	}
	a, b := &p.Branches[0].Headers[0], &p.Branches[1].Headers[0]
	if a.Log != b.Log || a.Seq != b.Seq || CompareIDs(first[0], first[1]) >= 0 {
		return fmt.Errorf("fork proof: not two ops at one place: %w", ErrMalformed)
	}
	return nil
}

// KeepBranches chooses which branches of a forked log a copy keeps: the MaxBranch lowest ids at the fork point, whatever
// order they came in, so that every copy that heard of all of them keeps the same.
func KeepBranches(firsts []OpID) []OpID {
	sorted := SortHeads(firsts)
	return slices.Clip(sorted[:min(len(sorted), MaxBranch)])
}
