package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// fixed is a stream of bytes that never changes.
func fixed(label string) io.Reader {
	var b bytes.Buffer
	for i := range uint64(64) {
		h := crdt.Hash("test stream", []byte(label), binary.BigEndian.AppendUint64(nil, i))
		b.Write(h[:])
	}
	return &b
}

func seeded(label string, n int) []byte {
	b := make([]byte, n)
	_, _ = io.ReadFull(fixed(label), b) // a buffer of 2 KiB
	return b
}

func s32(label string) [32]byte { return [32]byte(seeded(label, 32)) }
func s16(label string) [16]byte { return [16]byte(seeded(label, 16)) }

// generator collects vectors under their names.
type generator struct {
	t   testing.TB
	out map[string]vector
}

func generateVectors(t testing.TB) map[string]vector {
	g := &generator{t: t, out: map[string]vector{}}
	g.keys()
	g.contents()
	g.fields()
	g.boxes()
	g.bodies()
	g.wants()
	g.files()
	g.wraps()
	g.rings()
	return g.out
}

func (g *generator) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *generator) add(name, kind, about string, in, want obj) {
	g.t.Helper()
	if _, twice := g.out[name]; twice {
		g.t.Fatalf("two vectors are called %s", name)
	}
	g.out[name] = vector{Kind: kind, About: about, Input: in, Want: want}
}

func fails(class string) obj { return obj{"error": class} }

// with is in with one field another.
func with(in obj, name string, value any) obj {
	out := obj{}
	for k, v := range in {
		out[k] = v
	}
	out[name] = value
	return out
}

func flipped(b []byte, at int) string {
	b = bytes.Clone(b)
	b[(at+len(b))%len(b)] ^= 1
	return hx(b)
}

// place is where the vectors' things are sealed.
func place() obj {
	ws, scope, secret, epoch := s32("workspace"), s32("scope"), s32("secret"), s16("epoch")
	return obj{"workspace": hx(ws[:]), "scope": hx(scope[:]), "epoch": hx(epoch[:]), "secret": hx(secret[:])}
}

func (g *generator) sealer() *Sealer { return asker{g.t, place()}.sealer() }

func (g *generator) keys() {
	secret := s32("secret")
	key := keyring.Secret(secret).Derive("hallway/example/v1", []byte("ab"), nil, []byte{1})
	g.add("derive", "derive", "three parts, of which one is empty", obj{"secret": hx(secret[:]), "label": "hallway/example/v1", "parts": "6162  01"},
		obj{"key": hexSecret(key)})
	in := place()
	in["log"], in["salt"], in["context"], in["field"] = hx(seeded("log", 16)), hx(seeded("salt", 16)), hx([]byte("context")), string(FieldChannelName)
	out, err := runKeys(asker{g.t, in})
	g.must(err)
	g.add("keys", "keys", "", in, out)
	for _, n := range []struct{ content, padded int }{{0, 32}, {31, 32}, {32, 64}, {100, 128}, {255, 256}, {256, 272}, {1000, 1024}, {5000, 5120}, {MaxContent, 63488}} {
		g.add(fmt.Sprintf("padded_%d", n.content), "padded", "", obj{"length": n.content}, obj{"padded": n.padded})
	}
}

func (g *generator) contents() {
	s := g.sealer()
	h := crdt.Header{Type: crdt.TypeContent, Seq: 1, HLC: 0x01a0c0ffee120007, Epoch: s16("epoch"), Auth: s32("auth"), Prev: s32("prev")}
	copy(h.Device[:], seeded("device", 8))
	copy(h.Log[:], seeded("log", 16))
	scope := crdt.ScopeID(s32("scope"))
	key, err := s.logKey(logKeyID{h.Epoch, scope, h.Log})
	g.must(err)
	content := []byte("\x01\x00\x00\x05hello")
	box, err := closeEnvelope(key, fixed("salt"), s.opContext(scope, &h), content)
	g.must(err)
	in := place()
	in["header"], in["payload"] = hx(header(h, box)), hx(box)
	g.add("content", "content", "an op's payload, by its full header and its scope", in, obj{"content": hx(content)})
	g.add("content_changed", "content", "", with(in, "payload", flipped(box, -1)), fails("forged"))
	g.add("content_with_another_salt", "content", "", with(in, "payload", flipped(box, 0)), fails("forged"))
	g.add("content_in_another_scope", "content", "", with(in, "scope", hx(seeded("other", 32))), fails("forged"))
	g.add("content_in_another_workspace", "content", "", with(in, "workspace", hx(seeded("other", 32))), fails("forged"))
	later := h
	later.HLC++
	g.add("content_under_another_header", "content", "the clock is one later", with(in, "header", hx(header(later, box))), fails("forged"))
	g.add("content_of_a_length_that_is_not_padded", "content", "a byte less", with(in, "payload", hx(box[:len(box)-1])), fails("malformed"))
	bad := s.badlyPadded(g, key, s.opContext(scope, &h))
	g.add("content_with_too_much_padding", "content", "sealed rightly, 64 bytes where 32 are enough", with(in, "payload", hx(bad)), fails("malformed"))
}

