package main_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// These tests run the real program on real hosts: network namespaces, each with an address of its own, on switches that
// can be cut. They need root, and iproute2.

// patience is how long anything here may take before it counts as not happening. Nothing waits for it but a failure.
const patience = 2 * time.Minute

// office is a building: hosts by name, on two switches with one cable between them.
type office struct {
	t    *testing.T
	name string // of its namespaces, together with the host's
}

// newOffice builds one with these hosts on the left switch and those on the right. It is torn down with the test.
func newOffice(t *testing.T, left, right []string) *office {
	t.Helper()
	o := &office{t: t, name: fmt.Sprintf("hwt%d", os.Getpid())}
	t.Cleanup(func() {
		for _, host := range append(append([]string{"sw"}, left...), right...) {
			exec.Command("ip", "netns", "del", o.ns(host)).Run() // one that was never made is no loss
		}
	})
	o.ip("netns", "add", o.ns("sw"))
	for _, bridge := range []string{"left", "right"} {
		o.ip("-n", o.ns("sw"), "link", "add", bridge, "type", "bridge")
		o.ip("-n", o.ns("sw"), "link", "set", bridge, "up")
	}
	o.ip("-n", o.ns("sw"), "link", "add", "cable", "type", "veth", "peer", "name", "cable2")
	o.ip("-n", o.ns("sw"), "link", "set", "cable", "master", "left", "up")
	o.ip("-n", o.ns("sw"), "link", "set", "cable2", "master", "right", "up")
	for i, host := range append(slices.Clone(left), right...) {
		bridge := "left"
		if i >= len(left) {
			bridge = "right"
		}
		o.host(host, bridge, i+1)
	}
	return o
}

func (o *office) host(host, bridge string, number int) {
	ns, port := o.ns(host), fmt.Sprintf("port%d", number)
	o.ip("netns", "add", ns)
	o.ip("-n", ns, "link", "set", "lo", "up")
	o.ip("link", "add", "eth0", "netns", ns, "type", "veth", "peer", "name", port, "netns", o.ns("sw"))
	o.ip("-n", o.ns("sw"), "link", "set", port, "master", bridge, "up")
	o.ip("-n", ns, "addr", "add", fmt.Sprintf("10.77.0.%d/24", number), "dev", "eth0")
	o.ip("-n", ns, "link", "set", "eth0", "up")
	o.ip("-n", ns, "route", "add", "default", "dev", "eth0") // multicast wants one
}

func (o *office) ns(host string) string { return o.name + host }

func (o *office) ip(args ...string) {
	o.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		o.t.Fatalf("ip %v: %v\n%s", args, err, out)
	}
}

// cable takes the cable between the switches out, or puts it in.
func (o *office) cable(state string) {
	o.t.Helper()
	o.ip("-n", o.ns("sw"), "link", "set", "cable", state)
}

// slow lets the host on a port of the switch receive no faster than this many kbit/s; 0 takes that back.
func (o *office) slow(port, rate int) {
	o.t.Helper()
	args := []string{"-n", o.ns("sw"), "qdisc", "replace", "dev", fmt.Sprintf("port%d", port), "root", "pfifo"}
	if rate > 0 {
		args = append(args[:len(args)-1], "tbf", "rate", fmt.Sprintf("%dkbit", rate), "burst", "32kbit", "latency", "200ms")
	}
	if out, err := exec.Command("tc", args...).CombinedOutput(); err != nil {
		o.t.Fatalf("tc: %v\n%s", err, out)
	}
}

// person is somebody with a desk: a data directory, and at times a node that runs on it.
type person struct {
	t       *testing.T
	program string
	name    string
	dir     string
	node    *exec.Cmd
	log     *bytes.Buffer
}

// begin starts the node on a host of the office or, with none, on this machine's loopback alone.
func (p *person) begin(o *office, flags ...string) {
	p.t.Helper()
	args := append([]string{p.program, "--data", p.dir, "run"}, flags...)
	if o != nil {
		args = append([]string{"ip", "netns", "exec", o.ns(p.name)}, args...)
	} else {
		args = append(args, "--no-discovery", "--listen", "/ip4/127.0.0.1/tcp/0")
	}
	p.log = &bytes.Buffer{}
	p.node = exec.Command(args[0], args[1:]...)
	p.node.Stderr = p.log
	out, err := p.node.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.node.Start(); err != nil {
		p.t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // the first line says that it is ready
		p.node.Wait()
		p.t.Fatalf("%s's node did not come up: %v\n%s", p.name, err, p.log)
	}
}

// end stops the node by a signal and waits for it. ip netns exec becomes the program, so the process is the node itself.
func (p *person) end(sig syscall.Signal) {
	if p.node != nil {
		p.node.Process.Signal(sig)
		p.node.Wait()
		p.node = nil
	}
}

