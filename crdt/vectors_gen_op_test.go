package crdt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"slices"
)

// op adds an op that is read and, with a key, verified.
func (g *generator) op(name, about string, op Op, w *writer) {
	in := obj{"bytes": hx(AppendOp(nil, &op, false))}
	if w != nil {
		in["workspace"], in["sign_key"] = w.ws.String(), hx(w.pub())
	}
	want := cargoFields(headerFields(&op.Header), &op)
	want["same_auth"] = false
	g.add("op_"+name, "op", about, in, want)
}

func (g *generator) ops() {
	w := g.ada()
	first := w.op(TypeContent, "first, sealed", nil, someIDs("head", 2)...)
	second := w.op(TypeContent, "second, sealed", nil)
	g.op("first_with_heads", "the heads travel beside it", first, w)
	g.op("second", "", second, w)
	stub := second
	stub.Payload = nil
	g.op("erased_stub", "the header stays, with the payload's hash, and still verifies", stub, w)
	bare := second
	bare.Sig = nil
	g.op("without_a_signature", "it is read, and waits for one that covers it", bare, nil)
	g.op("empty_payload", "it counts as present", w.op(TypeRedact, "", nil), w)
	g.op("of_an_unknown_type", "stored and forwarded all the same", w.op(0x77, "?", nil), w)
	heads := someIDs("head", MaxHeads)
	g.op("sixty_four_heads", "as many as there may be", w.op(TypeRedact, "h", nil, heads...), w)
	access := newWriter(g.t, "ada", ClassAccess)
	access.op(TypeMerge, "m", nil)
	g.op("access_with_dependencies", "", access.op(TypeMerge, "m", func(h *Header) { h.Deps = someIDs("dep", 2) }), access)

	in := obj{"bytes": hx(AppendOp(nil, &second, true)), "prev_auth": second.Auth.String(),
		"workspace": w.ws.String(), "sign_key": hx(w.pub())}
	want := cargoFields(headerFields(&second.Header), &second)
	want["same_auth"] = true
	g.add("op_same_auth", "op", "auth is that of the op before", in, want)
	other := obj{"bytes": in["bytes"], "prev_auth": hx(seeded("another auth", 32)), "workspace": in["workspace"], "sign_key": in["sign_key"]}
	g.add("op_same_auth_from_another_op", "op", "completed with an auth that was not signed", other, fails("not-authentic"))

	m := mixedKey(g.t)
	odd := m.op(true)
	keyed := obj{"bytes": hx(AppendOp(nil, &odd, false)), "workspace": w.ws.String(), "sign_key": hx(m.pub())}
	want = cargoFields(headerFields(&odd.Header), &odd)
	want["same_auth"] = false
	g.add("op_signed_by_a_key_with_a_torsion_part", "op", "every verifier takes it: k is a multiple of 8", keyed, want)
}

func (g *generator) badOp(name, class, about string, b []byte) {
	g.add("op_"+name, "op", about, obj{"bytes": hx(b)}, fails(class))
}

func (g *generator) badOps() {
	w := g.ada()
	first := w.op(TypeRedact, "payload", nil, someIDs("head", 2)...)
	second := w.op(TypeRedact, "payload", nil)
	good, top := AppendOp(nil, &second, false), AppendOp(nil, &first, false)
	bad := func(name, class, about string, b []byte) { g.badOp(name, class, about, b) }
	bad("empty", "malformed", "no bytes at all", nil)
	bad("cut_short", "malformed", "the last byte of the payload is missing", good[:len(good)-1])
	bad("trailing_byte", "malformed", "", append(bytes.Clone(good), 0))
	bad("version_2", "version", "", splice(good, 0, 1, 0x20))
	bad("unknown_flag", "malformed", "", splice(good, 0, 1, 0x18))
	bad("unknown_mode", "malformed", "mode bit 4", splice(good, 1, 1, good[1]|0x10))
	bad("byte_order_of_fields", "malformed", "type before mode", splice(good, 1, 2, good[2], good[1]))
	bad("same_auth_and_heads", "malformed", "mode bits 2 and 3", splice(good, 1, 1, good[1]|modeSameAuth|modeHeads))
	bad("same_auth_at_seq_0", "malformed", "there is no op before",
		splice(splice(unheaded(first), 3+8+16+1+8, 32), 1, 1, modePayload|modeSig|modeSameAuth))
	const auth = 3 + 8 + 16 + 1 + 32 + 8 // where auth stands at seq 1
	const length = auth + 32
	bad("empty_payload_by_its_hash", "malformed", "a payload of length 0 counts as present",
		slices.Concat(splice(good[:length], 1, 1, modeSig), []byte{0}, emptyHash(), second.Sig[:]))
	bad("payload_over_the_limit", "too-large", "65,537 bytes are announced", splice(good, length, 1, binary.AppendUvarint(nil, MaxPayload+1)...))
	bad("payload_longer_than_the_bytes", "malformed", "65,536 bytes are announced", splice(good, length, 1, binary.AppendUvarint(nil, MaxPayload)...))
	count := len(top) - len(first.Payload) - 64 - 1 // of the heads
	bad("heads_none", "malformed", "a list of heads has at least one", splice(top, count, 65, 0))
	bad("heads_that_auth_does_not_name", "malformed", "one bit of a head is changed", splice(top, count+1, 1, top[count+1]^1))
	bad("heads_not_sorted", "malformed", "", splice(top, count+1, 64, slices.Concat(first.Heads[1][:], first.Heads[0][:])...))
	bad("heads_twice", "malformed", "the digest of the set would fit", splice(top, count, 65,
		slices.Concat([]byte{3}, first.Heads[0][:], first.Heads[1][:], first.Heads[1][:])...))
	bad("sixty_five_heads", "too-large", "", splice(top, count, 1, 65))
	bad("heads_that_are_not_there", "malformed", "the count says 64", splice(top, count, 1, 64))
	bad("signature_cut_out", "malformed", "the mode says there is one", splice(good, length+1, 64))
}

