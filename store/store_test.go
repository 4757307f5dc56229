package store_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hallway/crdt"
	"hallway/store"
)

var (
	quiet = slog.New(slog.DiscardHandler)
	key   = [32]byte{1, 2, 3}
	ws    = crdt.WorkspaceID{7}
	scope = crdt.ScopeID{8}
	anna  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))
)

func open(t *testing.T, dir string) *store.DB {
	t.Helper()
	db, err := store.Open(dir, key, store.Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// writer makes the ops of one log.
type writer struct {
	tip crdt.Tip
	lsn uint64
}

func newWriter() *writer {
	pub := anna.Public().(ed25519.PublicKey)
	return &writer{tip: crdt.Tip{
		Log: crdt.NewLogID(ws, scope, pub, crdt.ClassContent, 5), Device: crdt.RefOf(pub),
	}}
}

func (w *writer) op(t testing.TB, payload []byte) (crdt.Verified, store.Place) {
	t.Helper()
	h := w.tip.Next(crdt.TypeContent, time.Unix(1000, 0), crdt.EpochID{1}, crdt.AuthRef{2}, nil)
	v, err := crdt.Sign(ws, anna, h, payload, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.tip = w.tip.After(v)
	w.lsn++
	return v, store.Place{Log: 1, Seq: v.Op().Seq}
}

func put(t testing.TB, db *store.DB, w *writer, payload []byte) (crdt.Verified, store.Place) {
	t.Helper()
	v, p := w.op(t, payload)
	b := &store.Batch{}
	b.PutOp(1, p, w.lsn, v.ID(), v.Op())
	if err := db.Commit(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	return v, p
}

func readAll(t *testing.T, db *store.DB) (payloads []string) {
	t.Helper()
	if err := db.View(func(tx *store.Txn) error {
		return tx.Ops(1, 0, 1<<40, func(s store.Stored) error {
			payloads = append(payloads, string(s.Op.Payload))
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	return payloads
}

func TestAnOpIsFoundByPlaceByIDAndByArrival(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	w := newWriter()
	var ids []crdt.OpID
	for i := range 20 {
		v, _ := put(t, db, w, fmt.Appendf(nil, "message %d", i))
		ids = append(ids, v.ID())
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir)
	if err := db.View(func(tx *store.Txn) error {
		for i, id := range ids {
			s, err := tx.ByID(id)
			if err != nil || s.Op.Seq != uint64(i) || s.Op.Header.ID() != id || s.LSN != uint64(i+1) {
				t.Errorf("op %d: %+v %v", i, s.Place, err)
			}
		}
		if _, err := tx.ByID(crdt.OpID{1}); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("an unknown id: %v", err)
		}
		near := ids[3]
		near[31] ^= 1 // the index holds half of an id; the op has all of it
		if _, err := tx.ByID(near); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("an id that differs at its end: %v", err)
		}
		last, err := tx.LastLSN()
		if err != nil || last != 20 {
			t.Errorf("last arrival %d, %v", last, err)
		}
		n := 0
		err = tx.Feed(1, 15, func(lsn uint64, p store.Place) error {
			if n++; lsn != 15+uint64(n) || p.Seq != lsn-1 {
				t.Errorf("arrival %d at %+v", lsn, p)
			}
			return nil
		})
		if n != 5 {
			t.Errorf("%d arrivals after 15", n)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestManyWritersShareACommitAndEachIsDurableWhenAnswered(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			b := &store.Batch{}
			b.PutLocal(fmt.Sprintf("note %02d", i), []byte{byte(i)})
			if err := db.Commit(context.Background(), b); err != nil {
				t.Error(err)
				return
			}
			if err := db.View(func(tx *store.Txn) error {
				_, err := tx.Local(fmt.Sprintf("note %02d", i))
				return err
			}); err != nil {
				t.Error("answered and not there", i, err)
			}
		})
	}
	wg.Wait()
	n := 0
	copied := open(t, copyDir(t, dir))
	if err := copied.View(func(tx *store.Txn) error {
		return tx.Locals("note ", func(string, []byte) error { n++; return nil })
	}); err != nil || n != 50 {
		t.Fatal(n, err)
	}
}

// copyDir is the directory as a crash at this moment would leave it.
func copyDir(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestASecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	_, err := store.Open(dir, key, store.Options{Log: quiet})
	if !errors.Is(err, store.ErrLocked) {
		t.Fatalf("err = %v", err)
	}
}

func TestANewerStoreIsRefusedUntouched(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "format")
	if err := os.WriteFile(path, []byte("hallway store 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)
	if _, err := store.Open(dir, key, store.Options{Log: quiet}); !errors.Is(err, store.ErrNewer) {
		t.Fatalf("err = %v", err)
	}
	if after := snapshot(t, dir); after != before {
		t.Errorf("the store was touched:\n%s\n%s", before, after)
	}
}

func snapshot(t *testing.T, dir string) (s string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, _ := d.Info()
			s += fmt.Sprintln(d.Name(), info.Size(), info.ModTime())
		}
		return nil
	})
	return s
}

func TestTheWrongKeyOpensNothing(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(dir, [32]byte{4}, store.Options{Log: quiet}); !errors.Is(err, store.ErrKey) {
		t.Fatalf("err = %v", err)
	}
}

// TestOracle09_AfterCompactNothingOfAnErasedPayloadIsInAnyFile is the store's part of the oracle. It looks into a store
// that is not encrypted, where what it looks for can be found.
func TestOracle09_AfterCompactNothingOfAnErasedPayloadIsInAnyFile(t *testing.T) {
	dir := t.TempDir()
	db, err := store.OpenPlain(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	w := newWriter()
	canary := []byte("the-canary-that-must-go-away")
	big := append(append([]byte(nil), canary...), make([]byte, 60000)...)
	for i := range 50 {
		put(t, db, w, fmt.Appendf(nil, "before %d", i))
	}
	v, p := put(t, db, w, big)
	lsn := w.lsn
	small, ps := put(t, db, w, canary)
	smallLSN := w.lsn
	if grep(t, dir, canary) == 0 {
		t.Fatal("the test is blind: the payload is in no file")
	}
	b := &store.Batch{}
	for _, x := range []struct {
		v   crdt.Verified
		p   store.Place
		lsn uint64
	}{{v, p, lsn}, {small, ps, smallLSN}} {
		bare := *x.v.Op()
		bare.Payload = nil
		b.ReplaceOp(x.p, x.lsn, &bare)
	}
	if err := db.Commit(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	if grep(t, dir, canary) == 0 {
		t.Fatal("the test is blind: the payload went without Compact")
	}
	if err := db.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := grep(t, dir, canary); n > 0 {
		t.Fatalf("%d files still have it", n)
	}
	if got := readAll(t, db); len(got) != 52 || got[0] != "before 0" || got[50] != "" {
		t.Fatalf("%d ops are left", len(got))
	}
	put(t, db, w, []byte("and writing goes on"))
}

func grep(t *testing.T, dir string, what []byte) (files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, what) {
			files++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestEncryptedAtRest(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	canary := []byte("what-nobody-may-read-off-the-disk")
	v, _ := put(t, db, newWriter(), canary)
	log := v.Op().Log
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if grep(t, dir, canary) > 0 || grep(t, dir, log[:]) > 0 {
		t.Fatal("payload or log id stands in a file")
	}
}

func TestABatchOverTheLimitIsRefusedAndHarmsNothing(t *testing.T) {
	db := open(t, t.TempDir())
	b := &store.Batch{}
	for i := range store.MaxBatchKeys + 1 {
		b.PutLocal(fmt.Sprint(i), nil)
	}
	if err := db.Commit(context.Background(), b); !errors.Is(err, store.ErrTooBig) {
		t.Fatalf("err = %v", err)
	}
	full := &store.Batch{}
	for i := 0; full.Fits(1, 70<<10); i++ {
		full.PutLocal(fmt.Sprint(i), make([]byte, 64<<10))
	}
	if err := db.Commit(context.Background(), full); err != nil {
		t.Fatalf("the largest batch that fits: %v", err)
	}
	many := &store.Batch{}
	for i := 0; many.Fits(1, 16); i++ {
		many.PutLocal(fmt.Sprint(i), nil)
	}
	if err := db.Commit(context.Background(), many); err != nil {
		t.Fatalf("the batch of most keys: %v", err)
	}
}

func TestAfterCloseEverythingIsRefusedPolitely(t *testing.T) {
	db := open(t, t.TempDir())
	for range 2 {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Commit(context.Background(), &store.Batch{}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("commit: %v", err)
	}
	if err := db.View(func(*store.Txn) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("view: %v", err)
	}
	if err := db.Compact(context.Background()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("compact: %v", err)
	}
}

func TestTheInstanceIsOfThisCopyAndStays(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	id := db.Instance()
	if id == (store.InstanceID{}) || id == open(t, t.TempDir()).Instance() {
		t.Fatal("not an id")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if open(t, dir).Instance() != id {
		t.Fatal("another id after opening again")
	}
}
