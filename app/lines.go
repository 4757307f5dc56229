package app

import (
	"context"
	"encoding/json"
	"fmt"

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/store/view"
)

// lineValue is a line of the system as the view keeps it: ids, so that names are always the present ones.
type lineValue struct {
	Kind   RowKind `json:"kind"`
	Actor  string  `json:"actor,omitempty"`
	Target string  `json:"target,omitempty"`
	Value  string  `json:"value,omitempty"`
}

// home is the channel in which what concerns the whole workspace is said: the first public one.
func (s *space) home() (crdt.ScopeID, bool) {
	var best access.Channel
	for _, ch := range s.channels() {
		if ch.Public && (best.Scope == crdt.ScopeID{} || ch.Created < best.Created || ch.Created == best.Created && crdt.CompareIDs(ch.CreatedBy, best.CreatedBy) < 0) {
			best = ch
		}
	}
	return best.Scope, best.Scope != crdt.ScopeID{}
}

// linesOf are the channels whose lines of the system may be others after an access op.
func (s *space) linesOf(op *crdt.Op, adm access.Admitted) []crdt.ScopeID {
	switch op.Type {
	case crdt.TypeMerge, crdt.TypeNotice, crdt.TypeProfile, crdt.TypeJoinRequest, crdt.TypeInviteCreate:
		return nil
	}
	out := []crdt.ScopeID{}
	if c := adm.Changed(); c != nil {
		out = append(out, c.Scopes...)
	} else { // it comes from the disk, after a start: what it changed then is not known any more
		for _, ch := range s.channels() {
			out = append(out, ch.Scope)
		}
	}
	if home, ok := s.home(); ok {
		out = append(out, home)
	}
	if adm.Scope() != s.scope() {
		out = append(out, adm.Scope())
	}
	return out
}

// putLines writes a channel's lines of the system anew, from the access ops as they now count.
func (s *space) putLines(ctx context.Context, scope crdt.ScopeID) error {
	home, _ := s.home()
	var put []view.Line
	var remove []crdt.OpID
	for _, e := range s.access().Audit() {
		v, ok := s.lineFor(&e, scope, scope == home)
		if !ok {
			continue
		}
		if !e.Effective {
			remove = append(remove, e.Op)
			continue
		}
		raw, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write lines: %w", err)
		}
		put = append(put, view.Line{ID: e.Op, HLC: e.HLC, Value: raw})
	}
	if len(put)+len(remove) == 0 {
		return nil
	}
	return s.view().SetLines(ctx, scope, put, remove)
}

// lineFor is what an access op says in a channel, if anything.
func (s *space) lineFor(e *access.Entry, scope crdt.ScopeID, home bool) (lineValue, bool) {
	v := lineValue{Actor: userText(e.Author), Target: userText(e.User)}
	here := e.Scope == scope
	switch b := e.Body.(type) {
	case *access.ChannelCreate, *access.ChannelGenesis:
		v.Kind = RowCreated
	case *access.ChannelGrant:
		v.Kind = RowJoined
	case *access.ChannelRemove:
		v.Kind = RowRemoved
	case *access.ChannelArchive:
		v.Kind = RowArchived
	case *access.ChannelPolicy:
		switch {
		case b.Set&access.SetTopic != 0 && b.Set&access.SetName == 0:
			v.Kind = RowTopic
			v.Value, _ = s.unseal(scope, seal.FieldChannelTopic, b.Topic)
		case b.Set&access.SetName != 0 && b.Set&access.SetTopic == 0:
			v.Kind = RowRenamed
			v.Value, _ = s.unseal(scope, seal.FieldChannelName, b.Name)
		default:
			return v, false
		}
	case *access.Leave:
		v.Kind, v.Target = RowLeft, v.Actor
		here = b.Scope == scope || home && b.Scope == crdt.ScopeID{}
	case *access.Admit:
		v.Kind, here = RowJoined, home
	case *access.Remove:
		v.Kind, here = RowRemoved, home
	case *access.Grant:
		v.Kind, v.Value, here = RowRole, string(roleNames[b.Role]), home
	case *access.Demote:
		v.Kind, v.Value, here = RowRole, string(roleNames[b.Role]), home
	case *access.DeviceAdd:
		v.Kind, here = RowNewDevice, home
	default:
		return v, false
	}
	return v, here
}

func userText(u access.UserID) string {
	if u.IsZero() {
		return ""
	}
	return u.String()
}

// line is a line of the system as faces show it.
func (m *rowMaker) line(r *view.Row) Message {
	out := Message{
		ID: r.ID.String(), Kind: RowUnknown, Channel: m.scope.String(), ChannelName: m.channel, Order: r.Order(), Time: r.Time,
		Reactions: []Reaction{}, Files: []File{}, State: SendDelivered,
	}
	var v lineValue
	if json.Unmarshal(r.Line.Value, &v) != nil {
		return out
	}
	out.Kind, out.Value = v.Kind, v.Value
	out.Actor, out.Target = m.personByText(v.Actor), m.personByText(v.Target)
	return out
}

func (m *rowMaker) personByText(text string) *Person {
	u, err := access.ParseUserID(text)
	if err != nil {
		return nil
	}
	return m.s.names.person(u)
}
