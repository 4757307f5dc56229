package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"sync"

	"hallway/app"
	"hallway/app/web"

	"github.com/wailsapp/wails/v2"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"
	"github.com/wailsapp/wails/v2/pkg/options/linux"
	wails_runtime "github.com/wailsapp/wails/v2/pkg/runtime"
)

const title = "Hallway"

// The names of the events between the page and this program (the page's side is frontend/src/lib).
const (
	eventCore  = "core"       // to the page: a JSON list of app.Event
	eventSince = "core:since" // from the page: the Seq after which it wants events
	eventSave  = "core:save"  // from the page: what to save, see saving
)

// window is the one window of this process.
type window struct {
	handler http.Handler // the page, its calls and its files
	files   app.Files
	dir     string // the data directory
	log     *slog.Logger
	feed    *feed

	mu  sync.Mutex
	ctx context.Context // Wails's handle on the window; nil before it is up and after it closed
}

func newWindow(office web.Office, handler http.Handler, dir string, log *slog.Logger) *window {
	w := &window{handler: handler, files: office, dir: dir, log: log}
	w.feed = &feed{office: office, log: log, emit: func(events string) {
		if ctx := w.handle(); ctx != nil {
			wails_runtime.EventsEmit(ctx, eventCore, events)
		}
	}}
	return w
}

// show opens the window and returns when it has closed.
func (w *window) show() error {
	size := readSize(w.dir)
	state := options.Normal
	if size.Maximised {
		state = options.Maximised
	}
	o := base(w.handler)
	o.Width, o.Height, o.WindowStartState = size.Width, size.Height, state
	o.OnStartup = w.up
	o.OnBeforeClose = func(ctx context.Context) bool {
		w.keepSize(ctx)
		return false
	}
	o.OnShutdown = func(context.Context) { w.down() }
	return runWails(o)
}

// base is what every window of ours has. The handler serves the pages too, rather than Wails from their folder: so the
// content security policy stands on each answer, in the window as in a browser.
func base(handler http.Handler) *options.App {
	return &options.App{
		Title:     title,
		MinWidth:  minWidth,
		MinHeight: minHeight,
		// what is seen before the page has painted; it is the page's own ground in the light theme
		BackgroundColour:         options.NewRGB(255, 255, 255),
		AssetServer:              &assetserver.Options{Handler: handler},
		Linux:                    &linux.Options{ProgramName: "hallway", WebviewGpuPolicy: linux.WebviewGpuPolicyNever},
		EnableDefaultContextMenu: true, // copy and paste by mouse, and spelling
	}
}

// runWails runs one window. GTK cannot be had where the display does not answer; Wails panics then.
func runWails(o *options.App) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the window cannot be opened: %v; run instead: hallway run --web 127.0.0.1:0", r)
		}
	}()
	avoidBlankOnNVIDIA()
	return wails.Run(o)
}

// avoidBlankOnNVIDIA turns off the one way of drawing that leaves WebKitGTK's window blank with NVIDIA's driver. It is
// slower everywhere else, so it is for those machines alone, and for nobody who has set the variable.
func avoidBlankOnNVIDIA() {
	const variable = "WEBKIT_DISABLE_DMABUF_RENDERER"
	if _, set := os.LookupEnv(variable); set || runtime.GOOS != "linux" {
		return
	}
	if _, err := os.Stat("/proc/driver/nvidia/version"); err == nil {
		os.Setenv(variable, "1")
	}
}

func (w *window) up(ctx context.Context) {
	w.mu.Lock()
	w.ctx = ctx
	w.mu.Unlock()
	wails_runtime.EventsOn(ctx, eventSince, func(data ...any) {
		if err := w.feed.restart(data); err != nil {
			w.log.Warn("the page asked for events in a way that is not ours", "err", err)
		}
	})
	wails_runtime.EventsOn(ctx, eventSave, func(data ...any) {
		go func() { // a dialog waits for a person; events do not wait for the dialog
			if err := w.save(ctx, data); err != nil {
				w.log.Error("could not save a file", "err", err)
			}
		}()
	})
}

func (w *window) down() {
	w.mu.Lock()
	w.ctx = nil
	w.mu.Unlock()
	w.feed.stop()
}

// handle is Wails's handle on the window, nil while there is none.
func (w *window) handle() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ctx
}
