// Package simnet is a network of many hosts in one process, for tests and benchmarks: latency, loss, partitions, hosts
// that go down and come back. Inside a testing/synctest bubble its time is virtual, so that weeks pass in seconds. Real
// libp2p hosts run on it over real QUIC; only the wire below is simulated, so that a node under test is built by the
// constructors of the mains.
//
// What the network itself decides (which packet is lost, how long one takes) follows from the seed. The order in which
// goroutines run is the scheduler's, so that a seed repeats a run's conditions and not each of its instructions.
package simnet

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	sim "github.com/marcopolo/simnet"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/quic-go/quic-go"
	"go.uber.org/fx"
)

// Config is the weather of a Net.
type Config struct {
	Seed    uint64
	Latency time.Duration // one way; 1 ms where 0
	Jitter  time.Duration // up to this is added to each packet, at random
	Loss    float64       // share of packets that are lost, 0 to 1
	Mbps    int           // of each host, each way; 100 where 0
}

// Net is a simulated network. It may be used from any goroutine.
type Net struct {
	c   Config
	sim *sim.Simnet

	mu    sync.Mutex
	rng   *rand.Rand
	loss  float64
	hosts map[string]*Place // by IP
	names map[string]*Place
	group map[*Place]int // nil: nobody is cut off
	apart map[[2]*Place]bool
}

// Place is where one host sits. Its address stays when the host is closed and another is started there.
type Place struct {
	net  *Net
	name string
	ip   net.IP
	down bool // guarded by Net.mu

	packets, bytes uint64 // sent; guarded by Net.mu
}

// New starts a network. In a synctest bubble it must be made and closed inside.
func New(c Config) *Net {
	if c.Latency == 0 {
		c.Latency = time.Millisecond
	}
	if c.Mbps == 0 {
		c.Mbps = 100
	}
	n := &Net{
		c: c, rng: rand.New(rand.NewPCG(c.Seed, 0x68616c6c776179)), loss: c.Loss,
		hosts: map[string]*Place{}, names: map[string]*Place{},
	}
	n.sim = &sim.Simnet{LatencyFunc: n.latency, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	n.sim.Start()
	return n
}

// Close ends the network. Close the hosts first.
func (n *Net) Close() { n.sim.Close() }

// Place makes room for a host of this name, or answers the place that there is. Each place is in a network of its own
// (a /24), as limits by network see it.
func (n *Net) Place(name string) *Place {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p, ok := n.names[name]; ok {
		return p
	}
	i := len(n.names)
	p := &Place{net: n, name: name, ip: net.IPv4(1, byte(1+i>>8), byte(i), 1).To4()}
	n.names[name] = p
	n.hosts[p.ip.String()] = p
	return p
}

// Cut splits the network: those in one group hear each other, those in different ones do not. Who is named in no group is
// alone together with the others that are not.
func (n *Net) Cut(groups ...[]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.group = map[*Place]int{}
	for i, g := range groups {
		for _, name := range g {
			if p, ok := n.names[name]; ok {
				n.group[p] = i + 1
			}
		}
	}
}

// Block cuts two places off from each other only; others may hear both.
func (n *Net) Block(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.apart == nil {
		n.apart = map[[2]*Place]bool{}
	}
	x, y := n.names[a], n.names[b]
	n.apart[[2]*Place{x, y}], n.apart[[2]*Place{y, x}] = true, true
}

// Heal ends every cut and block.
func (n *Net) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.group, n.apart = nil, nil
}

// SetLoss changes the share of packets that are lost.
func (n *Net) SetLoss(share float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss = share
}

// Sent is how many packets and bytes all hosts have sent, headers of QUIC included.
func (n *Net) Sent() (packets, bytes uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.hosts {
		packets, bytes = packets+p.packets, bytes+p.bytes
	}
	return packets, bytes
}

