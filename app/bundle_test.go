package app

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"hallway/crdt"
)

func officeAt(t *testing.T, dir string) *Office {
	t.Helper()
	of, err := Open(t.Context(), Options{Dir: dir, Runtime: t.TempDir(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Network: Network{Off: true}})
	if err != nil {
		t.Fatal(err)
	}
	return of
}

func isProblem(err error, kind ProblemKind) bool {
	var p *Problem
	return errors.As(err, &p) && p.Kind == kind
}

// Ada's laptop broke. Her backup of it is a week old; what was said since comes on a stick.
func TestABackupCatchesUpByABundle(t *testing.T) {
	ctx, dir, backup, stick := t.Context(), t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "week.bundle")
	of := officeAt(t, dir)
	if _, err := of.Create(ctx, CreateRequest{Name: "Northwind", As: "Ada"}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(of.Close(), copyTree(dir, backup)); err != nil {
		t.Fatal(err)
	}
	of = officeAt(t, dir)
	s, err := of.space(In{})
	if err != nil {
		t.Fatal(err)
	}
	home, _ := s.home()
	sent, err := of.Send(ctx, SendRequest{Channel: home.String(), Text: "said after the backup"})
	if err != nil {
		t.Fatal(err)
	}
	made, err := of.BundleMake(ctx, BundleMakeRequest{Path: stick, Passphrase: "correct horse"})
	if err != nil || made.Ops == 0 {
		t.Fatalf("%+v, %v", made, err)
	}
	if err := of.Close(); err != nil {
		t.Fatal(err)
	}

	of = officeAt(t, backup)
	defer of.Close()
	if _, err := of.BundleApply(ctx, BundleApplyRequest{Path: stick, Passphrase: "wrong horse"}); !isProblem(err, ProblemInvalid) {
		t.Errorf("a wrong passphrase gives %v", err)
	}
	got, err := of.BundleApply(ctx, BundleApplyRequest{Path: stick, Passphrase: "correct horse"})
	if err != nil || got.Ops != 1 {
		t.Errorf("%+v, %v: one op is new", got, err)
	}
	if s, err = of.space(In{}); err != nil {
		t.Fatal(err)
	}
	id, err := optionalID(sent.ID)
	if err != nil {
		t.Fatal(err)
	}
	if row, err := s.view().Find(ctx, id); err != nil || row.Text != "said after the backup" {
		t.Errorf("%+v, %v", row, err)
	}
	whole, err := os.ReadFile(stick)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stick, whole[:len(whole)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := of.BundleApply(ctx, BundleApplyRequest{Path: stick, Passphrase: "correct horse"}); !isProblem(err, ProblemDamaged) {
		t.Errorf("a bundle that was cut gives %v", err)
	}
}

func TestABundleEndsWhereItEnds(t *testing.T) {
	ctx := t.Context()
	of := officeAt(t, t.TempDir())
	defer of.Close()
	if _, err := of.Create(ctx, CreateRequest{Name: "Northwind", As: "Ada"}); err != nil {
		t.Fatal(err)
	}
	s, err := of.space(In{})
	if err != nil {
		t.Fatal(err)
	}
	head := append([]byte(bundleMagic), s.id[:]...)
	record := append([]byte{bundleSegment}, make([]byte, 32)...)
	for name, c := range map[string]struct {
		body []byte
		kind ProblemKind
	}{
		"an empty one":                 {append(bytes.Clone(head), 0), ""},
		"one without an end":           {head, ProblemDamaged},
		"one with a byte after it":     {append(bytes.Clone(head), 0, 0), ProblemDamaged},
		"an unknown record":            {append(bytes.Clone(head), 2), ProblemDamaged},
		"a length that is not minimal": {append(append(bytes.Clone(head), record...), 0x80, 0), ProblemDamaged},
		"a length over the limit":      {append(append(bytes.Clone(head), record...), binary.AppendUvarint(nil, maxSegment+1)...), ProblemDamaged},
		"another workspace's":          {append([]byte(bundleMagic), make([]byte, 33)...), ProblemInvalid},
		"another format":               {append([]byte("hallway/bundle/v2\n"), head[18:]...), ProblemDamaged},
	} {
		_, err := s.readBundle(ctx, bufio.NewReader(bytes.NewReader(c.body)))
		if c.kind == "" && err != nil || c.kind != "" && !isProblem(err, c.kind) {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

func FuzzReadSegment(f *testing.F) {
	f.Add(append(make([]byte, 32), 1, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		scope, seg, _, err := readSegment(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		raw, err := seg.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		again := append(binary.AppendUvarint(append([]byte(nil), scope[:]...), uint64(len(raw))), raw...)
		if !bytes.HasPrefix(b, again) {
			t.Fatalf("%x is not the one encoding of %d ops in %s", b, len(seg.Ops), crdt.ScopeID(scope))
		}
	})
}
