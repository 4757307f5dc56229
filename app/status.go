package app

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/p2p"
	"hallway/store/replica"

	"github.com/libp2p/go-libp2p/core/peer"
)

// summary is a workspace in the list of this machine's.
func (s *space) summary(ctx context.Context) Workspace {
	out := Workspace{ID: s.idText(), Name: s.name(), Member: s.self.String(), Device: s.device.String(), State: JoinPending}
	if s.member() {
		out.State = JoinMember
	}
	_, out.RecoveryPending = s.ring.Recovery()
	if counts, err := s.view().Channels(ctx); err == nil {
		for _, c := range counts {
			out.Unread += c.Count
			out.Mentions += c.Mentions
		}
	}
	return out
}

// contact is whether a device is connected, and when it was last heard of.
func (n *network) contact(d *access.Device) (online bool, last time.Time) {
	p, ok := peerOf(d.Cert.DTK)
	if !ok {
		return false, last
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	_, online = n.peers[p]
	return online, n.seen[p]
}

// connected are the proven devices that are connected now.
func (n *network) connected() []p2p.PeerInfo {
	n.mu.RLock()
	defer n.mu.RUnlock()
	out := make([]p2p.PeerInfo, 0, len(n.peers))
	for _, p := range n.peers {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b p2p.PeerInfo) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Status is this device's state in a workspace.
func (of *Office) Status(ctx context.Context, req StatusRequest) (StatusReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return StatusReply{}, err
	}
	return s.status(ctx)
}

func (s *space) status(ctx context.Context) (StatusReply, error) {
	out := StatusReply{
		Workspace: s.idText(), Name: s.name(), Member: s.self.String(), Device: s.device.String(), State: NetAlone,
		Peers: []Peer{}, Channels: []ChannelStatus{}, Pending: s.pending(),
	}
	if off := s.net.clockOff(); off > 2*time.Minute || off < -2*time.Minute {
		out.ClockOff = int(off / time.Second)
	}
	reached := s.peerRows(&out)
	out.Reachable = len(reached)
	for _, m := range s.access().Members() {
		if m.User != s.self {
			out.People++
		}
	}
	counts, err := s.view().Channels(ctx)
	if err != nil {
		return out, explain(err)
	}
	rows := map[crdt.ScopeID]int{}
	for _, c := range counts {
		rows[c.Scope] = c.Rows
	}
	out.CompleteTo = s.clock().UTC()
	for _, ch := range s.channels() {
		name, _ := s.channelTitle(&ch)
		c := s.completeness(&ch)
		row := ChannelStatus{ID: ch.Scope.String(), Name: name, Have: rows[ch.Scope], CompleteTo: c.To}
		for _, m := range c.Missing {
			row.Missing += m.Count
		}
		out.Have += row.Have
		out.Want += row.Have + row.Missing
		if !c.To.IsZero() && c.To.Before(out.CompleteTo) {
			out.CompleteTo = c.To
		}
		out.Channels = append(out.Channels, row)
	}
	if locked, err := s.view().Locked(ctx); err == nil {
		out.Unreadable = len(locked)
	}
	return out, nil
}

// peerRows fills in the connected devices and the best path, and answers whose they are.
func (s *space) peerRows(out *StatusReply) map[access.UserID]bool {
	reached := map[access.UserID]bool{}
	order := map[p2p.Path]int{p2p.PathLAN: 3, p2p.PathDirect: 2, p2p.PathRelay: 1}
	best := 0
	for _, p := range s.net.connected() {
		key, ok := transportKey(p.ID)
		if !ok {
			continue
		}
		d, ok := s.access().DeviceByTransport(key)
		if !ok {
			continue
		}
		if d.User != s.self {
			reached[d.User] = true
		}
		if order[p.Path] > best {
			best, out.State = order[p.Path], NetState(p.Path)
		}
		out.Peers = append(out.Peers, s.peerRow(&p, &d))
	}
	return reached
}

func (s *space) peerRow(p *p2p.PeerInfo, d *access.Device) Peer {
	return Peer{Peer: p.ID.String(), Member: s.names.name(d.User), Device: s.names.device(d), Path: Path(p.Path), RTTMS: int(p.RTT / time.Millisecond)}
}

// pending counts own messages that no other device has.
func (s *space) pending() int {
	n := 0
	for _, ch := range s.channels() {
		for _, tip := range s.rep.Tips(ch.Scope) {
			if tip.Device == s.device && tip.Class == crdt.ClassContent {
				n += s.sent.waiting(&tip)
			}
		}
	}
	return n
}

// waiting is how many ops at the end of an own log nobody else has.
func (l *sentLog) waiting(tip *replica.Tip) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := -1
	for _, logs := range l.holds {
		if span, ok := logs[tip.Log]; ok {
			held = max(held, int(span.To))
		}
	}
	return int(tip.Seq) - held
}

