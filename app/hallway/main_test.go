package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hallway/app"
	"hallway/app/web"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hallway": main})
}

// TestScripts runs the transcripts: the real main in processes of its own, every listener on loopback.
func TestScripts(t *testing.T) {
	sample, err := filepath.Abs("../archive/testdata/slack-export.zip")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HALLWAY_NO_KEYCHAIN", "1")
			e.Setenv("SAMPLE", sample)
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Values[nodesKey{}] = &nodes{by: map[string]*background{}}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"node": startNode, "watch": startWatch, "await": awaitLine, "stopped": stopped, "crashed": crashed, "until": until,
			"fails": fails, "jsonfields": jsonFields, "jsonget": jsonGet, "lines": lineCount, "nosecret": noSecret, "fill": fill, "slackzip": slackZip,
			"mode": fileMode, "accounted": accounted, "damage": damage,
		},
	})
}

// patience is how long anything in a transcript may take before it counts as stuck.
const patience = 60 * time.Second

type nodesKey struct{}

// nodes are the programs that a transcript has in the background.
type nodes struct{ by map[string]*background }

// background is a running program whose output is followed line by line.
type background struct {
	cmd    *exec.Cmd
	errOut bytes.Buffer // read after it ended

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and renewed with each line
	ended bool
}

func begin(ts *testscript.TestScript, name string, args ...string) *background {
	all := ts.Value(nodesKey{}).(*nodes)
	if all.by[name] != nil {
		ts.Fatalf("there is a %s already", name)
	}
	b := &background{cmd: exec.Command("hallway", args...), more: make(chan struct{})}
	b.cmd.Dir = ts.MkAbs(".")
	for _, key := range []string{"PATH", "HOME", "HALLWAY_NO_KEYCHAIN", "HALLWAY_LOG", "HALLWAY_DATA", "HALLWAY_PASSPHRASE_FILE", "TMPDIR"} {
		if v := ts.Getenv(key); v != "" {
			b.cmd.Env = append(b.cmd.Env, key+"="+v)
		}
	}
	b.cmd.Stderr = &b.errOut
	out, err := b.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(b.cmd.Start())
	go b.follow(bufio.NewScanner(out))
	all.by[name] = b
	ts.Defer(func() {
		if all.by[name] == b {
			b.cmd.Process.Kill()
			b.cmd.Wait()
		}
	})
	return b
}

func (b *background) follow(s *bufio.Scanner) {
	s.Buffer(nil, 4<<20)
	for more := true; more; {
		more = s.Scan()
		b.mu.Lock()
		if more {
			b.lines = append(b.lines, s.Text())
		} else {
			b.ended = true
		}
		close(b.more)
		b.more = make(chan struct{})
		b.mu.Unlock()
	}
}

// await waits for a line that matches.
func (b *background) await(want *regexp.Regexp) (string, error) {
	timeout := time.After(patience)
	for {
		b.mu.Lock()
		lines, more, ended := b.lines, b.more, b.ended
		b.mu.Unlock()
		if i := slices.IndexFunc(lines, want.MatchString); i >= 0 {
			return lines[i], nil
		}
		if ended {
			b.cmd.Wait()
			return "", fmt.Errorf("ended without a line like %s; it wrote %q and %s", want, lines, &b.errOut)
		}
		select {
		case <-more:
		case <-timeout:
			return "", fmt.Errorf("no line like %s; it wrote %q", want, lines)
		}
	}
}

// node NAME DIR [ARG...] runs a node on DIR and waits until it is ready; NAME_ADDR, NAME_PEER and NAME_WEB are set.
func startNode(ts *testscript.TestScript, _ bool, args []string) {
	b := begin(ts, args[0], append([]string{"--data", args[1], "run", "--listen", "/ip4/127.0.0.1/tcp/0", "--no-discovery"}, args[2:]...)...)
	first, err := b.await(regexp.MustCompile(`.`))
	ts.Check(err)
	var r struct {
		Ready bool
		Peer  string
		Addrs []string
		Web   string
	}
	ts.Check(json.Unmarshal([]byte(first), &r))
	if !r.Ready || r.Addrs == nil {
		ts.Fatalf("the first line is %s", first)
	}
	ts.Setenv(args[0]+"_PEER", r.Peer)
	ts.Setenv(args[0]+"_WEB", r.Web)
	ts.Setenv(args[0]+"_ADDR", strings.Join(r.Addrs[:min(1, len(r.Addrs))], ""))
}

// watch NAME DIR [ARG...] runs hallway watch --json in the background, and waits until it hears.
func startWatch(ts *testscript.TestScript, _ bool, args []string) {
	b := begin(ts, args[0], append([]string{"--data", args[1], "--json", "watch"}, args[2:]...)...)
	_, err := b.await(regexp.MustCompile(`^{"event":"sync"`))
	ts.Check(err)
}

// await NAME REGEXP waits for a line of a program in the background; the last stdout is not touched.
func awaitLine(ts *testscript.TestScript, _ bool, args []string) {
	b := ts.Value(nodesKey{}).(*nodes).by[args[0]]
	line, err := b.await(regexp.MustCompile(args[1]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".line"), []byte(line+"\n"), 0o600))
}

// stopped NAME interrupts a program in the background, which must then end with status 0.
func stopped(ts *testscript.TestScript, _ bool, args []string) {
	b := drop(ts, args[0])
	ts.Check(b.cmd.Process.Signal(os.Interrupt))
	if err := b.cmd.Wait(); err != nil {
		ts.Fatalf("%s: %v\n%s", args[0], err, &b.errOut)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".err"), b.errOut.Bytes(), 0o600))
}

// crashed NAME kills a program in the background as a power cut would.
func crashed(ts *testscript.TestScript, _ bool, args []string) {
	b := drop(ts, args[0])
	ts.Check(b.cmd.Process.Kill())
	if err := b.cmd.Wait(); err == nil {
		ts.Fatalf("%s had ended before", args[0])
	}
}

func drop(ts *testscript.TestScript, name string) *background {
	all := ts.Value(nodesKey{}).(*nodes)
	b := all.by[name]
	if b == nil {
		ts.Fatalf("there is no %s", name)
	}
	delete(all.by, name)
	return b
}

// until DIR REGEXP COMMAND... repeats a command, at every event of the node on DIR, until its output matches.
func until(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile(args[1])
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	node := web.Dial(app.SocketPath(ts.MkAbs(args[0])))
	defer node.Close()
	seen := errors.New("seen")
	var out string
	err := node.Events(ctx, 0, func(app.Event) error {
		err := ts.Exec(args[2], args[3:]...) // a channel that is not here yet is a failure, too
		if out = ts.ReadFile("stdout"); err == nil && want.MatchString(out) {
			return seen
		}
		return nil
	})
	if !errors.Is(err, seen) {
		ts.Fatalf("%v never matched %s: %v; at last %s", args[2:], want, err, out)
	}
}

// fails STATUS COMMAND... wants that exit status, nothing on stdout, and one line of hallway's on stderr.
func fails(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != want {
		ts.Fatalf("ended with %v, not with status %d", err, want)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("wrote to stdout: %q", out)
	}
	line := ts.ReadFile("stderr")
	if !strings.HasPrefix(line, "hallway: ") || strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") || len(line) < len("hallway: x\n") {
		ts.Fatalf("stderr is not one line: %q", line)
	}
}
