package app

import (
	"context"

	"hallway/app/internal/seal"
	"hallway/p2p"
	"hallway/p2p/wire"
	"hallway/store/blob"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Has implements p2p.Chunks: as for Chunk, to know a chunk's id is the right to hear whether it is here.
func (n *network) Has(_ context.Context, _ peer.ID, _ []byte, ids []wire.ChunkID) []bool {
	out := make([]bool, len(ids))
	for i, id := range ids {
		out[i] = n.s.blobs.Has(blob.ID(id))
	}
	return out
}

// Chunk implements p2p.Chunks. A chunk's id is the hash of its ciphertext, which only readers of a message with it, or
// those whose key was minted with it, can know; so to name it is the right to it (protocol 8).
func (n *network) Chunk(_ context.Context, _ peer.ID, _ []byte, id wire.ChunkID) ([]byte, bool) {
	b, err := n.s.blobs.Get(blob.ID(id))
	return b, err == nil
}

// fetch has chunks fetched from whoever has them, of these devices or, where from is nil, of all.
func (n *network) fetch(ctx context.Context, ids []seal.ChunkID, from []peer.ID) error {
	node := n.running()
	if node == nil {
		return p2p.ErrNoChunk
	}
	want := make([]wire.ChunkID, len(ids))
	for i, id := range ids {
		want[i] = wire.ChunkID(id)
	}
	return node.FetchChunks(ctx, p2p.Fetch{IDs: want, Sequential: true, From: from, Store: func(id wire.ChunkID, data []byte) error {
		return n.s.blobs.PutAs(blob.ID(id), data)
	}})
}

// wantPart has a part of a mint looked for.
func (n *network) wantPart(id [32]byte) {
	select {
	case n.parts <- id:
	default: // asked for again by Retry
	}
}

func (n *network) fetchParts(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case id := <-n.parts:
			if n.fetch(ctx, []seal.ChunkID{id}, nil) == nil {
				n.s.keys.fetchPart(id)
			}
		}
	}
}
