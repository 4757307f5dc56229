package seal

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// TestOracle05_AnyFlippedBitOfAPayloadDoesNotOpen flips each bit of salt, ciphertext and tag in turn, past the signature
// that would have caught it first, and each field that the payload is bound to.
func TestOracle05_AnyFlippedBitOfAPayloadDoesNotOpen(t *testing.T) {
	w := newWorld(t, false, "ada")
	ada := w.desks["ada"]
	ada.mint()
	ada.say("before")
	op := ada.say("a message")
	if !ada.reads(op, "a message") {
		t.Fatal("it does not open at all")
	}
	for bit := range 8 * len(op.Op().Payload) {
		x := *op.Op()
		x.Payload = bytes.Clone(x.Payload)
		x.Payload[bit/8] ^= 1 << (bit % 8)
		if _, err := ada.openContent(w.key, &x); !errors.Is(err, ErrForged) {
			t.Fatalf("bit %d: %v", bit, err)
		}
	}
	for n := range op.Op().Payload {
		x := *op.Op()
		x.Payload = x.Payload[:n]
		if _, err := ada.openContent(w.key, &x); err == nil {
			t.Fatalf("cut to %d bytes it opens", n)
		}
	}
	for name, change := range map[string]func(h *crdt.Header){
		"type":   func(h *crdt.Header) { h.Type++ },
		"device": func(h *crdt.Header) { h.Device[3] ^= 1 },
		"log":    func(h *crdt.Header) { h.Log[15] ^= 1 },
		"seq":    func(h *crdt.Header) { h.Seq++ },
		"prev":   func(h *crdt.Header) { h.Prev[0] ^= 1 },
		"hlc":    func(h *crdt.Header) { h.HLC++ },
		"epoch":  func(h *crdt.Header) { h.Epoch[0] ^= 1 },
		"auth":   func(h *crdt.Header) { h.Auth[0] ^= 1 },
	} {
		x := *op.Op()
		change(&x.Header)
		if _, err := ada.openContent(w.key, &x); err == nil {
			t.Errorf("with another %s it opens", name)
		}
	}
	if _, err := ada.openContent(crdt.ScopeID{9, 1}, op.Op()); !errors.Is(err, ErrForged) {
		t.Errorf("in another channel: %v", err)
	}
}

// pairs records every key and nonce that anything was sealed with.
type pairs map[[32]byte]string

// used notes a pair; it answers whether it was used before.
func (p pairs) used(key keyring.Secret, nonce []byte, what string) bool {
	id := sha256.Sum256(append(key[:], nonce...))
	_, again := p[id]
	p[id] = what
	return again
}

// envelope notes the pair of an envelope under key.
func (p pairs) envelope(key keyring.Secret, context, envelope []byte, what string) bool {
	nonce, err := nonceOf(key, envelope[:saltSize], context)
	return err != nil || p.used(key, nonce, what)
}

// TestOracle17_NoKeyAndNonceAreEverUsedTwice restores yesterday's desk again and again, which then writes at the same
// places of the same logs, and records each pair of key and nonce that any envelope, box or chunk was sealed with.
func TestOracle17_NoKeyAndNonceAreEverUsedTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if again := runNonceModel(t, newWorld(t, false, "ada", "bob")); again != "" {
			t.Fatalf("a key and nonce came twice: %s", again)
		}
	})
}

// constant is a source of randomness that was restored with the machine.
type constant struct{}

func (constant) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 7
	}
	return len(p), nil
}

// Salts that repeat are noticed: the test of the test.
func TestOracle17_RepeatedSaltsAreCaught(t *testing.T) {
	w := newWorld(t, false, "ada", "bob")
	w.meet("ada", "bob")
	ada := w.desks["ada"]
	ada.mint()
	ada.say("zero")
	ada.Sealer.rand = constant{}
	tip := ada.tips[crdt.ClassContent]
	p := pairs{}
	p.message(ada, ada.say("one"))
	ada.tips[crdt.ClassContent] = tip
	w.now = w.now.Add(-1e9)
	if !p.message(ada, ada.say("two")) {
		t.Fatal("two messages under one key and nonce were not noticed")
	}
}

func (p pairs) message(d *desk, op crdt.Verified) bool {
	key, err := d.logKey(logKeyID{op.Op().Epoch, d.w.key, op.Op().Log})
	d.w.must(err)
	return p.envelope(key, d.opContext(d.w.key, &op.Op().Header), op.Op().Payload, "message")
}

