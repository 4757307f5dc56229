package p2p

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"hallway/p2p/wire"
)

// Degrees of a fetch (protocol 8).
const (
	swarmPeers  = 6 // devices asked at once
	swarmWindow = 4 // chunks in flight from each
	chunkTime   = 30 * time.Second
)

// Fetch is a wish for chunks.
type Fetch struct {
	IDs   []wire.ChunkID
	Token []byte // what the right to be served rests on; see Chunks
	// Sequential asks for the first chunks first (previews, video), else the rarest come first.
	Sequential bool
	// Store keeps a chunk that has been verified against its id. It is called from several goroutines; an error ends
	// the fetch.
	Store func(id wire.ChunkID, data []byte) error
	// From limits whom to ask; nil means every connected device.
	From []peer.ID
}

// FetchChunks fetches chunks from several devices at once, and returns when all are stored, or ctx has ended, or no
// device in reach has those that are left (ErrNoChunk). Those that were stored stay, so that a later Fetch of the rest
// resumes. A device that serves a chunk that does not match its id is not asked again for a while.
func (n *Node) FetchChunks(ctx context.Context, f Fetch) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := newFetching(f)
	asked := map[peer.ID]bool{}
	ended := make(chan struct{})
	running := 0
	for {
		for _, r := range n.chunkSources(f, asked) {
			if running >= swarmPeers || w.left() == 0 {
				break
			}
			asked[r.id] = true
			running++
			go func() {
				n.fetchFrom(ctx, r, w)
				select {
				case ended <- struct{}{}:
				case <-ctx.Done():
				}
			}()
		}
		switch {
		case w.err() != nil:
			return fmt.Errorf("store chunk: %w", w.err())
		case w.left() == 0:
			return nil
		case running == 0:
			return fmt.Errorf("fetch chunks: %d of %d missing: %w", w.left(), len(f.IDs), ErrNoChunk)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("fetch chunks: %w", ctx.Err())
		case <-ended:
			running--
		case <-w.finished:
			return nil
		}
	}
}

// chunkSources are the devices that may be asked and were not yet, the nearest first.
func (n *Node) chunkSources(f Fetch, asked map[peer.ID]bool) []*remote {
	var out []*remote
	for _, r := range n.remotes.proven() {
		if !asked[r.id] && !n.chunks.stands(r.id) && (f.From == nil || slices.Contains(f.From, r.id)) {
			out = append(out, r)
		}
	}
	rtt := func(r *remote) time.Duration { r.mu.Lock(); defer r.mu.Unlock(); return r.rtt }
	slices.SortFunc(out, func(a, b *remote) int { return int(rtt(a) - rtt(b)) })
	return out
}

// fetching is one fetch: what is still wanted, and who has it.
type fetching struct {
	f        Fetch
	finished chan struct{} // closed when nothing is left

	mu      sync.Mutex
	changed *sync.Cond
	state   []chunkState // by place in f.IDs
	holders []int        // how many devices said that they have it
	missing int
	failed  error
}

type chunkState uint8

const (
	chunkWanted chunkState = iota
	chunkInFlight
	chunkDone
)

func newFetching(f Fetch) *fetching {
	w := &fetching{f: f, finished: make(chan struct{}), state: make([]chunkState, len(f.IDs)), holders: make([]int, len(f.IDs)), missing: len(f.IDs)}
	w.changed = sync.NewCond(&w.mu)
	if w.missing == 0 {
		close(w.finished)
	}
	return w
}

func (w *fetching) left() int { w.mu.Lock(); defer w.mu.Unlock(); return w.missing }

func (w *fetching) err() error { w.mu.Lock(); defer w.mu.Unlock(); return w.failed }

// pick takes the next chunk to ask a device for that has those of has. It answers -1 where there is none, after waiting,
// if the device has nothing in flight, until another's may have come back.
func (w *fetching) pick(ctx context.Context, has []bool, idle bool) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ctx.Err() == nil && w.failed == nil && w.missing > 0 {
		best, others := -1, false
		for i, st := range w.state {
			if !has[i] || st == chunkDone {
				continue
			}
			if st == chunkInFlight {
				others = true
				continue
			}
			if best < 0 || !w.f.Sequential && w.rarer(i, best) {
				best = i
			}
			if w.f.Sequential {
				break
			}
		}
		if best >= 0 {
			w.state[best] = chunkInFlight
			return best
		}
		if !others || !idle {
			return -1
		}
		w.changed.Wait()
	}
	return -1
}

// rarer orders by how many have a chunk, at random among equals, so that several who fetch the same file do not all take
// the same chunk from the same device.
func (w *fetching) rarer(a, b int) bool {
	return w.holders[a] < w.holders[b] || w.holders[a] == w.holders[b] && rand.IntN(2) == 0
}

