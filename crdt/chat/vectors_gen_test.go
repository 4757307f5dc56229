package chat

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
)

func generateVectors(t testing.TB) map[string]vector {
	g := &generator{t: t, out: map[string]vector{}}
	g.envelopes()
	g.badMessages()
	g.badOthers()
	g.readStates()
	g.ids()
	g.folds()
	return g.out
}

var (
	vectorUser = access.UserID(bytes.Repeat([]byte{0xaa}, 16))
	vectorRoot = crdt.OpID(bytes.Repeat([]byte{0x11}, 32))
)

// cat joins bytes and texts; a text stands with its length before it.
func cat(parts ...any) []byte {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			out = binary.AppendUvarint(out, uint64(p))
		case string:
			out = append(binary.AppendUvarint(out, uint64(len(p))), p...)
		case []byte:
			out = append(out, p...)
		}
	}
	return out
}

// good is an envelope that is read; its fields are stated by the body that it was written from.
func (g *generator) good(name, about string, e Envelope) {
	g.t.Helper()
	b, err := e.Append(nil)
	if err != nil {
		g.t.Fatalf("%s: %v", name, err)
	}
	deps := []string{}
	for _, d := range e.Deps {
		deps = append(deps, hex.EncodeToString(d[:]))
	}
	g.add("envelope_"+name, "envelope", about, given{Bytes: hex.EncodeToString(b)},
		obj{"kind": e.Body.Kind(), "dependencies": deps, "body": fields(e.Body)})
}

// bad is an envelope that is refused.
func (g *generator) bad(name, class, about string, parts ...any) {
	g.t.Helper()
	g.add("envelope_bad_"+name, "envelope", about, given{Bytes: hex.EncodeToString(cat(parts...))}, obj{"error": class})
}

func (g *generator) envelopes() {
	mentions := []Mention{{Start: 3, End: 7, Kind: MentionUser, User: vectorUser}, {Start: 8, End: 16, Kind: MentionChannel}}
	g.good("message", "", Envelope{Body: &Message{Text: "hello"}})
	g.good("message_with_everything", "a broadcast reply with two dependencies", Envelope{Deps: []Dep{{1}, {2}}, Body: &Message{
		Text: "hi @Ada @channel ö", Thread: vectorRoot, Broadcast: true, ReplyTo: crdt.OpID{8}, Mentions: mentions, Nonce: "n1",
		Files: []File{{Name: "a.png", Mime: "image/png", Size: 300, Width: 640, Height: 480, Manifest: []byte{3, 4}}}}})
	g.good("message_of_a_file_alone", "", Envelope{Body: &Message{Files: []File{{Name: "x", Manifest: []byte{1}}}}})
	g.good("message_of_a_nonce_and_a_quote", "flags 4 and 32", Envelope{Body: &Message{Text: "so", ReplyTo: vectorRoot, Nonce: "7"}})
	g.good("edit", "", Envelope{Deps: []Dep{{1}}, Body: &Edit{Target: vectorRoot, Text: "hi @Ada @channel", Mentions: mentions}})
	g.good("edit_to_nothing", "", Envelope{Body: &Edit{Target: vectorRoot}})
	g.good("react", "", Envelope{Body: &React{Target: vectorRoot, Emoji: "👍🏽"}})
	g.good("react_taken_back", "", Envelope{Body: &React{Target: vectorRoot, Emoji: ":shipit:", Remove: true}})
	g.good("pin", "", Envelope{Body: &Pin{Target: vectorRoot}})
	g.good("imported", "", Envelope{Body: g.imported()})
	g.good("imported_of_a_link_alone", "", Envelope{Body: &Imported{System: "slack", Channel: "C1", Source: "2.1", AuthorName: "Dee",
		Time: time.UnixMicro(1).UTC(), Files: []FileLink{{}}}})
	g.good("unknown_kind", "from a newer version, kept as it is", Envelope{Deps: []Dep{{5}}, Body: &Unknown{Of: 200, Raw: []byte("whatever")}})
}

func (g *generator) imported() *Imported {
	return &Imported{System: "slack", Channel: "C1", Source: "1500000000.000100", Author: vectorUser, AuthorName: "Dee", AuthorSource: "U1",
		Time: time.UnixMicro(1500000000000100).UTC(), Edited: time.UnixMicro(1500000001000000).UTC(), Text: "see there, @Kim",
		Thread: "1400000000.000100", Broadcast: true, Pinned: true, Mentions: []Mention{{Start: 11, End: 15, Kind: MentionName}},
		Files:     []FileLink{{Name: "x", URL: "https://example.org/x", Mime: "text/plain", Size: 5}},
		Reactions: []ImportedReaction{{Emoji: ":tada:", By: []ImportedPerson{{Name: "Kim"}, {User: vectorUser}}}}}
}