// runNonceModel answers what was sealed with a pair that had been used, or nothing.
func runNonceModel(t *rapid.T, w *world) string {
	w.meet("ada", "bob")
	p := pairs{}
	ada, bob := w.desks["ada"], w.desks["bob"]
	op, first := ada.mint()
	bob.take(op)
	secret, err := ada.epochs.Get(first.Epoch)
	w.must(err)
	type snapshot struct{ content, keys crdt.Tip }
	var saved []snapshot
	for range rapid.IntRange(3, 25).Draw(t, "steps") {
		d := rapid.SampledFrom([]*desk{ada, bob}).Draw(t, "who")
		switch rapid.SampledFrom([]string{"say", "say", "field", "signal", "mint", "save", "restore"}).Draw(t, "what") {
		case "say":
			if p.message(d, d.say(rapid.SampledFrom([]string{"yes", "no"}).Draw(t, "text"))) {
				return "message"
			}
		case "field":
			box, err := d.SealField(d.view(), w.key, first.Epoch, FieldChannelName, []byte("general"))
			w.must(err)
			if p.envelope(d.fieldKey(secret, w.key, FieldChannelName), d.fieldContext(w.key, first.Epoch, FieldChannelName), box, "field") {
				return "field"
			}
		case "signal":
			h := SignalHeader{Epoch: first.Epoch, Device: crdt.DeviceRef{1}, HLC: 5}
			box, err := d.SealSignal(d.view(), w.key, h, []byte("typing"))
			w.must(err)
			k := d.scopeKey(secret, w.key).Derive("hallway/signal-key/v1", h.Device[:])
			if p.envelope(k, d.signalContext(w.key, h), box, "signal") {
				return "signal"
			}
		case "mint":
			op, m := d.mint()
			s, err := d.epochs.Get(m.Epoch)
			w.must(err)
			body, err := parseMint(op.Op().Payload)
			w.must(err)
			for _, prev := range body.previous {
				k := s.Derive("hallway/history-key/v1", w.ws[:], w.key[:], prev.epoch[:])
				if p.used(k, prev.box[:24], "history box") {
					return "history box"
				}
			}
		case "save":
			saved = append(saved, snapshot{ada.tips[crdt.ClassContent], ada.tips[crdt.ClassKeys]})
		case "restore":
			if len(saved) > 0 { // the clock of the machine goes back as well
				s := rapid.SampledFrom(saved).Draw(t, "snapshot")
				if s.content.Seq > 0 {
					ada.tips[crdt.ClassContent] = s.content
				}
				ada.tips[crdt.ClassKeys] = s.keys
				w.now = w.now.Add(-1e9 * 5)
				ada.restart()
				ada.take(op)
			}
		}
	}
	return ""
}

// TestOracle43_PayloadsHaveOnlyTheLengthsOfThePaddingSet seals contents of every length.
func TestOracle43_PayloadsHaveOnlyTheLengthsOfThePaddingSet(t *testing.T) {
	set := map[int]bool{}
	for n := 32; n <= 256; n += 32 {
		set[n] = true
	}
	for n := 257; n <= crdt.MaxPayload; n = n + 1 { // PADME by its definition, in floating point's stead
		exp := 0
		for 1<<(exp+1) <= n {
			exp++
		}
		bits := 1
		for 1<<bits <= exp {
			bits++
		}
		if n%(1<<(exp-bits)) == 0 {
			set[n] = true
		}
	}
	w := newWorld(t, false, "ada")
	ada := w.desks["ada"]
	_, m := ada.mint()
	h := crdt.Header{Type: crdt.TypeContent, Epoch: m.Epoch}
	v := ada.view()
	seen := map[int]bool{}
	for n := 0; n <= MaxContent; n += 1 + n/64 {
		p, err := ada.SealOp(v, w.key, &h, make([]byte, n))
		w.must(err)
		if !set[len(p)-overhead] {
			t.Fatalf("%d bytes are sealed to %d", n, len(p))
		}
		if n > 300 && len(p)-overhead > n*112/100+2 {
			t.Fatalf("%d bytes cost %d", n, len(p))
		}
		seen[len(p)] = true
		x := crdt.Op{Header: h, Payload: p}
		if got, err := ada.openContent(w.key, &x); err != nil || len(got) != n {
			t.Fatalf("%d bytes come back as %d: %v", n, len(got), err)
		}
	}
	if len(seen) > 8+16*8 { // 16 in each of the 8 octaves up to 64 KiB
		t.Fatalf("%d different lengths say too much", len(seen))
	}
	if got := len(mustSeal(t, ada, 100)); got != 160 {
		t.Fatalf("a message of 100 characters has a payload of %d, not 160", got)
	}
	odd := append(mustSeal(t, ada, 100), 0)
	if _, err := ada.openContent(w.key, &crdt.Op{Header: h, Payload: odd}); !errors.Is(err, ErrMalformed) {
		t.Fatalf("a length outside the set: %v", err)
	}
}

func mustSeal(t *testing.T, d *desk, n int) []byte {
	c, err := d.EpochToSend(d.view(), d.w.key)
	d.w.must(err)
	h := crdt.Header{Type: crdt.TypeContent, Epoch: c.Epoch}
	p, err := d.SealOp(d.view(), d.w.key, &h, make([]byte, n))
	d.w.must(err)
	return p
}

func TestPaddingComesOff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 700).Draw(t, "content")
		got, err := unpad(pad(b))
		if err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%x: %v", got, err)
		}
		if _, err := unpad(append(pad(b), make([]byte, 32)...)); err == nil {
			t.Fatal("more padding than is due was taken")
		}
	})
}
