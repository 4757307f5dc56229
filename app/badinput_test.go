package app_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hallway/app"
)

// person is somebody with a computer: an Office over a folder, on loopback where they are online, and a clock that may
// be wrong.
type person struct {
	*testing.T
	*app.Office
	ahead  *atomic.Int64 // what the clock is wrong by
	events <-chan app.Event
}

func (p *person) skew(d time.Duration) { p.ahead.Store(int64(d)) }

// sit opens a folder; online runs it on loopback until the test ends.
func sit(t *testing.T, dir string, online bool, peers ...string) *person {
	t.Helper()
	p, err := trySit(t, dir, online, peers...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func trySit(t *testing.T, dir string, online bool, peers ...string) (*person, error) {
	t.Helper()
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	ahead := &atomic.Int64{}
	network := app.Network{Off: !online, NoDiscovery: true, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Peers: peers}
	office, err := app.Open(t.Context(), app.Options{
		Dir: dir, Log: slog.New(slog.DiscardHandler), Network: network, Version: "test",
		Clock: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- office.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := office.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &person{T: t, Office: office, ahead: ahead}
	if p.events, err = office.Subscribe(ctx, 0); err != nil {
		t.Fatal(err)
	}
	return p, nil
}

func (p *person) found(name string) {
	p.Helper()
	if _, err := p.Create(p.Context(), app.CreateRequest{Name: name, As: "Ada Njoku"}); err != nil {
		p.Fatal(err)
	}
}

func (p *person) say(text string) error {
	_, err := p.Send(p.Context(), app.SendRequest{Channel: "general", Text: text})
	return err
}

// reads wants exactly these messages in #general.
func (p *person) reads(want ...string) {
	p.Helper()
	h, err := p.History(p.Context(), app.HistoryRequest{Channel: "general"})
	var got []string
	for _, m := range h.Rows {
		got = append(got, m.Text)
	}
	if err != nil || strings.Join(got, "|") != strings.Join(want, "|") {
		p.Fatalf("reads %q, not %q: %v", got, want, err)
	}
}

// until waits, event by event, until something holds.
func (p *person) until(what string, holds func() bool) {
	p.Helper()
	stuck := time.After(time.Minute)
	for !holds() {
		select {
		case _, open := <-p.events:
			if !open {
				p.Fatalf("no more events while waiting until %s", what)
			}
		case <-stuck:
			p.Fatalf("waited in vain until %s", what)
		}
	}
}

// invited makes a link once the desk is online.
func (p *person) invited(req app.InviteRequest) string {
	p.Helper()
	if _, _, err := p.Listening(p.Context()); err != nil {
		p.Fatal(err)
	}
	i, err := p.Invite(p.Context(), req)
	if err != nil {
		p.Fatal(err)
	}
	return i.Link
}

// step waits until a join has come to an end, and answers how.
func (p *person) step() app.JoinStatusReply {
	p.Helper()
	var s app.JoinStatusReply
	p.until("the join has ended", func() bool {
		var err error
		if s, err = p.JoinStatus(p.Context(), app.JoinStatusRequest{}); err != nil {
			p.Fatal(err)
		}
		return s.Step == app.StepDone || s.Step == app.StepDenied || s.Step == app.StepFailed
	})
	return s
}

// refused wants a problem of this kind whose one sentence has these words in it.
func refused(t *testing.T, err error, kind app.ProblemKind, words string) {
	t.Helper()
	var p *app.Problem
	if !errors.As(err, &p) || p.Kind != kind || !strings.Contains(p.Sentence, words) || strings.Contains(p.Sentence, "\n") || !strings.HasSuffix(p.Sentence, ".") {
		t.Fatalf("want %s: …%s…, got %v", kind, words, err)
	}
}

func TestBadInputLinks(t *testing.T) {
	ada := sit(t, t.TempDir(), true)
	ada.found("Harbour Studio")
	link := ada.invited(app.InviteRequest{ExpiresSec: 3600})
	di := sit(t, t.TempDir(), true)
	join := func(p *person, link string) error {
		_, err := p.Join(t.Context(), app.JoinRequest{Link: link, As: "Di Marsh"})
		return err
	}
	flipped := []byte(link)
	flipped[len(flipped)/2] ^= 1
	for name, bad := range map[string]string{
		"nothing": "", "words": "come and join us", "another scheme": "https://example.org/join", "only its beginning": link[:len(link)/2],
		"one letter too many": link + "A", "one letter mistyped": string(flipped),
	} {
		if err := join(di, bad); err == nil {
			t.Errorf("%s was taken for a link", name)
		} else {
			refused(t, err, app.ProblemInvalid, "not a whole invitation link")
		}
	}
	refused(t, join(di, strings.Repeat("x", 65<<10)), app.ProblemInvalid, "paste the link alone")
	refused(t, join(ada, link), app.ProblemExists, "on this computer already")

	di.skew(2 * time.Hour) // the link has expired by her clock
	refused(t, join(di, link), app.ProblemExpired, "has expired; ask for a new one")
	di.skew(0)
	start, err := di.Start(t.Context(), app.StartRequest{})
	if err != nil || start.State != app.StartEmpty {
		t.Fatalf("after so many bad links there is %+v, %v", start, err)
	}

	ada.skew(2 * time.Hour) // and by that of the desk that is asked
	if err := join(di, link); err != nil {
		t.Fatal(err)
	}
	if s := di.step(); s.Step != app.StepFailed || !strings.Contains(s.Sentence, "has expired") {
		t.Fatalf("the desk said %+v", s)
	}
	ada.skew(0)
	good := ada.invited(app.InviteRequest{})
	if err := join(di, good); err != nil { // takes the place of what the bad link left
		t.Fatal(err)
	}
	if s := di.step(); s.Step != app.StepDone || s.State != app.JoinMember {
		t.Fatalf("a good link led to %+v", s)
	}
	refused(t, join(di, good), app.ProblemExists, "on this computer already")
	eve := sit(t, t.TempDir(), true)
	if err := join(eve, good); err != nil {
		t.Fatal(err)
	}
	if s := eve.step(); s.Step != app.StepFailed || !strings.Contains(s.Sentence, "used as often as it may be") {
		t.Fatalf("a link that was used up led to %+v", s)
	}
}

// TestBadInputClock: a desk ten minutes off neither invites nor admits, says why, and loses nothing that is written on it.
func TestBadInputClock(t *testing.T) {
	ada, cleo := sit(t, t.TempDir(), true), sit(t, t.TempDir(), true)
	ada.found("Harbour Studio")
	link := ada.invited(app.InviteRequest{Uses: 2})
	if _, err := cleo.Join(t.Context(), app.JoinRequest{Link: link, As: "Cleo Ames"}); err != nil {
		t.Fatal(err)
	}
	if s := cleo.step(); s.Step != app.StepDone {
		t.Fatalf("Cleo joined as %+v", s)
	}
	_, addrs, err := cleo.Listening(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bram := sit(t, t.TempDir(), true, addrs...) // two people must agree that a clock is wrong
	bram.skew(20 * time.Minute)
	if _, err := bram.Join(t.Context(), app.JoinRequest{Link: link, As: "Bram Visser"}); err != nil {
		t.Fatal(err)
	}
	bram.until("he is in", func() bool {
		s, err := bram.JoinStatus(t.Context(), app.JoinStatusRequest{})
		return err == nil && s.Step == app.StepDone
	})
	bram.until("his clock is known to be wrong", func() bool {
		s, err := bram.Status(t.Context(), app.StatusRequest{})
		return err == nil && s.ClockOff < -600
	})
	_, err = bram.Invite(t.Context(), app.InviteRequest{})
	refused(t, err, app.ProblemForbidden, "clock is more than ten minutes off")
	d, err := bram.Doctor(t.Context(), app.DoctorRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range d.Checks {
		if c.Check == "clock" && (c.OK || !strings.Contains(c.Says, "off by 20m") || c.Fix == "") {
			t.Errorf("the doctor says %+v", c)
		}
	}
	for _, text := range []string{"from the future", "and again"} {
		if err := bram.say(text); err != nil {
			t.Fatal(err)
		}
	}
	bram.reads("from the future", "and again")
	ada.reads() // kept back until they are due (protocol 3.4): a fast clock delays only its owner
	ada.skew(20 * time.Minute)
	if err := bram.say("at last"); err != nil {
		t.Fatal(err)
	}
	ada.until("everything is with Ada", func() bool {
		h, err := ada.History(t.Context(), app.HistoryRequest{Channel: "general"})
		return err == nil && len(h.Rows) == 3
	})
	ada.reads("from the future", "and again", "at last")
}

func TestBadInputSecondProcess(t *testing.T) {
	dir := t.TempDir()
	ada := sit(t, dir, false)
	ada.found("Harbour Studio")
	_, err := trySit(t, dir, false)
	refused(t, err, app.ProblemBusy, "Another Hallway has this data folder open")
	if err := ada.say("still mine"); err != nil {
		t.Fatal(err)
	}
	ada.reads("still mine")
}

func TestBadInputMessages(t *testing.T) {
	ada := sit(t, t.TempDir(), false)
	ada.found("Harbour Studio")
	if err := ada.say("kept"); err != nil {
		t.Fatal(err)
	}
	refused(t, ada.say(strings.Repeat("a", 40_001)), app.ProblemTooLarge, "at most 40000 bytes")
	refused(t, ada.say("\xff\xfe"), app.ProblemInvalid, "not UTF-8")
	refused(t, ada.say(" \n"), app.ProblemInvalid, "nothing to send")
	ctx, none := t.Context(), strings.Repeat("0", 64)
	_, err := ada.Send(ctx, app.SendRequest{Channel: "nowhere", Text: "x"})
	refused(t, err, app.ProblemNotFound, `no channel "nowhere"`)
	_, err = ada.Send(ctx, app.SendRequest{Channel: "@Nobody", Text: "x"})
	refused(t, err, app.ProblemNotFound, `nobody called "Nobody"`)
	_, err = ada.Send(ctx, app.SendRequest{Channel: "general", Text: "x", Files: []string{none}})
	refused(t, err, app.ProblemNotFound, "no such file")
	for _, id := range []string{"", "zz", none} {
		_, err = ada.Edit(ctx, app.EditRequest{ID: id, Text: "x"})
		refused(t, err, app.ProblemNotFound, "no such message")
		_, err = ada.Delete(ctx, app.MessageRequest{ID: id})
		refused(t, err, app.ProblemNotFound, "no such message")
	}
	_, err = ada.History(ctx, app.HistoryRequest{In: app.In{Workspace: "elsewhere"}, Channel: "general"})
	refused(t, err, app.ProblemNotFound, `no workspace "elsewhere"`)
	_, err = ada.Job(ctx, app.IDRequest{ID: "x"})
	refused(t, err, app.ProblemNotFound, "no such job")
	ada.reads("kept")
}

type vanishing struct{ r io.Reader }

func (v vanishing) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestBadInputFileThatVanishes(t *testing.T) {
	ada := sit(t, t.TempDir(), false)
	ada.found("Harbour Studio")
	half := strings.Repeat("walls ", 100_000)
	for name, body := range map[string]io.Reader{"its end is missing": strings.NewReader(half), "reading broke off": vanishing{strings.NewReader(half)}} {
		_, err := ada.AddFile(t.Context(), app.AddFileRequest{Name: "plan.txt", Size: 2 * len(half)}, body)
		if err == nil {
			t.Fatalf("%s, and it was taken", name)
		}
		refused(t, err, app.ProblemInvalid, "changed or vanished while it was read; nothing was sent")
	}
	ada.reads()
	f, err := ada.AddFile(t.Context(), app.AddFileRequest{Name: "plan.txt", Size: len(half)}, strings.NewReader(half))
	if err != nil || f.Have != len(half) {
		t.Fatalf("a whole file after that: %+v, %v", f, err)
	}
}

// digest is what a folder holds, so that it can be told whether anything in it was changed.
func digest(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		fmt.Fprintf(&out, "%s %d %x\n", path, len(b), sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestBadInputDamagedStore: whichever file of the store is damaged, it is refused with one sentence and left as it is, or
// the damage costs nothing.
func TestBadInputDamagedStore(t *testing.T) {
	clean := t.TempDir()
	t.Run("before", func(t *testing.T) {
		ada := sit(t, clean, false)
		ada.found("Harbour Studio")
		if err := ada.say("kept"); err != nil {
			t.Fatal(err)
		}
	})
	for file, words := range map[string]string{"MANIFEST": "was left as it is", "KEYREGISTRY": "restore both from one backup", "*.sst": "was left as it is"} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(clean)); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(dir, "keyfile"), 0o600); err != nil {
				t.Fatal(err)
			}
			paths, err := filepath.Glob(filepath.Join(dir, "workspaces", "*", "store", "log", file))
			if err != nil || len(paths) == 0 {
				t.Fatalf("no %s in the store: %v", file, err)
			}
			for _, path := range paths {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				for i := len(b) / 4; i < len(b)*3/4; i++ {
					b[i] ^= 0x5a
				}
				if err := os.WriteFile(path, b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before := digest(t, filepath.Join(dir, "workspaces"))
			p, err := trySit(t, dir, false)
			if p != nil {
				t.Fatal("a damaged store was opened")
			}
			refused(t, err, app.ProblemDamaged, words)
			after := digest(t, filepath.Join(dir, "workspaces"))
			for file := range strings.Lines(before) { // opening may add a file; none that was there is another now
				if !strings.Contains(after, file) {
					t.Errorf("changed: %s", file)
				}
			}
		})
	}
}

// TestBadInputFullDisk: on a full disk nothing is written half, what was saved can be read, and when there is room again
// everything goes on.
func TestBadInputFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a small file system can be mounted by root alone")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=256m"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("root under CI, and no small file system: %v", err)
		}
		t.Skipf("no small file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	dir, filler := filepath.Join(disk, "a"), filepath.Join(disk, "filler")
	t.Run("fills up", func(t *testing.T) {
		ada := sit(t, dir, false)
		ada.found("Harbour Studio")
		if err := ada.say("kept"); err != nil {
			t.Fatal(err)
		}
		fillUp(t, filler)
		refused(t, ada.say("too much"), app.ProblemDiskFull, "disk is full")
		large := int64(1 << 20)
		_, err := ada.AddFile(t.Context(), app.AddFileRequest{Name: "plan", Size: int(large)}, io.LimitReader(zeros{}, large))
		refused(t, err, app.ProblemDiskFull, "disk is full")
		_, err = ada.CreateChannel(t.Context(), app.CreateChannelRequest{Name: "more"})
		refused(t, err, app.ProblemDiskFull, "disk is full")
		ada.reads("kept")
	})
	t.Run("stays full", func(t *testing.T) {
		_, err := trySit(t, dir, false)
		refused(t, err, app.ProblemDiskFull, "disk is full")
	})
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	t.Run("has room again", func(t *testing.T) {
		ada := sit(t, dir, false)
		ada.reads("kept")
		if err := ada.say("and on"); err != nil {
			t.Fatal(err)
		}
		ada.reads("kept", "and on")
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// fillUp leaves no byte on the file system of path.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(f, zeros{}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk did not fill up: %v", err)
	}
}
