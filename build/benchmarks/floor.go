package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// floorProto is the one protocol of the minimal programs.
const floorProto = "/hallway-bench/1"

// floorHosts are two plain libp2p hosts that are connected.
func floorHosts(ctx context.Context) (x, y host.Host, err error) {
	if x, err = libp2p.New(libp2p.ListenAddrStrings(listen), libp2p.DisableRelay()); err != nil {
		return nil, nil, err
	}
	if y, err = libp2p.New(libp2p.ListenAddrStrings(listen), libp2p.DisableRelay()); err != nil {
		_ = x.Close()
		return nil, nil, err
	}
	return x, y, x.Connect(ctx, peer.AddrInfo{ID: y.ID(), Addrs: y.Addrs()})
}

// floorStore is a plain Badger that encrypts and syncs, with the memory that a desk gives it.
func floorStore(dir string) (*badger.DB, error) {
	key := make([]byte, 32)
	if _, err := io.ReadFull(rand.Reader, key); err != nil {
		return nil, err
	}
	return badger.Open(badger.DefaultOptions(dir).WithEncryptionKey(key).WithIndexCacheSize(16 << 20).WithBlockCacheSize(16 << 20).
		WithMemTableSize(8 << 20).WithNumMemtables(2).WithBaseTableSize(2 << 20).WithValueThreshold(256 << 10).
		WithSyncWrites(true).WithDetectConflicts(false).WithMetricsEnabled(false).WithLogger(nil))
}

// putAll writes values under running numbers, durably, in one transaction.
func putAll(db *badger.DB, first uint64, values [][]byte) error {
	txn := db.NewTransaction(true)
	defer txn.Discard()
	for i, v := range values {
		k := make([]byte, 40)
		binary.BigEndian.PutUint64(k, first+uint64(i))
		if err := txn.Set(k, v); err != nil {
			return err
		}
	}
	return txn.Commit()
}

// liveFloor sends messages of one size: half a round trip on an open stream, and one durable commit on each side.
type liveFloor struct {
	x, y   host.Host
	s      network.Stream
	dx, dy *badger.DB
	buf    []byte
	n      uint64
}

func (b *bench) newLiveFloor(name string, size int) (f *liveFloor, err error) {
	f = &liveFloor{buf: make([]byte, size)}
	if f.x, f.y, err = floorHosts(b.ctx); err != nil {
		return nil, err
	}
	f.y.SetStreamHandler(floorProto, func(s network.Stream) {
		buf := make([]byte, size)
		for {
			if _, err := io.ReadFull(s, buf); err != nil {
				return
			}
			if _, err := s.Write(buf); err != nil {
				return
			}
		}
	})
	if f.s, err = f.x.NewStream(b.ctx, f.y.ID(), floorProto); err != nil {
		return nil, err
	}
	if f.dx, err = floorStore(filepath.Join(b.dir, name+"-x")); err != nil {
		return nil, err
	}
	f.dy, err = floorStore(filepath.Join(b.dir, name+"-y"))
	return f, err
}

func (f *liveFloor) once() (time.Duration, error) {
	f.n++
	start := time.Now()
	if err := putAll(f.dx, f.n, [][]byte{f.buf}); err != nil {
		return 0, err
	}
	sent := time.Now()
	if _, err := f.s.Write(f.buf); err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(f.s, f.buf); err != nil {
		return 0, err
	}
	back := time.Now()
	if err := putAll(f.dy, f.n, [][]byte{f.buf}); err != nil {
		return 0, err
	}
	return time.Since(start) - back.Sub(sent)/2, nil
}

func (f *liveFloor) close() {
	_, _, _, _ = f.x.Close(), f.y.Close(), f.dx.Close(), f.dy.Close()
}

// streamFloor streams n ops of a size over libp2p to a side that hashes each and writes them, encrypted, in batches; it
// answers how long that took.
func (b *bench) streamFloor(name string, n, size int) (time.Duration, error) {
	const batch = 1000
	x, y, err := floorHosts(b.ctx)
	if err != nil {
		return 0, err
	}
	defer y.Close()
	defer x.Close()
	db, err := floorStore(filepath.Join(b.dir, name))
	if err != nil {
		return 0, err
	}
	defer db.Close()
	done := make(chan error, 1)
	y.SetStreamHandler(floorProto, func(s network.Stream) { done <- takeStream(s, db, n, size, batch) })
	s, err := x.NewStream(b.ctx, y.ID(), floorProto)
	if err != nil {
		return 0, err
	}
	chunk := make([]byte, size*64)
	if _, err := io.ReadFull(rand.Reader, chunk); err != nil {
		return 0, err
	}
	start := time.Now()
	for left := n; left > 0; left -= 64 {
		if _, err := s.Write(chunk[:size*min(64, left)]); err != nil {
			return 0, fmt.Errorf("stream: %w", err)
		}
	}
	err = <-done
	return time.Since(start), err
}

func takeStream(s network.Stream, db *badger.DB, n, size, batch int) error {
	var sum [32]byte
	for at := 0; at < n; at += batch {
		values := make([][]byte, min(batch, n-at))
		for i := range values {
			values[i] = make([]byte, size)
			if _, err := io.ReadFull(s, values[i]); err != nil {
				return err
			}
			sum = sha256.Sum256(append(sum[:], values[i]...))
		}
		if err := putAll(db, uint64(at), values); err != nil {
			return err
		}
	}
	return nil
}

// meet has two plain hosts connect and do one round trip; it answers how long that took.
func meet(ctx context.Context) (time.Duration, error) {
	x, err := libp2p.New(libp2p.ListenAddrStrings(listen), libp2p.DisableRelay())
	if err != nil {
		return 0, err
	}
	defer x.Close()
	x.SetStreamHandler(floorProto, func(s network.Stream) {
		_, _ = io.CopyN(s, s, 64)
		_ = s.Close()
	})
	start := time.Now()
	y, err := libp2p.New(libp2p.ListenAddrStrings(listen), libp2p.DisableRelay())
	if err != nil {
		return 0, err
	}
	defer y.Close()
	if err := y.Connect(ctx, peer.AddrInfo{ID: x.ID(), Addrs: x.Addrs()}); err != nil {
		return 0, err
	}
	s, err := y.NewStream(ctx, x.ID(), floorProto)
	if err != nil {
		return 0, err
	}
	buf := make([]byte, 64)
	if _, err := s.Write(buf); err != nil {
		return 0, err
	}
	_, err = io.ReadFull(s, buf)
	return time.Since(start), err
}
