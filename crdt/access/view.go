package access

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"sync"

	"hallway/crdt"
)

// View is what the state was when it was taken. It never changes and may be read by many at once.
type View struct {
	core
	once    sync.Once
	members []int32 // sorted by id

	mu         sync.Mutex // guards what was worked out before
	recipients map[crdt.ScopeID][]Recipient
	stale      map[staleKey]bool
}

// View is a snapshot of the state. Taking one twice without a change between gives the same; otherwise it copies the
// tables of pointers, not what they point to.
func (s *State) View() *View {
	if s.view != nil {
		return s.view
	}
	v := &View{core: s.core, recipients: map[crdt.ScopeID][]Recipient{}, stale: map[staleKey]bool{}}
	v.ops = s.ops[:len(s.ops):len(s.ops)]
	v.status = slices.Clone(s.status)
	v.users = slices.Clone(s.users)
	v.devs = slices.Clone(s.devs)
	v.invites = slices.Clone(s.invites)
	v.scopes = slices.Clone(s.scopes)
	v.registers = slices.Clone(s.registers)
	s.gen++
	s.view = v
	return v
}

func (v *View) now() *judge { return &judge{c: &v.core, all: true} }

func (v *View) channelNow(sc *scopeRec) *channelJudge { return v.now().channel(sc, true, vector{}) }

// Workspace is the id of the workspace.
func (v *View) Workspace() crdt.WorkspaceID { return v.ws }

// Founded reports whether the genesis is here.
func (v *View) Founded() bool { return v.genesis != none }

// PQ reports whether the workspace's wraps are post-quantum; false before the genesis is here.
func (v *View) PQ() bool { return v.pq }

// Genesis is the founding op and its body, or nil before it is here.
func (v *View) Genesis() (crdt.OpID, *Genesis) {
	if v.genesis == none {
		return crdt.OpID{}, nil
	}
	x := v.ops[v.genesis]
	return x.id, x.body.(*Genesis)
}

// MemberInfo is a person who is, or was, here.
type MemberInfo struct {
	User      UserID
	RK        Key
	Recovery  BoxKey
	Present   bool // holds a role
	Role      Role // where Present
	Profile   Sealed
	ProfileBy crdt.OpID // the op that carries Profile
	Joined    crdt.HLC  // of the first op that brought the person
	JoinedBy  crdt.OpID
	Devices   []Device // sorted by sign key; revoked ones too
	Puk       *PukInfo // nil where none can be used: a device was revoked and the key not yet replaced
}

// PukInfo is a person's own encryption key, and where its wraps are found.
type PukInfo struct {
	Op       crdt.OpID
	Puk      *Puk // not to be changed
	Previous []byte
}

// Device is one of a person's devices.
type Device struct {
	User    UserID
	Ref     crdt.DeviceRef
	Cert    *DeviceCert // not to be changed
	Revoked bool
	Added   crdt.OpID // an op that certifies it
}

// Members lists everybody who holds a role, sorted by id.
func (v *View) Members() []MemberInfo {
	v.sortMembers()
	out := make([]MemberInfo, 0, len(v.members))
	for _, n := range v.members {
		if v.users[n].role != none {
			out = append(out, v.member(n))
		}
	}
	return out
}

// Everybody lists all who ever were here, sorted by id.
func (v *View) Everybody() []UserID {
	v.sortMembers()
	out := make([]UserID, len(v.members))
	for i, n := range v.members {
		out[i] = v.users[n].id
	}
	return out
}

func (v *View) sortMembers() {
	v.once.Do(func() {
		v.members = make([]int32, len(v.users))
		for i := range v.members {
			v.members[i] = int32(i)
		}
		slices.SortFunc(v.members, func(a, b int32) int {
			return bytes.Compare(v.users[a].id[:], v.users[b].id[:])
		})
	})
}

// Member tells about a person; ok is false for one who never was here.
func (v *View) Member(user UserID) (MemberInfo, bool) {
	n := v.userNo(user)
	if n == none {
		return MemberInfo{}, false
	}
	return v.member(n), true
}

