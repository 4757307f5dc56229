package crdt

import "encoding/binary"

// MaxRedact is how many ops one Redact may name.
const MaxRedact = 64

// RedactBody is the clear payload of a Redact op (protocol 3.6): whose payloads every copy drops. Whether its author may
// is asked elsewhere; it takes effect on ops of his own, and on others' where he moderates.
type RedactBody struct {
	Targets []RedactTarget // 1 to MaxRedact, sorted by id, without duplicates
}

// RedactTarget is one op to be dropped. Row keeps a row where it stood in its channel, saying that something was
// deleted: a copy that never saw the payload cannot know whether there was one, and all must show the same.
type RedactTarget struct {
	ID  OpID
	Row bool
}

// Append appends the encoding, in the order that the targets are in.
func (r *RedactBody) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(r.Targets)))
	for i := range r.Targets {
		row := byte(0)
		if r.Targets[i].Row {
			row = 1
		}
		b = append(append(b, row), r.Targets[i].ID[:]...)
	}
	return b
}

// ParseRedactBody reads one body, all of b.
func ParseRedactBody(b []byte) (RedactBody, error) {
	r := reader{b: b}
	n := int(r.length(MaxRedact))
	if r.err == nil && (n == 0 || n*(1+len(OpID{})) != len(r.b)) {
		r.fail(ErrMalformed)
	}
	var out RedactBody
	for i := 0; i < n && r.err == nil; i++ {
		var t RedactTarget
		row := r.byte()
		r.fill(t.ID[:])
		t.Row = row == 1
		if row > 1 || i > 0 && CompareIDs(out.Targets[i-1].ID, t.ID) >= 0 {
			r.fail(ErrMalformed)
		}
		out.Targets = append(out.Targets, t)
	}
	if err := r.done("redact body"); err != nil {
		return RedactBody{}, err
	}
	return out, nil
}
