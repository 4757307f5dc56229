package main

import (
	"context"
	"net"
	"net/http"
	"time"

	wails_runtime "github.com/wailsapp/wails/v2/pkg/runtime"
)

// showPath is what a second start on the same data directory asks of the first, through the socket that only the owner
// can open. It stands in for Wails's own single instance lock, which wants D-Bus and knows no data directories: two
// windows on two directories are two people, or one person's two companies.
const showPath = "/window/show"

// socketDoor is the command line's door with showPath beside it.
func (w *window) socketDoor(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+showPath, func(rw http.ResponseWriter, _ *http.Request) {
		ctx := w.handle()
		if ctx == nil {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		wails_runtime.WindowUnminimise(ctx)
		wails_runtime.WindowShow(ctx)
		rw.WriteHeader(http.StatusNoContent)
	})
	mux.Handle("/", next)
	return mux
}

// bringToFront asks the window behind the socket to show itself; false where none answers, as when a node without a
// window has the directory.
func bringToFront(socket string) bool {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	defer client.CloseIdleConnections()
	resp, err := client.Post("http://hallway"+showPath, "application/json", http.NoBody)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusNoContent
}
