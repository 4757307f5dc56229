package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
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
	keyed  uint64        // of the reader's goroutine: up to which seal has every key op

	owed  map[crdt.ScopeID]bool // of the reader's goroutine: channels of whose new posts faces are still to be told
	since time.Time             // since when
}

const readBatch = 512

func newReader(s *space) *reader {
	return &reader{s: s, jobs: make(chan func(), 64), moved: make(chan struct{}), owed: map[crdt.ScopeID]bool{}}
}

// start brings seal and the view up to what is durable, so that an Office that has just been opened answers in full.
func (r *reader) start(ctx context.Context) error {
	r.keyed, _ = r.s.rep.LSN()
	if err := r.s.rep.EachKeyOp(func(adm access.Admitted) error { r.takeKey(adm); return nil }); err != nil {
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
func (r *reader) takeKey(adm access.Admitted) {
	if err := r.s.keys.take(adm); err != nil {
		r.s.log.Debug("key op not taken", "op", adm.Verified().ID(), "err", err)
	}
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
		b.add(e)
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
	if err := b.readHistory(ctx); err != nil {
		return err
	}
	if b.access && r.live {
		r.s.rightsMoved(ctx)
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

// item is an op for the view. One that was written before this device came, or while it was away, is not late: that it
// was not here was our own doing.
func (r *reader) item(opened chat.Opened, adm access.Admitted) view.Item {
	written := adm.Verified().Op().HLC.Time()
	from, to := r.s.away()
	joined := r.s.joinedAt()
	backfill := written.Before(joined) || written.After(from) && written.Before(to) || !r.live
	return view.Item{Op: opened, Arrived: r.s.clock(), Backfill: backfill}
}

// rightsMoved acts on what access ops changed, once they are in the view.
func (s *space) rightsMoved(ctx context.Context) {
	if t, err := s.seal.Retry(s.sealView()); err == nil {
		s.keys.use(t)
	}
	if node := s.net.running(); node != nil {
		node.Recheck()
	}
	s.joinProgress(ctx)
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
		if err := r.s.putLines(ctx, scope); err != nil {
			r.s.log.Warn("could not write what was renamed", "err", err)
		}
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
	defer func() { // also where it stopped half way: run goes on from there
		r.mu.Lock()
		r.live = true
		r.mu.Unlock()
		s.rightsMoved(ctx) // what came meanwhile was read, and not acted on
		s.publish(Event{Kind: EventReset})
	}()
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
	return nil
}

// sealView is what seal must know of who may read what, as of now.
func (s *space) sealView() seal.View { return seal.ViewOf(s.access(), s.rep.Heads) }

// clock is the local time.
func (s *space) clock() time.Time { return s.of.o.Clock() }
