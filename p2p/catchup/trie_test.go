package catchup

import (
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hallway/crdt"
)

// entryOf draws from few prefixes, so that tries get deep.
func entryOf(rt *rapid.T) Entry {
	e := Entry{
		Class: crdt.ClassContent, Forked: rapid.Bool().Draw(rt, "forked"),
		Lo: rapid.Uint64Range(0, 3).Draw(rt, "lo"), Hi: rapid.Uint64Range(3, 9).Draw(rt, "hi"),
	}
	e.Log[0] = rapid.SampledFrom([]byte{0x00, 0x0f, 0xf0, 0xf1}).Draw(rt, "first")
	e.Log[1] = rapid.SampledFrom([]byte{0, 1, 16}).Draw(rt, "second")
	e.Log[15] = rapid.ByteRange(0, 7).Draw(rt, "last")
	e.Head[0] = rapid.ByteRange(0, 2).Draw(rt, "head")
	return e
}

// The trie is a function of the set of its entries: it answers as a map does, and what order they came in, and what was
// deleted on the way, does not show in its root.
func TestTrieIsAFunctionOfItsEntries(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var tr Trie
		model := map[crdt.LogID]Entry{}
		for range rapid.IntRange(0, 60).Draw(rt, "steps") {
			before, root := tr, tr.Root()
			e := entryOf(rt)
			if rapid.IntRange(0, 3).Draw(rt, "delete") == 0 {
				tr = tr.Delete(e.Log)
				delete(model, e.Log)
			} else {
				tr = tr.Set(e)
				model[e.Log] = e
			}
			if before.Root() != root {
				rt.Fatal("an older copy changed")
			}
		}
		var fresh Trie
		for _, e := range model {
			fresh = fresh.Set(e)
			if got, ok := tr.Get(e.Log); !ok || got != e {
				rt.Fatalf("got %+v, want %+v", got, e)
			}
		}
		if fresh.Root() != tr.Root() || tr.Len() != len(model) || len(tr.Entries()) != len(model) {
			rt.Fatalf("%d entries, model has %d; roots %x and %x", tr.Len(), len(model), tr.Root(), fresh.Root())
		}
		if !slices.IsSortedFunc(tr.Entries(), func(a, b Entry) int { return slices.Compare(a.Log[:], b.Log[:]) }) {
			rt.Fatal("entries are not in order")
		}
	})
}

// A part of one trie has the same root as the same part of another, whether it was divided there or only listed.
func TestPartsOfTriesCompare(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var all, some Trie
		path := rapid.SampledFrom([][]byte{{}, {0}, {0, 0}, {15, 0, 0}, {15, 1, 1, 0}}).Draw(rt, "path")
		for range rapid.IntRange(0, 40).Draw(rt, "entries") {
			e := entryOf(rt)
			all = all.Set(e)
			if some = some.Delete(e.Log); under(e.Log, path) {
				some = some.Set(e)
			}
		}
		if all.At(path).Root() != some.At(path).Root() || all.At(path).Root() != some.Root() && len(path) == 0 {
			rt.Fatalf("path %v: %x and %x", path, all.At(path).Root(), some.At(path).Root())
		}
		if all.At(path).Len() != some.Len() {
			rt.Fatalf("path %v: %d entries, want %d", path, all.At(path).Len(), some.Len())
		}
	})
}

// Every field counts: a copy that holds something else has another root.
func TestEveryFieldOfAnEntryCounts(t *testing.T) {
	base := Entry{Log: crdt.LogID{1}, Class: crdt.ClassContent, Lo: 2, Hi: 9, Head: Hash{3}}
	root := Trie{}.Set(base).Root()
	for name, change := range map[string]func(*Entry){
		"log":    func(e *Entry) { e.Log[15] = 1 },
		"lo":     func(e *Entry) { e.Lo-- },
		"hi":     func(e *Entry) { e.Hi++ },
		"head":   func(e *Entry) { e.Head[15] = 1 },
		"forked": func(e *Entry) { e.Forked = true },
	} {
		e := base
		change(&e)
		if (Trie{}).Set(e).Root() == root {
			t.Errorf("%s does not count", name)
		}
	}
}

func bigTrie(n int) Trie {
	var tr Trie
	for i := range n {
		sum := crdt.Hash("test/log", binary.BigEndian.AppendUint64(nil, uint64(i)))
		e := Entry{Class: crdt.ClassContent, Hi: uint64(i % 90)}
		copy(e.Log[:], sum[:])
		copy(e.Head[:], sum[16:])
		tr = tr.Set(e)
	}
	return tr
}

func BenchmarkTrieSet(b *testing.B) {
	tr := bigTrie(3000)
	e := tr.Entries()[1500]
	for b.Loop() {
		e.Hi++
		tr = tr.Set(e)
	}
}
