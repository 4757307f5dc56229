package wire

import (
	"crypto/sha256"
	"encoding/binary"
)

// ChunkID is the SHA-256 of a chunk's ciphertext.
type ChunkID [32]byte

// ChunkIDOf is the id of a chunk.
func ChunkIDOf(data []byte) ChunkID { return sha256.Sum256(data) }

// ChunkKind is the first byte of a frame on a chunk stream (SPEC 8).
type ChunkKind uint8

// The frames of a chunk stream: the opener asks, the answerer answers in the order of the questions.
const (
	ChunkHave ChunkKind = 1 // which of these do you have and serve me? IDs
	ChunkGet  ChunkKind = 2 // one chunk, please: IDs[0]
	ChunkBits ChunkKind = 3 // answer to have: a bit for each id
	ChunkData ChunkKind = 4 // answer to get; empty where it is not to be had here
)

// ChunkFrame is one frame of a chunk stream.
type ChunkFrame struct {
	Kind  ChunkKind
	Token []byte    // ChunkHave, ChunkGet: what the right to be served rests on (a manifest's hash), at most 64 bytes
	IDs   []ChunkID // ChunkHave: 1 to MaxChunkIDs; ChunkGet: exactly 1
	Bits  []byte    // ChunkBits: lowest bit first
	Data  []byte    // ChunkData
}

// MaxChunkToken is how many bytes a token has at most.
const MaxChunkToken = 64

// Append appends the frame's encoding.
func (f *ChunkFrame) Append(b []byte) []byte {
	b = append(b, byte(f.Kind))
	switch f.Kind {
	case ChunkHave, ChunkGet:
		b = appendBytes(b, f.Token)
		b = binary.AppendUvarint(b, uint64(len(f.IDs)))
		for _, id := range f.IDs {
			b = append(b, id[:]...)
		}
		return b
	case ChunkBits:
		return appendBytes(b, f.Bits)
	default:
		return append(b, f.Data...)
	}
}

// ParseChunkFrame reads one frame, all of b. Data shares b's memory, nothing else does.
func ParseChunkFrame(b []byte) (ChunkFrame, error) {
	r := reader{b: b}
	f := ChunkFrame{Kind: ChunkKind(r.byte())}
	switch f.Kind {
	case ChunkHave:
		f.Token = r.bytes(MaxChunkToken)
		f.IDs = r.chunkIDs(MaxChunkIDs)
	case ChunkGet:
		f.Token = r.bytes(MaxChunkToken)
		f.IDs = r.chunkIDs(1)
	case ChunkBits:
		f.Bits = r.bytes(MaxChunkIDs / 8)
	case ChunkData:
		if len(r.b) > MaxChunk {
			r.fail(ErrTooLarge)
		}
		f.Data = r.take(len(r.b))
	default:
		r.fail(ErrMalformed)
	}
	if err := r.done("chunk frame"); err != nil {
		return ChunkFrame{}, err
	}
	return f, nil
}

func (r *reader) chunkIDs(limit int) []ChunkID {
	n := r.length(limit)
	if n == 0 || n*len(ChunkID{}) > len(r.b) {
		r.fail(ErrMalformed)
		return nil
	}
	ids := make([]ChunkID, n)
	for i := range ids {
		r.fill(ids[i][:])
	}
	return ids
}
