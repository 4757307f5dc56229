package seal

import (
	"fmt"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// Field says what a sealed text in a clear access body is. It is part of the key, so that a topic cannot pass for a
// name.
type Field string

// The sealed fields of access bodies.
const (
	FieldWorkspaceName Field = "workspace-name"
	FieldProfile       Field = "profile"
	FieldRequestName   Field = "request-name"
	FieldChannelName   Field = "channel-name"
	FieldChannelTopic  Field = "channel-topic"
	FieldInviteNote    Field = "invite-note"
)

// MaxField is the longest text of a sealed field in bytes: padded and sealed it still fits into the box of 4,096 bytes
// that an access body has room for.
const MaxField = 3967

// SealField seals a name, a title or a topic for an access body under an epoch that EpochToSend answered for scope's key
// scope. It refuses as SealOp does.
func (s *Sealer) SealField(v View, scope crdt.ScopeID, epoch crdt.EpochID, f Field, text []byte) ([]byte, error) {
	return s.SealFieldFor(v, v.KeyScope(scope), scope, epoch, f, text)
}

// SealFieldFor is SealField for a scope that v does not know yet, since the op that opens it is what the field is for: key
// is the key scope that it will have.
func (s *Sealer) SealFieldFor(v View, key, scope crdt.ScopeID, epoch crdt.EpochID, f Field, text []byte) ([]byte, error) {
	if len(text) > MaxField {
		return nil, fmt.Errorf("seal a field of %d bytes: %w", len(text), ErrTooLarge)
	}
	if err := s.maySend(v, key, epoch); err != nil {
		return nil, fmt.Errorf("seal a field: %w", err)
	}
	secret, err := s.epochs.Get(epoch)
	if err != nil {
		return nil, fmt.Errorf("seal a field: %w", s.missing(epoch))
	}
	return closeEnvelope(s.fieldKey(secret, scope, f), s.rand, s.fieldContext(scope, epoch, f), text)
}

// OpenField opens what SealField made.
func (s *Sealer) OpenField(scope crdt.ScopeID, epoch crdt.EpochID, f Field, box []byte) ([]byte, error) {
	if len(box) > PaddedLen(MaxField)+overhead {
		return nil, fmt.Errorf("open a field of %d bytes: %w", len(box), ErrTooLarge)
	}
	secret, err := s.epochs.Get(epoch)
	if err != nil {
		return nil, fmt.Errorf("open a field: %w", s.missing(epoch))
	}
	text, err := openEnvelope(s.fieldKey(secret, scope, f), s.fieldContext(scope, epoch, f), box)
	if err != nil {
		return nil, fmt.Errorf("open a field: %w", err)
	}
	return text, nil
}

func (s *Sealer) fieldKey(epoch keyring.Secret, scope crdt.ScopeID, f Field) keyring.Secret {
	return s.scopeKey(epoch, scope).Derive("hallway/field-key/v1", []byte(f))
}

func (s *Sealer) fieldContext(scope crdt.ScopeID, epoch crdt.EpochID, f Field) []byte {
	b := append([]byte("hallway/field/v1"), s.ws[:]...)
	b = append(b, scope[:]...)
	b = append(b, epoch[:]...)
	return append(b, f...)
}
