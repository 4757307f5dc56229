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
	Thread    string              `json:"thread"` // empty for what is no reply
	Replies   int                 `json:"replies"`
	Reactions map[string][]string `json:"reactions"`
	Files     []fileLine          `json:"files"`
	State     string              `json:"state"`
	Late      bool                `json:"late"`
	Source    string              `json:"source,omitempty"`
	System    bool                `json:"system,omitempty"`
	Kind      string              `json:"kind,omitempty"` // of a line of the system
}

// hitLine is a message that was found.
type hitLine struct {
	messageLine
	Snippet string `json:"snippet"`
}

func (c *cli) logCommand() *cobra.Command {
	var before, after, thread string
	var limit int
	var system bool
	cmd := &cobra.Command{Use: "log CHANNEL", Short: "The newest messages, oldest of them first", Args: cobra.ExactArgs(1),
		Example: "  hallway log general --limit 20\n  hallway log '#general' --json",
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			if limit < 1 {
				return usageError{errors.New("--limit is 1 or more")}
			}
			p := &pager{node: node, in: c.where(), channel: args[0], thread: thread, system: system, limit: limit}
			rows, err := p.read(ctx, before, after)
			if err != nil {
				return err
			}
			for _, m := range rows {
				if err := c.emitMessage(m, ""); err != nil {
					return err
				}
			}
			return nil
		})}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many")
	cmd.Flags().StringVar(&before, "before", "", "only those before this message")
	cmd.Flags().StringVar(&after, "after", "", "only those after this message")
	cmd.Flags().StringVar(&thread, "thread", "", "the replies to this message")
	cmd.Flags().BoolVar(&system, "system", false, "lines of the system too: joins, keys")
	return cmd
}

func line(m app.Message) messageLine {
	l := messageLine{ID: m.ID, Channel: m.ChannelName, Author: m.Author, AuthorID: m.AuthorID, Time: m.Time, Text: m.Text,
		Edited: m.Edited, Deleted: m.Deleted, Thread: m.Thread, Reactions: map[string][]string{}, Files: []fileLine{},
		State: string(m.State), Late: m.Late, Source: m.Source, Replies: m.Replies}
	if m.Kind != app.RowMessage {
		l.System, l.Kind, l.Text = true, string(m.Kind), systemText(m)
	}
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
	return l
}

// systemText is a line of the system in words.
func systemText(m app.Message) string {
	words := []string{strings.ReplaceAll(string(m.Kind), "_", " ")}
	if m.Target != nil {
		words = append(words, m.Target.Name)
	}
	if m.Value != "" {
		words = append(words, m.Value)
	}
	if m.Actor != nil && (m.Target == nil || m.Target.ID != m.Actor.ID) {
		words = append(words, "by", m.Actor.Name)
	}
	return strings.Join(words, " ")
}

func (c *cli) emitMessage(m app.Message, snippet string) error {
	l := line(m)
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
		text += fmt.Sprintf("\nfile %s, %d bytes, %s", f.Name, f.Size, f.ID)
	}
	return c.emit(nil, "%s  %s: %s", l.Time.Local().Format("2006-01-02 15:04"), under(l.Author), under(text))
}

func (c *cli) searchCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "search QUERY", Short: "Look through everything on this computer", Args: cobra.ExactArgs(1),
		Example: `  hallway search 'deploy* in:#release from:Ada has:file before:2026-05-01 "signed build"'`,
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			if limit < 1 {
				return usageError{errors.New("--limit is 1 or more")}
			}
			reply, err := c.search(ctx, node, args[0], limit)
			if err != nil {
				return err
			}
			for _, hit := range reply.Hits {
				if c.json {
					err = c.emit(hitLine{line(hit.Message), hit.Snippet}, "")
				} else {
					err = c.emitMessage(hit.Message, hit.Snippet)
				}
				if err != nil {
					return err
				}
			}
			return c.emit(map[string]any{"total": reply.Total, "searched": reply.Searched, "took_ms": reply.TookMS, "complete": reply.Complete},
				"%d found in %d messages on this computer", reply.Total, reply.Searched)
		})}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many")
	return cmd
}

// searchPage is how many hits a call gives.
const searchPage = 200

// search reads pages of hits until there are limit of them; the figures are the first page's.
func (c *cli) search(ctx context.Context, node *web.Client, query string, limit int) (app.SearchReply, error) {
	req := app.SearchRequest{In: c.where(), Query: query, Limit: min(limit, searchPage)}
	out, err := web.Call[app.SearchReply](ctx, node, "Search", req)
	for page := out; err == nil && len(page.Hits) == req.Limit && len(out.Hits) < limit; {
		req.Before, req.Limit = page.Hits[len(page.Hits)-1].Message.ID, min(limit-len(out.Hits), searchPage)
		if page, err = web.Call[app.SearchReply](ctx, node, "Search", req); err == nil {
			out.Hits = append(out.Hits, page.Hits...)
		}
	}
	return out, err
}
