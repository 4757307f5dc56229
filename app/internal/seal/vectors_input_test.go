package seal

import (
	"encoding/hex"
	"testing"

	"hallway/app/internal/keyring"
)

// asker reads the input of a vector; an absent field is zero.
type asker struct {
	t  testing.TB
	in obj
}

func (a asker) text(name string) string {
	s, _ := a.in[name].(string)
	return s
}

func (a asker) num(name string) int {
	switch n := a.in[name].(type) {
	case float64:
		return int(n)
	case int:
		return n
	}
	return 0
}

func (a asker) flag(name string) bool { return a.in[name] == true }

func (a asker) bytes(name string) []byte {
	a.t.Helper()
	b, err := hex.DecodeString(a.text(name))
	if err != nil {
		a.t.Fatalf("vector with bad hex in %s: %v", name, err)
	}
	return b
}

func (a asker) b32(name string) (out [32]byte) {
	copy(out[:], a.bytes(name))
	return out
}

func (a asker) b16(name string) (out [16]byte) {
	copy(out[:], a.bytes(name))
	return out
}

// sealer holds the one secret that the vector gives.
func (a asker) sealer() *Sealer {
	a.t.Helper()
	ring, err := keyring.New(fixed("ring"))
	if err != nil {
		a.t.Fatal(err)
	}
	e, err := ring.Epochs(memory{})
	if err != nil {
		a.t.Fatal(err)
	}
	if err := e.Put(a.b16("epoch"), a.b32("secret")); err != nil {
		a.t.Fatal(err)
	}
	return New(Options{Workspace: a.b32("workspace"), Ring: ring, Epochs: e, Rand: fixed("salt")})
}
