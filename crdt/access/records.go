package access

import (
	"sync"

	"hallway/crdt"
)

// none stands for "no number" and "no rank".
const none = -1

// opRec is one op of an access DAG, with what its body names looked up. It is never changed once made.
type opRec struct {
	no     int32
	id     crdt.OpID
	scope  int32 // none in the access scope
	chain  uint32
	pos    uint32 // in its chain, from 1
	log    crdt.LogID
	seq    uint64
	hlc    crdt.HLC
	typ    crdt.Type
	author int32 // user; none for the workspace key
	device int32
	body   Body // nil for notices and types without a known body
	claim  *JoinClaim

	rank    int8   // that the op uses, in the workspace or in its channel
	user    int32  // whom it grants to or takes from
	role    int8   // that it grants, or leaves in place
	invite  int32  // of Admit, InviteRevoke, InviteCreate, JoinRequest
	sponsor int32  // whose authority an op of the workspace uses: the invitation's author for an Admit without approval
	channel int32  // scope that a channel op is about
	upto    vector // the op and all of its past, in its own DAG
	ws      vector // of an op in a private scope: what it has seen of the access scope
}

// has reports whether x is in the past of o, in the same DAG.
func (o *opRec) has(x *opRec) bool { return x != o && o.upto.at(x.chain) >= x.pos }

func (o *opRec) grants() bool {
	switch o.typ {
	case crdt.TypeGenesis, crdt.TypeGrant, crdt.TypeAdmit, crdt.TypeDemote:
		return true
	}
	return false
}

func (o *opRec) removes() bool {
	switch o.typ {
	case crdt.TypeRemove, crdt.TypeDemote:
		return true
	case crdt.TypeLeave:
		return o.channel == none
	}
	return false
}

// autoAdmit reports an Admit that acts with the rank of the invitation.
func (o *opRec) autoAdmit() bool {
	a, ok := o.body.(*Admit)
	return ok && !a.Approved
}

// The records below are shared between the state and the views taken of it: the state copies a record before it
// changes it, if a view was taken since it last did. Lists only grow at their end or are replaced.

type userRec struct {
	gen       uint64
	id        UserID
	rk        Key
	role      int8    // in the full set
	identity  []int32 // ops that brought the person's keys: Genesis, Admit
	grants    []int32
	removals  []int32
	sponsored []int32 // ops that use this person's authority
	authored  []int32 // ops that can lose their effect
	devices   []int32
	revokes   []int32 // of any of the devices
	puks      []int32
	profiles  []int32
}

type devRec struct {
	gen     uint64
	user    int32 // none for the workspace key
	key     Key
	kind    devKind
	cert    *DeviceCert
	sources []int32 // ops that certify it
	signers []int32 // per source: the device that vouches, or none for the recovery key
	revokes []int32
}

type devKind uint8

const (
	devPlain devKind = iota
	devRecovery
	devWorkspace
)

type inviteRec struct {
	gen     uint64
	op      int32
	admits  []int32 // sorted by (hlc, id)
	autos   int     // of them, those without approval
	revokes []int32
	asks    []int32 // JoinRequests
}

type scopeRec struct {
	gen     uint64
	id      crdt.ScopeID
	private bool
	roots   []int32 // ChannelCreate or ChannelGenesis; more than one only where its author wrote it twice
	ops     []int32
	heads   []int32 // of a private scope's own DAG
}

type registerRec struct {
	gen uint64
	ops []int32
}

// core is all that a question about rights reads.
type core struct {
	ws        crdt.WorkspaceID
	pq        bool
	genesis   int32
	names     *names
	ops       []*opRec
	status    []uint8 // per op, in the full set
	users     []*userRec
	devs      []*devRec
	invites   []*inviteRec
	scopes    []*scopeRec
	registers []*registerRec // of policies
	owners    []int32        // users who were ever granted ownership
	heads     []int32        // of the access scope's DAG
	law       law
}

const (
	statusEffective = 1 << 0
	statusStands    = 1 << 1 // effective and, where an invitation's uses are counted, among the first
)

// law holds what tests change to see whether they would notice.
type law struct{ equals bool }

// over reports whether rank a is above b, as the one law demands.
func (l law) over(a, b int8) bool { return a > b || l.equals && a == b }

// names numbers what is known by its id. It only grows, and is shared by the state and all its views; a number past
// the end of a view's lists is of something that the view does not know.
type names struct {
	mu        sync.RWMutex
	ops       map[crdt.OpID]int32
	users     map[UserID]int32
	refs      map[crdt.DeviceRef][]int32
	transport map[Key][]int32
	invites   map[InviteID][]int32
	scopes    map[crdt.ScopeID]int32
	registers map[string]int32
	auths     authTable
}

func newNames() *names {
	return &names{
		ops: map[crdt.OpID]int32{}, users: map[UserID]int32{}, refs: map[crdt.DeviceRef][]int32{}, transport: map[Key][]int32{},
		invites: map[InviteID][]int32{}, scopes: map[crdt.ScopeID]int32{}, registers: map[string]int32{}, auths: newAuthTable(),
	}
}

func lookup[K comparable](n *names, m map[K]int32, key K, size int) int32 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if i, ok := m[key]; ok && int(i) < size {
		return i
	}
	return none
}

func lookupAll[K comparable](n *names, m map[K][]int32, key K, size int) []int32 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	all := m[key]
	for len(all) > 0 && int(all[len(all)-1]) >= size {
		all = all[:len(all)-1]
	}
	return all
}

func (c *core) op(id crdt.OpID) *opRec {
	if n := lookup(c.names, c.names.ops, id, len(c.ops)); n != none {
		return c.ops[n]
	}
	return nil
}

func (c *core) userNo(id UserID) int32 { return lookup(c.names, c.names.users, id, len(c.users)) }

func (c *core) scopeNo(id crdt.ScopeID) int32 {
	return lookup(c.names, c.names.scopes, id, len(c.scopes))
}

func (c *core) scopeOf(id crdt.ScopeID) *scopeRec {
	if n := c.scopeNo(id); n != none {
		return c.scopes[n]
	}
	return nil
}
