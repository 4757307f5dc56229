package crdt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"
	"time"
)

// generator collects vectors under their names.
type generator struct {
	t   testing.TB
	out map[string]vector
}

func generateVectors(t testing.TB) map[string]vector {
	g := &generator{t: t, out: map[string]vector{}}
	g.headers()
	g.badHeaders()
	g.ops()
	g.badOps()
	g.unverifiableOps()
	g.segments()
	g.badSegments()
	g.badSegmentClocks()
	g.chains()
	g.badChains()
	g.forks()
	g.badForks()
	g.ids()
	g.signKeys()
	g.redactions()
	return g.out
}

func (g *generator) add(name, kind, about string, in, want obj) {
	g.t.Helper()
	if _, twice := g.out[name]; twice {
		g.t.Fatalf("two vectors are called %s", name)
	}
	g.out[name] = vector{Kind: kind, About: about, Input: in, Want: want}
}

// fails is the outcome of what must be refused.
func fails(class string) obj { return obj{"error": class} }

func hx(b []byte) string { return hex.EncodeToString(b) }

// ada is a device whose log the vectors quote; every call starts it anew.
func (g *generator) ada() *writer { return newWriter(g.t, "ada", ClassContent) }

// op signs the next op of the log with what edit makes of its header.
func (w *writer) op(typ Type, payload string, edit func(*Header), heads ...OpID) Op {
	w.t.Helper()
	w.now = w.now.Add(1500 * time.Millisecond)
	var epoch EpochID
	if typ == TypeContent {
		copy(epoch[:], seeded("epoch", 16))
	}
	h := w.tip.Next(typ, w.now, epoch, AuthRef(seeded("auth", 32)), nil)
	if len(heads) > 0 {
		h.Auth = HeadsDigest(heads)
	}
	if edit != nil {
		edit(&h)
	}
	v, err := Sign(w.ws, w.key, h, []byte(payload), heads)
	if err != nil {
		w.t.Fatal(err)
	}
	w.tip = w.tip.After(v)
	return *v.Op()
}

// several is a run of small ops that are not sealed.
func (w *writer) several(n int) []Op {
	w.t.Helper()
	ops := make([]Op, n)
	for i := range ops {
		ops[i] = w.op(TypeRedact, string(rune('a'+i%26)), nil)
	}
	return ops
}

func someIDs(label string, n int) []OpID {
	ids := make([]OpID, n)
	for i := range ids {
		copy(ids[i][:], seeded(label+string(rune('a'+i)), 32))
	}
	return SortHeads(ids)
}

// unsigned strips the signatures of all ops but those at keep.
func unsigned(ops []Op, keep ...int) []Op {
	out := slices.Clone(ops)
	for i := range out {
		if !slices.Contains(keep, i) {
			out[i].Sig = nil
		}
	}
	return out
}

func (g *generator) header(name, about string, h Header) {
	g.add("header_"+name, "header", about, obj{"bytes": hx(h.Append(nil))}, headerFields(&h))
}

// plain is a header of a type with everything else filled in.
func plain(typ Type, seq uint64) Header {
	h := Header{Type: typ, Seq: seq, HLC: 0x01a0c0ffee120007, PayloadLen: 300}
	copy(h.Device[:], seeded("device", 8))
	copy(h.Log[:], seeded("log", 16))
	copy(h.Auth[:], seeded("auth", 32))
	copy(h.PayloadHash[:], seeded("payload hash", 32))
	if seq > 0 {
		copy(h.Prev[:], seeded("prev", 32))
	}
	if typ.Sealed() {
		copy(h.Epoch[:], seeded("epoch", 16))
	}
	return h
}

