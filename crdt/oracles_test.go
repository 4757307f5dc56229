package crdt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// rereads fails where bytes are read that are not the one encoding of what was read.
func rereads(t interface {
	Helper()
	Fatalf(string, ...any)
	Fatal(...any)
}, b []byte) {
	t.Helper()
	if f, err := ParseOp(b); err == nil {
		op := f.Complete(AuthRef{})
		if again := AppendOp(nil, &op, f.NeedsPrev()); !bytes.Equal(again, b) {
			t.Fatalf("an op is read from %x and written as %x", b, again)
		}
	}
	if h, err := ParseHeader(b); err == nil && !bytes.Equal(h.Append(nil), b) {
		t.Fatalf("a header is read from %x and written as %x", b, h.Append(nil))
	}
	if s, err := ParseSegment(b); err == nil {
		if again := mustAppend(t, s); !bytes.Equal(again, b) {
			t.Fatalf("a segment is read from %x and written as %x", b, again)
		}
	}
	if p, err := ParseForkProof(b); err == nil && !bytes.Equal(p.Append(nil), b) {
		t.Fatalf("a fork proof is read from %x and written as %x", b, p.Append(nil))
	}
}

// samples is one encoding of each kind, small, all by ada.
func samples(t testing.TB) (w *writer, out map[string][]byte) {
	w = newWriter(t, "ada", ClassContent)
	first, second := w.write(5), w.write(5)
	third, fourth := w.write(5), w.write(5)
	signed := []Op{*first.Op(), *second.Op(), *third.Op(), *fourth.Op()}
	seg := Segment{Ops: unsigned(signed[:3], 2), Tail: unsigned(bare(signed[3:]), 0)}
	other := newWriter(t, "ada", ClassContent)
	fork := NewForkProof(branchOf(signed[:2]), branchOf([]Op{*other.write(6).Op()}))
	return w, map[string][]byte{
		"op": AppendOp(nil, first.Op(), false), "op without auth": AppendOp(nil, second.Op(), true),
		"header": second.Op().Header.Append(nil), "segment": mustSegment(t, seg), "fork proof": fork.Append(nil),
	}
}

func TestOracle04_EveryInsertionAndDeletionIsRefusedOrReadAsItIs(t *testing.T) {
	_, all := samples(t)
	for _, b := range all {
		for i := range b {
			rereads(t, splice(b, i, 1))
			for _, v := range []byte{0, 1, 0x7f, 0x80, 0xff, b[i]} {
				rereads(t, splice(b, i, 0, v))
				rereads(t, splice(b, i, 1, v))
			}
		}
	}
}

func TestOracle04_NoSingleInsertionOrDeletionVerifies(t *testing.T) {
	w, all := samples(t)
	b := all["op"]
	tried := func(bad []byte) {
		if f, err := ParseOp(bad); err == nil {
			if _, err := VerifyOp(w.ws, w.pub(), f.Complete(AuthRef{})); err == nil {
				t.Fatalf("a byte more or less, and it verifies: %x", bad)
			}
		}
	}
	for i := range b {
		tried(splice(b, i, 1))
		for v := range 256 {
			tried(splice(b, i, 0, byte(v)))
		}
	}
}

func TestOracle04_ReorderedFieldsAreRefusedOrAnotherHeader(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	w.write(5)
	op := w.write(5).Op()
	full := op.Header.Append(nil)
	cuts := []int{0, 1, 2, 10, 26, 27, 59, 67, 83, 115, 116, 148} // where the fields stand
	if cuts[len(cuts)-1] != len(full) {
		t.Fatalf("a header of %d bytes, the cuts end at %d", len(full), cuts[len(cuts)-1])
	}
	var fields [][]byte
	for i := 1; i < len(cuts); i++ {
		fields = append(fields, full[cuts[i-1]:cuts[i]])
	}
	rapid.Check(t, func(t *rapid.T) {
		mixed := slices.Concat(rapid.Permutation(fields).Draw(t, "order")...)
		rereads(t, mixed)
		h, err := ParseHeader(mixed)
		if err != nil || bytes.Equal(mixed, full) {
			return
		}
		moved := Op{Header: h, Sig: op.Sig}
		if _, err := VerifyOp(w.ws, w.pub(), moved); err == nil {
			t.Fatalf("with its fields in another order it verifies: %x", mixed)
		}
	})
}

func TestOracle04_AnyMutationIsRefusedOrReadAsItIs(t *testing.T) {
	_, all := samples(t)
	names := []string{"op", "op without auth", "header", "segment", "fork proof"}
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(all[rapid.SampledFrom(names).Draw(t, "what")])
		for range rapid.IntRange(1, 4).Draw(t, "times") {
			i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
			n := min(rapid.IntRange(0, 40).Draw(t, "cut"), len(b)-i-1)
			b = splice(b, i, n, rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "put")...)
		}
		rereads(t, b)
	})
}

