package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hallway/app"
	"hallway/app/web"

	"golang.org/x/term"
)

// sheetPlace is the file that a recovery sheet goes into. It is opened before anything is made, so that no workspace
// begins whose sheet has no place to go.
type sheetPlace struct {
	f    *os.File // nil where no file was named
	made bool     // by this run
	kept bool
}

func reserveSheet(path string) (*sheetPlace, error) {
	if path == "" {
		return &sheetPlace{}, nil
	}
	_, err := os.Lstat(path)
	made := errors.Is(err, fs.ErrNotExist)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, &app.Problem{Kind: app.ProblemInvalid,
			Sentence: fmt.Sprintf("The recovery sheet cannot be written to %s; nothing was done, name another file.", path)}
	}
	return &sheetPlace{f: f, made: made}, nil
}

// drop lets go of the file, and removes it where it was made for a sheet that did not come.
func (p *sheetPlace) drop() {
	if p.f == nil {
		return
	}
	p.f.Close() // a sheet was synced and closed by write
	if p.made && !p.kept {
		os.Remove(p.f.Name())
	}
}

func (p *sheetPlace) write(text string) error {
	_, werr := p.f.WriteString(text)
	if err := errors.Join(p.f.Chmod(0o600), werr, p.f.Sync()); err != nil {
		return fmt.Errorf("the recovery sheet could not be written: %w", err)
	}
	p.kept = true
	return nil
}

// keepSheet puts the recovery sheet where the person wants it: into the file named, once onto a terminal, or else into
// recovery.txt beside the data, with a warning.
func (c *cli) keepSheet(ctx context.Context, node *web.Client, workspace string, place *sheetPlace) error {
	in := app.RecoverySheetRequest{In: app.In{Workspace: workspace}}
	sheet, err := web.Call[app.RecoverySheetReply](ctx, node, "RecoverySheet", in)
	if err != nil {
		return err
	}
	text := sheetText(sheet)
	switch {
	case place.f != nil:
		err = place.write(text)
	case !c.json && c.onTerminal():
		_, err = fmt.Fprintf(c.out, "%s\n", text)
	default:
		err = c.sheetBesideData(text, place)
	}
	if err != nil {
		return err
	}
	_, err = web.Call[app.Done](ctx, node, "KeepRecovery", in)
	return err
}

func (c *cli) sheetBesideData(text string, place *sheetPlace) error {
	dir, err := c.dataDir()
	if err != nil {
		return err
	}
	beside, err := reserveSheet(filepath.Join(dir, "recovery.txt"))
	if err != nil {
		return err
	}
	*place = *beside
	c.notice(fmt.Sprintf("the recovery sheet is in %s; print it or move it to a safe place, whoever has it is you", place.f.Name()))
	return place.write(text)
}

func sheetText(s app.RecoverySheetReply) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Recovery sheet of %s in %s\n\nThese words are your identity. With them alone you come back on a new computer.\n\n%s\n",
		s.Person, s.Name, strings.Join(s.Words, " "))
	if len(s.Kit) > 0 {
		fmt.Fprintf(&b, "\nRecovery kit of the workspace: it makes and unmakes owners. Keep it in a safe.\n\n%s\n", strings.Join(s.Kit, " "))
	}
	return b.String() + "\n"
}

// onTerminal reports whether a person reads the output.
func (c *cli) onTerminal() bool {
	_, ours := c.out.(*flushing)
	return ours && term.IsTerminal(int(os.Stdout.Fd()))
}
