// Package discover finds the desks of a workspace on the local networks (protocol 6.8): over mDNS, under a service tag that
// changes every day and tells a stranger no more than that something is there.
package discover

import (
	"encoding/binary"
	"encoding/hex"
	"time"

	"hallway/crdt"
)

// overlap is how long before and after midnight (UTC) the neighbouring day's tag is listened to as well, for desks whose
// clocks are not ours.
const overlap = time.Hour

// Tag is the mDNS service type of a workspace on the day of t. It is a hash that only those can compute who have the
// workspace's id; those of two days have nothing in common.
func Tag(ws crdt.WorkspaceID, t time.Time) string {
	var day [8]byte
	binary.BigEndian.PutUint64(day[:], uint64(t.UTC().Unix()/86400))
	sum := crdt.Hash("hallway/mdns/v1", ws[:], day[:])
	return "_" + hex.EncodeToString(sum[:7]) + "._udp" // a service type has 15 characters at most
}

// Tags are the tag to announce at t, and those to listen to: the same, and around midnight the neighbouring day's.
func Tags(ws crdt.WorkspaceID, t time.Time) (announce string, listen []string) {
	announce = Tag(ws, t)
	listen = []string{announce}
	for _, other := range []string{Tag(ws, t.Add(-overlap)), Tag(ws, t.Add(overlap))} {
		if other != announce {
			listen = append(listen, other)
		}
	}
	return announce, listen
}
