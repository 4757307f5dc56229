package replica

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/store"
)

// Errors of a replica, beside those of crdt, access and store that it passes on.
var (
	ErrForked   = errors.New("log was forked by its writer")       // protocol 3.5: the device must be enrolled anew
	ErrNotOurs  = errors.New("log of another scope or device")     // the log id does not belong where it was sent
	ErrNoScope  = errors.New("scope is not held")                  // AddScope it first
	ErrNoDevice = errors.New("replica writes nothing")             // it was opened without a device key
	ErrEarly    = errors.New("what this rests on is not here yet") // try again when more has arrived
	ErrAbsent   = store.ErrAbsent                                  // no such op here
)

// Limits on what waits in memory for one source (protocol 4, proviso 6), and on what is early on disk.
const (
	MaxWaitingBytes = 1 << 20
	MaxWaitingTime  = 30 * time.Second
	MaxEarly        = 5 * time.Minute // how far ahead of the clock an op may be
	maxHeldBytes    = 1 << 20         // of ops ahead of their time, a device
)

// Options are what Open needs beside the store.
type Options struct {
	Log   *slog.Logger     // required
	Clock func() time.Time // required
	Rand  io.Reader        // for incarnations; nil is crypto/rand

	// Device is this device's sign key; nil for a copy that writes nothing, such as a relay's.
	Device ed25519.PrivateKey
	// Runtime is a directory outside the store that does not survive a reboot, for a counter that tells whether the
	// store is the one last written by this machine (protocol 3.1); "" where there is none: then every start that no
	// peer has confirmed writes into a new incarnation.
	Runtime string
	// Budget bounds what one device may send live; the zero value is DefaultBudget.
	Budget Budget
}

// Replica is one copy of a workspace. It is safe for concurrent use.
type Replica struct {
	db     *store.DB
	ws     crdt.WorkspaceID
	o      Options
	public ed25519.PublicKey // of Device; nil

	mu      sync.Mutex // the writer; guards what follows
	state   *access.State
	scopes  map[crdt.ScopeID]*scopeState
	byNum   map[store.ScopeNum]*scopeState
	logs    map[crdt.LogID]*logState
	nums    map[store.LogNum]*logState
	open    map[crdt.ScopeID]bool // public channels
	lsn     uint64                // last one given out
	flight  flight                // written and not yet durable
	waiting waitingRoom
	held    heldRoom
	own     ownLogs
	budgets map[crdt.DeviceRef]*bucket
	wishes  map[crdt.OpID][]crdt.OpID // ops to be erased on arrival, and who asked
	unwiped bool                      // payloads were dropped since the last Compact
	wipeAt  time.Time

	view atomic.Pointer[access.View]
	pub  published
	kick chan struct{} // wakes Run when a deadline changed

	checked atomic.Uint64 // signatures that were checked
	pruned  atomic.Uint64 // times that ops were taken out
}

// scopeState is one scope that is held.
type scopeState struct {
	num  store.ScopeNum
	id   crdt.ScopeID
	logs []*logState
}

// logState is one log. What it is never changes; what is here of it does.
type logState struct {
	num   store.LogNum
	scope *scopeState
	id    crdt.LogID
	class crdt.Class
	key   ed25519.PublicKey
	holdings
	firsts map[store.Place]crdt.OpID // ids at the places where branches part, as far as asked
	proven [2]crdt.OpID              // the two branches that the stored proof shows
}

// Open opens the copy that lies in db, and folds its access ops into st, which must be new and belongs to the replica
// from now on. The replica does not close db.
func Open(db *store.DB, ws crdt.WorkspaceID, st *access.State, o Options) (*Replica, error) {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Budget == (Budget{}) {
		o.Budget = DefaultBudget
	}
	r := &Replica{
		db: db, ws: ws, o: o, state: st,
		scopes: map[crdt.ScopeID]*scopeState{}, byNum: map[store.ScopeNum]*scopeState{},
		logs: map[crdt.LogID]*logState{}, nums: map[store.LogNum]*logState{},
		open: map[crdt.ScopeID]bool{}, flight: newFlight(),
		budgets: map[crdt.DeviceRef]*bucket{}, wishes: map[crdt.OpID][]crdt.OpID{},
		kick: make(chan struct{}, 1),
	}
	if o.Device != nil {
		r.public = o.Device.Public().(ed25519.PublicKey)
	}
	r.pub.init()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.load(); err != nil {
		return nil, fmt.Errorf("open replica: %w", err)
	}
	return r, nil
}

// Workspace is the workspace that this is a copy of.
func (r *Replica) Workspace() crdt.WorkspaceID { return r.ws }

// View is who may do what, as of the last op folded in. It is immutable and shared.
func (r *Replica) View() *access.View { return r.view.Load() }

// Signatures is the number of signatures checked since the start.
func (r *Replica) Signatures() uint64 { return r.checked.Load() }

// Run does what waits for time to pass: it frees what waited too long, releases what was early, and takes erased
// payloads off the disk. It ends with ctx.
func (r *Replica) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-r.kick:
		}
		next, err := r.tend(ctx)
		if err != nil {
			r.o.Log.Warn("replica could not tend what waits", "err", err)
		}
		timer.Reset(next)
	}
}

// idle is how long Run sleeps when nothing is due.
const idle = time.Hour

// tend does what is due and answers how long until it must be asked again.
func (r *Replica) tend(ctx context.Context) (time.Duration, error) {
	now := r.o.Clock()
	r.mu.Lock()
	r.waiting.expire(now)
	var err error
	if r.held.due(now) {
		err = r.release(now)
	}
	wipe := r.unwiped && !now.Before(r.wipeAt)
	if wipe {
		r.unwiped = false
	}
	next := r.deadline(now)
	r.mu.Unlock()
	if wipe {
		if e := r.db.Compact(ctx); e != nil {
			r.mu.Lock()
			r.unwiped, r.wipeAt = true, now.Add(wipeRetry)
			r.mu.Unlock()
			return wipeRetry, e
		}
	}
	return next, err
}

func (r *Replica) deadline(now time.Time) time.Duration {
	next := idle
	for _, t := range []time.Time{r.waiting.next(), r.held.next(), r.wipeTime()} {
		if !t.IsZero() {
			next = min(next, max(t.Sub(now), time.Millisecond))
		}
	}
	return next
}

// nudge makes Run look at the deadlines again.
func (r *Replica) nudge() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}
