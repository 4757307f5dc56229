package access

import (
	"slices"

	"hallway/crdt"
)

// admitAccess judges an access op in its own past and folds it in.
func (s *State) admitAccess(scope crdt.ScopeID, v crdt.Verified, trusted bool) (Admitted, error) {
	if x := s.op(v.ID()); x != nil {
		return s.admitted(scope, v, x, nil), nil
	}
	op := v.Op()
	if !op.HasPayload() {
		return Admitted{}, ErrNoPayload
	}
	before := len(s.scopes)
	a, err := s.admitNew(scope, v, trusted)
	if err != nil {
		s.dropScopes(before)
	}
	return a, err
}

func (s *State) admitNew(scope crdt.ScopeID, v crdt.Verified, trusted bool) (Admitted, error) {
	op := v.Op()
	x, err := s.describe(v)
	if err != nil {
		return Admitted{}, err
	}
	ws, own, err := s.pastOf(scope, x, op)
	if err != nil {
		return Admitted{}, err
	}
	c := &candidate{opRec: x, j: s.newJudge(ws), trusted: trusted}
	if x.typ == crdt.TypeGenesis {
		return s.found(scope, v, c)
	}
	if x.device, err = s.writer(c.j, &op.Header, scope); err != nil {
		return Admitted{}, err
	}
	x.author = s.devs[x.device].user
	s.lookUp(x)
	s.judgeChannel(c, own)
	if err := s.permit(c); err != nil {
		return Admitted{}, err
	}
	x.ws = ws
	if x.scope == none {
		own = ws
	}
	return s.admitted(scope, v, x, s.insert(x, own, op.Prev)), nil
}

func (s *State) admitted(scope crdt.ScopeID, v crdt.Verified, x *opRec, changed *Changed) Admitted {
	a := Admitted{v: v, scope: scope, device: s.devs[x.device].key, changed: changed}
	if x.author != none {
		a.user = s.users[x.author].id
	}
	return a
}

// found takes the genesis in.
func (s *State) found(scope crdt.ScopeID, v crdt.Verified, c *candidate) (Admitted, error) {
	g := c.body.(*Genesis)
	if s.genesis != none {
		return Admitted{}, inadmissible("a second genesis")
	}
	if crdt.RefOf(g.Founder.Device.DSK[:]) != v.Op().Device {
		return Admitted{}, inadmissible("genesis not by the founder's device")
	}
	if err := s.ownLog(g.Founder.Device.DSK, &v.Op().Header, scope); err != nil {
		return Admitted{}, err
	}
	if err := s.permit(c); err != nil {
		return Admitted{}, err
	}
	x := c.opRec
	s.pq = g.PQ
	x.user = s.addUser(&g.Founder, x.no)
	x.author, x.sponsor = x.user, none
	x.role, x.rank = int8(Owner), int8(WorkspaceKey)
	x.device = s.addDevice(x.user, &g.Founder.Device, x.no, none)
	s.addKey(devRec{user: none, key: g.WK, kind: devWorkspace})
	s.genesis = x.no
	return s.admitted(scope, v, x, s.insert(x, vector{}, crdt.OpID{})), nil
}

// describe makes the record of an op: what its body says, before anything is looked up.
func (s *State) describe(v crdt.Verified) (*opRec, error) {
	op := v.Op()
	x := &opRec{
		no: int32(len(s.ops)), id: v.ID(), scope: none, log: op.Log, seq: op.Seq, hlc: op.HLC, typ: op.Type,
		author: none, device: none, user: none, invite: none, sponsor: none, channel: none, role: none,
	}
	body, err := ParseBody(op.Type, op.Payload)
	switch {
	case op.Type == crdt.TypeJoinClaim:
		return nil, inadmissible("a join claim is no op of its own")
	case err != nil && bodies[op.Type] == nil:
		return x, nil // reserved, or newer than this code: kept and passed on, without any effect
	case err != nil:
		return nil, inadmissible("%v", err)
	}
	x.body = body
	var claim []byte
	switch b := body.(type) {
	case *Admit:
		claim, b.Claim = b.Claim, nil
	case *JoinRequest:
		claim, b.Claim = b.Claim, nil
	case *Notice:
		b.Box = nil // whoever it is for reads it from the store
	}
	if claim != nil {
		if x.claim, err = ParseJoinClaim(claim); err != nil {
			return nil, inadmissible("%v", err)
		}
	} else if op.Type == crdt.TypeAdmit || op.Type == crdt.TypeJoinRequest {
		return nil, inadmissible("no join claim")
	}
	return x, nil
}

// pastOf finds the op's past: in the access scope ws alone; in a private scope own is that scope's part, and ws what its
// Auth and its past had seen of the access scope.
func (s *State) pastOf(scope crdt.ScopeID, x *opRec, op *crdt.Op) (ws, own vector, err error) {
	if scope != crdt.AccessScope(s.ws) {
		x.scope = s.scopeNo(scope)
	}
	opens := op.Type == crdt.TypeGenesis || op.Type == crdt.TypeChannelGenesis
	if opens != (op.Seq == 0 && len(op.Deps) == 0) {
		return ws, own, inadmissible("only a genesis has no past, and no genesis has one")
	}
	before := op.Deps
	if op.Seq > 0 {
		before = append(before[:len(before):len(before)], op.Prev) // last: mostly the deps have seen it
	}
	var missing []crdt.OpID
	for i, id := range before {
		y := s.op(id)
		switch {
		case y == nil:
			missing = append(missing, id)
			continue
		case y.scope != x.scope || x.scope == none && scope != crdt.AccessScope(s.ws):
			return ws, own, inadmissible("dependency in another scope")
		case i == len(op.Deps) && (y.log != op.Log || y.seq+1 != op.Seq || y.hlc > op.HLC):
			return ws, own, inadmissible("does not follow its predecessor")
		}
		if own.at(y.chain) < y.pos { // else all of its past is there too
			own, ws = own.join(y.upto), ws.join(y.ws)
		}
	}
	if len(missing) > 0 {
		return ws, own, &Missing{Ops: missing}
	}
	if scope == crdt.AccessScope(s.ws) {
		return own, vector{}, nil
	}
	seen := x.scope
	if opens {
		seen = none // there is nothing of its own channel yet
	}
	if x.scope == none {
		x.scope = s.addScope(scope)
	}
	h, err := s.at(seen, op.Auth)
	if err != nil {
		return ws, own, err
	}
	return ws.join(h.judge.past), own, nil
}

