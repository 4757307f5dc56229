package app

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"hallway/crdt"
	"hallway/crdt/chat"
	"hallway/store"
	"hallway/store/view"
)

const (
	localRead  = "read/"  // + scope: what was read (chat.ReadState)
	localPlace = "place/" // + scope: where the window stood
	localDraft = "draft/" // + scope, + "/" and root for a thread
)

// readMark is a read state as it is kept: base64 of its one encoding.
type readMark string

func markOf(r chat.ReadState) readMark {
	return readMark(base64.StdEncoding.EncodeToString(r.Append(nil)))
}

func (m readMark) state() chat.ReadState {
	raw, err := base64.StdEncoding.DecodeString(string(m))
	if err != nil {
		return chat.ReadState{}
	}
	r, err := chat.ParseReadState(raw)
	if err != nil {
		return chat.ReadState{}
	}
	return r
}

// eachRead reads every read mark.
func (s *space) eachRead(fn func(scope crdt.ScopeID, m readMark) error) error {
	return s.kv.each(localRead, func(name string, _ []byte) error {
		raw, err := hex.DecodeString(name[len(localRead):])
		if err != nil || len(raw) != len(crdt.ScopeID{}) {
			return fmt.Errorf("read mark: %w", store.ErrDamaged)
		}
		var m readMark
		if ok, err := s.kv.get(name, &m); err != nil || !ok {
			return err
		}
		return fn(crdt.ScopeID(raw), m)
	})
}

// MarkRead moves the read marker forward.
func (of *Office) MarkRead(ctx context.Context, req MarkRequest) (MarkReply, error) {
	return of.mark(ctx, req, func(s *space, scope crdt.ScopeID, id crdt.OpID) (chat.ReadState, error) {
		u, err := s.view().Channel(ctx, scope)
		if err != nil {
			return chat.ReadState{}, err
		}
		if req.Generation != 0 && uint64(req.Generation) < u.Generation {
			return s.view().ReadState(ctx, scope) // an older window cannot undo a mark as unread
		}
		if req.Thread != "" {
			root, err := optionalID(req.Thread)
			if err != nil {
				return chat.ReadState{}, err
			}
			return s.view().ReadThread(ctx, scope, root, id)
		}
		return s.view().ReadUpTo(ctx, scope, id)
	})
}

// MarkUnread makes a message and all after it unread again.
func (of *Office) MarkUnread(ctx context.Context, req MarkRequest) (MarkReply, error) {
	if req.Message == "" {
		return MarkReply{}, problem(ProblemInvalid, "Say from which message on it shall be unread.")
	}
	return of.mark(ctx, req, func(s *space, scope crdt.ScopeID, id crdt.OpID) (chat.ReadState, error) {
		return s.view().UnreadFrom(ctx, scope, id)
	})
}

func (of *Office) mark(ctx context.Context, req MarkRequest, next func(*space, crdt.ScopeID, crdt.OpID) (chat.ReadState, error)) (MarkReply, error) {
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if err != nil {
		return MarkReply{}, err
	}
	id, err := optionalID(req.Message)
	if err != nil {
		return MarkReply{}, err
	}
	before, err := s.view().ReadState(ctx, scope)
	if err != nil {
		return MarkReply{}, explain(err)
	}
	state, err := next(s, scope, id)
	if err != nil {
		return MarkReply{}, explain(err)
	}
	if state, err = s.view().SetRead(ctx, scope, state); err != nil {
		return MarkReply{}, explain(err)
	}
	if err := s.kv.put(ctx, localRead+scope.String(), markOf(state)); err != nil {
		return MarkReply{}, explain(err)
	}
	ch, err := s.channelInfo(ctx, scope)
	if err != nil {
		return MarkReply{}, err
	}
	s.publish(Event{Kind: EventRead, Channel: ch.ID, ChannelName: ch.Name, Info: &ch, Generation: int(state.Generation)})
	roots, err := s.view().RootsBetween(ctx, scope, before, state)
	if err != nil {
		return MarkReply{}, explain(err)
	}
	for _, root := range roots[:min(len(roots), flood)] {
		s.tellRoot(ctx, root)
	}
	return MarkReply{Channel: ch.ID, Unread: ch.Unread, Mentions: ch.Mentions, Generation: int(state.Generation), FirstUnread: ch.FirstUnread}, nil
}

