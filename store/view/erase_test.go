package view

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"

	"hallway/crdt"
	"hallway/crdt/chat"
	"hallway/crdt/chat/chattest"
)

// pages is everything in a view's file and WAL, decrypted, as it lies there.
func pages(t *testing.T, v *View) []byte {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []byte
	for _, op := range []sqlite3.FcntlOpcode{sqlite3.FCNTL_FILE_POINTER, sqlite3.FCNTL_JOURNAL_POINTER} {
		p, err := v.write.db.FileControl("main", op)
		if err != nil {
			t.Fatal(err)
		}
		f, ok := p.(vfs.File)
		if !ok {
			continue
		}
		size, err := f.Size()
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, size)
		if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

// traces lists which words stand anywhere in the pages.
func traces(t *testing.T, v *View, words ...string) (found []string) {
	t.Helper()
	b := bytes.ToLower(pages(t, v))
	for _, w := range words {
		if bytes.Contains(b, []byte(strings.ToLower(w))) {
			found = append(found, w)
		}
	}
	return found
}

func TestOracle09_WhatWasDeletedLeavesNoTraceInTheView(t *testing.T) {
	o := chattest.New(t, "Ada", "Bob")
	general := o.Channel("Ada", 1)
	ada := o.Pen("Ada", general, 1)
	v, err := Open(t.Context(), filepath.Join(t.TempDir(), "view"), [32]byte{5}, Options{Self: o.User("Bob")})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	apply := func(ops ...chat.Opened) Changes {
		t.Helper()
		items := make([]Item, len(ops))
		for i := range ops {
			items[i] = Item{Op: ops[i]}
		}
		c, err := v.Apply(t.Context(), items, 0)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	at := chattest.Start
	say := func(text string) chat.Opened {
		at = at.Add(time.Second)
		return ada.Say(at, text)
	}
	secret := say("the passphrase is xylophonic zebrafish")
	id := secret.Origin().ID
	edit := ada.Write(at, &chat.Edit{Target: id, Text: "the passphrase was quarrelsome zebrafish"})
	words := []string{"xylophon", "zebrafish", "quarrelsom"}
	apply(secret)
	for i := range 300 { // so that the index has segments, and the words stand in several pages
		apply(say("noise about zebras " + strings.Repeat("and xylem ", i%7)))
	}
	if found := traces(t, v, words...); len(found) != 2 {
		t.Fatalf("the test sees only %q of what is there", found)
	}
	apply(edit)
	if found := traces(t, v, "xylophon", "zebrafish", "quarrelsom"); len(found) != 3 {
		t.Fatalf("the test sees only %q of what is there: the first text is kept for its history", found)
	}
	targets, err := v.Redactees(t.Context(), id)
	if err != nil || len(targets) != 2 {
		t.Fatalf("%v, %v: message and edit must go", targets, err)
	}
	changes := apply(ada.Redact(at, crdt.RedactTarget{ID: id, Row: true}))
	if len(changes.Erase) != 1 || changes.Erase[0] != edit.Origin().ID {
		t.Errorf("to erase beside: %v", changes.Erase)
	}
	if found := traces(t, v, words...); len(found) != 0 {
		t.Errorf("still there: %q", found)
	}
	apply(secret, edit) // a copy that had them offers them again
	if found := traces(t, v, words...); len(found) != 0 {
		t.Errorf("came back: %q", found)
	}
}

func TestNothingOnDiskIsReadable(t *testing.T) {
	o := chattest.New(t, "Ada")
	dir := t.TempDir()
	v, err := Open(t.Context(), filepath.Join(dir, "view"), [32]byte{5}, Options{Self: o.User("Ada")})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	said := o.Pen("Ada", o.Channel("Ada", 1), 1).Say(chattest.Start, strings.Repeat("canary ", 2000))
	if _, err := v.Apply(t.Context(), []Item{{Op: said}}, 1); err != nil {
		t.Fatal(err)
	}
	if len(traces(t, v, "canary")) != 1 {
		t.Fatal("the test would not see it")
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v: no WAL to look into", files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"canary", "SQLite format", "messages"} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%q stands in %s", word, f.Name())
			}
		}
	}
}
