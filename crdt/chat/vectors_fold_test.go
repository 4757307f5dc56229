package chat

import (
	"bytes"
	"encoding/hex"
	"time"

	"hallway/crdt"
)

// talk is the ops of one fold: each person writes one log, in a scope of zeros.
type talk struct {
	g   *generator
	ops []givenOp
	seq map[byte]uint64
}

func (g *generator) talk() *talk { return &talk{g: g, seq: map[byte]uint64{}} }

// vid is the id of the n-th op: ids need not be hashes for a fold.
func vid(n byte) crdt.OpID { return crdt.OpID(bytes.Repeat([]byte{n}, 32)) }

// at adds an op of a person at a millisecond; edit changes what is not usual about it.
func (t *talk) at(ms uint64, n, who byte, state string, payload []byte, edit func(*givenOp)) {
	op := givenOp{ID: vid(n).String(), User: hex.EncodeToString(bytes.Repeat([]byte{who}, 16)), Log: hex.EncodeToString(bytes.Repeat([]byte{who}, 16)),
		Seq: t.seq[who], HLC: hlcText(crdt.HLC(ms << 16)), State: state, Bytes: hex.EncodeToString(payload)}
	t.seq[who]++
	if edit != nil {
		edit(&op)
	}
	t.ops = append(t.ops, op)
}

func (t *talk) say(ms uint64, n, who byte, b Body) { t.sayAs(ms, n, who, b, nil) }

func (t *talk) sayAs(ms uint64, n, who byte, b Body, edit func(*givenOp)) {
	e := Envelope{Body: b}
	inner, err := e.Append(nil)
	if err != nil {
		t.g.t.Fatal(err)
	}
	t.at(ms, n, who, "open", inner, edit)
}

func (t *talk) redact(ms uint64, n, who byte, row bool, target byte, edit func(*givenOp)) {
	body := crdt.RedactBody{Targets: []crdt.RedactTarget{{ID: vid(target), Row: row}}}
	t.at(ms, n, who, "redact", body.Append(nil), edit)
}

func moderates(o *givenOp) { o.Moderates = true }
func imports(o *givenOp)   { o.Imports = true }

// shown is a row as it must come; with changes one field or another.
func shown(row string, n, who byte, text string, with obj) obj {
	o := obj{"row": row, "id": vid(n).String(), "op": vid(n).String(), "author": userObj(who), "text": text, "edited": false, "thread": nil,
		"main": true, "pinned": false, "reactions": []obj{}}
	for k, v := range with {
		o[k] = v
	}
	return o
}

func userObj(who byte) obj {
	return obj{"user": hex.EncodeToString(bytes.Repeat([]byte{who}, 16)), "name": ""}
}

func (t *talk) makes(name, about string, rows ...obj) {
	t.g.add("fold_"+name, "fold", about, given{Ops: t.ops}, obj{"rows": rows})
}

func (g *generator) folds() {
	t := g.talk()
	t.say(9, 1, 0xa, &Message{Text: "third"})
	t.say(5, 3, 0xb, &Message{Text: "second, of the same clock as the first"})
	t.say(5, 2, 0xc, &Message{Text: "first"})
	t.makes("order_by_clock_then_id", "", shown("message", 2, 0xc, "first", nil),
		shown("message", 3, 0xb, "second, of the same clock as the first", nil), shown("message", 1, 0xa, "third", nil))

	t = g.talk()
	t.say(1, 1, 0xa, &Message{Text: "one"})
	t.say(2, 2, 0xa, &Edit{Target: vid(1), Text: "two"})
	t.say(2, 3, 0xa, &Edit{Target: vid(1), Text: "three"})
	t.say(9, 4, 0xb, &Edit{Target: vid(1), Text: "of somebody else"})
	t.say(9, 5, 0xa, &Edit{Target: vid(2), Text: "an edit is no message"})
	t.makes("edits", "two edits of one clock, one that has no right", shown("message", 1, 0xa, "three", obj{"edited": true}))

	t = g.talk()
	t.say(1, 1, 0xa, &Message{Text: "lunch?"})
	t.say(2, 2, 0xb, &React{Target: vid(1), Emoji: "b"})
	t.say(3, 3, 0xc, &React{Target: vid(1), Emoji: "a"})
	t.say(4, 4, 0xc, &React{Target: vid(1), Emoji: "b"})
	t.say(5, 5, 0xb, &React{Target: vid(1), Emoji: "b", Remove: true})
	t.say(6, 6, 0xb, &React{Target: vid(1), Emoji: "a"})
	t.say(7, 7, 0xb, &Pin{Target: vid(1)})
	t.makes("reactions_and_a_pin", "", shown("message", 1, 0xa, "lunch?", obj{"pinned": true, "reactions": []obj{
		{"emoji": "a", "by": []obj{userObj(0xc), userObj(0xb)}}, {"emoji": "b", "by": []obj{userObj(0xc)}}}}))

	t = g.talk()
	t.say(1, 1, 0xa, &Message{Text: "root"})
	t.say(2, 2, 0xb, &Message{Text: "reply", Thread: vid(1)})
	t.say(3, 3, 0xc, &Message{Text: "reply to all", Thread: vid(1), Broadcast: true})
	t.say(4, 4, 0xc, &Message{Text: "reply to what is not here", Thread: vid(9)})
	t.makes("threads", "", shown("message", 1, 0xa, "root", nil),
		shown("message", 2, 0xb, "reply", obj{"thread": vid(1).String(), "main": false}),
		shown("message", 3, 0xc, "reply to all", obj{"thread": vid(1).String()}),
		shown("message", 4, 0xc, "reply to what is not here", obj{"thread": vid(9).String(), "main": false}))
	g.deletions()
	g.imports()
}

