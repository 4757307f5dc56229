// Package build holds no code: its tests keep the rooms of the house apart.
package build

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write the lists of what each binary links anew")

// rule says what a package must not reach, directly or through others, and why. A trailing ... covers what lies below.
type rule struct {
	pkg       string
	forbidden []string
	why       string
}

var blindToPlaintext = []string{"hallway/crdt/chat", "hallway/store/view", "hallway/app/..."}

var rules = []rule{
	{"hallway/crdt", []string{"hallway/...", "net", "net/http", "os", "io/fs", "time/tzdata", "math/rand", "math/rand/v2", "crypto/rand", "sync"},
		"crdt is pure: what it answers depends on its arguments alone, so that every copy answers the same"},
	{"hallway/crdt/access", []string{"hallway/crdt/chat", "hallway/store/...", "hallway/p2p/...", "hallway/app/...", "net", "net/http"},
		"who may do what is a function of the ops alone"},
	{"hallway/crdt/chat", []string{"hallway/store/...", "hallway/p2p/...", "hallway/app/...", "net", "net/http"},
		"what a conversation says is a function of the opened ops alone"},
	{"hallway/store/blob", []string{"hallway/..."}, "chunks are bytes by their hash; what they are is nobody's business there"},
	{"hallway/store", append([]string{"hallway/p2p/...", "hallway/crdt/access"}, blindToPlaintext...),
		"the store keeps sealed ops and can open none"},
	{"hallway/store/replica", append([]string{"hallway/p2p"}, blindToPlaintext...),
		"the relay runs replica: what it cannot import it cannot read"},
	{"hallway/p2p", append([]string{"hallway/store/...", "hallway/relay/..."}, blindToPlaintext...),
		"the network carries sealed bytes and knows no store; app and relay join them"},
	{"hallway/p2p/wire", append([]string{"hallway/store/...", "hallway/crdt/access"}, blindToPlaintext...),
		"a decoder of hostile bytes has nothing behind it to reach"},
	{"hallway/p2p/catchup", append([]string{"hallway/store/...", "net", "github.com/libp2p/..."}, blindToPlaintext...),
		"sync is a value that makes and takes messages, with no socket inside, so that it can be tested as one"},
	{"hallway/app/archive", []string{"hallway/crdt/...", "hallway/store/...", "hallway/p2p/..."},
		"reading other systems' files needs nothing of ours"},
}

// onlyTests are packages that nothing but tests and benchmarks may import.
var onlyTests = map[string]string{
	"hallway/p2p/simnet":         "a network that loses messages on purpose has no place in a program",
	"hallway/crdt/chat/chattest": "people made up for tests sign and open whatever a test wants",
}

// openers are the only packages that may import what can decrypt or holds secrets.
var openers = map[string][]string{
	"hallway/app/internal/seal":    {"hallway/app"},
	"hallway/app/internal/keyring": {"hallway/app", "hallway/app/internal/seal"},
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, stderr.String())
	}
	return strings.Fields(string(out))
}

func matches(pattern, pkg string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == prefix || strings.HasPrefix(pkg, prefix+"/")
	}
	return pkg == pattern
}

func TestNobodyReachesWhatTheyMustNotKnow(t *testing.T) {
	for _, r := range rules {
		// imports of our own packages are followed; what a library imports is its business
		for _, dep := range reach(t, r.pkg) {
			if dep == r.pkg {
				continue
			}
			for _, f := range r.forbidden {
				if matches(f, dep) {
					t.Errorf("%s reaches %s: %s", r.pkg, dep, r.why)
				}
			}
		}
	}
}

// room is one package of ours.
type room struct {
	name    string
	imports []string
}

// rooms lists every package of ours, asked of go once.
var rooms = sync.OnceValues(func() (map[string]room, error) {
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{.Name}} {{join .Imports ","}}`, "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	all := map[string]room{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		r := room{name: f[1]}
		if len(f) > 2 {
			r.imports = strings.Split(f[2], ",")
		}
		all[f[0]] = r
	}
	return all, nil
})

func mustRooms(t *testing.T) map[string]room {
	t.Helper()
	all, err := rooms()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// reach is every package of ours that pkg imports, directly or through others, and every package that these import by
// name.
func reach(t *testing.T, pkg string) []string {
	t.Helper()
	all := mustRooms(t)
	seen := map[string]bool{}
	var walk func(string)
	walk = func(p string) {
		for _, dep := range all[p].imports {
			if !seen[dep] {
				seen[dep] = true
				walk(dep)
			}
		}
	}
	walk(pkg)
	return slices.Sorted(maps.Keys(seen))
}

func TestOnlyTestsAndOpenersImportWhatIsTheirs(t *testing.T) {
	for pkg, r := range mustRooms(t) {
		for _, dep := range r.imports {
			if why, ok := onlyTests[dep]; ok {
				t.Errorf("%s imports %s: %s", pkg, dep, why)
			}
			if may, ok := openers[dep]; ok && !slices.Contains(may, pkg) {
				t.Errorf("%s imports %s: only %v may decrypt or hold secrets", pkg, dep, may)
			}
		}
	}
}

func TestNothingImportsAMainAndEveryRoomExists(t *testing.T) {
	all := mustRooms(t)
	for pkg, r := range all {
		for _, dep := range r.imports {
			if all[dep].name == "main" {
				t.Errorf("%s imports the main %s", pkg, dep)
			}
		}
	}
	for _, r := range rules {
		if _, ok := all[r.pkg]; !ok {
			t.Errorf("a rule names %s, which no longer exists", r.pkg)
		}
	}
}

// TestOnlySealOpensEnvelopes holds the one hole in the types shut: chat.Open makes an Opened for whoever calls it, and
// only seal, which has just decrypted the bytes, may.
func TestOnlySealOpensEnvelopes(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(path, "chattest") {
			return nil
		}
		if bytes.Contains(src, []byte("chat.Open(")) && !strings.HasPrefix(path, filepath.Join("..", "app", "internal", "seal")) {
			t.Errorf("%s calls chat.Open: only seal may, on what it has just decrypted", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// binaries are the mains whose dependencies are listed.
var binaries = []string{"app/hallway", "app/hallway-desktop"}

// TestBinariesLinkWhatTheListsSay makes a new dependency a line that a reviewer sees. Run with -update to write the
// lists anew.
func TestBinariesLinkWhatTheListsSay(t *testing.T) {
	for _, binary := range binaries {
		args := []string{"-deps", "-f", "{{with .Module}}{{.Path}}{{end}}"}
		if strings.HasSuffix(binary, "desktop") {
			args = append(args, "-tags", "desktop,production,webkit2_41")
		}
		mods := goList(t, append(args, "./"+binary)...)
		slices.Sort(mods)
		got := strings.Join(slices.Compact(mods), "\n") + "\n"
		file := filepath.Join("links", filepath.Base(binary)+".txt")
		if *update {
			if err := os.MkdirAll("links", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("what %s links has changed; look at it, then run: go test ./build -update\n%s", binary, diff(string(want), got))
		}
	}
}

func diff(want, got string) string {
	var b strings.Builder
	w, g := strings.Fields(want), strings.Fields(got)
	for _, m := range g {
		if !slices.Contains(w, m) {
			b.WriteString("+ " + m + "\n")
		}
	}
	for _, m := range w {
		if !slices.Contains(g, m) {
			b.WriteString("- " + m + "\n")
		}
	}
	return b.String()
}