// unheaded is the frame of an op without its heads.
func unheaded(op Op) []byte {
	op.Heads = nil
	return AppendOp(nil, &op, false)
}

func emptyHash() []byte {
	h := HashPayload(nil)
	return h[:]
}

func (g *generator) unverifiableOps() {
	w := g.ada()
	w.op(TypeRedact, "one", nil)
	op := w.op(TypeRedact, "two", nil)
	bad := func(name, about string, key ed25519.PublicKey, ws WorkspaceID, op Op) {
		g.add("op_"+name, "op", about, obj{"bytes": hx(AppendOp(nil, &op, false)), "workspace": ws.String(), "sign_key": hx(key)},
			fails("not-authentic"))
	}
	mine := func(name, about string, edit func(*Op)) {
		spoiled := op
		edit(&spoiled)
		bad(name, about, w.pub(), w.ws, spoiled)
	}
	bad("of_another_workspace", "the workspace is part of what is signed", w.pub(), WorkspaceID(seeded("another", 32)), op)
	bad("of_another_device", "the key is not the one that the device ref names", newWriter(g.t, "bram", ClassContent).pub(), w.ws, op)
	mine("signed_by_nobody", "", func(o *Op) { o.Sig = nil })
	mine("as_another_type", "", func(o *Op) { o.Type = 0x52 })
	mine("moved_to_another_log", "", func(o *Op) {
		o.Log = NewLogID(w.ws, ScopeID(seeded("another scope", 32)), w.pub(), ClassContent, 7)
	})
	mine("at_another_seq", "", func(o *Op) { o.Seq++ })
	mine("after_another_op", "", func(o *Op) { o.Prev[31] ^= 1 })
	mine("at_another_time", "", func(o *Op) { o.HLC++ })
	mine("with_other_rights", "", func(o *Op) { o.Auth[0] ^= 1 })
	mine("with_another_payload", "", func(o *Op) {
		o.Payload = []byte("too")
		o.PayloadHash = HashPayload(o.Payload)
	})
	mine("with_fields_in_another_order", "auth stands before prev", func(o *Op) { o.Prev, o.Auth = OpID(o.Auth), AuthRef(o.Prev) })
	resign := func(name, about string, message []byte) {
		mine(name, about, func(o *Op) {
			sig := Signature(ed25519.Sign(w.key, message))
			o.Sig = &sig
		})
	}
	full := op.Header.Append(nil)
	resign("signed_without_its_domain", "the label is missing", slices.Concat(w.ws[:], full))
	resign("signed_without_its_workspace", "", slices.Concat([]byte("hallway/op/v1"), full))
	resign("signed_without_its_payload_hash", "only the header sans payload is signed", op.Header.AppendSansPayload(signedPrefix(w)))
	mine("signature_with_a_bit_changed", "", func(o *Op) {
		sig := *o.Sig
		sig[40] ^= 1
		o.Sig = &sig
	})
	mine("signature_with_s_above_the_order", "the group's order is added to S", func(o *Op) {
		sig := plusOrder(g.t, *o.Sig)
		o.Sig = &sig
	})
	mine("signature_with_r_not_canonical", "R is the identity, its y written as p + 1", func(o *Op) {
		r := bytes.Repeat([]byte{0xff}, 32)
		r[0], r[31] = 0xee, 0x7f
		sig := identityR(g.t, w.key.Seed(), signed(w.ws, &o.Header), r)
		o.Sig = &sig
	})
	m := mixedKey(g.t)
	bad("signature_for_cofactored_verifiers_only", "the key has a torsion part and k is no multiple of 8", m.pub(), w.ws, m.op(false))
	// The same signature with R written as it must be is good: it is the writing alone that the vector above is about.
	r := make([]byte, 32)
	r[0] = 1
	fine := op
	sig := identityR(g.t, w.key.Seed(), signed(w.ws, &op.Header), r)
	fine.Sig = &sig
	g.op("signature_with_r_the_identity", "odd, and good", fine, w)
}

func signedPrefix(w *writer) []byte { return slices.Concat([]byte("hallway/op/v1"), w.ws[:]) }
