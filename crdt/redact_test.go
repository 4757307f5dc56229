package crdt

import (
	"bytes"
	"testing"
)

func TestRedactBodyIsCanonical(t *testing.T) {
	body := RedactBody{Targets: []RedactTarget{{ID: OpID{1}, Row: true}, {ID: OpID{2}}}}
	b := body.Append(nil)
	back, err := ParseRedactBody(b)
	if err != nil || len(back.Targets) != 2 || back.Targets[0] != body.Targets[0] || back.Targets[1] != body.Targets[1] {
		t.Fatalf("%+v, %v", back, err)
	}
	twice := RedactBody{Targets: []RedactTarget{{ID: OpID{1}}, {ID: OpID{1}}}}
	many := RedactBody{Targets: make([]RedactTarget, MaxRedact+1)}
	for name, bad := range map[string][]byte{
		"nothing": {}, "no target": {0}, "a target twice": twice.Append(nil), "a trailing byte": append(bytes.Clone(b), 0),
		"cut": b[:len(b)-1], "a flag of 2": append([]byte{1, 2}, make([]byte, 32)...), "too many": many.Append(nil),
	} {
		if _, err := ParseRedactBody(bad); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func FuzzParseRedactBody(f *testing.F) {
	body := RedactBody{Targets: []RedactTarget{{ID: OpID{1}, Row: true}, {ID: OpID{2}}}}
	f.Add(body.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRedactBody(b)
		if err == nil && !bytes.Equal(r.Append(nil), b) {
			t.Fatalf("%x is not the one encoding of %+v", b, r)
		}
	})
}
