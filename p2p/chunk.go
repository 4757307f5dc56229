package p2p

import (
	"context"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"hallway/p2p/wire"
)

// maxAskFrame is how large a question about chunks may be.
const maxAskFrame = 64 + wire.MaxChunkToken + 32*wire.MaxChunkIDs

// serveChunks answers a device's questions about chunks, one after the other. Nothing is read ahead: a reader who is slow
// holds one chunk of ours.
func (n *Node) serveChunks(r *remote, s network.Stream) {
	stop := context.AfterFunc(r.ctx, func() { _ = s.Reset() })
	defer stop()
	defer s.Close()
	fr := wire.NewFrameReader(s, maxAskFrame)
	for {
		frame, err := fr.Read()
		if err != nil {
			return
		}
		q, err := wire.ParseChunkFrame(frame)
		if err != nil || n.o.Chunks == nil || n.o.Admission.Tier(r.id) != Member {
			_ = s.Reset()
			return
		}
		var a wire.ChunkFrame
		switch q.Kind {
		case wire.ChunkHave:
			a = wire.ChunkFrame{Kind: wire.ChunkBits, Bits: packBits(n.o.Chunks.Has(r.ctx, r.id, q.Token, q.IDs))}
		case wire.ChunkGet:
			a.Kind = wire.ChunkData
			if data, ok := n.o.Chunks.Chunk(r.ctx, r.id, q.Token, q.IDs[0]); ok {
				a.Data = data
			}
		default:
			_ = s.Reset()
			return
		}
		if err := wire.WriteFrame(s, a.Append(nil)); err != nil {
			_ = s.Reset()
			return
		}
	}
}

func packBits(has []bool) []byte {
	b := make([]byte, (len(has)+7)/8)
	for i, h := range has {
		if h {
			b[i/8] |= 1 << (i % 8)
		}
	}
	return b
}

// chunkPenalty is for how long a device is not asked again that served bytes which do not match their id.
const chunkPenalty = 10 * time.Minute

// chunkPenalties remembers them. Entries are few: each costs a device its connection for chunks.
type chunkPenalties struct {
	mu    sync.Mutex
	until map[peer.ID]time.Time
}

func newChunkPenalties() *chunkPenalties { return &chunkPenalties{until: map[peer.ID]time.Time{}} }

func (c *chunkPenalties) add(p peer.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for q, t := range c.until {
		if now.After(t) {
			delete(c.until, q)
		}
	}
	c.until[p] = now.Add(chunkPenalty)
}

func (c *chunkPenalties) stands(p peer.ID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Before(c.until[p])
}
