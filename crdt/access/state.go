package access

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"hallway/crdt"
)

// ErrInadmissible is wrapped with the reason why an op can never be stored.
var ErrInadmissible = errors.New("inadmissible")

// ErrNoPayload is returned for an access op whose payload is not here: without it nothing can be judged.
var ErrNoPayload = errors.New("access op without its payload")

// Missing says that an op came before what it rests on. It is to be held, bounded, until that is here.
type Missing struct {
	Ops  []crdt.OpID   // access ops that are not here
	Auth *crdt.AuthRef // a digest whose heads are not known
}

func (m *Missing) Error() string {
	if m.Auth != nil {
		return "early: access heads of " + m.Auth.String() + " are not known"
	}
	return fmt.Sprintf("early: %d access ops are not here", len(m.Ops))
}

// Admitted is an op that its own past allowed. Only a State makes one.
type Admitted struct {
	v       crdt.Verified
	scope   crdt.ScopeID
	user    UserID
	device  Key
	changed *Changed

	moderates, imports bool
}

// Verified is the op itself.
func (a Admitted) Verified() crdt.Verified { return a.v }

// Scope is where the op belongs.
func (a Admitted) Scope() crdt.ScopeID { return a.scope }

// User is who wrote it; zero for the workspace key.
func (a Admitted) User() UserID { return a.user }

// Device is the sign key that the op was written with.
func (a Admitted) Device() Key { return a.device }

// Moderates reports whether, in the past that the op names, its author might delete what others wrote in the scope: a
// moderator of the workspace in a public channel, a manager in any but a direct message, which is nobody's to clean up.
// False of access ops.
func (a Admitted) Moderates() bool { return a.moderates }

// Imports reports whether, in the past that the op names, its author might bring other systems' histories in. False of
// access ops.
func (a Admitted) Imports() bool { return a.imports }

// Changed says what the op changed, for system lines and open connections; nil where nothing did. It lists people whose
// role, devices, keys or profile may be others now, and channels whose settings or members may be.
func (a Admitted) Changed() *Changed { return a.changed }

// Changed lists what may be different after an op. All says that any channel's members may have changed too, since a
// workspace role did.
type Changed struct {
	Users  []UserID
	Roles  []UserID // of Users, those whose workspace role is another now
	Scopes []crdt.ScopeID
	Voided []crdt.OpID // ops that were effective before
	Stood  []crdt.OpID // earlier ops that became effective
}

// State is the fold over a workspace's access ops, of the access scope and of every private channel held here. It is
// not safe for concurrent use: the one writer owns it, and readers take a View.
type State struct {
	core
	gen      uint64
	clock    uint64
	dags     map[int32]*dag // by scope; none for the access scope
	horizons map[horizonKey]*horizon
	view     *View
	rounds   int // ops re-judged in full, for tests of what one op costs
}

// dag numbers the chains of one scope's access logs.
type dag struct{ tips []uint32 }

// New is the state of a workspace of which nothing is known but its id.
func New(ws crdt.WorkspaceID) *State {
	return &State{
		core: core{ws: ws, genesis: none, names: newNames()},
		dags: map[int32]*dag{}, horizons: map[horizonKey]*horizon{}, gen: 1,
	}
}

// Admit judges one op and, if it is an access op, folds it in. An op admitted before is admitted again without effect.
// The error is *Missing for an op that is early, wraps ErrInadmissible for one that never will be right, and is
// ErrNoPayload for an access op that lacks its payload.
func (s *State) Admit(scope crdt.ScopeID, v crdt.Verified) (Admitted, error) {
	return s.admit(scope, v, false)
}

// Readmit is Admit for ops from a store that only ever took what Admit let through: signatures inside bodies are not
// checked again. Everything else is.
func (s *State) Readmit(scope crdt.ScopeID, v crdt.Verified) (Admitted, error) {
	return s.admit(scope, v, true)
}

func (s *State) admit(scope crdt.ScopeID, v crdt.Verified, trusted bool) (Admitted, error) {
	if v.Op() == nil {
		return Admitted{}, fmt.Errorf("admit: %w", crdt.ErrNotAuthentic)
	}
	if op := v.Op(); len(op.Heads) > 0 {
		s.LearnHeads(op.Heads)
	}
	var a Admitted
	var err error
	if v.Op().Type.Class() == crdt.ClassAccess {
		a, err = s.admitAccess(scope, v, trusted)
	} else {
		a, err = s.admitOther(scope, v)
	}
	if err != nil {
		return Admitted{}, fmt.Errorf("admit op %s: %w", v.ID(), err)
	}
	return a, nil
}

