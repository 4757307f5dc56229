package wire

import (
	"encoding/binary"

	"hallway/crdt"
)

func (SyncHello) syncKind() SyncKind     { return SyncKindHello }
func (SyncMatch) syncKind() SyncKind     { return SyncKindMatch }
func (SyncRoots) syncKind() SyncKind     { return SyncKindRoots }
func (SyncMarks) syncKind() SyncKind     { return SyncKindMarks }
func (SyncOpen) syncKind() SyncKind      { return SyncKindOpen }
func (SyncDelta) syncKind() SyncKind     { return SyncKindDelta }
func (SyncWalk) syncKind() SyncKind      { return SyncKindWalk }
func (SyncRecent) syncKind() SyncKind    { return SyncKindRecent }
func (SyncSpans) syncKind() SyncKind     { return SyncKindSpans }
func (SyncWant) syncKind() SyncKind      { return SyncKindWant }
func (SyncBatchMsg) syncKind() SyncKind  { return SyncKindBatch }
func (SyncCredit) syncKind() SyncKind    { return SyncKindCredit }
func (SyncAck) syncKind() SyncKind       { return SyncKindAck }
func (SyncFork) syncKind() SyncKind      { return SyncKindFork }
func (SyncBranches) syncKind() SyncKind  { return SyncKindBranches }
func (SyncClosed) syncKind() SyncKind    { return SyncKindClosed }
func (SyncTwin) syncKind() SyncKind      { return SyncKindTwin }
func (m SyncUnknown) syncKind() SyncKind { return m.Kind }

func (SyncTwin) appendTo(b []byte) []byte    { return b }
func (SyncUnknown) appendTo(b []byte) []byte { return b }

func (m SyncHello) appendTo(b []byte) []byte {
	b = append(b, m.Version)
	b = append(b, m.Instance[:]...)
	b = append(b, m.Nonce[:]...)
	b = append(b, m.Process[:]...)
	b = binary.AppendUvarint(b, m.AccessHeads)
	b = append(b, m.AccessDigest[:]...)
	b = append(b, m.Shared[:]...)
	return append(b, m.Private[:]...)
}

func (m SyncMatch) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(m.Items)))
	for i := range m.Items {
		b = append(b, m.Items[i].Tag[:]...)
		b = append(b, m.Items[i].Root[:]...)
		b = binary.AppendUvarint(b, m.Items[i].LSN)
	}
	return b
}

func (m SyncMarks) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(m.Items)))
	for i := range m.Items {
		b = binary.AppendUvarint(b, m.Items[i].Ref)
		b = append(b, m.Items[i].Root[:]...)
		b = binary.AppendUvarint(b, m.Items[i].LSN)
	}
	return b
}

func (m SyncRoots) appendTo(b []byte) []byte {
	b = append(b, flag(m.Reply, 1))
	b = append(b, m.Shared[:]...)
	return append(b, m.Private[:]...)
}

func (m SyncOpen) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, m.Ref)
	b = append(b, m.Proof[:]...)
	b = append(b, byte(m.Mode))
	if m.Mode == SyncSince {
		b = binary.AppendUvarint(b, m.After)
	}
	return b
}

func (m SyncDelta) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, m.Ref)
	b = binary.AppendUvarint(b, m.Upto)
	b = append(b, flag(m.Last, 1))
	return appendEntries(b, m.Entries)
}

func (m SyncWalk) appendTo(b []byte) []byte {
	b = append(b, flag(m.Own, 1))
	b = binary.AppendUvarint(b, m.Ref)
	b = binary.AppendUvarint(b, m.LSN)
	b = binary.AppendUvarint(b, m.Answered)
	b = binary.AppendUvarint(b, uint64(len(m.Nodes)))
	for i := range m.Nodes {
		b = m.Nodes[i].append(b)
	}
	return b
}

