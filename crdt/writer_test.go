package crdt

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAClockNeverReadsLessThanWhatItSaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		last, other := HLC(rapid.Uint64().Draw(t, "last")), HLC(rapid.Uint64().Draw(t, "answered"))
		now := time.UnixMilli(rapid.Int64Range(-1<<50, 1<<50).Draw(t, "now"))
		got := last.Next(now, other)
		seen := max(last, other)
		if got < seen || got == seen && seen != math.MaxUint64 {
			t.Fatalf("after %x and %x it reads %x", last, other, got)
		}
		if at := HLCAt(now); at > seen && got != at {
			t.Fatalf("now is later than all, and it reads %x, not %x", got, at)
		}
	})
	if got := HLC(7<<16 | 0xffff).Next(time.UnixMilli(7)); got != 8<<16 {
		t.Errorf("a full counter goes on as %x, want the next millisecond", got)
	}
	if HLCAt(time.UnixMilli(-5)) != 0 || HLCAt(time.UnixMilli(1<<48)) != HLC(1<<48-1)<<16 {
		t.Error("a time before 1970, or past 48 bits, is not clamped")
	}
}

func TestWhatCannotBeReadIsNotSigned(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	good := func() Header { return w.tip.Next(TypeContent, w.now, EpochID{1}, AuthRef{1}, nil) }
	sign := func(name string, want error, h Header, payload []byte, heads []OpID) {
		t.Helper()
		if _, err := Sign(w.ws, w.key, h, payload, heads); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	sign("a good op", nil, good(), nil, nil)
	sign("a payload over the limit", ErrTooLarge, good(), make([]byte, MaxPayload+1), nil)
	many := someIDs("head", MaxHeads+1)
	h := good()
	h.Auth = HeadsDigest(many)
	sign("65 heads", ErrTooLarge, h, nil, many)
	sign("heads of another digest", ErrMalformed, good(), nil, many[:2])
	h = good()
	h.Deps = many[:1]
	sign("content with a dependency", ErrMalformed, h, nil, nil)
	h = good()
	h.Epoch = EpochID{}
	sign("content in the clear", ErrMalformed, h, nil, nil)
	h = good()
	h.Device[0]++
	sign("another device's op", ErrNotAuthentic, h, nil, nil)
}

func TestTheFirstOpOfALogKeepsItsAuth(t *testing.T) {
	op := newWriter(t, "ada", ClassContent).write(5).Op()
	f, err := ParseOp(AppendOp(nil, op, true))
	if err != nil || f.NeedsPrev() {
		t.Errorf("%v; needs the auth of an op before: %v", err, f.NeedsPrev())
	}
}

func TestASharedSignatureIsKeptOnlyWhereItWasChecked(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	ops := w.run(3)
	ops[0].Sig, ops[1].Sig = ops[2].Sig, ops[2].Sig
	got, err := VerifyChain(w.ws, w.pub(), Chain{Ops: ops})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got.Ops {
		if kept := v.Op().Sig != nil; kept != (i == 2) {
			t.Errorf("op %d: a signature is kept: %v", i, kept)
		}
	}
}

func TestASegmentThatNobodyCouldReadIsNotWritten(t *testing.T) {
	w := newWriter(t, "ada", ClassContent)
	ops := w.run(70)
	spoiled := func(edit func(*Op)) []Op {
		out := unsigned(ops[:3], 2)
		edit(&out[1])
		return out
	}
	for name, c := range map[string]struct {
		s    Segment
		want error
	}{
		"no ops":                    {Segment{}, ErrMalformed},
		"65 ops":                    {Segment{Ops: ops[:65]}, ErrTooLarge},
		"a tail of 64":              {Segment{Ops: ops[:1], Tail: bare(ops[1:65])}, ErrTooLarge},
		"a payload in the tail":     {Segment{Ops: ops[:1], Tail: ops[1:2]}, ErrMalformed},
		"a tail without signature":  {Segment{Ops: ops[:1], Tail: unsigned(bare(ops[1:2]))}, ErrMalformed},
		"a gap":                     {Segment{Ops: []Op{ops[0], ops[2]}}, ErrMalformed},
		"another payload":           {Segment{Ops: spoiled(func(o *Op) { o.Payload = []byte("x") })}, ErrMalformed},
		"heads of another digest":   {Segment{Ops: spoiled(func(o *Op) { o.Heads = []OpID{{8}} })}, ErrMalformed},
		"heads that are not sorted": {Segment{Ops: spoiled(func(o *Op) { o.Heads = []OpID{{1}, {1}} })}, ErrMalformed},
	} {
		if _, err := c.s.Append(nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	// Of a tail only the proof is written, whatever the ops at hand still carry.
	tail := bare(ops[1:4])
	tail[0].Heads = []OpID{{1}}
	s, err := ParseSegment(mustSegment(t, Segment{Ops: unsigned(ops[:1]), Tail: tail}))
	if err != nil {
		t.Fatal(err)
	}
	if s.Tail[0].Sig != nil || s.Tail[0].Heads != nil || s.Tail[2].Sig == nil {
		t.Error("a tail is written with more, or less, than the one signature over it")
	}
}
