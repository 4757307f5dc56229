package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// objects reads JSON lines.
func objects(ts *testscript.TestScript, file string) []map[string]any {
	var out []map[string]any
	for text := range strings.Lines(ts.ReadFile(file)) {
		var o map[string]any
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			ts.Fatalf("%q is no JSON object: %v", text, err)
		}
		out = append(out, o)
	}
	return out
}

// jsonfields FILE FIELD... wants every line of FILE to be a JSON object with at least these fields: no contract is kept
// by a field that is only sometimes there. With ! FILE must have none of them.
func jsonFields(ts *testscript.TestScript, neg bool, args []string) {
	all := objects(ts, args[0])
	if len(all) == 0 {
		ts.Fatalf("there is no line")
	}
	for _, o := range all {
		for _, field := range args[1:] {
			if _, ok := at(o, field); ok == neg {
				ts.Fatalf("field %s: there is %v, in %v", field, ok, o)
			}
		}
	}
}

// at follows a path as channels.0.name.
func at(v any, path string) (any, bool) {
	for _, step := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			next, ok := x[step]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// jsonget VAR FILE PATH [WHERE=VALUE] sets VAR to a field of the first line, or of the first whose field has a value.
func jsonGet(ts *testscript.TestScript, _ bool, args []string) {
	for _, o := range objects(ts, args[1]) {
		if len(args) > 3 {
			field, want, _ := strings.Cut(args[3], "=")
			if got, ok := at(o, field); !ok || text(got) != want {
				continue
			}
		}
		v, ok := at(o, args[2])
		if !ok {
			ts.Fatalf("there is no %s in %v", args[2], o)
		}
		ts.Setenv(args[0], text(v))
		return
	}
	ts.Fatalf("no line fits")
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// lines FILE N wants N lines.
func lineCount(ts *testscript.TestScript, _ bool, args []string) {
	if got := strings.Count(ts.ReadFile(args[0]), "\n"); strconv.Itoa(got) != args[1] {
		ts.Fatalf("%s has %d lines, not %s", args[0], got, args[1])
	}
}

// nosecret SHEET FILE... wants no two words that follow each other on a recovery sheet in any FILE.
func noSecret(ts *testscript.TestScript, _ bool, args []string) {
	pairs := 0
	for text := range strings.Lines(ts.ReadFile(args[0])) {
		words := strings.Fields(text)
		if len(words) != 24 {
			continue
		}
		for pair := range slices.Chunk(words, 2) {
			pairs++
			for _, file := range args[1:] {
				if strings.Contains(ts.ReadFile(file), strings.Join(pair, " ")) {
					ts.Fatalf("%s has words of the recovery phrase", file)
				}
			}
		}
	}
	if pairs == 0 {
		ts.Fatalf("%s is no recovery sheet", args[0])
	}
}

// fill FILE N writes N bytes of text.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Repeat([]byte("a"), n), 0o600))
}

// slackzip FILE DIR packs DIR; an entry named NAME.raw is packed as the name in its first line, to have names that no
// folder can hold.
func slackZip(ts *testscript.TestScript, _ bool, args []string) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	root := ts.MkAbs(args[1])
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if strings.HasSuffix(name, ".raw") {
			line, rest, _ := bytes.Cut(b, []byte("\n"))
			name, b = string(line), rest
		}
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(b)
		}
		return err
	}))
	ts.Check(w.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), buf.Bytes(), 0o600))
}

// mode FILE OCTAL wants a file to have these permissions.
func fileMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s", args[0], got)
	}
}

// damage GLOB turns the middle of every file that fits into rubbish; with half it cuts the files instead.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	paths, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(paths) == 0 {
		ts.Fatalf("there is no %s", args[0])
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		ts.Check(err)
		if len(args) > 1 && args[1] == "half" {
			ts.Check(os.WriteFile(path, b[:len(b)/2], 0o600))
			continue
		}
		for i := len(b) / 4; i < len(b)*3/4; i++ {
			b[i] ^= 0x5a
		}
		ts.Check(os.WriteFile(path, b, 0o600))
	}
}

// accounted FILE N wants a report of an import to account for N records: messages, replies and what was skipped or
// absorbed, each with its reason.
func accounted(ts *testscript.TestScript, _ bool, args []string) {
	var r struct {
		Messages, Replies int
		Skipped           map[string]int
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &r))
	sum := r.Messages + r.Replies
	for why, n := range r.Skipped {
		if why == "" || n <= 0 {
			ts.Fatalf("%d skipped for %q", n, why)
		}
		sum += n
	}
	if strconv.Itoa(sum) != args[1] {
		ts.Fatalf("%d records are accounted for, not %s", sum, args[1])
	}
}
