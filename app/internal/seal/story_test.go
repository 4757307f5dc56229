package seal

import (
	"bytes"
	"errors"
	"testing"

	"hallway/crdt"
)

func TestTwoPeopleTalkUnderOneEpoch(t *testing.T) {
	w := newWorld(t, false, "ada", "bob")
	w.meet("ada", "bob")
	ada, bob := w.desks["ada"], w.desks["bob"]
	if _, err := ada.EpochToSend(ada.view(), w.key); !errors.Is(err, ErrNeedMint) {
		t.Fatalf("before any mint: %v", err)
	}
	mint, m := ada.mint()
	if len(m.Chunks) != 0 {
		t.Fatalf("a mint for two does not fit into its op")
	}
	hello := ada.say("hello, Bob")
	if bob.reads(hello, "hello, Bob") {
		t.Fatal("Bob reads without the mint")
	}
	var miss *MissingKey
	if _, err := bob.openContent(w.key, hello.Op()); !errors.As(err, &miss) || miss.State != AwaitingMint {
		t.Fatalf("without the mint: %v", err)
	}
	if got := bob.take(mint); len(got.Keys) != 1 || got.Keys[0] != m.Epoch {
		t.Fatalf("Bob took %+v", got)
	}
	if !bob.reads(hello, "hello, Bob") || !ada.reads(bob.say("hello, Ada"), "hello, Ada") {
		t.Fatal("they cannot read each other")
	}
	bob.restart()
	bob.take(mint)
	if !bob.reads(hello, "hello, Bob") {
		t.Fatal("after a restart Bob has lost the key")
	}
}

func TestOneKeyRingOpensEverythingOnlyOnItsOwnDesk(t *testing.T) {
	w := newWorld(t, false, "ada", "bob")
	w.meet("ada", "bob")
	mint, m := w.desks["ada"].mint()
	w.desks["bob"].take(mint)
	for name, ct := range w.desks["ada"].kept {
		if !bytes.Contains([]byte(name), []byte(m.Epoch.String())) {
			t.Fatalf("kept under %q", name)
		}
		w.desks["bob"].kept[name] = ct
	}
	w.desks["bob"].restart()
	if _, err := w.desks["bob"].tryTake(mint); err == nil {
		t.Fatal("a ciphertext of another key ring was taken")
	}
}

func TestFieldsAndSignalsOpenOnlyWhereTheyWereSealed(t *testing.T) {
	w := newWorld(t, false, "ada")
	ada := w.desks["ada"]
	_, m := ada.mint()
	channel := crdt.ScopeID{9, 9}
	box, err := ada.SealField(ada.view(), channel, m.Epoch, FieldChannelName, []byte("general"))
	w.must(err)
	if len(box) != 32+overhead {
		t.Fatalf("a short name shows its length: %d", len(box))
	}
	name, err := ada.OpenField(channel, m.Epoch, FieldChannelName, box)
	w.must(err)
	if string(name) != "general" {
		t.Fatalf("name %q", name)
	}
	if _, err := ada.OpenField(channel, m.Epoch, FieldChannelTopic, box); !errors.Is(err, ErrForged) {
		t.Fatalf("a name passed for a topic: %v", err)
	}
	if _, err := ada.OpenField(crdt.ScopeID{9, 8}, m.Epoch, FieldChannelName, box); !errors.Is(err, ErrForged) {
		t.Fatalf("a name passed in another channel: %v", err)
	}
	again, err := ada.SealField(ada.view(), channel, m.Epoch, FieldChannelName, []byte("general"))
	w.must(err)
	if bytes.Equal(box, again) {
		t.Fatal("equal names can be told")
	}
	h := SignalHeader{Device: crdt.DeviceRef{1}, Epoch: m.Epoch, HLC: 77}
	sig, err := ada.SealSignal(ada.view(), channel, h, []byte("typing"))
	w.must(err)
	got, err := ada.OpenSignal(channel, h, sig)
	w.must(err)
	if string(got) != "typing" {
		t.Fatalf("signal %q", got)
	}
	h.HLC++
	if _, err := ada.OpenSignal(channel, h, sig); !errors.Is(err, ErrForged) {
		t.Fatalf("a signal was replayed under another clock: %v", err)
	}
}

func TestSealRefusesWhatDoesNotFitAnOp(t *testing.T) {
	w := newWorld(t, false, "ada")
	ada := w.desks["ada"]
	_, m := ada.mint()
	op := ada.sayUnder(m.Epoch, string(make([]byte, MaxContent)))
	if n := len(op.Op().Payload); n > crdt.MaxPayload {
		t.Fatalf("payload of %d", n)
	}
	h := op.Op().Header
	if _, err := ada.SealOp(ada.view(), w.key, &h, make([]byte, MaxContent+1)); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("one byte too many: %v", err)
	}
	if _, err := ada.SealOp(ada.view(), crdt.ScopeID{5}, &h, nil); err == nil {
		t.Fatal("sealed under an epoch of another scope")
	}
}
