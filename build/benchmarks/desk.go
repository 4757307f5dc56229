package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/metrics"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"hallway/app"
)

// listen is where desks and floors alike listen: what two computers of one office would use, on the loopback device.
const listen = "/ip4/127.0.0.1/tcp/0"

// desk is one person's Office, online over real sockets.
type desk struct {
	*app.Office
	bytes *meter
	stop  context.CancelFunc
	ended chan struct{}
}

// open opens a desk's directory, offline. Online it stays connected to those desks that it is given, which are online.
func (b *bench) open(name string, peers ...*desk) (*desk, error) {
	var at []string
	for _, p := range peers {
		id, addrs, err := p.Listening(b.ctx)
		if err != nil {
			return nil, err
		}
		for _, a := range addrs {
			at = append(at, a+"/p2p/"+id)
		}
	}
	m := &meter{}
	of, err := app.Open(b.ctx, app.Options{
		Dir: filepath.Join(b.dir, name), Log: b.log.With("desk", name), Version: "bench", Runtime: filepath.Join(b.dir, "run"),
		Network: app.Network{Listen: []string{listen}, Peers: at, NoDiscovery: true, Host: func(o ...libp2p.Option) (host.Host, error) {
			return libp2p.New(append(o, libp2p.BandwidthReporter(m))...)
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return &desk{Office: of, bytes: m}, nil
}

// online takes the desk into the network.
func (d *desk) online(b *bench) error {
	ctx, cancel := context.WithCancel(b.ctx)
	d.stop, d.ended = cancel, make(chan struct{})
	go func() {
		defer close(d.ended)
		_ = d.Run(ctx) // ends with ctx
	}()
	_, _, err := d.Listening(ctx)
	return err
}

func (d *desk) offline() {
	if d.stop != nil {
		d.stop()
		<-d.ended
		d.stop = nil
	}
}

func (d *desk) close() error {
	d.offline()
	return d.Close()
}

// pair is an office of two: Ada, who started it, and Bram, who joined. Both are online and know each other.
func (b *bench) pair(name string) (ada, bram *desk, err error) {
	if ada, err = b.open(name + "-ada"); err != nil {
		return nil, nil, err
	}
	if _, err = ada.Create(b.ctx, app.CreateRequest{Name: "Harbour Studio", As: "Ada Njoku", Device: "desk"}); err != nil {
		return ada, nil, err
	}
	if err = ada.online(b); err != nil {
		return ada, nil, err
	}
	bram, err = b.joined(name+"-bram", "Bram Visser", ada)
	return ada, bram, err
}

// joined is a new desk that has joined Ada's workspace.
func (b *bench) joined(dir, as string, ada *desk) (*desk, error) {
	inv, err := ada.Invite(b.ctx, app.InviteRequest{})
	if err != nil {
		return nil, err
	}
	d, err := b.open(dir)
	if err != nil {
		return nil, err
	}
	if err := d.online(b); err != nil {
		return d, err
	}
	if _, err := d.Join(b.ctx, app.JoinRequest{Link: inv.Link, As: as, Device: "desk"}); err != nil {
		return d, err
	}
	return d, b.until(time.Minute, 2*time.Millisecond, func() (bool, error) {
		c, err := d.Channels(b.ctx, app.ChannelsRequest{})
		return err == nil && len(c.Channels) > 0 && c.Channels[0].Name == "general" && c.Channels[0].MayWrite, err
	})
}

// settle waits until two desks are connected and hold the same.
func (b *bench) settle(x, y *desk) error {
	return b.until(time.Minute, 20*time.Millisecond, func() (bool, error) {
		for _, d := range []*desk{x, y} {
			st, err := d.Status(b.ctx, app.StatusRequest{})
			if err != nil || len(st.Peers) == 0 {
				return false, err
			}
		}
		return true, nil
	})
}

var errLate = errors.New("not in time")

// until asks again and again until the answer is yes, and spends a tenth of the time at most on asking.
func (b *bench) until(limit, every time.Duration, ask func() (bool, error)) error {
	end := time.Now().Add(limit)
	for {
		asked := time.Now()
		ok, err := ask()
		pause := max(every, 9*time.Since(asked))
		switch {
		case ok:
			return nil
		case time.Now().After(end):
			return errors.Join(errLate, err)
		}
		select {
		case <-time.After(pause):
		case <-b.ctx.Done():
			return b.ctx.Err()
		}
	}
}

// fill has a desk write texts, many at a time, as an office of many would have: they share commits.
func (b *bench) fill(d *desk, texts []post) error {
	channels := map[string]string{}
	for _, p := range texts {
		if channels[p.channel] != "" || p.channel == "general" {
			continue
		}
		ch, err := d.CreateChannel(b.ctx, app.CreateChannelRequest{Name: p.channel})
		if err != nil {
			return err
		}
		channels[p.channel] = ch.ID
	}
	const hands = 128
	var wg sync.WaitGroup
	var next atomic.Int64
	errs := make(chan error, hands)
	for range hands {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(texts) {
					return
				}
				to := channels[texts[i].channel]
				if to == "" {
					to = "general"
				}
				if _, err := d.Send(b.ctx, app.SendRequest{Channel: to, Text: texts[i].text}); err != nil {
					errs <- fmt.Errorf("message %d: %w", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// meter counts the bytes of streams by their protocol, as they are written and read.
type meter struct {
	out, in sync.Map // protocol.ID to *atomic.Int64
}

var _ metrics.Reporter = (*meter)(nil)

func add(m *sync.Map, p protocol.ID, n int64) {
	c, ok := m.Load(p)
	if !ok {
		c, _ = m.LoadOrStore(p, new(atomic.Int64))
	}
	c.(*atomic.Int64).Add(n)
}

func (m *meter) sent(p protocol.ID) int64 {
	if c, ok := m.out.Load(p); ok {
		return c.(*atomic.Int64).Load()
	}
	return 0
}

func (m *meter) received(p protocol.ID) int64 {
	if c, ok := m.in.Load(p); ok {
		return c.(*atomic.Int64).Load()
	}
	return 0
}

// LogSentMessage and the others implement metrics.Reporter; whoever reports calls only those that count streams.
func (m *meter) LogSentMessage(int64) {}

func (m *meter) LogRecvMessage(int64) {}

func (m *meter) LogSentMessageStream(n int64, p protocol.ID, _ peer.ID) { add(&m.out, p, n) }

func (m *meter) LogRecvMessageStream(n int64, p protocol.ID, _ peer.ID) { add(&m.in, p, n) }

func (m *meter) GetBandwidthForPeer(peer.ID) (s metrics.Stats) { return s }

func (m *meter) GetBandwidthForProtocol(p protocol.ID) metrics.Stats {
	return metrics.Stats{TotalIn: m.received(p), TotalOut: m.sent(p)}
}

func (m *meter) GetBandwidthTotals() (s metrics.Stats) { return s }

func (m *meter) GetBandwidthByPeer() map[peer.ID]metrics.Stats { return nil }

func (m *meter) GetBandwidthByProtocol() map[protocol.ID]metrics.Stats { return nil }

func (m *meter) Reset() {}

func (m *meter) TrimIdle(time.Time) {}
