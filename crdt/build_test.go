package crdt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"
)

// writer is a device that writes one log in a test.
type writer struct {
	t     testing.TB
	ws    WorkspaceID
	scope ScopeID
	key   ed25519.PrivateKey
	tip   Tip
	now   time.Time
}

func seeded(label string, n int) []byte {
	var b []byte
	for i := 0; len(b) < n; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte(label), uint32(i)))
		b = append(b, sum[:]...)
	}
	return b[:n]
}

func newWriter(t testing.TB, name string, class Class) *writer {
	w := &writer{t: t, now: time.UnixMilli(1_790_000_000_000)}
	copy(w.ws[:], seeded("workspace", 32))
	copy(w.scope[:], seeded("scope", 32))
	w.key = ed25519.NewKeyFromSeed(seeded(name, 32))
	pub := w.key.Public().(ed25519.PublicKey)
	w.tip = Tip{Log: NewLogID(w.ws, w.scope, pub, class, 7), Device: RefOf(pub)}
	return w
}

func (w *writer) pub() ed25519.PublicKey { return w.key.Public().(ed25519.PublicKey) }

// write signs the next op: content of n bytes, a second later than the one before.
func (w *writer) write(n int) Verified {
	w.now = w.now.Add(time.Second)
	h := w.tip.Next(TypeContent, w.now, EpochID{1}, HeadsDigest([]OpID{{1}}), nil)
	v, err := Sign(w.ws, w.key, h, bytes.Repeat([]byte{0xa5}, n), []OpID{{1}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.tip = w.tip.After(v)
	return v
}

func (w *writer) run(n int) []Op {
	ops := make([]Op, n)
	for i := range ops {
		ops[i] = *w.write(160).Op()
		if i > 0 {
			ops[i].Heads = nil
		}
	}
	return ops
}

// mustSegment is the encoding of a segment.
func mustSegment(t testing.TB, s Segment) []byte {
	t.Helper()
	b, err := s.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
