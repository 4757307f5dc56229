package archive

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const notSlack = "this is not a Slack export: %s; choose the zip file that Slack's export page gave you"

// source reads the file, and tells an error of the disk from one of the zip. Until opened it gives no more than
// budget bytes: archive/zip keeps every entry of a directory in memory, however many there are.
type source struct {
	r      io.ReaderAt
	budget atomic.Int64
	opened atomic.Bool
}

// diskError marks an error that is not the export's fault.
type diskError struct{ err error }

func (e *diskError) Error() string { return "archive: read: " + e.err.Error() }
func (e *diskError) Unwrap() error { return e.err }

var errDirectory = errors.New("archive: zip directory too large")

func (s *source) ReadAt(p []byte, off int64) (int, error) {
	if !s.opened.Load() && s.budget.Add(-int64(len(p))) < 0 {
		return 0, errDirectory
	}
	if off < 0 { // a zip's directory may point there, and then it is the zip that is wrong
		return 0, zip.ErrFormat
	}
	n, err := s.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &diskError{err}
	}
	return n, err
}

// export is a zip whose directory has been checked.
type export struct {
	files map[string]*zip.File // by name below the export's top, in NFC
	names []string             // sorted
	total int64                // bytes unpacked
}

// openExport checks the zip's directory: what its entries are called, are, and say they hold.
func openExport(r io.ReaderAt, size int64, l Limits) (*export, error) {
	src := &source{r: r}
	src.budget.Store(int64(l.Entries)*512 + 1<<20)
	z, err := zip.NewReader(src, size)
	if err != nil {
		return nil, refuseZip(src, err)
	}
	src.opened.Store(true)
	if len(z.File) > l.Entries {
		return nil, refuseCrowd(l.Entries, errDirectory)
	}
	x := &export{files: make(map[string]*zip.File, len(z.File))}
	var packed uint64
	for _, f := range z.File {
		if err := checkEntry(f, l); err != nil {
			return nil, err
		}
		if packed += f.CompressedSize64; packed > uint64(size) {
			return nil, refuse("this zip file is a trap: its files overlap, so it holds more than it could; nothing was taken from it")
		}
		if x.total += int64(f.UncompressedSize64); x.total > l.TotalBytes {
			return nil, refuse("this zip file would unpack to more than %s, which is more than is taken at once; export a shorter time at Slack", inUnits(l.TotalBytes))
		}
		name := norm.NFC.String(f.Name)
		if x.files[name] != nil {
			return nil, refuse("this zip file holds %s twice, which no export of Slack does; download it again", show(name))
		}
		x.files[name] = f
	}
	x.dropTop()
	for name := range x.files {
		x.names = append(x.names, name)
	}
	slices.Sort(x.names)
	return x, nil
}

func refuseCrowd(limit int, cause error) error {
	return refuseBecause(cause, "this zip file holds more than %d files, which is more than is taken at once; export a shorter time at Slack", limit)
}

// refuseZip tells why archive/zip did not open it.
func refuseZip(src *source, err error) error {
	var disk *diskError
	if errors.As(err, &disk) {
		return disk
	}
	if errors.Is(err, errDirectory) {
		return refuseBecause(err, "this zip file's list of files is too large to be an export of Slack; download it again")
	}
	var magic [4]byte
	if n, _ := src.r.ReadAt(magic[:], 0); n == 4 && string(magic[:]) == "PK\x03\x04" {
		return refuseBecause(err, "this zip file is cut short: its end is missing; download it again")
	}
	return refuseBecause(err, "this is not a zip file; choose the zip file that Slack's export page gave you, as it came")
}

// checkEntry refuses what no export holds and what could do harm, whether or not it would ever be read.
func checkEntry(f *zip.File, l Limits) error {
	name := f.Name
	if why := badPath(name); why != "" {
		return refuse("this zip file is a trap: it holds a file called %s, which %s; nothing was taken from it", show(name), why)
	}
	if m := f.Mode(); !m.IsRegular() && !m.IsDir() || m&fs.ModeSymlink != 0 {
		return refuse("this zip file is a trap: %s is not a file but a link or device; nothing was taken from it", show(name))
	}
	if f.Flags&1 != 0 {
		return refuse("%s in this zip file is locked with a password; unlock it, or download the export again", show(name))
	}
	if f.Method != zip.Store && f.Method != zip.Deflate {
		return refuse("%s in this zip file is packed in a way that Slack does not use; download the export again", show(name))
	}
	if f.UncompressedSize64 > uint64(l.FileBytes) && strings.HasSuffix(name, ".json") {
		return refuse("%s in this zip file unpacks to more than %s, which no day of a channel does; nothing was taken from it", show(name), inUnits(l.FileBytes))
	}
	if f.UncompressedSize64 > 1<<20 && f.UncompressedSize64/uint64(l.Ratio) > f.CompressedSize64 || f.UncompressedSize64 > 1<<62 {
		return refuse("this zip file is a trap: %s would swell to more than %d times its size; nothing was taken from it", show(name), l.Ratio)
	}
	return nil
}

// badPath says what is wrong with an entry's name, "" if nothing.
func badPath(name string) string {
	switch {
	case name == "":
		return "has no name"
	case len(name) > 1024:
		return "is too long"
	case !utf8.ValidString(name):
		return "is not written in Unicode"
	case strings.Contains(name, "\x00"):
		return "hides something behind a zero byte"
	case strings.Contains(name, "\\"):
		return "holds a backslash"
	case strings.HasPrefix(name, "/") || len(name) > 1 && name[1] == ':':
		return "points to a place outside"
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(name, "/"), "/") {
		if part == ".." {
			return "points to a place outside"
		}
		if part == "" || part == "." {
			return "is no proper path"
		}
	}
	return ""
}

// dropTop makes a zip that somebody unpacked and packed again, folder and all, look like the original.
func (x *export) dropTop() {
	if x.files["channels.json"] != nil || x.files["users.json"] != nil {
		return
	}
	top := ""
	for name := range x.files {
		if dir, ok := strings.CutSuffix(name, "/channels.json"); ok && !strings.Contains(dir, "/") {
			if top != "" {
				return
			}
			top = dir
		}
	}
	if top == "" {
		return
	}
	files := make(map[string]*zip.File, len(x.files))
	for name, f := range x.files {
		if rest, ok := strings.CutPrefix(name, top+"/"); ok {
			files[rest] = f
		}
	}
	x.files = files
}

// readEntry unpacks one file. What it holds was bounded by checkEntry.
func readEntry(f *zip.File, l Limits) ([]byte, error) {
	rc, err := f.Open()
	if err != nil {
		return nil, refuseFile(f.Name, err)
	}
	defer rc.Close() // of a section of a file: nothing can fail
	limit := min(int64(f.UncompressedSize64), l.FileBytes)
	b, err := io.ReadAll(io.LimitReader(rc, limit+1))
	if errors.Is(err, zip.ErrFormat) || err == nil && int64(len(b)) > limit {
		return nil, refuse("this zip file is a trap: %s holds more than it says; nothing was taken from it", show(f.Name))
	}
	if err != nil {
		return nil, refuseFile(f.Name, err)
	}
	return b, nil
}

func refuseFile(name string, err error) error {
	var disk *diskError
	if errors.As(err, &disk) {
		return disk
	}
	return refuseBecause(err, "this zip file is damaged at %s; download it again", show(name))
}

// inUnits writes a limit for a person.
func inUnits(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%d GB", n>>30)
	case n >= 1<<20:
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}
