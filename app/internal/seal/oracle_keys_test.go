package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"filippo.io/age"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// history lets Ada and Bob talk through several epochs, and answers all key ops and messages.
func history(w *world, epochs, each int) (keys, said []crdt.Verified) {
	ada, bob := w.desks["ada"], w.desks["bob"]
	for range epochs {
		op, _ := ada.mint()
		bob.take(op)
		keys = append(keys, op)
		for range each {
			said = append(said, ada.say("hello"))
		}
	}
	return keys, said
}

func (d *desk) readsOf(said []crdt.Verified) (n int) {
	for _, op := range said {
		if d.reads(op, "hello") {
			n++
		}
	}
	return n
}

// TestOracle35_AllShowsEverythingAndFromJoinNothing: a newcomer's keys open all earlier messages where the channel's
// policy is all, and none where it is from-join, in whatever order his key ops arrive.
func TestOracle35_AllShowsEverythingAndFromJoinNothing(t *testing.T) {
	t.Run("all", func(t *testing.T) {
		w := newWorld(t, false, "ada", "bob")
		w.meet("ada", "bob")
		keys, said := history(w, 5, 3)
		cy := w.join("cy")
		w.meet("ada", "bob", "cy")
		ada := w.desks["ada"]
		c, err := ada.EpochToSend(ada.view(), w.key)
		w.must(err)
		if len(c.Ungranted) != 1 || c.Ungranted[0] != userOf("cy") {
			t.Fatalf("Ada is not told that Cy needs a grant: %v", c.Ungranted)
		}
		keys = append(keys, ada.grant("cy"))
		for i := len(keys) - 1; i >= 0; i-- { // the grant first, the oldest mint last
			cy.take(keys[i])
		}
		if n := cy.readsOf(said); n != len(said) {
			t.Fatalf("Cy reads %d of %d", n, len(said))
		}
		cy.restart()
		for _, op := range keys {
			cy.take(op)
		}
		if n := cy.readsOf(said); n != len(said) {
			t.Fatalf("after a restart Cy reads %d of %d", n, len(said))
		}
	})
	t.Run("from-join", func(t *testing.T) {
		w := newWorld(t, false, "ada", "bob")
		w.hist = HistoryFromJoin
		w.meet("ada", "bob")
		keys, said := history(w, 5, 3)
		cy := w.join("cy")
		w.meet("ada", "bob", "cy")
		ada := w.desks["ada"]
		if _, err := ada.EpochToSend(ada.view(), w.key); !errors.Is(err, ErrNeedMint) {
			t.Fatalf("Ada would write where Cy cannot read: %v", err)
		}
		if _, err := ada.Grant(ada.view(), w.key, userOf("cy"), w.now); !errors.Is(err, ErrRefused) {
			t.Fatalf("Ada would show Cy what was before: %v", err)
		}
		op, _ := ada.mint()
		keys = append(keys, op)
		for _, op := range keys {
			cy.take(op)
		}
		if n := cy.readsOf(said); n != 0 {
			t.Fatalf("Cy reads %d messages from before he came", n)
		}
		want, err := cy.Want([]crdt.EpochID{said[0].Op().Epoch})
		w.must(err)
		if _, err := ada.Answer(ada.view(), want); !errors.Is(err, ErrRefused) {
			t.Fatalf("Ada answers all the same: %v", err)
		}
		if cy.State(said[0].Op().Epoch) != NotEntitled {
			t.Fatalf("Cy is told %s", cy.State(said[0].Op().Epoch))
		}
		if !cy.reads(ada.say("welcome"), "welcome") {
			t.Fatal("Cy does not read what is written since")
		}
	})
	t.Run("a guest", func(t *testing.T) {
		w := newWorld(t, false, "ada", "bob")
		w.meet("ada", "bob")
		keys, said := history(w, 2, 2)
		ring, err := keyring.New(w.rand)
		w.must(err)
		gus := w.joinWith("gus", ring, "guest")
		w.meet("ada", "bob", "gus")
		ada := w.desks["ada"]
		op, _ := ada.mint()
		cy := w.join("cy")
		w.meet("ada", "bob", "gus", "cy")
		keys = append(keys, op, ada.grant("cy"))
		for _, op := range keys {
			gus.take(op)
			cy.take(op)
		}
		if n := gus.readsOf(said); n != 0 {
			t.Fatalf("the guest reads %d messages from before he came", n)
		}
		if n := cy.readsOf(said); n != len(said) {
			t.Fatalf("Cy, a member, reads %d of %d past the epoch that shuts the guest out", n, len(said))
		}
	})
	t.Run("seven days", func(t *testing.T) {
		w := newWorld(t, false, "ada", "bob")
		w.hist = HistoryDays
		w.meet("ada", "bob")
		keys, old := history(w, 1, 2)
		w.now = w.now.AddDate(0, 0, 10)
		more, recent := history(w, 1, 2)
		cy := w.join("cy")
		w.meet("ada", "bob", "cy")
		ada := w.desks["ada"]
		op, _ := ada.mint()
		keys = append(append(keys, more...), op, ada.grant("cy"))
		for _, op := range keys {
			cy.take(op)
		}
		if o, r := cy.readsOf(old), cy.readsOf(recent); o != 0 || r != len(recent) {
			t.Fatalf("Cy reads %d old and %d of %d recent messages", o, r, len(recent))
		}
	})
}

