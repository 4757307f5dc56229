package crdt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// anyOp draws an op of any type that can be encoded, signed by a throw-away key.
func anyOp(t *rapid.T) Verified {
	key := ed25519.NewKeyFromSeed(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
	types := []Type{TypeGenesis, TypeGrant, TypeFence, 0x3f, TypeEpochMint, 0x4e, TypeContent, TypeRedact, 0x77, 0xff}
	h := Header{
		Type: rapid.SampledFrom(types).Draw(t, "type"), Device: RefOf(key.Public().(ed25519.PublicKey)),
		Seq: rapid.SampledFrom([]uint64{0, 1, 63, 64, 127, 128, 1 << 20, 1 << 48}).Draw(t, "seq"),
		HLC: HLC(rapid.Uint64().Draw(t, "hlc")),
	}
	copy(h.Log[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "log"))
	copy(h.Auth[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "auth"))
	if h.Seq > 0 {
		h.Prev = OpID{9}
	}
	if h.Type == TypeContent || !h.Type.known() && rapid.Bool().Draw(t, "sealed") {
		h.Epoch = EpochID{3}
	}
	if h.Type.Class() == ClassAccess {
		for i := range rapid.IntRange(0, MaxDeps).Draw(t, "deps") {
			h.Deps = append(h.Deps, OpID{byte(i + 1)})
		}
	}
	var heads []OpID
	if rapid.Bool().Draw(t, "with heads") {
		heads = []OpID{{4}, {5}}
		h.Auth = HeadsDigest(heads)
	}
	v, err := Sign(WorkspaceID{1}, key, h, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "payload"), heads)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOracle04_EncodingIsTheOnlyOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		op := *anyOp(t).Op()
		if rapid.Bool().Draw(t, "erased") && op.PayloadLen > 0 {
			op.Payload = nil
		}
		if rapid.Bool().Draw(t, "bare") {
			op.Sig = nil
		}
		b := AppendOp(nil, &op, false)
		f, err := ParseOp(b)
		if err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
		got := f.Complete(AuthRef{})
		if again := AppendOp(nil, &got, false); !bytes.Equal(again, b) {
			t.Fatalf("read and written again it differs:\n%x\n%x", b, again)
		}
		full := op.Header.Append(nil)
		h, err := ParseHeader(full)
		if err != nil || !bytes.Equal(h.Append(nil), full) {
			t.Fatalf("header does not come back: %v", err)
		}
		s := Segment{Ops: []Op{op}}
		sb, err := s.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		seg, err := ParseSegment(sb)
		if err != nil {
			t.Fatal(err)
		}
		if again := mustAppend(t, seg); !bytes.Equal(again, sb) {
			t.Fatalf("segment does not come back:\n%x\n%x", sb, again)
		}
	})
}

func mustAppend(t interface{ Fatal(...any) }, s *Segment) []byte {
	b, err := s.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOracle04_NonCanonicalBytesAreRefused(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	w.write(20)
	op := w.write(20).Op()
	b := AppendOp(nil, op, false)
	seq := 3 + 8 + 16 // where the seq's uvarint stands
	padded := append(append(append([]byte{}, b[:seq]...), b[seq]|0x80, 0), b[seq+1:]...)
	cases := map[string][]byte{
		"trailing byte":       append(append([]byte{}, b...), 0),
		"missing byte":        b[:len(b)-1],
		"empty":               nil,
		"uvarint not minimal": padded,
		"unknown flag":        append([]byte{b[0] | 8}, b[1:]...),
		"unknown mode":        append([]byte{b[0], b[1] | 0x80}, b[2:]...),
		"heads and same auth": append([]byte{b[0], b[1] | modeHeads | modeSameAuth}, b[2:]...),
	}
	for name, bad := range cases {
		if _, err := ParseOp(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want it refused as malformed", name, err)
		}
	}
	if _, err := ParseOp(append([]byte{b[0] &^ flagSealed}, b[1:]...)); err == nil {
		t.Error("sealed content without its flag was read")
	}
	newer := append([]byte{2<<4 | flagSealed}, b[1:]...)
	if _, err := ParseOp(newer); !errors.Is(err, ErrVersion) {
		t.Errorf("a newer version: %v, want ErrVersion", err)
	}
	huge := append([]byte{}, b[:len(b)-20-64-2]...)
	if _, err := ParseOp(huge); err == nil {
		t.Error("half an op was read")
	}
}

func TestOracle04_LongLengthsAreRefusedBeforeAllocation(t *testing.T) {
	h := Header{Type: TypeMerge, Deps: nil}
	b := h.AppendSansPayload(nil)
	b = binary.AppendUvarint(b, 1<<40)
	if _, err := ParseHeader(append(b, make([]byte, 32)...)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a payload of a terabyte: %v, want ErrTooLarge", err)
	}
	deps := (&Header{Type: TypeMerge}).AppendSansPayload(nil)
	deps = binary.AppendUvarint(deps[:len(deps)-1], 1<<50)
	if _, err := ParseHeader(deps); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a million dependencies: %v, want ErrTooLarge", err)
	}
}

