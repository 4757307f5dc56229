package main

import (
	"context"
	"errors"
	"strings"

	"hallway/app"
	"hallway/app/web"

	"github.com/spf13/cobra"
)

// What happens, as scripts read it: the kind, and the fields of what it is about as the lists show them.
type (
	eventHead struct {
		Event app.EventKind `json:"event"`
		Seq   uint64        `json:"seq,string,omitempty"` // none for what is never repeated
	}
	messageEvent struct {
		eventHead
		messageLine
		ChannelID string `json:"channel_id"`
		Pinned    bool   `json:"pinned"`
		Gone      bool   `json:"gone,omitempty"`
	}
	channelEvent struct {
		eventHead
		channelLine
		Channel string `json:"channel"`
	}
	memberEvent struct {
		eventHead
		memberLine
		Member string `json:"member"` // id
	}
	peerEvent struct {
		eventHead
		app.Peer
	}
	syncEvent struct {
		eventHead
		statusLine
	}
	otherEvent struct {
		eventHead
		Channel   string               `json:"channel,omitempty"`
		ChannelID string               `json:"channel_id,omitempty"`
		Thread    string               `json:"thread,omitempty"`
		ID        string               `json:"id,omitempty"`
		Member    string               `json:"member,omitempty"` // id
		Name      string               `json:"name,omitempty"`
		Online    bool                 `json:"online,omitempty"`
		Job       *app.Job             `json:"job,omitempty"`
		Join      *app.JoinStatusReply `json:"join,omitempty"`
		File      *app.File            `json:"file,omitempty"`
	}
)

func eventOf(e app.Event) any {
	head := eventHead{e.Kind, e.Seq}
	switch {
	case e.Message != nil:
		return messageEvent{head, line(*e.Message), e.Message.Channel, e.Message.Pinned, e.Gone}
	case e.Info != nil:
		return channelEvent{head, channelLineOf(*e.Info), e.Info.Name}
	case e.Person != nil:
		return memberEvent{head, memberLineOf(*e.Person), e.Person.ID}
	case e.Peer != nil:
		return peerEvent{head, *e.Peer}
	case e.Status != nil:
		return syncEvent{head, statusLineOf(*e.Status)}
	}
	return otherEvent{head, e.ChannelName, e.Channel, e.Thread, e.ID, e.Member, e.Name, e.Online, e.Job, e.Join, e.File}
}

func (c *cli) watchCommand() *cobra.Command {
	return &cobra.Command{Use: "watch [CHANNEL]", Short: "What happens, as it happens, until interrupted", Args: cobra.MaximumNArgs(1),
		Example: "  hallway watch --json | jq .",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withNode(cmd.Context(), true, func(ctx context.Context, node *web.Client) error {
				w := &watcher{c: c, node: node}
				if len(args) == 1 {
					w.channel = args[0]
					if err := w.find(ctx); err != nil {
						return err
					}
				}
				err := node.Events(ctx, 0, func(e app.Event) error { return w.event(ctx, e) })
				if ctx.Err() != nil || errors.Is(err, context.Canceled) {
					return nil
				}
				return err
			})
		}}
}

// watcher shows events, of one channel where one is named.
type watcher struct {
	c       *cli
	node    *web.Client
	channel string // as named; empty for all
	id      string // of it; empty while there is no direct message yet with the person named
}

func (w *watcher) find(ctx context.Context) error {
	reply, err := web.Call[app.HistoryReply](ctx, w.node, "History", app.HistoryRequest{In: w.c.where(), Channel: w.channel, Limit: 1})
	w.id = reply.Channel.ID
	return err
}

// begin is where nothing is missed from: scripts get the state of things as it is now.
func (w *watcher) begin(ctx context.Context, seq uint64) error {
	if !w.c.json {
		return nil
	}
	s, err := web.Call[app.StatusReply](ctx, w.node, "Status", app.StatusRequest{In: w.c.where()})
	if err != nil {
		return err
	}
	return w.c.emit(syncEvent{eventHead{app.EventSync, seq}, statusLineOf(s)}, "")
}

func (w *watcher) event(ctx context.Context, e app.Event) error {
	if e.Kind == app.EventReset {
		return w.begin(ctx, e.Seq)
	}
	if w.channel != "" {
		if w.id == "" && e.Channel != "" { // perhaps the direct message that was waited for
			if err := w.find(ctx); err != nil {
				return err
			}
		}
		if w.id == "" || e.Channel != w.id {
			return nil
		}
	}
	if w.c.json {
		return w.c.emit(eventOf(e), "")
	}
	if e.Message != nil && e.Kind == app.EventMessage {
		return w.c.emitMessage(*e.Message, "")
	}
	about := []string{"--", string(e.Kind)}
	for _, s := range []string{e.ChannelName, e.Name} {
		if s != "" {
			about = append(about, s)
		}
	}
	return w.c.emit(nil, "%s", strings.Join(about, " "))
}