func (n *Net) latency(*sim.Packet) time.Duration {
	if n.c.Jitter <= 0 {
		return n.c.Latency
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.c.Latency + time.Duration(n.rng.Int64N(int64(n.c.Jitter)))
}

// passes books a packet and decides whether it arrives.
func (n *Net) passes(from *Place, to net.IP, size int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if from.down {
		return false
	}
	from.packets, from.bytes = from.packets+1, from.bytes+uint64(size)
	dest := n.hosts[to.String()]
	if dest == nil || dest.down || n.group[from] != n.group[dest] || n.apart[[2]*Place{from, dest}] {
		return false
	}
	return n.loss <= 0 || n.rng.Float64() >= n.loss
}

// Down silences the place, as if its cable were pulled. A host that runs there notices nothing but silence.
func (p *Place) Down() { p.setDown(true) }

// Up ends Down.
func (p *Place) Up() { p.setDown(false) }

func (p *Place) setDown(down bool) {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	p.down = down
}

// Name is the place's name.
func (p *Place) Name() string { return p.name }

// IP is the place's address.
func (p *Place) IP() net.IP { return p.ip }

// Addr is where a host at this place listens.
func (p *Place) Addr() ma.Multiaddr {
	a, err := ma.NewMultiaddr(fmt.Sprintf("/ip4/%s/udp/8000/quic-v1", p.ip))
	if err != nil {
		panic(err) // an address that this package has built itself
	}
	return a
}

// Listen is Addr in the form of p2p.Options.Listen.
func (p *Place) Listen() []ma.Multiaddr { return []ma.Multiaddr{p.Addr()} }

// Host makes a libp2p host at this place. It is meant for p2p.Options.Host.
func (p *Place) Host(opts ...libp2p.Option) (host.Host, error) {
	bits := p.net.c.Mbps * 1_000_000
	link := sim.NodeBiDiLinkSettings{
		Downlink: sim.LinkSettings{BitsPerSecond: bits}, Uplink: sim.LinkSettings{BitsPerSecond: bits},
	}
	opts = append(opts[:len(opts):len(opts)],
		libp2p.QUICReuse(newConnManager,
			quicreuse.OverrideSourceIPSelector(func() (quicreuse.SourceIPSelector, error) { return source{p.ip}, nil }),
			quicreuse.OverrideListenUDP(func(_ string, a *net.UDPAddr) (net.PacketConn, error) {
				return p.listen(&net.UDPAddr{IP: p.ip, Port: a.Port}, link), nil
			})),
		libp2p.DisableIdentifyAddressDiscovery(), // it waits for what never comes in a bubble
	)
	return libp2p.New(opts...)
}

// newConnManager makes QUIC's part of a host, and closes it with the host: libp2p closes only one that it made itself.
func newConnManager(l fx.Lifecycle, reset quic.StatelessResetKey, token quic.TokenGeneratorKey, opts ...quicreuse.Option) (*quicreuse.ConnManager, error) {
	cm, err := quicreuse.NewConnManager(reset, token, opts...)
	if err != nil {
		return nil, err
	}
	l.Append(fx.StopHook(cm.Close))
	return cm, nil
}

// source answers the place's address for every destination.
type source struct{ ip net.IP }

func (s source) PreferredSourceIPForDestination(*net.UDPAddr) (net.IP, error) { return s.ip, nil }

func (p *Place) listen(a *net.UDPAddr, link sim.NodeBiDiLinkSettings) net.PacketConn {
	p.net.mu.Lock() // the simulated network's own list of links has no lock
	defer p.net.mu.Unlock()
	return &conn{SimConn: p.net.sim.NewEndpoint(a, link), place: p}
}

// conn loses what the network's weather says is lost.
type conn struct {
	*sim.SimConn
	place *Place
}

// WriteTo implements net.PacketConn. A lost packet is no error: its sender cannot know.
func (c *conn) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok || !c.place.net.passes(c.place, udp.IP, len(b)) {
		return len(b), nil
	}
	// The simulated network tells addresses of 4 and of 16 bytes apart.
	return c.SimConn.WriteTo(b, &net.UDPAddr{IP: udp.IP.To4(), Port: udp.Port})
}
