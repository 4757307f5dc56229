// Command hallway-desktop is the window: Office in a Wails window, with no port open for it. The page and its calls go
// through the web room's handler inside the process; the command line reaches it through the data directory's socket.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"time"

	"hallway/app"
	"hallway/app/web"
	"hallway/frontend"
)

// version is what this program calls itself; packaging sets it.
var version = "0.1.0"

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// run is the program; it answers its exit status: 0 done, 1 failed, 2 wrong usage.
func run(args []string, errOut io.Writer) int {
	flags := flag.NewFlagSet("hallway-desktop", flag.ContinueOnError)
	flags.SetOutput(errOut)
	dir := flags.String("data", "", "where this device's copy lives (or HALLWAY_DATA)")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintln(errOut, "usage: hallway-desktop [--data DIR]")
		return 2
	}
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		fmt.Fprintln(errOut, "hallway-desktop: there is no display; run instead: hallway run --web 127.0.0.1:0")
		return 1
	}
	if err := start(*dir, errOut); err != nil {
		fmt.Fprintf(errOut, "hallway-desktop: %s\n", sentence(err))
		return 1
	}
	return 0
}

// sentence is what a person is told: a Problem's own words, else the error's, for whoever started it from a terminal.
func sentence(err error) string {
	var p *app.Problem
	if errors.As(err, &p) {
		return p.Sentence
	}
	return err.Error()
}

// start opens the data directory and shows it until the window closes. A directory that another window has open is
// brought to the front there; whatever else stands in the way is said in a window too, for nobody sees a terminal.
func start(dir string, errOut io.Writer) error {
	if dir == "" {
		var err error
		if dir, err = app.DefaultDir(); err != nil {
			return err
		}
	}
	office, err := openOffice(dir, errOut)
	if err != nil {
		var p *app.Problem
		if errors.As(err, &p) && p.Kind == app.ProblemBusy && bringToFront(app.SocketPath(dir)) {
			return nil
		}
		return errors.Join(err, showFailure(sentence(err)))
	}
	return errors.Join(serve(office, dir, logger(errOut)), office.Close())
}

func openOffice(dir string, errOut io.Writer) (*app.Office, error) {
	passphrase, err := app.PassphraseFromEnv()
	if err != nil {
		return nil, err
	}
	return app.Open(context.Background(), app.Options{
		Dir: dir, Log: logger(errOut), Passphrase: passphrase, Version: version,
		Notice: func(s string) { fmt.Fprintf(errOut, "hallway-desktop: %s\n", s) },
	})
}

// logger writes what an administrator wants to know. Nothing secret and no message text reaches it.
func logger(errOut io.Writer) *slog.Logger {
	level := slog.LevelWarn
	if os.Getenv("HALLWAY_LOG") == "debug" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: level}))
}

// serve runs the Office, the command line's socket and the window; when the window closes, it ends the others.
func serve(office *app.Office, dir string, log *slog.Logger) error {
	socket, err := app.ListenSocket(dir)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	server := web.New(office, frontend.Pages(), log)
	w := newWindow(office, server.Window(), dir, log)
	door := &http.Server{Handler: w.socketDoor(server.Socket()), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	served, ran := make(chan error, 1), make(chan error, 1)
	go func() { served <- door.Serve(socket) }()
	go func() { ran <- office.Run(ctx) }()
	err = w.show()
	stop()
	err = errors.Join(err, door.Close())
	if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	if rerr := <-ran; !errors.Is(rerr, context.Canceled) {
		err = errors.Join(err, rerr)
	}
	return err
}