func (g *generator) badMessages() {
	hello := cat(1, 0, 0, "hello")
	g.bad("nothing", "malformed", "no bytes at all")
	g.bad("kind_zero", "malformed", "", 0, 0, 0, "hello")
	g.bad("kind_over_255", "too-large", "kind 256", 256, 0, 0, "hello")
	g.bad("kind_not_minimal", "malformed", "81 00 for 1", []byte{0x81, 0}, 0, 0, "hello")
	g.bad("trailing_byte", "malformed", "", hello, []byte{0})
	g.bad("cut", "malformed", "the last byte is not there", hello[:len(hello)-1])
	g.bad("nine_dependencies", "too-large", "", 1, 9, bytes.Repeat([]byte{1}, 9*16), 0, "hello")
	g.bad("dependencies_not_ascending", "malformed", "twice the same", 1, 2, bytes.Repeat([]byte{1}, 32), 0, "hello")
	g.bad("unknown_flag", "too-large", "flag 64", 1, 0, 64, "hello")
	g.bad("message_of_nothing", "malformed", "neither text nor files", 1, 0, 0, "")
	g.bad("broadcast_without_thread", "malformed", "flag 2 alone", 1, 0, 2, "hello")
	g.bad("flag_without_value", "malformed", "flag 1, and a thread of zeros", 1, 0, 1, make([]byte, 32), "hello")
	g.bad("flag_of_an_empty_list", "malformed", "flag 8, and no mentions", 1, 0, 8, "hello", 0)
	g.bad("empty_nonce", "malformed", "flag 32", 1, 0, 32, "hello", "")
	g.bad("not_utf8", "malformed", "", 1, 0, 0, "\xc3\x28")
	g.bad("text_over_the_limit", "too-large", "a length of 49,153 and nothing behind it", 1, 0, 0, MaxText+1)
	g.bad("text_longer_than_what_is_there", "malformed", "", 1, 0, 0, 10, []byte("hello"))
	g.bad("mention_past_the_end", "malformed", "bytes 0 to 6 of 5", 1, 0, 8, "hello", 1, 0, 6, 2)
	g.bad("mention_inside_a_rune", "malformed", "byte 0 to 1 of a letter of two", 1, 0, 8, "ö", 1, 0, 1, 2)
	g.bad("mention_of_no_length", "malformed", "", 1, 0, 8, "hello", 1, 0, 0, 2)
	g.bad("mention_of_user_zero", "malformed", "", 1, 0, 8, "hello", 1, 0, 5, 1, make([]byte, 16))
	g.bad("mention_kind", "too-large", "kind 5", 1, 0, 8, "hello", 1, 0, 5, 5)
	g.bad("file_without_manifest", "malformed", "", 1, 0, 16, "", 1, "x", "", 0, 0, 0, "")
	g.bad("file_without_name", "malformed", "", 1, 0, 16, "", 1, "", "", 0, 0, 0, "m")
	g.bad("whole_over_the_limit", "too-large", "61,441 bytes", 1, 0, 0, strings.Repeat("x", MaxText), make([]byte, MaxInner+1-MaxText-6))
}

func (g *generator) badOthers() {
	root := vectorRoot[:]
	g.bad("edit_of_nothing", "malformed", "a target of zeros", 2, 0, make([]byte, 32), "x", 0)
	g.bad("react_with_a_space", "malformed", "", 3, 0, root, "a b", 0)
	g.bad("react_with_a_control_character", "malformed", "U+0085", 3, 0, root, "a\u0085", 0)
	g.bad("react_with_a_thin_space", "malformed", "U+2009", 3, 0, root, "a\u2009", 0)
	g.bad("react_without_emoji", "malformed", "", 3, 0, root, "", 0)
	g.bad("react_long", "too-large", "65 bytes", 3, 0, root, strings.Repeat("x", 65), 0)
	g.bad("pin_flag", "too-large", "flag 2", 4, 0, root, 2)
	imported := func(author []byte, us int, text, thread string, broadcast int, rest []byte) []byte {
		return cat(5, 0, "slack", "C1", "1.1", author, "Dee", "", us, 0, text, thread, broadcast, 0, 0, 0, rest)
	}
	none := []byte{0}
	g.bad("imported_reply_to_itself", "malformed", "", imported(none, 1, "x", "1.1", 0, none))
	g.bad("imported_without_time", "malformed", "", imported(none, 0, "x", "", 0, none))
	g.bad("imported_after_the_last_year", "too-large", "2^57 + 1 microseconds", imported(none, 1<<57+1, "x", "", 0, none))
	g.bad("imported_of_nothing", "malformed", "", imported(none, 1, "", "", 0, none))
	g.bad("imported_broadcast_without_thread", "malformed", "", imported(none, 1, "x", "", 1, none))
	g.bad("imported_author_of_zeros", "malformed", "1, and a user of zeros", imported(append([]byte{1}, make([]byte, 16)...), 1, "x", "", 0, none))
	g.bad("imported_reaction_of_nobody", "malformed", "", imported(none, 1, "x", "", 0, cat(1, "a", 0)))
	g.bad("imported_reaction_of_no_name", "malformed", "neither name nor user", imported(none, 1, "x", "", 0, cat(1, "a", 1, "", 0)))
}

func (g *generator) readStates() {
	a, b := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 16)
	state := func(name, about string, want obj, parts ...any) {
		g.add("readstate_"+name, "readstate", about, given{Bytes: hex.EncodeToString(cat(parts...))}, want)
	}
	malformed, large := obj{"error": "malformed"}, obj{"error": "too-large"}
	state("of_nothing", "", obj{"generation": 0, "below": obj{}}, 0, 0)
	state("of_two_logs", "", obj{"generation": 3, "below": obj{hex.EncodeToString(a): 5, hex.EncodeToString(b): 1 << 48}}, 3, 2, a, 5, b, 1<<48)
	state("bad_order", "", malformed, 3, 2, b, 5, a, 1)
	state("bad_zero", "a log of which nothing is read is left out", malformed, 0, 1, a, 0)
	state("bad_seq", "2^48 + 2", large, 0, 1, a, 1<<48+2)
	state("bad_generation", "2^48 + 1", large, 1<<48+1, 0)
}

func (g *generator) ids() {
	scope := strings.Repeat("22", 32)
	id := ImportedID(crdt.ScopeID(unhex(g.t, scope)), "slack", "C1", "1.1")
	g.add("importedid", "importedid", "", given{Scope: scope, System: "slack", Channel: "C1", Source: "1.1"}, obj{"id": id.String()})
}
