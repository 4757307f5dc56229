package seal

import (
	"bytes"
	"fmt"

	"hallway/app/internal/keyring"
	"hallway/crdt"
)

// NoticeSize is the length of every notice, whoever it is for and whichever kind of recipients the workspace has.
const NoticeSize = 2048

// Notice tells one person that a private channel or direct message is there for him (protocol 3.1).
type Notice struct {
	Scope   crdt.ScopeID
	Genesis crdt.OpID // of the channel's ChannelGenesis
}

// MakeNotice is a notice for one person, NoticeSize bytes. Nobody else can tell whom it is for.
func (s *Sealer) MakeNotice(v View, to User, n Notice) ([]byte, error) {
	r, ok := v.RecipientOf(to)
	if !ok {
		return nil, fmt.Errorf("make notice: %w", ErrRefused)
	}
	content := append(n.Scope[:], n.Genesis[:]...)
	bare, err := wrap(kindNotice, v.PQ(), content, r.Key)
	if err != nil {
		return nil, fmt.Errorf("make notice: %w", err)
	}
	if len(bare) > NoticeSize {
		return nil, fmt.Errorf("make notice of %d bytes: %w", len(bare), ErrTooLarge)
	}
	full, err := wrap(kindNotice, v.PQ(), append(content, make([]byte, NoticeSize-len(bare))...), r.Key)
	if err != nil {
		return nil, fmt.Errorf("make notice: %w", err)
	}
	if len(full) != NoticeSize {
		return nil, fmt.Errorf("make notice of %d bytes: %w", len(full), ErrTooLarge)
	}
	return full, nil
}

// TryNotice opens a notice if it is for this person; ok is false, and no error, where it is for others.
func (s *Sealer) TryNotice(v View, box []byte) (n Notice, ok bool) {
	if len(box) != NoticeSize {
		return Notice{}, false
	}
	for _, p := range s.ring.PUKs() {
		content, err := unwrap(kindNotice, v.PQ(), box, p.Identity)
		if err != nil {
			continue
		}
		if len(content) < 64 || len(bytes.Trim(content[64:], "\x00")) > 0 {
			return Notice{}, false
		}
		return Notice{Scope: crdt.ScopeID(content[:32]), Genesis: crdt.OpID(content[32:64])}, true
	}
	return Notice{}, false
}

// WrapPUK wraps a generation of a person's key to one recipient: a device of his, his recovery key, or the next
// generation, under which the ones before it stay readable (protocol 2.5).
func WrapPUK(pq bool, p keyring.PUK, to keyring.Recipient) ([]byte, error) {
	content := append([]byte{byte(p.Gen >> 24), byte(p.Gen >> 16), byte(p.Gen >> 8), byte(p.Gen)}, p.Identity.Secrets()...)
	box, err := wrap(kindPUK, pq, content, to)
	if err != nil {
		return nil, fmt.Errorf("wrap puk: %w", err)
	}
	return box, nil
}

// UnwrapPUK opens a wrap of a person's key with one of his devices' keys, his recovery key or a later generation. public
// is what access holds of that generation: another key is refused with ErrWrap.
func UnwrapPUK(pq bool, box []byte, with keyring.Identity, gen uint32, public keyring.Recipient) (keyring.PUK, error) {
	content, err := unwrap(kindPUK, pq, box, with)
	if err != nil {
		return keyring.PUK{}, fmt.Errorf("unwrap puk: %w", err)
	}
	if len(content) != 4+keyring.IdentitySize {
		return keyring.PUK{}, fmt.Errorf("unwrap puk: %w", ErrWrap)
	}
	id, err := keyring.IdentityFromSecrets(content[4:])
	if err != nil {
		return keyring.PUK{}, fmt.Errorf("unwrap puk: %w", err)
	}
	have, err := id.Recipient()
	if err != nil {
		return keyring.PUK{}, fmt.Errorf("unwrap puk: %w", err)
	}
	g := uint32(content[0])<<24 | uint32(content[1])<<16 | uint32(content[2])<<8 | uint32(content[3])
	if g != gen || have.X25519 != public.X25519 || pq && !have.Equal(public) {
		return keyring.PUK{}, fmt.Errorf("unwrap puk: not generation %d: %w", gen, ErrWrap)
	}
	return keyring.PUK{Gen: gen, Identity: id}, nil
}
