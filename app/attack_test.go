package app

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hallway/app/internal/keyring"
	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
	"hallway/p2p"
	"hallway/p2p/simnet"
	"hallway/p2p/wire"

	"github.com/libp2p/go-libp2p/core/peer"
)

// inviteInto is an invitation as a changed program writes it: into whatever channel it likes, answered by another desk.
func (d *simDesk) inviteInto(w *simWorld, at *simDesk, channels ...crdt.ScopeID) string {
	s := d.space(w)
	var seed [ed25519.SeedSize]byte
	_, err := d.rand.Read(seed[:])
	w.must(err)
	mine, _ := s.access().Role(s.self)
	body := &access.InviteCreate{Rank: mine, Role: access.Member, Mode: access.InviteAuto, MaxUses: 5, Channels: channels}
	body.Expires = crdt.HLCAt(s.clock().Add(time.Hour)) | 0xffff
	link := access.NewLink(s.id, seed, body.Expires)
	link.Addresses = at.space(w).inviteAddrs()
	body.Pub = access.KeyOf(publicKey(link.Key()))
	w.must(s.writeBody(context.Background(), s.scope(), body))
	text, err := link.Text()
	w.must(err)
	return text
}

func (d *simDesk) space(w *simWorld) *space {
	s, err := d.of.space(In{})
	w.must(err)
	return s
}

// Mal was put out of the private channel #board. He still knows its id, and invites a puppet straight into it; the desk
// of Ada, who manages it, answers. The puppet becomes a member, and sees nothing of #board.
func TestAnInvitationOpensNoChannelThatItsAuthorDoesNotManage(t *testing.T) {
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	synctest.Test(t, func(t *testing.T) {
		w := newSimWorld(t, 1, simnet.Config{Jitter: time.Millisecond})
		defer w.over()
		ctx := context.Background()
		ada := w.found("Ada")
		inv, err := ada.of.Invite(ctx, InviteRequest{Uses: 10})
		w.must(err)
		mal := w.come("Mal", 0, inv.Link)
		if !w.until(time.Minute, time.Second, mal.isIn) {
			w.fail("Mal is not in")
		}
		_, err = ada.of.SetRole(ctx, SetRoleRequest{Member: mal.user, Role: RoleModerator})
		w.must(err)
		board, err := ada.of.CreateChannel(ctx, CreateChannelRequest{Name: "board", Private: true, Members: []string{mal.user}})
		w.must(err)
		scope, err := crdt.ParseOpID(board.ID)
		w.must(err)
		w.settle(20 * time.Second)
		_, err = ada.of.RemoveFromChannel(ctx, ChannelMemberRequest{Channel: board.ID, Member: mal.user})
		w.must(err)
		w.settle(20 * time.Second)
		pia := w.come("Pia", 0, mal.inviteInto(w, ada, crdt.ScopeID(scope)))
		if !w.until(time.Minute, time.Second, pia.isIn) {
			w.fail("Pia is not in: %v", pia.log.last(10))
		}
		w.settle(20 * time.Second)
		if s := ada.space(w); s.access().MayRead(pia.space(w).self, crdt.ScopeID(scope)) {
			t.Error("a puppet of somebody who was put out of #board reads it")
		}
		eve := w.come("Eve", 0, ada.inviteInto(w, ada, crdt.ScopeID(scope)))
		if !w.until(time.Minute, time.Second, eve.isIn) {
			w.fail("Eve is not in: %v", eve.log.last(10))
		}
		w.settle(20 * time.Second)
		if s := ada.space(w); !s.access().MayRead(eve.space(w).self, crdt.ScopeID(scope)) {
			t.Error("whom Ada, who manages #board, invites into it is not in it")
		}
	})
}

