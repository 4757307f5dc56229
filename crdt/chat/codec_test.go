package chat

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
)

func samples() []Envelope {
	mention := []Mention{{Start: 3, End: 7, Kind: MentionUser, User: access.UserID{9}}, {Start: 8, End: 16, Kind: MentionChannel}}
	return []Envelope{
		{Body: &Message{Text: "hello"}},
		{Deps: []Dep{{1}, {2}}, Body: &Message{Text: "hi @Ada @channel ö", Thread: crdt.OpID{7}, Broadcast: true, ReplyTo: crdt.OpID{8},
			Mentions: mention, Nonce: "n1"}},
		{Body: &Message{Files: []File{{Name: "plan.pdf", Mime: "application/pdf", Size: 1 << 40, Manifest: []byte{1, 2}},
			{Name: "a.png", Mime: "image/png", Size: 3, Width: 640, Height: 480, Manifest: []byte{3}}}}},
		{Body: &Edit{Target: crdt.OpID{1}, Text: "hi @Ada @channel", Mentions: mention}},
		{Body: &React{Target: crdt.OpID{1}, Emoji: "👍🏽", Remove: true}},
		{Body: &Pin{Target: crdt.OpID{1}}},
		{Body: &Imported{System: "slack", Channel: "C1", Source: "1500000000.000100", Author: access.UserID{4}, AuthorName: "Dee", AuthorSource: "U1",
			Time: time.UnixMicro(1500000000000100).UTC(), Edited: time.UnixMicro(1500000001000000).UTC(), Text: "see https://example.org",
			Thread: "1400000000.000100", Broadcast: true, Pinned: true, Files: []FileLink{{Name: "x", URL: "https://example.org/x", Size: 5}},
			Reactions: []ImportedReaction{{Emoji: ":shipit:", By: []ImportedPerson{{Name: "Kim"}, {User: access.UserID{4}}}}}}},
		{Deps: []Dep{{5}}, Body: &Unknown{Of: 200, Raw: []byte("whatever comes")}},
	}
}

func TestOracle04_BodiesAreCanonical(t *testing.T) {
	for _, e := range samples() {
		b, err := e.Append(nil)
		if err != nil {
			t.Fatalf("%+v: %v", e.Body, err)
		}
		back, err := ParseEnvelope(b)
		if err != nil || !reflect.DeepEqual(e, back) {
			t.Fatalf("%v\ngot  %+v\nwant %+v", err, back.Body, e.Body)
		}
		if _, unknown := e.Body.(*Unknown); unknown {
			continue
		}
		if _, err := ParseEnvelope(append(bytes.Clone(b), 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%T: a trailing byte gives %v", e.Body, err)
		}
		if _, err := ParseEnvelope(append([]byte{b[0] | 0x80, 0}, b[1:]...)); err == nil {
			t.Errorf("%T: a kind in two bytes is taken", e.Body)
		}
		for i := range b {
			if _, err := ParseEnvelope(b[:i]); err == nil {
				t.Errorf("%T cut to %d bytes is taken", e.Body, i)
			}
		}
	}
}

func TestWhatBreaksARuleIsNeitherWrittenNorRead(t *testing.T) {
	for name, body := range map[string]Body{
		"an empty message":           &Message{},
		"a broadcast without thread": &Message{Text: "x", Broadcast: true},
		"text that is not UTF-8":     &Message{Text: "\xff"},
		"too much text":              &Message{Text: strings.Repeat("x", MaxText+1)},
		"a mention past the end":     &Message{Text: "@Ada", Mentions: []Mention{{Start: 0, End: 5, Kind: MentionChannel}}},
		"a mention inside a rune":    &Message{Text: "ö", Mentions: []Mention{{Start: 0, End: 1, Kind: MentionChannel}}},
		"mentions that overlap":      &Message{Text: "@Ada", Mentions: []Mention{{Start: 0, End: 3, Kind: MentionChannel}, {Start: 2, End: 4, Kind: MentionChannel}}},
		"a mention of nobody":        &Message{Text: "@Ada", Mentions: []Mention{{Start: 0, End: 4, Kind: MentionUser}}},
		"an emoji of two words":      &React{Target: crdt.OpID{1}, Emoji: "a b"},
		"a reaction to nothing":      &React{Emoji: "a"},
		"an edit of nothing":         &Edit{Text: "x"},
		"a file without a manifest":  &Message{Files: []File{{Name: "x"}}},
		"a reply to itself":          &Imported{System: "s", Channel: "c", Source: "1", Thread: "1", AuthorName: "x", Text: "x", Time: time.UnixMicro(1)},
		"known things as unknown":    &Unknown{Of: KindPin, Raw: []byte{1}},
	} {
		e := Envelope{Body: body}
		if _, err := e.Append(nil); err == nil {
			t.Errorf("%s is written", name)
		}
	}
	big := Envelope{Body: &Message{Text: strings.Repeat("x", MaxText), Files: []File{{Name: "x", Manifest: make([]byte, MaxManifest)}}}}
	if _, err := big.Append(nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an envelope over MaxInner gives %v", err)
	}
}

func TestOracle07_AHundredCharactersStaySmall(t *testing.T) {
	e := Envelope{Deps: []Dep{{1}}, Body: &Message{Text: strings.Repeat("x", 100)}}
	b, err := e.Append(nil)
	if err != nil || len(b) > 120 {
		t.Errorf("%d bytes, %v: with its length it must fit into 128", len(b), err)
	}
}

func TestReadStatesJoin(t *testing.T) {
	a := ReadState{Generation: 1, Below: map[crdt.LogID]uint64{{1}: 5, {2}: 1}}
	b := ReadState{Generation: 1, Below: map[crdt.LogID]uint64{{1}: 3, {3}: 7}}
	joined := a.Merge(b)
	if want := map[crdt.LogID]uint64{{1}: 5, {2}: 1, {3}: 7}; !reflect.DeepEqual(joined.Below, want) || !reflect.DeepEqual(joined, b.Merge(a)) {
		t.Errorf("joined %+v", joined)
	}
	again := ReadState{Generation: 2, Below: map[crdt.LogID]uint64{{1}: 2}}
	if got := joined.Merge(again); got.Generation != 2 || got.Below[crdt.LogID{1}] != 2 || len(got.Below) != 1 {
		t.Errorf("a new generation must win: %+v", got)
	}
	back, err := ParseReadState(joined.Append(nil))
	if err != nil || !reflect.DeepEqual(back, joined) {
		t.Errorf("%+v, %v", back, err)
	}
}

func FuzzParseEnvelope(f *testing.F) {
	for _, e := range samples() {
		b, err := e.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEnvelope(b)
		if err != nil {
			return
		}
		again, err := e.Append(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x reads as %+v and is written as %x, %v", b, e.Body, again, err)
		}
	})
}

func FuzzParseReadState(f *testing.F) {
	f.Add(ReadState{Generation: 300, Below: map[crdt.LogID]uint64{{1}: 5, {2}: 1}}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReadState(b)
		if err == nil && !bytes.Equal(r.Append(nil), b) {
			t.Fatalf("%x is not the one encoding of %+v", b, r)
		}
	})
}
