package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // formats whose size a picture's row reserves
	_ "image/jpeg"
	_ "image/png"
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"hallway/app/internal/seal"
	"hallway/crdt/chat"
	"hallway/store/blob"

	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	maxFile    = 4 << 30        // bytes of one attachment
	uploadLife = 24 * time.Hour // how long an upload that no message took is kept
	uploads    = "upload/"      // local: uploads by id
	sniffed    = 64 << 10       // bytes looked at to tell what a file is
)

// upload is a file that was sealed here and waits for a message.
type upload struct {
	Name          string
	Mime          string
	Size          int64
	Width, Height int
	Manifest      []byte
	At            time.Time
}

func (u *upload) file() chat.File {
	return chat.File{Name: u.Name, Mime: u.Mime, Size: uint64(u.Size), Width: u.Width, Height: u.Height, Manifest: u.Manifest}
}

// AddFile seals a file into chunks; no byte of it touches the disk in the clear.
func (of *Office) AddFile(ctx context.Context, r AddFileRequest, body io.Reader) (File, error) {
	s, err := of.space(r.In)
	if err != nil {
		return File{}, err
	}
	name := fileName(r.Name)
	if r.Size > maxFile {
		return File{}, tooLarge(name)
	}
	head := &headReader{r: io.LimitReader(body, maxFile+1)}
	m, err := s.seal.SealFile(head, func(id seal.ChunkID, chunk []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return s.blobs.PutAs(blob.ID(id), chunk)
	})
	if err != nil {
		return File{}, explainFile(name, err)
	}
	if m.Size > maxFile {
		return File{}, tooLarge(name)
	}
	if r.Size >= 0 && m.Size != int64(r.Size) {
		return File{}, problem(ProblemInvalid, fmt.Sprintf("%q changed or vanished while it was read; nothing was sent, choose it again.", name))
	}
	u := upload{Name: name, Mime: sniff(name, head.seen), Size: m.Size, Manifest: m.Append(nil), At: of.o.Clock()}
	u.Width, u.Height = pictureSize(u.Mime, head.seen)
	f := u.file()
	id := f.ID()
	if err := s.kv.put(ctx, uploads+hex.EncodeToString(id[:]), u); err != nil {
		return File{}, explain(err)
	}
	return s.fileOf(&f), nil
}

func tooLarge(name string) error {
	return problem(ProblemTooLarge, fmt.Sprintf("%q is larger than 4 GB; split it or share it another way.", name))
}

// explainFile tells a body that broke off from a store that could not take it.
func explainFile(name string, err error) error {
	if e := explain(err); e != err {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, io.ErrUnexpectedEOF) {
		return problem(ProblemInvalid, fmt.Sprintf("%q changed or vanished while it was read; nothing was sent, choose it again.", name))
	}
	return fmt.Errorf("add file: %w", err)
}

// headReader remembers the first bytes that pass through it.
type headReader struct {
	r    io.Reader
	seen []byte
}

func (h *headReader) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if room := sniffed - len(h.seen); room > 0 {
		h.seen = append(h.seen, p[:min(n, room)]...)
	}
	return n, err
}

