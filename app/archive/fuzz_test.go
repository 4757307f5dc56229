package archive

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// FuzzMrkdwn: no text makes the renderer fail or say something untrue about its own output.
func FuzzMrkdwn(f *testing.F) {
	for _, s := range []string{"*b* _i_ ~s~ `c` ```f```", "<@U1|x> <#C1> <!here> <http://x.org|l>", "&gt;&gt;&gt; q\n# h", ":+1::skin-tone-2:", "\\*\x00\xff\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		checkRendered(t, src, mrkdwn(src, desks{}))
	})
}

// FuzzSlackZip: whatever the bytes, either one sentence or a telling in which every record is accounted for.
func FuzzSlackZip(f *testing.F) {
	f.Add(zipOf(f, whole()...))
	f.Add(zipOf(f, small(f)...))
	if data, err := os.ReadFile("testdata/slack-export.zip"); err == nil {
		f.Add(data[:2000])
	}
	limits := Limits{FileBytes: 1 << 20, TotalBytes: 4 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := open(data, limits)
		if err != nil {
			checkSentence(t, err)
			return
		}
		items(t, s)
	})
}

// FuzzSlackDay is FuzzSlackZip past the zip's checksums: the bytes are a day's records.
func FuzzSlackDay(f *testing.F) {
	for _, e := range small(f) {
		if strings.Contains(e.name, "/") {
			f.Add(e.body)
		}
	}
	f.Fuzz(func(t *testing.T, day string) {
		s, err := open(zipOf(t, without("general/2023-11-14.json", day+" ")...), Limits{Ratio: 2000})
		if err != nil {
			checkSentence(t, err)
			return
		}
		items(t, s)
	})
}

func checkSentence(t *testing.T, err error) {
	if !errors.Is(err, ErrRefused) || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) || err.Error() == "" {
		t.Errorf("not refused with a sentence: %q", err)
	}
}