func header(h crdt.Header, payload []byte) []byte {
	h.PayloadLen, h.PayloadHash = uint32(len(payload)), crdt.HashPayload(payload)
	return h.Append(nil)
}

func (s *Sealer) badlyPadded(g *generator, key keyring.Secret, context []byte) []byte {
	padded := append([]byte("short\x80"), make([]byte, 58)...)
	salt := seeded("salt", 16)
	nonce, err := nonceOf(key, salt, context)
	g.must(err)
	a, err := newStream(key)
	g.must(err)
	return a.aead.Seal(salt, nonce, padded, context)
}

func (g *generator) fields() {
	s := g.sealer()
	scope, epoch, secret := crdt.ScopeID(s32("scope")), crdt.EpochID(s16("epoch")), keyring.Secret(s32("secret"))
	box, err := closeEnvelope(s.fieldKey(secret, scope, FieldChannelName), fixed("salt"), s.fieldContext(scope, epoch, FieldChannelName), []byte("lunch"))
	g.must(err)
	in := place()
	in["field"], in["box"] = string(FieldChannelName), hx(box)
	g.add("field", "field", "", in, obj{"text": "lunch"})
	g.add("field_taken_for_another", "field", "a name read as a topic", with(in, "field", string(FieldChannelTopic)), fails("forged"))
	g.add("field_over_the_limit", "field", "", with(in, "box", strings.Repeat("00", PaddedLen(MaxField)+overhead+1)), fails("too-large"))

	h := SignalHeader{Epoch: epoch, HLC: 0x01a0c0ffee120007}
	copy(h.Device[:], seeded("device", 8))
	key := s.scopeKey(secret, scope).Derive("hallway/signal-key/v1", h.Device[:])
	box, err = closeEnvelope(key, fixed("salt"), s.signalContext(scope, h), []byte{1})
	g.must(err)
	in = place()
	in["device"], in["hlc"], in["box"] = hx(h.Device[:]), "01a0c0ffee120007", hx(box)
	g.add("signal", "signal", "somebody is writing", in, obj{"content": "01"})
	g.add("signal_of_another_time", "signal", "", with(in, "hlc", "01a0c0ffee120008"), fails("forged"))
}

func (g *generator) boxes() {
	s := g.sealer()
	key, auth := crdt.ScopeID(s32("key scope")), crdt.AuthRef(s32("auth"))
	older, newer := crdt.EpochID(s16("older")), crdt.EpochID(s16("newer"))
	box, err := s.historyBox(key, newer, older, s32("secret"), s32("older secret"))
	g.must(err)
	in := obj{"workspace": hx(s.ws[:]), "key_scope": hx(key[:]), "newer": newer.String(), "older": older.String(), "secret": hx(seeded("secret", 32)), "box": hx(box)}
	g.add("historybox", "historybox", "", in, obj{"older_secret": hx(seeded("older secret", 32))})
	g.add("historybox_of_another_epoch", "historybox", "", with(in, "older", hx(seeded("other", 16))), fails("forged"))
	g.add("historybox_under_another_epoch", "historybox", "", with(in, "newer", hx(seeded("other", 16))), fails("forged"))
	g.add("historybox_cut", "historybox", "", with(in, "box", hx(box[:boxSize-1])), fails("malformed"))
	id := s.epochID(key, auth, s32("secret"))
	g.add("epochid", "epochid", "", obj{"workspace": hx(s.ws[:]), "key_scope": hx(key[:]), "auth": auth.String(), "secret": hx(seeded("secret", 32))}, obj{"epoch": id.String()})
}

