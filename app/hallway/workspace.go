package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hallway/app"
	"hallway/app/web"

	"github.com/spf13/cobra"
)

func (c *cli) workspaceCommands() []*cobra.Command {
	return []*cobra.Command{c.createCommand(), c.inviteCommand(), c.joinCommand(), c.statusCommand(), c.doctorCommand(), c.profileCommand()}
}

func (c *cli) createCommand() *cobra.Command {
	var req app.CreateRequest
	var sheet string
	cmd := &cobra.Command{
		Use: `create NAME --as "Ann Lee"`, Short: "Start a workspace with #general; this device is its first owner",
		Example: `  hallway create "Harbour Studio" --as "Ada Njoku" --recovery-out sheet.txt`, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name = args[0]
			if req.As == "" {
				return usageError{errors.New(`who are you? add --as "Your Name"`)}
			}
			place, err := reserveSheet(sheet)
			if err != nil {
				return err
			}
			defer place.drop()
			return c.withNew(cmd.Context(), false, func(ctx context.Context, node *web.Client) error {
				reply, err := web.Call[app.CreateReply](ctx, node, "Create", req)
				if err != nil {
					return err
				}
				if err := c.keepSheet(ctx, node, reply.Workspace, place); err != nil {
					return err
				}
				return c.emit(map[string]string{"workspace": reply.Workspace, "name": reply.Name, "member": reply.Member, "device": reply.Device},
					"%s is ready. Next: hallway invite", reply.Name)
			})
		},
	}
	cmd.Flags().StringVar(&req.As, "as", "", "your name")
	cmd.Flags().StringVar(&req.Device, "device", "", "this computer's name")
	cmd.Flags().StringVar(&sheet, "recovery-out", "", "where to write the recovery phrase and the workspace's recovery kit")
	return cmd
}

func (c *cli) inviteCommand() *cobra.Command {
	var role, mode string
	var uses int
	var expires time.Duration
	var channels []string
	cmd := &cobra.Command{
		Use: "invite", Short: "Make an invite link", Args: cobra.NoArgs,
		Example: "  hallway invite --uses 10 --expires 48h\n  hallway invite --mode approve",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withNode(cmd.Context(), false, func(ctx context.Context, node *web.Client) error {
				reply, err := web.Call[app.InviteReply](ctx, node, "Invite", app.InviteRequest{In: c.where(), Role: app.Role(role),
					Uses: uses, ExpiresSec: int(expires / time.Second), Mode: app.InviteMode(mode), Channels: channels})
				if err != nil {
					return err
				}
				return c.emit(reply, "%s", reply.Link)
			})
		},
	}
	cmd.Flags().StringVar(&role, "role", "member", "what who comes may be: guest, member, moderator, admin")
	cmd.Flags().StringVar(&mode, "mode", "auto", "auto lets in who has the link; approve asks an administrator")
	cmd.Flags().IntVar(&uses, "uses", 1, "how many may use it")
	cmd.Flags().DurationVar(&expires, "expires", 168*time.Hour, "how long it is good")
	cmd.Flags().StringSliceVar(&channels, "channels", nil, "the channels to start with; all public ones")
	return cmd
}

