package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
	"hallway/store/replica"
	"hallway/store/view"
)

// reader follows the replica in the order of arrival: it hands key ops to seal, opens content, feeds the view and tells
// the faces. What is durable is never waited for by it, and it never waits for a face.
type reader struct {
	s    *space
	jobs chan func() // what must run between batches, on the reader's own goroutine

	mu     sync.Mutex
	cursor uint64        // up to which the view has been fed
	moved  chan struct{} // closed when cursor moves
	live   bool          // start has read what was here: from now on what arrives is news

	owed  map[crdt.ScopeID]bool // of the reader's goroutine: channels of whose new posts faces are still to be told
	since time.Time             // since when
}

const readBatch = 512

func newReader(s *space) *reader {
	return &reader{s: s, jobs: make(chan func(), 64), moved: make(chan struct{}), owed: map[crdt.ScopeID]bool{}}
}

// start brings seal and the view up to what is durable, so that an Office that has just been opened answers in full.
func (r *reader) start(ctx context.Context) error {
	if err := r.s.rep.EachKeyOp(func(adm access.Admitted) error { return r.takeKey(adm) }); err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	cursor, err := r.s.view().Cursor(ctx)
	if err != nil {
		return err
	}
	last, _ := r.s.rep.LSN()
	if cursor > last {
		return fmt.Errorf("view is ahead of the store at %d: %w", cursor, view.ErrDamaged)
	}
	r.cursor = cursor
	if cursor == 0 {
		if err := r.restoreReads(ctx); err != nil {
			return err
		}
	}
	for r.at() < last {
		if err := r.step(ctx); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.live = true
	r.mu.Unlock()
	return nil
}

// takeKey hands a key op to seal. What seal refuses is somebody's fault and is dropped with a line in the log.
func (r *reader) takeKey(adm access.Admitted) error {
	if err := r.s.keys.take(adm); err != nil {
		r.s.log.Debug("key op not taken", "op", adm.Verified().ID(), "err", err)
	}
	return nil
}

func (r *reader) at() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cursor
}

// run follows the replica until ctx ends.
func (r *reader) run(ctx context.Context) error {
	var pruned uint64
	for {
		r.pay(ctx)
		last, wake := r.s.rep.LSN()
		if r.at() < last {
			if err := r.step(ctx); err != nil {
				return err
			}
			continue
		}
		if p := r.s.rep.Pruned(); p != pruned { // ops of a forked log that are kept no longer may stand in the view
			pruned = p
			if err := r.s.rebuildNow(ctx, func(int, int) {}); err != nil {
				r.s.log.Warn("could not build the view again after a log was forked", "err", err)
			}
			continue
		}
		select {
		case <-wake:
			runtime.Gosched() // whoever carries it to others goes first: they wait for more than this copy does
		case job := <-r.jobs:
			job()
		case <-r.payday():
		case <-ctx.Done():
			return nil
		}
	}
}

// owe notes that faces are to be told of a channel, together with all that comes meanwhile.
func (r *reader) owe(scope crdt.ScopeID) {
	if !r.owes() {
		r.since = time.Now()
	}
	r.owed[scope] = true
}

func (r *reader) owes() bool { return len(r.owed) > 0 }

// payday comes when what is owed is to be told; never while nothing is.
func (r *reader) payday() <-chan time.Time {
	if !r.owes() {
		return nil
	}
	return time.After(tellWithin - time.Since(r.since))
}

// pay tells faces what is owed to them, when it is time.
func (r *reader) pay(ctx context.Context) {
	if r.owes() && time.Since(r.since) >= tellWithin {
		r.s.tellFlood(ctx, r.owed)
		clear(r.owed)
	}
}

// poke has job run on the reader's goroutine soon. It never waits: what finds no room is dropped, and comes again.
func (r *reader) poke(job func()) {
	select {
	case r.jobs <- job:
	default:
	}
}

