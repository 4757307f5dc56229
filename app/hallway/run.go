package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"hallway/app"
	"hallway/app/web"
	"hallway/frontend"

	"github.com/spf13/cobra"
)

// version is what this program calls itself; packaging sets it.
var version = "0.1.0"

// noPages is what serves as pages where nobody looks at any.
var noPages embed.FS

type ready struct {
	Ready bool     `json:"ready"`
	Peer  string   `json:"peer"`
	Addrs []string `json:"addrs"`
	Web   string   `json:"web,omitempty"`
}

func (c *cli) runCommand() *cobra.Command {
	var network app.Network
	var webAddr string
	cmd := &cobra.Command{
		Use: "run", Short: "The headless node, until it is interrupted", Args: cobra.NoArgs,
		Example: "  hallway run --web 127.0.0.1:0\n  hallway run --peer /ip4/10.0.0.7/tcp/4021",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.runNode(cmd.Context(), network, webAddr)
		},
	}
	cmd.Flags().StringArrayVar(&network.Listen, "listen", nil, "multiaddress to listen on; may be repeated")
	cmd.Flags().StringArrayVar(&network.Peers, "peer", nil, "multiaddress of a peer to stay connected to; may be repeated")
	cmd.Flags().BoolVar(&network.NoDiscovery, "no-discovery", false, "do not announce or look for peers on the local network")
	cmd.Flags().StringVar(&webAddr, "web", "", "serve the window to a browser on this address of this computer")
	return cmd
}

func (c *cli) runNode(ctx context.Context, network app.Network, webAddr string) error {
	c.node = true
	if err := checkWeb(webAddr); err != nil {
		return err
	}
	dir, err := c.dataDir()
	if err != nil {
		return err
	}
	office, err := c.open(ctx, dir, network)
	if err != nil {
		return err
	}
	return errors.Join(c.serve(ctx, office, dir, webAddr), office.Close())
}

// serve runs the Office with its socket and, where asked for, its page, until ctx ends.
func (c *cli) serve(ctx context.Context, office *app.Office, dir, webAddr string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server := web.New(office, frontend.Pages(), c.logger())
	socket, err := app.ListenSocket(dir)
	if err != nil {
		return err
	}
	served := []chan error{c.serveHTTP(ctx, socket, server.Socket())}
	first := ready{Ready: true}
	if webAddr != "" {
		l, url, err := listenWeb(server, webAddr)
		if err != nil {
			return errors.Join(err, socket.Close())
		}
		first.Web = url
		served = append(served, c.serveHTTP(ctx, l, server.Loopback(l.Addr().String())))
	}
	running := make(chan error, 1)
	go func() { running <- office.Run(ctx) }()
	if first.Peer, first.Addrs, err = office.Listening(ctx); err == nil {
		err = c.sayReady(first)
		c.tellNotices()
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case ended := <-running: // by itself, or because ctx ended in this very moment; below it is told apart
			running <- ended
		}
	}
	stop()
	for _, s := range append(served, running) {
		if serr := <-s; serr != nil && !errors.Is(serr, http.ErrServerClosed) && !errors.Is(serr, context.Canceled) {
			err = errors.Join(err, serr)
		}
	}
	return err
}

// sayReady writes the first line, which scripts read; a person with a page to open is told so beside it.
func (c *cli) sayReady(r ready) error {
	if r.Web != "" && !c.json {
		fmt.Fprintf(c.err, "Open the address under \"web\" in a browser on this computer; it works once.\n")
	}
	return json.NewEncoder(c.out).Encode(r)
}

// checkWeb refuses an address that is not of this computer alone.
func checkWeb(addr string) error {
	if addr == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return usageError{fmt.Errorf("--web takes an address of this computer, such as 127.0.0.1:0, not %q", addr)}
	}
	return nil
}

// listenWeb listens on an address that checkWeb has looked at, and answers the address to open.
func listenWeb(server *web.Server, addr string) (net.Listener, string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, "", fmt.Errorf("the page cannot be served on %s: %w", addr, err)
	}
	return l, "http://" + l.Addr().String() + "/#token=" + server.Token(), nil
}

func (c *cli) serveHTTP(ctx context.Context, l net.Listener, h http.Handler) chan error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	context.AfterFunc(ctx, func() { srv.Close() })
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	return done
}
