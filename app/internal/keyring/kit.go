package keyring

import (
	"encoding/hex"
	"fmt"
	"strings"

	"hallway/crdt"
)

// Kit is a workspace's recovery kit as text to print or to save: the words and what they are for. name is the
// workspace's.
func (k WorkspaceKey) Kit(ws crdt.WorkspaceID, name string) string {
	words := toWords(k.entropy)
	var b strings.Builder
	fmt.Fprintf(&b, "Hallway recovery kit\n\nWorkspace: %s\nId: %s\n\n", oneLine(name), ws)
	b.WriteString("These 24 words are the workspace's key. Who has them can change its owners and close it;\n" +
		"they open no message. Keep them offline, in a safe. No copy is left on the computer that made them.\n\n")
	for i := 0; i < phraseWords; i += 4 {
		fmt.Fprintf(&b, "  %2d  %s\n", i+1, strings.Join(words[i:i+4], " "))
	}
	return b.String()
}

// Words are the workspace key's 24 words alone, for a page that says the rest itself.
func (k WorkspaceKey) Words() []string { return toWords(k.entropy) }

// ParseKit reads what Kit wrote.
func ParseKit(text string) (WorkspaceKey, crdt.WorkspaceID, error) {
	var ws crdt.WorkspaceID
	var words []string
	if len(text) > 1<<14 {
		return WorkspaceKey{}, ws, fmt.Errorf("recovery kit: %w", ErrTooLarge)
	}
	known := false
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 2 && f[0] == "Id:" && len(f[1]) == 2*len(ws):
			_, err := hex.Decode(ws[:], []byte(f[1]))
			known = err == nil
		case len(f) == 5 && strings.Trim(f[0], "0123456789") == "":
			words = append(words, f[1:]...)
		}
	}
	s, err := fromWords(strings.Join(words, " "))
	if err != nil || !known {
		return WorkspaceKey{}, crdt.WorkspaceID{}, fmt.Errorf("recovery kit: %w", ErrPhrase)
	}
	return WorkspaceKey{s}, ws, nil
}

// oneLine keeps a name from writing lines of its own into the kit.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