func TestOracle05_AnyFlippedBitOfASegmentIsRejected(t *testing.T) {
	w, all := samples(t)
	good := all["segment"]
	verifies := func(b []byte) bool {
		s, err := ParseSegment(b)
		if err != nil {
			return false
		}
		_, err = VerifyChain(w.ws, w.pub(), Chain{Ops: s.Ops, Tail: s.Tail})
		return err == nil
	}
	// The ops' own signature lies under that of the tail and is dropped unread: its bits may say anything.
	s, err := ParseSegment(good)
	if err != nil || !verifies(good) {
		t.Fatalf("the good segment is refused: %v", err)
	}
	unread := bytes.Index(good, s.Ops[2].Sig[:])
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			if dropped := i >= unread && i < unread+64; verifies(bad) != dropped {
				t.Fatalf("bit %d of byte %d flipped; verifies: %v", bit, i, !dropped)
			}
		}
	}
}

func TestOracle05_AnyFlippedBitOfAForkProofIsRejected(t *testing.T) {
	w, all := samples(t)
	good := all["fork proof"]
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			if p, err := ParseForkProof(bad); err == nil && p.Verify(w.ws, w.pub()) == nil {
				t.Fatalf("bit %d of byte %d flipped, and the proof holds", bit, i)
			}
		}
	}
}

func TestOracle06_NothingSignedIsGoodElsewhere(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	op := w.op(0x77, "may be of any type", nil)
	id := func(t *rapid.T, what string) (out [32]byte) {
		copy(out[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, what))
		return out
	}
	rapid.Check(t, func(t *rapid.T) {
		typed := op
		typed.Type = Type(rapid.Byte().Filter(func(b byte) bool { return Type(b) != op.Type }).Draw(t, "type"))
		if _, err := VerifyOp(w.ws, w.pub(), typed); err == nil {
			t.Fatalf("it verifies as type %#x", typed.Type)
		}
		if _, err := VerifyOp(WorkspaceID(id(t, "workspace")), w.pub(), op); err == nil {
			t.Fatal("it verifies in another workspace")
		}
		scope, other := ScopeID(id(t, "scope")), ScopeID(id(t, "other scope"))
		class := rapid.SampledFrom([]Class{ClassAccess, ClassKeys, ClassContent}).Draw(t, "class")
		moved := op
		moved.Log = NewLogID(w.ws, scope, w.pub(), class, Incarnation(rapid.Uint64().Draw(t, "incarnation")))
		if _, err := VerifyOp(w.ws, w.pub(), moved); err == nil {
			t.Fatal("it verifies in another log")
		}
		if c, ok := ClassOfLog(w.ws, scope, w.pub(), moved.Log); !ok || c != class {
			t.Fatal("a log is not recognised in its own scope, or as of another class")
		}
		if _, ok := ClassOfLog(w.ws, other, w.pub(), moved.Log); ok && scope != other {
			t.Fatal("a log is recognised in another scope")
		}
	})
}

func TestOracle07_GoldenSizes(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	ops := w.run(64) // payload of a 100-character message: salt 16, padded 128, tag 16
	live := *w.write(160).Op()
	stub := live
	stub.Payload, stub.Sig = nil, nil
	access := Header{Type: TypeGrant, Seq: 70, Prev: OpID{1}, Deps: []OpID{{1}}, PayloadLen: 100}
	for name, size := range map[string]struct{ got, want, budget int }{
		"live, auth as before":        {len(AppendOp(nil, &live, true)), 310, 360 - 32}, // a pubsub frame adds 32
		"live, auth and one head":     {len(AppendOp(nil, &live, false)), 375, 375},
		"erased stub":                 {len(AppendOp(nil, &stub, true)), 118, 120},
		"segment of 64 by one":        {len(mustSegment(t, Segment{Ops: unsigned(ops, 63)})), 10993, 190 * 64},
		"segment of 10 by one":        {len(mustSegment(t, Segment{Ops: unsigned(ops[:10], 9)})), 1867, 195 * 10},
		"segment of 1 with 63 behind": {len(mustSegment(t, Segment{Ops: unsigned(ops[:1]), Tail: unsigned(bare(ops[1:]), 62)})), 2929, 5000},
		"header of an access op":      {len(access.Append(nil)), 165, 180},
	} {
		if size.got != size.want || size.got > size.budget {
			t.Errorf("%s: %d B, recorded %d, at most %d", name, size.got, size.want, size.budget)
		}
	}
}

