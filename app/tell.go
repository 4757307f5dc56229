package app

import (
	"context"
	"slices"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p"
	"hallway/store/view"
)

// flood is how many posts of one batch are told one by one. More at once is history that was fetched, not talk: events
// for each of them would cost more than the fetching, and overflow whoever listens.
const flood = 64

// tellWithin is how long faces may wait to hear of a flood; what came by then is told at once.
const tellWithin = 500 * time.Millisecond

// tell turns what a batch changed into events.
func (s *space) tell(ctx context.Context, c view.Changes, b *batch) {
	touched := map[crdt.ScopeID]bool{}
	if len(c.Posts) > flood || s.reader.owes() {
		for _, p := range c.Posts {
			touched[p.Scope] = true
			s.reader.owe(p.Scope)
		}
	} else {
		s.tellPosts(ctx, c.Posts, touched)
	}
	for _, scope := range b.channels {
		if touched[scope] || !s.access().MayRead(s.self, scope) {
			continue
		}
		touched[scope] = true
		if ch, err := s.channelInfo(ctx, scope); err == nil {
			s.publish(Event{Kind: EventChannel, Channel: ch.ID, ChannelName: ch.Name, Info: &ch})
		}
	}
	s.tellPeople(b)
	s.tellLines(ctx, b)
}

// tellLines tells of the lines of the system that came. A flood of them is read afresh with everything else.
func (s *space) tellLines(ctx context.Context, b *batch) {
	if len(b.said) > flood {
		for scope := range b.lines {
			s.reader.owe(scope)
		}
		return
	}
	for _, id := range b.said {
		r, err := s.view().Find(ctx, id)
		if err != nil || r.Line == nil || !s.access().MayRead(s.self, r.Scope) {
			continue // an op that says nothing in any channel, or nothing to this person
		}
		m := s.rowMaker(r.Scope).row(&r)
		if ch, err := s.channelInfo(ctx, r.Scope); err == nil {
			s.publish(Event{Kind: EventChannel, Channel: ch.ID, ChannelName: ch.Name, Info: &ch, Line: &m})
		}
	}
}

// tellPosts tells of each post, and of the channels that they stand in as they are after all of them.
func (s *space) tellPosts(ctx context.Context, posts []view.Change, touched map[crdt.ScopeID]bool) {
	kinds := map[view.What]EventKind{view.Added: EventMessage, view.Edited: EventEdit, view.Deleted: EventDelete, view.Reacted: EventReaction, view.Pinned: EventPin, view.Withdrawn: EventMessage}
	infos, makers := map[crdt.ScopeID]*Channel{}, map[crdt.ScopeID]*rowMaker{}
	for _, p := range posts {
		if !touched[p.Scope] {
			touched[p.Scope] = true
			makers[p.Scope] = s.rowMaker(p.Scope)
			if ch, err := s.channelInfo(ctx, p.Scope); err == nil {
				infos[p.Scope] = &ch
			}
		}
		e := Event{Kind: kinds[p.What], Channel: p.Scope.String(), ID: p.ID.String(), Thread: textOf(p.Thread), Gone: p.What == view.Withdrawn}
		if r, err := s.view().Find(ctx, p.ID); err == nil {
			m := makers[p.Scope].row(&r)
			e.Message, e.Member, e.Name, e.Time = &m, m.AuthorID, m.Author, m.Time
			if m.Mine {
				s.sent.watch(r.Log, r.Seq, r.ID)
			}
		}
		if e.Info = infos[p.Scope]; e.Info != nil {
			e.ChannelName = e.Info.Name
		}
		s.publish(e)
		if !p.Thread.IsZero() {
			s.tellRoot(ctx, p.Thread)
		}
	}
}

// tellFlood tells of the channels into which much came, and that everything is to be read afresh.
func (s *space) tellFlood(ctx context.Context, scopes map[crdt.ScopeID]bool) {
	for scope := range scopes {
		if ch, err := s.channelInfo(ctx, scope); err == nil {
			s.publish(Event{Kind: EventSync, Channel: ch.ID, ChannelName: ch.Name, Info: &ch})
		}
	}
	s.publish(Event{Kind: EventReset})
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
	if len(b.users) > 0 {
		s.tellComplete()
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
	s.tellComplete()
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
	if len(ids) > flood {
		for _, id := range ids {
			if r, err := s.view().Find(ctx, id); err == nil {
				s.reader.owe(r.Scope)
			}
		}
		ids = nil
	}
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
	s.tellComplete()
	if s.joining.Load() != nil {
		s.tellJoin()
	}
}

// tellJoin tells how far a join is.
func (s *space) tellJoin() {
	st := s.joinStatus()
	s.publish(Event{Kind: EventJoin, Join: &st})
}

// tellComplete tells how complete the channel that a person looks at is now.
func (s *space) tellComplete() {
	scope := s.attended.Load()
	if scope == nil {
		return
	}
	if ch, ok := s.access().Channel(*scope); ok {
		c := s.completeness(&ch)
		s.publish(Event{Kind: EventSync, Channel: c.Channel, Completeness: &c})
	}
}
