package crdt

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"filippo.io/edwards25519"
)

// Verified is an op for which rule AUTH holds (SPEC 8): it, or a descendant of it in the same log, carries a valid
// signature by the log's key. Only this package makes one. Its op carries a signature only where that very signature
// was checked, so that what is stored and served again is never somebody's junk.
type Verified struct {
	op *Op
	id OpID
}

// Op is the verified op; it must not be changed.
func (v Verified) Op() *Op { return v.op }

// ID is the op's id, computed once.
func (v Verified) ID() OpID { return v.id }

// ErrUncovered is returned, with what is covered, where the last ops of a chain have no signature over them yet.
var ErrUncovered = errors.New("no signature covers the end of the chain")

// signed is what a signature covers.
func signed(ws WorkspaceID, h *Header) []byte {
	b := make([]byte, 0, 512)
	b = append(b, "hallway/op/v1"...)
	b = append(b, ws[:]...)
	return h.Append(b)
}

// VerifyOp checks one op by its own signature, as every live op is before it is forwarded.
func VerifyOp(ws WorkspaceID, key ed25519.PublicKey, op Op) (Verified, error) {
	if err := checkOwn(key, &op); err != nil {
		return Verified{}, fmt.Errorf("verify op: %w", err)
	}
	if op.Sig == nil || !ed25519.Verify(key, signed(ws, &op.Header), op.Sig[:]) {
		return Verified{}, fmt.Errorf("verify op: %w", ErrNotAuthentic)
	}
	return Verified{op: &op, id: op.Header.ID()}, nil
}

func checkOwn(key ed25519.PublicKey, op *Op) error {
	if err := op.check(); err != nil {
		return err
	}
	if len(key) != ed25519.PublicKeySize || RefOf(key) != op.Device {
		return fmt.Errorf("another device's key: %w", ErrNotAuthentic)
	}
	return nil
}

// Chain is a run of consecutive ops of one log to be verified by one signature over its end.
type Chain struct {
	Ops  []Op // consecutive, ascending
	Tail []Op // bare headers after Ops; see Segment
	Next OpID // the Prev of an op of this log, held and authentic, right after Ops, which then covers them; or zero
}

// Checked is what VerifyChain found.
type Checked struct {
	Ops        []Verified
	Signatures int // signatures that were checked
}

// VerifyChain checks a run of ops by rule AUTH with the provisos of protocol 4: one signature at the end, or an op
// already held after it, covers the run; an op at a CheckEvery place carries a signature of its own, which is checked;
// every other signature is dropped unread. Where the end is not covered the answer is what is, with ErrUncovered. A
// signature that is there and wrong where it must be right, or missing where its place demands one, is
// ErrNotAuthentic, and the fault of whoever sent the chain, since he could have checked.
func VerifyChain(ws WorkspaceID, key ed25519.PublicKey, c Chain) (Checked, error) {
	v := chainVerifier{ws: ws, key: key, good: -1}
	if err := v.link(c.Ops, c.Tail); err != nil {
		return Checked{}, fmt.Errorf("verify chain: %w", err)
	}
	if err := checkDue(c); err != nil {
		return Checked{}, fmt.Errorf("verify chain: %w", err)
	}
	covered, err := v.cover(c)
	if err != nil {
		return Checked{Signatures: v.checks}, fmt.Errorf("verify chain: %w", err)
	}
	out := Checked{Ops: make([]Verified, covered)}
	for i := range covered {
		op := c.Ops[i]
		if op.Sig, err = v.keep(&op, i); err != nil {
			return Checked{Signatures: v.checks}, fmt.Errorf("verify chain: %w", err)
		}
		out.Ops[i] = Verified{op: &op, id: v.ids[i]}
	}
	out.Signatures = v.checks
	if covered < len(c.Ops) {
		return out, ErrUncovered
	}
	return out, nil
}

type chainVerifier struct {
	ws     WorkspaceID
	key    ed25519.PublicKey
	ids    []OpID
	checks int
	good   int // where in the ops the covering signature stands, once it was checked; else -1
}

// link checks that the ops are well formed and consecutive, and notes their ids.
func (v *chainVerifier) link(ops, tail []Op) error {
	if len(ops) == 0 {
		return fmt.Errorf("no ops: %w", ErrMalformed)
	}
	var prev *Header
	for _, part := range [][]Op{ops, tail} {
		for i := range part {
			op := &part[i]
			if err := checkOwn(v.key, op); err != nil {
				return err
			}
			if prev != nil && !op.Header.followsID(prev, v.ids[len(v.ids)-1]) {
				return fmt.Errorf("op %d does not follow the one before: %w", op.Seq, ErrMalformed)
			}
			v.ids = append(v.ids, op.Header.ID())
			prev = &op.Header
		}
	}
	return nil
}

// checkDue refuses a run that lacks a signature where its place demands one, or whose tail runs past such a place, before
// any signature is checked. What no signature covers has no such place in it, since that one would cover it.
func checkDue(c Chain) error {
	for i := range c.Ops {
		if op := &c.Ops[i]; due(op) && op.Sig == nil {
			return fmt.Errorf("op %d has no signature of its own: %w", op.Seq, ErrNotAuthentic)
		}
	}
	for i := range len(c.Tail) - 1 {
		if op := &c.Tail[i]; due(op) {
			return fmt.Errorf("the tail runs past op %d: %w", op.Seq, ErrNotAuthentic)
		}
	}
	return nil
}

// due reports whether the op's place demands a signature of its own.
func due(op *Op) bool { return op.Seq%CheckEvery == CheckEvery-1 }

// cover answers how many of the ops are covered.
func (v *chainVerifier) cover(c Chain) (int, error) {
	if t := len(c.Tail); t > 0 {
		return len(c.Ops), v.check(&c.Tail[t-1])
	}
	if !c.Next.IsZero() && v.ids[len(c.Ops)-1] == c.Next {
		return len(c.Ops), nil
	}
	for i := len(c.Ops) - 1; i >= 0; i-- {
		if op := &c.Ops[i]; op.Sig != nil {
			v.good = i
			return i + 1, v.check(op)
		}
	}
	return 0, nil
}

// keep answers the signature to store with the covered op at place i: its own where that was checked, else none.
func (v *chainVerifier) keep(op *Op, i int) (*Signature, error) {
	switch {
	case i == v.good:
		return op.Sig, nil
	case due(op):
		return op.Sig, v.check(op)
	}
	return nil, nil
}

func (v *chainVerifier) check(op *Op) error {
	v.checks++
	if op.Sig == nil || !ed25519.Verify(v.key, signed(v.ws, &op.Header), op.Sig[:]) {
		return fmt.Errorf("op %d: %w", op.Seq, ErrNotAuthentic)
	}
	return nil
}

// CheckSignKey refuses a public key that is not the one canonical encoding of a point, or whose point is of small order:
// with such keys one signature can fit many messages (protocol 4, proviso 8). Device certificates are checked
// with it once.
func CheckSignKey(key ed25519.PublicKey) error {
	p, err := new(edwards25519.Point).SetBytes(key)
	if err != nil {
		return fmt.Errorf("sign key: %w", ErrMalformed)
	}
	if string(p.Bytes()) != string(key) {
		return fmt.Errorf("sign key is not canonical: %w", ErrMalformed)
	}
	if new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return fmt.Errorf("sign key of small order: %w", ErrMalformed)
	}
	return nil
}
