package app

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/store/view"
)

const (
	localLeft = "left/" // + scope: public channels that this person does not want to see
	maxTopic  = 250     // characters
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

// talked reports whether anything was said in a scope that is here.
func (s *space) talked(scope crdt.ScopeID) bool {
	c, err := s.view().Channel(context.Background(), scope)
	return err == nil && c.Rows > 0
}

// channels are all that this person may read, by scope. Of direct messages that the same people began apart it is the one
// that new ones go to, and any other in which something was said: nothing that was written is hidden.
func (s *space) channels() []access.Channel {
	v := s.access()
	var out []access.Channel
	for _, scope := range v.Scopes() {
		if !v.MayRead(s.self, scope) || v.Canonical(scope) != scope && !s.talked(scope) {
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
		scope := crdt.ScopeID(raw)
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
