package seal

import (
	"fmt"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// MaxContent is the longest content that fits into one op once padded and sealed.
const MaxContent = 63488 - 1 // the largest padded length that leaves room for salt and tag in crdt.MaxPayload

// logKeyID names the key of one log under one epoch.
type logKeyID struct {
	epoch crdt.EpochID
	scope crdt.ScopeID
	log   crdt.LogID
}

type logKey = keyring.Secret

// maxLogKeys bounds how many derived keys are kept at hand; past it they are derived anew.
const maxLogKeys = 4096

// scopeKey is the key of everything sealed in a scope under an epoch (protocol 6.1).
func (s *Sealer) scopeKey(epoch keyring.Secret, scope crdt.ScopeID) keyring.Secret {
	return epoch.Derive("hallway/scope-key/v1", s.ws[:], scope[:])
}

// logKey is the key of one log: a device that repeats itself can so never meet the nonces of another.
func (s *Sealer) logKey(id logKeyID) (keyring.Secret, error) {
	s.mu.RLock()
	k, ok := s.logs[id]
	s.mu.RUnlock()
	if ok {
		return k, nil
	}
	secret, err := s.epochs.Get(id.epoch)
	if err != nil {
		return keyring.Secret{}, s.missing(id.epoch)
	}
	k = s.scopeKey(secret, id.scope).Derive("hallway/log-key/v1", id.log[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.logs) >= maxLogKeys {
		clear(s.logs)
	}
	s.logs[id] = k
	return k, nil
}

// opContext binds an envelope to its workspace, its scope and the whole header but for the payload's own hash: type,
// author, log, place, clock, epoch and rights.
func (s *Sealer) opContext(scope crdt.ScopeID, h *crdt.Header) []byte {
	b := make([]byte, 0, 256)
	b = append(b, "hallway/content/v1"...)
	b = append(b, s.ws[:]...)
	b = append(b, scope[:]...)
	return h.AppendSansPayload(b)
}

// SealOp is the payload of a content op: content, at most MaxContent bytes, sealed for the header that crdt.Tip.Next
// made. It refuses with ErrStale where v knows somebody removed, or a key replaced, whom h.Epoch would still let in: the
// caller asks EpochToSend anew.
func (s *Sealer) SealOp(v View, scope crdt.ScopeID, h *crdt.Header, content []byte) ([]byte, error) {
	if len(content) > MaxContent {
		return nil, fmt.Errorf("seal %d bytes: %w", len(content), ErrTooLarge)
	}
	if h.Type.Class() != crdt.ClassContent {
		return nil, fmt.Errorf("seal an op of type %#x: %w", byte(h.Type), ErrMalformed)
	}
	if err := s.maySend(v, v.KeyScope(scope), h.Epoch); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	key, err := s.logKey(logKeyID{h.Epoch, scope, h.Log})
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return closeEnvelope(key, s.rand, s.opContext(scope, h), content)
}

// openContent opens the payload of a content op of this scope. One key is tried, the one that the header names
// (protocol 3.2, key commitment).
func (s *Sealer) openContent(scope crdt.ScopeID, op *crdt.Op) ([]byte, error) {
	if op.Epoch.IsZero() || op.Payload == nil {
		return nil, fmt.Errorf("open op: no sealed payload: %w", ErrMalformed)
	}
	key, err := s.logKey(logKeyID{op.Epoch, scope, op.Log})
	if err != nil {
		return nil, fmt.Errorf("open op: %w", err)
	}
	content, err := openEnvelope(key, s.opContext(scope, &op.Header), op.Payload)
	if err != nil {
		return nil, fmt.Errorf("open op: %w", err)
	}
	return content, nil
}
