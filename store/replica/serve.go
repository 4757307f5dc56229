package replica

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"slices"

	"hallway/crdt"
	"hallway/p2p/catchup"
	"hallway/store"
)

// Server is the side of a replica that catch-up asks: it serves catchup.Replica, declared in p2p/catchup/replica.go.
type Server struct{ r *Replica }

var _ catchup.Replica = Server{}

// Catchup is the replica as p2p/catchup wants it.
func (r *Replica) Catchup() Server { return Server{r} }

// Instance names this copy of the store.
func (s Server) Instance() catchup.InstanceID { return catchup.InstanceID(s.r.db.Instance()) }

// AccessHeads are the heads of the workspace's access DAG.
func (s Server) AccessHeads() []crdt.OpID {
	return s.r.View().AccessHeads(crdt.AccessScope(s.r.ws))
}

// Attend says which scopes a person cares about, most first: catch-up asks for them in that order.
func (r *Replica) Attend(scopes []crdt.ScopeID) {
	r.pub.mu.Lock()
	defer r.pub.mu.Unlock()
	r.pub.attention = slices.Clone(scopes)
}

// Scopes lists the scopes held: the access scope, then those attended to, then the rest by their last change.
func (s Server) Scopes() []catchup.Scope {
	p := &s.r.pub
	root := crdt.AccessScope(s.r.ws)
	out := []catchup.Scope{{ID: root, Kind: catchup.KindAccess}}
	p.mu.RLock()
	defer p.mu.RUnlock()
	rest := make([]crdt.ScopeID, 0, len(p.scopes))
	for id := range p.scopes {
		if id != root && !slices.Contains(p.attention, id) {
			rest = append(rest, id)
		}
	}
	slices.SortFunc(rest, func(a, b crdt.ScopeID) int {
		if x, y := p.scopes[a].lsn, p.scopes[b].lsn; x != y {
			if x > y {
				return -1
			}
			return 1
		}
		return slices.Compare(a[:], b[:])
	})
	for _, id := range append(slices.Clone(p.attention), rest...) {
		if p.scopes[id] == nil || id == root {
			continue
		}
		out = append(out, catchup.Scope{ID: id, Kind: p.scopes[id].kind})
	}
	return out
}

// peerIDPrefix stands before the 32 bytes of an Ed25519 key in a libp2p peer id: an identity multihash of the key's
// protobuf.
const peerIDPrefix = "\x00\x24\x08\x01\x12\x20"

// MayRead reports whether the user of the peer's device may read the scope.
func (s Server) MayRead(peer catchup.PeerID, scope crdt.ScopeID) bool {
	b := []byte(peer)
	if len(b) != len(peerIDPrefix)+ed25519.PublicKeySize || string(b[:len(peerIDPrefix)]) != peerIDPrefix {
		return false
	}
	view := s.r.View()
	dev, ok := view.DeviceByTransport(ed25519.PublicKey(b[len(peerIDPrefix):]))
	return ok && view.MayRead(dev.User, scope)
}

// Trie is the scope's holdings.
func (s Server) Trie(scope crdt.ScopeID) catchup.Trie {
	p := &s.r.pub
	p.mu.RLock()
	defer p.mu.RUnlock()
	if sc := p.scopes[scope]; sc != nil {
		return sc.trie
	}
	return catchup.Trie{}
}

// LSN is the arrival number of the last durable op.
func (s Server) LSN() uint64 {
	lsn, _ := s.r.LSN()
	return lsn
}

// Changed lists the logs of a scope that changed after lsn.
func (s Server) Changed(scope crdt.ScopeID, after uint64) ([]catchup.Entry, uint64) {
	p := &s.r.pub
	p.mu.RLock()
	defer p.mu.RUnlock()
	sc := p.scopes[scope]
	if sc == nil || sc.lsn <= after && after > 0 {
		return nil, p.lsn
	}
	var out []catchup.Entry
	for _, v := range sc.logs {
		if v.runs > 0 && (after == 0 || v.lsn > after) {
			out = append(out, v.entry)
		}
	}
	slices.SortFunc(out, func(a, b catchup.Entry) int { return slices.Compare(a.Log[:], b.Log[:]) })
	return out, p.lsn
}

