package archive

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

// whole is the least that is an export: Zoë's one message.
func whole(more ...entry) []entry {
	return append([]entry{
		{"users.json", `[{"id":"U1","name":"zoe"}]`},
		{"channels.json", `[{"id":"C1","name":"general"}]`},
		{"general/2023-11-14.json", `[{"ts":"1700000000.000001","user":"U1","text":"hello"}]`},
	}, more...)
}

// without is whole with one file other than it should be; an empty body takes it away.
func without(name, body string) []entry {
	var out []entry
	for _, e := range whole() {
		if e.name == name {
			e.body = body
		}
		if e.body != "" {
			out = append(out, e)
		}
	}
	return out
}

// headers packs a zip whose entries' headers have been meddled with.
func headers(t *testing.T, meddle func(*zip.FileHeader)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, e := range whole() {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if i == 2 {
			meddle(h)
		}
		f, err := w.CreateHeader(h)
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

// patch changes fields of the last entry of a zip's directory. Offsets are those of APPNOTE 4.3.12.
func patch(t *testing.T, data []byte, change func(header []byte)) []byte {
	t.Helper()
	at := bytes.LastIndex(data, []byte("PK\x01\x02"))
	if at < 0 {
		t.Fatal("no directory")
	}
	out := slices.Clone(data)
	change(out[at:])
	return out
}

func put32(at int, v uint32) func([]byte) {
	return func(h []byte) { binary.LittleEndian.PutUint32(h[at:], v) }
}

func TestHostileZipsAreRefusedWithOneSentence(t *testing.T) {
	sampleZip, err := os.ReadFile("testdata/slack-export.zip")
	if err != nil {
		t.Fatal(err)
	}
	plain := zipOf(t, whole()...)
	bomb := zipOf(t, whole(entry{"general/2023-11-15.json", strings.Repeat(" ", 3<<20)})...)
	damaged := slices.Clone(sampleZip)
	for i := len(damaged) / 2; i < len(damaged)/2+400; i++ {
		damaged[i] ^= 0x55
	}
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	notExport := func(why string) string {
		return "this is not a Slack export: " + why + "; choose the zip file that Slack's export page gave you"
	}
	trapped := func(name, why string) string {
		return "this zip file is a trap: it holds a file called " + name + ", which " + why + "; nothing was taken from it"
	}
	named := func(name string) []byte { return zipOf(t, whole(entry{name, "[]"})...) }
	for _, c := range []struct {
		name   string
		data   []byte
		limits Limits
		want   string
	}{
		{"nothing", nil, Limits{}, "this is not a zip file; choose the zip file that Slack's export page gave you, as it came"},
		{"a picture", []byte("\x89PNG\r\n\x1a\n and so on, long enough to be looked at"), Limits{}, "this is not a zip file; choose the zip file that Slack's export page gave you, as it came"},
		{"half a file", sampleZip[:len(sampleZip)/2], Limits{}, "this zip file is cut short: its end is missing; download it again"},
		{"all but a byte", sampleZip[:len(sampleZip)-1], Limits{}, "this zip file is cut short: its end is missing; download it again"},
		{"damaged", damaged, Limits{}, `this zip file is damaged at "get_feedback/2016-06-05.json"; download it again`},
		{"an empty zip", zipOf(t), Limits{}, notExport("it holds no channels.json")},
		{"no channels", zipOf(t, without("channels.json", "")...), Limits{}, notExport("it holds no channels.json")},
		{"no users", zipOf(t, without("users.json", "")...), Limits{}, notExport("it holds no users.json")},
		{"users of another kind", zipOf(t, without("users.json", `[1]`)...), Limits{}, notExport("users.json lists something that is no person")},
		{"channels of another kind", zipOf(t, without("channels.json", `[{"name":"x"}]`)...), Limits{}, notExport("its list of channels holds something that is no channel")},
		{"a channel twice", zipOf(t, without("channels.json", `[{"id":"C1","name":"a"},{"id":"C1","name":"b"}]`)...), Limits{}, `this export lists the channel "C1" twice; download it again`},
		{"a nested zip only", zipOf(t, entry{"export.zip", string(plain)}), Limits{}, notExport("it holds no channels.json")},

		{"out by dots", named("../general/2023-11-15.json"), Limits{}, trapped(`"../general/2023-11-15.json"`, "points to a place outside")},
		{"out in the middle", named("general/../../x.json"), Limits{}, trapped(`"general/../../x.json"`, "points to a place outside")},
		{"absolute", named("/etc/cron.d/x"), Limits{}, trapped(`"/etc/cron.d/x"`, "points to a place outside")},
		{"a drive", named("C:/Windows/x"), Limits{}, trapped(`"C:/Windows/x"`, "points to a place outside")},
		{"backslashes", named(`general\2023-11-15.json`), Limits{}, trapped(`"general\2023-11-15.json"`, "holds a backslash")},
		{"a zero byte", named("general/2023-11-15.json\x00.png"), Limits{}, trapped("\"general/2023-11-15.json\uFFFD.png\"", "hides something behind a zero byte")},
		{"no Unicode", named("general/\xff.json"), Limits{}, trapped("\"general/\uFFFD.json\"", "is not written in Unicode")},
		{"a doubled slash", named("general//2023-11-15.json"), Limits{}, trapped(`"general//2023-11-15.json"`, "is no proper path")},
		{"a long name", named(strings.Repeat("a", 1025)), Limits{}, trapped("\""+strings.Repeat("a", 60)+"…\"", "is too long")},
		{"colours and line breaks in a name", named("\x1b[31m\nred\u202e/.."), Limits{}, trapped("\"\uFFFD[31m\uFFFDred\uFFFD/..\"", "points to a place outside")},
		{"a name twice", named("users.json"), Limits{}, `this zip file holds "users.json" twice, which no export of Slack does; download it again`},
		{"a name twice, spelt apart", zipOf(t, whole(entry{"caf\u00e9/x", ""}, entry{"cafe\u0301/x", ""})...), Limits{}, "this zip file holds \"caf\u00e9/x\" twice, which no export of Slack does; download it again"},
		{"a link", headers(t, func(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) }), Limits{}, `this zip file is a trap: "general/2023-11-14.json" is not a file but a link or device; nothing was taken from it`},
		{"a device", headers(t, func(h *zip.FileHeader) { h.SetMode(fs.ModeDevice | 0o666) }), Limits{}, `this zip file is a trap: "general/2023-11-14.json" is not a file but a link or device; nothing was taken from it`},
		{"a password", patch(t, plain, func(h []byte) { h[8] |= 1 }), Limits{}, `"general/2023-11-14.json" in this zip file is locked with a password; unlock it, or download the export again`},
		{"another packing", patch(t, plain, func(h []byte) { h[10] = 14 }), Limits{}, `"general/2023-11-14.json" in this zip file is packed in a way that Slack does not use; download the export again`},

		{"a bomb", bomb, Limits{}, `this zip file is a trap: "general/2023-11-15.json" would swell to more than 200 times its size; nothing was taken from it`},
		{"a bomb that says it is small", patch(t, bomb, put32(24, 100)), Limits{}, `this zip file is a trap: "general/2023-11-15.json" holds more than it says; nothing was taken from it`},
		{"a file that says it is smaller", patch(t, plain, put32(24, 5)), Limits{}, `this zip file is a trap: "general/2023-11-14.json" holds more than it says; nothing was taken from it`},
		{"a file that says it is larger", patch(t, plain, put32(24, 500)), Limits{}, `this zip file is damaged at "general/2023-11-14.json"; download it again`},
		{"files over each other", patch(t, plain, put32(20, uint32(len(plain)))), Limits{}, "this zip file is a trap: its files overlap, so it holds more than it could; nothing was taken from it"},
		{"a file too large", plain, Limits{FileBytes: 40}, `"general/2023-11-14.json" in this zip file unpacks to more than 40 bytes, which no day of a channel does; nothing was taken from it`},
		{"too much in all", plain, Limits{TotalBytes: 60}, "this zip file would unpack to more than 60 bytes, which is more than is taken at once; export a shorter time at Slack"},
		{"too many files", plain, Limits{Entries: 2}, "this zip file holds more than 2 files, which is more than is taken at once; export a shorter time at Slack"},
		{"a directory without end", zipOf(t, whole(slices.Repeat([]entry{{strings.Repeat("x", 60000), ""}}, 20)...)...), Limits{Entries: 5}, "this zip file's list of files is too large to be an export of Slack; download it again"},

		{"broken JSON", zipOf(t, without("general/2023-11-14.json", `[{"ts":"1700000000.000001"`)...), Limits{}, `"general/2023-11-14.json" in this export is not readable: it is broken JSON; download the export again`},
		{"an empty day", zipOf(t, without("general/2023-11-14.json", " ")...), Limits{}, `"general/2023-11-14.json" in this export is not readable: it is broken JSON; download the export again`},
		{"broken users", zipOf(t, without("users.json", `[{]`)...), Limits{}, `"users.json" in this export is not readable: it is broken JSON; download the export again`},
		{"no list", zipOf(t, without("general/2023-11-14.json", `{"ts":"1700000000.000001"}`)...), Limits{}, `"general/2023-11-14.json" in this export is not a list, as it should be; download the export again`},
		{"users are no list", zipOf(t, without("users.json", `"U1"`)...), Limits{}, `"users.json" in this export is not a list, as it should be; download the export again`},
		{"broken JSON where nobody looks", zipOf(t, whole(entry{"elsewhere/2023-11-14.json", "]"})...), Limits{}, `"elsewhere/2023-11-14.json" in this export is not readable: it is broken JSON; download the export again`},
		{"too deep", zipOf(t, without("general/2023-11-14.json", deep)...), Limits{}, `"general/2023-11-14.json" is nested deeper than 100 levels, which no export of Slack is; nothing was taken from it`},
		{"deep and broken", zipOf(t, without("general/2023-11-14.json", deep[:150])...), Limits{}, `"general/2023-11-14.json" is nested deeper than 100 levels, which no export of Slack is; nothing was taken from it`},

		{"too many people", zipOf(t, without("users.json", "["+strings.Repeat(`{"id":"U1"},{"id":"U2"},`, 3)+`{"id":"U3"}]`)...), Limits{People: 2}, "this export names more than 2 people, which is more than is taken at once; export a shorter time at Slack"},
		{"too many people in the text", zipOf(t, without("general/2023-11-14.json", `[{"ts":"1.0","user":"U2","text":"<@U3> <@U4>"}]`)...), Limits{People: 3}, "this export names more than 3 people, which is more than is taken at once; export a shorter time at Slack"},
		{"too many members", zipOf(t, without("channels.json", `[{"id":"C1","name":"general","members":["U2","U3","U4"]}]`)...), Limits{People: 3}, "this export names more than 3 people, which is more than is taken at once; export a shorter time at Slack"},
		{"too many channels", zipOf(t, without("channels.json", `[{"id":"C1"},{"id":"C2"}]`)...), Limits{Channels: 1}, "this export holds more than 1 channels, which is more than is taken at once; export a shorter time at Slack"},
		{"too many records", zipOf(t, without("general/2023-11-14.json", `[0,0,0]`)...), Limits{Records: 2}, "this export holds more than 2 records, which is more than is taken at once; export a shorter time at Slack"},
		{"days over each other", zipOf(t, whole(entry{"general/2023-11-15.json", `[{"ts":"1.0"},{"ts":"1800000000.0"}]`})...), Limits{OpenBytes: 80}, "the days in this export overlap so much that they cannot be sorted by time; export a shorter time at Slack"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := open(c.data, c.limits)
			var refused *RefusedError
			if !errors.As(err, &refused) || !errors.Is(err, ErrRefused) || err.Error() != c.want {
				t.Errorf("got  %+q\nwant %+q", fmt.Sprint(err), c.want)
			}
		})
	}
}