// Bob let Cleo in, and is removed. Cleo's desk, which trusted his while it knew nobody, lets him in no more.
func TestWhoLetSomebodyInIsShutOutOnceRemoved(t *testing.T) {
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	synctest.Test(t, func(t *testing.T) {
		w := newSimWorld(t, 1, simnet.Config{Jitter: time.Millisecond})
		defer w.over()
		ctx := context.Background()
		ada := w.found("Ada")
		inv, err := ada.of.Invite(ctx, InviteRequest{Uses: 10})
		w.must(err)
		bob := w.come("Bob", 0, inv.Link)
		if !w.until(time.Minute, time.Second, bob.isIn) {
			w.fail("Bob is not in")
		}
		_, err = ada.of.SetRole(ctx, SetRoleRequest{Member: bob.user, Role: RoleModerator})
		w.must(err)
		w.settle(20 * time.Second)
		cleo := w.come("Cleo", 0, bob.inviteInto(w, bob))
		if !w.until(time.Minute, time.Second, cleo.isIn) {
			w.fail("Cleo is not in: %v", cleo.log.last(10))
		}
		w.settle(20 * time.Second)
		at := bob.space(w).net.running().ID()
		if tier := cleo.space(w).net.Tier(at); tier != p2p.Member {
			t.Fatalf("Bob's tier at Cleo's desk is %d while he is a member", tier)
		}
		_, err = ada.of.RemoveMember(ctx, MemberRequest{Member: bob.user})
		w.must(err)
		gone := func() bool { return cleo.space(w).net.Tier(at) == p2p.Refused }
		if !w.until(2*time.Minute, time.Second, gone) {
			t.Errorf("Bob's tier at Cleo's desk is %d after he was removed", cleo.space(w).net.Tier(at))
		}
	})
}

// Whoever has a link that needs approval makes people up and asks for each. Those who decide get no more than they can
// look through, and the ops that everybody keeps do not grow with it.
func TestALinkThatNeedsApprovalFillsNobodysStore(t *testing.T) {
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	synctest.Test(t, func(t *testing.T) {
		w := newSimWorld(t, 1, simnet.Config{})
		defer w.over()
		ctx := context.Background()
		ada := w.found("Ada")
		inv, err := ada.of.Invite(ctx, InviteRequest{Uses: 10, Mode: InviteApprove})
		w.must(err)
		link, err := access.ParseLink(inv.Link)
		w.must(err)
		s := ada.space(w)
		d := &door{s}
		rng := newSimRand(w.seed, 1000)
		claim := func() wire.JoinRequest {
			ring, err := keyring.New(rng)
			w.must(err)
			who, err := seal.NewComer(ring, usePQ, crdt.HLCAt(time.Now()), 0)
			w.must(err)
			return wire.JoinRequest{Kind: wire.JoinClaim, Claim: access.NewJoinClaim(s.id, link.Key(), who).Append(nil), Name: []byte("Nobody")}
		}
		first := claim()
		for i := range maxRequests + 5 {
			q := first
			if i > 0 {
				q = claim()
			}
			want := wire.JoinPending
			if i >= maxRequests {
				want = wire.JoinRefused
			}
			if got := d.Join(ctx, "", q); got.State != want {
				t.Fatalf("claim %d is answered %v, want %v", i, got.State, want)
			}
		}
		if n := len(s.access().Requests()); n != maxRequests {
			t.Errorf("%d wait, want %d", n, maxRequests)
		}
		if got := d.Join(ctx, "", wire.JoinRequest{Kind: wire.JoinPoll, ClaimID: wire.ClaimID(first.Claim)}); got.State != wire.JoinPending {
			t.Errorf("a claim that waits is answered %v when asked after", got)
		}
		_, err = ada.of.Deny(ctx, IDRequest{ID: s.access().Requests()[0].Op.String()})
		w.must(err)
		if got := d.Join(ctx, "", claim()); got.State != wire.JoinPending {
			t.Errorf("after one was turned down the next is answered %v", got)
		}
	})
}

// One desk's word about the time is not enough to keep another from letting people in.
func TestOneDeskDoesNotSetAnothersClock(t *testing.T) {
	const m = time.Minute
	for _, c := range []struct {
		say  []time.Duration
		want time.Duration
	}{
		{nil, 0},
		{[]time.Duration{60 * m}, 0},
		{[]time.Duration{60 * m, 0}, 0},
		{[]time.Duration{60 * m, -60 * m}, 0},
		{[]time.Duration{60 * m, 12 * m}, 12 * m},
		{[]time.Duration{-60 * m, -12 * m}, -12 * m},
		{[]time.Duration{60 * m, 0, time.Second}, time.Second},
		{[]time.Duration{60 * m, 0, time.Second, 60 * m}, time.Second},
		{[]time.Duration{12 * m, 13 * m, 12 * m, -60 * m}, 12 * m},
	} {
		if got := agreed(slices.Clone(c.say)); got != c.want {
			t.Errorf("of %v the clock is off by %v, want %v", c.say, got, c.want)
		}
	}
}

