// Package build holds no code: its tests keep the rooms of the house apart.
package build

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
	"hallway/p2p/simnet": "a network that loses messages on purpose has no place in a program",
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
		// imports of the module's own packages are followed; a library's own imports are its business,
		// so for those only what our packages import by name counts
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

// reach is pkg, every package of ours that it imports through others, and every package that these import by name.
func reach(t *testing.T, pkg string) []string {
	t.Helper()
	seen := map[string]bool{}
	var walk func(string)
	walk = func(p string) {
		for _, dep := range goList(t, "-f", `{{join .Imports "\n"}}`, p) {
			if seen[dep] {
				continue
			}
			seen[dep] = true
			if matches("hallway/...", dep) {
				walk(dep)
			}
		}
	}
	walk(pkg)
	deps := make([]string, 0, len(seen))
	for dep := range seen {
		deps = append(deps, dep)
	}
	slices.Sort(deps)
	return deps
}

func TestOnlyTestsAndOpenersImportWhatIsTheirs(t *testing.T) {
	for _, pkg := range goList(t, "./...") {
		for _, dep := range goList(t, "-f", `{{join .Imports "\n"}}`, pkg) {
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
	all := goList(t, "./...")
	var mains []string
	for _, pkg := range all {
		if name := goList(t, "-f", "{{.Name}}", pkg); len(name) == 1 && name[0] == "main" {
			mains = append(mains, pkg)
		}
	}
	for _, pkg := range all {
		for _, dep := range goList(t, "-f", `{{join .Imports "\n"}}`, pkg) {
			if slices.Contains(mains, dep) {
				t.Errorf("%s imports the main %s", pkg, dep)
			}
		}
	}
	for _, r := range rules {
		if !slices.Contains(all, r.pkg) {
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
		if bytes.Contains(src, []byte("chat.Open(")) && !strings.HasPrefix(path, filepath.Join("..", "app", "internal", "seal")) {
			t.Errorf("%s calls chat.Open: only seal may, on what it has just decrypted", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestBinariesLinkWhatTheListsSay makes a new dependency a line that a reviewer sees. Run with -update to write the
// lists anew.
func TestBinariesLinkWhatTheListsSay(t *testing.T) {
	for _, binary := range []string{"app/hallway", "app/hallway-desktop"} {
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