// body is a payload that is read, and how it is refused when it is changed.
func (g *generator) body(kind string, good []byte, bad map[string][]byte) {
	g.t.Helper()
	in := obj{"bytes": hx(good), "workspace": hx(seeded("workspace", 32))}
	out, err := runners()[kind](asker{g.t, in})
	g.must(err)
	g.add(kind, kind, "", in, out)
	bad["trailing_byte"] = append(bytes.Clone(good), 0)
	bad["version_2"] = append([]byte{2}, good[1:]...)
	if kind == "secrets" {
		delete(bad, "version_2")
	}
	for name, b := range bad {
		g.add(kind+"_"+name, kind, "", with(in, "bytes", hx(b)), fails("malformed"))
	}
}

func (g *generator) bodies() {
	a, b := crdt.EpochID{1}, crdt.EpochID{2}
	box := seeded("box", boxSize)
	part := []byte("an age file stands here")
	m := mintBody{epoch: s16("epoch"), pq: true, previous: []previous{{a, nil}, {b, box}}, count: 64, parts: [][32]byte{sha256.Sum256(part)}, inline: [][]byte{part}}
	other, twice, self := m, m, m
	other.inline = [][]byte{[]byte("another stands here")}
	twice.previous = []previous{{a, nil}, {a, nil}}
	self.previous = []previous{{m.epoch, nil}}
	flag := m.append(nil)
	flag[1] |= 4
	none := mintBody{epoch: m.epoch}
	g.body("mint", m.append(nil), map[string][]byte{"part_that_its_hash_does_not_name": other.append(nil), "previous_twice": twice.append(nil),
		"follows_itself": self.append(nil), "unknown_flag": flag, "for_nobody": none.append(nil)})
	far := mintBody{epoch: m.epoch, count: 65, parts: [][32]byte{s32("part 1"), s32("part 2")}}
	out, err := runMint(asker{g.t, obj{"bytes": hx(far.append(nil))}})
	g.must(err)
	g.add("mint_whose_parts_are_elsewhere", "mint", "65 recipients, two parts", obj{"bytes": hx(far.append(nil))}, out)

	gr := grantBody{user: s16("user"), gen: 300, epochs: []crdt.EpochID{a, b}, box: part}
	zero, unsorted, empty := gr, gr, gr
	zero.gen, unsorted.epochs, empty.epochs = 0, []crdt.EpochID{b, a}, nil
	g.body("grant", gr.append(nil), map[string][]byte{"of_generation_0": zero.append(nil), "not_sorted": unsorted.append(nil), "of_nothing": empty.append(nil)})

	hb := boxesBody{under: s16("epoch"), list: []previous{{a, box}}}
	bare, nothing := hb, hb
	bare.list, nothing.list = []previous{{a, nil}}, nil
	g.body("boxes", hb.append(nil), map[string][]byte{"without_a_box": bare.append(nil), "of_nothing": nothing.append(nil)})
	g.body("complaint", Complaint(a), map[string][]byte{"about_nothing": Complaint(crdt.EpochID{})})
	l := secrets{{a, s32("secret a")}, {b, s32("secret b")}}
	back := slices.Clone(l)
	slices.Reverse(back)
	g.body("secrets", l.append(nil), map[string][]byte{"not_sorted": back.append(nil), "cut": l.append(nil)[:96]})
}

func (g *generator) wants() {
	key := ed25519.NewKeyFromSeed(seeded("sign", 32))
	s := g.sealer()
	w := want{by: [32]byte(publicKey(key)), epochs: []crdt.EpochID{{1}, {2}}}
	b := append(w.appendSigned(nil), ed25519.Sign(key, s.wantBytes(&w))...)
	none := want{by: w.by}
	g.body("want", b, map[string][]byte{"for_nothing": append(none.appendSigned(nil), make([]byte, 64)...)})
	in := obj{"bytes": flipped(b, -1), "workspace": hx(s.ws[:])}
	out, err := runWant(asker{g.t, in})
	g.must(err)
	g.add("want_of_somebody_else", "want", "the signature is not valid", in, with(out, "authentic", false))
}