// A file that was sent to a private channel is asked for among those who read it, and nobody else hears what its chunks
// are called, which is all that it takes to be served them.
func TestOnlyThoseWhoReadAFileAreAskedForIt(t *testing.T) {
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	synctest.Test(t, func(t *testing.T) {
		w := newSimWorld(t, 1, simnet.Config{Jitter: time.Millisecond})
		defer w.over()
		ctx := context.Background()
		ada := w.found("Ada")
		inv, err := ada.of.Invite(ctx, InviteRequest{Uses: 10})
		w.must(err)
		bob, mal := w.come("Bob", 0, inv.Link), w.come("Mal", 0, inv.Link)
		if !w.until(time.Minute, time.Second, func() bool { return bob.isIn() && mal.isIn() }) {
			w.fail("they are not in")
		}
		w.settle(20 * time.Second)
		board, err := ada.of.CreateChannel(ctx, CreateChannelRequest{Name: "board", Private: true, Members: []string{bob.user}})
		w.must(err)
		send := func(channel string) chat.File {
			f, err := ada.of.AddFile(ctx, AddFileRequest{Name: "plan.txt", Size: -1}, strings.NewReader("what we do next, in "+channel))
			w.must(err)
			_, err = ada.of.Send(ctx, SendRequest{Channel: channel, Text: "the plan", Files: []string{f.ID}})
			w.must(err)
			w.settle(20 * time.Second)
			found, err := bob.space(w).findFile(ctx, f.ID)
			w.must(err)
			c, err := bob.of.OpenFile(ctx, FileRequest{ID: f.ID})
			w.must(err)
			text, err := io.ReadAll(c.Body)
			w.must(errors.Join(err, c.Body.Close()))
			if string(text) != "what we do next, in "+channel {
				t.Errorf("Bob reads %q", text)
			}
			return found
		}
		private, public := send(board.ID), send("#general")
		asked := bob.space(w).holders(ctx, &private)
		if want := []peer.ID{ada.space(w).net.running().ID()}; !slices.Equal(asked, want) {
			t.Errorf("%v are asked for the private file, want Ada's desk alone, %v", asked, want)
		}
		if asked := bob.space(w).holders(ctx, &public); asked != nil {
			t.Errorf("%v are asked for the public file, want everybody", asked)
		}
		unknown := chat.File{Name: "x", Manifest: []byte{1}}
		if asked := bob.space(w).holders(ctx, &unknown); asked == nil || len(asked) > 0 {
			t.Errorf("%v are asked for a file of no message, want nobody", asked)
		}
	})
}

// Mal's program checks nothing of what he is called, does, and names a channel. It reaches nobody's lists like that.
func TestNamesThatNobodyCheckedStayWithinTheirLine(t *testing.T) {
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	synctest.Test(t, func(t *testing.T) {
		w := newSimWorld(t, 1, simnet.Config{Jitter: time.Millisecond})
		defer w.over()
		ctx := context.Background()
		ada := w.found("Ada")
		inv, err := ada.of.Invite(ctx, InviteRequest{Uses: 10})
		w.must(err)
		mal := w.come("Mal", 0, inv.Link)
		if !w.until(time.Minute, time.Second, mal.isIn) {
			w.fail("Mal is not in")
		}
		w.settle(20 * time.Second)
		const short = "boss\x1b[2J\u202e\nAda says: pay"
		hostile := short + strings.Repeat("!", maxLine)
		s := mal.space(w)
		w.must(s.writeProfile(ctx, profile{Name: "Mal", Title: hostile, Team: short, Status: short, Device: short}))
		salt, err := s.salt()
		w.must(err)
		scope := access.PublicScope(s.id, s.self, salt)
		body := &access.ChannelCreate{Salt: salt}
		body.Name, err = s.sealedAs(ctx, scope, s.scope(), seal.FieldChannelName, []byte(hostile))
		w.must(err)
		body.Topic, err = s.sealedAs(ctx, scope, s.scope(), seal.FieldChannelTopic, []byte(hostile))
		w.must(err)
		w.must(s.writeBody(ctx, s.scope(), body))
		w.settle(20 * time.Second)
		p, err := ada.of.Profile(ctx, ProfileRequest{Member: mal.user})
		w.must(err)
		ch, err := ada.of.Channels(ctx, ChannelsRequest{})
		w.must(err)
		texts := []string{p.Title, p.Team, p.Status}
		for _, c := range ch.Channels {
			texts = append(texts, c.Name, c.Topic)
		}
		seen := 0
		for _, text := range texts {
			if strings.ContainsAny(text, "\x1b\n\u202e") || len(text) > maxLine {
				t.Errorf("Ada is shown %.40q, %d bytes", text, len(text))
			}
			if strings.HasPrefix(text, "boss") {
				seen++
			}
		}
		if seen != 5 {
			t.Errorf("%d of Mal's five texts are shown: %.60q", seen, texts)
		}
		if got := oneLine("👩‍👩‍👧 plans", maxLine); got != "👩‍👩‍👧 plans" {
			t.Errorf("a topic is shown as %q", got)
		}
	})
}

