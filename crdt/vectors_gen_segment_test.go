package crdt

import (
	"bytes"
	"encoding/binary"
	"slices"
)

func (g *generator) segment(name, about string, s Segment) {
	g.add("segment_"+name, "segment", about, obj{"bytes": hx(mustSegment(g.t, s))},
		obj{"ops": segmentFields(s.Ops), "tail": segmentFields(s.Tail)})
}

func (g *generator) segments() {
	g.segment("one_op", "", Segment{Ops: g.ada().several(1)})
	g.segment("three_signed_at_the_end", "", Segment{Ops: unsigned(g.ada().several(3), 2)})
	g.segment("sixty_four_ops", "as many as there may be", Segment{Ops: unsigned(g.ada().several(64), 63)})
	w := g.ada()
	w.several(3)
	g.segment("not_from_the_start", "seq 3, with prev", Segment{Ops: unsigned(w.several(2), 1)})
	ops := g.ada().several(67)
	g.segment("with_a_tail", "two headers prove the op before them", Segment{Ops: unsigned(ops[64:65]), Tail: unsigned(bare(ops[65:]), 1)})
	g.segment("with_the_longest_tail", "63 headers", Segment{Ops: unsigned(ops[:1]), Tail: unsigned(bare(ops[1:64]), 62)})

	w = g.ada()
	stub := w.several(3)
	stub[1].Payload = nil
	g.segment("with_an_erased_stub", "", Segment{Ops: unsigned(stub, 2)})
	w = g.ada()
	epoch := func(b byte) func(*Header) { return func(h *Header) { h.Epoch = EpochID{b} } }
	g.segment("epochs_in_a_table", "1 2 1: the third is named by its place", Segment{Ops: unsigned([]Op{
		w.op(TypeContent, "x", epoch(1)), w.op(TypeContent, "y", epoch(2)), w.op(TypeContent, "z", epoch(1))}, 2)})
	w = g.ada()
	heads := someIDs("head", 2)
	g.segment("auth_that_changes_and_stays", "heads travel where the digest changes", Segment{Ops: unsigned([]Op{
		w.op(TypeRedact, "x", nil, someIDs("old", 1)...), w.op(TypeRedact, "y", nil, heads...),
		w.op(TypeRedact, "z", func(h *Header) { h.Auth = HeadsDigest(heads) })}, 2)})
	w = g.ada()
	at := func(hlc HLC) func(*Header) { return func(h *Header) { h.HLC = hlc } }
	g.segment("clock_in_all_its_steps", "same reading, counter up, milliseconds up with a lower counter", Segment{Ops: unsigned([]Op{
		w.op(TypeRedact, "a", at(5<<16|9)), w.op(TypeRedact, "b", at(5<<16|9)), w.op(TypeRedact, "c", at(5<<16|0xffff)),
		w.op(TypeRedact, "d", at(6<<16|2)), w.op(TypeRedact, "e", at(^HLC(0)))}, 4)})
	access := newWriter(g.t, "ada", ClassAccess)
	g.segment("access_ops", "each has its list of dependencies", Segment{Ops: unsigned([]Op{
		access.op(TypeGenesis, "g", nil), access.op(TypeMerge, "m", func(h *Header) { h.Deps = someIDs("dep", 2) })}, 1)})
}

// byHand writes segments that Append would not.
type byHand struct {
	auth []byte
}

func (byHand) head(n, tail uint64) []byte {
	b := slices.Concat([]byte{Version << 4}, seeded("device", 8), seeded("log", 16), []byte{0})
	return binary.AppendUvarint(binary.AppendUvarint(b, n), tail)
}

// first is an op with a payload of one byte, its clock at 1,000 ms and a counter of 5.
func (h byHand) first() []byte {
	return h.rec(modePayload, 1000, 5, append(bytes.Clone(h.auth), 1, 'a'))
}

func (h byHand) next() []byte { return h.rec(modePayload|modeSameAuth, 10, 0, []byte{1, 'b'}) }

func (byHand) rec(mode byte, ms, count uint64, rest []byte) []byte {
	b := []byte{0, mode, byte(TypeRedact)}
	b = binary.AppendUvarint(binary.AppendUvarint(b, ms), count)
	return append(b, rest...)
}

func (g *generator) badSegment(name, class, about string, parts ...[]byte) {
	g.add("segment_"+name, "segment", about, obj{"bytes": hx(slices.Concat(parts...))}, fails(class))
}

