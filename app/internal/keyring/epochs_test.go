package keyring

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"hallway/crdt"
)

type memory map[string][]byte

func (m memory) Put(name string, ct []byte) error { m[name] = bytes.Clone(ct); return nil }
func (m memory) Get(name string) ([]byte, bool, error) {
	ct, ok := m[name]
	return ct, ok, nil
}
func (m memory) Delete(name string) error { delete(m, name); return nil }
func (m memory) List(prefix string) (names []string, err error) {
	for n := range m {
		if strings.HasPrefix(n, prefix) {
			names = append(names, n)
		}
	}
	return names, nil
}

func TestEpochSecretsAreKeptAsCiphertextsUnderTheirName(t *testing.T) {
	r, kept := newRing(t), memory{}
	e, err := r.Epochs(kept)
	must(t, err)
	a, b := crdt.EpochID{1}, crdt.EpochID{2}
	must(t, e.Put(a, Secret{3}))
	must(t, e.Put(b, Secret{4}))
	for name, ct := range kept {
		secret := Secret{3}
		if bytes.Contains(ct, secret[:8]) {
			t.Fatalf("%s is kept open", name)
		}
	}
	later, err := r.Epochs(kept)
	must(t, err)
	if s, err := later.Get(a); err != nil || s != (Secret{3}) {
		t.Fatalf("after a restart: %v", err)
	}
	kept[epochPrefix+a.String()], kept[epochPrefix+b.String()] = kept[epochPrefix+b.String()], kept[epochPrefix+a.String()]
	swapped, err := r.Epochs(kept)
	must(t, err)
	if _, err := swapped.Get(a); !errors.Is(err, ErrDamaged) {
		t.Fatalf("a secret answered to another's name: %v", err)
	}
	if _, err := swapped.Get(crdt.EpochID{9}); !errors.Is(err, ErrNoKey) {
		t.Fatalf("an epoch that is not here: %v", err)
	}
}

func TestADestroyedEpochStaysSo(t *testing.T) {
	r, kept := newRing(t), memory{}
	e, err := r.Epochs(kept)
	must(t, err)
	id := crdt.EpochID{1}
	must(t, e.Put(id, Secret{3}))
	must(t, e.Destroy(id))
	later, err := r.Epochs(kept)
	must(t, err)
	for _, x := range []*Epochs{e, later} {
		if _, err := x.Get(id); !errors.Is(err, ErrNoKey) || !x.Destroyed(id) {
			t.Fatalf("a destroyed secret: %v", err)
		}
		if err := x.Put(id, Secret{3}); !errors.Is(err, ErrNoKey) {
			t.Fatalf("a destroyed secret was put back: %v", err)
		}
	}
}
