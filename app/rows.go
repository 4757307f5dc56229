package app

import (
	"context"
	"encoding/hex"
	"net/url"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
	"hallway/store/view"
)

// rowMaker turns the view's rows of one channel into what faces show.
type rowMaker struct {
	s       *space
	scope   crdt.ScopeID
	channel string // its name
	mayMod  bool   // may delete others' messages
}

func (s *space) rowMaker(scope crdt.ScopeID) *rowMaker {
	m := &rowMaker{s: s, scope: scope}
	if ch, ok := s.access().Channel(scope); ok {
		m.channel, _ = s.channelTitle(&ch)
	}
	m.mayMod = s.access().Moderates(s.self, scope)
	return m
}

func (m *rowMaker) rows(in []view.Row) []Message {
	out := make([]Message, 0, len(in))
	for i := range in {
		out = append(out, m.row(&in[i]))
	}
	return out
}

// author is who stands over a post.
func (m *rowMaker) author(a chat.Author) (name, id string) {
	if a.User.IsZero() {
		return a.Name, ""
	}
	return m.s.names.name(a.User), a.User.String()
}

func (m *rowMaker) person(a chat.Author) Person {
	name, id := m.author(a)
	return Person{ID: id, Name: name}
}

func (m *rowMaker) row(r *view.Row) Message {
	if r.Line != nil {
		return m.line(r)
	}
	out := Message{
		ID: r.ID.String(), Kind: RowMessage, Channel: m.scope.String(), ChannelName: m.channel, Order: r.Order(),
		Position: r.Position, Mine: r.Author.User == m.s.self, Time: r.Time, Text: r.Text, Edited: !r.Edited.IsZero(),
		EditedAt: r.Edited, Pinned: r.Pinned, AlsoToChannel: r.Broadcast, Reactions: []Reaction{}, Files: []File{},
		Late: r.Late, Source: r.System, Nonce: r.Nonce, State: SendDelivered,
	}
	out.Author, out.AuthorID = m.author(r.Author)
	if !r.Thread.IsZero() {
		out.Thread = r.Thread.String()
	}
	switch r.Kind {
	case chat.PostDeleted:
		out.Deleted, out.Text = true, ""
		out.Mine = r.User == m.s.self
		m.summary(&out, r) // what was answered stands
		return out
	case chat.PostLocked:
		out.Kind, out.Text = RowMissingKey, ""
		return out
	}
	m.fill(&out, r)
	return out
}

// fill adds what only a message that can be read has.
func (m *rowMaker) fill(out *Message, r *view.Row) {
	for _, mention := range r.Mentions {
		out.Mentions = append(out.Mentions, m.mention(r.Text, mention))
	}
	for _, re := range r.Reactions {
		reaction := Reaction{Emoji: re.Emoji}
		for _, a := range re.By {
			reaction.People = append(reaction.People, m.person(a))
			reaction.Mine = reaction.Mine || a.User == m.s.self
		}
		out.Reactions = append(out.Reactions, reaction)
	}
	for i := range r.Files {
		out.Files = append(out.Files, m.s.fileOf(&r.Files[i]))
	}
	for _, l := range r.Links {
		out.Files = append(out.Files, File{Name: oneLine(l.Name, maxLine), Size: int(l.Size), Type: l.Mime, URL: webAddress(l.URL)})
	}
	m.summary(out, r)
	if out.Mine && r.System == "" {
		m.s.sent.fill(out, m.scope, &r.Post)
	}
	own := r.Author.User == m.s.self || r.User == m.s.self && r.System != ""
	out.MayEdit = r.Author.User == m.s.self && r.System == ""
	out.MayDelete = own || m.mayMod
}

// summary is the line under the root of a thread.
func (m *rowMaker) summary(out *Message, r *view.Row) {
	if sum := r.Summary; sum != nil {
		out.Replies = sum.Replies
		out.Summary = &ThreadSummary{Replies: sum.Replies, LastAt: sum.LastAt, Unread: sum.Unread}
		for _, a := range sum.People {
			out.Summary.People = append(out.Summary.People, m.person(a))
		}
	}
}

func (m *rowMaker) mention(text string, c chat.Mention) Mention {
	out := Mention{}
	if c.Start >= 0 && c.Start <= c.End && c.End <= len(text) {
		out.Text = text[c.Start:c.End]
	}
	switch c.Kind {
	case chat.MentionUser:
		out.Member, out.You = c.User.String(), c.User == m.s.self
	case chat.MentionChannel, chat.MentionEveryone:
		out.You = true
	}
	return out
}

// message is one message as it stands.
func (s *space) message(ctx context.Context, id crdt.OpID) (Message, error) {
	r, err := s.view().Find(ctx, id)
	if err != nil {
		return Message{}, explain(err)
	}
	return s.rowMaker(r.Scope).row(&r), nil
}

// findMessage reads a message's id and finds it.
func (s *space) findMessage(ctx context.Context, text string) (view.Row, error) {
	id, err := crdt.ParseOpID(text)
	if err != nil {
		return view.Row{}, problem(ProblemNotFound, "There is no such message here.")
	}
	r, err := s.view().Find(ctx, id)
	if err != nil {
		return view.Row{}, explain(err)
	}
	return r, nil
}

// readersOf are the people who may read a scope, by id.
func (s *space) readersOf(scope crdt.ScopeID) []access.UserID {
	var out []access.UserID
	if scope == s.scope() {
		for _, m := range s.access().Members() {
			out = append(out, m.User)
		}
		return out
	}
	ch, ok := s.access().Channel(scope)
	if !ok {
		return nil
	}
	for _, m := range ch.Members {
		out = append(out, m.User)
	}
	return out
}

// optionalID reads an id that may be empty.
func optionalID(text string) (crdt.OpID, error) {
	if text == "" {
		return crdt.OpID{}, nil
	}
	id, err := crdt.ParseOpID(text)
	if err != nil {
		return crdt.OpID{}, problem(ProblemNotFound, "There is no such message here.")
	}
	return id, nil
}

func textOf(id crdt.OpID) string {
	if id.IsZero() {
		return ""
	}
	return hex.EncodeToString(id[:])
}

// webAddress is an address of the web, or nothing: where what was imported links to must not run in a page of ours.
func webAddress(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return text
}
