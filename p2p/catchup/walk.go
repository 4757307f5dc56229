package catchup

import (
	"hallway/crdt"
	"hallway/p2p/wire"
)

// walk is one descent through both tries of a scope, done by both sides together: each message answers the other's, and at
// the end both know all that differs. A node that was sent may be answered once, by nodes right under it that differ, so
// that neither side can be made to walk more than it holds.
type walk struct {
	scope crdt.ScopeID
	own   bool // the announcement is ours: we were asked
	ref   uint64
	trie  Trie
	asked bool // we asked and have heard nothing yet

	inner    map[string]uint16 // paths of inner nodes sent: children that may still be answered
	leaves   map[string]bool   // paths of leaves sent
	sent     uint64            // inner nodes and leaves
	answered uint64            // of ours, by the peer
	mine     uint64            // of the peer's, by us
	said     uint64            // of mine, told

	in      []wire.SyncNode // to be answered
	out     []outNode       // answers to be sent
	entries []Entry         // of the peer's, that differ
	lsn     uint64          // the peer's when it began
	begun   uint64          // our own
}

// outNode is a node to be sent; closes is set on the last one of an answer.
type outNode struct {
	node   wire.SyncNode
	empty  bool // no node, only the end of an answer
	closes bool
}

// walkBytes is about what one message of a walk may hold.
const walkBytes = 32 << 10

// startWalk answers an Open that asks for a walk with our root. Where both sides asked at once, the Open of the higher
// peer id counts.
func (s *Session) startWalk(o *offer) {
	if w := s.walks[o.scope]; w != nil && w.asked && s.o.Self > s.o.Peer {
		return
	}
	w := &walk{scope: o.scope, own: true, ref: o.ref, trie: s.o.Replica.Trie(o.scope), begun: s.o.Replica.LSN()}
	w.init()
	s.walks[o.scope] = w
	w.send(nil, w.trie, true)
}

func (w *walk) init() {
	w.inner, w.leaves = map[string]uint16{}, map[string]bool{}
}

// send queues a node for a part of our trie.
func (w *walk) send(path []byte, part Trie, closes bool) {
	n := wire.SyncNode{Path: path, Kind: wire.SyncLeaf}
	if part.Leaf() {
		n.Entries = part.Entries()
		w.leaves[string(path)] = true
	} else {
		n.Kind, n.Hashes = wire.SyncInner, part.Children()
		w.inner[string(path)] = 1<<fanOut - 1
	}
	w.sent++
	w.out = append(w.out, outNode{node: n, closes: closes})
}

// list queues entries that want no answer.
func (w *walk) list(path []byte, entries []Entry) {
	for len(entries) > 0 {
		n := min(len(entries), wire.MaxSyncEntries/2)
		w.out = append(w.out, outNode{node: wire.SyncNode{Path: path, Kind: wire.SyncList, Entries: entries[:n]}})
		entries = entries[n:]
	}
}

// step takes one message of a walk.
func (s *Session) step(m wire.SyncWalk) error {
	w, err := s.walkOf(m)
	if w == nil || err != nil {
		return err
	}
	if w.asked {
		w.asked = false
		w.trie, w.begun = s.o.Replica.Trie(w.scope), s.o.Replica.LSN()
		w.init()
		if len(m.Nodes) != 1 || len(m.Nodes[0].Path) != 0 || m.Nodes[0].Kind == wire.SyncList || m.Answered != 0 {
			return violation("walk that does not begin at the root")
		}
		w.lsn = m.LSN
		w.in = append(w.in, m.Nodes[0])
		return nil
	}
	if w.lsn == 0 {
		w.lsn = m.LSN
	}
	for i := range m.Nodes {
		if err := w.take(&m.Nodes[i]); err != nil {
			return err
		}
	}
	if m.Answered < w.answered || m.Answered > w.sent {
		return violation("walk that answers what was not sent")
	}
	w.answered = m.Answered
	s.endWalk(w)
	return nil
}

func (s *Session) walkOf(m wire.SyncWalk) (*walk, error) {
	var o *offer
	switch {
	case m.Own && m.Ref < uint64(len(s.theirs)):
		o = s.theirs[m.Ref]
	case !m.Own && m.Ref < uint64(len(s.mine)):
		o = s.mine[m.Ref]
	default:
		return nil, violation("walk in a scope that was not announced")
	}
	if o.closed {
		return nil, nil
	}
	w := s.walks[o.scope]
	if w == nil || w.own == m.Own || w.ref != m.Ref {
		return nil, violation("walk that was not asked for")
	}
	return w, nil
}

// take checks that a node answers one of ours.
func (w *walk) take(n *wire.SyncNode) error {
	path := string(n.Path)
	switch n.Kind {
	case wire.SyncList:
		if w.leaves[path] || w.child(n.Path, false) {
			return w.collect(n)
		}
		return violation("walk off the path")
	case wire.SyncLeaf:
		if w.inner[path] == 1<<fanOut-1 { // the peer has so little there that it lists it all
			w.inner[path] = 0
			w.in = append(w.in, *n)
			return nil
		}
	}
	if !w.child(n.Path, true) {
		return violation("walk off the path")
	}
	w.in = append(w.in, *n)
	return nil
}

