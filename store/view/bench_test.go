package view_test

import (
	"compress/gzip"
	"encoding/json"

	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hallway/crdt"
	"hallway/crdt/chat"
	"hallway/crdt/chat/chattest"
	"hallway/store/view"
)

// The benchmark wants real conversations: HALLWAY_CONVERSATIONS names a gzipped file of JSON lines with author, channel,
// thread, text; HALLWAY_MESSAGES how many messages to make of them by repeating them with words changed (200,000).
const (
	envConversations = "HALLWAY_CONVERSATIONS"
	envMessages      = "HALLWAY_MESSAGES"
)

type line struct{ Author, Channel, Thread, Text string }

func conversations(b *testing.B) []line {
	b.Helper()
	path := os.Getenv(envConversations)
	if path == "" {
		b.Skip("needs conversations: set " + envConversations)
	}
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	var out []line
	for d := json.NewDecoder(z); ; {
		var l line
		if err := d.Decode(&l); err == io.EOF {
			return out
		} else if err != nil {
			b.Fatal(err)
		}
		out = append(out, l)
	}
}

// load writes n messages by a dozen people into a dozen channels, and says how long the view took for them.
func load(b *testing.B, c *copyOf, lines []line, n int) (took time.Duration, scopes []crdt.ScopeID) {
	b.Helper()
	names := []string{"Ada", "Bob", "Emil", "Dee"}
	for i := range byte(12) {
		scopes = append(scopes, c.o.Channel("Ada", i+1))
	}
	pens := map[string]*chattest.Pen{}
	roots := map[string]chat.Opened{}
	var batch []view.Item
	flush := func() {
		start := time.Now()
		if _, err := c.v.Apply(b.Context(), batch, uint64(len(batch))); err != nil {
			b.Fatal(err)
		}
		took += time.Since(start)
		batch = batch[:0]
	}
	for i := range n {
		l := lines[i%len(lines)]
		name, scope := names[len(l.Author)%len(names)], scopes[len(l.Channel)%len(scopes)]
		pen := pens[name+scope.String()]
		if pen == nil {
			pen = c.o.Pen(name, scope, 1)
			pens[name+scope.String()] = pen
		}
		at := chattest.Start.Add(time.Duration(i-n) * 90 * time.Second)
		text := l.Text[:min(len(l.Text), 2000)] + " turn" + strconv.Itoa(i/len(lines))
		m := &chat.Message{Text: strings.ToValidUTF8(text, "")}
		thread := scope.String() + l.Thread
		if root, ok := roots[thread]; ok && i%4 == 0 {
			m.Thread = root.Origin().ID
		}
		op := pen.Write(at, m)
		if i%20 == 0 {
			roots[thread] = op
		}
		batch = append(batch, view.Item{Op: op, Arrived: at})
		if i%10 == 0 {
			batch = append(batch, view.Item{Op: pen.Write(at, &chat.React{Target: op.Origin().ID, Emoji: "👍"}), Arrived: at})
		}
		if len(batch) >= 1000 {
			flush()
		}
	}
	flush()
	return took, scopes
}

func BenchmarkView(b *testing.B) {
	lines := conversations(b)
	n := 200_000
	if s := os.Getenv(envMessages); s != "" {
		n, _ = strconv.Atoi(s)
	}
	o := chattest.New(b, "Ada", "Bob", "Emil", "Dee")
	c := &copyOf{o: o, path: filepath.Join(b.TempDir(), "view")}
	var err error
	if c.v, err = view.Open(b.Context(), c.path, key, view.Options{Self: o.User("Ada")}); err != nil {
		b.Fatal(err)
	}
	defer c.v.Close()
	took, scopes := load(b, c, lines, n)
	info, err := os.Stat(c.path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("apply %.1f us and %d B a message", float64(took.Microseconds())/float64(n), info.Size()/int64(n))
	for _, q := range []string{"sidecar", "the is", "quaternion", `"would be"`, "th*", "functi*", "a* b*", "from the in a", "has:link proof", "the", "lemma theorem"} {
		query := view.ParseQuery(q, time.UTC).Query
		report(b, "search "+q, 40, func(int) error {
			_, err := c.v.Search(b.Context(), query)
			return err
		})
	}
	rows, err := c.v.History(b.Context(), view.Page{Scope: scopes[5], Limit: view.MaxPage})
	if err != nil {
		b.Fatal(err)
	}
	at := rows.Rows[0].ID
	report(b, "page of 60 before", 200, func(int) error {
		rows, err := c.v.History(b.Context(), view.Page{Scope: scopes[5], Limit: 60, Before: at})
		if len(rows.Rows) > 0 {
			at = rows.Rows[0].ID
		}
		return err
	})
	report(b, "channels", 40, func(int) error {
		_, err := c.v.Channels(b.Context())
		return err
	})
}

func report(b *testing.B, what string, n int, f func(int) error) {
	b.Helper()
	took := make([]time.Duration, n)
	for i := range took {
		start := time.Now()
		if err := f(i); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	b.Logf("%-24s p50 %8.2f ms  p95 %8.2f ms", what, took[n/2].Seconds()*1000, took[n*95/100].Seconds()*1000)
}
