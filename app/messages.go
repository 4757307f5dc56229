package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
	"hallway/store/replica"
	"hallway/store/view"
)

// maxSend is the most bytes that a person may write in one message.
const maxSend = 40_000

// History reads a page of a channel.
func (of *Office) History(ctx context.Context, req HistoryRequest) (HistoryReply, error) {
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if errors.Is(err, errNoDirect) {
		return HistoryReply{Rows: []Message{}}, nil
	}
	if err != nil {
		return HistoryReply{}, err
	}
	page := view.Page{Scope: scope, Limit: req.Limit, AtUnread: req.AtUnread, System: req.System}
	for text, id := range map[string]*crdt.OpID{req.Before: &page.Before, req.After: &page.After, req.Around: &page.Around} {
		if text == "" {
			continue
		}
		if *id, err = optionalID(text); err != nil {
			return HistoryReply{}, err
		}
	}
	s.attend(scope)
	rows, err := s.view().History(ctx, page)
	if err != nil {
		return HistoryReply{}, explain(err)
	}
	out := HistoryReply{Rows: s.rowMaker(scope).rows(rows.Rows), Older: rows.Older, Newer: rows.Newer}
	if out.Channel, err = s.channelInfo(ctx, scope); err != nil {
		return HistoryReply{}, err
	}
	u, err := s.view().Channel(ctx, scope)
	if err != nil {
		return HistoryReply{}, explain(err)
	}
	out.FirstUnread, out.ReadAt, out.Generation = textOf(u.First), u.ReadAt, int(u.Generation)
	out.Have, out.Want = s.haveWant(scope)
	return out, nil
}

// attend tells catch-up which channel a person looks at, so that it is fetched first.
func (s *space) attend(scope crdt.ScopeID) {
	s.attended.Store(&scope)
	s.rep.Attend([]crdt.ScopeID{scope})
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

// Thread reads a page of replies.
func (of *Office) Thread(ctx context.Context, req ThreadRequest) (ThreadReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return ThreadReply{}, err
	}
	root, err := s.findMessage(ctx, req.Root)
	if err != nil {
		return ThreadReply{}, err
	}
	page := view.Page{Scope: root.Scope, Root: root.ID, Limit: req.Limit}
	if page.Before, err = optionalID(req.Before); err != nil {
		return ThreadReply{}, err
	}
	if page.After, err = optionalID(req.After); err != nil {
		return ThreadReply{}, err
	}
	rows, err := s.view().History(ctx, page)
	if err != nil {
		return ThreadReply{}, explain(err)
	}
	m := s.rowMaker(root.Scope)
	return ThreadReply{Root: m.row(&root), Rows: m.rows(rows.Rows), Older: rows.Older, Newer: rows.Newer}, nil
}

// Activity reads what concerns this person over all channels.
func (of *Office) Activity(ctx context.Context, req ActivityRequest) (ActivityReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return ActivityReply{}, err
	}
	kinds := map[ActivityKind]view.ActivityKind{ActivityUnread: view.ActivityUnread, ActivityThreads: view.ActivityThreads, ActivityMentions: view.ActivityMentions}
	kind, ok := kinds[req.Kind]
	if !ok {
		return ActivityReply{}, problem(ProblemInvalid, "Activity is unread, threads or mentions.")
	}
	before, err := optionalID(req.Before)
	if err != nil {
		return ActivityReply{}, err
	}
	rows, more, err := s.view().Activity(ctx, view.Activity{Kind: kind, Limit: min(req.Limit, 200), Before: before})
	if err != nil {
		return ActivityReply{}, explain(err)
	}
	out := ActivityReply{Rows: []Message{}, More: more}
	for i := range rows {
		out.Rows = append(out.Rows, s.rowMaker(rows[i].Scope).row(&rows[i]))
	}
	return out, nil
}

