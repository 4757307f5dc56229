package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
)

// CreateChannel makes a public or private channel.
func (of *Office) CreateChannel(ctx context.Context, req CreateChannelRequest) (Channel, error) {
	s, err := of.space(req.In)
	if err != nil {
		return Channel{}, err
	}
	name, err := channelName(req.Name)
	if err != nil {
		return Channel{}, err
	}
	if utf8.RuneCountInString(req.Topic) > maxTopic {
		return Channel{}, problem(ProblemTooLarge, "A topic has at most 250 characters.")
	}
	if _, err := s.findChannel(ctx, "#"+name, false); err == nil {
		return Channel{}, problem(ProblemExists, fmt.Sprintf("There is a channel %q already.", name))
	}
	members, err := s.findMembers(req.Members)
	if err != nil {
		return Channel{}, err
	}
	var scope crdt.ScopeID
	if req.Private {
		scope, err = s.createPrivate(ctx, name, req.Topic, members)
	} else {
		scope, err = s.createPublic(ctx, name, req.Topic)
	}
	if err != nil {
		return Channel{}, explain(err)
	}
	return s.settledChannel(ctx, scope)
}

// settledChannel is a channel once the view has caught up with what was just written.
func (s *space) settledChannel(ctx context.Context, scope crdt.ScopeID) (Channel, error) {
	if err := s.reader.caughtUp(ctx); err != nil {
		return Channel{}, explain(err)
	}
	return s.channelInfo(ctx, scope)
}

func (s *space) findMembers(texts []string) ([]access.UserID, error) {
	var out []access.UserID
	for _, t := range texts {
		u, err := s.findMember(t)
		if err != nil {
			return nil, err
		}
		if u != s.self && !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b access.UserID) int { return bytes.Compare(a[:], b[:]) })
	return out, nil
}

func (s *space) salt() (b [32]byte, err error) {
	_, err = io.ReadFull(s.of.o.Rand, b[:])
	return b, err
}

func (s *space) createPublic(ctx context.Context, name, topic string) (crdt.ScopeID, error) {
	salt, err := s.salt()
	if err != nil {
		return crdt.ScopeID{}, err
	}
	scope := access.PublicScope(s.id, s.self, salt)
	body := &access.ChannelCreate{Salt: salt, Post: access.Poster}
	if body.Name, err = s.sealedAs(ctx, scope, s.scope(), seal.FieldChannelName, []byte(name)); err != nil {
		return crdt.ScopeID{}, err
	}
	if body.Topic, err = s.sealedAs(ctx, scope, s.scope(), seal.FieldChannelTopic, []byte(topic)); err != nil {
		return crdt.ScopeID{}, err
	}
	return scope, s.writeBody(ctx, s.scope(), body)
}

// createPrivate makes a private channel: its genesis in its own scope, its first key, its name, and a notice to each of
// its people, who alone can tell that it is for them (protocol 3.1).
func (s *space) createPrivate(ctx context.Context, name, topic string, members []access.UserID) (crdt.ScopeID, error) {
	g := &access.ChannelGenesis{Founder: s.self, Post: access.Poster}
	for _, m := range members {
		g.Members = append(g.Members, access.ChannelMember{User: m, Role: access.Poster})
	}
	scope, err := s.beginPrivate(ctx, g)
	if err != nil {
		return scope, err
	}
	return scope, s.setChannel(ctx, scope, access.SetName|access.SetTopic, name, topic)
}

func (s *space) beginPrivate(ctx context.Context, g *access.ChannelGenesis) (scope crdt.ScopeID, err error) {
	if g.Salt, err = s.salt(); err != nil {
		return scope, err
	}
	scope = access.PrivateScope(s.id, g)
	if err := s.writeBody(ctx, scope, g); err != nil {
		return scope, err
	}
	if err := s.keys.mint(ctx, scope); err != nil {
		return scope, err
	}
	for _, m := range g.Members {
		if err := s.notify(ctx, scope, m.User); err != nil {
			return scope, err
		}
	}
	return scope, nil
}

// notify tells one person, and nobody else, that a private scope is there for him.
func (s *space) notify(ctx context.Context, scope crdt.ScopeID, to access.UserID) error {
	ch, ok := s.access().Channel(scope)
	if !ok {
		return problem(ProblemNotFound, "There is no such channel here.")
	}
	box, err := s.seal.MakeNotice(s.sealView(), to, seal.Notice{Scope: scope, Genesis: ch.CreatedBy})
	if err != nil {
		return err
	}
	return s.writeBody(ctx, s.scope(), &access.Notice{Box: box})
}

// OpenDirect finds or makes the direct message with these people.
func (of *Office) OpenDirect(ctx context.Context, req OpenDirectRequest) (Channel, error) {
	s, err := of.space(req.In)
	if err != nil {
		return Channel{}, err
	}
	members, err := s.findMembers(req.Members)
	if err != nil {
		return Channel{}, err
	}
	scope, err := s.openDirect(ctx, members)
	if err != nil {
		return Channel{}, explain(err)
	}
	return s.settledChannel(ctx, scope)
}

func (s *space) openDirect(ctx context.Context, with []access.UserID) (crdt.ScopeID, error) {
	if len(with) >= access.MaxDirect {
		return crdt.ScopeID{}, problem(ProblemTooLarge, fmt.Sprintf("A direct message has at most %d people; make a private channel instead.", access.MaxDirect))
	}
	if scope, ok := s.access().Direct(append([]access.UserID{s.self}, with...)); ok {
		return scope, nil
	}
	g := &access.ChannelGenesis{Direct: true, Founder: s.self, Post: access.Poster}
	for _, m := range with {
		g.Members = append(g.Members, access.ChannelMember{User: m, Role: access.Poster})
	}
	return s.beginPrivate(ctx, g)
}