func (c *cli) joinCommand() *cobra.Command {
	var req app.JoinRequest
	var timeout time.Duration
	var sheet string
	cmd := &cobra.Command{
		Use: `join LINK --as "Bob Ray"`, Short: "Join a workspace by a link", Args: cobra.ExactArgs(1),
		Example: `  hallway join 'hallway://join/#…' --as "Bram Visser"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Link = args[0]
			if req.As == "" {
				return usageError{errors.New(`who are you? add --as "Your Name"`)}
			}
			place, err := reserveSheet(sheet)
			if err != nil {
				return err
			}
			defer place.drop()
			return c.withNew(cmd.Context(), true, func(ctx context.Context, node *web.Client) error {
				reply, err := web.Call[app.JoinReply](ctx, node, "Join", req)
				if err != nil {
					return err
				}
				if err := c.keepSheet(ctx, node, reply.Workspace, place); err != nil {
					return err
				}
				state, err := c.awaitJoin(ctx, node, reply.Workspace, timeout)
				if joinRefused(state) { // nothing of it is left, so that the next link finds a clean place
					place.kept = false
					_, cerr := web.Call[app.Done](ctx, node, "CancelJoin", app.JoinStatusRequest{In: app.In{Workspace: reply.Workspace}})
					err = errors.Join(err, cerr)
				}
				if err != nil {
					return err
				}
				return c.emit(map[string]any{"workspace": reply.Workspace, "name": state.Name, "member": reply.Member,
					"device": reply.Device, "state": state.State}, "%s", joinText(state))
			})
		},
	}
	cmd.Flags().StringVar(&req.As, "as", "", "your name")
	cmd.Flags().StringVar(&req.Device, "device", "", "this computer's name")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait; it goes on when the node runs")
	cmd.Flags().StringVar(&sheet, "recovery-out", "", "where to write the recovery phrase")
	return cmd
}

func joinText(s app.JoinStatusReply) string {
	if s.State == app.JoinMember {
		return "You are in " + s.Name + "."
	}
	return s.Sentence
}

// awaitJoin waits until the channels can be read, the first messages of a long history at least, the workspace says no, or the time is up.
func (c *cli) awaitJoin(ctx context.Context, node *web.Client, workspace string, timeout time.Duration) (app.JoinStatusReply, error) {
	until, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	in := app.JoinStatusRequest{In: app.In{Workspace: workspace}}
	state, err := web.Call[app.JoinStatusReply](ctx, node, "JoinStatus", in)
	if err != nil || joinEnded(state) {
		return state, joinError(state, err)
	}
	ended := errors.New("ended")
	err = node.Events(until, 0, func(e app.Event) error {
		if e.Kind != app.EventJoin && e.Kind != app.EventReset && e.Kind != app.EventSync {
			return nil
		}
		now, err := web.Call[app.JoinStatusReply](ctx, node, "JoinStatus", in)
		if err != nil {
			return err
		}
		state = now
		if joinEnded(state) {
			return ended
		}
		return nil
	})
	if errors.Is(err, ended) || until.Err() != nil && ctx.Err() == nil {
		err = nil
	}
	return state, joinError(state, err)
}

// firstMessages is how much of a long history a join waits for; the rest comes when the node runs.
const firstMessages = 500

func joinEnded(s app.JoinStatusReply) bool {
	switch s.Step {
	case app.StepDone, app.StepDenied, app.StepFailed:
		return true
	case app.StepFetching:
		return s.Have >= firstMessages
	}
	return false
}

func joinRefused(s app.JoinStatusReply) bool {
	return s.Step == app.StepDenied || s.Step == app.StepFailed
}

func joinError(s app.JoinStatusReply, err error) error {
	if err == nil && joinRefused(s) {
		return &app.Problem{Kind: app.ProblemForbidden, Sentence: s.Sentence}
	}
	return err
}

func (c *cli) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "This device, its peers, and how complete it is", Args: cobra.NoArgs, Example: "  hallway status --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withNode(cmd.Context(), false, func(ctx context.Context, node *web.Client) error {
				s, err := web.Call[app.StatusReply](ctx, node, "Status", app.StatusRequest{In: c.where()})
				if err != nil {
					return err
				}
				if c.json {
					return c.emit(statusLineOf(s), "")
				}
				return c.statusText(s)
			})
		},
	}
}

// statusLine is the status as scripts read it: complete_to is always there, null where it is not known.
type statusLine struct {
	app.StatusReply
	Channels []completeLine `json:"channels"`
}

type completeLine struct {
	app.ChannelStatus
	CompleteTo *time.Time `json:"complete_to"`
}

func statusLineOf(s app.StatusReply) statusLine {
	out := statusLine{StatusReply: s, Channels: []completeLine{}}
	for _, ch := range s.Channels {
		out.Channels = append(out.Channels, completeLine{ch, known(ch.CompleteTo)})
	}
	return out
}

func (c *cli) statusText(s app.StatusReply) error {
	words := map[app.NetState]string{app.NetLAN: "on the office network", app.NetDirect: "connected directly",
		app.NetRelay: "through the relay", app.NetAlone: "alone"}
	fmt.Fprintf(c.out, "%s: %s, %d of %d people reachable, %d waiting to send, %d unreadable\n",
		s.Name, words[s.State], s.Reachable, s.People, s.Pending, s.Unreadable)
	for _, p := range s.Peers {
		fmt.Fprintf(c.out, "  %s (%s) by %s, %d ms\n", p.Member, p.Device, p.Path, p.RTTMS)
	}
	for _, ch := range s.Channels {
		fmt.Fprintf(c.out, "  #%s: %d messages, %d known to be missing\n", ch.Name, ch.Have, ch.Missing)
	}
	return nil
}

func (c *cli) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Why can't this desk reach that one", Args: cobra.NoArgs, Example: "  hallway doctor",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withNode(cmd.Context(), false, func(ctx context.Context, node *web.Client) error {
				d, err := web.Call[app.DoctorReply](ctx, node, "Doctor", app.DoctorRequest{In: c.where()})
				if err != nil {
					return err
				}
				for _, check := range d.Checks {
					mark := "ok  "
					if !check.OK {
						mark = "LOOK"
					}
					if err := c.emit(check, "%s %s: %s %s", mark, check.Check, check.Says, check.Fix); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func (c *cli) profileCommand() *cobra.Command {
	show := func(ctx context.Context, node *web.Client) error {
		p, err := web.Call[app.Profile](ctx, node, "Profile", app.ProfileRequest{In: c.where()})
		if err != nil {
			return err
		}
		return c.emit(p, "name: %s\ntitle: %s\nteam: %s\nstatus: %s", p.Name, p.Title, p.Team, p.Status)
	}
	cmd := &cobra.Command{
		Use: "profile", Short: "Your name, title, team and status", Args: cobra.NoArgs, Example: "  hallway profile set title Engineer",
		RunE: func(cmd *cobra.Command, _ []string) error { return c.withNode(cmd.Context(), false, show) },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "set KEY VALUE", Short: "Set name, title, team or status", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withNode(cmd.Context(), false, func(ctx context.Context, node *web.Client) error {
				req := app.SetProfileRequest{In: c.where(), Key: app.ProfileKey(args[0]), Value: args[1]}
				if _, err := web.Call[app.Profile](ctx, node, "SetProfile", req); err != nil {
					return err
				}
				return show(ctx, node)
			})
		},
	})
	return cmd
}