// spoil is a mint like the true one but for its parts.
func (d *desk) spoil(t *testing.T, m *Minted, parts func(body *mintBody)) crdt.Verified {
	body, err := parseMint(m.body)
	d.w.must(err)
	parts(&body)
	for i, p := range body.inline {
		body.parts[i] = sha256.Sum256(p)
	}
	return d.write(crdt.TypeEpochMint, d.w.key, crdt.EpochID{}, m.Auth, func(*crdt.Header) []byte { return body.append(nil) })
}

// TestOracle36_ASubstitutedPartIsNoticedAndHeals: whatever stands in place of a part, the epoch's id does not fit it; the
// victim asks, and one honest peer is enough.
func TestOracle36_ASubstitutedPartIsNoticedAndHeals(t *testing.T) {
	for name, spoil := range map[string]func(w *world, body *mintBody){
		"garbage": func(_ *world, body *mintBody) { body.inline[0] = []byte("not an age file") },
		"a flipped bit": func(_ *world, body *mintBody) {
			body.inline[0] = bytes.Clone(body.inline[0])
			body.inline[0][len(body.inline[0])-1] ^= 1
		},
		"a wrap of another secret": func(w *world, body *mintBody) {
			parts, err := wrapParts(false, body.epoch, keyring.Secret{6, 6, 6}, w.desks["ada"].view().Recipients(w.key))
			w.must(err)
			body.inline = parts
		},
		"a wrap that leaves him out": func(w *world, body *mintBody) {
			r, _ := w.desks["ada"].view().RecipientOf(userOf("ada"))
			parts, err := wrapParts(false, body.epoch, keyring.Secret{6}, []Recipient{r})
			w.must(err)
			body.inline = parts
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, false, "ada", "bob", "mal")
			w.meet("ada", "bob", "mal")
			ada, bob, mal := w.desks["ada"], w.desks["bob"], w.desks["mal"]
			m, err := mal.Mint(mal.view(), w.key)
			w.must(err)
			good := mal.write(crdt.TypeEpochMint, w.key, crdt.EpochID{}, m.Auth, func(*crdt.Header) []byte { return m.body })
			bad := mal.spoil(t, m, func(b *mintBody) { spoil(w, b) })
			ada.take(good) // Ada got the good one, by whatever way
			got := bob.take(bad)
			if len(got.Keys) != 0 || bob.State(m.Epoch) != BadWrap {
				t.Fatalf("Bob did not notice: %+v, %s", got, bob.State(m.Epoch))
			}
			if len(bob.kept) != 0 {
				t.Fatal("Bob keeps what he could not check")
			}
			miss := bob.Missing()
			if len(miss) != 1 || miss[0].Epoch != m.Epoch {
				t.Fatalf("Bob does not know what to ask for: %v", miss)
			}
			said := ada.say("do you read me?")
			want, err := bob.Want([]crdt.EpochID{m.Epoch})
			w.must(err)
			answer, err := ada.Answer(ada.view(), want)
			w.must(err)
			if got, err := bob.TakeAnswer(bob.view(), answer); err != nil || len(got.Keys) != 1 {
				t.Fatalf("the answer does not heal: %v", err)
			}
			if !bob.reads(said, "do you read me?") {
				t.Fatal("Bob still cannot read")
			}
		})
	}
	t.Run("a false claim does not keep out the true mint", func(t *testing.T) {
		w := newWorld(t, false, "ada", "bob", "mal")
		w.meet("ada", "bob", "mal")
		ada, bob, mal := w.desks["ada"], w.desks["bob"], w.desks["mal"]
		good, m := ada.mint()
		other := mal.spoil(t, m, func(b *mintBody) { b.inline[0] = []byte("x") })
		bob.take(other)
		if got := bob.take(good); len(got.Keys) != 1 {
			t.Fatalf("Bob took %+v of the true mint, which came second", got)
		}
		bob.restart()
		bob.take(good)
		if _, err := ada.tryTake(other); err != nil {
			t.Fatalf("a claim that fits the secret is not false: %v", err)
		}
		if !bob.reads(ada.say("hi"), "hi") {
			t.Fatal("Bob cannot read")
		}
	})
}

