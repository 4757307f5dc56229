package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"hallway/app"
	"hallway/app/web"

	"github.com/spf13/cobra"
)

// Exit statuses (cli.md is the contract).
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// cli is one run of the program.
type cli struct {
	in        io.Reader
	out       io.Writer
	err       io.Writer
	dir       string
	json      bool
	workspace string
}

// usageError is a command that was written wrong.
type usageError struct{ error }

func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	buffered := bufio.NewWriter(out)
	c := &cli{in: in, out: &flushing{buffered}, err: errOut}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(c.out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if ferr := buffered.Flush(); err == nil && ferr != nil {
		err = fmt.Errorf("write the output: %w", ferr)
	}
	return c.report(err)
}

// flushing writes through at once, so that a stream is seen as it happens.
type flushing struct{ w *bufio.Writer }

func (f *flushing) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	if err == nil {
		err = f.w.Flush()
	}
	return n, err
}

// report says in one line what went wrong, and what to do.
func (c *cli) report(err error) int {
	var usage usageError
	var p *app.Problem
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		fmt.Fprintf(c.err, "hallway: %v\n", usage.error)
		return exitUsage
	case errors.As(err, &p):
		fmt.Fprintf(c.err, "hallway: %s\n", p.Sentence)
		for _, id := range p.Candidates {
			fmt.Fprintf(c.err, "  %s\n", id)
		}
		return exitFailed
	default:
		fmt.Fprintf(c.err, "hallway: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		return exitFailed
	}
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "hallway",
		Short:         "Company chat with no server in the middle",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("there is no command %q; see: hallway help", args[0])}
			}
			return cmd.Help()
		},
	}
	f := root.PersistentFlags()
	f.StringVar(&c.dir, "data", "", "where this device's copy lives (or HALLWAY_DATA)")
	f.BoolVar(&c.json, "json", false, "one JSON object, or a line each, for programs")
	f.StringVar(&c.workspace, "workspace", "", "a workspace's name or id, where there are several")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(c.workspaceCommands()...)
	root.AddCommand(c.runCommand())
	root.AddCommand(c.channelCommands(), c.logCommand(), c.watchCommand(), c.readCommand(), c.searchCommand())
	root.AddCommand(c.messageCommands()...)
	root.AddCommand(c.peopleCommands()...)
	root.AddCommand(c.historyCommands()...)
	wrapArgs(root)
	return root
}

// wrapArgs makes a wrong number of arguments a wrong usage, with the line that would have been right.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{fmt.Errorf("usage: %s", cmd.UseLine())}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// dataDir is the directory that the command line or the environment names, else the platform's own place.
func (c *cli) dataDir() (string, error) {
	if c.dir != "" {
		return c.dir, nil
	}
	return app.DefaultDir()
}

// logger writes what an administrator wants to know to standard error. Nothing secret and no message text reaches it.
func (c *cli) logger() *slog.Logger {
	level := slog.LevelWarn
	if os.Getenv("HALLWAY_LOG") == "debug" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: level}))
}

// withNode does something through the node that runs on the data directory or, where none does, by opening the
// directory for the while. With network an Office that is opened so also goes online.
func (c *cli) withNode(ctx context.Context, network bool, do func(context.Context, *web.Client) error) error {
	dir, err := c.dataDir()
	if err != nil {
		return err
	}
	socket := app.SocketPath(dir)
	if app.NodeRuns(socket) {
		client := web.Dial(socket)
		defer client.Close()
		return do(ctx, client)
	}
	office, err := c.open(ctx, dir, app.Network{Off: !network})
	if err != nil {
		return err
	}
	return errors.Join(c.inProcess(ctx, office, network, do), office.Close())
}

func (c *cli) inProcess(ctx context.Context, office *app.Office, network bool, do func(context.Context, *web.Client) error) error {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- office.Run(ctx) }()
	client := web.Local(web.New(office, noPages, c.logger()))
	err := do(ctx, client)
	client.Close()
	stop()
	if rerr := <-ended; rerr != nil && !errors.Is(rerr, context.Canceled) {
		err = errors.Join(err, rerr)
	}
	return err
}

// open opens the Office on dir, unlocked by HALLWAY_PASSPHRASE_FILE where that is set.
func (c *cli) open(ctx context.Context, dir string, network app.Network) (*app.Office, error) {
	passphrase, err := app.PassphraseFromEnv()
	if err != nil {
		return nil, err
	}
	return app.Open(ctx, app.Options{
		Dir: dir, Log: c.logger(), Passphrase: passphrase, Network: network, Version: version,
		Notice: func(sentence string) { fmt.Fprintf(c.err, "hallway: %s\n", sentence) },
	})
}

// where names the workspace that the command line named.
func (c *cli) where() app.In { return app.In{Workspace: c.workspace} }

// emit writes one object as a line of JSON, or text for a person.
func (c *cli) emit(v any, text string, args ...any) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(v)
	}
	if text == "" {
		return nil
	}
	_, err := fmt.Fprintf(c.out, text+"\n", args...)
	return err
}
