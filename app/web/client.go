package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"hallway/app"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// Client speaks to an Office through its HTTP handler: to the node that runs on a data directory through its socket,
// or to an Office inside this process. The command line is its user; it so takes the very path that the window takes.
type Client struct {
	http  *http.Client
	close func() error
}

// Dial is a client of the node that listens on the socket. It does not connect yet.
func Dial(socket string) *Client {
	return newClient(func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}, func() error { return nil })
}

// Local is a client of an Office in this process. Close ends it.
func Local(s *Server) *Client {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := &http.Server{Handler: s.Socket()}
	served := make(chan struct{})
	go func() {
		defer close(served)
		srv.Serve(l) // ends by Close below
	}()
	return newClient(l.dial, func() error {
		err := srv.Close()
		<-served
		return err
	})
}

func newClient(dial func(context.Context, string, string) (net.Conn, error), end func() error) *Client {
	t := &http.Transport{DialContext: dial}
	return &Client{http: &http.Client{Transport: t}, close: func() error {
		t.CloseIdleConnections()
		return end()
	}}
}

// Close lets go of the node; it does not end it.
func (c *Client) Close() error { return c.close() }

// pipeListener hands out in-memory connections.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// Call does one method of app.Service. What the Office has to tell a person comes back as *app.Problem.
func Call[Reply any](ctx context.Context, c *Client, method string, req any) (Reply, error) {
	var reply Reply
	body, err := json.Marshal(req)
	if err != nil {
		return reply, fmt.Errorf("call %s: %w", method, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://hallway/rpc/"+method, bytes.NewReader(body))
	if err != nil {
		return reply, fmt.Errorf("call %s: %w", method, err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(r)
	if err != nil {
		return reply, fmt.Errorf("call %s: %w", method, err)
	}
	defer resp.Body.Close()
	return reply, readReply(resp, &reply)
}

func readReply(resp *http.Response, into any) error {
	if resp.StatusCode != http.StatusOK {
		return readProblem(resp)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read the node's answer: %w", err)
	}
	return nil
}

func readProblem(resp *http.Response) error {
	p := &app.Problem{}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(p); err != nil || p.Sentence == "" {
		return fmt.Errorf("the node answered %d", resp.StatusCode)
	}
	return p
}

// Events calls each for what happens from now on, or since an event seen before, until ctx ends.
func (c *Client) Events(ctx context.Context, since uint64, each func(app.Event) error) error {
	conn, _, err := websocket.Dial(ctx, "ws://hallway/events?since="+strconv.FormatUint(since, 10),
		&websocket.DialOptions{HTTPClient: c.http})
	if err != nil {
		return fmt.Errorf("listen to the node: %w", err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(4 << 20)
	for {
		var e app.Event
		if err := wsjson.Read(ctx, conn, &e); err != nil {
			return fmt.Errorf("listen to the node: %w", err)
		}
		if err := each(e); err != nil {
			return err
		}
	}
}

// GetFile writes an attachment's bytes to w, and answers the name that it came with and its size.
func (c *Client) GetFile(ctx context.Context, workspace, id string, w io.Writer) (name string, n int64, err error) {
	u := "http://hallway/file/" + url.PathEscape(id) + "?save=1&workspace=" + url.QueryEscape(workspace)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return "", 0, fmt.Errorf("get file: %w", err)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return "", 0, fmt.Errorf("get file: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", 0, readProblem(resp)
	}
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		name = params["filename"]
	}
	if n, err = io.Copy(w, resp.Body); err != nil {
		return "", n, fmt.Errorf("get file: %w", err)
	}
	return name, n, nil
}

// PutFile hands a file to the Office, to be sent with a message or imported.
func (c *Client) PutFile(ctx context.Context, workspace, name string, size int64, body io.Reader) (app.File, error) {
	in := &countedBody{r: body}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://hallway/file?workspace="+url.QueryEscape(workspace), in)
	if err != nil {
		return app.File{}, fmt.Errorf("add file: %w", err)
	}
	r.ContentLength = size
	r.Header.Set("X-File-Name", url.PathEscape(name))
	r.Header.Set("Content-Type", "application/octet-stream")
	resp, err := c.http.Do(r)
	if err != nil && in.broken(size) {
		return app.File{}, &app.Problem{Kind: app.ProblemInvalid,
			Sentence: fmt.Sprintf("%q changed or vanished while it was read; nothing was sent, choose it again.", name)}
	}
	if err != nil {
		return app.File{}, fmt.Errorf("add file: %w", err)
	}
	defer resp.Body.Close()
	var f app.File
	return f, readReply(resp, &f)
}

// countedBody knows, after a call failed, whether that was the file's fault.
type countedBody struct {
	r  io.Reader
	mu sync.Mutex // the transport reads beside the caller
	n  int64
	at error // the end, or why reading broke off
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n += int64(n)
	b.at = err
	return n, err
}

// broken reports whether the file could not be read to its end, or had another size than it was said to have.
func (b *countedBody) broken(size int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at != nil && b.at != io.EOF || b.at == io.EOF && b.n < size || b.n > size
}