// admitOther judges an op of class keys or content.
func (s *State) admitOther(scope crdt.ScopeID, v crdt.Verified) (Admitted, error) {
	op := v.Op()
	no := int32(none)
	if scope != crdt.AccessScope(s.ws) {
		if no = s.scopeNo(scope); no == none || len(s.scopes[no].roots) == 0 {
			// Whether there is such a channel is known only once the heads are here.
			return Admitted{}, s.missingScope(op.Auth)
		}
	}
	h, err := s.at(no, op.Auth)
	if err != nil {
		return Admitted{}, err
	}
	d, err := s.writer(h.judge, &op.Header, scope)
	if err != nil {
		return Admitted{}, err
	}
	dev := s.devs[d]
	if dev.kind != devPlain || !h.judge.vouched(d, nil, none) {
		return Admitted{}, inadmissible("device was not certified, or was revoked")
	}
	if err := s.mayWrite(h, no, dev.user, op.Type); err != nil {
		return Admitted{}, err
	}
	a := Admitted{v: v, scope: scope, user: s.users[dev.user].id, device: dev.key}
	a.imports = h.judge.role(dev.user) >= h.judge.atLeast(PolicyImport)
	if no != none {
		sc := s.scopes[no]
		a.moderates = !s.isDirect(sc) && h.channel(sc).roleIn(dev.user) >= int8(Manager) ||
			!sc.private && h.judge.role(dev.user) >= int8(Moderator)
	}
	return a, nil
}

func (s *State) missingScope(ref crdt.AuthRef) error {
	heads, ok := s.headsOf(ref)
	if !ok {
		return &Missing{Auth: &ref}
	}
	var missing []crdt.OpID
	for _, id := range heads {
		if s.op(id) == nil {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		return &Missing{Ops: missing}
	}
	return inadmissible("no such channel in the past")
}

// writer is the device that the header names, among those certified in the past. Two sign keys with one reference are
// both refused. It also holds the log to be the one of this device, scope and class, so that an op cannot be moved.
func (s *State) writer(j *judge, h *crdt.Header, scope crdt.ScopeID) (int32, error) {
	found := int32(none)
	for _, n := range lookupAll(s.names, s.names.refs, h.Device, len(s.devs)) {
		d := s.devs[n]
		if d.kind == devPlain && !j.anyIn(d.sources) || d.kind == devRecovery && !j.anyIn(s.users[d.user].identity) {
			continue
		}
		if found != none {
			return none, inadmissible("device reference of two devices")
		}
		found = n
	}
	if found == none {
		return none, inadmissible("device was not certified")
	}
	return found, s.ownLog(s.devs[found].key, h, scope)
}

func (s *State) ownLog(key Key, h *crdt.Header, scope crdt.ScopeID) error {
	if crdt.NewLogID(s.ws, scope, key[:], h.Type.Class(), h.Log.Incarnation()) != h.Log {
		return inadmissible("log of another device, scope or class")
	}
	return nil
}

// LearnHeads notes the heads that an AuthRef stands for; they need not be here yet. Ops bring theirs by themselves.
func (s *State) LearnHeads(heads []crdt.OpID) {
	if len(heads) > crdt.MaxHeads {
		return
	}
	sorted := crdt.SortHeads(heads)
	ref := crdt.HeadsDigest(sorted)
	s.names.mu.Lock()
	defer s.names.mu.Unlock()
	if _, ok := s.names.auths.get(ref); !ok {
		s.names.auths.add(ref, sorted)
	}
}

// KeysIn lists the sign keys that an access op introduces, as its body says and unchecked: a genesis is verified with
// them, before there is anything else to verify it with.
func KeysIn(op *crdt.Op) []ed25519.PublicKey {
	body, err := ParseBody(op.Type, op.Payload)
	if err != nil {
		return nil
	}
	switch b := body.(type) {
	case *Genesis:
		return []ed25519.PublicKey{b.Founder.Device.DSK.Public(), b.Founder.RK.Public(), b.WK.Public()}
	case *DeviceAdd:
		return []ed25519.PublicKey{b.Cert.DSK.Public()}
	case *Admit:
		if claim, err := ParseJoinClaim(b.Claim); err == nil {
			return []ed25519.PublicKey{claim.Who.Device.DSK.Public(), claim.Who.RK.Public()}
		}
	}
	return nil
}

// Keys lists every sign key ever certified that has this reference, recovery keys and the workspace key included. There
// is more than one only if somebody searched for it.
func (s *State) Keys(ref crdt.DeviceRef) []ed25519.PublicKey { return s.keys(ref) }

func (c *core) keys(ref crdt.DeviceRef) []ed25519.PublicKey {
	var out []ed25519.PublicKey
	for _, n := range lookupAll(c.names, c.names.refs, ref, len(c.devs)) {
		known := false
		for _, k := range out {
			known = known || string(k) == string(c.devs[n].key[:])
		}
		if !known {
			out = append(out, c.devs[n].key.Public())
		}
	}
	return out
}
