package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"hallway/crdt"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
)

// Network is how an Office goes online.
type Network struct {
	Off         bool     // no network at all: a command that opens the directory for a moment
	Listen      []string // multiaddresses; empty means the ports of last time, else any
	Peers       []string // multiaddresses to stay connected to
	NoDiscovery bool     // neither announce nor look on the local network
	// Host makes the libp2p host; nil is the real one. Simulations hand in theirs.
	Host func(opts ...libp2p.Option) (host.Host, error)
}

// Options is everything that an Office needs.
type Options struct {
	Dir        string // the data directory; made where it is missing, with mode 0700
	Log        *slog.Logger
	Passphrase []byte // opens secrets kept under one; nil where there is none to give
	Network    Network
	Version    string
	Notice     func(sentence string) // told to the person who started the program; nil is nobody
	Clock      func() time.Time      // nil is the system's
	Rand       io.Reader             // nil is crypto/rand
	Runtime    string                // folder that does not survive a reboot (protocol 3.1); empty is the platform's
	WorkFactor int                   // age scrypt work factor for new passphrases; 0 is the default
}

// Office is one device's copy of its workspaces: the one API of the window, the browser and the command line. It
// implements Service, Feed and Files.
type Office struct {
	o        Options
	hub      *hub
	settings *settingsStore
	jobs     *jobs
	lock     *os.File

	mu     sync.RWMutex
	spaces []*space // the one opened last first
	pass   []byte   // the passphrase once it was given
	locked bool
	run    *running // while Run is under way
}

// running is what Run has started.
type running struct {
	ctx  context.Context
	wait *sync.WaitGroup
}

// Open opens the data directory. Nothing goes online before Run. A directory whose secrets need a passphrase that was
// not given opens all the same, and Start says that it is locked.
func Open(ctx context.Context, o Options) (*Office, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	if o.Runtime == "" {
		o.Runtime = os.Getenv("XDG_RUNTIME_DIR")
	}
	for _, texts := range [][]string{o.Network.Listen, o.Network.Peers} {
		if _, err := multiaddrs(texts); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, workspacesDir), 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	settings, err := openSettings(o.Dir)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	of := &Office{o: o, hub: newHub(o.Clock()), settings: settings, lock: lock, pass: slices.Clone(o.Passphrase)}
	of.jobs = newJobs(of.hub, o.Clock)
	if err := of.openSpaces(ctx); err != nil {
		return nil, errors.Join(err, of.Close())
	}
	return of, nil
}

// openSpaces opens every workspace of the directory that is not open yet.
func (of *Office) openSpaces(ctx context.Context) error {
	entries, err := os.ReadDir(filepath.Join(of.o.Dir, workspacesDir))
	if err != nil {
		return fmt.Errorf("list workspaces: %w", err)
	}
	for _, e := range entries {
		dir := filepath.Join(of.o.Dir, workspacesDir, e.Name())
		if !e.IsDir() || of.openAlready(dir) {
			continue
		}
		s, err := openSpace(ctx, of, dir)
		if errors.Is(err, errLocked) {
			of.mu.Lock()
			of.locked = true
			of.mu.Unlock()
			continue
		}
		if err != nil {
			return err
		}
		if s != nil {
			of.add(s)
		}
	}
	return nil
}

func (of *Office) openAlready(dir string) bool {
	of.mu.RLock()
	defer of.mu.RUnlock()
	return slices.ContainsFunc(of.spaces, func(s *space) bool { return s.dir == dir })
}

// add takes a workspace in, and online where the Office is.
func (of *Office) add(s *space) {
	of.mu.Lock()
	defer of.mu.Unlock()
	of.spaces = append(of.spaces, s)
	slices.SortStableFunc(of.spaces, func(a, b *space) int { return b.opened.Compare(a.opened) })
	if of.run != nil {
		of.start(s)
	}
}

// start runs a workspace for as long as Run runs. Callers hold mu.
func (of *Office) start(s *space) {
	run := of.run
	run.wait.Add(1)
	go func() {
		defer run.wait.Done()
		ctx, cancel := context.WithCancel(run.ctx)
		ended := make(chan struct{})
		defer close(ended)
		defer cancel()
		s.runMu.Lock()
		s.cancel, s.ended = cancel, ended
		s.runMu.Unlock()
		if err := s.run(ctx); err != nil && ctx.Err() == nil {
			if !s.net.gaveUp(err) { // else Listening tells it to whoever started the program
				of.o.Log.Error("workspace stopped", "workspace", s.id, "err", err)
			}
			of.o.Notice(AsProblem(explain(err)).Sentence)
		}
	}()
}

// Run takes every workspace online, as Options.Network says, until ctx ends. It returns when all that it started has
// ended.
func (of *Office) Run(ctx context.Context) error {
	of.mu.Lock()
	of.run = &running{ctx: ctx, wait: &sync.WaitGroup{}}
	for _, s := range of.spaces {
		of.start(s)
	}
	wait := of.run.wait
	of.mu.Unlock()
	<-ctx.Done()
	of.mu.Lock()
	of.run = nil
	of.mu.Unlock()
	wait.Wait()
	return ctx.Err()
}

// Close closes everything. Run must have ended.
func (of *Office) Close() error {
	of.jobs.close()
	of.mu.Lock()
	defer of.mu.Unlock()
	var errs []error
	for _, s := range of.spaces {
		errs = append(errs, s.close())
	}
	of.spaces = nil
	clear(of.pass)
	return errors.Join(append(errs, of.lock.Close())...)
}

// Subscribe gives the events after since; see Feed.
func (of *Office) Subscribe(ctx context.Context, since uint64) (<-chan Event, error) {
	return of.hub.Subscribe(ctx, since)
}

// space finds the workspace that a request is about.
func (of *Office) space(in In) (*space, error) {
	of.mu.RLock()
	defer of.mu.RUnlock()
	if of.locked && len(of.spaces) == 0 {
		return nil, errLocked
	}
	if len(of.spaces) == 0 {
		return nil, problem(ProblemNotFound, "There is no workspace on this computer yet; start one or join one by a link.")
	}
	if in.Workspace == "" {
		return of.spaces[0], nil
	}
	var found []*space
	for _, s := range of.spaces {
		if s.id.String() == in.Workspace {
			return s, nil
		}
		if s.name() == in.Workspace {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, problem(ProblemNotFound, fmt.Sprintf("There is no workspace %q on this computer.", in.Workspace))
	}
	p := problem(ProblemAmbiguous, fmt.Sprintf("Several workspaces are called %q; name one by its id.", in.Workspace))
	for _, s := range found {
		p.Candidates = append(p.Candidates, s.id.String())
	}
	return nil, p
}

func (of *Office) byID(id crdt.WorkspaceID) *space {
	of.mu.RLock()
	defer of.mu.RUnlock()
	for _, s := range of.spaces {
		if s.id == id {
			return s
		}
	}
	return nil
}
