package app

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"hallway/p2p/simnet"
)

// simDesk is one person's computer in a simulation: a place in the network, a data directory, a clock that may be wrong,
// and the Office that runs there, made by the constructors of the mains.
type simDesk struct {
	w     *simWorld
	name  string
	place *simnet.Place
	dir   string
	skew  time.Duration
	rand  *simRand
	log   *simLog

	of   *Office // nil while the computer is off
	stop context.CancelFunc
	done chan struct{}

	user    string // the person's id, once there is one
	removed bool   // by somebody, at some time
	crashes int
}

// clock is the time by this desk's clock.
func (d *simDesk) clock() time.Time { return time.Now().Add(d.skew) }

// start opens the directory and goes online.
func (d *simDesk) start() error {
	d.place.Up()
	makeHost := d.place.Host
	if d.w.host != nil {
		makeHost = d.w.host(d)
	}
	of, err := Open(context.Background(), Options{
		Dir: d.dir, Log: slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: d.w.logLevel})), Version: "sim",
		Network: Network{Listen: []string{d.place.Addr().String()}, NoDiscovery: true, Host: makeHost},
		Clock:   d.clock, Rand: d.rand, Runtime: d.dir + ".run",
	})
	if err != nil {
		return fmt.Errorf("%s opens: %w", d.name, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.of, d.stop, d.done = of, cancel, make(chan struct{})
	done := d.done
	go func() {
		defer close(done)
		_ = of.Run(ctx)
	}()
	return nil
}

// end goes offline and closes the directory.
func (d *simDesk) end() error {
	if d.of == nil {
		return nil
	}
	d.stop()
	<-d.done
	err := d.of.Close()
	d.of = nil
	if err != nil {
		return fmt.Errorf("%s closes: %w", d.name, err)
	}
	return nil
}

// crash has the computer lose its power now: what is on its disk at this moment is all that is found again. Everything
// else in the bubble stands still when it is called, so that the copy is of one moment; the original is never used again.
func (d *simDesk) crash(reboot bool) error {
	d.place.Down()
	d.crashes++
	next := fmt.Sprintf("%s.after%d", d.dir, d.crashes)
	if err := copyTree(d.dir, next); err != nil {
		return err
	}
	run := d.dir + ".run"
	if err := copyTree(run, next+".run"); err != nil {
		return err
	}
	if err := d.end(); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(d.dir), os.RemoveAll(run), os.Rename(next, d.dir)); err != nil {
		return err
	}
	if reboot { // what does not survive one
		return errors.Join(os.RemoveAll(next+".run"), os.Mkdir(run, 0o700))
	}
	return os.Rename(next+".run", run)
}

// copyTree copies a directory. Badger's files are long and mostly holes: blocks of zeros are left out.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case e.IsDir():
			return os.MkdirAll(target, 0o700)
		case !e.Type().IsRegular():
			return nil
		}
		return copySparse(path, target)
	})
}

func copySparse(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := out.Truncate(info.Size()); err != nil {
		return err
	}
	buf, zero := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); ; {
		n, err := io.ReadFull(in, buf)
		if n > 0 && !bytes.Equal(buf[:n], zero[:n]) {
			if _, err := out.WriteAt(buf[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// simRand is a person's randomness, drawn from the seed. It is never drawn twice, not even over a crash.
type simRand struct {
	mu sync.Mutex
	c  *rand.ChaCha8
}

func newSimRand(seed, who uint64) *simRand {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], who+1)
	return &simRand{c: rand.NewChaCha8(key)}
}

// Read implements io.Reader.
func (r *simRand) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.c.Read(p)
}

// simLog keeps the last lines of a desk's log, for when something is wrong.
type simLog struct {
	mu    sync.Mutex
	lines []string
	tee   io.Writer
	name  string
}

const simLogLines = 60

// Write implements io.Writer.
func (l *simLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	if len(l.lines) > 2*simLogLines {
		l.lines = append(l.lines[:0:0], l.lines[simLogLines:]...)
	}
	if l.tee != nil {
		fmt.Fprintf(l.tee, "%s %s", l.name, p)
	}
	return len(p), nil
}

func (l *simLog) last(n int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string{}, l.lines[max(0, len(l.lines)-n):]...)
}
