package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"hallway/app"

	wails_runtime "github.com/wailsapp/wails/v2/pkg/runtime"
)

// The web view of Linux neither downloads nor opens a link elsewhere, so the page asks for both: a link by Wails's own
// call, a file to be saved by eventSave, which carries a name and then either the file's id and its workspace, or the
// text itself.

// saving is one thing that the page wants saved.
type saving struct {
	name          string
	id, workspace string // of an attachment
	text          string // where there is no id
}

func parseSaving(data []any) (saving, error) {
	texts := make([]string, len(data))
	for i, d := range data {
		s, ok := d.(string)
		if !ok {
			return saving{}, fmt.Errorf("save: a %T", d)
		}
		texts[i] = s
	}
	switch len(texts) {
	case 2:
		return saving{name: plainName(texts[0]), text: texts[1]}, nil
	case 3:
		return saving{name: plainName(texts[0]), id: texts[1], workspace: texts[2]}, nil
	}
	return saving{}, fmt.Errorf("save: %d values", len(texts))
}

// plainName is a proposal for a file's name that names no folder, whatever the sender of the file called it.
func plainName(name string) string {
	name = filepath.Base(strings.ReplaceAll(name, `\`, "/"))
	if name = strings.TrimLeft(name, "."); name == "" || name == "/" {
		return "file"
	}
	return name
}

// save asks the person where to, and writes. What goes wrong is said in a dialog.
func (w *window) save(ctx context.Context, data []any) error {
	s, err := parseSaving(data)
	if err != nil {
		return err
	}
	path, err := wails_runtime.SaveFileDialog(ctx, wails_runtime.SaveDialogOptions{DefaultFilename: s.name, CanCreateDirectories: true})
	if err != nil || path == "" {
		return err
	}
	if err = w.write(ctx, s, path); err == nil {
		return nil
	}
	said := "The file could not be saved there; choose another place."
	var p *app.Problem
	if errors.As(err, &p) {
		said = p.Sentence
	}
	_, derr := wails_runtime.MessageDialog(ctx, wails_runtime.MessageDialogOptions{Type: wails_runtime.ErrorDialog, Title: title, Message: said})
	return errors.Join(err, derr)
}

// write puts what is saved at path, under another name until it is whole.
func (w *window) write(ctx context.Context, s saving, path string) error {
	var body io.Reader = strings.NewReader(s.text)
	mode := os.FileMode(0o600) // text is the recovery sheet
	if s.id != "" {
		content, err := w.files.OpenFile(ctx, app.FileRequest{In: app.In{Workspace: s.workspace}, ID: s.id})
		if err != nil {
			return err
		}
		defer content.Body.Close()
		body, mode = content.Body, 0o644
	}
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return fmt.Errorf("save: %w", err)
	}
	_, err = io.Copy(f, body)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("save: %w", err), os.Remove(part))
	}
	return os.Rename(part, path)
}
