package p2p

import (
	"context"
	"crypto/ed25519"
	"io"
	"log/slog"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"hallway/crdt"
	"hallway/p2p/catchup"
	"hallway/p2p/gossip"
	"hallway/p2p/wire"
)

// Options is everything that a Node needs. What is not marked optional is required.
type Options struct {
	Workspace crdt.WorkspaceID
	// Identity is the device's transport key (DTK); the network id follows from it.
	Identity ed25519.PrivateKey
	// Sign signs a member proof's digest with the device's sign key (DSK).
	Sign func(digest [32]byte) (crdt.Signature, error)

	Admission Admission
	Inbox     Inbox
	Door      Door            // optional: without it strangers are told that nobody is in
	Replica   catchup.Replica // optional: without it nothing is caught up (a newcomer before his admission)
	Chunks    Chunks          // optional: without it no chunk is served
	Watch     Watcher         // optional
	Answers   Answerer        // optional: without it members' questions get no answer

	// Listen is where to listen; DefaultListen where it is empty.
	Listen []ma.Multiaddr
	// Peers are addresses to dial for as long as the node runs, with or without a /p2p part. One without must be TCP.
	Peers []ma.Multiaddr
	// Addresses remembers where devices were met. Optional.
	Addresses AddressBook
	// Discover switches announcing and looking on the local network on.
	Discover bool
	// Shards is the number of topics that the workspace's policy asks for, 1 where it is 0; SetShards changes it.
	Shards int
	// Budgets are the limits of live forwarding (protocol 9, item 5); gossip.DefaultBudgets where zero.
	Budgets gossip.Limits

	Clock func() time.Time // the wall clock, for the day's tag, budgets and the clock check
	Rand  io.Reader        // nonces
	Log   *slog.Logger

	// Host makes the libp2p host; libp2p.New where nil. A simulation adds its own transports to what it is given.
	Host func(opts ...libp2p.Option) (host.Host, error)
}

// Inbox takes what arrives live. It is called from many goroutines.
type Inbox interface {
	// Live takes one live frame (wire.SplitLive) that from sent on, its author or not. It verifies, commits or queues,
	// and answers what is to become of the frame. It must return within 200 ms or when ctx ends, and own no part of
	// frame afterwards.
	Live(ctx context.Context, from peer.ID, frame []byte) Received
}

// Received is the answer to a live frame.
type Received struct {
	Verdict gossip.Verdict
	Gap     *Gap // ops before this one are missing: ask from for them (protocol 7.8)
	NewLog  bool // Accept only: the op is the first that we heard of its log, which costs its author extra
}

// Gap is a run of ops of one log that is missing here.
type Gap struct {
	Scope    crdt.ScopeID
	Log      crdt.LogID
	From, To uint64 // both ends included
}

// Door answers strangers.
type Door interface {
	// Join answers one request of the join protocol. ctx ends after wire.JoinTime.
	Join(ctx context.Context, from peer.ID, q wire.JoinRequest) wire.JoinReply
	// Present answers the ops that prove our own admission to a desk that has not heard of it, ancestors first, each a
	// crdt.Segment of its own; nil where there is nothing to show.
	Present() [][]byte
}

// Chunks serves chunks of files and of key mints (protocol 8).
type Chunks interface {
	// Has reports which of the chunks are here and may be served to the peer, given the token it shows.
	Has(ctx context.Context, to peer.ID, token []byte, ids []wire.ChunkID) []bool
	// Chunk is one of them; ok is false where it is not here or not for that peer.
	Chunk(ctx context.Context, to peer.ID, token []byte, id wire.ChunkID) (data []byte, ok bool)
}

// AddressBook remembers where the devices of members were met, across restarts.
type AddressBook interface {
	Remembered() []peer.AddrInfo
	// Remember is told the addresses at which a proven member was reached or says that it listens.
	Remember(peer.AddrInfo)
}

// Watcher is told news. Its methods are called from the node's own goroutines and must return at once.
type Watcher interface {
	// Peer tells that a proven device came (or its path changed), or that it went.
	Peer(p PeerInfo, here bool)
	// Sync tells what a catch-up session with a peer reports.
	Sync(from peer.ID, events []catchup.Event)
	// ClockOff tells by how much a proven member's clock is ahead of ours (negative: behind), at each proof.
	ClockOff(from peer.ID, ahead time.Duration)
}

// Path is how a connection runs.
type Path string

// The paths to a peer, the nearest first.
const (
	PathLAN    Path = "lan"
	PathDirect Path = "direct"
	PathRelay  Path = "relay"
)

// PeerInfo is a proven device that is connected now.
type PeerInfo struct {
	ID    peer.ID
	Path  Path
	RTT   time.Duration // smoothed; 0 while unknown
	Addr  string        // the multiaddr of its end of the connection in use
	Since time.Time     // by the node's clock
}
