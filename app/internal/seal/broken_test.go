package seal

import (
	"bytes"
	"errors"
	"testing"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
)

// Bob's program is broken, or not Hallway: what it seals is no envelope, or does not open at all. It waits for its key like
// any message; with the key it says nothing, on every desk.
func TestWhatNobodyCanOpenSaysNothing(t *testing.T) {
	o := newOffice(t, false, "ada", "bob")
	create := &access.ChannelCreate{Salt: [32]byte{4}, Post: access.Poster, Name: access.Sealed{Epoch: crdt.EpochID{1}, Box: []byte{1}}}
	o.do("ada", o.access(), create)
	general := access.PublicScope(o.ws, o.user("ada"), create.Salt)
	epoch := o.say("bob", general, "hello").Verified().Op().Epoch
	nonsense := o.write("bob", general, crdt.TypeContent, epoch, func(h *crdt.Header) []byte {
		b, err := o.people["bob"].SealOp(o.view(), general, h, []byte("no envelope"))
		o.must(err)
		return b
	})
	noise := o.write("bob", general, crdt.TypeContent, epoch, func(*crdt.Header) []byte { return bytes.Repeat([]byte{7}, 32+overhead) })
	redact := o.write("bob", general, crdt.TypeRedact, crdt.EpochID{}, func(*crdt.Header) []byte { return []byte("deletes what?") })
	for _, op := range []access.Admitted{nonsense, noise} {
		if got := o.reads("ada", op); got != "awaiting-mint" {
			t.Fatalf("without the key Ada sees %q", got)
		}
	}
	o.catchUp("ada")
	for _, op := range []access.Admitted{nonsense, noise} {
		got, err := o.people["ada"].OpenOp(op)
		if body, ok := got.Body().(*chat.Unknown); err == nil || !ok || len(body.Raw) > 0 || got.Origin().ID != op.Verified().ID() {
			t.Errorf("%+v, %v", got.Body(), err)
		}
	}
	if got, err := o.people["ada"].OpenOp(redact); err != nil || got.State() != chat.StateRedact || len(got.Redact().Targets) != 0 {
		t.Errorf("a Redact that breaks its form: %+v, %v", got.Redact(), err)
	}
}

// A notice has one form: who could hide bytes in its padding could mark it.
func TestANoticeIsPaddedWithZerosAlone(t *testing.T) {
	o := newOffice(t, false, "ada", "bob")
	to, ok := o.view().RecipientOf(o.user("bob"))
	if !ok {
		t.Fatal("Bob has no key")
	}
	box, err := o.people["ada"].MakeNotice(o.view(), o.user("bob"), Notice{Scope: crdt.ScopeID{1}, Genesis: crdt.OpID{2}})
	o.must(err)
	content, err := unwrap(kindNotice, false, box, o.people["bob"].ring.PUKs()[0].Identity)
	o.must(err)
	for _, last := range []byte{0, 1} {
		content[len(content)-1] = last
		marked, err := wrap(kindNotice, false, content, to.Key)
		o.must(err)
		if _, ok := o.people["bob"].TryNotice(o.view(), marked); ok != (last == 0) {
			t.Errorf("a notice that ends with %d: %v", last, ok)
		}
	}
}

// The longest name that may be sealed fits into the box that an access body has room for, and a byte more does not.
func TestTheLongestFieldFitsAnAccessBody(t *testing.T) {
	const room = 4096
	if PaddedLen(MaxField)+overhead > room || PaddedLen(MaxField+1)+overhead <= room {
		t.Errorf("%d and %d bytes in %d", PaddedLen(MaxField)+overhead, PaddedLen(MaxField+1)+overhead, room)
	}
	sealed := access.Sealed{Epoch: crdt.EpochID{1}, Box: make([]byte, PaddedLen(MaxField)+overhead)}
	if _, err := access.ParseSealed(sealed.Append(nil)); err != nil {
		t.Error(err)
	}
	sealed.Box = make([]byte, PaddedLen(MaxField+1)+overhead)
	if _, err := access.ParseSealed(sealed.Append(nil)); err == nil {
		t.Error("access takes a longer box")
	}
	if _, err := New(Options{}).SealFieldFor(nil, crdt.ScopeID{}, crdt.ScopeID{}, crdt.EpochID{}, FieldProfile, make([]byte, MaxField+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a longer text gives %v", err)
	}
}
