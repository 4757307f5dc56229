package seal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"hallway/crdt"
)

func crowd(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("p", i))
	}
	return names
}

func TestSixtyFourPeopleFillAPartAndTheNextBeginsAnother(t *testing.T) {
	for _, n := range []int{1, 64, 65, 130} {
		names := crowd(n)
		w := newWorld(t, false, names...)
		w.meet(names...)
		op, m := w.desks["p0"].mint()
		body, err := parseMint(op.Op().Payload)
		w.must(err)
		if want := (n + 63) / 64; len(body.parts) != want || len(body.inline) != want || body.count != n {
			t.Fatalf("%d people in %d parts", n, len(body.parts))
		}
		sorted := w.desks["p0"].view().Recipients(w.key)
		for i := range sorted {
			if i%64 != 0 && i%64 != 63 && i != n-1 {
				continue
			}
			for _, d := range w.desks {
				if userOf(d.name) == sorted[i].User {
					d.take(op)
					if d.State(m.Epoch) != Held {
						t.Fatalf("number %d of %d cannot open his part: %s", i, n, d.State(m.Epoch))
					}
				}
			}
		}
	}
}

func TestPartsThatDoNotFitTravelAsChunks(t *testing.T) {
	names := crowd(30)
	w := newWorld(t, true, names...)
	w.meet(names...)
	m, err := w.desks["p0"].Mint(w.desks["p0"].view(), w.key)
	w.must(err)
	if len(m.Chunks) != 1 || len(m.body) > 100 {
		t.Fatalf("%d chunks beside an op of %d", len(m.Chunks), len(m.body))
	}
	op := w.desks["p0"].write(crdt.TypeEpochMint, w.key, crdt.EpochID{}, m.Auth, func(*crdt.Header) []byte { return m.body })
	d := w.desks["p7"]
	got := d.take(op)
	if len(got.Fetch) != 1 || got.Fetch[0] != sha256.Sum256(m.Chunks[0]) || d.State(m.Epoch) != AwaitingPart {
		t.Fatalf("told to fetch %x", got.Fetch)
	}
	if again := d.take(op); len(again.Fetch) != 1 {
		t.Fatal("asked again, it does not say what to fetch")
	}
	if _, err := d.TakePart(d.view(), []byte("another chunk")); !errors.Is(err, ErrUnasked) {
		t.Fatalf("another chunk: %v", err)
	}
	if got, err := d.TakePart(d.view(), m.Chunks[0]); err != nil || len(got.Keys) != 1 {
		t.Fatalf("its part: %v", err)
	}
	if len(d.Missing()) != 0 {
		t.Fatalf("still missing %v", d.Missing())
	}
}

func TestAMintForOthersThanThoseWhoReadIsRefused(t *testing.T) {
	w := newWorld(t, false, "ada", "bob", "mal")
	w.meet("ada", "bob", "mal")
	mal := w.desks["mal"]
	m, err := mal.Mint(mal.view(), w.key)
	w.must(err)
	for name, change := range map[string]func(*mintBody){
		"one recipient too few":  func(b *mintBody) { b.count-- },
		"one recipient too many": func(b *mintBody) { b.count++ },
		"another kind of wraps":  func(b *mintBody) { b.pq = true },
	} {
		op := mal.spoil(t, m, change)
		if _, err := w.desks["bob"].tryTake(op); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAMintMadeBeforeAccessMovedOnIsNotWritten(t *testing.T) {
	w := newWorld(t, false, "ada", "bob")
	w.meet("ada", "bob")
	ada := w.desks["ada"]
	m, err := ada.Mint(ada.view(), w.key)
	w.must(err)
	w.remove("ada", "bob")
	h := crdt.Header{Type: crdt.TypeEpochMint, Auth: ada.view().auth}
	if _, err := m.Body(&h); !errors.Is(err, ErrMoved) {
		t.Fatalf("written all the same: %v", err)
	}
	if _, err := w.desks["bob"].Mint(ada.view(), w.key); !errors.Is(err, ErrRefused) {
		t.Fatalf("somebody who may not read minted: %v", err)
	}
}

func TestADestroyedEpochIsGone(t *testing.T) {
	w := newWorld(t, false, "ada")
	ada := w.desks["ada"]
	op, m := ada.mint()
	said := ada.say("forget me")
	w.must(ada.Destroy(m.Epoch))
	for range 2 {
		var miss *MissingKey
		if _, err := ada.openContent(w.key, said.Op()); !errors.As(err, &miss) || miss.State != Destroyed {
			t.Fatalf("it opens, or says %v", err)
		}
		ada.restart()
		_, _ = ada.tryTake(op)
	}
}

func TestBoxesJoinEpochsThatNothingLeadsTo(t *testing.T) {
	w := newWorld(t, false, "ada", "bob")
	w.meet("ada", "bob")
	ada, bob := w.desks["ada"], w.desks["bob"]
	a, am := ada.mint()
	b, bm := bob.mint()
	ada.take(b)
	payload, ok, err := ada.Boxes(ada.view(), w.key)
	if err != nil || !ok {
		t.Fatalf("no boxes: %v", err)
	}
	v := ada.view()
	box := ada.write(crdt.TypeHistoryBox, w.key, crdt.EpochID{}, v.auth, func(*crdt.Header) []byte { return payload })
	ada.take(box)
	if _, ok, err := ada.Boxes(ada.view(), w.key); ok || err != nil {
		t.Fatalf("boxed twice: %v", err)
	}
	cy := w.join("cy")
	w.meet("ada", "bob", "cy")
	g := ada.grant("cy")
	body, err := parseGrant(g.Op().Payload)
	w.must(err)
	if len(body.epochs) != 1 {
		t.Fatalf("a grant of %d epochs where one leads to the other", len(body.epochs))
	}
	for _, op := range []crdt.Verified{g, box, a, b} {
		cy.take(op)
	}
	if cy.State(am.Epoch) != Held || cy.State(bm.Epoch) != Held {
		t.Fatalf("Cy: %s and %s", cy.State(am.Epoch), cy.State(bm.Epoch))
	}
	if known, held := cy.Followed(w.key); known != 2 || held != 2 {
		t.Fatalf("%d known, %d held", known, held)
	}
}

// BenchmarkMintFor5000 is the minter's work at a rotation of a large workspace, and the size of it.
func BenchmarkMintFor5000(b *testing.B) {
	for _, pq := range []bool{false, true} {
		b.Run(map[bool]string{false: "x25519", true: "hybrid"}[pq], func(b *testing.B) {
			w := newWorld(b, pq, "ada")
			one := w.desks["ada"].view().Recipients(w.key)[0]
			to := make([]Recipient, 5000)
			for i := range to {
				to[i] = one
			}
			var total int
			for b.Loop() {
				parts, err := wrapParts(pq, crdt.EpochID{1}, [32]byte{2}, to)
				w.must(err)
				total = 0
				for _, p := range parts {
					total += len(p)
				}
			}
			b.ReportMetric(float64(total), "B")
		})
	}
}

func BenchmarkSealAndOpenAMessage(b *testing.B) {
	w := newWorld(b, false, "ada")
	ada := w.desks["ada"]
	_, m := ada.mint()
	v := ada.view()
	h := crdt.Header{Type: crdt.TypeContent, Epoch: m.Epoch}
	text := make([]byte, 100)
	for b.Loop() {
		p, err := ada.SealOp(v, w.key, &h, text)
		w.must(err)
		_, err = ada.openContent(w.key, &crdt.Op{Header: h, Payload: p})
		w.must(err)
	}
}
