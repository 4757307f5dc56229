package chat

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
)

var update = flag.Bool("update", false, "write testdata/vectors anew")

const vectorDir = "testdata/vectors"

// obj is a JSON object; its keys are written in their order, so that files do not change by themselves.
type obj = map[string]any

// vector is one file of testdata/vectors; the README there says what each kind takes and answers.
type vector struct {
	Kind  string `json:"kind"`
	About string `json:"about"`
	Input given  `json:"input"`
	Want  obj    `json:"want"`
}

// given is the input of a vector; absent fields are zero.
type given struct {
	Bytes   string    `json:"bytes,omitempty"`
	Scope   string    `json:"scope,omitempty"`
	System  string    `json:"system,omitempty"`
	Channel string    `json:"channel,omitempty"`
	Source  string    `json:"source,omitempty"`
	Ops     []givenOp `json:"ops,omitempty"`
}

// givenOp is a content op as the fold gets it.
type givenOp struct {
	ID        string `json:"id"`
	User      string `json:"user"`
	Log       string `json:"log"`
	Seq       uint64 `json:"seq"`
	HLC       string `json:"hlc"`
	Moderates bool   `json:"moderates,omitempty"`
	Imports   bool   `json:"imports,omitempty"`
	State     string `json:"state"` // open, redact, locked, erased
	Bytes     string `json:"bytes,omitempty"`
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("vector with bad hex: %v", err)
	}
	return b
}

func hexOr(zero bool, s string) any {
	if zero {
		return nil
	}
	return s
}

func mentionsOf(list []Mention) []obj {
	out := []obj{}
	for _, m := range list {
		out = append(out, obj{"start": m.Start, "end": m.End, "kind": m.Kind, "user": hexOr(m.User.IsZero(), m.User.String())})
	}
	return out
}

