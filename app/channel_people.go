package app

import (
	"context"
	"slices"

	"hallway/crdt"
	"hallway/crdt/access"
)

// JoinChannel shows a public channel again that this person had left.
func (of *Office) JoinChannel(ctx context.Context, req ChannelRequest) (Channel, error) {
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if err != nil {
		return Channel{}, err
	}
	if err := s.kv.put(ctx, localLeft+scope.String(), nil); err != nil {
		return Channel{}, explain(err)
	}
	return s.announceChannel(ctx, scope)
}

// announceChannel tells the faces how a channel now stands.
func (s *space) announceChannel(ctx context.Context, scope crdt.ScopeID) (Channel, error) {
	ch, err := s.channelInfo(ctx, scope)
	if err == nil {
		s.publish(Event{Kind: EventChannel, Channel: ch.ID, ChannelName: ch.Name, Info: &ch})
	}
	return ch, err
}

// LeaveChannel leaves: a private channel for good, by an op; a public one by not showing it, since every member may
// read it anyway.
func (of *Office) LeaveChannel(ctx context.Context, req ChannelRequest) (Done, error) {
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if err != nil {
		return Done{}, err
	}
	ch, _ := s.access().Channel(scope)
	switch {
	case ch.Direct:
		return Done{}, problem(ProblemInvalid, "A direct message cannot be left; it is quiet when nobody writes.")
	case ch.Public:
		if err := s.kv.put(ctx, localLeft+scope.String(), true); err != nil {
			return Done{}, explain(err)
		}
		_, err = s.announceChannel(ctx, scope)
		return Done{}, err
	}
	return Done{}, explain(s.writeBody(ctx, scope, &access.Leave{Scope: scope}))
}

// ChannelMembers lists who is in a channel.
func (of *Office) ChannelMembers(ctx context.Context, req ChannelRequest) (MembersReply, error) {
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if err != nil {
		return MembersReply{}, err
	}
	ch, _ := s.access().Channel(scope)
	out := MembersReply{Members: []Member{}}
	for _, m := range ch.Members {
		if info, ok := s.access().Member(m.User); ok {
			out.Members = append(out.Members, s.memberRow(&info))
		}
	}
	sortMembers(out.Members)
	return out, nil
}

// AddToChannel adds a person to a private channel: the grant, the keys that the channel's history policy gives, and the
// notice that tells them.
func (of *Office) AddToChannel(ctx context.Context, req ChannelMemberRequest) (Done, error) {
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if err != nil {
		return Done{}, err
	}
	u, err := s.findMember(req.Member)
	if err != nil {
		return Done{}, err
	}
	ch, _ := s.access().Channel(scope)
	if ch.Public || ch.Direct {
		return Done{}, problem(ProblemInvalid, "Only private channels have people added to them; a public one is open to all, a direct message has fixed people.")
	}
	role, _ := s.access().ChannelRole(s.self, scope)
	if err := s.writeBody(ctx, scope, &access.ChannelGrant{Scope: scope, Rank: role, User: u, Role: access.Poster}); err != nil {
		return Done{}, explain(err)
	}
	if err := s.keys.grant(ctx, scope, u); err != nil {
		return Done{}, explain(err)
	}
	return Done{}, explain(s.notify(ctx, scope, u))
}

// RemoveFromChannel takes a person out of a private channel and renews its key.
func (of *Office) RemoveFromChannel(ctx context.Context, req ChannelMemberRequest) (Done, error) {
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if err != nil {
		return Done{}, err
	}
	u, err := s.findMember(req.Member)
	if err != nil {
		return Done{}, err
	}
	ch, _ := s.access().Channel(scope)
	role, _ := s.access().ChannelRole(s.self, scope)
	body := &access.ChannelRemove{Scope: scope, Rank: role, User: u, Pins: s.pins(u, scope)}
	if err := s.writeBody(ctx, s.homeOf(&ch), body); err != nil {
		return Done{}, explain(err)
	}
	if ch.Public {
		return Done{}, nil
	}
	return Done{}, explain(s.keys.mint(ctx, scope))
}

// sortMembers orders people by name, oneself among them.
func sortMembers(ms []Member) {
	slices.SortFunc(ms, func(a, b Member) int {
		if a.Name != b.Name {
			if a.Name < b.Name {
				return -1
			}
			return 1
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
}
