package app

import (
	"context"
	"errors"

	"hallway/crdt"
	"hallway/store/view"
)

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