func (g *generator) deletions() {
	t := g.talk()
	t.say(1, 1, 0xa, &Message{Text: "stays: who deletes it may not"})
	t.say(2, 2, 0xa, &Message{Text: "goes with a row"})
	t.say(3, 3, 0xa, &Message{Text: "goes without"})
	t.say(4, 4, 0xa, &React{Target: vid(1), Emoji: "a"})
	t.redact(5, 5, 0xb, true, 1, nil)
	t.redact(6, 6, 0xc, true, 2, moderates)
	t.redact(7, 7, 0xa, false, 2, nil)
	t.redact(8, 8, 0xa, false, 3, nil)
	t.redact(9, 9, 0xa, false, 4, nil)
	t.makes("deletions", "by author and moderator, of a reaction; of two Redacts the first decides about the row",
		shown("message", 1, 0xa, "stays: who deletes it may not", nil), shown("deleted", 2, 0xa, "", nil))

	t = g.talk()
	t.at(1, 1, 0xa, "erased", nil, nil)
	t.at(2, 2, 0xa, "locked", nil, nil)
	t.at(3, 3, 0xa, "open", []byte{1, 0, 0, 0}, nil)
	t.at(4, 4, 0xa, "open", []byte{1, 0, 0, 0}, nil)
	t.redact(5, 5, 0xa, true, 4, nil)
	t.at(6, 6, 0xa, "redact", []byte{0}, nil)
	t.redact(7, 7, 0xa, true, 6, nil)
	t.makes("what_cannot_be_read", "erased, locked, broken, broken and deleted, a Redact that breaks its form, and that deleted",
		shown("locked", 2, 0xa, "", nil), shown("deleted", 4, 0xa, "", nil))
}

func (g *generator) imports() {
	m := &Imported{System: "slack", Channel: "C1", Source: "1.1", AuthorName: "Dee", Text: "from before", Time: time.UnixMicro(2500).UTC()}
	id := m.ID(crdt.ScopeID{}).String()
	row := func(op byte) obj {
		return shown("message", op, 0xa, "from before", obj{"id": id, "author": obj{"user": nil, "name": "Dee"}})
	}
	t := g.talk()
	t.sayAs(9, 7, 0xb, m, imports)
	t.sayAs(9, 6, 0xa, m, imports)
	t.say(9, 5, 0xc, m)
	t.say(1, 1, 0xc, &Message{Text: "earlier"})
	t.say(10, 8, 0xb, &Edit{Target: crdt.OpID(unhex(g.t, id)), Text: "history is not edited"})
	t.say(11, 9, 0xb, &React{Target: crdt.OpID(unhex(g.t, id)), Emoji: "a"})
	r := row(6)
	r["reactions"] = []obj{{"emoji": "a", "by": []obj{userObj(0xb)}}}
	t.makes("imported_twice", "the lowest id of those who may import counts; it stands at its own time", shown("message", 1, 0xc, "earlier", nil), r)

	t.ops = append([]givenOp(nil), t.ops[:2]...)
	t.redact(12, 2, 0xa, true, 6, nil)
	t.makes("imported_twice_and_deleted_once", "the other takes over", row(7), shown("deleted", 6, 0xa, "", nil))
}
