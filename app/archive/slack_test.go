package archive

import (
	"archive/zip"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
)

var update = flag.Bool("update", false, "write the golden file anew; then read it with your own eyes")

// entry is a file for a zip made by hand.
type entry struct{ name, body string }

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f, err := w.Create(e.name)
		if err == nil {
			_, err = f.Write([]byte(e.body))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(data []byte, l Limits) (*Slack, error) {
	return OpenSlack(bytes.NewReader(data), int64(len(data)), l)
}

func items(t testing.TB, s *Slack) ([]Item, *Report) {
	t.Helper()
	var all []Item
	r := s.Report()
	for it, err := range s.Items() {
		if err != nil {
			t.Fatal(err)
		}
		r.Add(it)
		all = append(all, it)
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	return all, r
}

func mustOpen(t testing.TB, data []byte) *Slack {
	t.Helper()
	s, err := open(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sample(t testing.TB) *Slack {
	t.Helper()
	data, err := os.ReadFile("testdata/slack-export.zip")
	if err != nil {
		t.Fatal(err)
	}
	return mustOpen(t, data)
}

// small is the export of testdata/small, which was written by hand to hold what the sample does not.
func small(t testing.TB) []entry {
	t.Helper()
	var out []entry
	err := filepath.WalkDir("testdata/small", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		name, _ := filepath.Rel("testdata/small", path)
		out = append(out, entry{filepath.ToSlash(name), string(body)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryRecordOfTheSampleIsAccountedFor(t *testing.T) {
	s := sample(t)
	_, got := items(t, s)
	want := &Report{
		Channels: 16, Messages: 1031, Replies: 0, Files: 67, People: 71, Records: 1382,
		Reactions: 198 + 37, // on messages (one more stands on a join) and, as then, on shared files
		Skipped: map[string]int{"join": 320, "leave": 3, "rename": 2, "integration": 1,
			"applied:purpose": 13, "applied:topic": 2, "applied:archive": 9, "applied:pin": 1},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if s.Records() != 1382 {
		t.Errorf("Records() = %d", s.Records())
	}
}

func TestTwoTellingsAreTheSame(t *testing.T) {
	for name, s := range map[string]*Slack{"sample": sample(t), "small": mustOpen(t, zipOf(t, small(t)...))} {
		first, _ := items(t, s)
		second, _ := items(t, s)
		if !reflect.DeepEqual(first, second) {
			t.Errorf("%s: the second telling differs from the first", name)
		}
	}
}

func TestAnotherOrderInTheZipTellsTheSame(t *testing.T) {
	there := small(t)
	first, _ := items(t, mustOpen(t, zipOf(t, there...)))
	slices.Reverse(there)
	second, _ := items(t, mustOpen(t, zipOf(t, there...)))
	if !reflect.DeepEqual(first, second) {
		t.Error("the items depend on the order of the zip's files")
	}
}

func TestTheSampleIsToldInTheOrderOfTime(t *testing.T) {
	all, _ := items(t, sample(t))
	stage, last := 0, ""
	var lastTime time.Time
	for _, it := range all {
		at := 2
		switch v := it.(type) {
		case Person:
			at = 0
		case Channel:
			at = 1
		case Message:
			if v.Time.Before(lastTime) || v.Time.Equal(lastTime) && v.Channel <= last {
				t.Fatalf("%s in %s comes after %v in %s", v.SourceID, v.Channel, lastTime, last)
			}
			lastTime, last = v.Time, v.Channel
		}
		if at < stage {
			t.Fatalf("%T comes too late", it)
		}
		stage = at
	}
}

// Bea shared a picture in 2015, in the old way, and Cai commented on Dov's.
func TestTheSamplesOldFilesKeepTheirWordsAndPeople(t *testing.T) {
	byID := map[string]Message{}
	all, _ := items(t, sample(t))
	for _, it := range all {
		if m, ok := it.(Message); ok {
			byID[m.Channel+"/"+m.SourceID] = m
		}
	}
	share := byID["C061A0WJG/1434773702.000009"]
	if want := "Thanks! This line was a big help - it lets you create 3-step gradients which is great when a lot of data is clustered around the center"; share.Text != want {
		t.Errorf("the words of a shared file: %q", share.Text)
	}
	if want := []FileLink{{"-.r", "https://files.example.com/7a1533a435ef", 78, "text/plain"}}; !reflect.DeepEqual(share.Files, want) {
		t.Errorf("its file: %+v", share.Files)
	}
	picture := byID["C061A0WJG/1433562832.000005"]
	if picture.Text != "" || len(picture.Files) != 1 || picture.AuthorName != "Bea Birch" || picture.Author != "U061A3E0G" {
		t.Errorf("a file without words: %+v", picture)
	}
	pinned := byID["C061A0WJG/1444755381.000003"]
	if !pinned.Pinned || pinned.Edited.Unix() != 1444755478 || pinned.Time != time.UnixMicro(1444755381000003).UTC() {
		t.Errorf("the pinned message: %+v", pinned)
	}
	comment := byID["C061A2UGJ/1452745415.000012"]
	if comment.Author != "U064SRKPD" || comment.Text != "Here are notes from Monday's MeetUp!" || len(comment.Reactions) != 0 {
		t.Errorf("a comment on a file: %+v", comment)
	}
	post := byID["C061A2UGJ/1452745415.000011"]
	if want := []Reaction{{"👏🏼", []string{"U061A1R2R", "U0J8SUPPY", "U061A5N1G"}}}; !reflect.DeepEqual(post.Reactions, want) {
		t.Errorf("reactions on a shared post: %+v", post.Reactions)
	}
}

func TestMentionsOfTheSampleStandWhereTheySay(t *testing.T) {
	all, _ := items(t, sample(t))
	names, n := map[string]string{}, 0
	for _, it := range all {
		switch v := it.(type) {
		case Person:
			names[v.SourceID] = v.DisplayName
		case Message:
			for _, m := range v.Mentions {
				n++
				if got := v.Text[m.Start:m.End]; m.Person != "" && got != "@"+names[m.Person] || m.Group != "" && got != "@"+m.Group {
					t.Errorf("%s: %q is not %+v", v.SourceID, got, m)
				}
			}
		}
	}
	if n != 163 {
		t.Errorf("%d mentions, want 163", n)
	}
}

func TestTheSmallExportBecomesTheGoldenText(t *testing.T) {
	all, r := items(t, mustOpen(t, zipOf(t, small(t)...)))
	var b strings.Builder
	for _, it := range all {
		fmt.Fprintln(&b, tell(it))
	}
	b.WriteString(r.String())
	if *update {
		if err := os.WriteFile("testdata/small.golden", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/small.golden")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func tell(it Item) string {
	m, ok := it.(Message)
	if !ok {
		return fmt.Sprintf("%T %+v", it, it)
	}
	s := fmt.Sprintf("%s %s %s (%s)", m.SourceID, m.Channel, m.AuthorName, m.Author)
	for _, flag := range []struct {
		on   bool
		word string
	}{{m.Pinned, " pinned"}, {m.Broadcast, " broadcast"}, {!m.Edited.IsZero(), " edited"}, {m.Thread != "", " under " + m.Thread}} {
		if flag.on {
			s += flag.word
		}
	}
	s += "\n\t" + strings.ReplaceAll(m.Text, "\n", "\n\t")
	for _, x := range m.Mentions {
		s += fmt.Sprintf("\n\t= %q %+v", m.Text[x.Start:x.End], x)
	}
	for _, x := range m.Links {
		s += fmt.Sprintf("\n\t= %+v", x)
	}
	for _, x := range m.Files {
		s += fmt.Sprintf("\n\t= %+v", x)
	}
	for _, x := range m.Reactions {
		s += fmt.Sprintf("\n\t= %+v", x)
	}
	return s
}

func TestAZipPackedAgainByHandIsTheSame(t *testing.T) {
	want, _ := items(t, mustOpen(t, zipOf(t, small(t)...)))
	var again []entry
	for _, e := range small(t) { // as another system does it: a folder round all, accents taken apart, its own files, a mark at the front
		again = append(again, entry{"Export/" + norm.NFD.String(e.name), "\xef\xbb\xbf" + e.body}, entry{"__MACOSX/Export/._" + e.name, "\x00\x05"})
	}
	got, _ := items(t, mustOpen(t, zipOf(t, again...)))
	if !reflect.DeepEqual(got, want) {
		t.Error("packed again, it tells something else")
	}
}

func TestProgressGoesToTheEnd(t *testing.T) {
	var done, total, calls int64
	_, err := open(zipOf(t, small(t)...), Limits{Progress: func(d, of int64) {
		if d < done || d > of || total != 0 && of != total {
			t.Errorf("progress went from %d/%d to %d/%d", done, total, d, of)
		}
		done, total, calls = d, of, calls+1
	}})
	if err != nil || done != total || total == 0 || calls < 5 {
		t.Errorf("%d/%d after %d calls, %v", done, total, calls, err)
	}
}

func TestWhoStopsListeningIsLeftAlone(t *testing.T) {
	s := sample(t)
	all, _ := items(t, s)
	for _, n := range []int{1, 72, 88, 500} {
		var got []Item
		for it := range s.Items() {
			if got = append(got, it); len(got) == n {
				break
			}
		}
		if !reflect.DeepEqual(got, all[:n]) {
			t.Errorf("the first %d items differ", n)
		}
	}
}

func TestTimesAreExact(t *testing.T) {
	for ts, want := range map[string]int64{
		"1436880695.000007": 1436880695000007, "1453118152.744641": 1453118152744641, "1": 1000000, "1.5": 1500000,
		"253402300799.999999": 253402300799999999,
		"":                    -1, ".5": -1, "5.": -1, "-1.0": -1, "1.0000001": -1, "1e9": -1, " 1": -1, "1.2.3": -1,
		"253402300800.000000": -1, "9223372036854775808": -1, "999999999999999999": -1,
	} {
		if got, ok := parseTS(ts); ok != (want >= 0) || ok && got != want {
			t.Errorf("parseTS(%q) = %d, %v", ts, got, ok)
		}
	}
}

func TestAReportThatLosesARecordFails(t *testing.T) {
	r := &Report{Records: 3}
	r.Add(Message{})
	r.Add(Skipped{Reason: "join"})
	if r.Check() == nil {
		t.Error("one of three records is missing, and nobody noticed")
	}
	r.Add(Applied{What: "topic"})
	if err := r.Check(); err != nil {
		t.Error(err)
	}
}

// failing is a disk that fails after some bytes.
type failing struct {
	data []byte
	good int64
}

var errDisk = errors.New("input/output error")

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if off < f.good {
		return 0, errDisk
	}
	return bytes.NewReader(f.data).ReadAt(p, off)
}

func TestADiskThatFailsIsNotTheExportsFault(t *testing.T) {
	data := zipOf(t, small(t)...)
	for _, good := range []int64{10, int64(len(data))} { // in the files, in the directory
		_, err := OpenSlack(&failing{data, good}, int64(len(data)), Limits{})
		if !errors.Is(err, errDisk) || errors.Is(err, ErrRefused) {
			t.Errorf("%v", err)
		}
	}
}

func TestAFileThatChangesAfterTheCheckEndsInAnError(t *testing.T) {
	data := zipOf(t, small(t)...)
	s := mustOpen(t, data)
	clear(data[:len(data)/2])
	var last error
	for _, err := range s.Items() {
		last = err
	}
	if last == nil {
		t.Error("half the file is gone, and nobody noticed")
	}
}
