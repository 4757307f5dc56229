package p2p_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"hallway/p2p"
	"hallway/p2p/simnet"
	"hallway/p2p/wire"
)

// shelf holds chunks, serves them to who shows the token, and corrupts them if it is told to.
type shelf struct {
	mu      sync.Mutex
	chunks  map[wire.ChunkID][]byte
	token   string
	corrupt bool
	served  int
}

func (s *shelf) Has(_ context.Context, _ peer.ID, token []byte, ids []wire.ChunkID) []bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]bool, len(ids))
	for i, id := range ids {
		_, ok := s.chunks[id]
		out[i] = ok && string(token) == s.token
	}
	return out
}

func (s *shelf) Chunk(_ context.Context, _ peer.ID, token []byte, id wire.ChunkID) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.chunks[id]
	if !ok || string(token) != s.token {
		return nil, false
	}
	s.served++
	if s.corrupt {
		c = append([]byte{c[0] ^ 1}, c[1:]...)
	}
	return c, true
}

func (s *shelf) count() int { s.mu.Lock(); defer s.mu.Unlock(); return s.served }

// library gives every desk but the last a shelf with the same file of so many chunks.
func library(t *testing.T, net *simnet.Net, desksCount, chunks, size int) ([]*desk, []*shelf, []wire.ChunkID) {
	t.Helper()
	file := map[wire.ChunkID][]byte{}
	var ids []wire.ChunkID
	for i := range chunks {
		c := make([]byte, size)
		copy(c, fmt.Sprint("chunk ", i))
		file[wire.ChunkIDOf(c)] = c
		ids = append(ids, wire.ChunkIDOf(c))
	}
	var shelves []*shelf
	desks := simOffice(t, net, desksCount, func(i int, o *p2p.Options) {
		s := &shelf{chunks: map[wire.ChunkID][]byte{}, token: "manifest"}
		if i < desksCount-1 {
			s.chunks = file
		}
		shelves = append(shelves, s)
		o.Chunks = s
	})
	time.Sleep(15 * time.Second)
	return desks, shelves, ids
}

func (s *shelf) keep(id wire.ChunkID, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chunks[id] = data
	return nil
}

func TestOracle55_ACorruptPeerIsLeftAndTheFileComesFromOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 55})
		desks, shelves, ids := library(t, net, 4, 60, 16<<10)
		shelves[1].corrupt = true
		reader := desks[3]
		fetch := func() {
			t.Helper()
			shelves[3].chunks = map[wire.ChunkID][]byte{}
			if err := reader.node.FetchChunks(t.Context(), p2p.Fetch{IDs: ids, Token: []byte("manifest"), Store: shelves[3].keep}); err != nil {
				t.Fatal(err)
			}
			if n := len(shelves[3].chunks); n != len(ids) {
				t.Errorf("%d of %d chunks came", n, len(ids))
			}
		}
		fetch()
		bad := shelves[1].count()
		if bad == 0 || bad > 4 {
			t.Errorf("the corrupt desk was asked for %d chunks, not for one window", bad)
		}
		fetch()
		if n := shelves[1].count(); n != bad {
			t.Errorf("the corrupt desk was asked again, for %d chunks", n-bad)
		}
		if shelves[0].count() == 0 || shelves[2].count() == 0 {
			t.Errorf("only one desk served: %d and %d", shelves[0].count(), shelves[2].count())
		}
		stopAll(desks, net)
	})
}

func TestOracle55_ResumingFetchesWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 56, Mbps: 10})
		desks, shelves, ids := library(t, net, 3, 40, 64<<10)
		mine := shelves[2]
		ctx, kill := context.WithCancel(t.Context())
		kept := 0
		err := desks[2].node.FetchChunks(ctx, p2p.Fetch{IDs: ids, Token: []byte("manifest"), Sequential: true, Store: func(id wire.ChunkID, data []byte) error {
			mine.mu.Lock()
			kept++
			enough := kept == 15
			mine.chunks[id] = data
			mine.mu.Unlock()
			if enough {
				kill()
			}
			return nil
		}})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		before := shelves[0].count() + shelves[1].count()
		var rest []wire.ChunkID
		for _, id := range ids {
			if _, ok := mine.chunks[id]; !ok {
				rest = append(rest, id)
			}
		}
		if err := desks[2].node.FetchChunks(t.Context(), p2p.Fetch{IDs: rest, Token: []byte("manifest"), Store: mine.keep}); err != nil {
			t.Fatal(err)
		}
		if again := shelves[0].count() + shelves[1].count() - before; again != len(rest) {
			t.Errorf("%d chunks were served for the %d missing", again, len(rest))
		}
		if inFlight := before - (len(ids) - len(rest)); inFlight > 2*4 {
			t.Errorf("%d chunks were lost in flight", inFlight)
		}
		stopAll(desks, net)
	})
}

func TestChunksAreServedToWhomMayHaveThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(simnet.Config{Seed: 57})
		desks, shelves, ids := library(t, net, 2, 3, 100)
		err := desks[1].node.FetchChunks(t.Context(), p2p.Fetch{IDs: ids, Token: []byte("guess"), Store: shelves[1].keep})
		if !errors.Is(err, p2p.ErrNoChunk) || len(shelves[1].chunks) != 0 {
			t.Errorf("without the right token: %v, %d chunks", err, len(shelves[1].chunks))
		}
		stopAll(desks, net)
	})
}