func (v *View) member(n int32) MemberInfo {
	u := v.users[n]
	first := v.first(u.identity)
	m := MemberInfo{User: u.id, RK: u.rk, Recovery: identityOf(first).Recovery, Present: u.role != none, Joined: first.hlc, JoinedBy: first.id}
	if m.Present {
		m.Role = Role(u.role)
	}
	if p := v.profile(u); p != nil {
		m.Profile, m.ProfileBy = p.body.(*Profile).Sealed, p.id
	}
	m.Devices = v.devicesOf(n)
	if p := v.now().puk(n); p != nil {
		m.Puk = pukInfo(p)
	}
	return m
}

// first is the earliest of the ops by (hlc, id), whatever order they came in.
func (c *core) first(ops []int32) *opRec {
	best := c.ops[ops[0]]
	for _, n := range ops[1:] {
		if x := c.ops[n]; x.hlc < best.hlc || x.hlc == best.hlc && crdt.CompareIDs(x.id, best.id) < 0 {
			best = x
		}
	}
	return best
}

func identityOf(x *opRec) *Identity {
	if g, ok := x.body.(*Genesis); ok {
		return &g.Founder
	}
	return &x.claim.Who
}

func pukInfo(p *opRec) *PukInfo {
	info := &PukInfo{Op: p.id, Puk: pukOf(p)}
	if b, ok := p.body.(*PukRotate); ok {
		info.Previous = b.Previous
	}
	return info
}

func (v *View) profile(u *userRec) *opRec {
	j := v.now()
	return winner(&v.core, u.profiles, j.effective)
}

// Puks lists every generation of a person's own key that any op brought, ordered by generation and op id: what an own
// device needs to open old wraps.
func (v *View) Puks(user UserID) []PukInfo {
	n := v.userNo(user)
	if n == none {
		return nil
	}
	var out []PukInfo
	for _, p := range v.users[n].puks {
		out = append(out, *pukInfo(v.ops[p]))
	}
	slices.SortFunc(out, func(a, b PukInfo) int {
		if a.Puk.Gen != b.Puk.Gen {
			return int(int64(a.Puk.Gen) - int64(b.Puk.Gen))
		}
		return crdt.CompareIDs(a.Op, b.Op)
	})
	return out
}

// WrapsFor lists the wraps of a person's own keys, of whatever generation, that are meant for one of his devices; for
// the recovery key where ref is zero.
func (v *View) WrapsFor(user UserID, ref crdt.DeviceRef) []Wrap {
	n := v.userNo(user)
	if n == none {
		return nil
	}
	var out []Wrap
	keep := func(wraps []Wrap) {
		for _, w := range wraps {
			if w.To == ref {
				out = append(out, w)
			}
		}
	}
	for _, p := range v.users[n].puks {
		keep(pukOf(v.ops[p]).Wraps)
	}
	for _, d := range v.users[n].devices {
		for _, src := range v.devs[d].sources {
			if b, ok := v.ops[src].body.(*DeviceAdd); ok {
				keep(b.Wraps)
			}
		}
	}
	return out
}

// Role is the role that the person holds; ok is false where he holds none.
func (v *View) Role(user UserID) (role Role, ok bool) {
	n := v.userNo(user)
	if n == none || v.users[n].role == none {
		return 0, false
	}
	return Role(v.users[n].role), true
}

// Devices lists a person's devices, sorted by sign key, revoked ones too.
func (v *View) Devices(user UserID) []Device {
	if n := v.userNo(user); n != none {
		return v.devicesOf(n)
	}
	return nil
}

func (v *View) devicesOf(user int32) []Device {
	var out []Device
	for _, n := range v.users[user].devices {
		if v.devs[n].kind == devPlain {
			out = append(out, v.device(n))
		}
	}
	slices.SortFunc(out, func(a, b Device) int { return bytes.Compare(a.Cert.DSK[:], b.Cert.DSK[:]) })
	return out
}

func (v *View) device(n int32) Device {
	d := v.devs[n]
	return Device{
		User: v.users[d.user].id, Ref: crdt.RefOf(d.key[:]), Cert: d.cert,
		Revoked: !v.now().vouched(n, nil, none), Added: v.first(d.sources).id,
	}
}

