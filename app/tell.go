package app

import (
	"context"
	"slices"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p"
	"hallway/store/view"
)

// tell turns what a batch changed into events.
func (s *space) tell(ctx context.Context, c view.Changes, b *batch) {
	kinds := map[view.What]EventKind{view.Added: EventMessage, view.Edited: EventEdit, view.Deleted: EventDelete, view.Reacted: EventReaction, view.Pinned: EventPin, view.Withdrawn: EventMessage}
	touched := map[crdt.ScopeID]bool{}
	for _, p := range c.Posts {
		touched[p.Scope] = true
		e := Event{Kind: kinds[p.What], Channel: p.Scope.String(), ID: p.ID.String(), Thread: textOf(p.Thread), Gone: p.What == view.Withdrawn}
		if r, err := s.view().Find(ctx, p.ID); err == nil {
			m := s.rowMaker(r.Scope).row(&r)
			e.Message, e.ChannelName, e.Member, e.Name, e.Time = &m, m.ChannelName, m.AuthorID, m.Author, m.Time
			if m.Mine {
				s.sent.watch(r.Log, r.Seq, r.ID)
			}
		}
		if ch, err := s.channelInfo(ctx, p.Scope); err == nil {
			e.Info, e.ChannelName = &ch, ch.Name
		}
		s.publish(e)
		if !p.Thread.IsZero() {
			s.tellRoot(ctx, p.Thread)
		}
	}
	for _, scope := range b.channels {
		if touched[scope] || !s.access().MayRead(s.self, scope) {
			continue
		}
		touched[scope] = true
		if ch, err := s.channelInfo(ctx, s.access().Canonical(scope)); err == nil {
			s.publish(Event{Kind: EventChannel, Channel: ch.ID, ChannelName: ch.Name, Info: &ch})
		}
	}
	s.tellPeople(b)
}

// tellRoot tells that the line under a thread's root is another now.
func (s *space) tellRoot(ctx context.Context, root crdt.OpID) {
	if m, err := s.message(ctx, root); err == nil {
		s.publish(Event{Kind: EventThread, Channel: m.Channel, ChannelName: m.ChannelName, ID: m.ID, Message: &m})
	}
}

func (s *space) tellPeople(b *batch) {
	slices.SortFunc(b.users, func(x, y access.UserID) int { return slices.Compare(x[:], y[:]) })
	for _, u := range slices.Compact(b.users) {
		if m, ok := s.access().Member(u); ok {
			row := s.memberRow(&m)
			s.publish(Event{Kind: EventMember, Member: row.ID, Name: row.Name, Person: &row})
		}
	}
	if b.requests && len(b.users) == 0 {
		s.publish(Event{Kind: EventMember})
	}
}

// peerChanged tells that a device came or went.
func (s *space) peerChanged(p p2p.PeerInfo, here bool) {
	key, ok := transportKey(p.ID)
	if !ok {
		return
	}
	st, err := s.status(context.Background())
	if err != nil {
		s.log.Warn("could not look at the network", "err", err)
		return
	}
	d, ok := s.access().DeviceByTransport(key)
	if !ok {
		return
	}
	row := s.peerRow(&p, &d)
	if !here {
		row.Path = PathNone
	} else {
		s.keys.soon()
	}
	s.publish(Event{Kind: EventPeer, Peer: &row, Status: &st, Member: d.User.String(), Name: row.Member})
	if d.User == s.self {
		return
	}
	if m, ok := s.access().Member(d.User); ok {
		person := s.memberRow(&m)
		s.publish(Event{Kind: EventPresence, Member: person.ID, Name: person.Name, Person: &person, Online: person.Online})
	}
}

// cameFurther tells that own messages are held by more devices, and how complete this copy now is.
func (s *space) cameFurther(ids []crdt.OpID, synced bool) {
	ctx := context.Background()
	for _, id := range ids {
		if m, err := s.message(ctx, id); err == nil && m.Mine {
			s.publish(Event{Kind: EventState, Channel: m.Channel, ChannelName: m.ChannelName, ID: m.ID, Thread: m.Thread, Message: &m})
		}
	}
	if !synced {
		return
	}
	if st, err := s.status(ctx); err == nil {
		s.publish(Event{Kind: EventSync, Status: &st})
	}
	if s.joining != nil {
		s.tellJoin()
	}
}

// tellJoin tells how far a join is.
func (s *space) tellJoin() {
	st := s.joinStatus()
	s.publish(Event{Kind: EventJoin, Join: &st})
}
