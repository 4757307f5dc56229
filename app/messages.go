package app

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"hallway/crdt"
	"hallway/crdt/chat"
	"hallway/store/replica"
	"hallway/store/view"
)

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