// log is a log of this scope, or nil.
func (s Server) log(scope crdt.ScopeID, id crdt.LogID) *logView {
	v := s.r.pub.log(id)
	if v == nil || v.l.scope.id != scope || len(v.paths) == 0 {
		return nil
	}
	return v
}

// Held is what is held of a log's main branch.
func (s Server) Held(scope crdt.ScopeID, log crdt.LogID) []catchup.Span {
	v := s.log(scope, log)
	if v == nil {
		return nil
	}
	var out []catchup.Span
	for _, pc := range v.paths[0].pieces {
		if n := len(out); n > 0 && out[n-1].To+1 == pc.lo {
			out[n-1].To = pc.hi
			continue
		}
		out = append(out, catchup.Span{From: pc.lo, To: pc.hi})
	}
	return out
}

// Place tells where an op of the main branch stands.
func (s Server) Place(scope crdt.ScopeID, log crdt.LogID, seq uint64) (p catchup.Place, ok bool) {
	v := s.log(scope, log)
	if v == nil {
		return p, false
	}
	branch, ok := v.paths[0].at(seq)
	if !ok {
		return p, false
	}
	err := s.r.db.View(func(t *store.Txn) error {
		st, err := t.Op(store.Place{Log: v.l.num, Seq: seq, Branch: branch})
		p = catchup.Place{LSN: st.LSN, HLC: st.Op.HLC, ID: st.Op.Header.ID()}
		return err
	})
	return p, err == nil
}

// Branches lists the ends of all branches held.
func (s Server) Branches(scope crdt.ScopeID, log crdt.LogID) (out []catchup.BranchHead) {
	if v := s.log(scope, log); v != nil {
		for i := range v.paths[:min(len(v.paths), crdt.MaxBranch)] {
			out = append(out, catchup.BranchHead{Hi: v.paths[i].hi, Head: v.paths[i].head})
		}
	}
	return out
}

// Holds reports whether this very op is here, or was dropped for good.
func (s Server) Holds(scope crdt.ScopeID, log crdt.LogID, seq uint64, id crdt.OpID) bool {
	v := s.log(scope, log)
	if v == nil {
		return false
	}
	for i := range v.paths {
		if v.paths[i].hi == seq && v.paths[i].head == id {
			return true
		}
	}
	if slices.Contains(v.gone, id) {
		return true
	}
	held := false
	_ = s.r.db.View(func(t *store.Txn) error {
		p, err := t.PlaceOf(id)
		held = err == nil && p.Log == v.l.num
		return err
	})
	return held
}

// Cursor is how far the scope was fetched from a peer's store.
func (s Server) Cursor(peer catchup.InstanceID, scope crdt.ScopeID) (lsn uint64) {
	_ = s.r.db.View(func(t *store.Txn) error {
		b, err := t.Cursor(scope, store.InstanceID(peer))
		if err == nil && len(b) == 8 {
			lsn = binary.BigEndian.Uint64(b)
		}
		return err
	})
	return lsn
}

// SetCursor remembers it. It becomes durable with whatever is committed next.
func (s Server) SetCursor(peer catchup.InstanceID, scope crdt.ScopeID, lsn uint64) {
	if s.r.db.Room() != nil {
		return
	}
	b := &store.Batch{}
	b.PutCursor(scope, store.InstanceID(peer), binary.BigEndian.AppendUint64(nil, lsn))
	s.r.db.Enqueue(b, func(error) {})
}

// Ingest is Replica.Ingest for a peer.
func (s Server) Ingest(ctx context.Context, from catchup.PeerID, scope crdt.ScopeID, segs []*crdt.Segment) (catchup.Outcome, error) {
	got, err := s.r.Ingest(ctx, Source{Way: ByCatchup, Peer: string(from)}, scope, segs)
	out := catchup.Outcome{Stored: got.New, Known: got.Known, Pending: got.Waiting, Refused: len(got.Refused)}
	for _, x := range got.Loose {
		out.Forks = append(out.Forks, catchup.ForkAt{Log: x.Log, Seq: x.Seq, Prev: x.Prev})
	}
	if err == nil {
		err = got.Fault()
	}
	return out, err
}