// DeviceByTransport finds the device that may connect with this transport key: not revoked, of somebody who holds a
// role. Of several, which only one person could have made, it is the one with the lowest sign key.
func (v *View) DeviceByTransport(key ed25519.PublicKey) (Device, bool) {
	if len(key) != ed25519.PublicKeySize {
		return Device{}, false
	}
	return v.lowest(lookupAll(v.names, v.names.transport, KeyOf(key), len(v.devs)), func(d *Device) bool {
		return !d.Revoked && string(d.Cert.DTK[:]) == string(key)
	})
}

// DeviceByRef finds the device with this reference, revoked or not, of a member present or past.
func (v *View) DeviceByRef(ref crdt.DeviceRef) (Device, bool) {
	return v.lowest(lookupAll(v.names, v.names.refs, ref, len(v.devs)), func(*Device) bool { return true })
}

func (v *View) lowest(numbers []int32, fits func(*Device) bool) (Device, bool) {
	var best Device
	found := false
	for _, n := range numbers {
		if v.devs[n].kind != devPlain {
			continue
		}
		d := v.device(n)
		if fits(&d) && (!found || bytes.Compare(d.Cert.DSK[:], best.Cert.DSK[:]) < 0) {
			best, found = d, true
		}
	}
	return best, found
}

// Connects reports whether the device may connect as a member's: it is not revoked, and its person holds a role.
func (v *View) Connects(d Device) bool {
	_, ok := v.Role(d.User)
	return ok && !d.Revoked
}

// Keys is State.Keys as of the view.
func (v *View) Keys(ref crdt.DeviceRef) []ed25519.PublicKey { return v.keys(ref) }

// Policy is the value of a register of the workspace; nil where nobody has set it.
func (v *View) Policy(key string) []byte { return v.now().policy(key) }

// AtLeast is the role that the right named by a policy key takes, with its default.
func (v *View) AtLeast(key string) Role { return Role(v.now().atLeast(key)) }

// AccessHeads lists the heads of the scope's access ops, sorted: the Deps of a new access op, at most crdt.MaxDeps of
// them. Where there are more, Merges are to be written first.
func (v *View) AccessHeads(scope crdt.ScopeID) []crdt.OpID {
	if scope == crdt.AccessScope(v.ws) {
		return v.ids(v.core.heads)
	}
	if sc := v.scopeOf(scope); sc != nil && sc.private {
		return v.ids(sc.heads)
	}
	return nil
}

// AuthHeads lists what an op's Auth in this scope stands for, sorted: the heads of the workspace's access ops and, in a
// private scope, those of the scope's own. There must not be more than crdt.MaxHeads of them: Merges come first.
func (v *View) AuthHeads(scope crdt.ScopeID) []crdt.OpID {
	heads := v.ids(v.core.heads)
	if sc := v.scopeOf(scope); sc != nil && sc.private {
		heads = crdt.SortHeads(append(heads, v.ids(sc.heads)...))
	}
	return heads
}

func (v *View) ids(numbers []int32) []crdt.OpID {
	out := make([]crdt.OpID, len(numbers))
	for i, n := range numbers {
		out[i] = v.ops[n].id
	}
	slices.SortFunc(out, crdt.CompareIDs)
	return out
}

// Effective reports whether an access op that was admitted counts; known is false where it is not here.
func (v *View) Effective(id crdt.OpID) (effective, known bool) {
	x := v.op(id)
	if x == nil {
		return false, false
	}
	return v.counts(x), true
}

func (v *View) counts(x *opRec) bool { return v.newCounter().counts(x) }

// counter asks about many ops, each channel's judge being kept from one to the next.
type counter struct {
	v        *View
	channels map[int32]*channelJudge
}

func (v *View) newCounter() *counter { return &counter{v: v, channels: map[int32]*channelJudge{}} }

func (c *counter) counts(x *opRec) bool {
	if x.channel == none || x.typ == crdt.TypeChannelCreate {
		return c.v.status[x.no]&statusStands != 0
	}
	j := c.channels[x.channel]
	if j == nil {
		j = c.v.channelNow(c.v.scopes[x.channel])
		c.channels[x.channel] = j
	}
	return j.stands(x)
}
