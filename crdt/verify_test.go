package crdt

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestOracle11_JunkSignaturesUnderAGoodOneAreDropped(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	ops := w.run(50)
	for i := range ops[:49] {
		ops[i].Sig = &Signature{byte(i), 1, 2, 3}
	}
	got, err := VerifyChain(w.ws, w.pub(), Chain{Ops: ops})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Ops) != 50 || got.Signatures != 1 {
		t.Fatalf("%d ops by %d signatures, want 50 by 1", len(got.Ops), got.Signatures)
	}
	for i, v := range got.Ops {
		if kept := v.Op().Sig != nil; kept != (i == 49) {
			t.Errorf("op %d: a signature is kept: %v", i, kept)
		}
	}
}

func TestOracle12_AnySubRangeWithItsTailVerifies(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	ops := w.run(150)
	for i := range ops { // as a copy holds them that heard all of them by catch-up
		if i%CheckEvery != CheckEvery-1 && i != len(ops)-1 {
			ops[i].Sig = nil
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.IntRange(0, len(ops)-1).Draw(t, "a")
		b := rapid.IntRange(a, min(a+MaxSegment-1, len(ops)-1)).Draw(t, "b")
		end := b
		for ops[end].Sig == nil {
			end++
		}
		s := Segment{Ops: slices.Clone(ops[a : b+1]), Tail: bare(ops[b+1 : end+1])}
		if len(s.Tail) > 63 {
			t.Fatalf("a tail of %d headers", len(s.Tail))
		}
		back, err := ParseSegment(mustAppend(t, &s))
		if err != nil {
			t.Fatal(err)
		}
		got, err := VerifyChain(w.ws, w.pub(), Chain{Ops: back.Ops, Tail: back.Tail})
		if err != nil || len(got.Ops) != b-a+1 {
			t.Fatalf("[%d,%d]: %d ops, %v", a, b, len(got.Ops), err)
		}
	})
}

func TestOracle13_WhatNoSignatureCoversIsNotVerified(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	ops := w.run(10)
	for i := range ops {
		if i != 3 {
			ops[i].Sig = nil
		}
	}
	got, err := VerifyChain(w.ws, w.pub(), Chain{Ops: ops})
	if !errors.Is(err, ErrUncovered) || len(got.Ops) != 4 {
		t.Errorf("%d ops, %v; want the 4 that are covered and ErrUncovered", len(got.Ops), err)
	}
	later := w.write(10).Op()
	got, err = VerifyChain(w.ws, w.pub(), Chain{Ops: ops, Next: later.Prev})
	if err != nil || len(got.Ops) != 10 || got.Signatures != 0 {
		t.Errorf("before an op that is held: %d ops by %d signatures, %v", len(got.Ops), got.Signatures, err)
	}
}

func TestOracle14_WhatIsAuthenticDoesNotDependOnTheOrder(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	ops := w.run(70)
	rapid.Check(t, func(t *rapid.T) {
		given := slices.Clone(ops)
		for i := range given {
			if i%CheckEvery != CheckEvery-1 && rapid.Bool().Draw(t, "skip") {
				given[i].Sig = nil
			}
		}
		given[69].Sig = ops[69].Sig
		cut := rapid.IntRange(1, 69).Draw(t, "cut")
		tail, err := VerifyChain(w.ws, w.pub(), Chain{Ops: given[cut:]})
		if err != nil {
			t.Fatal(err)
		}
		head, err := VerifyChain(w.ws, w.pub(), Chain{Ops: given[:cut], Next: tail.Ops[0].Op().Prev})
		if err != nil || len(head.Ops)+len(tail.Ops) != 70 {
			t.Fatalf("%d and %d ops, %v", len(head.Ops), len(tail.Ops), err)
		}
	})
}

func TestAChainWithAFaultIsRefusedWhole(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	ops := w.run(66)
	good := func() []Op { return slices.Clone(ops) }
	cases := map[string]func([]Op) []Op{
		"a gap":                      func(o []Op) []Op { return append(o[:3], o[4:]...) },
		"two in the wrong order":     func(o []Op) []Op { o[3], o[4] = o[4], o[3]; return o },
		"a changed payload":          func(o []Op) []Op { o[5].Payload = slices.Repeat([]byte{1}, 160); return o },
		"a bad last signature":       func(o []Op) []Op { o[65].Sig = &Signature{1}; return o },
		"a bad signature at its due": func(o []Op) []Op { o[63].Sig = &Signature{1}; return o },
		"no signature at its due":    func(o []Op) []Op { o[63].Sig = nil; return o },
		"nothing":                    func(o []Op) []Op { return nil },
	}
	for name, spoil := range cases {
		if _, err := VerifyChain(w.ws, w.pub(), Chain{Ops: spoil(good())}); err == nil || errors.Is(err, ErrUncovered) {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
}

func TestOracle16_AForkIsProvenByTwoHeaders(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	w.run(3)
	at := w.tip
	a := []Op{*w.write(10).Op(), *w.write(10).Op()}
	w.tip = at
	b := []Op{*w.write(11).Op()}
	branch := func(ops []Op) Branch {
		br := Branch{Sig: *ops[len(ops)-1].Sig}
		for _, op := range ops {
			br.Headers = append(br.Headers, op.Header)
		}
		return br
	}
	p := NewForkProof(branch(a), branch(b))
	q := NewForkProof(branch(b), branch(a))
	if string(p.Append(nil)) != string(q.Append(nil)) {
		t.Error("the proof depends on who saw which branch first")
	}
	back, err := ParseForkProof(p.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := back.Verify(w.ws, w.pub()); err != nil {
		t.Errorf("a true proof is refused: %v", err)
	}
	same := NewForkProof(branch(a), branch(a))
	if err := same.Verify(w.ws, w.pub()); err == nil {
		t.Error("one branch twice passes for a fork")
	}
	forged := p
	forged.Branches[0].Sig = Signature{1}
	if err := forged.Verify(w.ws, w.pub()); err == nil {
		t.Error("a forged branch passes")
	}
}

func TestBranchesThatAreKeptDoNotDependOnTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ids []OpID
		for i := range rapid.IntRange(1, 9).Draw(t, "n") {
			ids = append(ids, OpID{byte(i * 7)})
		}
		want := KeepBranches(ids)
		if got := KeepBranches(rapid.Permutation(ids).Draw(t, "order")); !slices.Equal(got, want) || len(got) > MaxBranch {
			t.Fatalf("kept %v and %v", got, want)
		}
	})
}

func TestOracle20_AClockThatGoesBackIsRefused(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	first := *w.write(10).Op()
	h := w.tip.Next(TypeContent, w.now, EpochID{1}, first.Auth, nil)
	h.HLC = first.HLC - 1
	v, err := Sign(w.ws, w.key, h, []byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyChain(w.ws, w.pub(), Chain{Ops: []Op{first, *v.Op()}}); !errors.Is(err, ErrMalformed) {
		t.Errorf("%v, want it refused", err)
	}
}
