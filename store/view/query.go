package view

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hallway/crdt"
	"hallway/crdt/access"
)

// Query is what is searched for. All that is set must hold. The zero Query finds everything.
type Query struct {
	Terms []Term
	// In are scopes of which one must fit; From likewise.
	In   []crdt.ScopeID
	From []Sender
	// NarrowIn and NarrowFrom say that In and From count even where they are empty: then nothing is found.
	NarrowIn, NarrowFrom bool
	File, Link           bool
	Since, Until         time.Time // written at Since or later, before Until; zero for no bound
	Limit                int       // 1 to MaxPage, 0 means 20
	Before               crdt.OpID // a hit's id, for the next page
}

// Sender is a member, or by name somebody of imported history.
type Sender struct {
	User access.UserID
	Name string // where User is zero; case does not matter
}

// Term is a word, the beginning of a word, or a phrase.
type Term struct {
	Words  []string // more than one for a phrase, which is found as it is written
	Prefix bool     // the last of them may go on
	Exact  bool     // in quotes: the word itself, not its other forms
}

// Parsed is a query as somebody typed it: the names in it are still names.
type Parsed struct {
	Query
	InNames, FromNames []string
}

// Limits of what is typed.
const (
	MaxQuery = 1000 // characters; the rest is not looked at
	maxTerms = 16
	maxWords = 16 // of a phrase
)

// ParseQuery reads a search as it is typed: words, prefix*, "phrases", in: from: has: before: after:. There is no wrong
// query: what makes no sense as a filter is looked for as words. Days are those of the zone.
func ParseQuery(text string, zone *time.Location) Parsed {
	var p Parsed
	for _, part := range split(text) {
		if part.quoted || !p.filter(part.text, zone) {
			p.term(part)
		}
	}
	return p
}

type part struct {
	text   string
	quoted bool
}

// split cuts a query at spaces outside of quotes. A quote that is never closed ends with the query.
func split(text string) []part {
	if utf8.RuneCountInString(text) > MaxQuery {
		text = string([]rune(text)[:MaxQuery])
	}
	text = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`).Replace(text)
	var out []part
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		if text[0] == '"' {
			body, rest, _ := strings.Cut(text[1:], `"`)
			out, text = append(out, part{body, true}), rest
			continue
		}
		end := wordEnd(text)
		out, text = append(out, part{text: text[:end]}), text[end:]
	}
	return out
}

// wordEnd is where a word of a query ends: at a space or quote, but not inside the quotes of a filter's value.
func wordEnd(text string) int {
	inside := false
	for i, r := range text {
		switch {
		case r == '"' && (inside || i > 0 && text[i-1] == ':'):
			inside = !inside
			if !inside {
				return i + 1
			}
		case !inside && (unicode.IsSpace(r) || r == '"'):
			return i
		}
	}
	return len(text)
}

func (p *Parsed) filter(word string, zone *time.Location) bool {
	key, value, ok := strings.Cut(word, ":")
	value = strings.Trim(value, `"`)
	if !ok || value == "" {
		return false
	}
	switch strings.ToLower(key) {
	case "in":
		p.InNames, p.NarrowIn = append(p.InNames, value), true
	case "from":
		p.FromNames, p.NarrowFrom = append(p.FromNames, strings.TrimPrefix(value, "@")), true
	case "has":
		return p.has(strings.ToLower(value))
	case "before":
		from, _, ok := day(value, zone)
		if !ok {
			return false
		}
		p.Until = from
	case "after":
		_, to, ok := day(value, zone)
		if !ok {
			return false
		}
		p.Since = to
	default:
		return false
	}
	return true
}

func (p *Parsed) has(what string) bool {
	switch what {
	case "file", "files":
		p.File = true
	case "link", "links":
		p.Link = true
	default:
		return false
	}
	return true
}

// day reads a day, month, year or moment as the stretch of time that it is; before: means before all of it, after: after
// all of it.
func day(s string, zone *time.Location) (from, to time.Time, ok bool) {
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at, at, true
	}
	for _, f := range []struct {
		layout  string
		y, m, d int
	}{{"2006-01-02", 0, 0, 1}, {"2006-01", 0, 1, 0}, {"2006", 1, 0, 0}} {
		if at, err := time.ParseInLocation(f.layout, s, zone); err == nil {
			return at, at.AddDate(f.y, f.m, f.d), true
		}
	}
	return from, to, false
}

// term takes words to look for. What is no word at all is left out, as a single sign.
func (p *Parsed) term(in part) {
	if len(p.Terms) == maxTerms {
		return
	}
	t := Term{Exact: in.quoted}
	end := 0
	tokens(in.text, func(w token) bool {
		t.Words, end = append(t.Words, w.word), w.end
		return len(t.Words) < maxWords
	})
	if len(t.Words) == 0 {
		return
	}
	// One letter begins so many words that it says nothing: then the word itself is meant.
	t.Prefix = strings.HasPrefix(in.text[end:], "*") && utf8.RuneCountInString(t.Words[len(t.Words)-1]) > 1
	p.Terms = append(p.Terms, t)
}

// match is the query in FTS5's language. Every word in it went through tokens and stands in quotes, and no word holds
// one, so that nothing typed is ever syntax. It is empty where only time bounds the query; ok is false where nothing
// can be found.
func (q *Query) match(in, from []string) (expr string, ok bool) {
	var and []string
	for _, t := range q.Terms {
		and = append(and, t.match())
	}
	for _, f := range []struct {
		narrow bool
		tags   []string
	}{{q.NarrowIn || len(q.In) > 0, in}, {q.NarrowFrom || len(q.From) > 0, from}} {
		if f.narrow && len(f.tags) == 0 {
			return "", false
		}
		if f.narrow {
			and = append(and, anyOf(f.tags))
		}
	}
	if q.File {
		and = append(and, anyOf([]string{tagFile}))
	}
	if q.Link {
		and = append(and, anyOf([]string{tagLink}))
	}
	return strings.Join(and, " AND "), true
}

func anyOf(tags []string) string { return `(tags : ("` + strings.Join(tags, `" OR "`) + `"))` }

func (t *Term) match() string {
	if len(t.Words) == 1 && !t.Prefix && !t.Exact {
		return `({exact stem} : "` + stem(t.Words[0]) + `")`
	}
	star := ""
	if t.Prefix {
		star = " *"
	}
	return `(exact : "` + strings.Join(t.Words, " ") + `"` + star + `)`
}