func TestOracle08_ChainsVerifyWithoutMostPayloads(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	ops := w.run(200)
	whole, err := VerifyChain(w.ws, w.pub(), Chain{Ops: ops})
	if err != nil {
		t.Fatal(err)
	}
	places := make([]int, len(ops))
	for i := range places {
		places[i] = i
	}
	rapid.Check(t, func(t *rapid.T) {
		kept := rapid.Permutation(places).Draw(t, "kept")[:len(ops)/10]
		erased := slices.Clone(ops)
		for i := range erased {
			if !slices.Contains(kept, i) {
				erased[i].Payload = nil
			}
		}
		for at := 0; at < len(ops); at += MaxSegment {
			end := min(at+MaxSegment, len(ops))
			s, err := ParseSegment(mustAppend(t, &Segment{Ops: unsigned(erased[at:end], end-at-1)}))
			if err != nil {
				t.Fatal(err)
			}
			got, err := VerifyChain(w.ws, w.pub(), Chain{Ops: s.Ops})
			if err != nil || len(got.Ops) != end-at {
				t.Fatalf("[%d,%d): %d ops, %v", at, end, len(got.Ops), err)
			}
			for i, v := range got.Ops {
				if v.ID() != whole.Ops[at+i].ID() || v.Op().HasPayload() != slices.Contains(kept, at+i) {
					t.Fatalf("op %d is another one without its payload", at+i)
				}
			}
		}
	})
}

func TestOracle15_CatchUpOfTenThousandChecksFewSignatures(t *testing.T) {
	const logs, total = 8, 10_000
	checked, verified := 0, 0
	for l := range logs {
		w := newWriter(t, string(rune('a'+l)), ClassContent)
		ops := make([]Op, total/logs)
		for i := range ops {
			ops[i] = *w.write(1).Op()
			ops[i].Heads = nil
		}
		for at := 0; at < len(ops); { // cut after the ops that have a signature of their own
			end := min(at-at%MaxSegment+MaxSegment, len(ops))
			s, err := ParseSegment(mustSegment(t, Segment{Ops: unsigned(ops[at:end], end-at-1)}))
			if err != nil {
				t.Fatal(err)
			}
			got, err := VerifyChain(w.ws, w.pub(), Chain{Ops: s.Ops})
			if err != nil {
				t.Fatal(err)
			}
			checked, verified, at = checked+got.Signatures, verified+len(got.Ops), end
		}
	}
	if verified != total || checked > total/64+logs*2 {
		t.Errorf("%d ops by %d signatures, want %d by at most %d", verified, checked, total, total/64+logs*2)
	}
}

// hostile is inputs of 1 KiB that announce as much as they can.
func hostile() map[string][]byte {
	h := byHand{auth: seeded("auth", 32)}
	fill := func(b []byte, with ...byte) []byte {
		for len(b) < 1024 {
			b = append(b, with...)
		}
		return b[:1024]
	}
	small := h.rec(modePayload|modeSameAuth, 0, 0, []byte{0})
	deps := (&Header{Type: TypeMerge}).AppendSansPayload(nil)
	w := plain(TypeRedact, 0)
	op := AppendOp(nil, &Op{Header: w}, false)
	return map[string][]byte{
		"many small ops":         fill(slices.Concat(h.head(64, 63), h.rec(modePayload, 9, 9, append(bytes.Clone(h.auth), 0))), small...),
		"ops beyond counting":    fill(binary.AppendUvarint(h.head(0, 0)[:26], 1<<60), 0xff),
		"deps beyond counting":   fill(binary.AppendUvarint(deps[:len(deps)-1], 1<<60), 0xff),
		"payload beyond its end": fill(binary.AppendUvarint(op[:len(op)-34], MaxPayload), 0xff),
		"many headers":           fill(append([]byte{64}, plainHeaders(9)...), 0),
		"ones":                   fill(nil, 0xff),
		"version bytes":          fill(nil, 0x10),
	}
}

func plainHeaders(n int) (b []byte) {
	for range n {
		h := plain(TypeRedact, 0)
		b = h.Append(b)
	}
	return b
}

func TestOracle04_AKibibyteMakesNoneAllocateMuch(t *testing.T) {
	for name, b := range hostile() {
		parse := func() {
			_, _ = ParseOp(b)
			_, _ = ParseHeader(b)
			_, _ = ParseSegment(b)
			_, _ = ParseForkProof(b)
		}
		if n := testing.AllocsPerRun(20, parse); n > 300 {
			t.Errorf("%s: %.0f allocations", name, n)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 20 {
			parse()
		}
		runtime.ReadMemStats(&after)
		if per := (after.TotalAlloc - before.TotalAlloc) / 20; per > 128<<10 {
			t.Errorf("%s: %d B allocated for 1 KiB", name, per)
		}
	}
}

func TestOracle20_AClockThatWrapsIsRefused(t *testing.T) {
	h := byHand{auth: seeded("auth", 32)}
	for _, step := range [][2]uint64{{^uint64(0), 0}, {0, ^uint64(2)}, {1 << 63, 0}, {0, 1 << 63}, {^uint64(0), ^uint64(0)}} {
		b := slices.Concat(h.head(2, 0), h.first(), h.rec(modePayload|modeSameAuth, step[0], step[1], []byte{1, 'b'}))
		if _, err := ParseSegment(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d ms and %d more: %v, want it refused", step[0], step[1], err)
		}
	}
}
