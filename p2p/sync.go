package p2p

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"hallway/crdt"
	"hallway/p2p/catchup"
	"hallway/p2p/wire"
)

// Delays of catch-up.
const (
	gapDelay   = 200 * time.Millisecond // gaps are gathered so long (protocol 7.8)
	soonDelay  = 2 * time.Second        // after something was dropped
	retryDelay = 2 * time.Second        // before a broken stream is opened anew
	stallCheck = 5 * time.Second        // between two looks whether the other side still moves
)

// maxSyncCalls is how many calls wait for a session before they are replaced by one comparison of everything.
const maxSyncCalls = 1024

// syncer runs catch-up with one device: the state machine of package catchup over a stream.
type syncer struct {
	n       *Node
	r       *remote
	streams chan network.Stream // opened by the other side
	wake    chan struct{}       // holds one token while calls wait, or the session asked to be polled

	mu       sync.Mutex
	calls    []func(s *catchup.Session, now time.Time)
	overflow bool
	gaps     map[crdt.LogID]Gap
	soon     bool
	progress []catchup.Progress
}

func (n *Node) newSyncer(r *remote) *syncer {
	return &syncer{n: n, r: r, streams: make(chan network.Stream), wake: make(chan struct{}, 1), gaps: map[crdt.LogID]Gap{}}
}

// serveSync hands a stream to the device's syncer. Of two sides, the one with the lower network id opens.
func (n *Node) serveSync(r *remote, s network.Stream) {
	if r.sync == nil {
		_ = s.Reset()
		return
	}
	select {
	case r.sync.streams <- s:
	case <-r.ctx.Done():
		_ = s.Reset()
	case <-time.After(proofTime):
		_ = s.Reset()
	}
}

// run keeps a session going as long as the device is connected.
func (y *syncer) run() {
	opener := y.n.ID() < y.r.id
	for y.r.ctx.Err() == nil {
		var s network.Stream
		if opener {
			ctx, cancel := context.WithTimeout(y.r.ctx, proofTime)
			opened, err := y.n.host.NewStream(ctx, y.r.id, wire.ProtoSync)
			cancel()
			if err != nil {
				y.n.o.Log.Debug("sync stream not opened", "peer", y.r.id, "err", err)
				y.n.sleep(y.r.ctx, retryDelay)
				continue
			}
			s = opened
		} else {
			select {
			case s = <-y.streams:
			case <-y.r.ctx.Done():
				return
			}
		}
		y.settle(y.session(s))
		_ = s.Reset()
	}
}

// settle draws the consequence of a session's end: whoever broke the protocol is disconnected, and dialled again as late
// as one who does not answer.
func (y *syncer) settle(err error) {
	switch {
	case y.r.ctx.Err() != nil:
		return
	case errors.Is(err, catchup.ErrProtocol), errors.Is(err, catchup.ErrBadBatch):
		y.n.o.Log.Warn("device broke the sync protocol", "peer", y.r.id, "err", err)
		y.r.mu.Lock()
		y.r.strikes++
		y.r.mu.Unlock()
		y.n.dialer.punish(y.r.id)
		_ = y.n.host.Network().ClosePeer(y.r.id)
	case errors.Is(err, catchup.ErrVersion):
		y.n.o.Log.Info("device speaks another version of the sync protocol", "peer", y.r.id)
		y.n.sleep(y.r.ctx, maxBackoffCap)
	case err != nil && !errors.Is(err, io.EOF):
		y.n.o.Log.Debug("sync session ended", "peer", y.r.id, "err", err)
	}
	y.n.sleep(y.r.ctx, retryDelay)
}

// committed is what became of batches that were made durable together.
type committed struct {
	work []*catchup.Work
	out  catchup.Outcome // of all of them
	err  error
}

// maxTogether is how many batches are made durable by one fsync at most.
const maxTogether = 8