// TestOracle37_OnlyWhoeverMayReadGetsAnAnswer asks as everybody who may not.
func TestOracle37_OnlyWhoeverMayReadGetsAnAnswer(t *testing.T) {
	w := newWorld(t, false, "ada", "bob", "cy")
	w.meet("ada", "bob", "cy")
	ada, bob, cy := w.desks["ada"], w.desks["bob"], w.desks["cy"]
	op, m := ada.mint()
	miss := func(d *desk) []byte {
		d.restart()
		d.kept = memory{}
		d.restart()
		d.mints[m.Epoch] = &mint{epoch: m.Epoch, key: w.key, op: op.ID(), auth: m.Auth, state: AwaitingPart}
		want, err := d.Want([]crdt.EpochID{m.Epoch})
		w.must(err)
		return want
	}
	refuse := func(name string, want []byte) {
		t.Helper()
		if got, err := ada.Answer(ada.view(), want); err == nil || got != nil {
			t.Errorf("%s got an answer: %v", name, err)
		}
	}
	want := miss(bob)
	if _, err := ada.Answer(ada.view(), want); err != nil {
		t.Fatalf("Bob, who may, gets none: %v", err)
	}
	for bit := range 8 * len(want) {
		x := bytes.Clone(want)
		x[bit/8] ^= 1 << (bit % 8)
		refuse(fmt.Sprintf("a want with bit %d flipped", bit), x)
	}
	foreign, err := keyring.NewIdentity(w.rand)
	w.must(err)
	pub, err := foreign.Recipient()
	w.must(err)
	refuse("a want that names a key of its own", append(bytes.Clone(want), pub.X25519[:]...))

	_, stranger, err := ed25519.GenerateKey(w.rand)
	w.must(err)
	sw := wantBy(t, w, stranger, m.Epoch)
	refuse("a stranger", sw)

	answer, err := ada.Answer(ada.view(), want)
	w.must(err)
	if _, err := cy.TakeAnswer(cy.view(), answer); err == nil {
		t.Error("Cy opened the answer to Bob")
	}

	unknown := wantBy(t, w, bob.ring.SignKey(), crdt.EpochID{4})
	refuse("Bob, for an epoch that is not here,", unknown)

	wantOfCy := miss(cy)
	w.remove("ada", "cy")
	refuse("Cy, who was removed,", wantOfCy)

	w.hist = HistoryFromJoin
	dee := w.join("dee")
	w.meet("ada", "dee")
	refuse("Dee, who came later,", miss(dee))
}

func wantBy(t *testing.T, w *world, key ed25519.PrivateKey, epochs ...crdt.EpochID) []byte {
	t.Helper()
	x := want{by: [32]byte(publicKey(key)), epochs: epochs}
	return append(x.appendSigned(nil), ed25519.Sign(key, w.desks["ada"].wantBytes(&x))...)
}

// TestOracle38_KeysNobodyAskedForOrNoMintCommitsToAreNotKept brings keys to Bob in every way that is not right.
func TestOracle38_KeysNobodyAskedForOrNoMintCommitsToAreNotKept(t *testing.T) {
	w := newWorld(t, false, "ada", "bob")
	w.meet("ada", "bob")
	ada, bob := w.desks["ada"], w.desks["bob"]
	good, m := ada.mint()
	bare := ada.spoil(t, m, func(b *mintBody) { b.inline[0] = []byte("x") }) // Bob needs the key by another way
	secret, err := ada.epochs.Get(m.Epoch)
	w.must(err)
	to, _ := ada.view().RecipientOf(userOf("bob"))
	box := func(epoch crdt.EpochID, s keyring.Secret) []byte {
		b, err := wrap(kindAnswer, false, secrets{{epoch, s}}.append(nil), to.Key)
		w.must(err)
		return append([]byte{answerVersion, 1}, b...)
	}
	none := func(name string, err error) {
		t.Helper()
		if err == nil || len(bob.kept) != 0 || bob.State(m.Epoch) == Held {
			t.Fatalf("%s was kept: %v", name, err)
		}
	}
	_, err = bob.TakeAnswer(bob.view(), box(m.Epoch, secret))
	none("a key without a mint", err)
	bob.take(bare)
	_, err = bob.TakeAnswer(bob.view(), box(m.Epoch, secret))
	none("a key that nobody asked for", err)
	if !errors.Is(err, ErrUnasked) {
		t.Fatalf("it is refused with %v", err)
	}
	_, err = bob.Want([]crdt.EpochID{m.Epoch})
	w.must(err)
	_, err = bob.TakeAnswer(bob.view(), box(m.Epoch, keyring.Secret{1}))
	none("a key that the mint does not commit to", err)
	_, err = bob.TakeAnswer(bob.view(), box(crdt.EpochID{5}, secret))
	none("a key under another name", err)

	grant := func(epoch crdt.EpochID, s keyring.Secret) crdt.Verified {
		b, err := wrap(kindGrant, false, secrets{{epoch, s}}.append(nil), to.Key)
		w.must(err)
		g := grantBody{user: userOf("bob"), gen: 1, epochs: []crdt.EpochID{epoch}, box: b}
		v := ada.view()
		return ada.write(crdt.TypeKeyGrant, w.key, crdt.EpochID{}, v.auth, func(*crdt.Header) []byte { return g.append(nil) })
	}
	if got := bob.take(grant(m.Epoch, keyring.Secret{1})); len(got.Keys) != 0 || len(bob.kept) != 0 {
		t.Fatal("a grant of a wrong key was kept")
	}
	if got := bob.take(grant(crdt.EpochID{5}, secret)); len(got.Keys) != 0 || len(bob.kept) != 0 {
		t.Fatal("a grant of an epoch without a mint was kept")
	}
	if got, err := bob.TakeAnswer(bob.view(), box(m.Epoch, secret)); err != nil || len(got.Keys) != 1 {
		t.Fatalf("the right one, asked for, was not kept: %v", err)
	}
	bob.take(good)
}

