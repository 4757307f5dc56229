package access

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hallway/crdt"
)

// samples are one body of each type with every field set, and what else has a decoder of its own.
func samples() []Body {
	d := newDesk("Ada")
	var ws crdt.WorkspaceID
	g := NewGenesis([32]byte{1}, true, testKey("wk"), d.comer)
	claim := NewJoinClaim(ws, testKey("invite"), d.comer).Append(nil)
	name := Sealed{Epoch: crdt.EpochID{1}, Box: []byte("box")}
	pins := []Pin{{Log: crdt.LogID{1}, Seq: 300, ID: crdt.OpID{2}}, {Log: crdt.LogID{2}, Seq: 1}}
	u, scope := UserID{7}, crdt.ScopeID{8}
	puk := Puk{Gen: 3, Key: BoxKey{Hybrid: make([]byte, HybridSize)}, Wraps: []Wrap{{To: crdt.DeviceRef{1}, Box: []byte("age")}}}
	return []Body{
		g, &Merge{}, &Grant{Rank: Owner, User: u, Role: Admin}, &Remove{Rank: Admin, User: u, Pins: pins},
		&Demote{Rank: Owner, User: u, Role: Member}, &DeviceAdd{Cert: g.Founder.Device, Wraps: puk.Wraps},
		&DeviceRevoke{Rank: Admin, User: u, Device: Key{1}, Pins: pins}, &PukRotate{Puk: puk, Previous: []byte("old")},
		&Profile{Sealed: name},
		&InviteCreate{Rank: Admin, Pub: Key{3}, Role: Member, Mode: InviteAuto, MaxUses: 9, Expires: 77, Channels: []crdt.ScopeID{scope}, Note: name},
		&InviteRevoke{Rank: Admin, Invite: crdt.OpID{3}}, &Admit{Rank: Admin, Invite: crdt.OpID{3}, Approved: true, Claim: claim},
		&JoinRequest{Invite: crdt.OpID{3}, Claim: claim, Name: name}, &ChannelCreate{Salt: [32]byte{1}, Post: Manager, Name: name, Topic: name},
		&ChannelPolicy{Scope: scope, Rank: Founder, Set: 15, Name: name, Topic: name, Post: Poster, History: History{HistoryDays, 30}},
		&ChannelArchive{Scope: scope, Rank: Manager, Archived: true}, &ChannelGrant{Scope: scope, Rank: Founder, User: u, Role: Manager},
		&ChannelRemove{Scope: scope, Rank: Founder, User: u, Pins: pins},
		&ChannelGenesis{Salt: [32]byte{1}, Founder: u, Members: []ChannelMember{{UserID{8}, Poster}, {UserID{9}, Manager}}, Post: Poster, History: History{HistoryFromJoin, 0}},
		&Leave{Scope: scope}, &Policy{Rank: Owner, Key: "k", Value: []byte("v")}, &Notice{Box: make([]byte, NoticeSize)},
	}
}

func TestOracle04_EveryBodyHasOneEncoding(t *testing.T) {
	seen := map[crdt.Type]bool{}
	for _, b := range samples() {
		seen[b.Type()] = true
		bytes1 := b.Append(nil)
		if len(bytes1) > crdt.MaxPayload {
			t.Fatalf("%T: %d bytes", b, len(bytes1))
		}
		again, err := ParseBody(b.Type(), bytes1)
		if err != nil || !reflect.DeepEqual(again, b) {
			t.Fatalf("%T: %v, read back %+v", b, err, again)
		}
		if _, err := ParseBody(b.Type(), append(slices.Clone(bytes1), 0)); err == nil {
			t.Fatalf("%T: a byte left over was taken", b)
		}
		for i := range bytes1 {
			if _, err := ParseBody(b.Type(), bytes1[:i]); err == nil {
				t.Fatalf("%T: cut to %d bytes it was taken", b, i)
			}
			if len(bytes1) > 300 && i > 200 {
				break
			}
		}
	}
	for typ := range maps.Keys(bodies) {
		if !seen[typ] {
			t.Fatalf("type %#x has no sample", byte(typ))
		}
	}
}

// Whatever bytes a decoder takes, it writes the same again: there is no second encoding of anything.
func TestOracle04_WhatIsTakenIsWrittenAgain(t *testing.T) {
	all := samples()
	rapid.Check(t, func(r *rapid.T) {
		b := rapid.SampledFrom(all).Draw(r, "body")
		enc := b.Append(nil)
		for range rapid.IntRange(1, 3).Draw(r, "changes") {
			at := rapid.IntRange(0, len(enc)).Draw(r, "at")
			switch rapid.IntRange(0, 2).Draw(r, "how") {
			case 0:
				enc = slices.Insert(enc, at, rapid.Byte().Draw(r, "byte"))
			case 1:
				enc = slices.Delete(enc, max(at-1, 0), at)
			case 2:
				if at < len(enc) {
					enc[at] ^= 1 << rapid.IntRange(0, 7).Draw(r, "bit")
				}
			}
		}
		rewritten(r, b.Type(), enc)
	})
}

func rewritten(t interface{ Fatalf(string, ...any) }, typ crdt.Type, b []byte) {
	body, err := ParseBody(typ, b)
	if err == nil && !bytes.Equal(body.Append(nil), b) {
		t.Fatalf("type %#x: taken, and written otherwise", byte(typ))
	}
}