func (g *generator) headers() {
	g.header("first_of_a_log", "seq 0 and no prev", plain(TypeContent, 0))
	g.header("second_of_a_log", "seq 1, with prev", plain(TypeContent, 1))
	g.header("seq_of_two_bytes", "seq 300", plain(TypeContent, 300))
	g.header("seq_at_the_limit", "seq 2^48", plain(TypeContent, 1<<48))
	g.header("access_without_dependencies", "an access op has the list even where it is empty", plain(TypeGenesis, 0))
	h := plain(TypeGrant, 5)
	h.Deps = someIDs("dep", MaxDeps)
	g.header("access_with_eight_dependencies", "as many as there may be", h)
	g.header("access_of_an_unknown_type", "0x3f has no meaning yet; its class follows from its number", plain(0x3f, 2))
	g.header("key_op", "an epoch mint is in the clear", plain(TypeEpochMint, 2))
	g.header("redact", "content that is in the clear", plain(TypeRedact, 2))
	g.header("unknown_type_without_epoch", "0x77 may have an epoch or none", plain(0x77, 2))
	h = plain(0x77, 2)
	copy(h.Epoch[:], seeded("epoch", 16))
	g.header("unknown_type_with_epoch", "0x77 may have an epoch or none", h)
	h = plain(TypeContent, 2)
	h.PayloadLen, h.HLC = MaxPayload, ^HLC(0)
	g.header("payload_and_clock_at_their_limits", "65,536 bytes, and the last reading there is", h)
}

func (g *generator) badHeader(name, class, about string, b []byte) {
	g.add("header_"+name, "header", about, obj{"bytes": hx(b)}, fails(class))
}

// where the fields of plain(typ, 1..127) stand in the full header
const (
	atSeq   = 2 + 8 + 16
	atPrev  = atSeq + 1
	atHLC   = atPrev + 32
	atEpoch = atHLC + 8
)

// splice replaces n bytes at i.
func splice(b []byte, i, n int, with ...byte) []byte {
	return slices.Concat(b[:i], with, b[i+n:])
}

func (g *generator) badHeaders() {
	h := plain(TypeContent, 1)
	good := h.Append(nil)
	bad := func(name, class, about string, b []byte) { g.badHeader(name, class, about, b) }
	bad("empty", "malformed", "no bytes at all", nil)
	bad("cut_short", "malformed", "the last byte is missing", good[:len(good)-1])
	bad("trailing_byte", "malformed", "a byte after the payload hash", append(bytes.Clone(good), 0))
	bad("version_0", "version", "", splice(good, 0, 1, flagSealed))
	bad("version_2", "version", "", splice(good, 0, 1, 2<<4|flagSealed))
	bad("unknown_flag_bit_2", "malformed", "", splice(good, 0, 1, good[0]|4))
	bad("unknown_flag_bit_3", "malformed", "", splice(good, 0, 1, good[0]|8))
	bad("type_zero", "malformed", "", splice(good, 1, 1, 0))
	bad("seq_longer_than_it_must_be", "malformed", "1 written as 81 00", splice(good, atSeq, 1, 0x81, 0))
	bad("seq_over_the_limit", "too-large", "2^48 + 1", splice(good, atSeq, 1, binary.AppendUvarint(nil, 1<<48+1)...))
	bad("seq_over_64_bits", "malformed", "a uvarint of 2^64", splice(good, atSeq, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2))
	bad("prev_of_zeros", "malformed", "", splice(good, atPrev, 32, make([]byte, 32)...))
	bad("epoch_of_zeros", "malformed", "the flag says there is one", splice(good, atEpoch, 16, make([]byte, 16)...))
	bad("content_without_epoch", "malformed", "0x50 is always sealed", splice(splice(good, atEpoch, 16), 0, 1, 0x10))
	bad("redact_with_epoch", "malformed", "0x51 is never sealed", splice(good, 1, 1, byte(TypeRedact)))
	bad("content_with_dependencies", "malformed", "flag bit 1 belongs to access ops",
		splice(splice(good, atEpoch+16+32, 0, 0), 0, 1, 0x13))
	n := len(good) - 32 - 2 // where the payload length stands: two bytes
	bad("payload_over_the_limit", "too-large", "65,537 bytes", splice(good, n, 2, binary.AppendUvarint(nil, MaxPayload+1)...))
	bad("payload_of_a_terabyte", "too-large", "", splice(good, n, 2, binary.AppendUvarint(nil, 1<<40)...))
	bad("payload_length_longer_than_it_must_be", "malformed", "300 written in three bytes", splice(good, n, 2, 0xac, 0x82, 0))
	g.badAccessHeaders()
}

