package main

import (
	"context"
	"fmt"
	"strings"

	"hallway/app"
	"hallway/app/web"

	"github.com/spf13/cobra"
)

// each does something through the node for every run of a command.
func (c *cli) each(do func(ctx context.Context, node *web.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return c.withNode(cmd.Context(), false, func(ctx context.Context, node *web.Client) error { return do(ctx, node, args) })
	}
}

type channelLine struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Private  bool   `json:"private"`
	Members  int    `json:"members"`
	Unread   int    `json:"unread"`
	Mentions int    `json:"mentions"`
	Kind     string `json:"kind"`
	Topic    string `json:"topic,omitempty"`
	Joined   bool   `json:"joined"`
	Archived bool   `json:"archived,omitempty"`
}

func channelLineOf(ch app.Channel) channelLine {
	return channelLine{ID: ch.ID, Name: ch.Name, Private: ch.Private, Members: ch.Members, Unread: ch.Unread,
		Mentions: ch.Mentions, Kind: string(ch.Kind), Topic: ch.Topic, Joined: ch.Joined, Archived: ch.Archived}
}

func (c *cli) emitChannel(ch app.Channel) error {
	mark := "#"
	if ch.Kind == app.ChannelDirect {
		mark = "@"
	}
	text := fmt.Sprintf("%s%s  %d people", mark, ch.Name, ch.Members)
	if ch.Unread > 0 {
		text += fmt.Sprintf(", %d unread", ch.Unread)
	}
	if ch.Mentions > 0 {
		text += fmt.Sprintf(", %d mentions", ch.Mentions)
	}
	return c.emit(channelLineOf(ch), "%s", text)
}

func (c *cli) channelCommands() *cobra.Command {
	list := c.each(func(ctx context.Context, node *web.Client, _ []string) error {
		reply, err := web.Call[app.ChannelsReply](ctx, node, "Channels", app.ChannelsRequest{In: c.where()})
		if err != nil {
			return err
		}
		for _, ch := range reply.Channels {
			if err := c.emitChannel(ch); err != nil {
				return err
			}
		}
		return nil
	})
	cmd := &cobra.Command{Use: "channels", Short: "List and make channels", Args: cobra.NoArgs, RunE: list,
		Example: "  hallway channels\n  hallway channels create board --private --members Ada,Bram"}
	cmd.AddCommand(&cobra.Command{Use: "list", Short: "List channels", Args: cobra.NoArgs, RunE: list}, c.channelCreateCommand())
	for _, one := range []struct{ name, method, short string }{
		{"join", "JoinChannel", "Join a public channel"},
		{"leave", "LeaveChannel", "Leave a channel"},
		{"archive", "ArchiveChannel", "Close a channel for writing"},
	} {
		cmd.AddCommand(&cobra.Command{Use: one.name + " NAME", Short: one.short, Args: cobra.ExactArgs(1),
			RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
				req := app.ChannelRequest{In: c.where(), Channel: args[0]}
				if _, err := web.Call[struct{}](ctx, node, one.method, req); err != nil {
					return err
				}
				return c.emit(map[string]string{"channel": strings.TrimLeft(args[0], "#@")}, "Done.")
			})})
	}
	return cmd
}

func (c *cli) channelCreateCommand() *cobra.Command {
	var req app.CreateChannelRequest
	cmd := &cobra.Command{Use: "create NAME", Short: "Make a channel", Args: cobra.ExactArgs(1),
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			req.In, req.Name = c.where(), args[0]
			ch, err := web.Call[app.Channel](ctx, node, "CreateChannel", req)
			if err != nil {
				return err
			}
			return c.emitChannel(ch)
		})}
	cmd.Flags().BoolVar(&req.Private, "private", false, "only those who are added can read it or see that it is there")
	cmd.Flags().StringSliceVar(&req.Members, "members", nil, "who is in it besides you")
	cmd.Flags().StringVar(&req.Topic, "topic", "", "what it is about")
	return cmd
}

func (c *cli) readCommand() *cobra.Command {
	return &cobra.Command{Use: "read CHANNEL [ID]", Short: "Move the read marker", Args: cobra.RangeArgs(1, 2),
		Example: "  hallway read general",
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			req := app.MarkRequest{In: c.where(), Channel: args[0]}
			if len(args) == 2 {
				req.Message = args[1]
			}
			reply, err := web.Call[app.MarkReply](ctx, node, "MarkRead", req)
			if err != nil {
				return err
			}
			return c.emit(map[string]int{"unread": reply.Unread}, "%d unread", reply.Unread)
		})}
}
