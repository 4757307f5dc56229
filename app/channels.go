package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/store/view"
)

const (
	localLeft  = "left/"  // + scope: public channels that this person does not want to see
	localPlace = "place/" // + scope: where the window stood
	maxTopic   = 250      // characters
)

// channelName brings a channel's name into its one form: without #, lower case, words joined by hyphens.
func channelName(text string) (string, error) {
	name := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(text), "#"))
	name = strings.Join(strings.Fields(name), "-")
	if n := utf8.RuneCountInString(name); n == 0 || n > 80 || !utf8.ValidString(name) {
		return "", problem(ProblemInvalid, "A channel's name needs 1 to 80 characters.")
	}
	for _, r := range name {
		if hiddenRune(r) || strings.ContainsRune("#@,/\\\"'`<>", r) {
			return "", problem(ProblemInvalid, fmt.Sprintf("A channel's name cannot have %q in it.", r))
		}
	}
	return name, nil
}

// channelTitle is what a channel is called, and what it is about.
func (s *space) channelTitle(ch *access.Channel) (name, topic string) {
	if ch.Direct {
		return s.directName(ch), ""
	}
	name, ok := s.unseal(ch.Scope, seal.FieldChannelName, ch.Name)
	if !ok || name == "" {
		name = "channel-" + ch.Scope.String()[:6]
	}
	topic, _ = s.unseal(ch.Scope, seal.FieldChannelTopic, ch.Topic)
	return name, topic
}

func (s *space) directName(ch *access.Channel) string {
	var others []string
	for _, m := range ch.Members {
		if m.User != s.self {
			others = append(others, s.names.name(m.User))
		}
	}
	slices.Sort(others)
	if len(others) == 0 {
		return s.names.name(s.self)
	}
	return strings.Join(others, ", ")
}

// channels are all that this person may read, direct messages folded, by scope.
func (s *space) channels() []access.Channel {
	v := s.access()
	var out []access.Channel
	for _, scope := range v.Scopes() {
		if v.Canonical(scope) != scope || !v.MayRead(s.self, scope) {
			continue
		}
		if ch, ok := v.Channel(scope); ok {
			out = append(out, ch)
		}
	}
	return out
}

// keyScopes are the scopes that have epochs of their own: the access scope, and private ones.
func (s *space) keyScopes() []crdt.ScopeID {
	out := []crdt.ScopeID{s.scope()}
	for _, ch := range s.channels() {
		if !ch.Public {
			out = append(out, ch.Scope)
		}
	}
	return out
}

