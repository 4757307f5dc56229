package view

import (
	"errors"
	"sort"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"hallway/crdt"
)

// Found is a page of hits, the newest first.
type Found struct {
	Hits     []Hit
	Total    int  // hits in all, whatever the page; at most MaxTotal
	Exact    bool // Total is that many, not at least that many
	Searched int  // messages that were looked through
	More     bool // there are hits after this page
	Cursor   uint64
}

// MaxTotal is how far hits are counted: a word that stands in every other message is not worth the time.
const MaxTotal = 1000

// Hit is a message that was found. Snippet is the part of its text round the first find, Marks the finds in it.
type Hit struct {
	Row
	Snippet string
	Marks   []Mark
}

// Mark is a stretch of a snippet, in UTF-16 units.
type Mark struct{ From, To int }

// Search looks through every message that is here and not deleted, with names of its files. It answers from one
// snapshot; Cursor is what the index had seen.
func (v *View) Search(ctx ctx, q Query) (Found, error) {
	var out Found
	if q.Limit <= 0 {
		q.Limit = 20
	}
	q.Limit = min(q.Limit, MaxPage)
	err := v.reading(ctx, "search", func(c *conn) error {
		n, _, err := c.number(`SELECT v FROM meta WHERE k='cursor'`)
		out.Cursor = uint64(n)
		searched, _, err2 := c.number(`SELECT v FROM meta WHERE k='indexed'`)
		out.Searched = int(searched)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		s := search{conn: c, q: &q}
		if ok, err := s.prepare(); err != nil || !ok {
			out.Exact = true
			return err
		}
		return s.run(&out)
	})
	return out, err
}

type search struct {
	*conn
	q      *Query
	expr   string
	scopes map[int64]bool // nil for all
	people map[int64]bool
	low    int64 // rows to look at: low <= n < high
	high   int64
}

// prepare turns names of scopes and people into those of the index.
func (s *search) prepare() (ok bool, err error) {
	var in, from []string
	if len(s.q.In) > 0 {
		s.scopes = map[int64]bool{}
	}
	for _, id := range s.q.In {
		n, ok, err := s.scope(id)
		if err != nil {
			return false, err
		}
		if ok {
			s.scopes[n] = true
			in = append(in, scopeTag(n))
		}
	}
	if len(s.q.From) > 0 {
		s.people = map[int64]bool{}
	}
	for _, who := range s.q.From {
		if err := s.senders(who, func(n int64) {
			s.people[n] = true
			from = append(from, authorTag(n))
		}); err != nil {
			return false, err
		}
	}
	s.expr, ok = s.q.match(in, from)
	s.low, s.high = 0, 1<<62
	if !s.q.Since.IsZero() {
		s.low = max(0, s.q.Since.Unix()*slots)
	}
	if !s.q.Until.IsZero() {
		s.high = (s.q.Until.Unix() + 1 + spill) * slots
	}
	return ok, err
}

// spill is how many seconds late a row's number may be where many were written at once; what is outside the bounds for
// its real time is left out after it was read.
const spill = 600

func (s *search) senders(who Sender, yield func(int64)) error {
	sql, arg := `SELECT n FROM authors WHERE user=? LIMIT 100`, any(who.User[:])
	if who.User.IsZero() {
		sql, arg = `SELECT n FROM authors WHERE name<>'' AND lower(name)=lower(?) LIMIT 100`, any(who.Name)
	}
	return s.each(func(st *sqlite3.Stmt) error {
		yield(st.ColumnInt64(0))
		return nil
	}, sql, arg)
}

func (s *search) run(out *Found) error {
	hits, err := s.newest(s.high, MaxTotal+1)
	if err != nil {
		return err
	}
	if out.Total, out.Exact = len(hits), len(hits) <= MaxTotal; !out.Exact {
		out.Total = MaxTotal
	}
	if id := s.q.Before; !id.IsZero() {
		if hits, err = s.after(id, hits); err != nil {
			return err
		}
	}
	for _, n := range hits {
		rows, err := s.entries(`SELECT `+entryColumns+` FROM messages WHERE n=?`, n)
		if err != nil {
			return err
		}
		if len(rows) == 0 || !s.fits(&rows[0]) {
			out.Total--
			continue
		}
		if out.More = len(out.Hits) == s.q.Limit; out.More {
			return nil
		}
		out.Hits = append(out.Hits, s.hit(&rows[0]))
	}
	return nil
}

