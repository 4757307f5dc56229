package crdt

import (
	"crypto/ed25519"
	"slices"
)

// chain adds a run by its segment.
func (g *generator) chain(name, about string, w *writer, s Segment, want obj) {
	g.add("chain_"+name, "chain", about, obj{
		"workspace": w.ws.String(), "sign_key": hx(w.pub()), "segment": hx(mustSegment(g.t, s))}, want)
}

// run adds one op by op, as no segment could carry it.
func (g *generator) run(name, about string, w *writer, ops, tail []Op, want obj) {
	frames := func(ops []Op) []string {
		out := []string{}
		for i := range ops {
			out = append(out, hx(AppendOp(nil, &ops[i], false)))
		}
		return out
	}
	g.add("chain_"+name, "chain", about, obj{
		"workspace": w.ws.String(), "sign_key": hx(w.pub()), "ops": frames(ops), "tail": frames(tail)}, want)
}

// covered is an outcome: which ops are verified, which of them keep a signature, and how many were checked.
func covered(ops []Op, checked int, kept ...int) obj {
	ids, keep := []string{}, []string{}
	for i := range ops {
		ids = append(ids, ops[i].ID().String())
		if slices.Contains(kept, i) {
			keep = append(keep, ops[i].ID().String())
		}
	}
	return obj{"verified": ids, "kept": keep, "checked": checked}
}

// uncovered is the outcome where no signature covers the end.
func uncovered(part obj) obj {
	part["error"] = "uncovered"
	return part
}

func junk(ops []Op, at ...int) []Op {
	out := slices.Clone(ops)
	for _, i := range at {
		sig := Signature(seeded("junk", 64))
		out[i].Sig = &sig
	}
	return out
}

func (g *generator) chains() {
	w := g.ada()
	ops := w.several(70)
	five := ops[:5]
	g.chain("by_its_last_signature", "one signature for five ops", w, Segment{Ops: unsigned(five, 4)}, covered(five, 1, 4))
	g.chain("junk_signatures_under_a_good_one", "they are dropped unread", w, Segment{Ops: junk(five, 0, 1, 3)}, covered(five, 1, 4))
	g.chain("good_signatures_under_a_good_one", "those too: nobody looked at them", w, Segment{Ops: five}, covered(five, 1, 4))
	g.chain("by_its_tail", "the signature on the tail's last header covers the ops", w,
		Segment{Ops: unsigned(five), Tail: unsigned(bare(ops[5:8]), 2)}, covered(five, 1))
	g.chain("junk_before_a_tail", "what the ops carry is dropped unread", w,
		Segment{Ops: junk(five, 4), Tail: unsigned(bare(ops[5:6]), 0)}, covered(five, 1))
	g.chain("across_the_due_place", "seq 63 has a signature of its own, which is checked and kept", w,
		Segment{Ops: unsigned(ops[60:67], 3, 6)}, covered(ops[60:67], 2, 3, 6))
	g.chain("ending_at_the_due_place", "", w, Segment{Ops: unsigned(ops[:64], 63)}, covered(ops[:64], 1, 63))
	g.chain("due_place_and_a_tail", "", w, Segment{Ops: unsigned(ops[62:65], 1), Tail: unsigned(bare(ops[65:67]), 1)},
		covered(ops[62:65], 2, 1))
	g.chain("uncovered_at_its_end", "what comes after the last signature waits", w, Segment{Ops: unsigned(five, 2)},
		uncovered(covered(five[:3], 1, 2)))
	g.chain("uncovered", "no signature at all", w, Segment{Ops: unsigned(five)}, uncovered(covered(nil, 0)))

	next := func(name, about string, ops []Op, next OpID, want obj) {
		g.chain(name, about, w, Segment{Ops: ops}, want)
		g.out["chain_"+name].Input["next"] = next.String()
	}
	next("before_an_op_that_is_held", "it needs no signature", unsigned(five), ops[5].Prev, covered(five, 0))
	next("before_an_op_that_is_held_with_junk_at_its_end", "dropped unread: it is covered without", junk(five, 4), ops[5].Prev, covered(five, 0))
	next("before_an_op_that_is_held_across_the_due_place", "seq 63 is checked all the same", unsigned(ops[60:67], 3), ops[67].Prev,
		covered(ops[60:67], 1, 3))
	next("before_an_op_that_follows_another", "the op that is held does not follow this run", unsigned(five), ops[6].Prev, uncovered(covered(nil, 0)))
}

