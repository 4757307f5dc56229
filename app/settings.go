package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// settingsFile holds this machine's settings: no secrets, and nothing that would be missed.
const settingsFile = "settings.json"

var defaultSettings = Settings{
	Theme: ThemeSystem, Density: DensityCosy, TextScale: 100, SingleKeys: true, SidebarWidth: 256, PaneWidth: 380,
}

type settingsStore struct {
	mu   sync.Mutex
	path string
	now  Settings
}

// openSettings reads the settings. A file that cannot be read as settings is left as it is and the defaults hold until
// somebody changes one.
func openSettings(dir string) (*settingsStore, error) {
	s := &settingsStore{path: filepath.Join(dir, settingsFile), now: defaultSettings}
	b, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	read := defaultSettings
	if json.Unmarshal(b, &read) == nil {
		s.now = read.within()
	}
	return s, nil
}

// within is the settings with each value inside its limits.
func (s Settings) within() Settings {
	if s.Theme != ThemeLight && s.Theme != ThemeDark {
		s.Theme = ThemeSystem
	}
	if s.Density != DensityCompact {
		s.Density = DensityCosy
	}
	s.TextScale = min(max(s.TextScale, 85), 150)
	s.SidebarWidth = min(max(s.SidebarWidth, 200), 360)
	s.PaneWidth = min(max(s.PaneWidth, 320), 560)
	return s
}

func (s *settingsStore) get() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *settingsStore) set(n Settings) (Settings, error) {
	n = n.within()
	b, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return Settings{}, fmt.Errorf("write settings: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := writeFile(s.path, append(b, '\n'), 0o600); err != nil {
		return Settings{}, fmt.Errorf("write settings: %w", err)
	}
	s.now = n
	return n, nil
}

// writeFile replaces a file in one step, so that a crash leaves the old one or the new one.
func writeFile(path string, b []byte, mode os.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".write-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if err := errors.Join(tmp.Chmod(mode), write(tmp, b), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

func write(f *os.File, b []byte) error {
	_, err := f.Write(b)
	return err
}
