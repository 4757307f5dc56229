package seal

import (
	"encoding/binary"
	"fmt"

	"hallway/crdt"
)

// SignalHeader is what a signal's envelope is bound to: the clear fields of the frame that carries it (protocol 6.9).
type SignalHeader struct {
	Device crdt.DeviceRef
	Epoch  crdt.EpochID
	HLC    crdt.HLC
}

// MaxSignal is the longest content of a signal, in bytes.
const MaxSignal = 255

// SealSignal seals what is never stored: typing, presence, receipts. It refuses as SealOp does.
func (s *Sealer) SealSignal(v View, scope crdt.ScopeID, h SignalHeader, content []byte) ([]byte, error) {
	if len(content) > MaxSignal {
		return nil, fmt.Errorf("seal a signal of %d bytes: %w", len(content), ErrTooLarge)
	}
	if err := s.maySend(v, v.KeyScope(scope), h.Epoch); err != nil {
		return nil, fmt.Errorf("seal a signal: %w", err)
	}
	secret, err := s.epochs.Get(h.Epoch)
	if err != nil {
		return nil, fmt.Errorf("seal a signal: %w", s.missing(h.Epoch))
	}
	key := s.scopeKey(secret, scope).Derive("hallway/signal-key/v1", h.Device[:])
	return closeEnvelope(key, s.rand, s.signalContext(scope, h), content)
}

// OpenSignal opens what SealSignal made.
func (s *Sealer) OpenSignal(scope crdt.ScopeID, h SignalHeader, box []byte) ([]byte, error) {
	if len(box) > PaddedLen(MaxSignal)+overhead {
		return nil, fmt.Errorf("open a signal of %d bytes: %w", len(box), ErrTooLarge)
	}
	secret, err := s.epochs.Get(h.Epoch)
	if err != nil {
		return nil, fmt.Errorf("open a signal: %w", s.missing(h.Epoch))
	}
	key := s.scopeKey(secret, scope).Derive("hallway/signal-key/v1", h.Device[:])
	content, err := openEnvelope(key, s.signalContext(scope, h), box)
	if err != nil {
		return nil, fmt.Errorf("open a signal: %w", err)
	}
	return content, nil
}

func (s *Sealer) signalContext(scope crdt.ScopeID, h SignalHeader) []byte {
	b := append([]byte("hallway/signal-box/v1"), s.ws[:]...)
	b = append(b, scope[:]...)
	b = append(b, h.Device[:]...)
	b = append(b, h.Epoch[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(h.HLC))
}
