package p2p

import (
	"context"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"hallway/p2p/discover"
)

// runDiscovery announces this desk on the local networks and dials whom it hears.
func (n *Node) runDiscovery(ctx context.Context) {
	s := discover.Service{
		Workspace: n.o.Workspace, Self: n.ID(), Clock: n.o.Clock, Rand: n.o.Rand, Log: n.o.Log,
		Addrs: func() []ma.Multiaddr {
			addrs, err := n.host.Network().InterfaceListenAddresses()
			if err != nil {
				return nil
			}
			return addrs
		},
		Found: func(info peer.AddrInfo) {
			if n.o.Admission.Tier(info.ID) != Refused {
				n.dialer.add(info, true)
			}
		},
	}
	if err := s.Run(ctx); err != nil {
		n.o.Log.Warn("discovery on the local network has ended", "err", err)
	}
}
