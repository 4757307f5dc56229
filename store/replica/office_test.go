package replica_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p/catchup"
	"hallway/store"
	"hallway/store/replica"
)

// The people of the stories. A desk is one person's device with a copy of the workspace on disk; copies meet only where
// a test has one pull from another.

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// testClock is a desk's clock.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// diskLeft says how much of a desk's disk is free; all of it where nothing was set.
type diskLeft struct {
	mu sync.Mutex
	fn func(string) (uint64, error)
}

func (l *diskLeft) get(dir string) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fn == nil {
		return 1 << 40, nil
	}
	return l.fn(dir)
}

func (d *desk) setFree(fn func(string) (uint64, error)) {
	d.free.mu.Lock()
	defer d.free.mu.Unlock()
	d.free.fn = fn
}

type desk struct {
	o       *office
	name    string
	dir     string
	runtime string
	clock   func() time.Time
	local   *testClock // behind clock, where the desk has one of its own
	rand    io.Reader
	key     ed25519.PrivateKey
	comer   *access.NewComer
	user    access.UserID
	db      *store.DB
	budget  replica.Budget
	free    *diskLeft
	only    crdt.ScopeID // what others pull from it, where it is set
	*replica.Replica
}

type office struct {
	t       testing.TB
	ws      crdt.WorkspaceID
	genesis []byte
	invite  crdt.OpID
	inviter ed25519.PrivateKey
	desks   []*desk
	channel crdt.ScopeID
}

func testKey(label string) ed25519.PrivateKey {
	seed := crdt.Hash("hallway/test/key/v1", []byte(label))
	return ed25519.NewKeyFromSeed(seed[:])
}

func testBox(label string) access.BoxKey {
	return access.BoxKey{X25519: crdt.Hash("hallway/test/box/v1", []byte(label))}
}

type seeded struct{ *rand.ChaCha8 }

func seededRand(label string) io.Reader {
	return seeded{rand.NewChaCha8(sha256.Sum256([]byte(label)))}
}

func newDesk(o *office, name string) *desk {
	local := &testClock{now: start}
	d := &desk{
		o: o, name: name, dir: o.t.TempDir(), runtime: o.t.TempDir(), local: local, clock: local.Now,
		free: &diskLeft{}, rand: seededRand(name), key: testKey(name + " dsk"), budget: replica.Budget{Burst: 1e9, Rate: 1e9, Excess: 1},
	}
	d.comer = &access.NewComer{
		Recovery: testBox(name + " recovery"), DEK: testBox(name + " dek"),
		Puk: access.Puk{Gen: 1, Key: testBox(name + " puk")}, Created: crdt.HLCAt(start),
		RK: testKey(name + " rk"), DSK: d.key, DTK: testKey(name + " dtk"),
	}
	o.desks = append(o.desks, d)
	return d
}

// open opens the desk's copy from its directory.
func (d *desk) open() {
	d.o.t.Helper()
	var err error
	if d.db, err = store.Open(d.dir, [32]byte{1}, store.Options{Log: quiet, Rand: d.rand, Free: d.free.get}); err != nil {
		d.o.t.Fatal(err)
	}
	if d.Replica, err = replica.Open(d.db, d.o.ws, access.New(d.o.ws), replica.Options{
		Log: quiet, Clock: d.clock, Rand: d.rand, Device: d.key, Runtime: d.runtime,
		Budget: d.budget,
	}); err != nil {
		d.o.t.Fatal(err)
	}
}

func (d *desk) close() {
	d.o.t.Helper()
	if err := d.db.Close(); err != nil {
		d.o.t.Fatal(err)
	}
}

func (d *desk) reopen() {
	d.o.t.Helper()
	d.close()
	d.open()
}

// quiet is for what the tests provoke on purpose.
var quiet = slog.New(slog.DiscardHandler)

// newOffice is a workspace that Ada founded, with one public channel, and everybody else let in.
func newOffice(t testing.TB, names ...string) *office {
	t.Helper()
	o := &office{t: t}
	ada := newDesk(o, "Ada")
	g := access.NewGenesis([32]byte{1}, false, testKey("wk"), ada.comer)
	o.genesis = g.Append(nil)
	o.ws = crdt.WorkspaceIDOf(o.genesis)
	ada.user = access.UserIDOf(o.ws, ada.comer.RK.Public().(ed25519.PublicKey))
	ada.open()
	t.Cleanup(func() {
		for _, d := range o.desks {
			_ = d.db.Close()
		}
	})
	ada.do(g)
	o.inviter = testKey("the invitation")
	o.invite = ada.do(&access.InviteCreate{
		Rank: access.Owner, Pub: access.KeyOf(o.inviter.Public().(ed25519.PublicKey)),
		Role: access.Member, Mode: access.InviteAuto,
	})
	salt := [32]byte{5}
	ada.do(&access.ChannelCreate{Salt: salt, Post: access.Poster})
	o.channel = access.PublicScope(o.ws, ada.user, salt)
	for _, name := range names {
		o.join(name)
	}
	for _, d := range o.desks[1:] {
		d.pull(ada)
	}
	return o
}

