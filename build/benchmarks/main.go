// Bench measures Hallway and prints one JSON line per figure. Each figure has a floor where one makes sense: what the
// smallest program that does the same work takes on this machine, measured in the same run, in rounds that alternate
// with ours.
//
//	bench [flags] [NAME...]
//
// A name is that of a row (catchup) or of one figure (catchup/bare); none means all. What is measured besides the
// figures goes to the standard error.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
)

// figure is one line of the report.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Floor float64 `json:"floor"` // 0 where there is none
	Ratio float64 `json:"ratio"` // of value to floor
	Note  string  `json:"note"`
}

// bench is what every benchmark needs.
type bench struct {
	ctx    context.Context
	dir    string // for data; emptied at the end
	n      int    // messages of catchup and disk
	live   int    // messages of live
	rounds int    // of what is measured whole, as join
	corpus string
	log    *slog.Logger
	want   []string
	prof   string
}

// benchmark is one row of the table.
type benchmark struct {
	name string
	run  func(*bench) ([]figure, error)
}

var all = []benchmark{
	{"live", (*bench).benchLive},
	{"catchup", (*bench).benchCatchup},
	{"wire", (*bench).benchWire},
	{"join", (*bench).benchJoin},
	{"disk", (*bench).benchDisk},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := &bench{ctx: ctx, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	flag.IntVar(&b.n, "n", 100_000, "messages of catchup and disk")
	flag.IntVar(&b.live, "live", 120, "messages of live; a device may send 2 a second")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds of what is measured whole")
	flag.StringVar(&b.corpus, "corpus", os.Getenv("HALLWAY_CONVERSATIONS"), "gzipped JSON lines with channel and text; none means made-up sentences")
	flag.StringVar(&b.prof, "profile", "", "write a CPU profile here")
	parent := flag.String("dir", "", "where to put data for the time of the run; empty is the system's place")
	verbose := flag.Bool("v", false, "show what the desks say")
	flag.Parse()
	if *verbose {
		b.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	b.want = flag.Args()
	dir, err := os.MkdirTemp(*parent, "hallway-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir = dir
	if err := os.Setenv("HALLWAY_NO_KEYCHAIN", "1"); err != nil { // the keys of a benchmark are no business of the desktop's
		return err
	}
	return b.all()
}

func (b *bench) all() error {
	for _, name := range b.want {
		if !slices.ContainsFunc(all, func(m benchmark) bool { return m.name == row(name) }) {
			return fmt.Errorf("no benchmark %q", name)
		}
	}
	out := json.NewEncoder(os.Stdout)
	for _, m := range all {
		if !b.wanted(m.name) {
			continue
		}
		figures, err := m.run(b)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		for _, f := range figures {
			if !b.prints(f.Name) {
				continue
			}
			if f.Floor != 0 {
				f.Ratio = round(f.Value / f.Floor)
			}
			f.Value, f.Floor = round(f.Value), round(f.Floor)
			f.Note = strings.Join(slices.DeleteFunc([]string{f.Note, machine()}, func(s string) bool { return s == "" }), "; ")
			if err := out.Encode(f); err != nil {
				return err
			}
		}
	}
	return nil
}

func row(name string) string {
	r, _, _ := strings.Cut(name, "/")
	return r
}

func (b *bench) wanted(m string) bool {
	return len(b.want) == 0 || slices.ContainsFunc(b.want, func(w string) bool { return row(w) == m })
}

func (b *bench) prints(name string) bool {
	return len(b.want) == 0 || slices.Contains(b.want, name) || slices.Contains(b.want, row(name))
}

// machine says how busy the machine is: figures of a busy one are worse than the real ones.
func machine() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return fmt.Sprintf("%d cores", runtime.NumCPU())
	}
	return fmt.Sprintf("%d cores, load %s", runtime.NumCPU(), strings.Fields(string(raw))[0])
}

// profiled runs f, and writes a CPU profile of it where one is wanted.
func (b *bench) profiled(f func() error) error {
	if b.prof == "" {
		return f()
	}
	out, err := os.Create(b.prof)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}