// ask runs a command on the desk and answers the JSON lines that it printed.
func (p *person) ask(args ...string) ([]map[string]any, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.program, append([]string{"--json", "--data", p.dir}, args...)...)
	said := &bytes.Buffer{}
	cmd.Stderr = said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: hallway %v: %w\n%s", p.name, args, err, said)
	}
	var lines []map[string]any
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var line map[string]any
		if err := dec.Decode(&line); err != nil {
			return nil, fmt.Errorf("%s: hallway %v: %w", p.name, args, err)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func (p *person) do(args ...string) map[string]any {
	p.t.Helper()
	lines, err := p.ask(args...)
	if err != nil {
		p.t.Fatal(err)
	}
	if len(lines) == 0 {
		return nil
	}
	return lines[len(lines)-1]
}

// read is a channel as this desk shows it: who said what, when and where, without what is each desk's own to know.
func (p *person) read(channel string) string {
	p.t.Helper()
	lines, err := p.ask("log", channel, "--limit", "1000000")
	if err != nil {
		p.t.Fatal(err)
	}
	var b strings.Builder
	for _, line := range lines {
		delete(line, "state")
		delete(line, "late")
		text, err := json.Marshal(line)
		if err != nil {
			p.t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	return b.String()
}

func (p *person) reads(channel, text string) bool { return strings.Contains(p.read(channel), text) }

// reaches are the people whose desks this one is connected to.
func (p *person) reaches() int {
	people := map[any]bool{}
	for _, peer := range p.do("status")["peers"].([]any) {
		people[peer.(map[string]any)["member"]] = true
	}
	return len(people)
}

// have is how many messages the desk can show.
func (p *person) have() int { return int(p.do("status")["have"].(float64)) }

// until asks again and again until it is so.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for !reached() {
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("%v went by and not: %s", patience, what)
		}
	}
}

// colleagues makes a workspace and lets all join it by a link over loopback, one after the other. Then all nodes stop:
// what they remember of each other are addresses that lead nowhere in the office.
func colleagues(t *testing.T, program string, names ...string) []*person {
	t.Helper()
	var all []*person
	for _, name := range names {
		p := &person{t: t, program: program, name: name, dir: filepath.Join(t.TempDir(), name)}
		t.Cleanup(func() {
			p.end(syscall.SIGKILL)
			if t.Failed() && p.log != nil {
				t.Logf("%s's node said:\n%s", p.name, p.log)
			}
		})
		all = append(all, p)
	}
	first := all[0]
	first.do("create", "Harbour Studio", "--as", first.name, "--recovery-out", filepath.Join(t.TempDir(), "words"))
	first.begin(nil)
	link := first.do("invite", "--uses", fmt.Sprint(len(names)))["link"].(string)
	for _, p := range all[1:] {
		got := p.do("join", link, "--as", p.name, "--recovery-out", filepath.Join(t.TempDir(), "words"))
		if got["state"] != "member" {
			t.Fatalf("%s is %v", p.name, got["state"])
		}
	}
	first.end(syscall.SIGTERM)
	return all
}

// sameEverywhere waits until every desk shows the channel as the first does, and until that has all these lines.
func sameEverywhere(t *testing.T, channel string, all []*person, texts ...string) {
	t.Helper()
	until(t, "all desks show the same in #"+channel, func() bool {
		want := all[0].read(channel)
		for _, text := range texts {
			if !strings.Contains(want, text) {
				return false
			}
		}
		return !slices.ContainsFunc(all[1:], func(p *person) bool { return p.read(channel) != want })
	})
}

func TestRealHosts(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program and the hosts")
	}
	needHosts(t)
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	program := filepath.Join(t.TempDir(), "hallway")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Run("three desks find each other by multicast alone", func(t *testing.T) { threeDesks(t, program) })
	t.Run("a switch goes down and comes back", func(t *testing.T) { cutOffice(t, program) })
	t.Run("a node is killed twenty times while it catches up", func(t *testing.T) { killed(t, program) })
}

// needHosts skips where no hosts can be made. In CI as root that is a failure.
func needHosts(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	why := ""
	for _, tool := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(tool); err != nil {
			why = tool + " is missing; build/test installs iproute2"
		}
	}
	if why == "" {
		probe := fmt.Sprintf("hwt%dprobe", os.Getpid())
		if out, err := exec.Command("ip", "netns", "add", probe).CombinedOutput(); err != nil {
			why = "no network namespace can be made here: " + strings.TrimSpace(string(out))
		} else {
			exec.Command("ip", "netns", "del", probe).Run() // a name without processes; it goes
		}
	}
	switch {
	case why == "":
	case os.Getenv("CI") != "":
		t.Fatal(why)
	default:
		t.Skip(why)
	}
}

func threeDesks(t *testing.T, program string) {
	all := colleagues(t, program, "ada", "bram", "chidi")
	o := newOffice(t, []string{"ada", "bram", "chidi"}, nil)
	var said []string
	for _, p := range all {
		p.begin(o)
	}
	for _, p := range all {
		until(t, p.name+" reaches both others", func() bool { return p.reaches() == 2 })
	}
	for _, p := range all {
		text := "Good morning from " + p.name
		p.do("send", "general", text)
		said = append(said, text)
	}
	sameEverywhere(t, "general", all, said...)
	ada, bram, chidi := all[0], all[1], all[2]
	bram.do("send", "@chidi", "Only for you")
	until(t, "Chidi reads what Bram wrote to him alone", func() bool { return chidi.reads("@bram", "Only for you") })
	if ada.reads("general", "Only for you") {
		t.Error("Ada reads it too")
	}
}

