package app

import (
	"encoding/binary"

	"hallway/app/internal/keyring"
	"hallway/crdt"
	"hallway/crdt/access"
)

// sixWords are 66 bits of a hash as words to be read out.
func sixWords(sum [32]byte) []string {
	out := make([]string, 6)
	for i := range out {
		bit := i * 11
		window := binary.BigEndian.Uint32(sum[bit/8:]) >> (32 - 11 - bit%8) & 0x7ff
		out[i] = keyring.Word(int(window))
	}
	return out
}

// workspaceWords name a workspace, for comparing with who invited.
func workspaceWords(ws crdt.WorkspaceID) []string {
	return sixWords(crdt.Hash("hallway/words/workspace/v1", ws[:]))
}

// compareWords name a person who asks to be let in, for comparing with them.
func compareWords(ws crdt.WorkspaceID, rk access.Key) []string {
	return sixWords(crdt.Hash("hallway/words/newcomer/v1", ws[:], rk[:]))
}
