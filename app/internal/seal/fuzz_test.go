package seal

import (
	"bytes"
	"testing"

	"hallway/crdt"
)

// seed is a world of two with one of each thing that is decoded.
func seed(f *testing.F) (w *world, mint, grant, boxes []byte) {
	w = newWorld(f, false, "ada", "bob")
	w.meet("ada", "bob")
	ada := w.desks["ada"]
	first, _ := ada.mint()
	op, _ := w.desks["bob"].mint()
	ada.take(op)
	second, _ := ada.mint()
	w.join("cy")
	w.meet("ada", "cy")
	g := ada.grant("cy")
	_ = first
	b := boxesBody{under: crdt.EpochID{1}, list: []previous{{crdt.EpochID{2}, make([]byte, boxSize)}}}
	return w, second.Op().Payload, g.Op().Payload, b.append(nil)
}

func FuzzParseMint(f *testing.F) {
	_, mint, _, _ := seed(f)
	f.Add(mint)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMint(b)
		if err == nil && !bytes.Equal(m.append(nil), b) {
			t.Fatal("two encodings of one mint")
		}
	})
}

func FuzzParseGrant(f *testing.F) {
	_, _, grant, _ := seed(f)
	f.Add(grant)
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := parseGrant(b)
		if err == nil && !bytes.Equal(g.append(nil), b) {
			t.Fatal("two encodings of one grant")
		}
	})
}

func FuzzParseBoxes(f *testing.F) {
	_, _, _, boxes := seed(f)
	f.Add(boxes)
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := parseBoxes(b)
		if err == nil && !bytes.Equal(x.append(nil), b) {
			t.Fatal("two encodings of one list of boxes")
		}
	})
}

func FuzzParseWant(f *testing.F) {
	w := want{by: [32]byte{1}, epochs: []crdt.EpochID{{2}, {3}}}
	f.Add(append(w.appendSigned(nil), make([]byte, 64)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := parseWant(b)
		if err == nil && !bytes.Equal(append(x.appendSigned(nil), x.sig[:]...), b) {
			t.Fatal("two encodings of one want")
		}
	})
}

func FuzzParseSecrets(f *testing.F) {
	f.Add(secrets{{crdt.EpochID{1}, [32]byte{2}}}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := parseSecrets(b)
		if err == nil && !bytes.Equal(x.append(nil), b) {
			t.Fatal("two encodings of one list of secrets")
		}
	})
}

func FuzzParseComplaint(f *testing.F) {
	f.Add(Complaint(crdt.EpochID{1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := ParseComplaint(b)
		if err == nil && !bytes.Equal(Complaint(id), b) {
			t.Fatal("two encodings of one complaint")
		}
	})
}

// FuzzTake hands a desk bytes in place of every key op, part, answer, notice and envelope.
func FuzzTake(f *testing.F) {
	w, mint, grant, boxes := seed(f)
	bob := w.desks["bob"]
	v := bob.view()
	f.Add(mint)
	f.Add(grant)
	f.Add(boxes)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, typ := range []crdt.Type{crdt.TypeEpochMint, crdt.TypeKeyGrant, crdt.TypeHistoryBox} {
			op := &crdt.Op{Header: crdt.Header{Type: typ, Auth: v.auth}, Payload: b}
			switch typ {
			case crdt.TypeEpochMint:
				_, _ = bob.takeMint(v, w.key, op, crdt.OpID{1})
			case crdt.TypeKeyGrant:
				_, _ = bob.takeGrant(v, w.key, op)
			default:
				_, _ = bob.takeBoxes(v, w.key, op)
			}
		}
		if got, err := bob.TakePart(v, b); err == nil && len(got.Keys) > 0 {
			t.Fatal("a key came out of nowhere")
		}
		if got, err := bob.TakeAnswer(v, b); err == nil && len(got.Keys) > 0 {
			t.Fatal("a key came out of nowhere")
		}
		if _, err := bob.Answer(v, b); err == nil {
			t.Fatal("bytes that nobody signed were answered")
		}
		if _, ok := bob.TryNotice(v, b); ok {
			t.Fatal("a notice came out of nowhere")
		}
		_ = checkWrap(b, true)
		_ = checkWrap(b, false)
		_, _ = openEnvelope([32]byte{}, nil, b)
	})
}