// fileName is the last part of a name that came from outside, without what no file system shows.
func fileName(name string) string {
	name = filepath.Base(filepath.Clean("/" + strings.ReplaceAll(name, `\`, "/")))
	name = strings.Map(func(r rune) rune {
		if hiddenRune(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, name)
	for len(name) > chat.MaxName {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	if name == "" || name == "/" || name == "." {
		return "file"
	}
	return name
}

// sniff is a file's type by its content; the name decides only among kinds of text and what has no mark of its own.
func sniff(name string, head []byte) string {
	t, _, err := mime.ParseMediaType(http.DetectContentType(head))
	if err != nil {
		return "application/octet-stream"
	}
	if t == "text/plain" || t == "application/octet-stream" || t == "application/zip" {
		if byName, _, err := mime.ParseMediaType(mime.TypeByExtension(filepath.Ext(name))); err == nil && !strings.HasPrefix(byName, "image/") {
			return byName
		}
	}
	return t
}

// pictureSize reads the size that a picture claims, without decoding it. A claim over 20 megapixels counts as none: such
// a picture is not shown by itself.
func pictureSize(mime string, head []byte) (w, h int) {
	if !strings.HasPrefix(mime, "image/") {
		return 0, 0
	}
	c, _, err := image.DecodeConfig(bytes.NewReader(head))
	if err != nil || c.Width <= 0 || c.Height <= 0 || c.Width > 20_000_000/c.Height {
		return 0, 0
	}
	return c.Width, c.Height
}

// fileOf is an attachment as a face shows it. Its size is that of the manifest, by which it is fetched: what the sender
// says beside it may be anything.
func (s *space) fileOf(f *chat.File) File {
	id := f.ID()
	out := File{ID: hex.EncodeToString(id[:]), Name: f.Name, Size: int(f.Size), Type: f.Mime, Width: f.Width, Height: f.Height}
	m, err := seal.ParseManifest(f.Manifest)
	if err != nil {
		return out
	}
	out.Size, out.Have = int(m.Size), s.haveBytes(&m)
	return out
}

// haveBytes is how much of a file is here. One over the limit is not looked for: it takes a look at the disk for each of
// its chunks, every time that its message is shown.
func (s *space) haveBytes(m *seal.Manifest) int {
	if m.Size > maxFile {
		return 0
	}
	ids, err := m.Chunks(s.chunk)
	if err != nil || len(ids) == 0 {
		return 0
	}
	have := 0
	for _, id := range ids {
		if s.blobs.Has(blob.ID(id)) {
			have++
		}
	}
	return int(m.Size * int64(have) / int64(len(ids)))
}

func (s *space) chunk(id seal.ChunkID) ([]byte, error) { return s.blobs.Get(blob.ID(id)) }

// OpenFile gives an attachment or an upload. What is not here is fetched from whoever is reached.
func (of *Office) OpenFile(ctx context.Context, r FileRequest) (FileContent, error) {
	s, err := of.space(r.In)
	if err != nil {
		return FileContent{}, err
	}
	f, err := s.findFile(ctx, r.ID)
	if err != nil {
		return FileContent{}, err
	}
	m, err := seal.ParseManifest(f.Manifest)
	if err != nil {
		return FileContent{}, problem(ProblemDamaged, fmt.Sprintf("%q was described wrongly by who sent it; ask for it again.", f.Name))
	}
	if m.Size > maxFile {
		return FileContent{}, tooLarge(f.Name)
	}
	if err := s.fetchFile(ctx, &f, &m); err != nil {
		return FileContent{}, err
	}
	fr, err := seal.OpenFile(m, s.chunk)
	if err != nil {
		return FileContent{}, explain(err)
	}
	return FileContent{File: s.fileOf(&f), Body: fileBody{io.NewSectionReader(fr, 0, fr.Size())}}, nil
}

type fileBody struct{ *io.SectionReader }

// Close implements io.Closer; there is nothing open.
func (fileBody) Close() error { return nil }

// findFile is the attachment or upload with this id.
func (s *space) findFile(ctx context.Context, id string) (chat.File, error) {
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != len(chat.FileID{}) {
		return chat.File{}, problem(ProblemNotFound, "There is no such file here.")
	}
	var u upload
	if ok, err := s.kv.get(uploads+id, &u); err != nil {
		return chat.File{}, explain(err)
	} else if ok {
		return u.file(), nil
	}
	f, _, err := s.view().File(ctx, chat.FileID(raw))
	if err != nil {
		return chat.File{}, problem(ProblemNotFound, "There is no such file here.")
	}
	return f, nil
}

// fetchFile has the chunks that are missing fetched. A file whose index of chunks is a chunk itself needs that first.
func (s *space) fetchFile(ctx context.Context, f *chat.File, m *seal.Manifest) error {
	for _, ids := range [2]func() ([]seal.ChunkID, error){
		func() ([]seal.ChunkID, error) { return m.Index(), nil },
		func() ([]seal.ChunkID, error) { return m.Chunks(s.chunk) },
	} {
		all, err := ids()
		if err != nil {
			return explain(err)
		}
		var missing []seal.ChunkID
		for _, id := range all {
			if !s.blobs.Has(blob.ID(id)) {
				missing = append(missing, id)
			}
		}
		if len(missing) == 0 {
			continue
		}
		if err := s.net.fetch(ctx, missing, s.holders(ctx, f)); err != nil {
			return problem(ProblemUnavailable, fmt.Sprintf("%q is not here and nobody who is reachable has all of it; it is tried again when somebody comes.", f.Name))
		}
	}
	return nil
}

// holders are the devices that may be asked for a file: of those who read a channel that it was sent to, or nil for all,
// where everybody reads one. The ids of its chunks are all that it takes to be served them, so that to ask somebody else
// would hand him the file's ciphertext and tell him who opens what.
func (s *space) holders(ctx context.Context, f *chat.File) []peer.ID {
	out := []peer.ID{} // not nil: that would be everybody
	_, in, err := s.view().File(ctx, f.ID())
	if err != nil {
		return out
	}
	for _, id := range in {
		e, err := s.rep.Op(id)
		if err != nil {
			continue
		}
		ids, private := s.devicesOf(e.Scope)
		if !private {
			return nil
		}
		out = append(out, ids...)
	}
	return out
}

// sweepUploads forgets uploads that no message took within a day. Their chunks go with the next sweep of chunks.
func (s *space) sweepUploads(ctx context.Context) error {
	var old []string
	err := s.kv.each(uploads, func(name string, raw []byte) error {
		var u upload
		if ok, err := s.kv.get(name, &u); err == nil && ok && s.of.o.Clock().Sub(u.At) > uploadLife {
			old = append(old, name)
		}
		return nil
	})
	for _, name := range old {
		err = errors.Join(err, s.kv.put(ctx, name, nil))
	}
	return err
}
