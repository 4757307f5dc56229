package seal

import (
	"errors"
	"fmt"
	"sync"

	"hallway/app/internal/keyring"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
)

// Take takes an admitted op of class keys, of any type; one that this version does not know changes nothing. Taking one
// again does no harm, and after a start all that the store holds are taken again, in any order. What is malformed or
// does not hold what it says is an error and changes nothing else.
func (s *Sealer) Take(v View, adm access.Admitted) (Taken, error) {
	op := adm.Verified().Op()
	if !op.HasPayload() {
		return Taken{}, nil
	}
	switch op.Type {
	case crdt.TypeEpochMint:
		return s.takeMint(v, adm.Scope(), op, adm.Verified().ID())
	case crdt.TypeKeyGrant:
		return s.takeGrant(v, adm.Scope(), op)
	case crdt.TypeHistoryBox:
		return s.takeBoxes(v, adm.Scope(), op)
	}
	return Taken{}, nil
}

// OpenOp opens an admitted content op. The answer is always good. Where the op's key is not here it is in the state
// chat.StateLocked and comes with a *MissingKey that says why. Any other error means that the op can never be opened,
// since its author sealed something else than the header says, or what chat refuses: the answer is then
// chat.BrokenOp, the same on every copy that has the key.
func (s *Sealer) OpenOp(adm access.Admitted) (chat.Opened, error) {
	op := adm.Verified().Op()
	switch {
	case op.Type == crdt.TypeRedact:
		return chat.OpenRedact(adm), nil
	case !op.HasPayload():
		return chat.ErasedOp(adm), nil
	case op.Type != crdt.TypeContent:
		return chat.BrokenOp(adm), fmt.Errorf("open op of type %#x: %w", byte(op.Type), ErrMalformed)
	}
	content, err := s.openContent(adm.Scope(), op)
	if missing := (*MissingKey)(nil); errors.As(err, &missing) {
		return chat.LockedOp(adm), missing
	}
	if err != nil {
		return chat.BrokenOp(adm), err
	}
	opened, err := chat.Open(adm, content)
	if err != nil {
		return chat.BrokenOp(adm), err
	}
	return opened, nil
}

// HeadsOf answers the access heads that an Auth stands for; the store keeps them.
type HeadsOf func(crdt.AuthRef) ([]crdt.OpID, bool)

// ViewOf is what seal asks of a state of access. heads may be asked at any time.
func ViewOf(v *access.View, heads HeadsOf) View {
	return &accessView{v: v, heads: heads, access: crdt.AccessScope(v.Workspace()), now: map[crdt.ScopeID][]Recipient{},
		keys: map[crdt.ScopeID]crdt.ScopeID{}}
}

type accessView struct {
	v      *access.View
	heads  HeadsOf
	access crdt.ScopeID

	mu   sync.Mutex
	now  map[crdt.ScopeID][]Recipient
	keys map[crdt.ScopeID]crdt.ScopeID // answers of KeyScope
}

func (a *accessView) PQ() bool { return a.v.PQ() }

func (a *accessView) KeyScope(scope crdt.ScopeID) crdt.ScopeID {
	a.mu.Lock()
	defer a.mu.Unlock()
	key, ok := a.keys[scope]
	if !ok {
		key = scope
		if c, ok := a.v.Channel(scope); ok && c.Public {
			key = a.access
		}
		a.keys[scope] = key
	}
	return key
}

func (a *accessView) Auth(key crdt.ScopeID) crdt.AuthRef {
	return crdt.HeadsDigest(a.v.AuthHeads(key))
}

func (a *accessView) Recipients(key crdt.ScopeID) []Recipient {
	a.mu.Lock()
	defer a.mu.Unlock()
	if out, ok := a.now[key]; ok {
		return out
	}
	out := a.convert(a.v.Recipients(key))
	a.now[key] = out
	return out
}

func (a *accessView) convert(list []access.Recipient) []Recipient {
	out := make([]Recipient, len(list))
	for i, r := range list {
		role, _ := a.v.Role(r.User)
		out[i] = Recipient{User: r.User, Gen: uint32(r.Gen), Key: keyring.Recipient(r.Puk), Guest: role == access.Guest}
	}
	return out
}

func (a *accessView) RecipientsAt(key crdt.ScopeID, auth crdt.AuthRef) ([]Recipient, bool) {
	heads, ok := a.heads(auth)
	if !ok {
		return nil, false
	}
	list, err := a.v.RecipientsAt(key, heads)
	if err != nil {
		return nil, false
	}
	return a.convert(list), true
}

func (a *accessView) Lost(key crdt.ScopeID, auth crdt.AuthRef) bool {
	heads, ok := a.heads(auth)
	if !ok {
		return true
	}
	stale, err := a.v.Stale(key, heads)
	return stale || err != nil
}

func (a *accessView) History(key crdt.ScopeID) History {
	if key == a.access {
		return History{} // all: public channels show everything
	}
	c, ok := a.v.Channel(key)
	if !ok {
		return History{Kind: HistoryFromJoin} // the least, where nothing is known
	}
	return History{Kind: HistoryKind(c.History.Kind), Days: c.History.Days}
}

func (a *accessView) UserOf(sign [32]byte) (User, bool) {
	d, ok := a.v.DeviceByRef(crdt.RefOf(sign[:]))
	if !ok || d.Cert.DSK != access.Key(sign) || !a.v.Connects(d) {
		return User{}, false
	}
	return d.User, true
}

func (a *accessView) RecipientOf(u User) (Recipient, bool) {
	m, ok := a.v.Member(u)
	if !ok || !m.Present || m.Puk == nil {
		return Recipient{}, false
	}
	p := m.Puk.Puk
	return Recipient{User: u, Gen: uint32(p.Gen), Key: keyring.Recipient(p.Key), Guest: m.Role == access.Guest}, true
}
