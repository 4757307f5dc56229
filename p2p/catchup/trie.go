package catchup

import (
	"encoding/binary"
	"slices"

	"hallway/crdt"
)

// LeafSize is the number of logs up to which a part of the trie is listed instead of divided.
const LeafSize = 4

// fanOut is the number of children of a node: one nibble of the log id each.
const fanOut = 16

// maxDepth is the number of nibbles of a log id.
const maxDepth = 2 * len(crdt.LogID{})

// Trie is a Merkle radix trie over what is held of each log (protocol 7.4). It is a value: Set and Delete answer a new
// trie that shares what did not change, so that a copy taken by a reader stays as it was. Two tries with the same
// entries have the same root, whatever the order in which they were made. The zero Trie is empty.
type Trie struct{ root *node }

// node holds up to LeafSize entries, or else children. Nodes never change once they are made.
type node struct {
	count   int
	hash    Hash
	entries []Entry // by log id; of a leaf
	kids    []*node // fanOut of them; of a branch
}

// Len is the number of logs.
func (t Trie) Len() int { return t.root.len() }

// Root is the hash over all entries; zero for an empty trie.
func (t Trie) Root() Hash { return t.root.sum() }

// Get is what is held of a log.
func (t Trie) Get(log crdt.LogID) (Entry, bool) {
	n := t.root
	for depth := 0; n != nil; depth++ {
		if n.kids == nil {
			i, ok := find(n.entries, log)
			if !ok {
				return Entry{}, false
			}
			return n.entries[i], true
		}
		n = n.kids[nibble(log, depth)]
	}
	return Entry{}, false
}

// Set is the trie with the entry in place of what stood for its log.
func (t Trie) Set(e Entry) Trie { return Trie{t.root.set(e, 0)} }

// Delete is the trie without the log.
func (t Trie) Delete(log crdt.LogID) Trie { return Trie{t.root.delete(log, 0)} }

// At is the part of the trie under a prefix of nibbles, one a byte.
func (t Trie) At(path []byte) Trie {
	n := t.root
	for depth, nib := range path {
		switch {
		case n == nil || nib >= fanOut:
			return Trie{}
		case n.kids == nil:
			return Trie{n.under(path, depth)}
		}
		n = n.kids[nib]
	}
	return Trie{n}
}

// Leaf reports whether this part is listed rather than divided.
func (t Trie) Leaf() bool { return t.root == nil || t.root.kids == nil }

// Children are the hashes of the sixteen parts below a part that is not a leaf; zero where there is nothing.
func (t Trie) Children() (hashes [fanOut]Hash) {
	if t.Leaf() {
		return hashes
	}
	for i, k := range t.root.kids {
		hashes[i] = k.sum()
	}
	return hashes
}

// Entries lists all entries by log id.
func (t Trie) Entries() []Entry { return t.root.list(make([]Entry, 0, t.Len())) }

func (n *node) len() int {
	if n == nil {
		return 0
	}
	return n.count
}

func (n *node) sum() Hash {
	if n == nil {
		return Hash{}
	}
	return n.hash
}

func (n *node) list(to []Entry) []Entry {
	if n == nil {
		return to
	}
	to = append(to, n.entries...)
	for _, k := range n.kids {
		to = k.list(to)
	}
	return to
}

// under is the part of a leaf below a longer path than the leaf's own.
func (n *node) under(path []byte, from int) *node {
	var in []Entry
	for _, e := range n.entries {
		ok := true
		for d := from; d < len(path) && ok; d++ {
			ok = nibble(e.Log, d) == path[d]
		}
		if ok {
			in = append(in, e)
		}
	}
	return newLeaf(in)
}

func (n *node) set(e Entry, depth int) *node {
	if n == nil {
		return newLeaf([]Entry{e})
	}
	if n.kids == nil {
		entries := slices.Clone(n.entries)
		if i, ok := find(entries, e.Log); ok {
			entries[i] = e
		} else {
			entries = slices.Insert(entries, i, e)
		}
		return build(entries, depth)
	}
	kids := slices.Clone(n.kids)
	i := nibble(e.Log, depth)
	kids[i] = kids[i].set(e, depth+1)
	return newBranch(kids)
}

func (n *node) delete(log crdt.LogID, depth int) *node {
	if n == nil {
		return nil
	}
	if n.kids == nil {
		i, ok := find(n.entries, log)
		if !ok {
			return n
		}
		return newLeaf(slices.Delete(slices.Clone(n.entries), i, i+1))
	}
	i := nibble(log, depth)
	kid := n.kids[i].delete(log, depth+1)
	if kid == n.kids[i] {
		return n
	}
	kids := slices.Clone(n.kids)
	kids[i] = kid
	if b := newBranch(kids); b.count > LeafSize {
		return b
	}
	return newLeaf(n.without(log))
}

func (n *node) without(log crdt.LogID) []Entry {
	all := n.list(nil)
	return slices.DeleteFunc(all, func(e Entry) bool { return e.Log == log })
}

// build makes the one shape that these entries have.
func build(entries []Entry, depth int) *node {
	if len(entries) <= LeafSize || depth >= maxDepth {
		return newLeaf(entries)
	}
	kids := make([]*node, fanOut)
	for _, e := range entries {
		i := nibble(e.Log, depth)
		kids[i] = kids[i].set(e, depth+1)
	}
	return newBranch(kids)
}

func newLeaf(entries []Entry) *node {
	if len(entries) == 0 {
		return nil
	}
	var buf [LeafSize * 64]byte
	b := buf[:0]
	for i := range entries {
		b = appendEntry(b, &entries[i])
	}
	return &node{count: len(entries), entries: entries, hash: short("hallway/trie/leaf/v1", b)}
}

func newBranch(kids []*node) *node {
	var buf [fanOut * len(Hash{})]byte
	b, count := buf[:0], 0
	for _, k := range kids {
		h := k.sum()
		b, count = append(b, h[:]...), count+k.len()
	}
	return &node{count: count, kids: kids, hash: short("hallway/trie/node/v1", b)}
}

// appendEntry is the fixed form that a leaf hashes: 16 + 1 + 8 + 8 + 16 bytes.
func appendEntry(b []byte, e *Entry) []byte {
	b = append(b, e.Log[:]...)
	if e.Forked {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = binary.BigEndian.AppendUint64(b, e.Lo)
	b = binary.BigEndian.AppendUint64(b, e.Hi)
	return append(b, e.Head[:]...)
}

func short(label string, b []byte) (h Hash) {
	sum := crdt.Hash(label, b)
	copy(h[:], sum[:])
	return h
}

func find(entries []Entry, log crdt.LogID) (int, bool) {
	return slices.BinarySearchFunc(entries, log, func(e Entry, l crdt.LogID) int { return slices.Compare(e.Log[:], l[:]) })
}

func nibble(log crdt.LogID, depth int) byte {
	b := log[depth/2]
	if depth%2 == 0 {
		return b >> 4
	}
	return b & 0x0f
}