// newest lists the rows that fit, the newest first, below a number.
func (s *search) newest(high int64, limit int) ([]int64, error) {
	sql, args := `SELECT rowid FROM words WHERE words MATCH ? AND rowid>=? AND rowid<? ORDER BY rowid DESC LIMIT ?`, []any{s.expr, s.low, high, limit}
	if s.expr == "" {
		sql, args = `SELECT n FROM messages WHERE n>=? AND n<? AND kind=1 ORDER BY n DESC LIMIT ?`, args[1:]
	}
	out := make([]int64, 0, 64)
	err := s.each(func(st *sqlite3.Stmt) error {
		out = append(out, st.ColumnInt64(0))
		return nil
	}, sql, args...)
	return out, err
}

// after lists what comes after a hit: the rest of those that were counted, or what lies beyond them.
func (s *search) after(id crdt.OpID, hits []int64) ([]int64, error) {
	n, ok, err := s.number(`SELECT n FROM messages WHERE id=?`, id[:])
	if err != nil || !ok {
		return hits, err
	}
	if len(hits) <= MaxTotal || hits[len(hits)-1] < n {
		i := sort.Search(len(hits), func(i int) bool { return hits[i] < n })
		if len(hits) <= MaxTotal || len(hits)-i > s.q.Limit {
			return hits[i:], nil
		}
	}
	return s.newest(n, MaxTotal)
}

// fits checks on the row what the index knows only roughly.
func (s *search) fits(e *entry) bool {
	at := e.Post.HLC.Time()
	return (s.q.Since.IsZero() || !at.Before(s.q.Since.Truncate(time.Millisecond))) && (s.q.Until.IsZero() || at.Before(s.q.Until)) &&
		(s.scopes == nil || s.scopes[e.scope]) && (s.people == nil || s.people[e.author])
}

// snippetBytes is about how long a snippet is.
const snippetBytes = 240

func (s *search) hit(e *entry) Hit {
	finds := s.finds(e.Text)
	from, to := 0, len(e.Text)
	if to > snippetBytes {
		if len(finds) > 0 {
			from = max(0, finds[0].start-snippetBytes/4)
		}
		to = min(len(e.Text), from+snippetBytes)
		from, to = widen(e.Text, from, to)
	}
	h := Hit{Row: e.Row, Snippet: e.Text[from:to]}
	if from > 0 {
		h.Snippet = "…" + h.Snippet
	}
	if to < len(e.Text) {
		h.Snippet += "…"
	}
	lead := 0
	if from > 0 {
		lead = 1
	}
	for _, f := range finds {
		if f.start >= from && f.end <= to {
			at := lead + utf16Len(e.Text[from:f.start])
			h.Marks = append(h.Marks, Mark{at, at + utf16Len(e.Text[f.start:f.end])})
		}
	}
	return h
}

// widen moves the ends of a snippet to the nearest spaces, or at least between characters.
func widen(text string, from, to int) (int, int) {
	if i := strings.LastIndexByte(text[:from], ' '); i >= 0 && from-i < 24 {
		from = i + 1
	}
	if i := strings.IndexByte(text[to:], ' '); i >= 0 && i < 24 {
		to += i
	}
	for from > 0 && !runeStart(text[from]) {
		from--
	}
	for to < len(text) && !runeStart(text[to]) {
		to++
	}
	return from, to
}

func runeStart(b byte) bool { return b&0xc0 != 0x80 }

func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		if n++; r > 0xffff {
			n++
		}
	}
	return n
}

// finds are the places of a text that the query's terms fit, in order.
func (s *search) finds(text string) []token {
	if len(s.q.Terms) == 0 {
		return nil
	}
	var all []token
	tokens(text, func(t token) bool {
		all = append(all, t)
		return true
	})
	var out []token
	for i := 0; i < len(all); {
		longest := 0
		for _, t := range s.q.Terms {
			longest = max(longest, t.at(all[i:], s.memo))
		}
		if longest == 0 {
			i++
			continue
		}
		out = append(out, token{start: all[i].start, end: all[i+longest-1].end})
		i += longest
	}
	return out
}

// at is how many of the text's first words the term fits, 0 if it does not begin there.
func (t *Term) at(text []token, m memo) int {
	if len(t.Words) > len(text) {
		return 0
	}
	if len(t.Words) == 1 && !t.Prefix && !t.Exact {
		if want := m.stem(t.Words[0]); text[0].word == want || m.stem(text[0].word) == want {
			return 1
		}
		return 0
	}
	for i, w := range t.Words {
		last := t.Prefix && i == len(t.Words)-1
		if text[i].word != w && !(last && strings.HasPrefix(text[i].word, w)) {
			return 0
		}
	}
	return len(t.Words)
}