// Drafts lists what was typed and not sent.
func (of *Office) Drafts(_ context.Context, req DraftsRequest) (DraftsReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return DraftsReply{}, err
	}
	out := DraftsReply{Drafts: []Draft{}}
	err = s.kv.each(localDraft, func(name string, _ []byte) error {
		var d Draft
		if ok, err := s.kv.get(name, &d); err != nil || !ok {
			return err
		}
		out.Drafts = append(out.Drafts, d)
		return nil
	})
	slices.SortFunc(out.Drafts, func(a, b Draft) int { return b.At.Compare(a.At) })
	return out, explain(err)
}

// SetDraft keeps a draft.
func (of *Office) SetDraft(ctx context.Context, req SetDraftRequest) (Done, error) {
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if err != nil {
		return Done{}, err
	}
	if len(req.Text) > maxSend {
		return Done{}, problem(ProblemTooLarge, "A draft is at most as long as a message.")
	}
	root, err := optionalID(req.Thread)
	if err != nil {
		return Done{}, err
	}
	name := localDraft + scope.String()
	if !root.IsZero() {
		name += "/" + root.String()
	}
	d := Draft{Channel: scope.String(), Thread: textOf(root), Text: req.Text, At: of.o.Clock().UTC()}
	for _, id := range req.Files {
		f, err := s.findFile(ctx, id)
		if err != nil {
			return Done{}, err
		}
		d.Files = append(d.Files, s.fileOf(&f))
	}
	if d.Text == "" && len(d.Files) == 0 {
		err = s.kv.put(ctx, name, nil)
	} else {
		err = s.kv.put(ctx, name, d)
	}
	if err != nil {
		return Done{}, explain(err)
	}
	s.publish(Event{Kind: EventDraft, Channel: d.Channel, Thread: d.Thread})
	return Done{}, nil
}

// Search looks through what is on this computer.
func (of *Office) Search(ctx context.Context, req SearchRequest) (SearchReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return SearchReply{}, err
	}
	start := time.Now() // how long a person waited: the wall's time, whatever the office's clock says
	q, err := s.query(ctx, req)
	if err != nil {
		return SearchReply{}, err
	}
	found, err := s.view().Search(ctx, q)
	if err != nil {
		return SearchReply{}, explain(err)
	}
	out := SearchReply{Hits: []Hit{}, Total: found.Total, Searched: found.Searched, Fetching: s.fetching()}
	last, _ := s.rep.LSN()
	out.Complete = out.Fetching == 0 && found.Cursor >= last && found.Exact
	for i := range found.Hits {
		h := &found.Hits[i]
		hit := Hit{Message: s.rowMaker(h.Scope).row(&h.Row), Snippet: h.Snippet, Marks: []Mark{}}
		for _, m := range h.Marks {
			hit.Marks = append(hit.Marks, Mark{From: m.From, To: m.To})
		}
		out.Hits = append(out.Hits, hit)
	}
	out.TookMS = int(time.Since(start).Milliseconds())
	return out, nil
}

// query joins what was typed with the fields of the request. A channel or person that nobody knows finds nothing, and
// says so.
func (s *space) query(ctx context.Context, req SearchRequest) (view.Query, error) {
	p := view.ParseQuery(req.Query, time.Local)
	q := p.Query
	q.Limit = req.Limit
	if req.Where != "" {
		p.InNames = append(p.InNames, req.Where)
	}
	if req.From != "" {
		p.FromNames = append(p.FromNames, req.From)
	}
	q.NarrowIn, q.NarrowFrom = len(p.InNames) > 0, len(p.FromNames) > 0
	for _, name := range p.InNames {
		scope, err := s.findChannel(ctx, name, false)
		if errors.Is(err, errNoDirect) {
			continue
		}
		if err != nil {
			return q, err
		}
		q.In = append(q.In, scope)
	}
	for _, name := range p.FromNames {
		if u, err := s.findMember(name); err == nil {
			q.From = append(q.From, view.Sender{User: u})
		}
		q.From = append(q.From, view.Sender{Name: trimAt(name)})
	}
	switch req.Has {
	case "":
	case "file":
		q.File = true
	case "link":
		q.Link = true
	default:
		return q, problem(ProblemInvalid, "A message can be asked to have a file or a link.")
	}
	if !req.Since.IsZero() {
		q.Since = req.Since
	}
	if !req.Until.IsZero() {
		q.Until = req.Until
	}
	var err error
	q.Before, err = optionalID(req.Before)
	return q, err
}

func trimAt(name string) string {
	if len(name) > 0 && name[0] == '@' {
		return name[1:]
	}
	return name
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