// child reports whether the path is right under an inner node that we sent, and was not answered yet; use marks it.
func (w *walk) child(path []byte, use bool) bool {
	if len(path) == 0 {
		return false
	}
	up, nib := string(path[:len(path)-1]), path[len(path)-1]
	mask, ok := w.inner[up]
	if !ok || mask&(1<<nib) == 0 {
		return false
	}
	if use {
		w.inner[up] = mask &^ (1 << nib)
	}
	return true
}

func (w *walk) collect(n *wire.SyncNode) error {
	for _, e := range n.Entries {
		if len(w.entries) >= MaxListed || !under(e.Log, n.Path) {
			return violation("walk with a log off the path")
		}
		if mine, ok := w.trie.Get(e.Log); !ok || mine != e {
			w.entries = append(w.entries, e)
		}
	}
	return nil
}

func under(log crdt.LogID, path []byte) bool {
	for d, nib := range path {
		if nibble(log, d) != nib {
			return false
		}
	}
	return true
}

// answer queues what answers a node of the peer's.
func (w *walk) answer(n *wire.SyncNode) error {
	part := w.trie.At(n.Path)
	from := len(w.out)
	switch {
	case n.Kind == wire.SyncLeaf:
		if err := w.collect(n); err != nil {
			return err
		}
		w.list(n.Path, differing(part.Entries(), n.Entries))
	case part.Leaf():
		w.send(n.Path, part, false)
	default:
		kids := part.Children()
		for i := range kids {
			if kids[i] != n.Hashes[i] {
				w.answerChild(append(append([]byte{}, n.Path...), byte(i)), n.Hashes[i])
			}
		}
	}
	if len(w.out) == from {
		w.out = append(w.out, outNode{empty: true})
	}
	w.out[len(w.out)-1].closes = true
	return nil
}

func (w *walk) answerChild(path []byte, theirs Hash) {
	part := w.trie.At(path)
	if theirs == (Hash{}) {
		w.list(path, part.Entries())
		return
	}
	w.send(path, part, false)
}

// differing are the entries of ours that the peer's list does not have alike.
func differing(ours, theirs []Entry) []Entry {
	var out []Entry
	for _, e := range ours {
		if i, ok := find(theirs, e.Log); !ok || theirs[i] != e {
			out = append(out, e)
		}
	}
	return out
}

// sayWalk is the next message of a walk that has something to say.
func (s *Session) sayWalk() wire.SyncMessage {
	for _, sc := range s.o.Replica.Scopes() {
		w := s.walks[sc.ID]
		if w == nil || w.asked {
			continue
		}
		if m, err := w.message(); err != nil {
			s.fail(err)
			return nil
		} else if m != nil {
			s.endWalk(w)
			return m
		}
	}
	return nil
}

func (w *walk) message() (wire.SyncMessage, error) {
	m := wire.SyncWalk{Own: w.own, Ref: w.ref, LSN: w.begun}
	for size := 0; size < walkBytes && len(m.Nodes) < wire.MaxSyncNodes; {
		if len(w.out) == 0 {
			if len(w.in) == 0 {
				break
			}
			n := w.in[0]
			w.in = w.in[1:]
			if err := w.answer(&n); err != nil {
				return nil, err
			}
			continue
		}
		o := w.out[0]
		w.out = w.out[1:]
		if !o.empty {
			size += 8 + len(o.node.Path)/2 + 45*len(o.node.Entries)
			if o.node.Kind == wire.SyncInner {
				size += fanOut * len(Hash{})
			}
			m.Nodes = append(m.Nodes, o.node)
		}
		if o.closes {
			w.mine++
		}
	}
	if len(m.Nodes) == 0 && w.mine == w.said {
		return nil, nil
	}
	m.Answered = w.mineAnswered()
	w.said = w.mine
	return m, nil
}

// mineAnswered leaves out the root that the asked side sends by itself: it answers an Open, not a node.
func (w *walk) mineAnswered() uint64 {
	if w.own {
		return w.mine - 1
	}
	return w.mine
}

// endWalk goes on to fetching when nothing of either side waits for an answer.
func (s *Session) endWalk(w *walk) {
	if w.answered < w.sent || len(w.in) > 0 || len(w.out) > 0 || w.mine != w.said {
		return
	}
	delete(s.walks, w.scope)
	o := s.theirBy[w.scope]
	if o == nil {
		return
	}
	f := s.fetches[w.scope]
	switch {
	case f != nil && f.phase != asking && f.phase != toAsk:
		f.again = f.again || len(w.entries) > 0
		return
	case f == nil && len(w.entries) == 0:
		return
	case f == nil:
		f = &fetch{from: o, byLog: map[crdt.LogID]*need{}}
		s.fetches[w.scope] = f
	case f.phase == asking && f.since:
		return // the peer's list by cursor is on its way
	}
	if !o.proved {
		s.prove = append(s.prove, o)
	}
	f.phase, f.upto = asking, w.lsn
	for _, e := range w.entries {
		if err := s.lists(f, e); err != nil {
			s.fail(err)
			return
		}
	}
	s.listed(f)
}
