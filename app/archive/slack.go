package archive

import (
	"archive/zip"
	"cmp"
	"io"
	"time"
)

// Limits bound what an export may be. A zero field means the default.
type Limits struct {
	Entries    int   // in the zip; 200,000
	FileBytes  int64 // of one file of the zip, unpacked; 256 MiB
	TotalBytes int64 // of all of them, unpacked; 8 GiB
	Ratio      int64 // unpacked to packed, of a file over 1 MiB; 200
	Depth      int   // of the JSON; 100
	People     int   // listed or spoken of; 200,000
	Channels   int   // 50,000
	Records    int   // 20,000,000
	OpenBytes  int64 // of the files held in memory at once, unpacked; 512 MiB

	// Progress, if not nil, is called while the export is checked, from the calling goroutine: bytes done and in all.
	Progress func(done, total int64)
}

func (l Limits) orDefault() Limits {
	l.Entries = cmp.Or(l.Entries, 200_000)
	l.FileBytes = cmp.Or(l.FileBytes, 256<<20)
	l.TotalBytes = cmp.Or(l.TotalBytes, 8<<30)
	l.Ratio = cmp.Or(l.Ratio, 200)
	l.Depth = cmp.Or(l.Depth, 100)
	l.People = cmp.Or(l.People, 200_000)
	l.Channels = cmp.Or(l.Channels, 50_000)
	l.Records = cmp.Or(l.Records, 20_000_000)
	l.OpenBytes = cmp.Or(l.OpenBytes, 512<<20)
	return l
}

// Slack is a checked export of Slack. It reads from the file it was opened on for as long as it is used, and may be
// used by several goroutines.
type Slack struct {
	limits   Limits
	people   []Person
	channels []Channel
	days     []day
	lost     []lost // files of records that become nothing
	records  int

	personByID  map[string]int // index in people
	channelByID map[string]int // index in channels
	pins        map[ref]bool
	refs        map[ref]bool // messages that another record speaks of
}

// ref names a message: its channel's index in Slack.channels, and its ts.
type ref struct {
	channel int
	ts      string
}

// day is one YYYY-MM-DD.json of a channel.
type day struct {
	file       *zip.File
	channel    int // index in Slack.channels
	good       int // records with a time
	malformed  int
	first, max int64 // times of the earliest and latest good record, microseconds since 1970
}

// lost is records of a conversation that is not taken.
type lost struct {
	folder, reason string
	records        int
}

// OpenSlack checks the whole of an export zip of Slack, every file and record of it, before anything is told of it.
// It reads everything once. An export that is broken, hostile or none is a *RefusedError.
func OpenSlack(r io.ReaderAt, size int64, limits Limits) (*Slack, error) {
	limits = limits.orDefault()
	x, err := openExport(r, size, limits)
	if err != nil {
		return nil, err
	}
	s := &Slack{limits: limits, personByID: map[string]int{}, channelByID: map[string]int{},
		pins: map[ref]bool{}, refs: map[ref]bool{}}
	sc := scanner{Slack: s, x: x, folders: map[string]folder{}, unlisted: map[string]string{}}
	if err := sc.scan(); err != nil {
		return nil, err
	}
	return s, nil
}

// Records is how many records the export's files hold: every one of them becomes a Message, Applied or Skipped.
func (s *Slack) Records() int { return s.records }

// Report is an empty report of this export, to be filled with its items.
func (s *Slack) Report() *Report { return &Report{Records: s.records, Skipped: map[string]int{}} }

// parseTS reads Slack's "1436880695.000007" as microseconds since 1970, without a float, which could not hold it.
// Years after 9999 are refused, as nothing that shows times can bear them.
func parseTS(s string) (micros int64, ok bool) {
	digits, point := 0, -1
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9' && digits < 18:
			micros, digits = micros*10+int64(c-'0'), digits+1
		case c == '.' && point < 0 && i > 0:
			point = digits
		default:
			return 0, false
		}
	}
	if digits == 0 || point == digits {
		return 0, false
	}
	if point < 0 {
		point = digits
	}
	for n := digits - point; n < 6; n++ {
		if micros > 1<<58 {
			return 0, false
		}
		micros *= 10
	}
	return micros, digits-point <= 6 && micros < 253_402_300_800_000_000
}

func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