func microsOf(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// fields is what a body says.
func fields(b Body) obj {
	switch b := b.(type) {
	case *Message:
		files := []obj{}
		for i := range b.Files {
			f := &b.Files[i]
			id := f.ID()
			files = append(files, obj{"name": f.Name, "mime": f.Mime, "size": f.Size, "width": f.Width, "height": f.Height,
				"manifest": hex.EncodeToString(f.Manifest), "id": hex.EncodeToString(id[:])})
		}
		return obj{"text": b.Text, "thread": hexOr(b.Thread.IsZero(), b.Thread.String()), "broadcast": b.Broadcast,
			"reply_to": hexOr(b.ReplyTo.IsZero(), b.ReplyTo.String()), "mentions": mentionsOf(b.Mentions), "files": files, "nonce": b.Nonce}
	case *Edit:
		return obj{"target": b.Target.String(), "text": b.Text, "mentions": mentionsOf(b.Mentions)}
	case *React:
		return obj{"target": b.Target.String(), "emoji": b.Emoji, "remove": b.Remove}
	case *Pin:
		return obj{"target": b.Target.String(), "remove": b.Remove}
	case *Imported:
		return importedFields(b)
	case *Unknown:
		return obj{"raw": hex.EncodeToString(b.Raw)}
	}
	panic("a body without fields")
}

func importedFields(b *Imported) obj {
	files, reactions := []obj{}, []obj{}
	for _, f := range b.Files {
		files = append(files, obj{"name": f.Name, "url": f.URL, "mime": f.Mime, "size": f.Size})
	}
	for _, r := range b.Reactions {
		by := []obj{}
		for _, p := range r.By {
			by = append(by, obj{"name": p.Name, "user": hexOr(p.User.IsZero(), p.User.String())})
		}
		reactions = append(reactions, obj{"emoji": r.Emoji, "by": by})
	}
	return obj{"system": b.System, "channel": b.Channel, "source": b.Source, "author": hexOr(b.Author.IsZero(), b.Author.String()),
		"author_name": b.AuthorName, "author_source": b.AuthorSource, "time": microsOf(b.Time), "edited": microsOf(b.Edited), "text": b.Text,
		"thread": b.Thread, "broadcast": b.Broadcast, "pinned": b.Pinned, "mentions": mentionsOf(b.Mentions), "files": files, "reactions": reactions}
}

func runEnvelope(t testing.TB, in given) (obj, error) {
	b := unhex(t, in.Bytes)
	e, err := ParseEnvelope(b)
	if err != nil {
		return nil, err
	}
	if again, err := e.Append(nil); err != nil || !bytes.Equal(again, b) {
		t.Fatalf("%x is written as %x, %v", b, again, err)
	}
	deps := []string{}
	for _, d := range e.Deps {
		deps = append(deps, hex.EncodeToString(d[:]))
	}
	return obj{"kind": e.Body.Kind(), "dependencies": deps, "body": fields(e.Body)}, nil
}

func runReadState(t testing.TB, in given) (obj, error) {
	r, err := ParseReadState(unhex(t, in.Bytes))
	if err != nil {
		return nil, err
	}
	below := obj{}
	for log, n := range r.Below {
		below[log.String()] = n
	}
	return obj{"generation": r.Generation, "below": below}, nil
}

func runImportedID(t testing.TB, in given) (obj, error) {
	id := ImportedID(crdt.ScopeID(unhex(t, in.Scope)), in.System, in.Channel, in.Source)
	return obj{"id": id.String()}, nil
}

// opened is the op in the form that the vector says; what cannot be read says nothing, as BrokenOp.
func (g *givenOp) opened(t testing.TB) Opened {
	hlc, err := hex.DecodeString(g.HLC)
	if err != nil || len(hlc) != 8 {
		t.Fatalf("hlc %q", g.HLC)
	}
	from := Origin{ID: crdt.OpID(unhex(t, g.ID)), User: access.UserID(unhex(t, g.User)), Log: crdt.LogID(unhex(t, g.Log)), Seq: g.Seq,
		Moderates: g.Moderates, Imports: g.Imports}
	for _, b := range hlc {
		from.HLC = from.HLC<<8 | crdt.HLC(b)
	}
	switch g.State {
	case "redact":
		return openRedact(from, unhex(t, g.Bytes))
	case "locked":
		return Opened{origin: from, state: StateLocked}
	case "erased":
		return Opened{origin: from, state: StateErased}
	}
	o, err := open(from, unhex(t, g.Bytes))
	if err != nil {
		return Opened{origin: from, state: StateOpen, body: new(Unknown)}
	}
	return o
}

func personOf(a Author) obj {
	return obj{"user": hexOr(a.User.IsZero(), a.User.String()), "name": a.Name}
}

func runFold(t testing.TB, in given) (obj, error) {
	f := NewFold()
	for i := range in.Ops {
		f.Add(in.Ops[i].opened(t))
	}
	rows := []obj{}
	for _, p := range f.fold()[crdt.ScopeID{}] {
		reactions := []obj{}
		for _, r := range p.Reactions {
			by := []obj{}
			for _, a := range r.By {
				by = append(by, personOf(a))
			}
			reactions = append(reactions, obj{"emoji": r.Emoji, "by": by})
		}
		rows = append(rows, obj{"row": [...]string{"", "message", "deleted", "locked"}[p.Kind], "id": p.ID.String(), "op": p.Op.String(),
			"author": personOf(p.Author), "text": p.Text, "edited": !p.Edited.IsZero(), "thread": hexOr(p.Thread.IsZero(), p.Thread.String()),
			"main": p.Main(), "pinned": p.Pinned, "reactions": reactions})
	}
	return obj{"rows": rows}, nil
}

// outcome runs one vector's input through the code.
func outcome(t testing.TB, kind string, in given) obj {
	t.Helper()
	run, ok := map[string]func(testing.TB, given) (obj, error){
		"envelope": runEnvelope, "readstate": runReadState, "importedid": runImportedID, "fold": runFold,
	}[kind]
	if !ok {
		t.Fatalf("no such kind: %s", kind)
	}
	out, err := run(t, in)
	switch {
	case errors.Is(err, ErrTooLarge):
		return obj{"error": "too-large"}
	case errors.Is(err, ErrMalformed):
		return obj{"error": "malformed"}
	case err != nil:
		t.Fatal(err)
	}
	return out
}

func asJSON(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestVectors runs every file from its JSON alone.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v vector
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if v.Want["error"] != nil {
			refused++
		}
		var got obj
		if err := json.Unmarshal(asJSON(t, outcome(t, v.Kind, v.Input)), &got); err != nil {
			t.Fatal(err)
		}
		if want := asJSON(t, v.Want); !bytes.Equal(asJSON(t, got), want) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, asJSON(t, got), want)
		}
	}
	if len(files) < 40 || refused < 20 {
		t.Errorf("%d vectors, %d of them refused", len(files), refused)
	}
}

func TestVectorsAreWhatTheGeneratorWrites(t *testing.T) {
	made := generateVectors(t)
	for name, v := range made {
		file := filepath.Join(vectorDir, name+".json")
		b := asJSON(t, v)
		if *update {
			if err := os.WriteFile(file, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, b) {
			t.Errorf("%s is not what the generator writes (%v); look at what changed, then run with -update", file, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, ok := made[strings.TrimSuffix(filepath.Base(file), ".json")]; !ok {
			t.Errorf("%s: nothing writes it", file)
		}
	}
}

// generator collects vectors under their names.
type generator struct {
	t   testing.TB
	out map[string]vector
}

func (g *generator) add(name, kind, about string, in given, want obj) {
	g.t.Helper()
	if _, twice := g.out[name]; twice {
		g.t.Fatalf("two vectors are called %s", name)
	}
	g.out[name] = vector{Kind: kind, About: about, Input: in, Want: want}
}

func hlcText(h crdt.HLC) string { return fmt.Sprintf("%016x", uint64(h)) }