func TestAnyFlippedBitBreaksAClaim(t *testing.T) {
	d := newDesk("Ada")
	ws := crdt.WorkspaceID{1}
	key := testKey("invite")
	enc := NewJoinClaim(ws, key, d.comer).Append(nil)
	check := func(b []byte) error {
		j, err := ParseJoinClaim(b)
		if err != nil {
			return err
		}
		return j.Check(ws, public(key), false)
	}
	if err := check(enc); err != nil {
		t.Fatal(err)
	}
	for i := range enc {
		enc[i] ^= 1 << (i % 8)
		if check(enc) == nil {
			t.Fatalf("byte %d may be anything", i)
		}
		enc[i] ^= 1 << (i % 8)
	}
}

func TestCertificatesOfKeysThatFitManyMessagesAreRefused(t *testing.T) {
	d := newDesk("Ada")
	cert := NewDeviceCert(crdt.WorkspaceID{1}, public(d.rk), BoxKey{}, 0, 0, CertSigners{d.rk, d.dsk, d.dtk})
	if err := cert.Check(crdt.WorkspaceID{1}); err != nil {
		t.Fatal(err)
	}
	small := *cert
	small.DSK = Key{1} // the identity
	if err := small.Check(crdt.WorkspaceID{1}); err == nil {
		t.Fatal("a key of small order was taken")
	}
	if err := cert.Check(crdt.WorkspaceID{2}); !errors.Is(err, errSignature) {
		t.Fatalf("holds in another workspace: %v", err)
	}
}

func TestALinkIsReadAsItWasPasted(t *testing.T) {
	l := NewLink(crdt.WorkspaceID{1}, [ed25519.SeedSize]byte{2}, crdt.HLCAt(start))
	l.WorkspaceName, l.InviterName, l.Relay = "Büro", "Ada", true
	l.Addresses = []string{"/ip4/10.0.0.1/tcp/4001", "/dns/relay.example/udp/443/quic-v1"}
	text, err := l.Text()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseLink("  " + text + "\n")
	if err != nil || !reflect.DeepEqual(got, l) {
		t.Fatalf("%v %+v", err, got)
	}
	body := []byte(text)
	for i := range body { // one slip of the keyboard anywhere
		was := body[i]
		body[i] = 'x'
		if was != 'x' {
			if _, err := ParseLink(string(body)); !errors.Is(err, ErrLinkWrong) {
				t.Fatalf("a slip at %d: %v", i, err)
			}
		}
		body[i] = was
	}
	for _, bad := range []string{"", "hello", LinkPrefix, "http://join/#" + text, text[:len(text)-5], strings.Repeat("a", MaxLink+1)} {
		if _, err := ParseLink(bad); !errors.Is(err, ErrLinkWrong) {
			t.Fatalf("%.20q: %v", bad, err)
		}
	}
	if l.CheckTime(start) != nil || !errors.Is(l.CheckTime(start.Add(time.Hour)), ErrLinkExpired) {
		t.Fatal("expiry")
	}
	if s := l.String(); strings.Contains(text, s) || len(s) > 60 {
		t.Fatalf("the link shows itself: %s", s)
	}
	l.Addresses = make([]string, MaxLinkAddrs+1)
	if _, err := l.Text(); err == nil {
		t.Fatal("a link over its limits was written")
	}
}

func FuzzParseBody(f *testing.F) {
	for _, b := range samples() {
		f.Add(byte(b.Type()), b.Append(nil))
	}
	f.Fuzz(func(t *testing.T, typ byte, b []byte) { rewritten(t, crdt.Type(typ), b) })
}

func FuzzParseJoinClaim(f *testing.F) {
	f.Add(NewJoinClaim(crdt.WorkspaceID{}, testKey("invite"), newDesk("Ada").comer).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if j, err := ParseJoinClaim(b); err == nil && !bytes.Equal(j.Append(nil), b) {
			t.Fatal("taken, and written otherwise")
		}
	})
}

func FuzzParseDeviceCert(f *testing.F) {
	f.Add(sampleCert())
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := ParseDeviceCert(b); err == nil && !bytes.Equal(d.Append(nil), b) {
			t.Fatal("taken, and written otherwise")
		}
	})
}

func sampleCert() []byte {
	who := newDesk("Ada").comer.identity(context{})
	return who.Device.Append(nil)
}

func FuzzParseSealed(f *testing.F) {
	f.Add((&Sealed{Epoch: crdt.EpochID{1}, Box: []byte("x")}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ParseSealed(b); err == nil && !bytes.Equal(s.Append(nil), b) {
			t.Fatal("taken, and written otherwise")
		}
	})
}

func FuzzParseLink(f *testing.F) {
	l := NewLink(crdt.WorkspaceID{1}, [ed25519.SeedSize]byte{2}, 0)
	text, _ := l.Text()
	f.Add(text)
	f.Fuzz(func(t *testing.T, text string) {
		if l, err := ParseLink(text); err == nil {
			again, err := l.Text()
			if err != nil || again != strings.NewReplacer("\n", "", "\r", "").Replace(strings.TrimSpace(text)) {
				t.Fatalf("taken, and written otherwise: %v", err)
			}
		}
	})
}