func (g *generator) badAccessHeaders() {
	bad := func(name, class, about string, b []byte) { g.badHeader(name, class, about, b) }
	h := plain(TypeGrant, 1)
	h.Deps = someIDs("dep", 2)
	good := h.Append(nil)
	at := atEpoch + 32 // where the list of dependencies stands
	bad("access_without_its_list", "malformed", "flag bit 1 is missing, and the list with it",
		splice(splice(good, at, 1+64), 0, 1, 0x10))
	swapped := h
	swapped.Deps = []OpID{h.Deps[1], h.Deps[0]}
	bad("dependencies_not_sorted", "malformed", "", swapped.Append(nil))
	double := h
	double.Deps = []OpID{h.Deps[0], h.Deps[0]}
	bad("dependency_twice", "malformed", "", double.Append(nil))
	many := h
	many.Deps = someIDs("dep", MaxDeps+1)
	bad("nine_dependencies", "too-large", "", many.Append(nil))
	bad("dependencies_that_are_not_there", "malformed", "the count says eight", splice(good, at, 1, 8))
	bad("dependencies_beyond_counting", "too-large", "the count says 2^50", splice(good, at, 1, binary.AppendUvarint(nil, 1<<50)...))
	epoch := plain(TypeContent, 1).Epoch
	bad("access_with_epoch", "malformed", "of the known types only 0x50 is sealed",
		splice(splice(good, atEpoch, 0, epoch[:]...), 0, 1, 0x13))
}

func (g *generator) ids() {
	w := g.ada()
	ws, scope, key := w.ws.String(), w.scope.String(), hx(w.pub())
	for c, name := range map[Class]string{ClassAccess: "access", ClassKeys: "keys", ClassContent: "content"} {
		id := NewLogID(w.ws, w.scope, w.pub(), c, 0x0102030405060708)
		g.add("logid_"+name, "logid", "the log that a device writes for this class in this scope", obj{
			"workspace": ws, "scope": scope, "sign_key": key, "class": c, "incarnation": "0102030405060708"}, obj{"log": id.String()})
		g.add("logclass_"+name, "logclass", "who holds the scope recognises the log", obj{
			"workspace": ws, "scope": scope, "sign_key": key, "log": id.String()}, obj{"class": c})
	}
	id := NewLogID(w.ws, w.scope, w.pub(), ClassContent, 9)
	none := obj{"class": nil}
	unlike := func(name, field, value, about string) {
		in := obj{"workspace": ws, "scope": scope, "sign_key": key, "log": id.String()}
		in[field] = value
		g.add("logclass_"+name, "logclass", about, in, none)
	}
	unlike("in_another_scope", "scope", hx(seeded("another scope", 32)), "it is recognised in its own channel only")
	unlike("in_another_workspace", "workspace", hx(seeded("another workspace", 32)), "")
	unlike("of_another_device", "sign_key", hx(newWriter(g.t, "bram", ClassContent).pub()), "")
	unlike("with_a_changed_bit", "log", hx(splice(id[:], 15, 1, id[15]^1)), "")

	three := someIDs("head", 3)
	digest := obj{"auth": HeadsDigest(three).String()}
	g.add("heads_none", "heads", "the first op of a workspace knows none", obj{"ids": []string{}}, obj{"auth": HeadsDigest(nil).String()})
	g.add("heads_sorted", "heads", "", obj{"ids": hexIDs(three)}, digest)
	g.add("heads_unsorted_and_twice", "heads", "the digest is of the set",
		obj{"ids": hexIDs([]OpID{three[2], three[0], three[2], three[1]})}, digest)
	six := someIDs("branch", 6)
	g.add("branches_six", "branches", "the four lowest ids are kept, whatever the order",
		obj{"ids": hexIDs([]OpID{six[4], six[0], six[5], six[2], six[0], six[1], six[3]})}, obj{"kept": hexIDs(six[:4])})

	founding := WorkspaceIDOf([]byte("genesis"))
	g.add("workspace_of_a_genesis", "workspace", "the payload founds the workspace and its access scope",
		obj{"bytes": hx([]byte("genesis"))}, obj{"workspace": founding.String(), "access_scope": AccessScope(founding).String()})
	g.add("device_of_a_sign_key", "device", "", obj{"sign_key": key}, obj{"device": w.tip.Device.String()})
	hash := func(name, about string, parts ...string) {
		var raw [][]byte
		in := []string{}
		for _, p := range parts {
			raw, in = append(raw, []byte(p)), append(in, hx([]byte(p)))
		}
		sum := Hash("hallway/test/v1", raw...)
		g.add("hash_"+name, "hash", about, obj{"label": "hallway/test/v1", "parts": in}, obj{"hash": hx(sum[:])})
	}
	hash("no_parts", "")
	hash("one_empty_part", "it differs from none", "")
	hash("two_parts", "ab and c", "ab", "c")
	hash("two_parts_cut_elsewhere", "a and bc", "a", "bc")
	hash("a_part_of_two_length_bytes", "200 bytes", string(seeded("part", 200)))
}

