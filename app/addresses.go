package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	localListen = "net/listen" // the addresses that were listened on last
	localAddrs  = "net/addrs"  // the addresses that others could use last
	localPeers  = "net/peer/"  // + network id: where a device was met
)

// listenAddrs is where to listen: as told, else on the ports of last time, so that links that were handed out stay good.
func (n *network) listenAddrs(told []string) ([]ma.Multiaddr, error) {
	if len(told) > 0 {
		return multiaddrs(told)
	}
	var last []string
	if ok, err := n.s.kv.get(localListen, &last); err != nil || !ok {
		return nil, err
	}
	addrs, err := multiaddrs(last)
	if err != nil {
		return nil, nil
	}
	return addrs, nil
}

// keepListen remembers the ports, on every address: a laptop's addresses change with its network.
func (n *network) keepListen(ctx context.Context, addrs []ma.Multiaddr) error {
	var keep, all []string
	for _, a := range addrs {
		all = append(all, a.String())
		if w := wildcard(a); w != "" && !slices.Contains(keep, w) {
			keep = append(keep, w)
		}
	}
	if err := n.s.kv.put(ctx, localAddrs, all); err != nil || len(n.s.of.o.Network.Listen) > 0 || len(keep) == 0 {
		return err
	}
	return n.s.kv.put(ctx, localListen, keep)
}

// wildcard is the address with its host part opened to every address of this machine.
func wildcard(a ma.Multiaddr) string {
	host := "/ip4/0.0.0.0"
	if _, err := a.ValueForProtocol(ma.P_IP6); err == nil {
		host = "/ip6/::"
	}
	if port, err := a.ValueForProtocol(ma.P_TCP); err == nil {
		return host + "/tcp/" + port
	}
	if port, err := a.ValueForProtocol(ma.P_UDP); err == nil {
		return host + "/udp/" + port + "/quic-v1"
	}
	return ""
}

func multiaddrs(texts []string) ([]ma.Multiaddr, error) {
	var out []ma.Multiaddr
	for _, t := range texts {
		a, err := ma.NewMultiaddr(t)
		if err != nil {
			return nil, problem(ProblemInvalid, fmt.Sprintf("%q is not an address; write it as /ip4/10.0.0.7/tcp/4021.", t))
		}
		out = append(out, a)
	}
	return out, nil
}

// Remembered implements p2p.AddressBook.
func (n *network) Remembered() []peer.AddrInfo {
	var out []peer.AddrInfo
	err := n.s.kv.each(localPeers, func(name string, _ []byte) error {
		var addrs []string
		if ok, err := n.s.kv.get(name, &addrs); err != nil || !ok {
			return err
		}
		id, err := peer.Decode(name[len(localPeers):])
		if err != nil {
			return nil
		}
		if mas, err := multiaddrs(addrs); err == nil {
			out = append(out, peer.AddrInfo{ID: id, Addrs: mas})
		}
		return nil
	})
	if err != nil {
		n.s.log.Warn("could not read where peers were met", "err", err)
	}
	return out
}

// Remember implements p2p.AddressBook.
func (n *network) Remember(info peer.AddrInfo) {
	var addrs []string
	for _, a := range info.Addrs {
		addrs = append(addrs, a.String())
	}
	if err := n.s.kv.put(context.Background(), localPeers+info.ID.String(), addrs); err != nil {
		n.s.log.Warn("could not remember where a peer was met", "err", err)
	}
}

// lastAddrs are the addresses of last time, for an invitation that is made while the desk is not online.
func (n *network) lastAddrs() []string {
	var last []string
	if ok, err := n.s.kv.get(localAddrs, &last); err != nil || !ok {
		return nil
	}
	return last
}