func TestOracle05_AnyFlippedBitIsRejected(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	w.write(40)
	op := w.write(40).Op()
	good := AppendOp(nil, op, false)
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			f, err := ParseOp(bad)
			if err != nil {
				continue
			}
			if _, err := VerifyOp(w.ws, w.pub(), f.Complete(op.Auth)); err == nil {
				t.Fatalf("bit %d of byte %d flipped, and it still verifies", bit, i)
			}
		}
	}
}

func TestOracle06_AnOpIsGoodInItsOwnPlaceOnly(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	op := *w.write(40).Op()
	if _, err := VerifyOp(w.ws, w.pub(), op); err != nil {
		t.Fatal(err)
	}
	other := w.ws
	other[0]++
	if _, err := VerifyOp(other, w.pub(), op); err == nil {
		t.Error("it verifies in another workspace")
	}
	typed := op
	typed.Type = 0x52
	if _, err := VerifyOp(w.ws, w.pub(), typed); err == nil {
		t.Error("it verifies as another type")
	}
	scope := w.scope
	scope[0]++
	if _, ok := ClassOfLog(w.ws, scope, w.pub(), op.Log); ok {
		t.Error("its log is recognised in another channel")
	}
	if c, ok := ClassOfLog(w.ws, w.scope, w.pub(), op.Log); !ok || c != ClassContent {
		t.Error("its log is not recognised in its own channel")
	}
	if _, err := VerifyOp(w.ws, newWriter(t, "bram", ClassContent).pub(), op); err == nil {
		t.Error("it verifies as somebody else's")
	}
}

func TestOracle07_CatchUpBytesOfAMessage(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	ops := w.run(64) // payload of a 100-character message: salt 16, padded 128, tag 16
	for i := range ops[:63] {
		ops[i].Sig = nil
	}
	if per := float64(len(mustSegment(t, Segment{Ops: ops}))) / 64; per > 190 {
		t.Errorf("%.1f B a message in a batch of 64, the budget is 190", per)
	}
	live := *w.write(160).Op()
	if n := len(AppendOp(nil, &live, true)); n > 320 {
		t.Errorf("%d B live, more than leaves room for 40 B of framing in 360", n)
	}
	stub := live
	stub.Payload, stub.Sig = nil, nil
	if n := len(AppendOp(nil, &stub, true)); n > 120 {
		t.Errorf("%d B as an erased stub, the budget is 120", n)
	}
}

func TestLiveOpsCanLeaveTheirRightsToTheOpBefore(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	first, second := w.write(30).Op(), w.write(30).Op()
	f, err := ParseOp(AppendOp(nil, second, true))
	if err != nil || !f.NeedsPrev() {
		t.Fatalf("%v, needs prev %v", err, f.NeedsPrev())
	}
	if _, err := VerifyOp(w.ws, w.pub(), f.Complete(first.Auth)); err != nil {
		t.Errorf("completed from the op before it does not verify: %v", err)
	}
	if _, err := VerifyOp(w.ws, w.pub(), f.Complete(AuthRef{1})); err == nil {
		t.Error("completed with other rights it verifies")
	}
}

func TestKeysThatFitManyMessagesAreRefused(t *testing.T) {
	if err := CheckSignKey(newWriter(t, "ada", ClassContent).pub()); err != nil {
		t.Fatal(err)
	}
	identity := make(ed25519.PublicKey, 32)
	identity[0] = 1
	notCanonical := bytes.Repeat([]byte{0xff}, 32) // y = 2^255-1, above the field's prime
	notCanonical[31] = 0x7f
	for name, key := range map[string]ed25519.PublicKey{
		"small order": identity, "not canonical": notCanonical, "zero": make([]byte, 32), "short": {1, 2},
	} {
		if err := CheckSignKey(key); err == nil {
			t.Errorf("a key that is %s is accepted", name)
		}
	}
}

func FuzzOps(f *testing.F) {
	w := newWriter(f, "ada", ClassContent)
	ops := w.run(3)
	f.Add(AppendOp(nil, &ops[1], false))
	f.Add(AppendOp(nil, &ops[1], true))
	f.Add(mustSegment(f, Segment{Ops: ops[:2], Tail: bare(ops[2:])}))
	f.Add(ops[2].Header.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if live, err := ParseOp(b); err == nil {
			op := live.Complete(AuthRef{})
			if again := AppendOp(nil, &op, live.NeedsPrev()); !bytes.Equal(again, b) {
				t.Errorf("an op that was read is written otherwise:\n%x\n%x", b, again)
			}
		}
		if seg, err := ParseSegment(b); err == nil {
			if again := mustAppend(t, seg); !bytes.Equal(again, b) {
				t.Errorf("a segment that was read is written otherwise:\n%x\n%x", b, again)
			}
		}
		if h, err := ParseHeader(b); err == nil && !bytes.Equal(h.Append(nil), b) {
			t.Errorf("a header that was read is written otherwise: %x", b)
		}
		if p, err := ParseForkProof(b); err == nil && !bytes.Equal(p.Append(nil), b) {
			t.Errorf("a fork proof that was read is written otherwise: %x", b)
		}
	})
}

// bare strips ops to the headers of a tail.
func bare(ops []Op) []Op {
	out := make([]Op, len(ops))
	for i, op := range ops {
		out[i] = op
		out[i].Payload, out[i].Heads = nil, nil
	}
	return out
}