// Network is the network page.
func (of *Office) Network(ctx context.Context, req NetworkRequest) (NetworkReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return NetworkReply{}, err
	}
	st, err := s.status(ctx)
	if err != nil {
		return NetworkReply{}, err
	}
	out := NetworkReply{State: st.State, People: st.People, Reachable: st.Reachable, CompleteTo: st.CompleteTo, Pending: st.Pending, Devices: []NetworkDevice{}, Addrs: []string{}}
	paths := map[string]Peer{}
	for _, p := range st.Peers {
		paths[p.Peer] = p
	}
	left := s.net.bytesLeft()
	for _, m := range s.access().Members() {
		if m.User == s.self {
			continue
		}
		name := s.names.of(&m).Name
		complete := true
		for i := range m.Devices {
			if m.Devices[i].Revoked {
				continue
			}
			row := s.networkDevice(&m.Devices[i], name, paths, left)
			complete = complete && row.WantKnown && row.Have >= row.Want
			out.Devices = append(out.Devices, row)
		}
		if complete {
			out.Complete++
		}
	}
	slices.SortStableFunc(out.Devices, func(a, b NetworkDevice) int { return strings.Compare(a.Name, b.Name) })
	if node := s.net.running(); node != nil {
		for _, a := range node.Addrs() {
			out.Addrs = append(out.Addrs, a.String())
		}
	}
	return out, nil
}

// bytesLeft is what is still to be fetched from each connected device.
func (n *network) bytesLeft() map[peer.ID]int {
	out := map[peer.ID]int{}
	node := n.running()
	if node == nil {
		return out
	}
	for p, all := range node.Progress() {
		for _, one := range all {
			out[p] += int(one.BytesLeft)
		}
	}
	return out
}

func (s *space) networkDevice(d *access.Device, name string, paths map[string]Peer, left map[peer.ID]int) NetworkDevice {
	row := NetworkDevice{Member: d.User.String(), Name: name, Device: d.Ref.String(), DeviceName: s.names.device(d), Path: PathNone}
	_, row.Last = s.net.contact(d)
	if p, ok := peerOf(d.Cert.DTK); ok {
		if c, online := paths[p.String()]; online {
			row.Path, row.RTTMS = c.Path, c.RTTMS
		}
		row.BytesLeft = left[p]
	}
	row.WantKnown = row.Path != PathNone || !row.Last.IsZero()
	for _, ch := range s.channels() {
		for _, tip := range s.rep.Tips(ch.Scope) {
			if tip.Device != d.Ref || tip.Class != crdt.ClassContent {
				continue
			}
			row.Have += int(tip.Held)
			row.Want += int(tip.Held) + s.gap(&tip)
		}
	}
	return row
}

// gap is how many ops of a log are known of and not here: holes in what is held, and what others were heard to hold.
func (s *space) gap(tip *replica.Tip) int {
	beyond, _ := s.sent.missing(tip.Log, tip.Seq)
	return int(tip.Seq+1-tip.Held) + beyond
}

// Retry dials again.
func (of *Office) Retry(_ context.Context, req RetryRequest) (Done, error) {
	s, err := of.space(req.In)
	if err != nil {
		return Done{}, err
	}
	node := s.net.running()
	if node == nil {
		return Done{}, problem(ProblemUnavailable, "Hallway is not online on this computer.")
	}
	var ids []peer.ID
	if req.Member != "" {
		u, err := s.findMember(req.Member)
		if err != nil {
			return Done{}, err
		}
		for _, d := range s.access().Devices(u) {
			if p, ok := peerOf(d.Cert.DTK); ok {
				ids = append(ids, p)
			}
		}
	}
	node.Retry(ids...)
	s.keys.soon()
	return Done{}, nil
}
