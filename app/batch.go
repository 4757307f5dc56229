package app

import (
	"context"
	"errors"
	"maps"

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
	"hallway/store/replica"
	"hallway/store/view"
)

// batch is what a step collects.
type batch struct {
	r        *reader
	items    []view.Item
	users    []access.UserID // whose role, devices or profile changed
	roles    bool            // somebody's role is another now
	channels []crdt.ScopeID
	access   bool
	requests bool
	history  map[crdt.ScopeID]map[crdt.LogID]uint64
	lines    map[crdt.ScopeID]bool // channels whose lines of the system may be others now
	said     []crdt.OpID           // access ops, each of which may be such a line
}

func (b *batch) add(e replica.Entry) {
	switch e.Admitted.Verified().Op().Type.Class() {
	case crdt.ClassAccess:
		b.addAccess(e)
	case crdt.ClassKeys:
		if e.LSN > b.r.keyed { // start handed over those before, and a view built anew needs none of them again
			b.r.keyed = e.LSN
			b.r.takeKey(e.Admitted)
		}
	default:
		b.addContent(e)
	}
}

func (b *batch) addContent(e replica.Entry) {
	s := b.r.s
	opened, err := s.seal.OpenOp(e.Admitted)
	var missing *seal.MissingKey
	if err != nil && !errors.As(err, &missing) {
		s.log.Debug("op says nothing that can be opened", "op", e.Admitted.Verified().ID(), "err", err)
	}
	b.items = append(b.items, b.r.item(opened, e.Admitted))
	b.before(e)
}

// before notes what was said before this person came: it is history, and none of it is unread.
func (b *batch) before(e replica.Entry) {
	op := e.Admitted.Verified().Op()
	if !op.HLC.Time().Before(b.r.s.joinedAt()) {
		return
	}
	if b.history == nil {
		b.history = map[crdt.ScopeID]map[crdt.LogID]uint64{}
	}
	logs := b.history[e.Scope]
	if logs == nil {
		logs = map[crdt.LogID]uint64{}
		b.history[e.Scope] = logs
	}
	logs[op.Log] = max(logs[op.Log], op.Seq+1)
}

// readHistory moves the read marks over what was said before this person came.
func (b *batch) readHistory(ctx context.Context) error {
	s := b.r.s
	for scope, logs := range b.history {
		now, err := s.view().ReadState(ctx, scope)
		if err != nil {
			return err
		}
		next := now.Merge(chat.ReadState{Generation: now.Generation, Below: logs})
		if maps.Equal(next.Below, now.Below) {
			continue
		}
		if next, err = s.view().SetRead(ctx, scope, next); err != nil {
			return err
		}
		if err := s.kv.put(ctx, localRead+scope.String(), markOf(next)); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) addAccess(e replica.Entry) {
	s := b.r.s
	op := e.Admitted.Verified().Op()
	b.access = true
	if op.Type == crdt.TypeNotice {
		b.notice(op)
	}
	if op.Type == crdt.TypeJoinRequest || op.Type == crdt.TypeInviteCreate || op.Type == crdt.TypeInviteRevoke || op.Type == crdt.TypeAdmit {
		b.requests = true
	}
	if c := e.Admitted.Changed(); c != nil {
		b.users = append(b.users, c.Users...)
		b.channels = append(b.channels, c.Scopes...)
		b.roles = b.roles || len(c.Roles) > 0
	}
	if b.lines == nil {
		b.lines = map[crdt.ScopeID]bool{}
	}
	for _, scope := range s.linesOf(op, e.Admitted) {
		b.lines[scope] = true
	}
	b.said = append(b.said, e.Admitted.Verified().ID())
}

// notice enters a private scope that a notice tells this person of.
func (b *batch) notice(op *crdt.Op) {
	s := b.r.s
	body, err := access.ParseBody(op.Type, op.Payload)
	if err != nil {
		return
	}
	n, ok := s.seal.TryNotice(s.sealView(), body.(*access.Notice).Box)
	if !ok || s.rep.HoldsScope(n.Scope) {
		return
	}
	if err := s.rep.AddScope(context.Background(), n.Scope); err != nil {
		s.log.Warn("could not enter a channel", "err", err)
	}
}
