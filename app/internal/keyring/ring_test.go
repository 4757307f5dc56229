package keyring

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	oskeyring "github.com/zalando/go-keyring"

	"hallway/crdt"
)

// quick is a scrypt cost for tests.
const quick = 4

func newRing(t *testing.T) *Ring {
	t.Helper()
	r, err := New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func create(t *testing.T, m Master) (dir string, r *Ring) {
	t.Helper()
	dir, r = t.TempDir(), newRing(t)
	if err := Create(dir, m, r); err != nil {
		t.Fatal(err)
	}
	return dir, r
}

func TestARingComesBackWhole(t *testing.T) {
	oskeyring.MockInit()
	for name, master := range map[string]func(dir string) Master{
		"passphrase": func(string) Master { return Passphrase([]byte("correct horse"), quick) },
		"keychain":   func(string) Master { return Keychain("a workspace") },
		"key file":   func(dir string) Master { return KeyFile(filepath.Join(dir, "machine.key")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, r := t.TempDir(), newRing(t)
			m := master(dir)
			must(t, Create(dir, m, r))
			must(t, r.Bind(crdt.WorkspaceID{7}, [16]byte{8}))
			next, err := NewIdentity(rand.Reader)
			must(t, err)
			must(t, r.AddPUK(PUK{Gen: 2, Identity: next}))
			_, err = r.MakeWorkspaceKey(rand.Reader)
			must(t, err)
			must(t, r.SetExtra("invite", []byte("seed")))
			src, err := SourceOf(dir)
			must(t, err)
			if src != m.Source() {
				t.Fatalf("source %d", src)
			}
			got, err := Open(dir, m)
			must(t, err)
			if !bytes.Equal(got.id.append(nil), r.id.append(nil)) || got.root != r.root {
				t.Fatal("another ring came back")
			}
			if got.Workspace() != r.Workspace() || got.User() != r.User() || string(got.Extra("invite")) != "seed" {
				t.Fatal("what was bound is lost")
			}
			must(t, got.ForgetRecovery())
			must(t, got.ForgetWorkspaceKey())
			again, err := Open(dir, m)
			must(t, err)
			if _, ok := again.Recovery(); ok {
				t.Fatal("the recovery key was not forgotten")
			}
			if _, ok := again.WorkspaceKey(); ok {
				t.Fatal("the workspace key was not forgotten")
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEachFaultHasItsOwnError(t *testing.T) {
	oskeyring.MockInit()
	pass := Passphrase([]byte("correct horse"), quick)
	expect := func(name string, got, want error) {
		t.Helper()
		if !errors.Is(got, want) {
			t.Errorf("%s: %v, not %v", name, got, want)
		}
	}
	_, err := Open(t.TempDir(), pass)
	expect("an empty folder", err, ErrNone)

	dir, r := create(t, pass)
	expect("a second ring", Create(dir, pass, newRing(t)), ErrExists)
	_, err = Open(dir, Passphrase([]byte("wrong horse"), quick))
	expect("a wrong passphrase", err, ErrWrongPassphrase)
	_, err = Open(dir, Passphrase(nil, quick))
	expect("no passphrase", err, ErrWrongPassphrase)
	_, err = Open(dir, Keychain("x"))
	expect("another source", err, ErrWrongSource)
	must(t, r.Relock(Passphrase([]byte("new horse"), quick)))
	_, err = Open(dir, pass)
	expect("the passphrase before", err, ErrWrongPassphrase)
	_, err = Open(dir, Passphrase([]byte("new horse"), quick))
	must(t, err)

	dir, _ = create(t, Keychain("ws"))
	must(t, ForgetKeychain("ws"))
	_, err = Open(dir, Keychain("ws"))
	expect("a keychain item that is gone", err, ErrKeychainItem)
	oskeyring.MockInitWithError(errors.New("no bus"))
	_, err = Open(dir, Keychain("ws"))
	expect("no keychain", err, ErrNoKeychain)
	expect("no keychain to write to", Create(t.TempDir(), Keychain("ws"), newRing(t)), ErrNoKeychain)
	if KeychainWorks() {
		t.Error("a broken keychain is said to work")
	}
	oskeyring.MockInit()
	if !KeychainWorks() {
		t.Error("a good keychain is said not to work")
	}

	keys := t.TempDir()
	path := filepath.Join(keys, "machine.key")
	dir, _ = create(t, KeyFile(path))
	must(t, os.Chmod(path, 0o640))
	_, err = Open(dir, KeyFile(path))
	expect("a key file for all to read", err, ErrKeyFileMode)
	if !strings.Contains(fmt.Sprint(err), "0640") {
		t.Errorf("the mode is not said: %v", err)
	}
	must(t, os.Chmod(path, 0o600))
	_, err = Open(dir, KeyFile(path))
	must(t, err)
	must(t, os.Remove(path))
	_, err = Open(dir, KeyFile(path))
	expect("a key file that is gone", err, ErrNoKeyFile)
	must(t, os.WriteFile(path, []byte("not a key"), 0o600))
	_, err = Open(dir, KeyFile(path))
	expect("a key file that is none", err, ErrWrongKeyFile)
	must(t, os.WriteFile(path, []byte(strings.Repeat("ab", 32)), 0o600))
	_, err = Open(dir, KeyFile(path))
	expect("another key file", err, ErrWrongKeyFile)
}

func TestATruncatedChangedOrNewerFileIsRefused(t *testing.T) {
	pass := Passphrase([]byte("correct horse"), 1)
	dir, _ := create(t, pass)
	path := filepath.Join(dir, FileName)
	whole, err := os.ReadFile(path)
	must(t, err)
	try := func(name string, b []byte, want error) {
		t.Helper()
		must(t, os.WriteFile(path, b, 0o600))
		if _, err := Open(dir, pass); !errors.Is(err, want) {
			t.Fatalf("%s: %v, not %v", name, err, want)
		}
	}
	for n := range whole {
		try(fmt.Sprintf("cut at %d", n), whole[:n], ErrDamaged)
	}
	try("a byte more", append(bytes.Clone(whole), 0), ErrDamaged)
	newer := bytes.Clone(whole)
	newer[len(magic)] = version + 1
	try("a newer version", newer, ErrNewer)
	for _, at := range []int{len(whole) - 1, len(whole) - 100, len(magic) + 200} {
		b := bytes.Clone(whole)
		b[at] ^= 4
		must(t, os.WriteFile(path, b, 0o600))
		if _, err := Open(dir, pass); err == nil {
			t.Fatalf("a change at %d was not noticed", at)
		}
	}
	try("whole again", whole, nil)
}

func TestAChangeThatCannotBeWrittenIsNotMade(t *testing.T) {
	dir, r := create(t, Passphrase([]byte("correct horse"), 1))
	must(t, os.RemoveAll(dir))
	id, err := NewIdentity(rand.Reader)
	must(t, err)
	if err := r.AddPUK(PUK{Gen: 2, Identity: id}); err == nil {
		t.Fatal("a key that is not on disk was taken")
	}
	if _, ok := r.PUK(2); ok {
		t.Fatal("the ring has what its file has not")
	}
}

func TestNoTemporaryFileStays(t *testing.T) {
	dir, r := create(t, Passphrase([]byte("correct horse"), 1))
	for i := range 5 {
		must(t, r.SetExtra(fmt.Sprint(i), []byte{1}))
	}
	names, err := os.ReadDir(dir)
	must(t, err)
	if len(names) != 1 || names[0].Name() != FileName {
		t.Fatalf("left behind: %v", names)
	}
}

func TestSecretsPrintAsOneWord(t *testing.T) {
	r := newRing(t)
	rk, _ := r.Recovery()
	wk, err := r.MakeWorkspaceKey(rand.Reader)
	must(t, err)
	e, err := r.Epochs(memory{})
	must(t, err)
	for _, v := range []any{r.root, r.id.device[0], r, rk, wk, e, Secretive("passphrase"), PUK{1, r.id.device[0]}} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			fmt.Fprintf(&log, verb+"\n", v)
		}
		if !strings.Contains(log.String(), hidden) {
			t.Errorf("%T prints as %s", v, log.String())
		}
		for _, leak := range [][]byte{r.root[:], r.id.device[0].x25519[:], rk.entropy[:], wk.entropy[:], []byte("passphrase")} {
			for _, form := range []string{string(leak), fmt.Sprintf("%x", leak), fmt.Sprint(leak), fmt.Sprintf("%#v", leak)} {
				if strings.Contains(log.String(), form) {
					t.Errorf("%T shows its bytes", v)
				}
			}
		}
	}
	if _, err := r.root.MarshalText(); err == nil {
		t.Error("a secret went into a document")
	}
}

func TestDerivedKeysAreApart(t *testing.T) {
	r := newRing(t)
	seen := map[Secret]bool{r.root: true}
	for _, k := range []Secret{r.StoreKey(), r.ViewKey(), r.root.Derive("a", []byte("bc")), r.root.Derive("a", []byte("b"), []byte("c")), r.root.Derive("ab", []byte("c"))} {
		if seen[k] {
			t.Fatal("two purposes share a key")
		}
		seen[k] = true
	}
	if r.StoreKey() != r.StoreKey() {
		t.Fatal("the store's key changes")
	}
}

func TestIdentitiesMatchTheirRecipients(t *testing.T) {
	id, err := NewIdentity(rand.Reader)
	must(t, err)
	pub, err := id.Recipient()
	must(t, err)
	for _, pq := range []bool{false, true} {
		to, err := pub.Age(pq)
		must(t, err)
		own, err := id.Age(pq)
		must(t, err)
		got := reflect.ValueOf(own).MethodByName("Recipient").Call(nil)[0].MethodByName("String").Call(nil)[0].String()
		if want := fmt.Sprint(to); got != want {
			t.Fatalf("age computes %s, we %s", got, want)
		}
	}
	back, err := IdentityFromSecrets(id.Secrets())
	must(t, err)
	if again, err := back.Recipient(); err != nil || !again.Equal(pub) {
		t.Fatal("another identity came back")
	}
	if _, err := (Recipient{}).Age(true); !errors.Is(err, ErrRecipient) {
		t.Fatalf("no hybrid key: %v", err)
	}
}

func TestOnePUKPerGeneration(t *testing.T) {
	r := newRing(t)
	first, _ := r.PUK(1)
	must(t, r.AddPUK(PUK{Gen: 1, Identity: first}))
	other, err := NewIdentity(rand.Reader)
	must(t, err)
	if err := r.AddPUK(PUK{Gen: 1, Identity: other}); !errors.Is(err, ErrDamaged) {
		t.Fatalf("a second key for a generation: %v", err)
	}
	must(t, r.AddPUK(PUK{Gen: 3, Identity: other}))
	if p := r.PUKs(); len(p) != 2 || p[0].Gen != 3 {
		t.Fatalf("generations %v", p)
	}
}
