package wire

import (
	"encoding/binary"

	"hallway/crdt"
)

// syncReader takes a hostile frame apart. After the first fault every read answers zero, so that decoders read straight
// through and ask once, at the end.
type syncReader struct {
	b   []byte
	err error
}

func (r *syncReader) fail() {
	r.err = ErrSyncMalformed
	r.b = nil
}

func (r *syncReader) done() error {
	if r.err == nil && len(r.b) > 0 {
		r.fail()
	}
	return r.err
}

func (r *syncReader) take(n int) []byte {
	if r.err != nil || n > len(r.b) {
		r.fail()
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *syncReader) fill(dst []byte) { copy(dst, r.take(len(dst))) }

func (r *syncReader) byte() byte {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

// flags reads a byte of which only the known bits may be set.
func (r *syncReader) flags(known byte) byte {
	f := r.byte()
	if f&^known != 0 {
		r.fail()
	}
	return f
}

func (r *syncReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.err != nil || n <= 0 || n > 1 && r.b[n-1] == 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads the length of a list of things of at least size bytes each, so that nothing is allocated that the frame
// could not hold.
func (r *syncReader) count(limit, size int) int {
	n := r.uvarint()
	if n > uint64(limit) || n*uint64(size) > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

// run reads two seqs, the second as a distance.
func (r *syncReader) run() (lo, hi uint64) {
	lo, d := r.uvarint(), r.uvarint()
	if lo > maxSyncSeq || d > maxSyncSeq || lo+d > maxSyncSeq {
		r.fail()
		return 0, 0
	}
	return lo, lo + d
}

// message reads the body of a kind; nil for an unknown one.
func (r *syncReader) message(kind SyncKind) SyncMessage {
	switch kind {
	case SyncKindHello:
		return r.hello()
	case SyncKindMatch:
		return SyncMatch{r.marks(true)}
	case SyncKindMarks:
		return SyncMarks{r.marks(false)}
	case SyncKindRoots:
		m := SyncRoots{Reply: r.flags(1) == 1}
		r.fill(m.Shared[:])
		r.fill(m.Private[:])
		return m
	case SyncKindOpen:
		return r.open()
	case SyncKindDelta:
		return SyncDelta{Ref: r.uvarint(), Upto: r.uvarint(), Last: r.flags(1) == 1, Entries: r.entries()}
	case SyncKindWalk:
		return r.walk()
	case SyncKindRecent:
		return SyncRecent{Ref: r.uvarint(), Count: r.uvarint()}
	case SyncKindSpans:
		return r.spans()
	case SyncKindWant:
		return r.want()
	case SyncKindBatch:
		return r.batch()
	case SyncKindCredit:
		return SyncCredit{r.uvarint()}
	case SyncKindAck:
		return r.ack()
	case SyncKindFork:
		m := SyncFork{Ref: r.uvarint()}
		r.fill(m.Log[:])
		return m
	case SyncKindBranches:
		return r.branches()
	case SyncKindClosed:
		return SyncClosed{r.uvarint()}
	case SyncKindTwin:
		return SyncTwin{}
	}
	return nil
}

func (r *syncReader) hello() SyncMessage {
	m := SyncHello{Version: r.byte()}
	if m.Version != SyncVersion {
		return SyncHello{Version: m.Version}
	}
	r.fill(m.Instance[:])
	r.fill(m.Nonce[:])
	r.fill(m.Process[:])
	m.AccessHeads = r.uvarint()
	r.fill(m.AccessDigest[:])
	r.fill(m.Shared[:])
	r.fill(m.Private[:])
	return m
}

func (r *syncReader) marks(match bool) []SyncMark {
	n := r.count(MaxSyncMarks, 18)
	items := make([]SyncMark, n)
	for i := range items {
		if match {
			r.fill(items[i].Tag[:])
		} else {
			items[i].Ref = r.uvarint()
		}
		r.fill(items[i].Root[:])
		items[i].LSN = r.uvarint()
	}
	return items
}

func (r *syncReader) open() SyncMessage {
	m := SyncOpen{Ref: r.uvarint()}
	r.fill(m.Proof[:])
	m.Mode = SyncMode(r.byte())
	switch m.Mode {
	case SyncProve, SyncTree:
	case SyncSince:
		m.After = r.uvarint()
	default:
		r.fail()
	}
	return m
}

func (r *syncReader) entries() []SyncEntry {
	n := r.count(MaxSyncEntries, 35)
	entries := make([]SyncEntry, n)
	for i := range entries {
		e := &entries[i]
		r.fill(e.Log[:])
		f := r.byte()
		e.Forked, e.Class = f&entryForked != 0, crdt.Class(f&^entryForked)
		if e.Class < crdt.ClassAccess || e.Class > crdt.ClassContent {
			r.fail()
			return nil
		}
		e.Lo, e.Hi = r.run()
		r.fill(e.Head[:])
	}
	return entries
}

func (r *syncReader) walk() SyncMessage {
	m := SyncWalk{Own: r.flags(1) == 1, Ref: r.uvarint(), LSN: r.uvarint(), Answered: r.uvarint()}
	m.Nodes = make([]SyncNode, r.count(MaxSyncNodes, 3))
	for i := range m.Nodes {
		if r.err != nil {
			break
		}
		m.Nodes[i] = r.node()
	}
	return m
}

func (r *syncReader) node() SyncNode {
	n := SyncNode{Kind: SyncNodeKind(r.byte())}
	depth := int(r.byte())
	if n.Kind > SyncList || depth > MaxSyncDepth {
		r.fail()
		return n
	}
	packed := r.take((depth + 1) / 2)
	n.Path = make([]byte, depth)
	for i := range n.Path {
		if packed == nil {
			break
		}
		if n.Path[i] = packed[i/2] >> 4; i%2 == 1 {
			n.Path[i] = packed[i/2] & 0x0f
		}
	}
	if depth%2 == 1 && packed != nil && packed[depth/2]&0x0f != 0 {
		r.fail()
	}
	if n.Kind != SyncInner {
		n.Entries = r.entries()
		return n
	}
	var mask [2]byte
	r.fill(mask[:])
	for i := range n.Hashes {
		if binary.BigEndian.Uint16(mask[:])&(1<<i) == 0 {
			continue
		}
		if r.fill(n.Hashes[i][:]); n.Hashes[i] == (SyncHash{}) {
			r.fail()
		}
	}
	return n
}

func (r *syncReader) spans() SyncMessage {
	m := SyncSpans{Ref: r.uvarint()}
	m.Spans = make([]SyncFrom, r.count(MaxSyncSpans, 17))
	for i := range m.Spans {
		r.fill(m.Spans[i].Log[:])
		m.Spans[i].From = r.uvarint()
	}
	return m
}

func (r *syncReader) want() SyncMessage {
	m := SyncWant{Ref: r.uvarint(), First: r.uvarint()}
	m.Ranges = make([]SyncRange, r.count(MaxSyncRanges, 19))
	for i := range m.Ranges {
		g := &m.Ranges[i]
		f := r.flags(rangeKnown)
		g.Down, g.Covered = f&rangeDown != 0, f&rangeCovered != 0
		switch f & (rangeAccess | rangeKeys) {
		case rangeAccess:
			g.Order = crdt.ClassAccess
		case rangeKeys:
			g.Order = crdt.ClassKeys
		case rangeAccess | rangeKeys:
			r.fail()
		}
		r.fill(g.Log[:])
		g.From, g.To = r.run()
		if f&rangeBranch != 0 {
			if r.fill(g.Branch[:]); g.Branch.IsZero() {
				r.fail()
			}
		}
	}
	return m
}

func (r *syncReader) batch() SyncMessage {
	m := SyncBatchMsg{Ref: r.uvarint()}
	m.Items = make([]SyncItem, r.count(MaxSyncItems, 3))
	for i := range m.Items {
		it := &m.Items[i]
		it.Want, it.Last = r.uvarint(), r.flags(1) == 1
		if n := r.count(MaxSyncFrame, 1); n > 0 {
			it.Segment = r.take(n)
		} else if !it.Last {
			r.fail()
		}
	}
	return m
}

func (r *syncReader) ack() SyncMessage {
	m := SyncAck{Ref: r.uvarint()}
	m.Items = make([]SyncHold, r.count(MaxSyncAcks, 18))
	for i := range m.Items {
		r.fill(m.Items[i].Log[:])
		m.Items[i].Lo, m.Items[i].Hi = r.run()
	}
	return m
}

func (r *syncReader) branches() SyncMessage {
	m := SyncBranches{Ref: r.uvarint()}
	r.fill(m.Log[:])
	m.Heads = make([]SyncBranch, r.count(crdt.MaxBranch, 33))
	for i := range m.Heads {
		m.Heads[i].Hi = r.uvarint()
		r.fill(m.Heads[i].Head[:])
		if m.Heads[i].Hi > maxSyncSeq {
			r.fail()
		}
	}
	return m
}