// session runs one session to its end. The stream is written only as fast as it takes, so that nothing is built for a
// reader who does not read (protocol 7.7).
func (y *syncer) session(s network.Stream) error {
	ctx, cancel := context.WithCancel(y.r.ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	context.AfterFunc(ctx, func() { _ = s.Reset() }) // ends reader and writer, whatever ended the session

	o := catchup.Options{
		Replica: y.n.o.Replica, Shared: y.n.shared, Self: catchup.PeerID(y.n.ID()), Peer: catchup.PeerID(y.r.id),
		Process: y.n.process, Wake: y.poke,
	}
	if _, err := io.ReadFull(y.n.o.Rand, o.Nonce[:]); err != nil {
		return err
	}
	sess := catchup.NewSession(o)
	defer sess.Close()

	l := link{
		frames: make(chan []byte), out: make(chan []byte), fail: make(chan error, 2),
		work: make(chan []*catchup.Work), done: make(chan committed),
	}
	wg.Go(func() { l.fail <- readFrames(ctx, s, l.frames) })
	wg.Go(func() { l.fail <- writeFrames(ctx, s, l.out) })
	wg.Go(func() { y.commit(ctx, l.work, l.done) })
	return y.turn(ctx, sess, l)
}

// link is what joins a session's goroutine to those that read, write and commit.
type link struct {
	frames chan []byte // read
	out    chan []byte // to write
	fail   chan error  // of the stream, from reader and writer
	work   chan []*catchup.Work
	done   chan committed
}

// turn is the session's own goroutine: it waits for whatever can happen next.
func (y *syncer) turn(ctx context.Context, sess *catchup.Session, l link) error {
	var frame []byte
	var batches []*catchup.Work // for the disk, as soon as it has done those before
	var ahead *catchup.Work     // does not go together with them
	haveFrame := false
	stall := stallTimer{t: time.NewTimer(stallCheck), armed: true}
	defer stall.t.Stop()
	for {
		toWrite, toCommit := l.out, l.work
		if !haveFrame {
			if frame, haveFrame = sess.Next(); !haveFrame {
				toWrite = nil
			}
		}
		if batches, ahead = gather(sess, batches, ahead); len(batches) == 0 {
			toCommit = nil
		}
		stall.arm(sess)
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-l.fail:
			return err
		case toWrite <- frame:
			haveFrame = false
		case toCommit <- batches:
			batches = nil
		case f := <-l.frames:
			err = sess.Receive(time.Now(), f)
		case c := <-l.done:
			err = c.tell(sess)
			y.note(sess)
		case <-y.wake:
			err = y.runCalls(sess)
		case <-stall.t.C:
			stall.armed = false
			err = sess.Poll(time.Now())
		}
		y.tell(sess)
		if err != nil {
			return err
		}
	}
}

// gather adds what came to the batches that wait for the disk, in order.
func gather(sess *catchup.Session, waiting []*catchup.Work, ahead *catchup.Work) ([]*catchup.Work, *catchup.Work) {
	for {
		if ahead == nil {
			w, ok := sess.Work()
			if !ok {
				return waiting, nil
			}
			ahead = w
		}
		if len(waiting) > 0 && (len(waiting) == maxTogether || !waiting[0].Together(ahead)) {
			return waiting, ahead
		}
		waiting, ahead = append(waiting, ahead), nil
	}
}

// tell reports to the session. What was stored counts for one of the batches: they are of one fetch.
func (c *committed) tell(sess *catchup.Session) error {
	for i, w := range c.work {
		out := catchup.Outcome{}
		if i == 0 {
			out = c.out
		}
		if err := sess.Committed(time.Now(), w, out, c.err); err != nil {
			return err
		}
	}
	return nil
}

// stallTimer looks now and then whether the other side still moves. A session that waits for nothing wakes nobody.
type stallTimer struct {
	t     *time.Timer
	armed bool
}

func (s *stallTimer) arm(sess *catchup.Session) {
	if !s.armed && !sess.Idle() {
		s.t.Reset(stallCheck)
		s.armed = true
	}
}

