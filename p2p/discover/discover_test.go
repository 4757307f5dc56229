package discover

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/zeroconf/v2"
	ma "github.com/multiformats/go-multiaddr"

	"hallway/crdt"
)

var ws = crdt.WorkspaceIDOf([]byte("Aster & Co"))

func newID(t *testing.T) peer.ID {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestTheTagTurnsAtMidnightAndBothDaysAreHeardAround(t *testing.T) {
	midnight := time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)
	early, late := midnight.Add(-10*time.Minute), midnight.Add(10*time.Minute)
	yesterday, heardEarly := Tags(ws, early)
	today, heardLate := Tags(ws, late)
	if yesterday == today {
		t.Fatal("the tag does not change")
	}
	has := func(list []string, tag string) bool { return strings.Contains(strings.Join(list, " "), tag) }
	if !has(heardEarly, today) || !has(heardLate, yesterday) {
		t.Error("two desks either side of midnight do not hear each other")
	}
	if _, noon := Tags(ws, midnight.Add(12*time.Hour)); len(noon) != 1 {
		t.Errorf("at noon %d tags are listened to", len(noon))
	}
	zone := time.FixedZone("Tokyo", 9*3600)
	if Tag(ws, late.In(zone)) != today {
		t.Error("the day depends on the time zone")
	}
	if name, _, _ := strings.Cut(today, "."); len(name) > 16 {
		t.Errorf("%q is too long for a service type", name)
	}
}

func TestPhysicalInterfacesAreChosen(t *testing.T) {
	up := net.FlagUp | net.FlagMulticast
	all := []net.Interface{
		{Name: "lo", Flags: net.FlagUp | net.FlagLoopback}, {Name: "eth0", Flags: up}, {Name: "wlan0", Flags: up},
		{Name: "docker0", Flags: up}, {Name: "br-1f2e3d4c5b6a", Flags: up}, {Name: "veth12", Flags: up},
		{Name: "tun0", Flags: up | net.FlagPointToPoint}, {Name: "wg0", Flags: up}, {Name: "eth1", Flags: net.FlagMulticast},
		{Name: "vEthernet (WSL)", Flags: up}, {Name: "ppp9", Flags: up | net.FlagPointToPoint},
	}
	names := func(x []net.Interface) (out []string) {
		for _, i := range x {
			out = append(out, i.Name)
		}
		return out
	}
	if got := strings.Join(names(Choose(all)), " "); got != "eth0 wlan0" {
		t.Errorf("chosen: %s", got)
	}
	if got := strings.Join(names(Choose(all[3:4])), " "); got != "docker0" {
		t.Errorf("where there is nothing else: %q", got)
	}
}

func TestAnAnnouncementComesBackAndForeignOnesAreHarmless(t *testing.T) {
	id := newID(t)
	all := []ma.Multiaddr{
		ma.StringCast("/ip4/192.168.1.5/udp/4000/quic-v1"), ma.StringCast("/ip4/192.168.1.5/tcp/4000"),
		ma.StringCast("/ip4/172.17.0.1/tcp/4000"), ma.StringCast("/ip6/fe80::1/tcp/4000"),
	}
	addrs := Announced(all, map[string]bool{"192.168.1.5": true, "fe80::1": true})
	info, ok := ParseText(Text(id, addrs))
	if !ok || info.ID != id || len(info.Addrs) != 2 || info.Addrs[0].String() != "/ip4/192.168.1.5/tcp/4000" {
		t.Errorf("heard %v %v", info, ok)
	}
	for name, text := range map[string][]string{
		"nothing":     nil,
		"no id":       {"a=/ip4/1.2.3.4/tcp/1"},
		"bad id":      {"p=nonsense", "a=/ip4/1.2.3.4/tcp/1"},
		"a name":      {"p=" + id.String(), "a=/dns4/evil.example/tcp/1"},
		"a relay":     {"p=" + id.String(), "a=/ip4/1.2.3.4/tcp/1/p2p/" + id.String() + "/p2p-circuit"},
		"no address":  {"p=" + id.String()},
		"web":         {"p=" + id.String(), "a=/ip4/1.2.3.4/tcp/1/ws"},
		"bad address": {"p=" + id.String(), "a=/ip4/1.2.3/tcp/1"},
	} {
		if info, ok := ParseText(text); ok {
			t.Errorf("%s is taken for %v", name, info)
		}
	}
}

func FuzzParseText(f *testing.F) {
	f.Add("p=12D3KooWJxUmm3tXMc9LyTHenvKJF6aEYTwQpKkWLEWpeZu4CN7e\na=/ip4/1.2.3.4/tcp/1")
	f.Fuzz(func(t *testing.T, s string) {
		if info, ok := ParseText(strings.Split(s, "\n")); ok && (info.ID == "" || len(info.Addrs) == 0 || len(info.Addrs) > maxHeard) {
			t.Errorf("taken: %v", info)
		}
	})
}

// capture is everything that a listener on the loopback sees of a desk's announcement on a day.
func capture(t *testing.T, s *Service, day time.Time) []byte {
	t.Helper()
	s.Clock = func() time.Time { return day }
	lo := loopback(t)
	v := &view{ifaces: lo, addrs: s.Addrs()}
	v.announce, v.listen = Tags(s.Workspace, day)
	server, err := s.announce(v)
	if err != nil {
		t.Skip("this machine has no multicast to test with:", err)
	}
	defer server.Shutdown()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	entries := make(chan *zeroconf.ServiceEntry, 16)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = zeroconf.Browse(ctx, v.announce, "local", entries, zeroconf.SelectIfaces(lo)) // the test waits for what it hears
	}()
	var out []byte
	for out == nil {
		select {
		case e, ok := <-entries:
			if !ok {
				t.Skip("this machine has no multicast to test with")
			}
			out = []byte(strings.Join(append([]string{e.Instance, e.Service, e.HostName}, e.Text...), "\n"))
		case <-ctx.Done():
			t.Skip("nothing is heard over multicast on the loopback of this machine")
		}
	}
	cancel()
	<-done
	return out
}

func loopback(t *testing.T) []net.Interface {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return []net.Interface{i}
		}
	}
	t.Skip("no loopback")
	return nil
}

func TestOracle57_AnAnnouncementTellsNothingAndNothingStaysOverTheDay(t *testing.T) {
	id := newID(t)
	s := &Service{
		Workspace: ws, Self: id, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Addrs: func() []ma.Multiaddr { return []ma.Multiaddr{ma.StringCast("/ip4/127.0.0.1/tcp/4711")} },
	}
	user := crdt.Hash("hallway/user/v1", ws[:], []byte("recovery key"))
	day := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	first, second := capture(t, s, day), capture(t, s, day.Add(24*time.Hour))
	for _, secret := range [][]byte{
		[]byte("Aster"), []byte("hallway"), ws[:], []byte(hex.EncodeToString(ws[:])), user[:16], []byte(hex.EncodeToString(user[:16])),
		[]byte(hex.EncodeToString(ws[:])[:8]),
	} {
		if bytes.Contains(bytes.ToLower(first), bytes.ToLower(secret)) {
			t.Errorf("the announcement shows %q:\n%s", secret, first)
		}
	}
	known := map[string]bool{"p=" + id.String(): true, "a=/ip4/127.0.0.1/tcp/4711": true}
	for _, line := range strings.Split(string(first), "\n") {
		if !known[line] && bytes.Contains(second, []byte(line)) {
			t.Errorf("%q stands in both days' announcements", line)
		}
	}
}
