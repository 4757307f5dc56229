package view

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"hallway/crdt/chat/chattest"
)

func TestQueriesMeanWhatPeopleType(t *testing.T) {
	word := func(w string) Term { return Term{Words: []string{w}} }
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	for text, want := range map[string]Parsed{
		"":                {},
		"  Hello,  world": {Query: Query{Terms: []Term{word("hello"), word("world")}}},
		`"to be" or*`:     {Query: Query{Terms: []Term{{Words: []string{"to", "be"}, Exact: true}, {Words: []string{"or"}, Prefix: true}}}},
		`"never closed`:   {Query: Query{Terms: []Term{{Words: []string{"never", "closed"}, Exact: true}}}},
		"v0.34.4":         {Query: Query{Terms: []Term{{Words: []string{"v0", "34", "4"}}}}},
		"in:#general from:@Ada has:link x": {Query: Query{Terms: []Term{word("x")}, NarrowIn: true, NarrowFrom: true, Link: true},
			InNames: []string{"#general"}, FromNames: []string{"Ada"}},
		`from:"Bob Ray"`:               {Query: Query{NarrowFrom: true}, FromNames: []string{"Bob Ray"}},
		"before:2026-03-02 after:2025": {Query: Query{Until: day(2026, 3, 2), Since: day(2026, 1, 1)}},
		"before:soon has:cheese":       {Query: Query{Terms: []Term{{Words: []string{"before", "soon"}}, {Words: []string{"has", "cheese"}}}}},
		"NEAR(a b) AND ^c -d":          {Query: Query{Terms: []Term{{Words: []string{"near", "a"}}, word("b"), word("and"), word("c"), word("d")}}},
		"“curly quotes”":               {Query: Query{Terms: []Term{{Words: []string{"curly", "quotes"}, Exact: true}}}},
		"!!! ... *":                    {},
	} {
		if got := ParseQuery(text, time.UTC); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %+v, want %+v", text, got, want)
		}
	}
}

// hostile are queries that would be syntax if they reached FTS5 as they are.
var hostile = []string{
	`"`, `""`, `"""`, `'`, `a"b`, `a OR`, `NOT`, `NEAR(`, `NEAR("a" "b", 10)`, `exact : a`, `{exact stem} : a`, `-exact : a`, `^a`, `a + b`, `(`, `)`,
	`a AND (`, `*`, `a**`, `"a" * b`, `words MATCH`, `'; DROP TABLE messages; --`, "a\x00b", "\xff\xfe", strings.Repeat(`"`, 10000),
	strings.Repeat("(", 10000), strings.Repeat("a ", 10000), strings.Repeat("ä", 10000), "\U000f0000", "tags : \U000f0000", "in:", "from:\"", "before:9999999999",
	"after:2026-13-45", "has:\x00", "rank : bm25", "in:\"a\" OR 1=1",
}

func emptyView(t testing.TB) *View {
	t.Helper()
	v, err := Open(t.Context(), filepath.Join(t.TempDir(), "view"), [32]byte{1}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

func TestNothingTypedIsSyntax(t *testing.T) {
	o := chattest.New(t, "Ada")
	pen := o.Pen("Ada", o.Channel("Ada", 1), 1)
	v := emptyView(t)
	if _, err := v.Apply(t.Context(), []Item{{Op: pen.Say(chattest.Start, "a plain message \U000f0000 with nothing \"in\" it")}}, 0); err != nil {
		t.Fatal(err)
	}
	for _, text := range hostile {
		q := ParseQuery(text, time.UTC).Query
		if _, err := v.Search(t.Context(), q); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	found, err := v.Search(t.Context(), Query{File: true})
	if err != nil || len(found.Hits) != 0 {
		t.Errorf("a text that holds the mark of a file passes for one: %+v, %v", found, err)
	}
}

func FuzzSearch(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	v := emptyView(f)
	f.Fuzz(func(t *testing.T, text string) {
		p := ParseQuery(text, time.UTC)
		if len(p.Terms) > maxTerms {
			t.Fatalf("%d terms", len(p.Terms))
		}
		if _, err := v.Search(t.Context(), p.Query); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func FuzzTokens(f *testing.F) {
	f.Add("The quick brown Füchse, 東京 don't v1.2 \u0301\u0301 İstanbul ﬁne")
	f.Fuzz(func(t *testing.T, text string) {
		at := 0
		tokens(text, func(w token) bool {
			if w.start < at || w.end <= w.start || w.end > len(text) {
				t.Fatalf("%+v in %q", w, text)
			}
			at = w.end
			if w.word == "" || len(w.word) > maxWord || strings.ContainsAny(w.word, " \"\x00*():^+-") {
				t.Fatalf("word %q", w.word)
			}
			// A word that is searched for is the word that was indexed.
			again := 0
			tokens(w.word, func(u token) bool {
				again++
				if u.word != w.word && len(w.word) < maxWord-8 {
					t.Fatalf("%q is indexed as %q, which reads as %q", text[w.start:w.end], w.word, u.word)
				}
				return true
			})
			return again < 2
		})
	})
}

func TestStemsOfOneWordMeet(t *testing.T) {
	for _, forms := range [][]string{
		{"connect", "connected", "connecting", "connection", "connections"}, {"relate", "related", "relating"}, {"run", "running", "runs"},
		{"generalization", "generalizations"}, {"hope", "hoping", "hoped"}, {"agree", "agreed"}, {"tie", "ties"},
	} {
		for _, f := range forms[1:] {
			if stem(f) != stem(forms[0]) {
				t.Errorf("%s gives %q, %s gives %q", forms[0], stem(forms[0]), f, stem(f))
			}
		}
	}
	for word, want := range map[string]string{"caresses": "caress", "ponies": "poni", "motoring": "motor", "sized": "size", "hopping": "hop",
		"falling": "fall", "filing": "file", "conditional": "condit", "adjustment": "adjust", "probate": "probat", "controll": "control", "東京": "東京", "abc": "abc"} {
		if got := stem(word); got != want {
			t.Errorf("stem of %s is %q, want %q", word, got, want)
		}
	}
}

func TestTagsAreOneCharacterAndNoTwoMeet(t *testing.T) {
	seen := map[string]bool{tagFile: true, tagLink: true}
	for n := int64(1); n < 60000; n += 7 {
		for _, tag := range []string{scopeTag(n), authorTag(n)} {
			if seen[tag] || len([]rune(tag)) != 1 || wordRune([]rune(tag)[0]) {
				t.Fatalf("tag %q of %d", tag, n)
			}
			seen[tag] = true
		}
	}
}
