package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
	"hallway/store/view"
)

// rows writes a channel's messages, its threads under their roots, as one JSON object a line.
func (ex *exporter) rows(ctx context.Context, scope crdt.ScopeID, f *os.File) error {
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	maker := ex.s.rowMaker(scope)
	err := ex.pages(ctx, view.Page{Scope: scope}, func(r *view.Row) error {
		if err := ex.one(ctx, enc, maker, r); err != nil || r.Summary == nil {
			return err
		}
		return ex.pages(ctx, view.Page{Scope: scope, Root: r.ID}, func(reply *view.Row) error { return ex.one(ctx, enc, maker, reply) })
	})
	return errors.Join(err, w.Flush())
}

// pages walks a channel or thread from its beginning.
func (ex *exporter) pages(ctx context.Context, p view.Page, each func(*view.Row) error) error {
	p.Limit = exportPage
	first, err := ex.first(ctx, p)
	if err != nil {
		return err
	}
	for {
		for i := range first.Rows {
			if err := each(&first.Rows[i]); err != nil {
				return err
			}
		}
		if !first.Newer || len(first.Rows) == 0 {
			return nil
		}
		p.After = first.Rows[len(first.Rows)-1].ID
		if first, err = ex.s.view().History(ctx, p); err != nil {
			return err
		}
	}
}

// first is the oldest page.
func (ex *exporter) first(ctx context.Context, p view.Page) (view.Rows, error) {
	rows, err := ex.s.view().History(ctx, p)
	for err == nil && rows.Older {
		p.Before = rows.Rows[0].ID
		rows, err = ex.s.view().History(ctx, p)
	}
	if err == nil && !p.Before.IsZero() && len(rows.Rows) > 0 {
		rows.Newer = true // the page that was asked for before stands after this one
	}
	return rows, err
}

func (ex *exporter) one(ctx context.Context, enc *json.Encoder, maker *rowMaker, r *view.Row) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := maker.row(r)
	if m.Kind != RowMessage {
		return nil
	}
	if err := enc.Encode(m); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	ex.report.Messages++
	for i := range r.Files {
		if err := ex.file(ctx, &r.Files[i]); err != nil {
			return err
		}
	}
	return nil
}

// file writes an attachment, if all of it is here.
func (ex *exporter) file(ctx context.Context, f *chat.File) error {
	out := ex.s.fileOf(f)
	if ex.files[out.ID] || out.Have < out.Size {
		return nil
	}
	ex.files[out.ID] = true
	c, err := ex.of.OpenFile(ctx, FileRequest{In: In{Workspace: ex.s.idText()}, ID: out.ID})
	if err != nil {
		return err
	}
	defer c.Body.Close()
	dir := filepath.Join(ex.dir, "files")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	w, err := createApart(dir, out.ID, fileName(f.Name))
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	_, err = io.Copy(w, c.Body)
	ex.report.Files++
	return errors.Join(err, w.Sync(), w.Close())
}

// exportPage is how many messages are read at a time.
const exportPage = 500

// Export writes what this person can read into a folder: a file of JSON lines for each channel, and attachments that are
// here. It is readable by whoever has the folder, which is what it is for.
func (of *Office) Export(_ context.Context, req ExportRequest) (Job, error) {
	s, err := of.space(req.In)
	if err != nil {
		return Job{}, err
	}
	if err := emptyDir(req.Dir); err != nil {
		return Job{}, err
	}
	return of.jobs.run(s.idText(), JobExport, func(ctx context.Context, job *Job, progress func(int, int)) error {
		ex := &exporter{of: of, s: s, dir: req.Dir, report: &ExportReport{Dir: req.Dir}, files: map[string]bool{}}
		channels := s.channels()
		for i := range channels {
			if err := ex.channel(ctx, &channels[i]); err != nil {
				return explain(err)
			}
			progress(i+1, len(channels))
		}
		job.Export = ex.report
		return nil
	}), nil
}

func emptyDir(dir string) error {
	if dir == "" {
		return problem(ProblemInvalid, "Say into which folder.")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return problem(ProblemInvalid, fmt.Sprintf("The folder %s cannot be made.", dir))
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		return problem(ProblemExists, fmt.Sprintf("The folder %s is not empty; choose another, nothing was written.", dir))
	}
	return nil
}

type exporter struct {
	of     *Office
	s      *space
	dir    string
	report *ExportReport
	files  map[string]bool
}

func (ex *exporter) channel(ctx context.Context, ch *access.Channel) error {
	name, _ := ex.s.channelTitle(ch)
	f, err := os.OpenFile(filepath.Join(ex.dir, fileName(name)+"-"+ch.Scope.String()[:8]+".jsonl"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	err = ex.rows(ctx, ch.Scope, f)
	ex.report.Channels++
	return errors.Join(err, f.Sync(), f.Close())
}

// createApart makes a file for an attachment beside others of its name. Few digits of its id set it apart, unless somebody
// looked for two that have them in common, who must not stop the export: then all of them do.
func createApart(dir, id, name string) (*os.File, error) {
	const flags = os.O_CREATE | os.O_EXCL | os.O_WRONLY
	w, err := os.OpenFile(filepath.Join(dir, id[:8]+"-"+name), flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		w, err = os.OpenFile(filepath.Join(dir, id+"-"+clip(name, 100)), flags, 0o600)
	}
	return w, err
}
