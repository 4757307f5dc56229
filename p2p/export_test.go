package p2p

import (
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	ma "github.com/multiformats/go-multiaddr"
)

// Host is the host, for tests that misbehave.
func (n *Node) Host() host.Host { return n.host }

// Subnet is what counts as one network of strangers.
func Subnet(a string) netip.Prefix { return subnet(ma.StringCast(a)) }

// MaxPushQueue bounds what waits for a slow reader.
const MaxPushQueue = maxPushQueue

// DueNow is how many targets would be dialled if all waiting were over.
func (n *Node) DueNow() int {
	n.dialer.mu.Lock()
	for _, t := range n.dialer.targets {
		t.next = t.next.Add(-time.Hour)
	}
	n.dialer.mu.Unlock()
	due, _ := n.dialer.due()
	return len(due)
}
