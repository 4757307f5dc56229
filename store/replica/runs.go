package replica

import (
	"encoding/binary"
	"fmt"
	"slices"

	"hallway/crdt"
	"hallway/store"
)

// run is a stretch of consecutive ops of a log, each linked to the one before, that is here. A log that was never
// forked and is here whole is one run of branch 0. Of a forked log, ops at one seq lie in different branches; a branch is
// a number for keeping them apart and means nothing by itself: what follows what is told by prev and parent.
type run struct {
	branch uint8
	parent int16 // branch of the op before lo; noParent where it is not here, or lo is 0
	lo, hi uint64
	prev   crdt.OpID // of the op at lo
	head   crdt.OpID // the op at hi
	hlc    crdt.HLC  // of head
	auth   crdt.AuthRef
}

const (
	noParent    = -1
	maxBranches = 64 // places for ops at one seq, those of loose runs included; the rest is refused
)

// holdings are the runs of one log, by lo and then branch.
type holdings struct {
	runs    []run
	dropped []crdt.OpID // first ops of branches that are not kept
	lsn     uint64      // arrival number of the last change
}

// covers reports whether some op is here at seq.
func (h *holdings) covers(seq uint64) bool {
	for i := range h.runs {
		if h.runs[i].lo <= seq && seq <= h.runs[i].hi {
			return true
		}
	}
	return false
}

// below is the run whose head is the op before, or nil.
func (h *holdings) below(seq uint64, prev crdt.OpID) *run {
	for i := range h.runs {
		if r := &h.runs[i]; r.hi+1 == seq && r.head == prev {
			return r
		}
	}
	return nil
}

// above is the run that begins right after this op, or nil.
func (h *holdings) above(seq uint64, id crdt.OpID) *run {
	for i := range h.runs {
		if r := &h.runs[i]; r.lo == seq+1 && r.prev == id {
			return r
		}
	}
	return nil
}

func (h *holdings) free(branch uint8, seq uint64) bool {
	for i := range h.runs {
		if r := &h.runs[i]; r.branch == branch && r.lo <= seq && seq <= r.hi {
			return false
		}
	}
	return true
}

// forked reports whether two ops are here at one seq.
func (h *holdings) forked() bool {
	for i := range h.runs {
		for j := range h.runs[:i] {
			if h.runs[j].hi >= h.runs[i].lo && h.runs[i].hi >= h.runs[j].lo {
				return true
			}
		}
	}
	return false
}

// add makes room for one op that is not here yet, and says in which branch. parent answers the branch of an op that is
// here, or noParent; it is asked only where the log is forked below. loose says that the op before is another than the
// one that is here.
func (h *holdings) add(op *crdt.Op, id crdt.OpID, parent func(crdt.OpID) int16) (branch uint8, loose, ok bool) {
	if r := h.below(op.Seq, op.Prev); op.Seq > 0 && r != nil {
		if h.free(r.branch, op.Seq) {
			r.hi, r.head, r.hlc, r.auth = op.Seq, id, op.HLC, op.Auth
			branch = r.branch
			h.join(branch, op.Seq, id)
			return branch, false, true
		}
		return h.begin(op, id, int16(r.branch), false)
	}
	if op.Seq == 0 || !h.covers(op.Seq-1) {
		return h.begin(op, id, noParent, false)
	}
	p := parent(op.Prev)
	return h.begin(op, id, p, p == noParent)
}

// begin starts a run in the first branch that has room.
func (h *holdings) begin(op *crdt.Op, id crdt.OpID, parent int16, loose bool) (uint8, bool, bool) {
	for b := range uint8(maxBranches) {
		if !h.free(b, op.Seq) {
			continue
		}
		h.runs = append(h.runs, run{
			branch: b, parent: parent, lo: op.Seq, hi: op.Seq, prev: op.Prev, head: id, hlc: op.HLC, auth: op.Auth,
		})
		h.sort()
		h.join(b, op.Seq, id)
		return b, loose, true
	}
	return 0, false, false
}

// join links the run that ends with this op to those that follow it.
func (h *holdings) join(branch uint8, seq uint64, id crdt.OpID) {
	for i := range h.runs {
		if u := &h.runs[i]; u.lo == seq+1 && u.prev == id && u.branch != branch {
			u.parent = int16(branch)
		}
	}
	up := slices.IndexFunc(h.runs, func(r run) bool { return r.lo == seq+1 && r.prev == id && r.branch == branch })
	down := slices.IndexFunc(h.runs, func(r run) bool { return r.hi == seq && r.head == id && r.branch == branch })
	if up < 0 || down < 0 {
		return
	}
	u := h.runs[up]
	d := &h.runs[down]
	d.hi, d.head, d.hlc, d.auth = u.hi, u.head, u.hlc, u.auth
	h.runs = slices.Delete(h.runs, up, up+1)
}

func (h *holdings) sort() {
	slices.SortFunc(h.runs, func(a, b run) int {
		if a.lo != b.lo {
			if a.lo < b.lo {
				return -1
			}
			return 1
		}
		return int(a.branch) - int(b.branch)
	})
}

// top is the highest run of a log that was not forked: what its writer goes on from.
func (h *holdings) top() (run, bool) {
	if len(h.runs) == 0 {
		return run{}, false
	}
	best := h.runs[0]
	for _, r := range h.runs[1:] {
		if r.hi > best.hi {
			best = r
		}
	}
	return best, true
}

// append encodes the holdings for the store.
func (h *holdings) append(b []byte) []byte {
	b = append(b, 1)
	b = binary.AppendUvarint(b, h.lsn)
	b = binary.AppendUvarint(b, uint64(len(h.runs)))
	for i := range h.runs {
		r := &h.runs[i]
		b = append(b, r.branch)
		b = binary.AppendUvarint(b, uint64(r.parent+1))
		b = binary.AppendUvarint(b, r.lo)
		b = binary.AppendUvarint(b, r.hi)
		b = append(b, r.prev[:]...)
		b = append(b, r.head[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(r.hlc))
		b = append(b, r.auth[:]...)
	}
	b = binary.AppendUvarint(b, uint64(len(h.dropped)))
	for _, id := range h.dropped {
		b = append(b, id[:]...)
	}
	return b
}

// parseHoldings reads what append wrote. It is our own file, encrypted and checked below; a fault means damage.
func parseHoldings(b []byte) (h holdings, err error) {
	d := decoder{b: b}
	if len(b) == 0 {
		return h, nil
	}
	if d.bytes(1)[0] != 1 {
		d.bad = true
	}
	h.lsn = d.uvarint()
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		r := run{branch: d.bytes(1)[0], parent: int16(d.uvarint()) - 1, lo: d.uvarint(), hi: d.uvarint()}
		copy(r.prev[:], d.bytes(32))
		copy(r.head[:], d.bytes(32))
		r.hlc = crdt.HLC(binary.BigEndian.Uint64(d.bytes(8)))
		copy(r.auth[:], d.bytes(32))
		h.runs = append(h.runs, r)
	}
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		h.dropped = append(h.dropped, crdt.OpID(d.bytes(32)))
	}
	if d.bad || len(d.b) > 0 {
		return holdings{}, fmt.Errorf("holdings of a log: %w", store.ErrDamaged)
	}
	return h, nil
}

// decoder reads records that this package wrote. After a fault it answers zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) bytes(n int) []byte {
	if d.bad || n > len(d.b) {
		d.bad = true
		return make([]byte, n)
	}
	p := d.b[:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if d.bad || n <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}
