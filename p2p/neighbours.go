package p2p

import (
	"context"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	ma "github.com/multiformats/go-multiaddr"

	"hallway/p2p/wire"
)

// everybodyHears reports whether every device that a neighbour hears is a neighbour of ours, or ourselves, so that our own
// sends reach all in reach and nobody needs to pass them on (protocol 7.1).
func (n *Node) everybodyHears() bool {
	all := n.remotes.proven()
	if len(all) > wire.MaxNeighbours {
		return false
	}
	mine := map[wire.PeerMark]bool{wire.MarkOf([]byte(n.ID())): true}
	for _, r := range all {
		mine[wire.MarkOf([]byte(r.id))] = true
	}
	for _, r := range all {
		if !r.hearsOnly(mine) {
			return false
		}
	}
	return true
}

func (r *remote) hearsOnly(known map[wire.PeerMark]bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.told || r.neighbours.Many {
		return false
	}
	for _, m := range r.neighbours.Marks {
		if !known[m] {
			return false
		}
	}
	return true
}

// tellNeighbours tells everybody whom we hear, a moment after the last change.
func (n *Node) tellNeighbours() {
	select {
	case n.neighboursChanged <- struct{}{}:
	default:
	}
}

// runNeighbours gathers changes for half a second before it tells them.
func (n *Node) runNeighbours(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.neighboursChanged:
		}
		n.sleep(ctx, 500*time.Millisecond)
		frame := n.neighboursFrame()
		for _, r := range n.remotes.proven() {
			r.push.put(frame)
		}
	}
}

// neighboursFrame lists whom we hear now.
func (n *Node) neighboursFrame() []byte {
	all := n.remotes.proven()
	nb := wire.Neighbours{Many: len(all) > wire.MaxNeighbours}
	if !nb.Many {
		for _, r := range all {
			nb.Marks = append(nb.Marks, wire.MarkOf([]byte(r.id)))
		}
		slices.SortFunc(nb.Marks, func(a, b wire.PeerMark) int { return slices.Compare(a[:], b[:]) })
		nb.Marks = slices.Compact(nb.Marks)
	}
	return nb.Append(nil, wire.LiveNeighbours)
}

// heardNeighbours keeps whom a device hears, and asks it for those that we do not know how to reach.
func (n *Node) heardNeighbours(r *remote, nb wire.Neighbours) {
	r.mu.Lock()
	r.neighbours, r.told = nb, true
	r.mu.Unlock()
	known := map[wire.PeerMark]bool{wire.MarkOf([]byte(n.ID())): true}
	for _, o := range n.remotes.proven() {
		known[wire.MarkOf([]byte(o.id))] = true
	}
	for _, p := range n.dialer.known() {
		known[wire.MarkOf([]byte(p))] = true
	}
	heard := map[wire.PeerMark]bool{}
	var who wire.Neighbours
	for _, m := range nb.Marks {
		heard[m] = true
		if !known[m] {
			who.Marks = append(who.Marks, m)
		}
	}
	if len(who.Marks) > 0 {
		r.push.put(who.Append(nil, wire.LiveWho))
	}
	n.dialer.hint(func(p peer.ID) bool { return heard[wire.MarkOf([]byte(p))] })
}

// answerWho tells a member where the devices are to be found that it asked for.
func (n *Node) answerWho(r *remote, who wire.Neighbours) {
	var out []wire.Device
	for _, o := range n.remotes.proven() {
		if _, asked := slices.BinarySearchFunc(who.Marks, wire.MarkOf([]byte(o.id)),
			func(a, b wire.PeerMark) int { return slices.Compare(a[:], b[:]) }); !asked || o.id == r.id {
			continue
		}
		d := wire.Device{ID: []byte(o.id)}
		for _, a := range uniqueAddrs(n.host.Peerstore().Addrs(o.id), wire.MaxDeviceAddrs) {
			if b := a.Bytes(); len(b) <= wire.MaxAddr {
				d.Addrs = append(d.Addrs, b)
			}
		}
		if len(d.Addrs) > 0 {
			out = append(out, d)
		}
	}
	if len(out) > 0 {
		r.push.put(wire.AppendDevices(nil, out))
	}
}

// heardDevices looks for members at the addresses that another member gave.
func (n *Node) heardDevices(devices []wire.Device) {
	for _, d := range devices {
		p, err := peer.IDFromBytes(d.ID)
		if err != nil || n.o.Admission.Tier(p) != Member {
			continue
		}
		info := peer.AddrInfo{ID: p}
		for _, b := range d.Addrs {
			if a, err := ma.NewMultiaddrBytes(b); err == nil {
				info.Addrs = append(info.Addrs, a)
			}
		}
		if len(info.Addrs) > 0 {
			n.host.Peerstore().AddAddrs(p, info.Addrs, peerstore.TempAddrTTL)
			n.dialer.add(info, true)
		}
	}
}
