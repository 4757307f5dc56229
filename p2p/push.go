package p2p

import (
	"context"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"hallway/p2p/wire"
)

// maxPushQueue is how many bytes wait for one slow reader before frames are dropped; what is under way in the stream's own
// buffers comes on top, and both together stay under a megabyte (oracle 46).
const maxPushQueue = 256 << 10

// pushQueue holds the frames that wait for a device's push stream.
type pushQueue struct {
	mu      sync.Mutex
	frames  [][]byte
	bytes   int
	dropped bool
	wake    chan struct{} // holds one token while there is something to look at
}

func newPushQueue() *pushQueue { return &pushQueue{wake: make(chan struct{}, 1)} }

// put queues a frame, or drops it where too much waits already.
func (q *pushQueue) put(frame []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes+len(frame) > maxPushQueue {
		q.dropped = true
		return false
	}
	q.frames = append(q.frames, frame)
	q.bytes += len(frame)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true
}

// take answers the next frame, and once, when the queue has run empty, whether any was dropped since it last did.
func (q *pushQueue) take() (frame []byte, dropped bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.frames) == 0 {
		q.frames = nil
		dropped, q.dropped = q.dropped, false
		return nil, dropped
	}
	frame = q.frames[0]
	q.frames[0] = nil
	q.frames = q.frames[1:]
	q.bytes -= len(frame)
	return frame, false
}

// runPush writes what is queued for a device over one stream, opened when there is first something to say and again after
// it broke. A frame that a broken stream took with it is not sent again: catch-up brings it.
func (n *Node) runPush(r *remote) {
	var s network.Stream
	defer func() {
		if s != nil {
			_ = s.Reset()
		}
	}()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-r.push.wake:
		}
		for {
			frame, dropped := r.push.take()
			if frame == nil {
				if dropped && r.sync != nil {
					r.sync.kick(false)
				}
				break
			}
			s = n.pushOne(r, s, frame)
			if r.ctx.Err() != nil {
				return
			}
		}
	}
}

// pushOne writes a frame and answers the stream to use from now on, nil where it broke.
func (n *Node) pushOne(r *remote, s network.Stream, frame []byte) network.Stream {
	if s == nil {
		ctx, cancel := context.WithTimeout(r.ctx, proofTime)
		opened, err := n.host.NewStream(ctx, r.id, wire.ProtoPush)
		cancel()
		if err != nil {
			n.o.Log.Debug("push stream not opened", "peer", r.id, "err", err)
			n.syncSoon(r)
			n.sleep(r.ctx, time.Second)
			return nil
		}
		s = opened
		// The stream is reset when the device goes, so that a write to one who does not read ends.
		context.AfterFunc(r.ctx, func() { _ = opened.Reset() })
	}
	if err := wire.WriteFrame(s, frame); err != nil {
		n.o.Log.Debug("push stream broke", "peer", r.id, "err", err)
		_ = s.Reset()
		n.syncSoon(r)
		return nil
	}
	return s
}

// sleep waits, or ends with ctx.
func (n *Node) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// servePush reads a device's push stream, one frame after the other: while one is taken in, the next waits in the stream.
func (n *Node) servePush(r *remote, s network.Stream) {
	stop := context.AfterFunc(r.ctx, func() { _ = s.Reset() })
	defer stop()
	fr := wire.NewFrameReader(s, wire.MaxLive)
	for {
		frame, err := fr.Read()
		if err != nil {
			_ = s.Reset()
			return
		}
		if n.o.Admission.Tier(r.id) != Member || !n.takePushed(r, frame) {
			_ = s.Reset()
			return
		}
	}
}
