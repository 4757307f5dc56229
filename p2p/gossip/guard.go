package gossip

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
)

// errNotAllowed is what pubsub is told of a device that may not take part (yet).
var errNotAllowed = errors.New("device has not proved its membership")

// guardedHost is the host as pubsub may see it: devices exist for it from Admit on, whatever the host is connected to.
type guardedHost struct {
	host.Host
	o    Options
	bus  event.Bus
	emit event.Emitter

	mu     sync.Mutex
	protos []protocol.ID
}

func newGuardedHost(o Options) (*guardedHost, error) {
	bus := eventbus.NewBus()
	emit, err := bus.Emitter(new(event.EvtPeerIdentificationCompleted))
	if err != nil {
		return nil, fmt.Errorf("make event bus: %w", err)
	}
	return &guardedHost{Host: o.Host, o: o, bus: bus, emit: emit}, nil
}

// EventBus is pubsub's own: what happens there is what Admit tells.
func (h *guardedHost) EventBus() event.Bus { return h.bus }

// ConnManager is none: pubsub would mark connections there by topic, twice for its two routers, to no use of ours.
func (h *guardedHost) ConnManager() connmgr.ConnManager { return connmgr.NullConnMgr{} }

// SetStreamHandler refuses streams of devices that have not proved who they are.
func (h *guardedHost) SetStreamHandler(proto protocol.ID, f network.StreamHandler) {
	h.mu.Lock()
	h.protos = append(h.protos, proto)
	h.mu.Unlock()
	h.Host.SetStreamHandler(proto, func(s network.Stream) {
		if !h.o.Wait(s.Conn().RemotePeer()) {
			_ = s.Reset() // nothing to tell one who may not speak to us
			return
		}
		f(s)
	})
}

// NewStream opens streams to devices that may take part only.
func (h *guardedHost) NewStream(ctx context.Context, p peer.ID, protos ...protocol.ID) (network.Stream, error) {
	if !h.o.Allowed(p) {
		return nil, fmt.Errorf("open gossip stream: %w", errNotAllowed)
	}
	return h.Host.NewStream(ctx, p, protos...)
}

func (h *guardedHost) admit(p peer.ID) {
	h.mu.Lock()
	protos := append([]protocol.ID(nil), h.protos...)
	h.mu.Unlock()
	_ = h.emit.Emit(event.EvtPeerIdentificationCompleted{Peer: p, Protocols: protos}) // fails only on a closed bus
}
