package app

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode/utf8"

	"hallway/app/internal/keyring"
)

// Start says in which state this machine is.
func (of *Office) Start(ctx context.Context, _ StartRequest) (StartReply, error) {
	of.mu.RLock()
	defer of.mu.RUnlock()
	r := StartReply{
		State: StartEmpty, Version: of.o.Version, DeviceName: hostName(), Settings: of.settings.get(), Network: anyInterfaceUp(),
		Keychain: keychainWorks(), Workspaces: []Workspace{},
	}
	if len(of.spaces) > 0 {
		r.State = StartReady
	} else if of.locked {
		r.State = StartLocked
	}
	for _, s := range of.spaces {
		r.Workspaces = append(r.Workspaces, s.summary(ctx))
		r.Protection = s.protection
	}
	if r.State == StartLocked {
		r.Protection = ProtectPassphrase
	}
	return r, nil
}

// Unlock opens what needs the passphrase.
func (of *Office) Unlock(ctx context.Context, req UnlockRequest) (StartReply, error) {
	of.mu.Lock()
	of.pass = []byte(req.Passphrase)
	of.mu.Unlock()
	if err := of.openSpaces(ctx); err != nil {
		return StartReply{}, explain(err)
	}
	of.mu.Lock()
	of.locked = false
	of.mu.Unlock()
	return of.Start(ctx, StartRequest{})
}

// Settings are this machine's.
func (of *Office) Settings(context.Context, SettingsRequest) (Settings, error) {
	return of.settings.get(), nil
}

// SetSettings changes them; values are brought within their limits.
func (of *Office) SetSettings(_ context.Context, n Settings) (Settings, error) {
	now, err := of.settings.set(n)
	if err != nil {
		return Settings{}, err
	}
	of.hub.publish(Event{Kind: EventSettings})
	return now, nil
}

func hostName() string {
	h, err := os.Hostname()
	if err != nil || h == "" {
		return "This computer"
	}
	return h
}

func anyInterfaceUp() bool {
	ifaces, err := net.Interfaces()
	if err != nil {
		return false
	}
	for _, i := range ifaces {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 {
			return true
		}
	}
	return false
}

// keychainWorks asks the system once; HALLWAY_NO_KEYCHAIN says that it shall not be used.
var keychainWorks = sync.OnceValue(func() bool {
	return os.Getenv("HALLWAY_NO_KEYCHAIN") == "" && keyring.KeychainWorks()
})

// master is what opens the keys of a workspace's folder, by the way they were locked.
func (of *Office) master(dir string) (keyring.Master, Protection, error) {
	source, err := keyring.SourceOf(dir)
	if err != nil {
		return nil, "", err
	}
	switch source {
	case keyring.SourceKeychain:
		return keyring.Keychain(filepath.Base(dir)), ProtectKeychain, nil
	case keyring.SourceKeyFile:
		return keyring.KeyFile(filepath.Join(of.o.Dir, keyFileName)), ProtectKeyFile, nil
	}
	of.mu.RLock()
	defer of.mu.RUnlock()
	if len(of.pass) == 0 {
		return nil, ProtectPassphrase, errLocked
	}
	return keyring.Passphrase(of.pass, of.o.WorkFactor), ProtectPassphrase, nil
}

// errLocked says that a passphrase is needed that nobody has given yet.
var errLocked = problem(ProblemLocked, "Hallway is locked; give the passphrase, or name its file in HALLWAY_PASSPHRASE_FILE.")

// newMaster is what locks the keys of a new workspace: as those that are here are locked, or as the person chose. Where
// neither a keychain nor a passphrase is to be had it is a key file, and whoever started the program is told.
func (of *Office) newMaster(folder string, want Protection, passphrase string) (keyring.Master, Protection, error) {
	of.mu.Lock()
	defer of.mu.Unlock()
	if len(of.spaces) > 0 {
		want = of.spaces[0].protection
	} else if passphrase != "" {
		of.pass = []byte(passphrase)
	}
	if want == "" {
		switch {
		case len(of.pass) > 0:
			want = ProtectPassphrase
		case keychainWorks():
			want = ProtectKeychain
		default:
			want = ProtectKeyFile
		}
	}
	switch want {
	case ProtectKeychain:
		if !keychainWorks() {
			return nil, "", problem(ProblemUnavailable, "This system has no keychain that answers; choose a passphrase instead.")
		}
		return keyring.Keychain(folder), want, nil
	case ProtectPassphrase:
		if len(of.pass) == 0 {
			return nil, "", problem(ProblemInvalid, "Choose a passphrase for this computer.")
		}
		return keyring.Passphrase(of.pass, of.o.WorkFactor), want, nil
	case ProtectKeyFile:
		path := filepath.Join(of.o.Dir, keyFileName)
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			of.o.Notice("there is no keychain and no passphrase, so the keys of this device are kept in " + path + ", which only you can read; whoever copies the whole folder has them")
		}
		return keyring.KeyFile(path), want, nil
	}
	return nil, "", problem(ProblemInvalid, "Secrets are kept by keychain, passphrase or keyfile.")
}

// personName checks a name that a person typed: 1 to 80 characters after trimming, nothing that is not shown.
func personName(what, name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	if n := utf8.RuneCountInString(name); n == 0 || n > 80 || !utf8.ValidString(name) {
		return "", problem(ProblemInvalid, what+" needs 1 to 80 characters.")
	}
	for _, r := range name {
		if hiddenRune(r) {
			return "", problem(ProblemInvalid, what+" has a character that cannot be seen; leave it out.")
		}
	}
	return name, nil
}

// hiddenRune reports controls and the marks that turn text around: a name with one can pass for another.
func hiddenRune(r rune) bool {
	return r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e ||
		r >= 0x2060 && r <= 0x206f || r == 0xfeff
}