func (g *generator) badChains() {
	w := g.ada()
	ops := w.several(70)
	five := ops[:5]
	forged := fails("not-authentic")
	g.chain("with_a_forged_last_signature", "refused whole, though the one before is good", w, Segment{Ops: junk(five, 4)}, forged)
	g.chain("with_a_forged_tail", "", w, Segment{Ops: five, Tail: junk(unsigned(bare(ops[5:7])), 1)}, forged)
	g.chain("without_its_due_signature", "seq 63 lacks its own", w, Segment{Ops: unsigned(ops[60:67], 6)}, forged)
	g.chain("with_a_forged_due_signature", "seq 63 has a wrong one", w, Segment{Ops: junk(unsigned(ops[60:67], 6), 3)}, forged)
	g.chain("without_its_due_signature_past_the_last", "refused whole, not only past seq 61", w, Segment{Ops: unsigned(ops[60:67], 1)}, forged)
	g.chain("whose_tail_runs_past_the_due_place", "seq 63 has a signature, so the tail ends there", w,
		Segment{Ops: unsigned(ops[60:61]), Tail: unsigned(bare(ops[61:66]), 4)}, forged)
	g.chain("before_an_op_that_is_held_without_its_due_signature", "", w, Segment{Ops: unsigned(ops[60:67])}, forged)
	g.out["chain_before_an_op_that_is_held_without_its_due_signature"].Input["next"] = ops[67].Prev.String()

	g.chain("of_another_workspace", "", w, Segment{Ops: five}, forged)
	g.out["chain_of_another_workspace"].Input["workspace"] = hx(seeded("another", 32))
	g.chain("of_another_device", "", w, Segment{Ops: five}, forged)
	g.out["chain_of_another_device"].Input["sign_key"] = hx(newWriter(g.t, "bram", ClassContent).pub())
	g.chain("of_another_device_before_an_op_that_is_held", "no signature is needed, the right key is", w, Segment{Ops: unsigned(five)}, forged)
	g.out["chain_of_another_device_before_an_op_that_is_held"].Input["sign_key"] = hx(newWriter(g.t, "bram", ClassContent).pub())
	g.out["chain_of_another_device_before_an_op_that_is_held"].Input["next"] = ops[5].Prev.String()

	malformed := fails("malformed")
	g.run("of_nothing", "", w, nil, nil, malformed)
	g.run("of_a_tail_alone", "a proof of nothing", w, nil, bare(five[:1]), malformed)
	g.run("with_a_gap", "seq 2 is missing", w, slices.Concat(five[:2], five[3:]), nil, malformed)
	g.run("in_the_wrong_order", "", w, []Op{five[0], five[2], five[1]}, nil, malformed)
	g.run("with_an_op_twice", "", w, []Op{five[0], five[1], five[1]}, nil, malformed)
	g.run("with_a_gap_before_its_tail", "", w, five[:3], bare(ops[4:5]), malformed)
	g.run("of_two_logs", "the second op is signed, but in another log", w, []Op{five[0], g.strayed(func(h *Header) { h.Log[15] ^= 1 })}, nil, malformed)
	g.run("whose_clock_goes_back", "signed, and malformed all the same", w, []Op{five[0], g.strayed(func(h *Header) { h.HLC = five[0].HLC - 1 })}, nil, malformed)
	g.run("whose_prev_is_another_op", "", w, []Op{five[0], g.strayed(func(h *Header) { h.Prev[0] ^= 1 })}, nil, malformed)
	g.run("whose_seq_jumps", "prev is right and seq is not", w, []Op{five[0], g.strayed(func(h *Header) { h.Seq = 2 })}, nil, malformed)
	g.run("op_by_op", "the same as by segment", w, unsigned(five, 4), nil, covered(five, 1, 4))
}

// strayed is the second op of ada's log, signed by her, but for what edit did.
func (g *generator) strayed(edit func(*Header)) Op {
	w := g.ada()
	w.several(1)
	return w.op(TypeRedact, "b", edit)
}

// forked is two branches that ada wrote after the same three ops.
func (g *generator) forked() (w *writer, a, b []Op) {
	w = g.ada()
	w.several(3)
	at, now := w.tip, w.now
	a = w.several(3)
	w.tip, w.now = at, now
	return w, a, []Op{w.op(TypeRedact, "z", nil), w.op(TypeRedact, "y", nil)}
}

