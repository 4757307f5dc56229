package keyring

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hallway/crdt"
)

// The 24-word vectors of BIP-39 (trezor/python-mnemonic, vectors.json).
func TestPhrasesAreBIP39(t *testing.T) {
	for entropy, phrase := range map[string]string{
		"0000000000000000000000000000000000000000000000000000000000000000": strings.Repeat("abandon ", 23) + "art",
		"7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f": strings.Repeat("legal winner thank year wave sausage worth useful ", 2) + "legal winner thank year wave sausage worth title",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff": strings.Repeat("zoo ", 23) + "vote",
		"68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c": "hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length",
	} {
		b, err := hex.DecodeString(entropy)
		must(t, err)
		k := RecoveryKey{Secret(b)}
		if k.Phrase() != phrase {
			t.Errorf("%s: %s", entropy, k.Phrase())
		}
		if back, err := ParsePhrase(phrase); err != nil || back != k {
			t.Errorf("%s: %v", entropy, err)
		}
	}
}

func TestAPhraseIsReadAsPeopleTypeIt(t *testing.T) {
	k, err := NewRecoveryKey(rand.Reader)
	must(t, err)
	typed := "  " + strings.ToUpper(strings.ReplaceAll(k.Phrase(), " ", " \n\t"))
	if back, err := ParsePhrase(typed); err != nil || back != k {
		t.Fatal(err)
	}
	words := strings.Fields(k.Phrase())
	for name, bad := range map[string]string{
		"23 words":        strings.Join(words[:23], " "),
		"25 words":        k.Phrase() + " zoo",
		"an unknown word": strings.Join(append([]string{"hallway"}, words[1:]...), " "),
		"nothing":         "",
	} {
		if _, err := ParsePhrase(bad); !errors.Is(err, ErrPhrase) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wrong := 0
	for i := range words {
		other := append([]string(nil), words...)
		other[i] = wordList()[(wordIndex()[other[i]]+1)%2048]
		if _, err := ParsePhrase(strings.Join(other, " ")); err != nil {
			wrong++
		}
	}
	if wrong < len(words)-3 { // a checksum of 8 bits misses one in 256
		t.Fatalf("only %d of 24 wrong words were noticed", wrong)
	}
}

func TestOnePhraseGivesTheSameKeysForever(t *testing.T) {
	k := RecoveryKey{}
	pub, err := k.Identity().Recipient()
	must(t, err)
	sign := hex.EncodeToString(k.Sign().Seed())
	wk := hex.EncodeToString((WorkspaceKey{}).Sign().Seed())
	hybrid := crdt.Hash("test", pub.Hybrid)
	got := []string{sign, wk, hex.EncodeToString(pub.X25519[:]), hex.EncodeToString(hybrid[:])}
	want := []string{
		"277c16c87733d3cfb57ef921a74dc6915e0d83e5c061cf44264ead163ee25159",
		"1aa385a919a1a20fe92717ec2aee5c1e9869ef881f4a4d960e0a0e835c4273a3",
		"efabac8f34584fa209e21cc688e3720935ba036c0136ab877b61cdc066149412",
		"e1cb8ffa1f718f9a48b7c532a85d3ed7130d5b65878a213dab3c0e832e0e847c",
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("key %d is %s, was %s", i, got[i], want[i])
		}
	}
	if sign == wk {
		t.Error("the recovery key is the workspace key")
	}
}

func TestAKitComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := WorkspaceKey{Secret(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))}
		ws := crdt.WorkspaceID(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "ws"))
		name := rapid.StringN(0, 80, 200).Draw(t, "name")
		got, id, err := ParseKit(k.Kit(ws, name))
		if err != nil || got != k || id != ws {
			t.Fatalf("%q: %v", name, err)
		}
	})
}

func FuzzParseKit(f *testing.F) {
	f.Add(WorkspaceKey{}.Kit(crdt.WorkspaceID{1}, "Acme"))
	f.Fuzz(func(t *testing.T, text string) {
		k, ws, err := ParseKit(text)
		if err != nil {
			return
		}
		if again, id, err := ParseKit(k.Kit(ws, "x")); err != nil || again != k || id != ws {
			t.Fatal("what was read is not what is written")
		}
	})
}

func FuzzParsePhrase(f *testing.F) {
	f.Add(RecoveryKey{}.Phrase())
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParsePhrase(text)
		if err != nil {
			return
		}
		if k.Phrase() != strings.Join(strings.Fields(strings.ToLower(text)), " ") {
			t.Fatal("what was read is not what is written")
		}
	})
}

func FuzzParseFile(f *testing.F) {
	dir := f.TempDir()
	r, err := New(rand.Reader)
	must(f, err)
	must(f, Create(dir, Passphrase([]byte("x"), 1), r))
	b, err := os.ReadFile(filepath.Join(dir, FileName))
	must(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseFile(b)
		if err == nil && !bytes.Equal(appendPart(bytes.Clone(p.head), p.body), b) {
			t.Fatal("two encodings of one file")
		}
	})
}

func FuzzParseContents(f *testing.F) {
	r, err := New(rand.Reader)
	must(f, err)
	must(f, r.SetExtra("a", []byte("b")))
	f.Add(r.id.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseContents(b)
		if err != nil {
			return
		}
		if again, err := parseContents(c.append(nil)); err != nil || !bytes.Equal(again.append(nil), c.append(nil)) {
			t.Fatal("what was read is not what is written")
		}
	})
}