// Channels lists what this person can see.
func (of *Office) Channels(ctx context.Context, req ChannelsRequest) (ChannelsReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return ChannelsReply{}, err
	}
	out := ChannelsReply{Channels: []Channel{}}
	counts, err := s.view().Channels(ctx)
	if err != nil {
		return out, explain(err)
	}
	by := map[crdt.ScopeID]view.Channel{}
	for _, c := range counts {
		by[c.Scope] = c
	}
	for _, ch := range s.channels() {
		if ch.Archived && !req.Archived {
			continue
		}
		c := by[ch.Scope]
		out.Channels = append(out.Channels, s.channelRow(&ch, &c))
	}
	slices.SortFunc(out.Channels, func(a, b Channel) int {
		return cmp.Or(cmp.Compare(kindOrder(a.Kind), kindOrder(b.Kind)), strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return out, nil
}

func kindOrder(k ChannelKind) int {
	if k == ChannelDirect {
		return 1
	}
	return 0
}

// channelRow is a channel as faces see it.
func (s *space) channelRow(ch *access.Channel, c *view.Channel) Channel {
	name, topic := s.channelTitle(ch)
	v := s.access()
	out := Channel{
		ID: ch.Scope.String(), Name: name, Kind: ChannelPublic, Topic: topic, Members: len(ch.Members), Archived: ch.Archived,
		Joined: true, Unread: c.Count, Mentions: c.Mentions, LastAt: c.LastAt,
		MayManage: v.MayManage(s.self, ch.Scope), MayWrite: v.MayWrite(s.self, ch.Scope),
	}
	switch {
	case ch.Direct:
		out.Kind, out.Private = ChannelDirect, true
		for _, m := range ch.Members {
			if m.User != s.self {
				out.With = append(out.With, m.User.String())
			}
		}
	case !ch.Public:
		out.Kind, out.Private = ChannelPrivate, true
	default:
		var left bool
		if ok, err := s.kv.get(localLeft+out.ID, &left); err == nil && ok {
			out.Joined = !left
		}
	}
	if !c.First.IsZero() {
		out.FirstUnread = c.First.String()
	}
	var place Place
	if ok, err := s.kv.get(localPlace+out.ID, &place); err == nil && ok {
		out.Place = &place
	}
	return out
}

// channelInfo is one channel as faces see it now.
func (s *space) channelInfo(ctx context.Context, scope crdt.ScopeID) (Channel, error) {
	ch, ok := s.access().Channel(scope)
	if !ok {
		return Channel{}, problem(ProblemNotFound, "There is no such channel here.")
	}
	c, err := s.view().Channel(ctx, scope)
	if err != nil {
		return Channel{}, explain(err)
	}
	return s.channelRow(&ch, &c), nil
}

// findChannel finds a channel by id or name, with or without #, or a direct message by @person. open makes the direct
// message where there is none yet.
func (s *space) findChannel(ctx context.Context, text string, open bool) (crdt.ScopeID, error) {
	text = strings.TrimSpace(text)
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == len(crdt.ScopeID{}) {
		scope := s.access().Canonical(crdt.ScopeID(raw))
		if s.access().MayRead(s.self, scope) && scope != s.scope() {
			if _, ok := s.access().Channel(scope); ok {
				return scope, nil
			}
		}
	}
	if strings.HasPrefix(text, "@") {
		u, err := s.findMember(text)
		if err != nil {
			return crdt.ScopeID{}, err
		}
		scope, ok := s.access().Direct([]access.UserID{s.self, u})
		if ok {
			return scope, nil
		}
		if !open {
			return crdt.ScopeID{}, errNoDirect
		}
		return s.openDirect(ctx, []access.UserID{u})
	}
	want := strings.ToLower(strings.TrimPrefix(text, "#"))
	var found []crdt.ScopeID
	for _, ch := range s.channels() {
		if name, _ := s.channelTitle(&ch); !ch.Direct && strings.ToLower(name) == want {
			found = append(found, ch.Scope)
		}
	}
	return oneOf(found, crdt.ScopeID.String, fmt.Sprintf("There is no channel %q here.", text), fmt.Sprintf("Several channels are called %q; name one by its id.", text))
}

// errNoDirect says that two people have not written to each other yet.
var errNoDirect = problem(ProblemNotFound, "You and that person have not written to each other yet; send them something first.")

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

// setChannel writes a channel's settings: in its own scope for a private one.
func (s *space) setChannel(ctx context.Context, scope crdt.ScopeID, set uint8, name, topic string) error {
	ch, ok := s.access().Channel(scope)
	if !ok {
		return problem(ProblemNotFound, "There is no such channel here.")
	}
	role, _ := s.access().ChannelRole(s.self, scope)
	body := &access.ChannelPolicy{Scope: scope, Rank: role, Set: set}
	var err error
	if set&access.SetName != 0 {
		if body.Name, err = s.sealed(ctx, scope, seal.FieldChannelName, []byte(name)); err != nil {
			return err
		}
	}
	if set&access.SetTopic != 0 {
		if body.Topic, err = s.sealed(ctx, scope, seal.FieldChannelTopic, []byte(topic)); err != nil {
			return err
		}
	}
	return s.writeBody(ctx, s.homeOf(&ch), body)
}

// homeOf is the scope whose access DAG holds the ops about a channel.
func (s *space) homeOf(ch *access.Channel) crdt.ScopeID {
	if ch.Public {
		return s.scope()
	}
	return ch.Scope
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

// SetTopic changes what a channel is about.
func (of *Office) SetTopic(ctx context.Context, req SetTopicRequest) (Channel, error) {
	if utf8.RuneCountInString(req.Topic) > maxTopic {
		return Channel{}, problem(ProblemTooLarge, "A topic has at most 250 characters.")
	}
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if err != nil {
		return Channel{}, err
	}
	if err := s.setChannel(ctx, scope, access.SetTopic, "", req.Topic); err != nil {
		return Channel{}, explain(err)
	}
	return s.settledChannel(ctx, scope)
}

// channel finds workspace and channel of a request.
func (of *Office) channel(ctx context.Context, in In, text string) (*space, crdt.ScopeID, error) {
	s, err := of.space(in)
	if err != nil {
		return nil, crdt.ScopeID{}, err
	}
	scope, err := s.findChannel(ctx, text, false)
	return s, scope, err
}

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

// ArchiveChannel closes a channel for writing.
func (of *Office) ArchiveChannel(ctx context.Context, req ChannelRequest) (Done, error) {
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if err != nil {
		return Done{}, err
	}
	return Done{}, explain(s.archive(ctx, scope))
}

func (s *space) archive(ctx context.Context, scope crdt.ScopeID) error {
	ch, _ := s.access().Channel(scope)
	role, _ := s.access().ChannelRole(s.self, scope)
	return s.writeBody(ctx, s.homeOf(&ch), &access.ChannelArchive{Scope: scope, Rank: role, Archived: true})
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

// SetPlace keeps where the window stood.
func (of *Office) SetPlace(ctx context.Context, req SetPlaceRequest) (Done, error) {
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if err != nil {
		return Done{}, err
	}
	if req.Place == nil {
		return Done{}, explain(s.kv.put(ctx, localPlace+scope.String(), nil))
	}
	return Done{}, explain(s.kv.put(ctx, localPlace+scope.String(), *req.Place))
}