// Send writes a message. It returns when the message is durable here.
func (of *Office) Send(ctx context.Context, req SendRequest) (SendReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return SendReply{}, err
	}
	if err := checkText(req.Text, len(req.Files) > 0); err != nil {
		return SendReply{}, err
	}
	scope, err := s.findChannel(ctx, req.Channel, true)
	if err != nil {
		return SendReply{}, explain(err)
	}
	if id, ok := s.sent.byNonce(req.Nonce); ok {
		return s.sendReply(ctx, id)
	}
	body := &chat.Message{Text: req.Text, Broadcast: req.AlsoToChannel && req.Thread != "", Nonce: req.Nonce, Mentions: s.mentions(scope, req.Text)}
	var seen []crdt.HLC
	var deps []crdt.OpID
	if req.Thread != "" {
		root, err := s.findMessage(ctx, req.Thread)
		if err != nil {
			return SendReply{}, err
		}
		if root.Scope != scope {
			return SendReply{}, problem(ProblemInvalid, "That thread is in another channel.")
		}
		if root.Reply() {
			root.ID = root.Thread // a reply to a reply stays in its thread
		}
		body.Thread = root.ID
		seen, deps = append(seen, root.HLC), append(deps, root.Op)
	}
	for _, id := range req.Files {
		f, err := s.findFile(ctx, id)
		if err != nil {
			return SendReply{}, err
		}
		body.Files = append(body.Files, f)
	}
	adm, err := s.say(ctx, scope, body, seen, deps)
	if err != nil {
		return SendReply{}, explain(err)
	}
	id := adm.Verified().ID()
	s.sent.wrote(req.Nonce, id)
	for _, f := range req.Files {
		if err := s.kv.put(ctx, uploads+f, nil); err != nil {
			s.log.Warn("could not forget an upload", "err", err)
		}
	}
	return s.sendReply(ctx, id)
}

func (s *space) sendReply(ctx context.Context, id crdt.OpID) (SendReply, error) {
	if err := s.reader.caughtUp(ctx); err != nil {
		return SendReply{}, explain(err)
	}
	m, err := s.message(ctx, id)
	return SendReply{ID: id.String(), State: m.State, Message: m}, err
}

// checkText refuses what is no message.
func checkText(text string, files bool) error {
	switch {
	case len(text) > maxSend:
		return problem(ProblemTooLarge, fmt.Sprintf("A message has at most %d bytes; this one has %d, send it as a file.", maxSend, len(text)))
	case !utf8.ValidString(text):
		return problem(ProblemInvalid, "That text is not UTF-8; send it as a file.")
	case strings.TrimSpace(text) == "" && !files:
		return problem(ProblemInvalid, "There is nothing to send; write something or add a file.")
	}
	return nil
}

// say seals a body and writes it. Where access moves on between the choice of the epoch and the sealing, it looks again:
// nothing is ever sealed for somebody whom this desk knows to be out (protocol 6.4).
func (s *space) say(ctx context.Context, scope crdt.ScopeID, body chat.Body, seen []crdt.HLC, deps []crdt.OpID) (access.Admitted, error) {
	inner, err := envelope(body, deps)
	if err != nil {
		return access.Admitted{}, err
	}
	for range mintTries {
		epoch, err := s.keys.toSend(ctx, scope)
		if err != nil {
			return access.Admitted{}, err
		}
		v := s.sealView()
		adm, err := s.rep.Write(ctx, scope, replica.Draft{Type: crdt.TypeContent, Epoch: epoch, Seen: seen, Build: func(h crdt.Header) ([]byte, error) {
			return s.seal.SealOp(v, scope, &h, inner)
		}})
		if errors.Is(err, seal.ErrStale) {
			continue
		}
		return adm, err
	}
	return access.Admitted{}, fmt.Errorf("write: %w", seal.ErrStale)
}

