//go:build unix

package build

import (
	"bufio"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheDemoOpensThreeDesksAndLeavesNothing starts the demo as a newcomer does, opens each page as a browser would,
// and interrupts it as a terminal does.
func TestTheDemoOpensThreeDesksAndLeavesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts three nodes")
	}
	for _, tool := range []string{"bash", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	desks := t.TempDir()
	demo := exec.Command("./demo")
	demo.Env = append(os.Environ(), "TMPDIR="+desks)
	demo.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal interrupts the whole group
	said := &strings.Builder{}
	demo.Stderr = said
	out, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(10*time.Minute, func() { syscall.Kill(-demo.Process.Pid, syscall.SIGKILL) })
	defer stuck.Stop()
	addresses := readAddresses(out)
	for _, name := range []string{"Ada Njoku", "Bram Visser", "Chidi Okeke"} {
		if addresses[name] == "" {
			t.Errorf("no address for %s", name)
			continue
		}
		if start := openPage(t, addresses[name]); !strings.Contains(start, `"state":"ready"`) || !strings.Contains(start, "Harbour Studio") {
			t.Errorf("%s's page is told %s", name, start)
		}
	}
	syscall.Kill(-demo.Process.Pid, syscall.SIGINT)
	io.Copy(io.Discard, out)
	if err := demo.Wait(); err != nil {
		t.Errorf("the demo ended with: %v", err)
	}
	left, err := os.ReadDir(desks)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if strings.HasPrefix(e.Name(), "hallway-demo") {
			t.Errorf("%s is left behind", e.Name())
		}
	}
	for name, address := range addresses {
		base, _, _ := strings.Cut(address, "#")
		if resp, err := http.Get(base); err == nil {
			resp.Body.Close()
			t.Errorf("%s's node still runs", name)
		}
	}
	if t.Failed() {
		t.Logf("the demo said:\n%s", said)
	}
}

var addressLine = regexp.MustCompile(`^ +(\w+ \w+) +(http://127\.0\.0\.1:\d+/#token=\S+)$`)

// readAddresses reads what the demo prints up to the line that says how to end it.
func readAddresses(out io.Reader) map[string]string {
	addresses := map[string]string{}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if m := addressLine.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			addresses[m[1]] = m[2]
		}
		if err != nil || strings.Contains(line, "Ctrl+C") {
			return addresses
		}
	}
}

// openPage opens an address with its one-time token and answers what the page is first told.
func openPage(t *testing.T, address string) string {
	t.Helper()
	base, token, _ := strings.Cut(address, "#token=")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: time.Minute}
	post := func(path, body string) string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Origin", strings.TrimSuffix(base, "/"))
		resp, err := browser.Do(req)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // half an answer fails the check
		return string(text)
	}
	post("session", `{"token":"`+token+`"}`)
	return post("rpc/Start", "{}")
}