// join has Ada let somebody in, with an empty copy of his own.
func (o *office) join(name string) *desk {
	o.t.Helper()
	d := newDesk(o, name)
	d.user = access.UserIDOf(o.ws, d.comer.RK.Public().(ed25519.PublicKey))
	claim := access.NewJoinClaim(o.ws, o.inviter, d.comer)
	o.desks[0].do(&access.Admit{Rank: access.Owner, Invite: o.invite, Claim: claim.Append(nil)})
	d.open()
	return d
}

func (o *office) root() crdt.ScopeID { return crdt.AccessScope(o.ws) }

// do writes an access op.
func (d *desk) do(b access.Body) crdt.OpID {
	d.o.t.Helper()
	adm, err := d.Write(context.Background(), d.o.root(), replica.Draft{
		Type: b.Type(), Build: func(crdt.Header) ([]byte, error) { return b.Append(nil), nil },
	})
	if err != nil {
		d.o.t.Fatalf("%s: %v", d.name, err)
	}
	return adm.Verified().ID()
}

func content(text string) replica.Draft {
	return replica.Draft{
		Type: crdt.TypeContent, Epoch: crdt.EpochID{1},
		Build: func(crdt.Header) ([]byte, error) { return []byte(text), nil },
	}
}

// say writes a message into the channel.
func (d *desk) say(text string) access.Admitted {
	d.o.t.Helper()
	adm, err := d.Write(context.Background(), d.o.channel, content(text))
	if err != nil {
		d.o.t.Fatalf("%s: %v", d.name, err)
	}
	return adm
}

func (d *desk) sayf(format string, a ...any) access.Admitted {
	d.o.t.Helper()
	return d.say(fmt.Sprintf(format, a...))
}

// pull fetches all that another desk has and this one lacks: access first, then what rests on it.
func (d *desk) pull(from *desk) replica.Outcome {
	d.o.t.Helper()
	total, err := d.tryPull(from, crdt.MaxSegment)
	if err != nil {
		d.o.t.Fatalf("%s pulls from %s: %v", d.name, from.name, err)
	}
	return total
}

func (d *desk) tryPull(from *desk, step uint64) (total replica.Outcome, err error) {
	for _, sc := range from.Catchup().Scopes() {
		if !d.HoldsScope(sc.ID) || from.only != (crdt.ScopeID{}) && from.only != sc.ID {
			continue
		}
		entries, _ := from.Catchup().Changed(sc.ID, 0)
		slices.SortStableFunc(entries, func(a, b catchup.Entry) int { return int(a.Class) - int(b.Class) })
		for _, e := range entries {
			for _, cut := range d.wants(from, sc.ID, e) {
				for from2 := cut.From; from2 <= cut.To; {
					c := cut
					c.From = from2
					if c.To-c.From >= step && c.Branch.IsZero() {
						c.To = c.From + step - 1
					}
					seg, err := from.Catchup().Segment(sc.ID, c)
					if err != nil {
						return total, err
					}
					got, err := d.Ingest(context.Background(), replica.Source{Way: replica.ByCatchup, Peer: from.name},
						sc.ID, []*crdt.Segment{recode(d.o.t, seg)})
					if err != nil {
						return total, err
					}
					total.New += got.New
					total.Known += got.Known
					total.Waiting += got.Waiting
					total.Signatures += got.Signatures
					total.Refused = append(total.Refused, got.Refused...)
					total.Loose = append(total.Loose, got.Loose...)
					if err := d.below(from, sc.ID, got.Loose); err != nil {
						return total, err
					}
					from2 = seg.Ops[len(seg.Ops)-1].Seq + 1
				}
			}
		}
	}
	return total, nil
}

// below fetches the branches that runs hang in the air of.
func (d *desk) below(from *desk, scope crdt.ScopeID, loose []replica.Loose) error {
	for _, x := range loose {
		seg, err := from.Catchup().Segment(scope, catchup.Cut{Log: x.Log, To: x.Seq - 1, Branch: x.Prev, Down: true})
		if err != nil {
			return err
		}
		got, err := d.Ingest(context.Background(), replica.Source{Way: replica.ByCatchup, Peer: from.name}, scope,
			[]*crdt.Segment{recode(d.o.t, seg)})
		if err != nil {
			return err
		}
		if err := d.below(from, scope, got.Loose); err != nil {
			return err
		}
	}
	return nil
}

// recode takes a segment over the wire.
func recode(t testing.TB, seg *crdt.Segment) *crdt.Segment {
	t.Helper()
	b, err := seg.Append(nil)
	if err != nil {
		t.Fatal("a segment that cannot be encoded:", err)
	}
	got, err := crdt.ParseSegment(b)
	if err != nil {
		t.Fatal("a segment that cannot be parsed:", err)
	}
	return got
}