// TestOracle42_MixedPluginAndOversizedWrapsAreRefused at both ends.
func TestOracle42_MixedPluginAndOversizedWrapsAreRefused(t *testing.T) {
	w := newWorld(t, true, "ada", "bob")
	w.meet("ada", "bob")
	ada, bob := w.desks["ada"], w.desks["bob"]
	op, _ := ada.mint()
	if bob.take(op); !bob.reads(ada.say("hi"), "hi") {
		t.Fatal("post-quantum wraps do not open")
	}
	t.Run("mint", func(t *testing.T) {
		classic := w.keys[holder{userOf("bob"), 1}]
		classic.Hybrid = nil
		w.keys[holder{userOf("bob"), 1}] = classic
		if _, err := ada.Mint(ada.view(), w.key); !errors.Is(err, ErrMixed) {
			t.Fatalf("a classic recipient among others: %v", err)
		}
	})
	id, err := keyring.NewIdentity(w.rand)
	w.must(err)
	pub, err := id.Recipient()
	w.must(err)
	good, err := wrap(kindPart, true, []byte("x"), pub)
	w.must(err)
	classic, err := wrap(kindPart, false, []byte("x"), pub)
	w.must(err)
	stanza := func(line string) []byte {
		head, rest, _ := bytes.Cut(good, []byte("\n"))
		return append(append(bytes.Clone(head), "\n"+line+"\n\n"...), rest...)
	}
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"a classic wrap":           {classic, ErrMixed},
		"a classic stanza":         {stanza("-> X25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), ErrMixed},
		"a plugin's stanza":        {stanza("-> piv-p256 AAAA"), ErrMixed},
		"a stanza with a path":     {stanza("-> ../../bin/sh AAAA"), ErrMixed},
		"a passphrase's stanza":    {stanza("-> scrypt AAAAAAAAAAAAAAAAAAAAAA 30"), ErrMixed},
		"65 stanzas":               {stanza(strings.TrimSuffix(strings.Repeat("-> mlkem768x25519 AA\n\n", 64), "\n\n")), ErrTooLarge},
		"a header of over 256 KiB": {stanza("-> mlkem768x25519 " + strings.Repeat("A", maxWrap)), ErrTooLarge},
		"no header":                {[]byte("hello"), ErrMalformed},
		"a header without an end":  {[]byte("age-encryption.org/v1\n-> mlkem768x25519 AA\n"), ErrMalformed},
		"an armored file":          {[]byte("-----BEGIN AGE ENCRYPTED FILE-----\n"), ErrMalformed},
	} {
		if _, err := unwrap(kindPart, true, c.file, id); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, not %v", name, err, c.want)
		}
	}
	if got, err := unwrap(kindPart, true, good, id); err != nil || string(got) != "x" {
		t.Errorf("a good one: %v", err)
	}
	if _, err := unwrap(kindGrant, true, good, id); !errors.Is(err, ErrWrap) {
		t.Errorf("a part passed for a grant: %v", err)
	}
	if got, err := mixedByHand(t, pub); err == nil {
		t.Errorf("age itself mixed recipients: %d bytes", got)
	}
}

// mixedByHand asks age to mix kinds, past our own check.
func mixedByHand(t *testing.T, pub keyring.Recipient) (int, error) {
	a, err := pub.Age(false)
	if err != nil {
		t.Fatal(err)
	}
	b, err := pub.Age(true)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	_, err = age.Encrypt(&out, a, b)
	return out.Len(), err
}
