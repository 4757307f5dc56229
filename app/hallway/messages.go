package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"hallway/app"
	"hallway/app/web"

	"github.com/spf13/cobra"
)

// maxStdin is how much is read of standard input: more than a message may have, so that the node says that it is too
// large, and little enough for a call even where JSON writes each byte as six.
const maxStdin = 128 << 10

func (c *cli) messageCommands() []*cobra.Command {
	cmds := []*cobra.Command{c.sendCommand(), c.fileCommand()}
	simple := func(use, short, method string, n int, request func(args []string) any) {
		cmds = append(cmds, &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(n), Example: "  hallway " + strings.ToLower(use),
			RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
				if err := checkUTF8(args[len(args)-1]); err != nil {
					return err
				}
				reply, err := web.Call[app.MessageReply](ctx, node, method, request(args))
				if err != nil {
					return err
				}
				return c.emit(map[string]string{"id": reply.ID}, "Done.")
			})})
	}
	one := func(args []string) any { return app.MessageRequest{In: c.where(), ID: args[0]} }
	simple("edit ID TEXT", "Replace the text of a message of yours", "Edit", 2, func(args []string) any {
		return app.EditRequest{In: c.where(), ID: args[0], Text: args[1]}
	})
	simple("delete ID", "Remove a message everywhere that can be reached", "Delete", 1, one)
	simple("pin ID", "Pin a message to its channel", "Pin", 1, one)
	simple("unpin ID", "Take a pin off", "Unpin", 1, one)
	return append(cmds, c.reactCommand())
}

func (c *cli) reactCommand() *cobra.Command {
	var remove bool
	cmd := &cobra.Command{Use: "react ID EMOJI", Short: "React to a message", Args: cobra.ExactArgs(2), Example: "  hallway react 3f… 👍",
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			req := app.ReactRequest{In: c.where(), ID: args[0], Emoji: args[1], Remove: remove}
			reply, err := web.Call[app.MessageReply](ctx, node, "React", req)
			if err != nil {
				return err
			}
			return c.emit(map[string]string{"id": reply.ID}, "Done.")
		})}
	cmd.Flags().BoolVar(&remove, "remove", false, "take your reaction back")
	return cmd
}

func (c *cli) sendCommand() *cobra.Command {
	var req app.SendRequest
	var files []string
	cmd := &cobra.Command{Use: "send CHANNEL TEXT|-", Short: "Write a message", Args: cobra.ExactArgs(2),
		Example: "  hallway send '#general' 'Good morning'\n  hallway send @Bram 'The plan' --file plan.pdf\n  git log -1 | hallway send release -",
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			req.In, req.Channel, req.Text = c.where(), args[0], args[1]
			if req.Text == "-" {
				b, err := io.ReadAll(io.LimitReader(c.in, maxStdin))
				if err != nil {
					return fmt.Errorf("standard input could not be read: %w", err)
				}
				req.Text = strings.TrimRight(string(b), "\n")
			}
			if err := checkUTF8(req.Text); err != nil {
				return err
			}
			for _, path := range files {
				f, err := c.putFile(ctx, node, path)
				if err != nil {
					return err
				}
				req.Files = append(req.Files, f.ID)
			}
			reply, err := web.Call[app.SendReply](ctx, node, "Send", req)
			if err != nil {
				return err
			}
			return c.emit(map[string]string{"id": reply.ID, "state": string(reply.State)}, "%s", sendText(reply.State))
		})}
	cmd.Flags().StringVar(&req.Thread, "thread", "", "the message that this replies to")
	cmd.Flags().StringArrayVar(&files, "file", nil, "a file to send along; may be repeated")
	return cmd
}

// checkUTF8 refuses what JSON would silently carry as something else.
func checkUTF8(text string) error {
	if !utf8.ValidString(text) {
		return &app.Problem{Kind: app.ProblemInvalid, Sentence: "That text is not UTF-8; send it as a file."}
	}
	return nil
}

func sendText(s app.SendState) string {
	if s == app.SendWaiting {
		return "Waiting to send; it goes out when the node runs and reaches somebody."
	}
	return "Sent."
}

func (c *cli) putFile(ctx context.Context, node *web.Client, path string) (app.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return app.File{}, &app.Problem{Kind: app.ProblemNotFound, Sentence: fmt.Sprintf("The file %s cannot be opened; nothing was sent.", path)}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return app.File{}, &app.Problem{Kind: app.ProblemInvalid, Sentence: fmt.Sprintf("%s is not a file; nothing was sent.", path)}
	}
	return node.PutFile(ctx, c.workspace, filepath.Base(path), info.Size(), f)
}

func (c *cli) fileCommand() *cobra.Command {
	var out string
	get := &cobra.Command{Use: "get ID", Short: "Fetch an attachment", Args: cobra.ExactArgs(1), Example: "  hallway file get 3f…",
		RunE: c.each(func(ctx context.Context, node *web.Client, args []string) error {
			path, n, err := c.getFile(ctx, node, args[0], out)
			if err != nil {
				return err
			}
			return c.emit(map[string]any{"path": path, "size": n}, "%s, %d bytes", path, n)
		})}
	get.Flags().StringVar(&out, "out", "", "where to write it; its own name in this folder")
	return group("file", "Fetch attachments", get)
}

// getFile writes the attachment beside its place first, so that half a file never has a whole one's name. A name that
// came with the file is used only by its last part, and never to replace a file that is there.
func (c *cli) getFile(ctx context.Context, node *web.Client, id, out string) (string, int64, error) {
	dir := "."
	if info, err := os.Stat(out); err == nil && info.IsDir() {
		dir, out = out, ""
	} else if out != "" {
		dir = filepath.Dir(out)
	}
	tmp, err := os.CreateTemp(dir, ".hallway-file-*")
	if err != nil {
		return "", 0, fmt.Errorf("the file cannot be written to %s: %w", dir, err)
	}
	defer os.Remove(tmp.Name())
	name, n, err := node.GetFile(ctx, c.workspace, id, tmp)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return "", 0, err
	}
	if out == "" {
		name = filepath.Base(filepath.Clean("/" + strings.ReplaceAll(name, `\`, "/")))
		out = filepath.Join(dir, name)
		if _, err := os.Lstat(out); err == nil || name == "/" || strings.HasPrefix(name, ".") {
			return "", 0, fmt.Errorf("a file named %q is here already or is no name for one; choose another with --out", name)
		}
	}
	if err := os.Rename(tmp.Name(), out); err != nil {
		return "", 0, fmt.Errorf("the file cannot be written to %s: %w", out, err)
	}
	return out, n, nil
}