func envelope(body chat.Body, deps []crdt.OpID) ([]byte, error) {
	e := chat.Envelope{Body: body}
	for _, d := range deps {
		e.Deps = append(e.Deps, chat.DepOf(d))
	}
	slices.SortFunc(e.Deps, func(a, b chat.Dep) int { return slices.Compare(a[:], b[:]) })
	e.Deps = slices.Compact(e.Deps)
	inner, err := e.Append(nil)
	if errors.Is(err, chat.ErrTooLarge) {
		return nil, problem(ProblemTooLarge, "That is too large for one message; send it as a file.")
	}
	return inner, err
}

// mentions finds who a text calls: @ and a name of somebody who can read the channel, the longest that fits, or
// @channel, @everyone, @here.
func (s *space) mentions(scope crdt.ScopeID, text string) []chat.Mention {
	if !strings.Contains(text, "@") {
		return nil
	}
	type candidate struct {
		name string
		user access.UserID
	}
	var people []candidate
	for _, u := range s.readersOf(scope) {
		name := s.names.name(u)
		people = append(people, candidate{name, u})
		if first := firstWord(name); first != name {
			people = append(people, candidate{first, u})
		}
	}
	slices.SortStableFunc(people, func(a, b candidate) int { return len(b.name) - len(a.name) })
	groups := map[string]chat.MentionKind{"channel": chat.MentionChannel, "here": chat.MentionChannel, "everyone": chat.MentionEveryone}
	var out []chat.Mention
	for i := 0; i < len(text) && len(out) < chat.MaxMentions; i++ {
		if text[i] != '@' || i > 0 && isWordByte(text[i-1]) || inCode(text[:i]) {
			continue
		}
		rest := text[i+1:]
		for word, kind := range groups {
			if strings.HasPrefix(rest, word) && endsWord(rest[len(word):]) {
				out = append(out, chat.Mention{Start: i, End: i + 1 + len(word), Kind: kind})
			}
		}
		j := slices.IndexFunc(people, func(p candidate) bool {
			return len(rest) >= len(p.name) && strings.EqualFold(rest[:len(p.name)], p.name) && endsWord(rest[len(p.name):])
		})
		if j >= 0 {
			out = append(out, chat.Mention{Start: i, End: i + 1 + len(people[j].name), Kind: chat.MentionUser, User: people[j].user})
		}
	}
	return out
}

func isWordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b >= 0x80 || b == '_'
}

func endsWord(rest string) bool { return rest == "" || !isWordByte(rest[0]) }

// inCode reports whether a place after before stands inside code: there nobody is called.
func inCode(before string) bool {
	if strings.Count(before, "```")%2 == 1 {
		return true
	}
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return strings.Count(strings.ReplaceAll(line, "```", ""), "`")%2 == 1
}

// Edit replaces the text of an own message.
func (of *Office) Edit(ctx context.Context, req EditRequest) (MessageReply, error) {
	s, r, err := of.target(ctx, req.In, req.ID)
	if err != nil {
		return MessageReply{}, err
	}
	if err := checkText(req.Text, len(r.Files) > 0); err != nil {
		return MessageReply{}, err
	}
	if r.Author.User != s.self || r.System != "" {
		return MessageReply{}, problem(ProblemForbidden, "Only who wrote a message can change it.")
	}
	return s.about(ctx, r, &chat.Edit{Target: r.ID, Text: req.Text, Mentions: s.mentions(r.Scope, req.Text)})
}

