package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"hallway/app/internal/keyring"
	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/store"
	"hallway/store/blob"
	"hallway/store/replica"
	"hallway/store/view"
)

// space is one workspace on this device: its keys, its store, what can be read of it, and its place in the network.
type space struct {
	of         *Office
	id         crdt.WorkspaceID
	self       access.UserID
	device     crdt.DeviceRef
	dir        string
	protection Protection
	opened     time.Time
	log        *slog.Logger

	ring  *keyring.Ring
	db    *store.DB
	kv    local
	rep   *replica.Replica
	blobs *blob.Store
	seal  *seal.Sealer
	views atomic.Pointer[view.View]

	names   *names   // who is called what
	reader  *reader  // follows the replica: opens what arrives, feeds the view, tells the hub
	keys    *keys    // mints, grants and asks for keys
	net     *network // the desk in the network, while it runs
	sent    *sentLog // what others hold of what was written here
	landing *landing // how much of what every member reads is here; nil where this run began as a member's

	joining  atomic.Pointer[joining]      // an admission that is not here yet; nil for who is in
	attended atomic.Pointer[crdt.ScopeID] // the channel that a person looked at last

	closedAt time.Time          // when this copy was last open before this run
	runMu    sync.Mutex         // guards cancel and ended
	cancel   context.CancelFunc // ends run; nil while it is not under way
	ended    chan struct{}      // closed when run has ended

	stop context.CancelFunc // ends the reader
	done chan struct{}      // closed when it has ended
	once sync.Once
}

// openSpace opens the workspace in dir; nil where the folder holds none (what a crash left of making one).
func openSpace(ctx context.Context, of *Office, dir string) (_ *space, err error) {
	master, protection, err := of.master(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, keyring.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, explain(err)
	}
	ring, err := keyring.Open(dir, master)
	if err != nil {
		return nil, explain(err)
	}
	s := &space{
		of: of, dir: dir, protection: protection, ring: ring, id: ring.Workspace(), self: ring.User(),
		device: crdt.RefOf(publicKey(ring.SignKey())), opened: of.o.Clock(),
		log: of.o.Log.With("workspace", ring.Workspace().String()[:8]),
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(explain(err), s.close())
	}
	return s, nil
}

// open opens the rooms below, one after the other, and starts following what the replica holds.
func (s *space) open(ctx context.Context) (err error) {
	if s.db, err = store.Open(filepath.Join(s.dir, storeDir), s.ring.StoreKey(), store.Options{Log: s.log}); err != nil {
		return err
	}
	s.kv = local{s.db}
	epochs, err := s.ring.Epochs(secrets{s.db})
	if err != nil {
		return err
	}
	s.seal = seal.New(seal.Options{Workspace: s.id, Ring: s.ring, Epochs: epochs, Rand: s.of.o.Rand})
	if s.blobs, err = blob.Open(filepath.Join(s.dir, blobsDir)); err != nil {
		return err
	}
	s.rep, err = replica.Open(s.db, s.id, access.New(s.id), replica.Options{
		Log: s.log, Clock: s.of.o.Clock, Rand: s.of.o.Rand, Device: s.ring.SignKey(), Runtime: s.of.o.Runtime,
	})
	if err != nil {
		return err
	}
	if err := s.rep.AddScope(ctx, s.scope()); err != nil {
		return err
	}
	v, err := openView(ctx, filepath.Join(s.dir, viewDir), s)
	if err != nil {
		return err
	}
	s.views.Store(v)
	if err := s.loadAway(); err != nil {
		return err
	}
	s.names = newNames(s)
	s.sent = newSentLog(s)
	s.keys = newKeys(s)
	s.net = newNetwork(s)
	j, err := loadJoining(s)
	if err != nil {
		return err
	}
	s.joining.Store(j)
	if j != nil {
		s.landing = &landing{here: map[crdt.ScopeID]bool{}}
	}
	s.reader = newReader(s)
	if err := s.reader.start(ctx); err != nil {
		return err
	}
	bg, stop := context.WithCancel(context.Background())
	s.stop, s.done = stop, make(chan struct{})
	go func() {
		defer close(s.done)
		s.tend(bg)
	}()
	return nil
}

// tend runs what a workspace does as long as it is open, online or not.
func (s *space) tend(ctx context.Context) {
	var wg sync.WaitGroup
	for name, run := range map[string]func(context.Context) error{"store": s.db.Run, "replica": s.rep.Run, "reader": s.reader.run, "sent": s.sent.run, "alive": s.keepAlive} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := run(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("stopped", "part", name, "err", err)
			}
		}()
	}
	wg.Wait()
}

const viewFile = "view.db"

// openView opens the view. One that is damaged is dropped and built again from the logs: it holds nothing of its own.
func openView(ctx context.Context, dir string, s *space) (*view.View, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the view's folder: %w", err)
	}
	path := filepath.Join(dir, viewFile)
	o := view.Options{Self: s.self, Log: s.log}
	v, err := view.Open(ctx, path, s.ring.ViewKey(), o)
	if errors.Is(err, view.ErrDamaged) {
		s.log.Warn("view is damaged and is built again from the logs")
		if err := view.Drop(path); err != nil {
			return nil, err
		}
		v, err = view.Open(ctx, path, s.ring.ViewKey(), o)
	}
	return v, err
}

// view is what can be read; it is another after a rebuild.
func (s *space) view() *view.View { return s.views.Load() }

// freshView puts an empty view in the place of the one that is there.
func (s *space) freshView(ctx context.Context) error {
	path := filepath.Join(s.dir, viewDir, viewFile)
	if err := s.view().Close(); err != nil {
		return err
	}
	if err := view.Drop(path); err != nil {
		return err
	}
	v, err := openView(ctx, filepath.Join(s.dir, viewDir), s)
	if err != nil {
		return err
	}
	s.views.Store(v)
	return nil
}

// stopRun takes the workspace offline and waits until it is.
func (s *space) stopRun() {
	s.runMu.Lock()
	cancel, ended := s.cancel, s.ended
	s.runMu.Unlock()
	if cancel != nil {
		cancel()
		<-ended
	}
}

// close closes what was opened, in the reverse order.
func (s *space) close() error {
	var errs []error
	s.once.Do(func() {
		if s.stop != nil {
			s.stop()
			<-s.done
		}
		if v := s.view(); v != nil {
			errs = append(errs, v.Close())
		}
		if s.db != nil {
			errs = append(errs, s.db.Close())
		}
	})
	return errors.Join(errs...)
}

// access is who may do what, as of now.
func (s *space) access() *access.View { return s.rep.View() }

// scope is the workspace's access scope.
func (s *space) scope() crdt.ScopeID { return crdt.AccessScope(s.id) }

// member reports whether this device's person is in, by what is here.
func (s *space) member() bool {
	_, ok := s.access().Role(s.self)
	return ok
}

// idText names this workspace in requests, events and replies.
func (s *space) idText() string { return s.id.String() }

// publish tells the faces.
func (s *space) publish(e Event) {
	e.Workspace = s.idText()
	s.of.hub.publish(e)
}