// give puts chunks back that were in flight and did not come.
func (w *fetching) give(places ...int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, i := range places {
		if w.state[i] == chunkInFlight {
			w.state[i] = chunkWanted
		}
	}
	w.changed.Broadcast()
}

// keep stores a verified chunk.
func (w *fetching) keep(i int, data []byte) {
	err := w.f.Store(w.f.IDs[i], data)
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.changed.Broadcast()
	if err != nil {
		w.failed = err
		return
	}
	if w.state[i] != chunkDone {
		w.state[i] = chunkDone
		if w.missing--; w.missing == 0 {
			close(w.finished)
		}
	}
}

// fetchFrom asks one device until it has nothing more to give.
func (n *Node) fetchFrom(ctx context.Context, r *remote, w *fetching) {
	stop := context.AfterFunc(ctx, func() { w.mu.Lock(); w.changed.Broadcast(); w.mu.Unlock() })
	defer stop()
	open, cancel := context.WithTimeout(ctx, proofTime)
	s, err := n.host.NewStream(open, r.id, wire.ProtoChunk)
	cancel()
	if err != nil {
		return
	}
	defer s.Reset()
	end := context.AfterFunc(ctx, func() { _ = s.Reset() })
	defer end()
	fr := wire.NewFrameReader(s, wire.MaxChunkFrame)
	has, err := askHave(s, fr, w.f)
	if err != nil {
		n.o.Log.Debug("chunks not asked for", "peer", r.id, "err", err)
		return
	}
	w.count(has, 1)
	defer w.count(has, -1)
	n.drain(ctx, r, w, s, fr, has)
}

func (w *fetching) count(has []bool, by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, h := range has {
		if h {
			w.holders[i] += by
		}
	}
}

// askHave asks which of the chunks the device has.
func askHave(s network.Stream, fr *wire.FrameReader, f Fetch) ([]bool, error) {
	has := make([]bool, len(f.IDs))
	for from := 0; from < len(f.IDs); from += wire.MaxChunkIDs {
		ids := f.IDs[from:min(len(f.IDs), from+wire.MaxChunkIDs)]
		q := wire.ChunkFrame{Kind: wire.ChunkHave, Token: f.Token, IDs: ids}
		a, err := askChunks(s, fr, &q)
		if err != nil {
			return nil, err
		}
		if a.Kind != wire.ChunkBits || len(a.Bits) != (len(ids)+7)/8 {
			return nil, fmt.Errorf("answer to have: %w", wire.ErrMalformed)
		}
		for i := range ids {
			has[from+i] = a.Bits[i/8]>>(i%8)&1 == 1
		}
	}
	return has, nil
}

func askChunks(s network.Stream, fr *wire.FrameReader, q *wire.ChunkFrame) (wire.ChunkFrame, error) {
	if err := wire.WriteFrame(s, q.Append(nil)); err != nil {
		return wire.ChunkFrame{}, err
	}
	return readChunks(s, fr)
}

func readChunks(s network.Stream, fr *wire.FrameReader) (wire.ChunkFrame, error) {
	if err := s.SetReadDeadline(time.Now().Add(chunkTime)); err != nil {
		return wire.ChunkFrame{}, err
	}
	frame, err := fr.Read()
	if err != nil {
		return wire.ChunkFrame{}, err
	}
	return wire.ParseChunkFrame(frame)
}

// drain keeps a window of questions open at one device, and takes the answers in their order.
func (n *Node) drain(ctx context.Context, r *remote, w *fetching, s network.Stream, fr *wire.FrameReader, has []bool) {
	var flight []int
	defer func() { w.give(flight...) }()
	for {
		for len(flight) < swarmWindow {
			i := w.pick(ctx, has, len(flight) == 0)
			if i < 0 {
				break
			}
			flight = append(flight, i)
			q := wire.ChunkFrame{Kind: wire.ChunkGet, Token: w.f.Token, IDs: w.f.IDs[i : i+1]}
			if err := wire.WriteFrame(s, q.Append(nil)); err != nil {
				return
			}
		}
		if len(flight) == 0 {
			return
		}
		a, err := readChunks(s, fr)
		if err != nil || a.Kind != wire.ChunkData {
			return
		}
		i := flight[0]
		switch {
		case len(a.Data) == 0: // it has gone in the meantime
			has[i] = false
			w.count(only(len(has), i), -1)
		case wire.ChunkIDOf(a.Data) != w.f.IDs[i]:
			n.o.Log.Warn("device served a corrupted chunk", "peer", r.id)
			n.chunks.add(r.id)
			r.mu.Lock()
			r.strikes++
			r.mu.Unlock()
			return
		default:
			w.keep(i, a.Data)
		}
		flight = flight[1:]
		w.give(i) // no effect on one that is done
	}
}

// only is a list with one place set.
func only(n, i int) []bool {
	b := make([]bool, n)
	b[i] = true
	return b
}
