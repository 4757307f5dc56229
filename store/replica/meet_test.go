package replica_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"testing"

	"hallway/p2p/catchup"
)

// meeting is two copies that talk catch-up over a stream that keeps order.
type meeting struct {
	t       testing.TB
	desks   [2]*desk
	s       [2]*catchup.Session
	inbox   [2][][]byte
	bytes   int // both ways, lengths included
	commits int
	after   func() // after each commit
}

func (d *desk) peer() catchup.PeerID {
	return catchup.PeerID("\x00\x24\x08\x01\x12\x20" + string(d.comer.DTK.Public().(ed25519.PublicKey)))
}

var nonces uint64

func connect(t testing.TB, a, b *desk) *meeting {
	m := &meeting{t: t, desks: [2]*desk{a, b}}
	for i, d := range m.desks {
		nonces++
		o := catchup.Options{
			Replica: d.Catchup(), Shared: catchup.NewCoordinator(),
			Self: d.peer(), Peer: m.desks[1-i].peer(), Wake: func() {},
		}
		binary.BigEndian.PutUint64(o.Nonce[:], nonces)
		copy(o.Process[:], d.name)
		m.s[i] = catchup.NewSession(o)
	}
	return m
}

func (m *meeting) turn(i int) (moved bool) {
	for {
		frame, ok := m.s[i].Next()
		if !ok {
			break
		}
		moved = true
		m.bytes += len(binary.AppendUvarint(nil, uint64(len(frame)))) + len(frame)
		m.inbox[1-i] = append(m.inbox[1-i], frame)
	}
	for len(m.inbox[i]) > 0 {
		frame := m.inbox[i][0]
		m.inbox[i] = m.inbox[i][1:]
		moved = true
		if err := m.s[i].Receive(start, frame); err != nil {
			m.t.Fatalf("%s: %v", m.desks[i].name, err)
		}
		m.s[i].Events()
	}
	for {
		w, ok := m.s[i].Work()
		if !ok {
			return moved
		}
		moved = true
		out, err := m.desks[i].Catchup().Ingest(context.Background(), m.desks[1-i].peer(), w.Scope, w.Segments)
		if err := m.s[i].Committed(start, w, out, err); err != nil {
			m.t.Fatalf("%s: %v", m.desks[i].name, err)
		}
		m.commits++
		if m.after != nil {
			m.after()
		}
	}
}

// run carries on until both have nothing to say.
func (m *meeting) run() {
	for moved := true; moved; {
		moved = false
		for i := range m.s {
			moved = m.turn(i) || moved
		}
	}
}

// meet has two desks bring each other up to date.
func meet(t testing.TB, a, b *desk) *meeting {
	t.Helper()
	m := connect(t, a, b)
	m.run()
	for i := range m.s {
		m.s[i].Refresh(start)
	}
	m.run()
	for i := range m.s {
		m.s[i].Close()
	}
	return m
}