func (n *SyncNode) append(b []byte) []byte {
	b = append(b, byte(n.Kind), byte(len(n.Path)))
	for i := 0; i < len(n.Path); i += 2 {
		low := byte(0)
		if i+1 < len(n.Path) {
			low = n.Path[i+1]
		}
		b = append(b, n.Path[i]<<4|low)
	}
	if n.Kind != SyncInner {
		return appendEntries(b, n.Entries)
	}
	var mask uint16
	for i := range n.Hashes {
		if n.Hashes[i] != (SyncHash{}) {
			mask |= 1 << i
		}
	}
	b = binary.BigEndian.AppendUint16(b, mask)
	for i := range n.Hashes {
		if mask&(1<<i) != 0 {
			b = append(b, n.Hashes[i][:]...)
		}
	}
	return b
}

func (m SyncRecent) appendTo(b []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, m.Ref), m.Count)
}

func (m SyncSpans) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, m.Ref)
	b = binary.AppendUvarint(b, uint64(len(m.Spans)))
	for i := range m.Spans {
		b = append(b, m.Spans[i].Log[:]...)
		b = binary.AppendUvarint(b, m.Spans[i].From)
	}
	return b
}

// flags of a range
const (
	rangeDown    = 1 << 0
	rangeCovered = 1 << 1
	rangeBranch  = 1 << 2
	rangeAccess  = 1 << 3
	rangeKeys    = 1 << 4
	rangeKnown   = 1<<5 - 1
)

func (m SyncWant) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, m.Ref)
	b = binary.AppendUvarint(b, m.First)
	b = binary.AppendUvarint(b, uint64(len(m.Ranges)))
	for i := range m.Ranges {
		r := &m.Ranges[i]
		b = append(b, flag(r.Down, rangeDown)|flag(r.Covered, rangeCovered)|flag(!r.Branch.IsZero(), rangeBranch)|
			flag(r.Order == crdt.ClassAccess, rangeAccess)|flag(r.Order == crdt.ClassKeys, rangeKeys))
		b = append(b, r.Log[:]...)
		b = binary.AppendUvarint(b, r.From)
		b = binary.AppendUvarint(b, r.To-r.From)
		if !r.Branch.IsZero() {
			b = append(b, r.Branch[:]...)
		}
	}
	return b
}

func (m SyncBatchMsg) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, m.Ref)
	b = binary.AppendUvarint(b, uint64(len(m.Items)))
	for i := range m.Items {
		it := &m.Items[i]
		b = binary.AppendUvarint(b, it.Want)
		b = append(b, flag(it.Last, 1))
		b = binary.AppendUvarint(b, uint64(len(it.Segment)))
		b = append(b, it.Segment...)
	}
	return b
}

func (m SyncCredit) appendTo(b []byte) []byte { return binary.AppendUvarint(b, m.Bytes) }

func (m SyncAck) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, m.Ref)
	b = binary.AppendUvarint(b, uint64(len(m.Items)))
	for i := range m.Items {
		b = append(b, m.Items[i].Log[:]...)
		b = binary.AppendUvarint(b, m.Items[i].Lo)
		b = binary.AppendUvarint(b, m.Items[i].Hi-m.Items[i].Lo)
	}
	return b
}

func (m SyncFork) appendTo(b []byte) []byte {
	return append(binary.AppendUvarint(b, m.Ref), m.Log[:]...)
}

func (m SyncBranches) appendTo(b []byte) []byte {
	b = append(binary.AppendUvarint(b, m.Ref), m.Log[:]...)
	b = binary.AppendUvarint(b, uint64(len(m.Heads)))
	for i := range m.Heads {
		b = binary.AppendUvarint(b, m.Heads[i].Hi)
		b = append(b, m.Heads[i].Head[:]...)
	}
	return b
}

func (m SyncClosed) appendTo(b []byte) []byte { return binary.AppendUvarint(b, m.Ref) }

const entryForked = 1 << 7

func appendEntries(b []byte, entries []SyncEntry) []byte {
	b = binary.AppendUvarint(b, uint64(len(entries)))
	for i := range entries {
		e := &entries[i]
		b = append(b, e.Log[:]...)
		b = append(b, byte(e.Class)|flag(e.Forked, entryForked))
		b = binary.AppendUvarint(b, e.Lo)
		b = binary.AppendUvarint(b, e.Hi-e.Lo)
		b = append(b, e.Head[:]...)
	}
	return b
}

func flag(on bool, bit byte) byte {
	if on {
		return bit
	}
	return 0
}