// wants are the ranges of one log to be asked for.
func (d *desk) wants(from *desk, scope crdt.ScopeID, e catchup.Entry) (cuts []catchup.Cut) {
	mine, theirs := d.Catchup(), from.Catchup()
	if got, ok := mine.Trie(scope).Get(e.Log); ok && got == e && e.Lo == 0 {
		return nil
	}
	if e.Forked {
		for _, b := range theirs.Branches(scope, e.Log) {
			if !mine.Holds(scope, e.Log, b.Hi, b.Head) {
				cuts = append(cuts, catchup.Cut{Log: e.Log, To: b.Hi, Branch: b.Head})
			}
		}
		return cuts
	}
	if b := theirs.Branches(scope, e.Log)[0]; !mine.Holds(scope, e.Log, b.Hi, b.Head) {
		if _, covered := mine.Place(scope, e.Log, b.Hi); covered {
			return []catchup.Cut{{Log: e.Log, To: b.Hi, Branch: b.Head}}
		}
	}
	for _, span := range theirs.Held(scope, e.Log) {
		cut := catchup.Cut{Log: e.Log, From: span.From, To: span.To}
		for _, have := range mine.Held(scope, e.Log) {
			if have.From <= cut.From && cut.From <= have.To && have.To < cut.To {
				cut.From = have.To + 1
			}
		}
		cuts = append(cuts, cut)
	}
	return cuts
}

// feed is everything that a desk has, from its feed.
func (d *desk) feed() (all []replica.Entry) {
	d.o.t.Helper()
	for after := uint64(0); ; {
		es, err := d.Feed(after, 100)
		if err != nil {
			d.o.t.Fatal(err)
		}
		if len(es) == 0 {
			return all
		}
		for _, e := range es {
			if e.LSN <= after {
				d.o.t.Fatalf("arrival %d after %d", e.LSN, after)
			}
			after = e.LSN
		}
		all = append(all, es...)
	}
}

// said are the texts in the channel in the order of display.
func (d *desk) said() (texts []string) {
	var es []replica.Entry
	for _, e := range d.feed() {
		if e.Scope == d.o.channel && e.Admitted.Verified().Op().Type == crdt.TypeContent {
			es = append(es, e)
		}
	}
	slices.SortFunc(es, func(a, b replica.Entry) int {
		x, y := a.Admitted.Verified(), b.Admitted.Verified()
		if x.Op().HLC != y.Op().HLC {
			if x.Op().HLC < y.Op().HLC {
				return -1
			}
			return 1
		}
		return crdt.CompareIDs(x.ID(), y.ID())
	})
	for _, e := range es {
		text := string(e.Admitted.Verified().Op().Payload)
		if e.Erased {
			text = "(erased)"
		}
		texts = append(texts, text)
	}
	return texts
}

// digest is over all that a copy shows: the ops of each scope, whether they have their payload, the trie's roots, and who
// holds which role.
func (d *desk) digest() string {
	d.o.t.Helper()
	h := sha256.New()
	var ids []string
	for _, e := range d.feed() {
		v := e.Admitted.Verified()
		ids = append(ids, fmt.Sprintf("%s %s %v %x\n", e.Scope, v.ID(), e.Erased, e.Admitted.User()))
	}
	slices.Sort(ids)
	for _, id := range ids {
		fmt.Fprint(h, id)
	}
	scopes := d.Catchup().Scopes()
	slices.SortFunc(scopes, func(a, b catchup.Scope) int { return slices.Compare(a.ID[:], b.ID[:]) })
	for _, sc := range scopes {
		fmt.Fprintf(h, "%s %d %x\n", sc.ID, sc.Kind, d.Catchup().Trie(sc.ID).Root())
	}
	for _, m := range d.View().Members() {
		role, _ := d.View().Role(m.User)
		fmt.Fprintf(h, "%x %d\n", m.User, role)
	}
	fmt.Fprint(h, d.said())
	return hex.EncodeToString(h.Sum(nil))
}

// crashed is a desk as it would wake up if the power failed now: a copy of its directory, opened again.
func (d *desk) crashed() *desk {
	d.o.t.Helper()
	c := *d
	c.dir = filepath.Join(d.o.t.TempDir(), "copy")
	if err := os.CopyFS(c.dir, os.DirFS(d.dir)); err != nil {
		d.o.t.Fatal(err)
	}
	c.rand = seededRand(d.name + c.dir)
	c.open()
	d.o.t.Cleanup(func() { _ = c.db.Close() })
	return &c
}

// tryPullScope is tryPull of one scope.
func (d *desk) tryPullScope(from *desk, scope crdt.ScopeID, step uint64) (replica.Outcome, error) {
	narrow := *from
	narrow.only = scope
	return d.tryPull(&narrow, step)
}

func ed(pub any) ed25519.PublicKey { return pub.(ed25519.PublicKey) }