func (g *generator) signKeys() {
	key := func(name, class, about string, b []byte) {
		want := obj{}
		if class != "" {
			want = fails(class)
		}
		g.add("signkey_"+name, "signkey", about, obj{"sign_key": hx(b)}, want)
	}
	le := func(first, last byte) []byte { // little-endian, the bytes between all ff
		b := bytes.Repeat([]byte{0xff}, 32)
		b[0], b[31] = first, last
		return b
	}
	one := splice(make([]byte, 32), 0, 1, 1)
	torsion := unhex(g.t, torsionPoint)
	key("good", "", "", g.ada().pub())
	key("with_a_torsion_part", "", "not of small order itself: eight times it is not the identity", mixedKey(g.t).pub())
	key("identity", "malformed", "of order 1", one)
	key("identity_with_a_sign", "malformed", "x is 0 and has no sign: not canonical", splice(one, 31, 1, 0x80))
	key("of_order_2", "malformed", "y is -1", le(0xec, 0x7f))
	key("of_order_4", "malformed", "y is 0", make([]byte, 32))
	key("of_order_8", "malformed", "", torsion)
	key("of_order_8_with_a_sign", "malformed", "", splice(torsion, 31, 1, torsion[31]|0x80))
	key("y_is_the_prime", "malformed", "0 written as p: not canonical", le(0xed, 0x7f))
	key("y_above_the_prime", "malformed", "3 written as p + 3: not canonical, and of large order", le(0xf0, 0x7f))
	key("not_on_the_curve", "malformed", "y is 2", splice(one, 0, 1, 2))
	key("short", "malformed", "31 bytes", g.ada().pub()[:ed25519.PublicKeySize-1])
	key("long", "malformed", "33 bytes", append(bytes.Clone(g.ada().pub()), 0))
	key("empty", "malformed", "", nil)
}

func (g *generator) redactions() {
	ids := someIDs("redacted", MaxRedact+1)
	body := func(n int) []byte {
		var r RedactBody
		for i := range n {
			r.Targets = append(r.Targets, RedactTarget{ID: ids[i], Row: i%2 == 0})
		}
		return r.Append(nil)
	}
	good := func(name, about string, n int) {
		targets := []obj{}
		for i := range n {
			targets = append(targets, obj{"id": ids[i].String(), "row": i%2 == 0})
		}
		g.add("redact_"+name, "redact", about, obj{"bytes": hx(body(n))}, obj{"targets": targets})
	}
	bad := func(name, class, about string, b []byte) {
		g.add("redact_"+name, "redact", about, obj{"bytes": hx(b)}, fails(class))
	}
	good("one", "", 1)
	good("sixty_four", "as many as there may be", MaxRedact)
	two := body(2)
	bad("empty", "malformed", "no bytes at all", nil)
	bad("nothing", "malformed", "a count of 0", []byte{0})
	bad("sixty_five", "too-large", "", body(MaxRedact+1))
	bad("cut_short", "malformed", "", two[:len(two)-1])
	bad("trailing_byte", "malformed", "", append(bytes.Clone(two), 0))
	bad("row_of_two", "malformed", "a row is 0 or 1", splice(two, 1, 1, 2))
	bad("one_twice", "malformed", "", splice(two, 2+32+1, 32, ids[0][:]...))
	bad("not_sorted", "malformed", "", splice(splice(two, 2+32+1, 32, ids[0][:]...), 2, 32, ids[1][:]...))
	bad("count_longer_than_it_must_be", "malformed", "2 written as 82 00", splice(two, 0, 1, 0x82, 0))
}
