package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hallway/p2p/simnet"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
)

var (
	simVerbose = flag.Bool("sim.v", false, "write the simulation's actions, and what the desks log, to standard error")
)

// simWorld is an office of people in one bubble of virtual time, over a simulated network. Everything that is drawn in it
// follows from the seed.
type simWorld struct {
	t        *testing.T
	seed     uint64
	rng      *rand.Rand
	net      *simnet.Net
	dir      string
	desks    []*simDesk
	logLevel slog.Level
	start    time.Time
	actions  []string // the last ones
	count    int

	// host makes a desk's host where it is not the simulated network's own.
	host func(*simDesk) func(...libp2p.Option) (host.Host, error)
}

// newSimWorld makes an empty office. It must be called in a bubble, and closed in it.
func newSimWorld(t *testing.T, seed uint64, weather simnet.Config) *simWorld {
	weather.Seed = seed
	w := &simWorld{
		t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 0x73696d)), net: simnet.New(weather), dir: simDir(t),
		logLevel: slog.LevelWarn, start: time.Now(),
	}
	if *simVerbose {
		w.logLevel = slog.LevelDebug
	}
	return w
}

// memoryDisk holds files in memory, on systems that have it.
const memoryDisk = "/dev/shm"

// simDir is where the data directories lie: in a file system in memory where there is one, since twenty desks that sync
// every commit to one real disk wait for nothing else, or where HALLWAY_SIM_DIR says.
func simDir(t *testing.T) string {
	parent := os.Getenv("HALLWAY_SIM_DIR")
	if parent == "" {
		parent = memoryDisk
	}
	dir, err := os.MkdirTemp(parent, "hallway-sim-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// close ends everything.
func (w *simWorld) close() {
	for _, d := range w.desks {
		if err := d.end(); err != nil {
			w.t.Error(err)
		}
	}
	w.net.Close()
	synctest.Wait()
}

// shownActions is how many of the last actions a failure shows.
const shownActions = 40

// note writes an action down.
func (w *simWorld) note(format string, args ...any) {
	w.count++
	line := fmt.Sprintf("%4d %12s  %s", w.count, time.Since(w.start).Round(time.Millisecond), fmt.Sprintf(format, args...))
	w.actions = append(w.actions, line)
	if len(w.actions) > shownActions {
		w.actions = w.actions[1:]
	}
	if *simVerbose {
		fmt.Fprintln(os.Stderr, line)
	}
}

// fail ends the test with the seed, the last actions and how to see it again.
func (w *simWorld) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("seed %d: %s\nlast actions:\n%s\nagain: go test ./app -run '%s' -sim.seed %d -sim.people %d",
		w.seed, fmt.Sprintf(format, args...), strings.Join(w.actions, "\n"), w.top(), w.seed, len(w.desks))
}

// top is the name of the test that the seed belongs to.
func (w *simWorld) top() string {
	name, _, _ := strings.Cut(w.t.Name(), "/")
	return name
}

// must ends the test on an error.
func (w *simWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.fail("%v", err)
		panic(errSimOver)
	}
}

// errSimOver unwinds a simulation that has failed, so that what it started is closed in its bubble.
var errSimOver = errors.New("the simulation has failed")

// over closes the world, after a failure too.
func (w *simWorld) over() {
	if r := recover(); r != nil && r != errSimOver {
		w.fail("panic: %v", r)
		panic(r)
	}
	w.close()
}

// desk adds a computer, which is off.
func (w *simWorld) desk(name string, skew time.Duration) *simDesk {
	d := &simDesk{
		w: w, name: name, place: w.net.Place(name), dir: filepath.Join(w.dir, name), skew: skew,
		rand: newSimRand(w.seed, uint64(len(w.desks))), log: &simLog{name: name},
	}
	if *simVerbose {
		d.log.tee = os.Stderr
	}
	w.must(os.MkdirAll(d.dir+".run", 0o700))
	w.desks = append(w.desks, d)
	return d
}

// found starts a workspace on a new desk.
func (w *simWorld) found(name string) *simDesk {
	d := w.desk(name, 0)
	w.must(d.start())
	r, err := d.of.Create(context.Background(), CreateRequest{Name: "Acme", As: name, Device: name + "'s desk", Protection: ProtectKeyFile})
	w.must(err)
	d.user = r.Member
	w.note("%s starts the workspace", name)
	w.settle(time.Second)
	return d
}

// come has a new desk join by a link.
func (w *simWorld) come(name string, skew time.Duration, link string) *simDesk {
	d := w.desk(name, skew)
	w.must(d.start())
	w.must(d.join(link))
	return d
}

func (d *simDesk) join(link string) error {
	r, err := d.of.Join(context.Background(), JoinRequest{Link: link, As: d.name, Device: d.name + "'s desk", Protection: ProtectKeyFile})
	if err == nil {
		d.user = r.Member
	}
	return err
}

// settle lets virtual time pass.
func (w *simWorld) settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// until lets time pass until ok, looking every so often, and reports whether it came to be.
func (w *simWorld) until(longest, every time.Duration, ok func() bool) bool {
	for passed := time.Duration(0); passed < longest; passed += every {
		if ok() {
			return true
		}
		w.settle(every)
	}
	return ok()
}

// isIn reports whether the desk's person is a member by what is there, with the keys.
func (d *simDesk) isIn() bool {
	if d.of == nil {
		return false
	}
	s, err := d.of.space(In{})
	return err == nil && s.member() && s.joining.Load() == nil
}

// nameOf is the desk of a person.
func (w *simWorld) nameOf(id string) string {
	for _, d := range w.desks {
		if d.user == id {
			return d.name
		}
	}
	return id
}
