package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	wails_runtime "github.com/wailsapp/wails/v2/pkg/runtime"
)

// sizeFile holds the window's size, in the data directory; nothing that would be missed.
const sizeFile = "window.json"

// Sizes in px; the least fits the narrow layout of the page.
const (
	minWidth, minHeight = 360, 480
	maxSide             = 16384
)

// size is how the window was left. Where it stood is the window manager's to remember: a remembered place can lie on a
// screen that is no longer there, and Wayland tells none.
type size struct {
	Width     int  `json:"width"`
	Height    int  `json:"height"`
	Maximised bool `json:"maximised"`
}

var firstSize = size{Width: 1200, Height: 780}

// readSize is the size of last time; a file that is missing or makes no sense is as good as none.
func readSize(dir string) size {
	raw, err := os.ReadFile(filepath.Join(dir, sizeFile))
	if err != nil {
		return firstSize
	}
	var s size
	if json.Unmarshal(raw, &s) != nil || s.Width < minWidth || s.Height < minHeight || s.Width > maxSide || s.Height > maxSide {
		return firstSize
	}
	return s
}

// writeSize keeps the size, in one step so that a crash leaves the old or the new one.
func writeSize(dir string, s size) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, sizeFile)
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// keepSize remembers the window as it stands. The size of a maximised window is the screen's: the one before is kept.
func (w *window) keepSize(ctx context.Context) {
	s := readSize(w.dir)
	s.Maximised = wails_runtime.WindowIsMaximised(ctx)
	if !s.Maximised && !wails_runtime.WindowIsMinimised(ctx) && !wails_runtime.WindowIsFullscreen(ctx) {
		s.Width, s.Height = wails_runtime.WindowGetSize(ctx)
	}
	if err := writeSize(w.dir, s); err != nil {
		w.log.Warn("could not keep the window's size", "err", err)
	}
}
