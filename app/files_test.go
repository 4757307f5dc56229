package app

import (
	"strings"
	"testing"

	"hallway/app/internal/seal"
	"hallway/crdt/chat"
)

// Mallory says that his file has one byte. What is shown, and what is waited for, is what there is to fetch.
func TestAFileIsAsLargeAsItsManifestSays(t *testing.T) {
	of := officeAt(t, t.TempDir())
	defer of.Close()
	if _, err := of.Create(t.Context(), CreateRequest{Name: "Northwind", As: "Ada"}); err != nil {
		t.Fatal(err)
	}
	s, err := of.space(In{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.seal.SealFile(strings.NewReader("more than a byte"), func(seal.ChunkID, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	got := s.fileOf(&chat.File{Name: "small.txt", Size: 1, Manifest: m.Append(nil)})
	if got.Size != len("more than a byte") || got.Have != 0 {
		t.Errorf("%d bytes, of which %d are here", got.Size, got.Have)
	}
}
