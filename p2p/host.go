package p2p

import (
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/x/rate"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"hallway/p2p/wire"
)

// DefaultListen is every address of this machine, over TCP and QUIC, at ports that the system chooses.
func DefaultListen() []ma.Multiaddr {
	return []ma.Multiaddr{
		ma.StringCast("/ip4/0.0.0.0/tcp/0"), ma.StringCast("/ip4/0.0.0.0/udp/0/quic-v1"),
		ma.StringCast("/ip6/::/tcp/0"), ma.StringCast("/ip6/::/udp/0/quic-v1"),
	}
}

// newHost makes the libp2p host with everything that we do not want to leave to defaults.
func newHost(o Options, g *gater) (host.Host, error) {
	key, err := crypto.UnmarshalEd25519PrivateKey(o.Identity)
	if err != nil {
		return nil, fmt.Errorf("read transport key: %w", err)
	}
	limits, err := newLimits()
	if err != nil {
		return nil, fmt.Errorf("make resource manager: %w", err)
	}
	conns, err := connmgr.NewConnManager(512, 640, connmgr.WithGracePeriod(time.Minute))
	if err != nil {
		return nil, fmt.Errorf("make connection manager: %w", err)
	}
	listen := o.Listen
	if len(listen) == 0 {
		listen = DefaultListen()
	}
	make := o.Host
	if make == nil {
		make = libp2p.New
	}
	h, err := make(
		libp2p.Identity(key),
		libp2p.ListenAddrs(listen...),
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Transport(libp2pquic.NewTransport),
		libp2p.DefaultSecurity, libp2p.DefaultMuxers,
		libp2p.ConnectionGater(g),
		libp2p.ResourceManager(limits),
		libp2p.ConnectionManager(conns),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.UserAgent("hallway"), libp2p.ProtocolVersion("hallway/1"),
		libp2p.WithDialTimeout(15*time.Second),
		// A LAN without a way out is no black hole.
		libp2p.UDPBlackHoleSuccessCounter(nil), libp2p.IPv6BlackHoleSuccessCounter(nil),
		libp2p.SwarmOpts(swarm.WithDialRanker(rankDials)),
	)
	if err != nil {
		return nil, fmt.Errorf("start host: %w", err)
	}
	return h, nil
}

// rankDials tries TCP first on a LAN, where QUIC is the slowest by every measure, and leaves other networks to libp2p's
// own order, which is QUIC's (facts of the benchmark).
func rankDials(addrs []ma.Multiaddr) []network.AddrDelay {
	var out []network.AddrDelay
	var far []ma.Multiaddr
	after := time.Duration(0)
	for _, a := range addrs {
		_, viaTCP := port(a, ma.P_TCP)
		switch {
		case !isNear(a):
			far = append(far, a)
			continue
		case viaTCP:
			out = append(out, network.AddrDelay{Addr: a})
		default:
			out = append(out, network.AddrDelay{Addr: a, Delay: 250 * time.Millisecond})
		}
		after = 500 * time.Millisecond
	}
	for _, d := range swarm.DefaultDialRanker(far) {
		out = append(out, network.AddrDelay{Addr: d.Addr, Delay: d.Delay + after})
	}
	return out
}

func port(a ma.Multiaddr, code int) (string, bool) {
	v, err := a.ValueForProtocol(code)
	return v, err == nil
}

// isNear reports an address on this machine or in a private or link-local network.
func isNear(a ma.Multiaddr) bool {
	return manet.IsPrivateAddr(a) || manet.IsIPLoopback(a) || manet.IsIP6LinkLocal(a)
}

// newLimits are explicit (protocol 9, item 8): enough for a thousand desks, and bounded for a desktop computer. Those of
// a stranger's only protocol are small.
func newLimits() (network.ResourceManager, error) {
	part := rcmgr.PartialLimitConfig{
		System: rcmgr.ResourceLimits{
			Conns: 2048, ConnsInbound: 1536, ConnsOutbound: 1536, FD: 2048,
			Streams: 16384, StreamsInbound: 12288, StreamsOutbound: 12288, Memory: 512 << 20,
		},
		Transient: rcmgr.ResourceLimits{
			Conns: 512, ConnsInbound: 256, ConnsOutbound: 384, FD: 512,
			Streams: 1024, StreamsInbound: 512, StreamsOutbound: 768, Memory: 64 << 20,
		},
		PeerDefault: rcmgr.ResourceLimits{
			Conns: 8, ConnsInbound: 8, ConnsOutbound: 8, FD: 8,
			Streams: 256, StreamsInbound: 128, StreamsOutbound: 128, Memory: 64 << 20,
		},
		ProtocolPeerDefault: rcmgr.ResourceLimits{Streams: 64, StreamsInbound: 32, StreamsOutbound: 48, Memory: 64 << 20},
		Protocol: map[protocol.ID]rcmgr.ResourceLimits{
			wire.ProtoJoin: {Streams: 128, StreamsInbound: maxStrangers, StreamsOutbound: 64, Memory: 16 << 20},
		},
		ProtocolPeer: map[protocol.ID]rcmgr.ResourceLimits{
			wire.ProtoJoin: {Streams: 4, StreamsInbound: 1, StreamsOutbound: 4, Memory: 1 << 20},
		},
	}
	// An office is one network, and may be behind one address: what counts by network is for strangers, and the gater's.
	return rcmgr.NewResourceManager(
		rcmgr.NewFixedLimiter(part.Build(rcmgr.DefaultLimits.AutoScale())),
		rcmgr.WithMetricsDisabled(),
		rcmgr.WithLimitPerSubnet(
			[]rcmgr.ConnLimitPerSubnet{{ConnCount: 512, PrefixLength: 32}},
			[]rcmgr.ConnLimitPerSubnet{{ConnCount: 1536, PrefixLength: 48}}),
		rcmgr.WithConnRateLimiters(&rate.Limiter{
			GlobalLimit: rate.Limit{RPS: 200, Burst: 2000},
			NetworkPrefixLimits: []rate.PrefixLimit{
				{Prefix: loopback4, Limit: rate.Limit{}}, {Prefix: loopback6, Limit: rate.Limit{}},
			},
			SubnetRateLimiter: rate.SubnetLimiter{
				IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: rate.Limit{RPS: 5, Burst: 200}}},
				IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 64, Limit: rate.Limit{RPS: 50, Burst: 1500}}},
				GracePeriod:      time.Minute,
			},
		}),
	)
}
