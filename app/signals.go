package app

import (
	"context"
	"time"

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/p2p/gossip"
	"hallway/p2p/wire"
)

// What is never stored: that somebody is writing. Its content is one kind byte, then the id of the thread's root if any.
const signalTyping = 1

// signalLife is how old a signal may be: one that was held back says nothing any more.
const signalLife = 30 * time.Second

// Typing tells the others that this person is writing.
func (of *Office) Typing(ctx context.Context, req TypingRequest) (Done, error) {
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if err != nil {
		return Done{}, err
	}
	node := s.net.running()
	if node == nil {
		return Done{}, nil
	}
	root, err := optionalID(req.Thread)
	if err != nil {
		return Done{}, err
	}
	c, err := s.seal.EpochToSend(s.sealView(), scope)
	if err != nil {
		return Done{}, nil // a signal is not worth a new key
	}
	content := []byte{signalTyping}
	if !root.IsZero() {
		content = append(content, root[:]...)
	}
	sig := wire.Signal{Device: s.device, Epoch: c.Epoch, HLC: crdt.HLCAt(s.clock())}
	sig.Match = wire.SignalMatch(scope, sig.Device, sig.HLC)
	if sig.Sealed, err = s.seal.SealSignal(s.sealView(), scope, seal.SignalHeader{Device: sig.Device, Epoch: sig.Epoch, HLC: sig.HLC}, content); err != nil {
		return Done{}, nil
	}
	sig.Sign(s.id, s.ring.SignKey())
	frame := wire.AppendLiveSignal(nil, &sig)
	if to, private := s.devicesOf(scope); private && len(to) <= smallScope {
		node.Push(to, frame)
		return Done{}, nil
	}
	if err := node.Publish(ctx, wire.Shard(scope, 1), frame); err != nil {
		s.log.Debug("could not tell that somebody writes", "err", err)
	}
	return Done{}, nil
}

// heardSignal takes one signal that arrived live.
func (s *space) heardSignal(body []byte) gossip.Verdict {
	sig, err := wire.ParseSignal(body)
	if err != nil {
		return gossip.Reject
	}
	d, ok := s.access().DeviceByRef(sig.Device)
	if !ok || d.Revoked || sig.Device == s.device {
		return gossip.Ignore
	}
	if !sig.Verify(s.id, d.Cert.DSK.Public()) {
		return gossip.Reject
	}
	if age := s.clock().Sub(sig.HLC.Time()); age > signalLife || age < -signalLife {
		return gossip.Ignore
	}
	for _, ch := range s.channels() {
		if wire.SignalMatch(ch.Scope, sig.Device, sig.HLC) != sig.Match || !s.access().MayWrite(d.User, ch.Scope) {
			continue
		}
		content, err := s.seal.OpenSignal(ch.Scope, seal.SignalHeader{Device: sig.Device, Epoch: sig.Epoch, HLC: sig.HLC}, sig.Sealed)
		if err == nil && len(content) > 0 && content[0] == signalTyping {
			e := Event{Kind: EventTyping, Channel: ch.Scope.String(), Member: d.User.String(), Name: s.names.name(d.User), Time: sig.HLC.Time()}
			if len(content) == 1+len(crdt.OpID{}) {
				e.Thread = crdt.OpID(content[1:]).String()
			}
			e.ChannelName, _ = s.channelTitle(&ch)
			s.publish(e)
		}
		break
	}
	return gossip.Accept
}
