package p2p

import (
	"context"
	"errors"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"hallway/crdt"
	"hallway/p2p/catchup"
	"hallway/p2p/wire"
)

// Errors of a Node. Each is wrapped with what was tried.
var (
	ErrClosed     = errors.New("network node is closed")
	ErrNoPeer     = errors.New("no such device is connected")
	ErrOverBudget = errors.New("over the live budget: it goes by catch-up")
	ErrAddress    = errors.New("address cannot be used")
	ErrNoChunk    = errors.New("no device in reach has the chunk")
)

// Node is one desk in the network of one workspace.
type Node struct{ o Options }

// New makes the host and listens; Addrs answers from then on. Nothing is dialled or served before Run.
func New(o Options) (*Node, error) { return &Node{o: o}, nil }

// Run finds peers, proves membership, and carries live ops, catch-up and chunks until ctx ends; then it closes the host
// and returns when everything that it started has ended. It is called once.
func (n *Node) Run(ctx context.Context) error { return nil }

// Close closes a node that was never run.
func (n *Node) Close() error { return nil }

// ID is this device's network id.
func (n *Node) ID() peer.ID { return "" }

// Addrs are the addresses at which others reach this node, each with its /p2p part: those that others cannot reach
// (loopback) only where there is nothing else.
func (n *Node) Addrs() []ma.Multiaddr { return nil }

// Peers lists the proven devices that are connected now, by network id.
func (n *Node) Peers() []PeerInfo { return nil }

// Publish spreads a live frame over the shard's topic. It returns once the frame is handed to the network; that nobody is
// there is no error. ErrOverBudget: others would drop it, catch-up carries it.
func (n *Node) Publish(ctx context.Context, shard int, frame []byte) error { return nil }

// Push sends a live frame to those of the devices that are connected, and answers how many there were. It never waits: of
// a peer that reads too slowly the frame is dropped, and catch-up brings it.
func (n *Node) Push(to []peer.ID, frame []byte) (sent int) { return 0 }

// Stored tells the peers' catch-up sessions that ops of a log are durable here; to nil means every connected device.
func (n *Node) Stored(to []peer.ID, scope crdt.ScopeID, log crdt.LogID, lo, hi uint64) {}

// Recheck asks Admission again about every connection: who is out is disconnected before Recheck returns, who has become
// a member is asked for the proof, and catch-up looks at rights anew. Call it when access ops took effect.
func (n *Node) Recheck() {}

// Reconcile compares holdings with every connected device now: on resume from sleep, and after an import of a bundle.
func (n *Node) Reconcile() {}

// Retry forgets all waiting and dials everything anew; with ids, those devices only.
func (n *Node) Retry(ids ...peer.ID) {}

// SetShards changes the number of topics (1 to wire.MaxShards).
func (n *Node) SetShards(shards int) {}

// AskToJoin dials a desk and asks it one question of the join protocol. The address needs a /p2p part, or TCP.
func (n *Node) AskToJoin(ctx context.Context, at ma.Multiaddr, q wire.JoinRequest) (wire.JoinReply, error) {
	return wire.JoinReply{}, nil
}

// Dial adds addresses to look for devices at, as Options.Peers does.
func (n *Node) Dial(addrs ...ma.Multiaddr) {}

// Progress is what catch-up with a connected device still has to fetch.
func (n *Node) Progress() map[peer.ID][]catchup.Progress { return nil }

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
func (n *Node) FetchChunks(ctx context.Context, f Fetch) error { return nil }