// target finds workspace and message of a request; a deleted one cannot be acted on.
func (of *Office) target(ctx context.Context, in In, id string) (*space, *view.Row, error) {
	s, err := of.space(in)
	if err != nil {
		return nil, nil, err
	}
	r, err := s.findMessage(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if r.Kind != chat.PostMessage {
		return nil, nil, problem(ProblemNotFound, "That message is deleted or cannot be read here.")
	}
	return s, &r, nil
}

// about writes something about a message and answers how that now stands.
func (s *space) about(ctx context.Context, r *view.Row, body chat.Body) (MessageReply, error) {
	if _, err := s.say(ctx, r.Scope, body, []crdt.HLC{r.HLC}, []crdt.OpID{r.Op}); err != nil {
		return MessageReply{}, explain(err)
	}
	return s.standing(ctx, r.ID)
}

func (s *space) standing(ctx context.Context, id crdt.OpID) (MessageReply, error) {
	if err := s.reader.caughtUp(ctx); err != nil {
		return MessageReply{}, explain(err)
	}
	m, err := s.message(ctx, id)
	return MessageReply{ID: id.String(), Message: m}, err
}

// Delete takes a message back, everywhere that hears of it: its payload goes from every copy, and the ops that edited it.
func (of *Office) Delete(ctx context.Context, req MessageRequest) (MessageReply, error) {
	s, r, err := of.target(ctx, req.In, req.ID)
	if err != nil {
		return MessageReply{}, err
	}
	if r.User != s.self && !s.access().Moderates(s.self, r.Scope) {
		return MessageReply{}, problem(ProblemForbidden, "Only who wrote a message, or a moderator, can delete it.")
	}
	targets, err := s.view().Redactees(ctx, r.ID)
	if err != nil {
		return MessageReply{}, explain(err)
	}
	for part := range slices.Chunk(targets, crdt.MaxRedact) {
		body := crdt.RedactBody{Targets: part}
		if _, err := s.rep.Write(ctx, r.Scope, replica.Draft{Type: crdt.TypeRedact, Seen: []crdt.HLC{r.HLC},
			Build: func(crdt.Header) ([]byte, error) { return body.Append(nil), nil }}); err != nil {
			return MessageReply{}, explain(err)
		}
	}
	return s.standing(ctx, r.ID)
}

// React adds or takes back a reaction.
func (of *Office) React(ctx context.Context, req ReactRequest) (MessageReply, error) {
	s, r, err := of.target(ctx, req.In, req.ID)
	if err != nil {
		return MessageReply{}, err
	}
	if !isEmoji(req.Emoji) {
		return MessageReply{}, problem(ProblemInvalid, "A reaction is one emoji.")
	}
	return s.about(ctx, r, &chat.React{Target: r.ID, Emoji: req.Emoji, Remove: req.Remove})
}

// isEmoji is generous: a short run of something that is no plain text, or :name:.
func isEmoji(e string) bool {
	if e == "" || len(e) > chat.MaxEmoji || !utf8.ValidString(e) {
		return false
	}
	if len(e) > 2 && e[0] == ':' && e[len(e)-1] == ':' {
		return !strings.ContainsAny(e[1:len(e)-1], ": \t\n")
	}
	first, _ := utf8.DecodeRuneInString(e)
	return !strings.ContainsAny(e, " \t\n") && (first >= 0x203c || first == 0xa9 || first == 0xae ||
		strings.ContainsRune("0123456789#*", first) && strings.ContainsRune(e, 0x20e3))
}

// Pin pins a message.
func (of *Office) Pin(ctx context.Context, req MessageRequest) (MessageReply, error) {
	return of.pin(ctx, req, false)
}

// Unpin takes a pin off.
func (of *Office) Unpin(ctx context.Context, req MessageRequest) (MessageReply, error) {
	return of.pin(ctx, req, true)
}

func (of *Office) pin(ctx context.Context, req MessageRequest, remove bool) (MessageReply, error) {
	s, r, err := of.target(ctx, req.In, req.ID)
	if err != nil {
		return MessageReply{}, err
	}
	return s.about(ctx, r, &chat.Pin{Target: r.ID, Remove: remove})
}

// Pins lists a channel's pinned messages.
func (of *Office) Pins(ctx context.Context, req ChannelRequest) (PinsReply, error) {
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if err != nil {
		return PinsReply{}, err
	}
	rows, err := s.view().Pins(ctx, scope)
	if err != nil {
		return PinsReply{}, explain(err)
	}
	return PinsReply{Rows: s.rowMaker(scope).rows(rows)}, nil
}
