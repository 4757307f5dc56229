package discover

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/zeroconf/v2"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"hallway/crdt"
)

// Limits of what is announced and heard.
const (
	maxAnnounced = 12               // addresses in an announcement, so that it fits a packet
	maxHeard     = 16               // addresses taken from one
	lookAgain    = 15 * time.Second // between two looks at day and interfaces
	port         = 4001             // mDNS wants one; what counts is in the text
	ttl          = 120              // seconds
)

// Service announces one desk and listens for others. All fields are required.
type Service struct {
	Workspace crdt.WorkspaceID
	Self      peer.ID
	Addrs     func() []ma.Multiaddr    // what this desk listens on, by interface
	Found     func(info peer.AddrInfo) // called for each desk heard, again whenever it is heard anew; must not block long
	Clock     func() time.Time
	Rand      io.Reader
	Log       *slog.Logger
}

// Run announces and listens until ctx ends. When the day or the interfaces change it begins anew, under a new name.
func (s *Service) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		now, err := s.look()
		if err != nil {
			s.Log.Debug("local networks not looked at", "err", err)
			wait(ctx, lookAgain)
			continue
		}
		if err := s.round(ctx, now); err != nil {
			s.Log.Debug("not announced on the local network", "err", err)
			wait(ctx, lookAgain)
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// view is what an announcement rests on.
type view struct {
	announce string
	listen   []string
	ifaces   []net.Interface
	addrs    []ma.Multiaddr
}

func (v *view) same(o *view) bool {
	name := func(i net.Interface) string { return i.Name }
	names := func(x []net.Interface) []string {
		out := make([]string, len(x))
		for i := range x {
			out[i] = name(x[i])
		}
		return out
	}
	return v.announce == o.announce && slices.Equal(v.listen, o.listen) && slices.Equal(names(v.ifaces), names(o.ifaces)) &&
		slices.EqualFunc(v.addrs, o.addrs, func(a, b ma.Multiaddr) bool { return a.Equal(b) })
}

func (s *Service) look() (*view, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	v := &view{ifaces: Choose(all)}
	if len(v.ifaces) == 0 {
		return nil, fmt.Errorf("no interface that does multicast is up")
	}
	v.announce, v.listen = Tags(s.Workspace, s.Clock())
	v.addrs = Announced(s.Addrs(), onInterfaces(v.ifaces))
	return v, nil
}

// onInterfaces answers the addresses that the interfaces have.
func onInterfaces(ifaces []net.Interface) map[string]bool {
	ips := map[string]bool{}
	for i := range ifaces {
		addrs, err := ifaces[i].Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				ips[n.IP.String()] = true
			}
		}
	}
	return ips
}

// Announced picks the addresses worth telling: those at the given IPs, TCP before others; link-local ones of IPv6 say
// nothing without their zone and are left out.
func Announced(all []ma.Multiaddr, ips map[string]bool) []ma.Multiaddr {
	var tcp, other []ma.Multiaddr
	for _, a := range all {
		ip, err := manet.ToIP(a)
		if err != nil || !ips[ip.String()] || ip.IsLinkLocalUnicast() && ip.To4() == nil {
			continue
		}
		if _, err := a.ValueForProtocol(ma.P_TCP); err == nil {
			tcp = append(tcp, a)
		} else {
			other = append(other, a)
		}
	}
	both := append(tcp, other...)
	return both[:min(len(both), maxAnnounced)]
}

// round announces and listens as long as v stays true.
func (s *Service) round(ctx context.Context, v *view) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	if len(v.addrs) > 0 {
		server, err := s.announce(v)
		if err != nil {
			return err
		}
		defer server.Shutdown()
	}
	for _, tag := range v.listen {
		wg.Go(func() { s.listen(ctx, tag, v.ifaces) })
	}
	for {
		wait(ctx, lookAgain)
		if ctx.Err() != nil {
			return nil
		}
		if now, err := s.look(); err != nil || !now.same(v) {
			return nil
		}
	}
}

// announce registers the desk under a random name, drawn anew for each round.
func (s *Service) announce(v *view) (*zeroconf.Server, error) {
	var r [16]byte
	if _, err := io.ReadFull(s.Rand, r[:]); err != nil {
		return nil, fmt.Errorf("draw a name: %w", err)
	}
	name := hex.EncodeToString(r[:])
	var ips []string
	for _, a := range v.addrs {
		if ip, err := manet.ToIP(a); err == nil && !slices.Contains(ips, ip.String()) {
			ips = append(ips, ip.String())
		}
	}
	server, err := zeroconf.RegisterProxy(name, v.announce, "local", port, name, ips, Text(s.Self, v.addrs), v.ifaces, zeroconf.TTL(ttl))
	if err != nil {
		return nil, fmt.Errorf("announce: %w", err)
	}
	return server, nil
}

// Text is what an announcement says: network id and addresses, nothing else.
func Text(self peer.ID, addrs []ma.Multiaddr) []string {
	out := []string{"p=" + self.String()}
	for _, a := range addrs {
		out = append(out, "a="+a.String())
	}
	return out
}

// ParseText reads an announcement by anybody. Addresses that lead elsewhere than to an IP are left out: what shouts on the
// local network shall not make us ask a name server.
func ParseText(text []string) (info peer.AddrInfo, ok bool) {
	for _, t := range text {
		switch {
		case len(t) > 255:
		case strings.HasPrefix(t, "p=") && info.ID == "":
			id, err := peer.Decode(t[2:])
			if err != nil {
				return peer.AddrInfo{}, false
			}
			info.ID = id
		case strings.HasPrefix(t, "a=") && len(info.Addrs) < maxHeard:
			a, err := ma.NewMultiaddr(t[2:])
			if err != nil {
				continue
			}
			if _, err := manet.ToIP(a); err == nil && plain(a) {
				info.Addrs = append(info.Addrs, a)
			}
		}
	}
	return info, info.ID != "" && len(info.Addrs) > 0
}

// plain reports an address of two transports that we speak, and nothing behind them.
func plain(a ma.Multiaddr) bool {
	var codes []int
	ma.ForEach(a, func(c ma.Component) bool { codes = append(codes, c.Protocol().Code); return true })
	switch len(codes) {
	case 2:
		return codes[1] == ma.P_TCP
	case 3:
		return codes[1] == ma.P_UDP && codes[2] == ma.P_QUIC_V1
	default:
		return false
	}
}

// listen hands on what is heard under a tag, until ctx ends.
func (s *Service) listen(ctx context.Context, tag string, ifaces []net.Interface) {
	entries := make(chan *zeroconf.ServiceEntry, 64)
	over := make(chan struct{}) // Browse closes entries in some of the cases in which it ends
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-over:
				return
			case e, ok := <-entries:
				if !ok {
					return
				}
				if info, ok := ParseText(e.Text); ok && info.ID != s.Self {
					s.Found(info)
				}
			}
		}
	})
	if err := zeroconf.Browse(ctx, tag, "local", entries, zeroconf.SelectIfaces(ifaces)); err != nil && ctx.Err() == nil {
		s.Log.Debug("not listening on the local network", "err", err)
	}
	close(over)
	wg.Wait()
}
