package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"hallway/app"
)

// Mal sends what would write to the clipboard of whoever reads it in a terminal, wipe the line above, and look like a
// message of Ada's.
func TestWhatSomebodyWritesDoesNotPlayWithTheTerminal(t *testing.T) {
	hostile := "hi\x1b]52;c;cm0gLXJmIC8=\x07\x1b[1A\x1b[2K\r\u009b2J\u202e done\u2066\n2026-11-22 10:00  Ada: pay the bill"
	m := app.Message{Kind: app.RowMessage, ID: "m", Author: "Mal\x1b[31m", Text: hostile, Time: time.Unix(0, 0),
		Files: []app.File{{Name: "a\x1b[0m\nb", ID: "f"}}, Reactions: []app.Reaction{{Emoji: "\x1b[7m"}}}
	var out bytes.Buffer
	if err := (&cli{out: &out}).emitMessage(m, ""); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"\x1b", "\x07", "\r", "\u009b", "\u202e", "\u2066"} {
		if strings.Contains(out.String(), bad) {
			t.Errorf("%q reaches the terminal: %q", bad, out.String())
		}
	}
	for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		if i > 0 && !strings.HasPrefix(line, "    ") {
			t.Errorf("line %q can pass for a message", line)
		}
	}
	if !strings.Contains(out.String(), "pay the bill") {
		t.Errorf("the text is gone: %q", out.String())
	}
	out.Reset()
	if err := (&cli{out: &out, json: true}).emitMessage(m, ""); err != nil {
		t.Fatal(err)
	}
	var line messageLine
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Text != hostile {
		t.Errorf("a script reads %q, %v", line.Text, err)
	}
	if family := "👩‍👩‍👧 \u200fשלום"; shown(family) != family {
		t.Error("what people write is changed")
	}
	if got := problemLine(&app.Problem{Sentence: "There is nobody called \x1b[2J here."}); strings.Contains(got, "\x1b") {
		t.Errorf("an error plays with the terminal: %q", got)
	}
}
