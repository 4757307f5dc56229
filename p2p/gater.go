package p2p

import (
	"net/netip"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// Limits for strangers (protocol 9, item 1).
const (
	maxStrangers       = 64 // connections of strangers at once
	maxStrangersSubnet = 4  // of one /24, or one /48 of IPv6
)

var (
	loopback4 = netip.MustParsePrefix("127.0.0.0/8")
	loopback6 = netip.MustParsePrefix("::1/128")
)

// gater is where a connection is let in or not, as soon as its other end has proved its network id. It implements
// libp2p's connmgr.ConnectionGater.
type gater struct {
	admission Admission
	host      atomic.Pointer[host.Host] // the host that it guards, once it is made
}

// InterceptPeerDial refuses to dial who is out.
func (g *gater) InterceptPeerDial(p peer.ID) bool { return g.admission.Tier(p) != Refused }

// InterceptAddrDial lets every address be dialled.
func (g *gater) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }

// InterceptAccept leaves what comes before the handshake to the resource manager.
func (g *gater) InterceptAccept(network.ConnMultiaddrs) bool { return true }

// InterceptSecured lets members in, strangers within limits, and those who are out not at all.
func (g *gater) InterceptSecured(dir network.Direction, p peer.ID, at network.ConnMultiaddrs) bool {
	switch g.admission.Tier(p) {
	case Member:
		return true
	case Joiner:
		return dir == network.DirOutbound || g.roomFor(at.RemoteMultiaddr())
	default:
		return false
	}
}

// InterceptUpgraded has nothing to add.
func (g *gater) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

// roomFor reports whether one more stranger may come from there. It counts connections as they stand, so that nothing
// has to be given back; two who come in the same instant may both pass.
func (g *gater) roomFor(from ma.Multiaddr) bool {
	h := g.host.Load()
	if h == nil {
		return false
	}
	net := subnet(from)
	all, near := 0, 0
	for _, c := range (*h).Network().Conns() {
		if c.Stat().Direction != network.DirInbound || g.admission.Tier(c.RemotePeer()) == Member {
			continue
		}
		all++
		if subnet(c.RemoteMultiaddr()) == net {
			near++
		}
	}
	return all < maxStrangers && near < maxStrangersSubnet
}

// subnet is what counts as one network. Connections within this machine are counted together too.
func subnet(a ma.Multiaddr) netip.Prefix {
	ip, err := manet.ToIP(a)
	if err != nil {
		return netip.Prefix{}
	}
	addr, _ := netip.AddrFromSlice(ip)
	addr = addr.Unmap()
	bits := 24
	if addr.Is6() {
		bits = 48
	}
	p, _ := addr.Prefix(bits)
	return p
}
