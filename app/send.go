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
)

// maxSend is the most bytes that a person may write in one message.
const maxSend = 40_000

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
