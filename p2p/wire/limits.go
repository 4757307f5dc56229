package wire

import (
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"hallway/crdt"
)

// Protocols of streams (SPEC 2). A stranger is served ProtoJoin only.
const (
	ProtoJoin   = "/hallway/join/1"
	ProtoMember = "/hallway/member/1"
	ProtoPush   = "/hallway/push/1"
	ProtoSync   = "/hallway/sync/1"
	ProtoChunk  = "/hallway/chunk/1"
	ProtoAsk    = "/hallway/ask/1"   // one question of a member, one answer: wants of keys
	ProtoFlood  = "/hallway/flood/1" // GossipSub with an empty mesh
	ProtoMesh   = "/hallway/mesh/1"  // GossipSub with a mesh
)

// Limits in bytes, frames and time. They hold before anything is allocated.
const (
	MaxJoinStream  = 64 << 10         // bytes in each direction of a join stream
	JoinTime       = 20 * time.Second // a join stream lives no longer
	MaxAsk         = 8 << 10          // bytes of a question of a member
	MaxAnswer      = 64 << 10         // bytes of the answer
	AskTime        = 20 * time.Second // a question lives no longer
	MaxMemberFrame = 512              // bytes of a frame of the member proof
	MaxLive        = 96 << 10         // bytes of a live frame: an op with the largest payload and all of its heads
	MaxGossip      = 128 << 10        // bytes of a gossip message with its envelope
	MaxChunk       = 256<<10 + 16     // bytes of a chunk (protocol 8)
	MaxChunkFrame  = MaxChunk + 64
	MaxChunkIDs    = 1024 // ids in one question about chunks
	MaxSignal      = 512  // bytes of a signal (protocol 6.9)
	MaxNeighbours  = 64   // devices that a list of neighbours names
	MaxShards      = 16   // topics of a workspace
	MaxJoinOps     = 128  // ops in one message of the join protocol
)

// Errors of decoding. Each is wrapped with what was being read.
var (
	ErrMalformed = errors.New("malformed frame")
	ErrTooLarge  = errors.New("frame over its limit")
)

// TopicPrefix is what the topics of a workspace begin with (protocol 7.1). The workspace's id is hashed, so that a name
// that was captured does not give it.
func TopicPrefix(ws crdt.WorkspaceID) string {
	sum := crdt.Hash("hallway/topic/v1", ws[:])
	return "hallway/1/" + hex.EncodeToString(sum[:8]) + "/"
}

// Topic is the name of a shard's topic.
func Topic(ws crdt.WorkspaceID, shard int) string { return TopicPrefix(ws) + strconv.Itoa(shard) }

// Shard is the topic that a scope's ops go to where the workspace has shards of them (protocol 7.1).
func Shard(scope crdt.ScopeID, shards int) int {
	if shards <= 1 {
		return 0
	}
	sum := crdt.Hash("hallway/shard/v1", scope[:])
	return (int(sum[0])<<8 | int(sum[1])) % shards
}