// tell passes a session's news on.
func (y *syncer) tell(sess *catchup.Session) {
	if ev := sess.Events(); len(ev) > 0 {
		y.note(sess)
		if y.n.o.Watch != nil {
			y.n.o.Watch.Sync(y.r.id, ev)
		}
	}
}

func (y *syncer) note(sess *catchup.Session) {
	p := sess.Progress()
	y.mu.Lock()
	y.progress = p
	y.mu.Unlock()
}

func readFrames(ctx context.Context, s network.Stream, to chan<- []byte) error {
	fr := wire.NewFrameReader(s, wire.MaxSyncFrame)
	for {
		f, err := fr.Read()
		if err != nil {
			return err
		}
		select {
		case to <- f:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func writeFrames(ctx context.Context, s network.Stream, from <-chan []byte) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case f := <-from:
			if err := wire.WriteFrame(s, f); err != nil {
				return err
			}
		}
	}
}

// commit makes batches durable, one after the other.
func (y *syncer) commit(ctx context.Context, work <-chan []*catchup.Work, done chan<- committed) {
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-work:
			var segs []*crdt.Segment
			for _, batch := range w {
				segs = append(segs, batch.Segments...)
			}
			out, err := y.n.o.Replica.Ingest(ctx, catchup.PeerID(y.r.id), w[0].Scope, segs)
			select {
			case done <- committed{w, out, err}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// poke wakes the session's goroutine.
func (y *syncer) poke() {
	select {
	case y.wake <- struct{}{}:
	default:
	}
}

// call runs f in the session's goroutine, soon. It never blocks. Where too much waits already, everything is compared
// instead.
func (y *syncer) call(f func(s *catchup.Session, now time.Time)) {
	y.mu.Lock()
	if len(y.calls) < maxSyncCalls {
		y.calls = append(y.calls, f)
	} else {
		y.overflow = true
	}
	y.mu.Unlock()
	y.poke()
}

func (y *syncer) runCalls(sess *catchup.Session) error {
	y.mu.Lock()
	calls, overflow := y.calls, y.overflow
	y.calls, y.overflow = nil, false
	y.mu.Unlock()
	now := time.Now()
	for _, f := range calls {
		f(sess, now)
	}
	if overflow {
		sess.Refresh(now)
		sess.Kick(now, false)
	}
	return sess.Poll(now)
}

// kick compares holdings with the device now; with audit, from the ground up.
func (y *syncer) kick(audit bool) {
	y.call(func(s *catchup.Session, now time.Time) { s.Kick(now, audit) })
}

// syncSoon compares holdings with a device in a moment, once for all that asks for it until then.
func (n *Node) syncSoon(r *remote) {
	y := r.sync
	if y == nil {
		return
	}
	y.mu.Lock()
	already := y.soon
	y.soon = true
	y.mu.Unlock()
	if already {
		return
	}
	time.AfterFunc(soonDelay, func() {
		y.mu.Lock()
		y.soon = false
		y.mu.Unlock()
		y.kick(false)
	})
}

// gap asks the device for ops before one that it passed on, after gathering a moment's worth.
func (y *syncer) gap(g Gap) {
	y.mu.Lock()
	first := len(y.gaps) == 0
	if old, ok := y.gaps[g.Log]; ok {
		g.From, g.To = min(g.From, old.From), max(g.To, old.To)
	}
	if len(y.gaps) < maxSyncCalls {
		y.gaps[g.Log] = g
	}
	y.mu.Unlock()
	if !first {
		return
	}
	time.AfterFunc(gapDelay, func() {
		y.mu.Lock()
		gaps := y.gaps
		y.gaps = map[crdt.LogID]Gap{}
		y.mu.Unlock()
		y.call(func(s *catchup.Session, now time.Time) {
			for _, g := range gaps {
				s.Gap(now, g.Scope, g.Log, g.From, g.To)
			}
		})
	})
}