func cutOffice(t *testing.T, program string) {
	all := colleagues(t, program, "ada", "bram", "chidi", "dora")
	ada, bram, chidi, dora := all[0], all[1], all[2], all[3]
	o := newOffice(t, []string{"ada", "bram"}, []string{"chidi", "dora"})
	for _, p := range all {
		p.begin(o)
	}
	for _, p := range all {
		until(t, p.name+" reaches all others", func() bool { return p.reaches() == 3 })
	}
	ada.do("send", "general", "All of us are here")
	sameEverywhere(t, "general", all, "All of us are here")

	o.cable("down")
	ada.do("send", "general", "Left, Ada")
	root := chidi.do("send", "general", "Right, Chidi")["id"].(string)
	until(t, "Bram reads Ada", func() bool { return bram.reads("general", "Left, Ada") })
	until(t, "Dora reads Chidi", func() bool { return dora.reads("general", "Right, Chidi") })
	bram.do("send", "general", "Left, Bram")
	dora.do("send", "general", "Right, Dora, in a thread", "--thread", root)
	dora.do("react", root, "👍")
	for _, p := range all { // the connections across are given up: what comes back are new ones
		until(t, p.name+" reaches only one", func() bool { return p.reaches() == 1 })
	}
	until(t, "Ada reads Bram", func() bool { return ada.reads("general", "Left, Bram") })
	until(t, "Chidi sees Dora's thumb", func() bool { return chidi.reads("general", "👍") })
	for _, p := range all {
		left, right := p.reads("general", "Left, "), p.reads("general", "Right, ")
		if isLeft := p == ada || p == bram; left != isLeft || right == isLeft {
			t.Errorf("the cable is out, and %s reads left %v and right %v", p.name, left, right)
		}
	}

	o.cable("up")
	sameEverywhere(t, "general", all, "Left, Ada", "Left, Bram", "Right, Chidi", "👍")
	for _, p := range all {
		lines, err := p.ask("log", "general", "--thread", root)
		if err != nil || !strings.Contains(fmt.Sprint(lines), "Right, Dora, in a thread") {
			t.Errorf("%s does not have Dora's reply: %v", p.name, err)
		}
	}
}

// kills is how often the node is killed, and history how many messages it is catching up on.
const kills, history = 20, 12000

func killed(t *testing.T, program string) {
	all := colleagues(t, program, "ada", "bram")
	ada, bram := all[0], all[1]
	file := filepath.Join(t.TempDir(), "history.zip")
	writeHistory(t, file, history)
	ada.do("import", "slack", file)
	o := newOffice(t, []string{"ada", "bram"}, nil)
	o.slow(2, 1000) // else all is there before it can be killed once
	ada.begin(o)
	total := ada.have()
	if total < history {
		t.Fatalf("Ada has %d of %d", total, history)
	}
	for i := range kills {
		bram.begin(o)
		before, had := bram.have(), 0
		until(t, fmt.Sprintf("Bram has more than %d", before), func() bool {
			had = bram.have()
			return had >= min(before+total/100, total)
		})
		if had >= total {
			t.Fatalf("all %d were there before kill %d: the line is too fast for this test", total, i+1)
		}
		bram.end(syscall.SIGKILL)
		bram.begin(o)
		if now := bram.have(); now < had {
			t.Errorf("kill %d: %d were shown before it and %d after it", i+1, had, now)
		}
		bram.end(syscall.SIGKILL)
	}
	o.slow(2, 0)
	bram.begin(o)
	until(t, "Bram has all", func() bool { return bram.have() >= total })
	for _, channel := range []string{"general", "harbour", "workshop"} {
		sameEverywhere(t, channel, all, "in "+channel+" 0")
	}
	bram.do("send", "general", "Still here")
	until(t, "Ada reads Bram", func() bool { return ada.reads("general", "Still here") })
}

// writeHistory writes a Slack export with n messages in three channels.
func writeHistory(t *testing.T, path string, n int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	put := func(name string, v any) {
		w, err := z.Create(name)
		if err == nil {
			err = json.NewEncoder(w).Encode(v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	type object map[string]any
	names := []string{"general", "harbour", "workshop"}
	var channels []object
	for i, name := range names {
		channels = append(channels, object{"id": fmt.Sprintf("C%d", i+1), "name": name, "created": 1400000000, "members": []string{"U1"}, "is_general": i == 0})
	}
	put("channels.json", channels)
	put("users.json", []object{{"id": "U1", "name": "eve", "real_name": "Eve Example", "profile": object{"real_name": "Eve Example"}}})
	for i, name := range names {
		var day []object
		for k := i; k < n; k += len(names) {
			day = append(day, object{"type": "message", "user": "U1", "ts": fmt.Sprintf("%d.000%03d", 1420070400+k, k%1000),
				"text": fmt.Sprintf("in %s %d: %s", name, k/len(names), strings.Repeat("words that fill a line ", 8))})
		}
		put(name+"/2015-01-01.json", day)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}
