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
	"sync"

	"hallway/app"
	"hallway/app/web"

	"github.com/libp2p/go-libp2p/gologshim"
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
	node      bool // this run is a node's, not a command's

	mu      sync.Mutex
	notices []string // not told yet: a command that failed says one thing only
	ready   bool     // from here on notices are told at once
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
	if err == nil {
		c.tellNotices()
	}
	return c.report(err)
}

// notice tells the person who started the program something, once it has done its work or, a node, is ready.
func (c *cli) notice(sentence string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ready {
		fmt.Fprintf(c.err, "hallway: %s\n", sentence)
		return
	}
	c.notices = append(c.notices, sentence)
}

// tellNotices tells what has gathered, and from then on tells at once.
func (c *cli) tellNotices() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, sentence := range c.notices {
		fmt.Fprintf(c.err, "hallway: %s\n", sentence)
	}
	c.notices, c.ready = nil, true
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
		fmt.Fprintf(c.err, "hallway: %s\n", problemLine(p))
		return exitFailed
	default:
		fmt.Fprintf(c.err, "hallway: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		return exitFailed
	}
}

// problemLine is a problem in one line, with the ids that an ambiguous name fits.
func problemLine(p *app.Problem) string {
	line := p.Sentence
	switch {
	case len(p.Candidates) > 0:
		line = strings.TrimSuffix(p.Sentence, ".") + ": " + strings.Join(p.Candidates, ", ")
	case p.Kind == app.ProblemInternal && os.Getenv("HALLWAY_LOG") == "":
		line = p.Sentence + " With HALLWAY_LOG=debug the command says more."
	}
	return shown(line)
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
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultCompletionCmd("completion") // an argument, so that it is made now and its usage is checked like ours
	wrapArgs(root)
	return root
}

// helpCommand is cobra's, but that an unknown command is a wrong usage.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{Use: "help [COMMAND]", Short: "Help about a command, with an example", Example: "  hallway help send",
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || cmd == root && len(args) > 0 || len(rest) > 0 {
				return usageError{fmt.Errorf("there is no command %q; see: hallway help", strings.Join(args, " "))}
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		}}
}

// group is a command that does nothing without one of its own commands.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Example: subs[0].Example}
	cmd.AddCommand(subs...)
	return cmd
}

// wrapArgs makes a wrong number of arguments a wrong usage, with the line that would have been right.
func wrapArgs(cmd *cobra.Command) {
	if !cmd.Runnable() {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			return usageError{fmt.Errorf("say what to do; see: %s --help", cmd.CommandPath())}
		}
	}
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
// Only a node writes a log unasked: a command says what went wrong in its one line.
func (c *cli) logger() *slog.Logger {
	var level slog.Level
	if text := os.Getenv("HALLWAY_LOG"); text != "" {
		if err := level.UnmarshalText([]byte(text)); err != nil {
			level = slog.LevelDebug
		}
	} else if level = slog.LevelWarn; !c.node {
		return slog.New(slog.DiscardHandler)
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
	if _, err := os.Stat(dir); err != nil {
		return &app.Problem{Kind: app.ProblemNotFound,
			Sentence: fmt.Sprintf("There is no workspace in %s yet; start one or join one by a link.", dir)}
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

// withNew is withNode for a command that may be the first one on its data directory.
func (c *cli) withNew(ctx context.Context, network bool, do func(context.Context, *web.Client) error) error {
	dir, err := c.dataDir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the data folder cannot be made; name another with --data: %w", err)
	}
	return c.withNode(ctx, network, do)
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
	libp2p := slog.DiscardHandler // its lines say in its own words what the Office says in ours
	if os.Getenv("HALLWAY_LOG") != "" {
		libp2p = c.logger().Handler()
	}
	gologshim.SetDefaultHandler(libp2p)
	return app.Open(ctx, app.Options{
		Dir: dir, Log: c.logger(), Passphrase: passphrase, Network: network, Version: version,
		Notice: c.notice,
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
	_, err := io.WriteString(c.out, shown(fmt.Sprintf(text+"\n", args...)))
	return err
}