// judgeChannel sets up the questions about the channel that the op is about.
func (s *State) judgeChannel(c *candidate, own vector) {
	no := c.channel
	if c.scope != none {
		no = c.scope
		c.channel = no
	}
	if no != none && (c.scope != none || len(s.scopes[no].roots) > 0) {
		c.ch = c.j.channel(s.scopes[no], false, own)
	}
}

// lookUp turns the names in the body into numbers.
func (s *State) lookUp(x *opRec) {
	x.sponsor = x.author
	switch b := x.body.(type) {
	case *Grant:
		x.rank, x.role, x.user = int8(b.Rank), int8(b.Role), s.userNo(b.User)
	case *Remove:
		x.rank, x.user = int8(b.Rank), s.userNo(b.User)
	case *Demote:
		x.rank, x.role, x.user = int8(b.Rank), int8(b.Role), s.userNo(b.User)
	case *DeviceRevoke:
		x.rank, x.user = int8(b.Rank), s.userNo(b.User)
	case *Policy:
		x.rank = int8(b.Rank)
	case *InviteCreate:
		x.rank, x.role = int8(b.Rank), int8(b.Role)
	case *InviteRevoke:
		x.rank, x.invite = int8(b.Rank), s.inviteNo(b.Invite)
	case *JoinRequest:
		x.invite = s.inviteNo(b.Invite)
	case *Admit:
		x.rank, x.invite = int8(b.Rank), s.inviteNo(b.Invite)
		if x.invite != none {
			inv := s.ops[s.invites[x.invite].op]
			x.role = inv.role
			if !b.Approved {
				x.sponsor = inv.author
			}
		}
	case *Leave:
		x.user = x.author
		if b.Scope != (crdt.ScopeID{}) {
			x.channel = s.addScope(b.Scope)
		}
	default:
		s.lookUpChannel(x)
	}
}

func (s *State) lookUpChannel(x *opRec) {
	var scope crdt.ScopeID
	switch b := x.body.(type) {
	case *ChannelCreate:
		scope = PublicScope(s.ws, s.idOf(x.author), b.Salt)
	case *ChannelPolicy:
		scope, x.rank = b.Scope, int8(b.Rank)
	case *ChannelArchive:
		scope, x.rank = b.Scope, int8(b.Rank)
	case *ChannelGrant:
		scope, x.rank, x.role, x.user = b.Scope, int8(b.Rank), int8(b.Role), s.userNo(b.User)
	case *ChannelRemove:
		scope, x.rank, x.user = b.Scope, int8(b.Rank), s.userNo(b.User)
	default:
		return
	}
	x.channel = s.addScope(scope)
}

func (s *State) idOf(user int32) UserID {
	if user == none {
		return UserID{}
	}
	return s.users[user].id
}

func (s *State) inviteNo(id crdt.OpID) int32 {
	if x := s.op(id); x != nil && x.typ == crdt.TypeInviteCreate {
		return x.invite
	}
	return none
}

// insert gives the op its place and works out what it changes.
func (s *State) insert(x *opRec, past vector, prev crdt.OpID) *Changed {
	d := s.dags[x.scope]
	if d == nil {
		d = &dag{}
		s.dags[x.scope] = d
	}
	p := s.op(prev)
	if p != nil && d.tips[p.chain] == p.pos {
		x.chain, x.pos = p.chain, p.pos+1
		d.tips[x.chain] = x.pos
	} else {
		x.chain, x.pos = uint32(len(d.tips)), 1
		d.tips = append(d.tips, 1)
	}
	x.upto = past.with(x.chain, x.pos)
	s.ops = append(s.ops, x)
	s.status = append(s.status, 0)
	s.names.mu.Lock()
	s.names.ops[x.id] = x.no
	s.names.mu.Unlock()
	s.moveHeads(x)
	s.index(x)
	s.view = nil
	return s.settle(x)
}

// moveHeads replaces the heads that the op has seen by the op.
func (s *State) moveHeads(x *opRec) {
	heads := &s.heads
	if x.scope != none {
		heads = &s.ownScope(x.scope).heads
	}
	kept := make([]int32, 0, len(*heads)+1)
	for _, n := range *heads {
		if !x.has(s.ops[n]) {
			kept = append(kept, n)
		}
	}
	*heads = append(kept, x.no)
}

// sortedByTime inserts an op into a list ordered by (hlc, id), leaving the old list as it was.
func (s *State) sortedByTime(list []int32, x *opRec) []int32 {
	i, _ := slices.BinarySearchFunc(list, x, func(n int32, x *opRec) int {
		y := s.ops[n]
		if y.hlc != x.hlc {
			if y.hlc < x.hlc {
				return -1
			}
			return 1
		}
		return crdt.CompareIDs(y.id, x.id)
	})
	if i == len(list) {
		return append(list, x.no)
	}
	out := make([]int32, 0, len(list)+len(list)/4+1)
	out = append(append(append(out, list[:i]...), x.no), list[i:]...)
	return out
}
