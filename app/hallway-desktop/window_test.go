package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// needs skips where what a real window takes is missing. In CI as root that is a failure: build/test installs it all.
func needs(t *testing.T) {
	t.Helper()
	missing := ""
	for _, tool := range []string{"Xvfb", "import", "xwininfo", "pkg-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = tool
		}
	}
	if missing == "" && exec.Command("pkg-config", "--exists", "webkit2gtk-4.1").Run() != nil {
		missing = "webkit2gtk-4.1"
	}
	if _, err := os.Stat("../../frontend/dist/index.html"); missing == "" && err != nil {
		missing = "the built page"
	}
	switch {
	case missing == "":
	case os.Getenv("CI") != "" && os.Getuid() == 0:
		t.Fatalf("%s is missing, and the window has to be opened here", missing)
	default:
		t.Skipf("%s is not there; build/test sees to it", missing)
	}
}

// build makes a program of this repository and answers where it is.
func build(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out := filepath.Join(dir, filepath.Base(args[len(args)-1]))
	cmd := exec.Command("go", append([]string{"build", "-o", out}, args...)...)
	cmd.Dir = "../.."
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %v: %v\n%s", args, err, text)
	}
	return out
}

// begin starts a program that the end of the test stops, and answers its first line where it is to have one.
func begin(t *testing.T, cmd *exec.Cmd, wantLine bool) string {
	t.Helper()
	said := &bytes.Buffer{}
	if cmd.Stderr == nil {
		cmd.Stderr = said
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	var line string
	if wantLine {
		line, err = lines.ReadString('\n')
	}
	drained := make(chan struct{})
	go func() {
		lines.WriteTo(said)
		close(drained)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		defer kill.Stop()
		<-drained
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(cmd.Path), said)
		}
	})
	if err != nil {
		t.Fatalf("%s said nothing: %v", cmd.Path, err)
	}
	return strings.TrimSpace(line)
}

// screen starts an X server on a number of its own choosing and answers its DISPLAY.
func screen(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{w}
	begin(t, cmd, false)
	w.Close()
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb did not start: %v", err)
	}
	return ":" + strings.TrimSpace(number)
}

// desk is a person's data directory and the command line on it.
type desk struct {
	t       *testing.T
	program string
	dir     string
}

// do runs a command and answers the JSON object that it printed last.
func (d desk) do(args ...string) map[string]any {
	d.t.Helper()
	cmd := exec.Command(d.program, append([]string{"--json", "--data", d.dir}, args...)...)
	said := &bytes.Buffer{}
	cmd.Stderr = said
	out, err := cmd.Output()
	if err != nil {
		d.t.Fatalf("hallway %v: %v\n%s", args, err, said)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	reply := map[string]any{}
	if err := json.Unmarshal(lines[len(lines)-1], &reply); err != nil {
		d.t.Fatalf("hallway %v printed %q: %v", args, out, err)
	}
	return reply
}

// photograph is what the screen shows.
func photograph(t *testing.T, display string) ([]byte, image.Image) {
	t.Helper()
	cmd := exec.Command("import", "-window", "root", "-depth", "8", "png:-")
	cmd.Env = append(os.Environ(), "DISPLAY="+display)
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("photograph: %v", err)
	}
	picture, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("photograph: %v", err)
	}
	return raw, picture
}

// messages is where the window's message list is on a screen of 1280 x 800: right of the sidebar, above the composer.
var messages = image.Rect(340, 90, 1200, 700)

// differing counts the pixels of the message list that are not the same in both.
func differing(a, b image.Image) int {
	n := 0
	for y := messages.Min.Y; y < messages.Max.Y; y++ {
		for x := messages.Min.X; x < messages.Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				n++
			}
		}
	}
	return n
}

// written counts the pixels of the message list that are not its ground, which its corner shows.
func written(p image.Image) int {
	ground, n := p.At(messages.Min.X, messages.Max.Y-1), 0
	for y := messages.Min.Y; y < messages.Max.Y; y++ {
		for x := messages.Min.X; x < messages.Max.X; x++ {
			if p.At(x, y) != ground {
				n++
			}
		}
	}
	return n
}

func colours(p image.Image) int {
	seen := map[[3]uint32]bool{}
	for y := p.Bounds().Min.Y; y < p.Bounds().Max.Y; y++ {
		for x := p.Bounds().Min.X; x < p.Bounds().Max.X; x++ {
			r, g, b, _ := p.At(x, y).RGBA()
			seen[[3]uint32{r, g, b}] = true
		}
	}
	return len(seen)
}

// until asks again and again, twice a second, and gives up after a minute.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for !reached() {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("a minute went by and not: %s", what)
		}
	}
}

// TestAdaSeesBramWriteInHerWindow opens the real window, on the copy of somebody who joined by a link, and photographs
// it before and after another desk has written. The picture is kept in build/cache.
func TestAdaSeesBramWriteInHerWindow(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and opens the real window")
	}
	needs(t)
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	bin := t.TempDir()
	hallway := build(t, bin, "./app/hallway")
	desktop := build(t, bin, "-tags", "desktop,production,webkit2_41", "./app/hallway-desktop")
	bram, ada := desk{t, hallway, t.TempDir()}, desk{t, hallway, t.TempDir()}
	bram.do("create", "Harbour Studio", "--as", "Bram Visser", "--recovery-out", filepath.Join(bin, "bram.txt"))
	for i := range 12 {
		bram.do("send", "general", fmt.Sprintf("Line %d of what was said before Ada came", i+1))
	}
	begin(t, exec.Command(hallway, "--data", bram.dir, "run", "--no-discovery", "--listen", "/ip4/127.0.0.1/tcp/0"), true)
	link := bram.do("invite")["link"].(string)
	if got := ada.do("join", link, "--as", "Ada Njoku", "--recovery-out", filepath.Join(bin, "ada.txt"))["state"]; got != "member" {
		t.Fatalf("Ada is %v", got)
	}
	display := screen(t)
	window := exec.Command(desktop, "--data", ada.dir)
	window.Env = append(os.Environ(), "DISPLAY="+display)
	begin(t, window, false)

	var raw []byte
	var before image.Image
	until(t, "the window shows a conversation and stands still", func() bool {
		last := before
		raw, before = photograph(t, display)
		return last != nil && colours(before) > 100 && written(before) > 2000 && differing(before, last) == 0
	})
	keep(t, "window.png", raw)
	tree := exec.Command("xwininfo", "-root", "-tree")
	tree.Env = window.Env
	if out, err := tree.Output(); err != nil || !strings.Contains(string(out), `"Hallway"`) {
		t.Fatalf("no window is called Hallway: %v\n%s", err, out)
	}

	bram.do("send", "general", "Now I write, and Ada's window is open")
	var after image.Image
	until(t, "what Bram wrote is in Ada's window", func() bool {
		raw, after = photograph(t, display)
		return differing(before, after) > 500
	})
	keep(t, "window.png", raw)

	second := exec.Command(desktop, "--data", ada.dir)
	second.Env = window.Env
	if out, err := second.CombinedOutput(); err != nil {
		t.Errorf("a second start did not bring the first window to the front: %v\n%s", err, out)
	}
}

func keep(t *testing.T, name string, raw []byte) {
	t.Helper()
	dir := filepath.Join("..", "..", "build", "cache")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
		t.Fatal(err)
	}
}
