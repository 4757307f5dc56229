package main

import (
	"context"
	"slices"

	"hallway/app"
	"hallway/app/web"
)

// historyPage is how many rows a call gives at most.
const historyPage = 500

// pager reads a channel's line, or a thread's, over as many pages as its limit needs.
type pager struct {
	node    *web.Client
	in      app.In
	channel string
	thread  string
	system  bool
	limit   int
}

// page is what both kinds of line answer.
type page struct {
	rows         []app.Message
	older, newer bool
}

// read gives the newest rows or, after a message, those that follow it; before a message it stops there.
func (p *pager) read(ctx context.Context, before, after string) ([]app.Message, error) {
	if p.thread != "" {
		if err := p.checkThread(ctx); err != nil {
			return nil, err
		}
	}
	if after != "" {
		return p.forward(ctx, before, after)
	}
	var out []app.Message
	for {
		got, err := p.call(ctx, before, "")
		if err != nil {
			return nil, err
		}
		out = append(p.wanted(got.rows), out...)
		if len(out) >= p.limit {
			return out[len(out)-p.limit:], nil
		}
		if !got.older || len(got.rows) == 0 {
			return out, nil
		}
		before = got.rows[0].ID
	}
}

func (p *pager) forward(ctx context.Context, before, after string) ([]app.Message, error) {
	var out []app.Message
	for {
		got, err := p.call(ctx, "", after)
		if err != nil {
			return nil, err
		}
		end := slices.IndexFunc(got.rows, func(m app.Message) bool { return m.ID == before })
		if end >= 0 {
			got.rows, got.newer = got.rows[:end], false
		}
		out = append(out, p.wanted(got.rows)...)
		if len(out) >= p.limit {
			return out[:p.limit], nil
		}
		if !got.newer || len(got.rows) == 0 {
			return out, nil
		}
		after = got.rows[len(got.rows)-1].ID
	}
}

// wanted leaves out lines of the system where they were not asked for.
func (p *pager) wanted(rows []app.Message) []app.Message {
	if p.system {
		return rows
	}
	return slices.DeleteFunc(slices.Clone(rows), func(m app.Message) bool { return m.Kind != app.RowMessage })
}

func (p *pager) call(ctx context.Context, before, after string) (page, error) {
	limit := min(p.limit, historyPage)
	if p.thread != "" {
		t, err := web.Call[app.ThreadReply](ctx, p.node, "Thread", app.ThreadRequest{In: p.in, Root: p.thread, Limit: limit, Before: before, After: after})
		return page{t.Rows, t.Older, t.Newer}, err
	}
	req := app.HistoryRequest{In: p.in, Channel: p.channel, Limit: limit, Before: before, After: after, System: p.system}
	h, err := web.Call[app.HistoryReply](ctx, p.node, "History", req)
	return page{h.Rows, h.Older, h.Newer}, err
}

// checkThread refuses a thread of another channel than the one that was named.
func (p *pager) checkThread(ctx context.Context) error {
	h, err := web.Call[app.HistoryReply](ctx, p.node, "History", app.HistoryRequest{In: p.in, Channel: p.channel, Limit: 1})
	if err != nil {
		return err
	}
	t, err := web.Call[app.ThreadReply](ctx, p.node, "Thread", app.ThreadRequest{In: p.in, Root: p.thread, Limit: 1})
	if err == nil && t.Root.Channel != h.Channel.ID {
		err = &app.Problem{Kind: app.ProblemInvalid, Sentence: "That thread is in another channel."}
	}
	return err
}
