package main

import (
	"context"
	"strings"
	"time"

	"hallway/app"
	"hallway/app/web"

	"github.com/spf13/cobra"
)

func (c *cli) peopleCommands() []*cobra.Command {
	return []*cobra.Command{c.membersCommand(), c.requestsCommand(), c.invitesCommand(), c.auditCommand(), c.devicesCommand()}
}

// done is a command with one argument and nothing to tell.
func (c *cli) done(use, short, method string, n int, request func(args []string) any) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(n),
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			if _, err := web.Call[struct{}](ctx, node, method, request(args)); err != nil {
				return err
			}
			return c.emit(map[string]bool{"done": true}, "Done.")
		})}
}

// memberLine is a person as scripts read it: last_seen is always there, null where they were never met.
type memberLine struct {
	app.Member
	LastSeen *time.Time `json:"last_seen"`
}

func memberLineOf(m app.Member) memberLine { return memberLine{m, known(m.LastSeen)} }

// known is a time, or nil for none.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (c *cli) membersCommand() *cobra.Command {
	list := c.each(func(ctx context.Context, node *web.Client, _ []string) error {
		reply, err := web.Call[app.MembersReply](ctx, node, "Members", app.MembersRequest{In: c.where()})
		if err != nil {
			return err
		}
		for _, m := range reply.Members {
			if err := c.emit(memberLineOf(m), "%s  %s, %d devices", m.Name, m.Role, m.Devices); err != nil {
				return err
			}
		}
		return nil
	})
	cmd := &cobra.Command{Use: "members", Short: "The people of the workspace", Args: cobra.NoArgs, RunE: list, Example: "  hallway members role Bram admin"}
	cmd.AddCommand(&cobra.Command{Use: "list", Short: "List people", Args: cobra.NoArgs, RunE: list},
		c.done("remove NAME", "Remove a person; they read nothing that is written from then on", "RemoveMember", 1, func(args []string) any {
			return app.MemberRequest{In: c.where(), Member: args[0]}
		}),
		c.done("role NAME ROLE", "Make a person owner, admin, moderator, member or guest", "SetRole", 2, func(args []string) any {
			return app.SetRoleRequest{In: c.where(), Member: args[0], Role: app.Role(args[1])}
		}))
	return cmd
}

func (c *cli) byID(args []string) any { return app.IDRequest{In: c.where(), ID: args[0]} }

func (c *cli) requestsCommand() *cobra.Command {
	list := c.each(func(ctx context.Context, node *web.Client, _ []string) error {
		reply, err := web.Call[app.RequestsReply](ctx, node, "Requests", app.RequestsRequest{In: c.where()})
		if err != nil {
			return err
		}
		for _, r := range reply.Requests {
			if err := c.emit(r, "%s  %s as %s, invited by %s; compare: %s", r.ID, r.Name, r.Role, r.By, strings.Join(r.Words, " ")); err != nil {
				return err
			}
		}
		return nil
	})
	cmd := &cobra.Command{Use: "requests", Short: "Who waits to be let in", Args: cobra.NoArgs, RunE: list, Example: "  hallway requests approve 3f…"}
	cmd.AddCommand(&cobra.Command{Use: "list", Short: "List requests", Args: cobra.NoArgs, RunE: list},
		c.done("approve ID", "Let them in", "Approve", 1, c.byID), c.done("deny ID", "Do not let them in", "Deny", 1, c.byID))
	return cmd
}

func (c *cli) invitesCommand() *cobra.Command {
	list := c.each(func(ctx context.Context, node *web.Client, _ []string) error {
		reply, err := web.Call[app.InvitesReply](ctx, node, "Invites", app.InvitesRequest{In: c.where()})
		if err != nil {
			return err
		}
		for _, i := range reply.Invites {
			i.Link = "" // a secret; invite prints it once
			state := "open"
			if !i.Open {
				state = "closed"
			}
			if err := c.emit(i, "%s  %s, %s, used %d of %d, until %s, by %s", i.ID, state, i.Mode, i.Used, i.Uses, i.Expires.Local().Format("2006-01-02 15:04"), i.By); err != nil {
				return err
			}
		}
		return nil
	})
	cmd := &cobra.Command{Use: "invites", Short: "Invitations and their use", Args: cobra.NoArgs, RunE: list, Example: "  hallway invites revoke 3f…"}
	cmd.AddCommand(&cobra.Command{Use: "list", Short: "List invitations", Args: cobra.NoArgs, RunE: list},
		c.done("revoke ID", "Make an invitation void", "RevokeInvite", 1, c.byID))
	return cmd
}

func (c *cli) auditCommand() *cobra.Command {
	return &cobra.Command{Use: "audit", Short: "Every membership, role, device, key and policy change, in order, signed", Args: cobra.NoArgs,
		Example: "  hallway audit --json",
		RunE: c.each(func(ctx context.Context, node *web.Client, _ []string) error {
			reply, err := web.Call[app.AuditReply](ctx, node, "Audit", app.AuditRequest{In: c.where()})
			if err != nil {
				return err
			}
			for _, e := range reply.Entries {
				void := ""
				if !e.Effective {
					void = " (void)"
				}
				if err := c.emit(e, "%s  %s: %s %s%s", e.Time.Local().Format("2006-01-02 15:04"), e.Actor, e.Action, e.Target, void); err != nil {
					return err
				}
			}
			return nil
		})}
}

func (c *cli) devicesCommand() *cobra.Command {
	list := c.each(func(ctx context.Context, node *web.Client, _ []string) error {
		reply, err := web.Call[app.DevicesReply](ctx, node, "Devices", app.DevicesRequest{In: c.where()})
		if err != nil {
			return err
		}
		for _, d := range reply.Devices {
			if err := c.emit(d, "%s  %s", d.ID, d.Name); err != nil {
				return err
			}
		}
		return nil
	})
	cmd := &cobra.Command{Use: "devices", Short: "Your devices", Args: cobra.NoArgs, RunE: list, Example: "  hallway devices"}
	cmd.AddCommand(&cobra.Command{Use: "list", Short: "List devices", Args: cobra.NoArgs, RunE: list})
	return cmd
}