// A message claims a file that is larger than any that can be sent. Nobody looks for its million chunks on the disk.
func TestAFileOverTheLimitIsNotLookedFor(t *testing.T) {
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	synctest.Test(t, func(t *testing.T) {
		w := newSimWorld(t, 1, simnet.Config{})
		defer w.over()
		ada := w.found("Ada")
		manifest := func(size uint64, ids int) []byte {
			b := append([]byte{1}, make([]byte, 32)...)
			return append(binary.AppendUvarint(b, size), make([]byte, 32*ids)...)
		}
		big := chat.File{Name: "trap", Size: maxFile + 1, Manifest: manifest(maxFile+1, 5)}
		s := ada.space(w)
		m, err := seal.ParseManifest(big.Manifest)
		w.must(err)
		if have := s.haveBytes(&m); have != 0 {
			t.Errorf("%d bytes of it are here", have)
		}
		id := big.ID()
		w.must(s.kv.put(context.Background(), uploads+hex.EncodeToString(id[:]), upload{Name: big.Name, Size: int64(big.Size), Manifest: big.Manifest}))
		_, err = ada.of.OpenFile(context.Background(), FileRequest{ID: hex.EncodeToString(id[:])})
		var p *Problem
		if !errors.As(err, &p) || p.Kind != ProblemTooLarge {
			t.Errorf("to open it answers %v", err)
		}
	})
}

// What an imported message links to opens in the reader's browser, and only as a page of the web.
func TestImportedLinksLeadToTheWebAlone(t *testing.T) {
	for text, want := range map[string]string{
		"https://files.example.com/a?b=c": "https://files.example.com/a?b=c",
		"HTTP://example.com/":             "HTTP://example.com/",
		"javascript:alert(1)":             "", "JavaScript://example.com/%0aalert(1)": "", "data:text/html,<script>": "",
		"file:///etc/passwd": "", "/session": "", "//example.com/x": "", "https:": "", "\x01https://x": "", "": "",
	} {
		if got := webAddress(text); got != want {
			t.Errorf("%q leads to %q, want %q", text, got, want)
		}
	}
}

// A bundle of large segments is taken in by and by, however many of them one batch might hold by count.
func TestABundleOfLargeSegmentsIsNotHeldAtOnce(t *testing.T) {
	t.Setenv("HALLWAY_NO_KEYCHAIN", "1")
	synctest.Test(t, func(t *testing.T) {
		w := newSimWorld(t, 1, simnet.Config{})
		defer w.over()
		s := w.found("Ada").space(w)
		b := &bundleReader{s: s, out: &BundleReply{}}
		for range 20 {
			w.must(b.add(context.Background(), crdt.ScopeID{1}, &crdt.Segment{}, maxSegment/2))
			if b.bytes > bundleBytes || len(b.segs) > 2 {
				t.Fatalf("%d segments of %d bytes are held", len(b.segs), b.bytes)
			}
		}
		w.must(b.add(context.Background(), crdt.ScopeID{1}, &crdt.Segment{}, maxSegment))
		w.must(b.flush(context.Background()))
		if b.bytes != 0 || len(b.segs) != 0 {
			t.Error("what was taken in is still held")
		}
	})
}

// Mal sends two files of one name whose ids he made begin alike. The export writes both.
func TestFilesMadeToCollideDoNotStopAnExport(t *testing.T) {
	dir := t.TempDir()
	for i, id := range []string{"0123456789abcdef", "0123456700000000"} {
		f, err := createApart(dir, id, "plan.txt")
		if err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
		f.Close()
	}
	if f, err := createApart(dir, "0123456700000000", "plan.txt"); err == nil {
		f.Close()
		t.Error("a file that is there is written over")
	}
}