func branchOf(ops []Op) Branch {
	br := Branch{Sig: *ops[len(ops)-1].Sig}
	for i := range ops {
		br.Headers = append(br.Headers, ops[i].Header)
	}
	return br
}

func (g *generator) fork(name, about string, w *writer, p ForkProof, want obj) {
	g.add("forkproof_"+name, "forkproof", about, obj{
		"workspace": w.ws.String(), "sign_key": hx(w.pub()), "bytes": hx(p.Append(nil))}, want)
}

func (g *generator) forks() {
	w, a, b := g.forked()
	holds := func(name, about string, p ForkProof) {
		first := []OpID{p.Branches[0].Headers[0].ID(), p.Branches[1].Headers[0].ID()}
		g.fork(name, about, w, p, obj{"log": w.tip.Log.String(), "seq": p.Branches[0].Headers[0].Seq, "first": hexIDs(first)})
	}
	holds("of_two_headers", "", NewForkProof(branchOf(a[:1]), branchOf(b[:1])))
	holds("with_headers_up_to_a_signature", "three headers and two", NewForkProof(branchOf(a), branchOf(b)))
	holds("past_the_place_of_the_fork", "seq 4 of both: their prevs differ", NewForkProof(branchOf(a[1:2]), branchOf(b[1:2])))
	x := g.ada()
	long := x.several(64)
	y := g.ada()
	other := []Op{y.op(TypeRedact, "z", nil)}
	holds("of_sixty_four_headers", "as many as there may be", NewForkProof(branchOf(long), branchOf(other)))
}

func (g *generator) badForks() {
	w, a, b := g.forked()
	good := func() ForkProof { return NewForkProof(branchOf(a), branchOf(b)) }
	bad := func(name, class, about string, p ForkProof) { g.fork(name, about, w, p, fails(class)) }
	p := good()
	bad("in_the_other_order", "malformed", "the lower id comes first", ForkProof{Branches: [2]Branch{p.Branches[1], p.Branches[0]}})
	bad("of_one_branch_twice", "malformed", "no fork", NewForkProof(branchOf(a), branchOf(a)))
	bad("of_one_branch_cut_twice", "malformed", "the first op is the same", NewForkProof(branchOf(a), branchOf(a[:1])))
	bad("at_two_places", "malformed", "seq 3 and seq 4", NewForkProof(branchOf(a[:1]), branchOf(b[1:])))
	for i := range 2 {
		p = good()
		p.Branches[i].Sig[5] ^= 1
		bad([]string{"with_a_forged_first_branch", "with_a_forged_second_branch"}[i], "not-authentic", "", p)
	}
	gap := branchOf([]Op{a[0], a[2]})
	bad("with_a_gap_in_a_branch", "malformed", "", NewForkProof(gap, branchOf(b)))
	elsewhere := g.ada()
	elsewhere.tip.Log[15] ^= 1
	elsewhere.several(3)
	bad("in_two_logs", "malformed", "", NewForkProof(branchOf(a), branchOf(elsewhere.several(1))))
	bad("with_another_workspace", "not-authentic", "", good())
	g.out["forkproof_with_another_workspace"].Input["workspace"] = hx(seeded("another", 32))
	bad("by_another_device", "not-authentic", "", good())
	g.out["forkproof_by_another_device"].Input["sign_key"] = hx(newWriter(g.t, "bram", ClassContent).pub())

	back := g.ada()
	back.several(3)
	clock := []Op{back.op(TypeRedact, "u", nil), back.op(TypeRedact, "v", func(h *Header) { h.HLC = 1 })}
	bad("with_a_clock_that_goes_back", "malformed", "", NewForkProof(branchOf(clock), branchOf(b)))
	p = good()
	whole := p.Append(nil)
	raw := func(name, class, about string, b []byte) {
		g.add("forkproof_"+name, "forkproof", about, obj{"workspace": w.ws.String(), "sign_key": hx(w.pub()), "bytes": hx(b)}, fails(class))
	}
	raw("of_no_headers", "malformed", "", append([]byte{0}, make([]byte, ed25519.SignatureSize)...))
	raw("of_sixty_five_headers", "too-large", "", splice(whole, 0, 1, 65))
	raw("with_a_trailing_byte", "malformed", "", append(whole, 0))
	raw("of_one_branch", "malformed", "", branchBytes(p.Branches[0]))
}

func branchBytes(br Branch) []byte {
	p := ForkProof{Branches: [2]Branch{br, br}}
	b := p.Append(nil)
	return b[:len(b)/2]
}
