package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// writeWait is how long a page may take to read one event before it is dropped; it then comes back and asks since.
const writeWait = 10 * time.Second

// events streams what happens to one page over a WebSocket. A page that reads too slowly is closed rather than
// buffered for.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	since, _ := strconv.ParseUint(r.URL.Query().Get("since"), 10, 64)
	conn, err := websocket.Accept(w, r, nil) // compares Origin with Host once more
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 10)
	ctx := conn.CloseRead(r.Context())
	feed, err := s.office.Subscribe(ctx, since)
	if err != nil {
		conn.Close(websocket.StatusInternalError, "no events")
		return
	}
	for e := range feed {
		wctx, cancel := context.WithTimeout(ctx, writeWait)
		err := wsjson.Write(wctx, conn, e)
		cancel()
		if err != nil {
			return
		}
	}
	conn.Close(websocket.StatusTryAgainLater, "subscribe again")
}