// caughtUp waits until all that was durable when it was called can be read.
func (r *reader) caughtUp(ctx context.Context) error {
	last, _ := r.s.rep.LSN()
	for {
		r.mu.Lock()
		done, moved := r.cursor >= last, r.moved
		r.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// step takes one batch.
func (r *reader) step(ctx context.Context) error {
	entries, err := r.s.rep.Feed(r.at(), readBatch)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	b := &batch{r: r}
	for _, e := range entries {
		if err := b.add(e); err != nil {
			return err
		}
	}
	// Lines come first: Apply moves the view's cursor, and what a stop leaves undone after it is not done again.
	for scope := range b.lines {
		if err := r.s.putLines(ctx, scope); err != nil {
			return err
		}
	}
	changes, err := r.s.view().Apply(ctx, b.items, entries[len(entries)-1].LSN)
	if err != nil {
		return err
	}
	if err := errors.Join(b.readHistory(ctx), b.finish(ctx)); err != nil {
		return err
	}
	r.mu.Lock()
	r.cursor = entries[len(entries)-1].LSN
	close(r.moved)
	r.moved = make(chan struct{})
	live := r.live
	r.mu.Unlock()
	if len(changes.Erase) > 0 {
		if err := r.s.rep.Forget(ctx, changes.Erase); err != nil {
			r.s.log.Warn("could not drop what was deleted", "err", err)
		}
	}
	if live {
		r.s.tell(ctx, changes, b)
	}
	return nil
}

// batch is what a step collects.
type batch struct {
	r        *reader
	items    []view.Item
	users    []access.UserID // whose role, devices or profile changed
	roles    bool            // somebody's role is another now
	channels []crdt.ScopeID
	access   bool
	requests bool
	history  map[crdt.ScopeID]map[crdt.LogID]uint64
	lines    map[crdt.ScopeID]bool // channels whose lines of the system may be others now
	said     []crdt.OpID           // access ops, each of which may be such a line
}

func (b *batch) add(e replica.Entry) error {
	op := e.Admitted.Verified().Op()
	switch op.Type.Class() {
	case crdt.ClassAccess:
		return b.addAccess(e)
	case crdt.ClassKeys:
		if b.r.live {
			return b.r.takeKey(e.Admitted)
		}
		return nil // start handed over all of them
	}
	return b.addContent(e)
}

func (b *batch) addContent(e replica.Entry) error {
	s := b.r.s
	opened, err := s.seal.OpenOp(e.Admitted)
	var missing *seal.MissingKey
	if err != nil && !errors.As(err, &missing) {
		s.log.Debug("op says nothing that can be opened", "op", e.Admitted.Verified().ID(), "err", err)
	}
	b.items = append(b.items, b.r.item(opened, e.Admitted))
	b.before(e)
	return nil
}

// before notes what was said before this person came: it is history, and none of it is unread.
func (b *batch) before(e replica.Entry) {
	op := e.Admitted.Verified().Op()
	if !op.HLC.Time().Before(b.r.s.joinedAt()) {
		return
	}
	if b.history == nil {
		b.history = map[crdt.ScopeID]map[crdt.LogID]uint64{}
	}
	logs := b.history[e.Scope]
	if logs == nil {
		logs = map[crdt.LogID]uint64{}
		b.history[e.Scope] = logs
	}
	logs[op.Log] = max(logs[op.Log], op.Seq+1)
}

// readHistory moves the read marks over what was said before this person came.
func (b *batch) readHistory(ctx context.Context) error {
	s := b.r.s
	for scope, logs := range b.history {
		now, err := s.view().ReadState(ctx, scope)
		if err != nil {
			return err
		}
		next := now.Merge(chat.ReadState{Generation: now.Generation, Below: logs})
		if maps.Equal(next.Below, now.Below) {
			continue
		}
		if next, err = s.view().SetRead(ctx, scope, next); err != nil {
			return err
		}
		if err := s.kv.put(ctx, localRead+scope.String(), markOf(next)); err != nil {
			return err
		}
	}
	return nil
}

// item is an op for the view. One that was written before this device came, or while it was away, is not late: that it
// was not here was our own doing.
func (r *reader) item(opened chat.Opened, adm access.Admitted) view.Item {
	written := adm.Verified().Op().HLC.Time()
	from, to := r.s.away()
	joined := r.s.joinedAt()
	backfill := written.Before(joined) || written.After(from) && written.Before(to) || !r.live
	return view.Item{Op: opened, Arrived: r.s.clock(), Backfill: backfill}
}

func (b *batch) addAccess(e replica.Entry) error {
	s := b.r.s
	op := e.Admitted.Verified().Op()
	b.access = true
	if op.Type == crdt.TypeNotice {
		b.notice(op)
	}
	if op.Type == crdt.TypeJoinRequest || op.Type == crdt.TypeInviteCreate || op.Type == crdt.TypeInviteRevoke || op.Type == crdt.TypeAdmit {
		b.requests = true
	}
	if c := e.Admitted.Changed(); c != nil {
		b.users = append(b.users, c.Users...)
		b.channels = append(b.channels, c.Scopes...)
		b.roles = b.roles || len(c.Roles) > 0
	}
	if b.lines == nil {
		b.lines = map[crdt.ScopeID]bool{}
	}
	for _, scope := range s.linesOf(op, e.Admitted) {
		b.lines[scope] = true
	}
	b.said = append(b.said, e.Admitted.Verified().ID())
	return nil
}

// notice enters a private scope that a notice tells this person of.
func (b *batch) notice(op *crdt.Op) {
	s := b.r.s
	body, err := access.ParseBody(op.Type, op.Payload)
	if err != nil {
		return
	}
	n, ok := s.seal.TryNotice(s.sealView(), body.(*access.Notice).Box)
	if !ok || s.rep.HoldsScope(n.Scope) {
		return
	}
	if err := s.rep.AddScope(context.Background(), n.Scope); err != nil {
		s.log.Warn("could not enter a channel", "err", err)
	}
}

// finish acts on what access ops changed, once the batch is in the view.
func (b *batch) finish(ctx context.Context) error {
	s := b.r.s
	if !b.access || !b.r.live {
		return nil
	}
	if t, err := s.seal.Retry(s.sealView()); err == nil {
		s.keys.use(t)
	}
	if node := s.net.running(); node != nil {
		node.Recheck()
	}
	s.joinProgress(ctx)
	return nil
}

// unlocked opens again what waited for keys that are here now.
func (r *reader) unlocked(epochs []crdt.EpochID) {
	r.poke(func() { r.reopen(context.Background(), epochs) })
}

// reopen looks for ops under these epochs that stand in the view as locked.
func (r *reader) reopen(ctx context.Context, epochs []crdt.EpochID) {
	locked, err := r.s.view().Locked(ctx)
	if err != nil {
		r.s.log.Warn("could not look for what waited for a key", "err", err)
		return
	}
	var items []view.Item
	for _, id := range locked {
		e, err := r.s.rep.Op(id)
		if err != nil || !slices.Contains(epochs, e.Admitted.Verified().Op().Epoch) {
			continue
		}
		opened, err := r.s.seal.OpenOp(e.Admitted)
		if missing := (*seal.MissingKey)(nil); errors.As(err, &missing) {
			continue
		}
		items = append(items, r.item(opened, e.Admitted))
	}
	for part := range slices.Chunk(items, readBatch) {
		changes, err := r.s.view().Apply(ctx, part, 0)
		if err != nil {
			r.s.log.Warn("could not show what waited for a key", "err", err)
			return
		}
		r.s.tell(ctx, changes, &batch{r: r})
	}
	for _, scope := range r.s.access().Scopes() { // names and topics may open now
		if ch, err := r.s.channelInfo(ctx, scope); err == nil && r.s.access().MayRead(r.s.self, scope) {
			r.s.publish(Event{Kind: EventChannel, Channel: ch.ID, ChannelName: ch.Name, Info: &ch})
		}
	}
	r.s.joinProgress(ctx)
}

// restoreReads puts the read marks back into a view that was built anew.
func (r *reader) restoreReads(ctx context.Context) error {
	return r.s.eachRead(func(scope crdt.ScopeID, m readMark) error {
		_, err := r.s.view().SetRead(ctx, scope, m.state())
		return err
	})
}

// rebuild drops the view and feeds it again from the logs.
func (s *space) rebuild(ctx context.Context, progress func(done, total int)) error {
	ended := make(chan error, 1)
	select {
	case s.reader.jobs <- func() { ended <- s.rebuildNow(ctx, progress) }:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rebuildNow runs on the reader's goroutine. What is asked meanwhile is answered from what is there again so far, and
// search says that it is not complete.
func (s *space) rebuildNow(ctx context.Context, progress func(done, total int)) error {
	r := s.reader
	if err := s.freshView(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	r.cursor, r.live = 0, false
	r.mu.Unlock()
	if err := r.restoreReads(ctx); err != nil {
		return err
	}
	last, _ := s.rep.LSN()
	for r.at() < last {
		if err := r.step(ctx); err != nil {
			return err
		}
		progress(int(r.at()), int(last))
	}
	r.mu.Lock()
	r.live = true
	r.mu.Unlock()
	return nil
}

// sealView is what seal must know of who may read what, as of now.
func (s *space) sealView() seal.View { return seal.ViewOf(s.access(), s.rep.Heads) }

// clock is the local time.
func (s *space) clock() time.Time { return s.of.o.Clock() }
