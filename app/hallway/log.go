package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hallway/app"
	"hallway/app/web"

	"github.com/spf13/cobra"
)

type fileLine struct {
	Name string `json:"name"`
	Size int    `json:"size"`
	ID   string `json:"id"`
	URL  string `json:"url,omitempty"`
}

// messageLine is a message as scripts read it.
type messageLine struct {
	ID        string              `json:"id"`
	Channel   string              `json:"channel"`
	Author    string              `json:"author"`
	AuthorID  string              `json:"author_id"`
	Time      time.Time           `json:"time"`
	Text      string              `json:"text"`
	Edited    bool                `json:"edited"`
	Deleted   bool                `json:"deleted"`
	Thread    string              `json:"thread,omitempty"`
	Replies   int                 `json:"replies"`
	Reactions map[string][]string `json:"reactions"`
	Files     []fileLine          `json:"files"`
	State     string              `json:"state"`
	Late      bool                `json:"late"`
	Source    string              `json:"source,omitempty"`
	System    bool                `json:"system,omitempty"`
	Snippet   string              `json:"snippet,omitempty"`
}

func (c *cli) logCommand() *cobra.Command {
	var req app.HistoryRequest
	var thread string
	var system bool
	cmd := &cobra.Command{Use: "log CHANNEL", Short: "The newest messages, oldest of them first", Args: cobra.ExactArgs(1),
		Example: "  hallway log general --limit 20\n  hallway log '#general' --json",
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			req.In, req.Channel, req.System = c.where(), args[0], system
			rows, err := c.rows(ctx, node, req, thread)
			if err != nil {
				return err
			}
			for _, m := range rows {
				if m.Kind != app.RowMessage && !system {
					continue
				}
				if err := c.emitMessage(m, ""); err != nil {
					return err
				}
			}
			return nil
		})}
	cmd.Flags().IntVar(&req.Limit, "limit", 50, "how many")
	cmd.Flags().StringVar(&req.Before, "before", "", "only those before this message")
	cmd.Flags().StringVar(&req.After, "after", "", "only those after this message")
	cmd.Flags().StringVar(&thread, "thread", "", "the replies to this message")
	cmd.Flags().BoolVar(&system, "system", false, "lines of the system too: joins, keys")
	return cmd
}

func (c *cli) rows(ctx context.Context, node *web.Client, req app.HistoryRequest, thread string) ([]app.Message, error) {
	if thread != "" {
		t, err := web.Call[app.ThreadReply](ctx, node, "Thread", app.ThreadRequest{In: req.In, Root: thread, Limit: req.Limit, Before: req.Before, After: req.After})
		return t.Rows, err
	}
	h, err := web.Call[app.HistoryReply](ctx, node, "History", req)
	return h.Rows, err
}

func line(m app.Message, snippet string) messageLine {
	l := messageLine{ID: m.ID, Channel: m.ChannelName, Author: m.Author, AuthorID: m.AuthorID, Time: m.Time, Text: m.Text,
		Edited: m.Edited, Deleted: m.Deleted, Thread: m.Thread, Reactions: map[string][]string{}, Files: []fileLine{},
		State: string(m.State), Late: m.Late, Source: m.Source, System: m.Kind != app.RowMessage, Snippet: snippet}
	for _, r := range m.Reactions {
		names := make([]string, len(r.People))
		for i, p := range r.People {
			names[i] = p.Name
		}
		l.Reactions[r.Emoji] = names
	}
	for _, f := range m.Files {
		l.Files = append(l.Files, fileLine{Name: f.Name, Size: f.Size, ID: f.ID, URL: f.URL})
	}
	l.Replies = m.Replies
	return l
}

func (c *cli) emitMessage(m app.Message, snippet string) error {
	l := line(m, snippet)
	if c.json {
		return c.emit(l, "")
	}
	text := l.Text
	switch {
	case l.Deleted:
		text = "(deleted)"
	case snippet != "":
		text = snippet
	}
	if l.Edited {
		text += " (edited)"
	}
	if l.Replies > 0 {
		text += fmt.Sprintf(" [%d replies]", l.Replies)
	}
	emoji := make([]string, 0, len(l.Reactions))
	for e, who := range l.Reactions {
		emoji = append(emoji, fmt.Sprintf("%s %d", e, len(who)))
	}
	slices.Sort(emoji)
	if len(emoji) > 0 {
		text += " {" + strings.Join(emoji, ", ") + "}"
	}
	for _, f := range l.Files {
		text += fmt.Sprintf("\n    file %s, %d bytes, %s", f.Name, f.Size, f.ID)
	}
	return c.emit(nil, "%s  %s: %s", l.Time.Local().Format("2006-01-02 15:04"), l.Author, text)
}

func (c *cli) watchCommand() *cobra.Command {
	return &cobra.Command{Use: "watch [CHANNEL]", Short: "What happens, as it happens, until interrupted", Args: cobra.MaximumNArgs(1),
		Example: "  hallway watch --json | jq .",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withNode(cmd.Context(), true, func(ctx context.Context, node *web.Client) error {
				var channel string
				if len(args) == 1 {
					reply, err := web.Call[app.HistoryReply](ctx, node, "History", app.HistoryRequest{In: c.where(), Channel: args[0], Limit: 1})
					if err != nil {
						return err
					}
					channel = reply.Channel.ID
				}
				err := node.Events(ctx, 0, func(e app.Event) error { return c.emitEvent(e, channel) })
				if ctx.Err() != nil || errors.Is(err, context.Canceled) {
					return nil
				}
				return err
			})
		}}
}

func (c *cli) emitEvent(e app.Event, channel string) error {
	if e.Kind == app.EventReset || channel != "" && e.Channel != channel {
		return nil
	}
	if c.json {
		return c.emit(e, "")
	}
	if e.Message != nil && e.Kind == app.EventMessage {
		return c.emitMessage(*e.Message, "")
	}
	return c.emit(nil, "-- %s %s %s", e.Kind, e.ChannelName, e.Name)
}

func (c *cli) searchCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "search QUERY", Short: "Look through everything on this computer", Args: cobra.ExactArgs(1),
		Example: `  hallway search 'deploy* in:#release from:Ada has:file before:2026-05-01 "signed build"'`,
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			reply, err := web.Call[app.SearchReply](ctx, node, "Search", app.SearchRequest{In: c.where(), Query: args[0], Limit: limit})
			if err != nil {
				return err
			}
			for _, hit := range reply.Hits {
				if err := c.emitMessage(hit.Message, hit.Snippet); err != nil {
					return err
				}
			}
			return c.emit(map[string]any{"total": reply.Total, "searched": reply.Searched, "took_ms": reply.TookMS, "complete": reply.Complete},
				"%d found in %d messages on this computer", reply.Total, reply.Searched)
		})}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many")
	return cmd
}