// A million people take 30 MB of list, which is less than any limit on bytes.
func TestAMillionPeopleAreRefused(t *testing.T) {
	var b strings.Builder
	for i := range 1_000_000 {
		b.WriteString(map[bool]string{true: "[", false: ","}[i == 0])
		b.WriteString(`{"id":"U` + string(rune('A'+i%26)) + string(rune('A'+i/26%26)) + string(rune('A'+i/676%26)) + string(rune('A'+i/17576%26)) + string(rune('A'+i/456976)) + `"}`)
	}
	b.WriteString("]")
	_, err := open(zipOf(t, without("users.json", b.String())...), Limits{})
	if want := "this export names more than 200000 people, which is more than is taken at once; export a shorter time at Slack"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsOddButWholeIsTaken(t *testing.T) {
	for name, c := range map[string]struct {
		records string
		want    map[string]int
		text    []string
	}{
		"an empty list":         {`[]`, map[string]int{}, nil},
		"no objects, no times":  {`[1,null,"x",[],{},{"ts":1},{"ts":"soon"},{"ts":"1.0","user":"U1","text":"a"}]`, map[string]int{"malformed": 7}, []string{"a"}},
		"fields of other types": {`[{"ts":"1.0","user":7,"text":"b","reactions":"many","file":3,"edited":[],"blocks":{"x":1},"attachments":[4,{"text":5}]}]`, map[string]int{}, []string{"b"}},
		"commas and brackets":   {` [ {"ts":"1.0","text":"a,]}\",[\\"} , {"ts":"2.0","text":"b"} ] `, map[string]int{}, []string{"a,]}\",[\\\\", "b"}},
		"control characters":    {`[{"ts":"1.0","text":"\u001b[31mred\u0000\u0007\r\nx\ud800"}]`, map[string]int{}, []string{"[31mred\nx\uFFFD"}},
		"times out of order":    {`[{"ts":"3.0","text":"c"},{"ts":"1.0","text":"a"},{"ts":"2.0","text":"b"},{"ts":"1.00","text":"a2"},{"ts":"1.0","text":"again"}]`, map[string]int{"duplicate": 1}, []string{"a", "a2", "b", "c"}},
		"an answer before the question": {`[{"ts":"1.0","thread_ts":"2.0","text":"a"},{"ts":"2.0","thread_ts":"2.0","text":"b"},{"ts":"3.0","thread_ts":"2.0","text":"c"}]`,
			map[string]int{}, []string{"a", "b", "c<2.0"}},
		"an answer to an answer":        {`[{"ts":"1.0","text":"a"},{"ts":"2.0","thread_ts":"1.0","text":"b"},{"ts":"3.0","thread_ts":"2.0","text":"c"}]`, map[string]int{}, []string{"a", "b<1.0", "c<1.0"}},
		"an answer to a join":           {`[{"ts":"1.0","subtype":"channel_join"},{"ts":"2.0","thread_ts":"1.0","text":"b"},{"ts":"3.0","thread_ts":"1.0","text":"c"}]`, map[string]int{"join": 1}, []string{"b", "c<2.0"}},
		"a pin on what is gone":         {`[{"ts":"2.0","subtype":"pinned_item","attachments":[{"ts":"1.0"}]}]`, map[string]int{"pin": 1}, nil},
		"a copy of what is not there":   {`[{"ts":"2.0","subtype":"reply_broadcast","text":"kept","attachments":[{"ts":"1.0","from_url":"http://x"}]}]`, map[string]int{}, []string{"kept"}},
		"archived, and then brought up": {`[{"ts":"1.0","subtype":"channel_archive"},{"ts":"2.0","subtype":"channel_unarchive"}]`, map[string]int{"archive": 1, "unarchive": 1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			all, r := items(t, mustOpen(t, zipOf(t, without("general/2023-11-14.json", c.records)...)))
			var text []string
			for _, it := range all {
				if m, ok := it.(Message); ok {
					s := m.Text
					if m.Thread != "" {
						s += "<" + m.Thread
					}
					text = append(text, s)
				}
			}
			if !slices.Equal(text, c.text) {
				t.Errorf("got %q, want %q", text, c.text)
			}
			if len(r.Skipped) != len(c.want) {
				t.Errorf("skipped %v, want %v", r.Skipped, c.want)
			}
			for reason, n := range c.want {
				if r.Skipped[reason] != n {
					t.Errorf("skipped %v, want %v", r.Skipped, c.want)
				}
			}
		})
	}
}