func (g *generator) badSegments() {
	h := byHand{auth: seeded("auth", 32)}
	bad := g.badSegment
	if _, err := ParseSegment(slices.Concat(h.head(2, 0), h.first(), h.next())); err != nil {
		g.t.Fatalf("a segment by hand is not read, so what is wrong with the others does not show: %v", err)
	}
	bad("empty", "malformed", "no bytes at all")
	bad("no_ops", "malformed", "", h.head(0, 0))
	bad("no_ops_but_a_tail", "malformed", "", h.head(0, 1), h.tailRec(h.auth, modeSig))
	bad("sixty_five_ops", "too-large", "refused at the count", h.head(65, 0), h.first())
	bad("tail_of_sixty_four", "too-large", "refused at the count", h.head(1, 64), h.first())
	bad("ops_that_are_not_there", "malformed", "the count says 64", h.head(64, 0), h.first(), h.next())
	bad("cut_short", "malformed", "", h.head(1, 0), h.first()[:20])
	bad("trailing_byte", "malformed", "", h.head(1, 0), h.first(), []byte{0})
	bad("version_2", "version", "", splice(h.head(1, 0), 0, 1, 0x20), h.first())
	bad("flags_beside_the_version", "malformed", "each op has its own", splice(h.head(1, 0), 0, 1, 0x11), h.first())
	bad("count_longer_than_it_must_be", "malformed", "1 written as 81 00", splice(h.head(1, 0), 26, 1, 0x81, 0), h.first())
	bad("version_in_an_op", "malformed", "", h.head(1, 0), splice(h.first(), 0, 1, 0x10))
	bad("unknown_mode", "malformed", "", h.head(1, 0), splice(h.first(), 1, 1, 0x11))
	bad("same_auth_in_the_first", "malformed", "there is none before", h.head(1, 0), h.next())
	bad("auth_written_twice", "malformed", "it equals that of the op before", h.head(2, 0), h.first(), h.first())
	last := binary.AppendUvarint(nil, 1<<48)
	prev := seeded("prev", 32)
	bad("seq_that_runs_over_its_limit", "too-large", "2^48, then one more",
		splice(h.head(2, 0), 25, 1, slices.Concat(last, prev)...), h.first(), h.next())
	bad("prev_of_zeros", "malformed", "", splice(h.head(1, 0), 25, 1, slices.Concat([]byte{1}, make([]byte, 32))...), h.first())
	payload := h.rec(modePayload|modeSameAuth|modeSig, 10, 0, slices.Concat([]byte{1}, seeded("sig", 64), []byte{'b'}))
	bad("payload_in_the_tail", "malformed", "", h.head(1, 1), h.first(), payload)
	bad("tail_without_a_signature", "malformed", "", h.head(1, 1), h.first(), h.tailRec(nil, modeSameAuth))
	bad("signature_inside_the_tail", "malformed", "only the last header has one", h.head(1, 2), h.first(),
		h.tailRec(nil, modeSameAuth|modeSig), h.tailRec(nil, modeSameAuth|modeSig))
	ids := someIDs("head", 1)
	digest := HeadsDigest(ids)
	bad("heads_in_the_tail", "malformed", "", h.head(1, 1), h.first(),
		h.tailRec(digest[:], modeSig|modeHeads), []byte{1}, ids[0][:])
	bad("payload_over_the_limit", "too-large", "", h.head(1, 0),
		h.rec(modePayload, 1000, 5, binary.AppendUvarint(bytes.Clone(h.auth), MaxPayload+1)))
	g.badEpochs(h)
}

// tailRec is a header in a tail, signed where the mode says so.
func (h byHand) tailRec(auth []byte, mode byte) []byte {
	rest := slices.Concat(auth, []byte{1}, seeded("payload hash", 32))
	if mode&modeSig != 0 {
		rest = append(rest, seeded("sig", 64)...)
	}
	return h.rec(mode, 10, 0, rest)
}

func (g *generator) badEpochs(h byHand) {
	sealed := func(mode byte, place uint64, epoch, rest []byte) []byte {
		b := h.rec(mode|modePayload, 10, 0, append(binary.AppendUvarint(nil, place), slices.Concat(epoch, rest)...))
		b[0], b[2] = flagSealed, byte(TypeContent)
		return b
	}
	e, x := seeded("epoch", 16), []byte{1, 'x'}
	first := sealed(0, 0, e, append(bytes.Clone(h.auth), x...))
	bad := g.badSegment
	if _, err := ParseSegment(slices.Concat(h.head(2, 0), first, sealed(modeSameAuth, 0, nil, x))); err != nil {
		g.t.Fatal(err)
	}
	bad("epoch_written_twice", "malformed", "it has a place in the table", h.head(2, 0), first, sealed(modeSameAuth, 1, e, x))
	bad("epoch_beyond_the_table", "malformed", "place 2, where 1 is the next", h.head(2, 0), first,
		sealed(modeSameAuth, 2, seeded("other", 16), x))
	bad("epoch_of_zeros", "malformed", "", h.head(1, 0), sealed(0, 0, make([]byte, 16), append(bytes.Clone(h.auth), x...)))
	bad("epoch_place_longer_than_it_must_be", "malformed", "0 written as 80 00", h.head(2, 0), first,
		splice(sealed(modeSameAuth, 0, nil, x), 5, 1, 0x80, 0))
}

func (g *generator) badSegmentClocks() {
	h := byHand{auth: seeded("auth", 32)}
	after := func(ms, count uint64) []byte { return h.rec(modePayload|modeSameAuth, ms, count, []byte{1, 'b'}) }
	bad := func(name, about string, rec []byte) {
		g.badSegment("clock_"+name, "malformed", about, h.head(2, 0), h.first(), rec)
	}
	bad("whose_milliseconds_wrap", "2^64 - 1 more is one less", after(^uint64(0), 0))
	bad("whose_counter_wraps", "2^64 - 3 more is three less", after(0, ^uint64(2)))
	bad("over_48_bits", "2^48 - 1 more than 1,000", after(1<<48-1, 0))
	bad("with_a_counter_over_16_bits", "65,536 in a millisecond of its own", after(1, 1<<16))
	bad("with_a_counter_that_runs_over", "65,531 more than 5", after(0, 1<<16-5))
}
