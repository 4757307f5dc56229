package app

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Completeness says how complete a channel is.
func (of *Office) Completeness(ctx context.Context, req ChannelRequest) (CompletenessReply, error) {
	s, scope, err := of.channel(ctx, req.In, req.Channel)
	if err != nil {
		return CompletenessReply{}, err
	}
	s.attended.Store(&scope)
	ch, _ := s.access().Channel(scope)
	return s.completeness(&ch), nil
}

// completeness follows from heads alone: what of each person's logs is here, what others were heard to hold of them, and
// since when nobody could be asked.
func (s *space) completeness(ch *access.Channel) CompletenessReply {
	out := CompletenessReply{Channel: ch.Scope.String(), Missing: []MissingPerson{}}
	gaps, heard := map[crdt.DeviceRef]int{}, map[crdt.DeviceRef]peer.ID{}
	for _, tip := range s.rep.Tips(ch.Scope) {
		if tip.Class == crdt.ClassContent {
			gaps[tip.Device] += s.gap(&tip)
			if n, who := s.sent.missing(tip.Log, tip.Seq); n > 0 {
				heard[tip.Device] = who
			}
		}
	}
	now := s.clock().UTC()
	for _, m := range ch.Members {
		if m.User == s.self {
			continue
		}
		out.People++
		missing, online, by := 0, false, ""
		var last time.Time
		for _, d := range s.access().Devices(m.User) {
			missing += gaps[d.Ref]
			by = cmp.Or(by, s.otherThan(m.User, heard[d.Ref]))
			on, seen := s.net.contact(&d)
			online = online || on
			last = laterOf(last, seen)
		}
		to := now
		if !online {
			to = last
		}
		switch {
		case missing > 0:
			out.Missing = append(out.Missing, MissingPerson{Member: m.User.String(), Name: s.names.name(m.User), Known: true, Count: missing, KnownBy: by, LastContact: last})
			continue
		case !online && last.IsZero():
			out.Missing = append(out.Missing, MissingPerson{Member: m.User.String(), Name: s.names.name(m.User)})
			continue
		}
		out.Complete++
		if out.To.IsZero() || to.Before(out.To) {
			out.To = to
		}
	}
	if out.People == 0 {
		out.To = now
	}
	return out
}

// otherThan is the name of whose device p is; empty where it is this very person's, who knows what he wrote, or nobody's.
func (s *space) otherThan(u access.UserID, p peer.ID) string {
	key, ok := transportKey(p)
	if !ok {
		return ""
	}
	if d, known := s.access().DeviceByTransport(key); known && d.User != u {
		return s.names.name(d.User)
	}
	return ""
}

// haveWant is how many messages of a channel are here and known of.
func (s *space) haveWant(scope crdt.ScopeID) (have, want int) {
	for _, tip := range s.rep.Tips(scope) {
		if tip.Class == crdt.ClassContent {
			have += int(tip.Held)
			want += int(tip.Held) + s.gap(&tip)
		}
	}
	return have, want
}

func (s *space) haveWantAll() (have, want int) {
	for _, ch := range s.channels() {
		h, w := s.haveWant(ch.Scope)
		have, want = have+h, want+w
	}
	return have, want
}

// fetching counts channels of which something known of is not here.
func (s *space) fetching() int {
	n := 0
	for _, ch := range s.channels() {
		if have, want := s.haveWant(ch.Scope); want > have {
			n++
		}
	}
	return n
}

// WhoHas says who holds a message.
func (of *Office) WhoHas(ctx context.Context, req MessageRequest) (WhoHasReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return WhoHasReply{}, err
	}
	r, err := s.findMessage(ctx, req.ID)
	if err != nil {
		return WhoHasReply{}, err
	}
	out := WhoHasReply{People: []WhoHasPerson{}}
	rows := map[access.UserID]*WhoHasPerson{}
	var order []access.UserID
	for _, h := range s.sent.holders(r.Scope, r.Log, r.Seq) {
		if h.user == s.self {
			continue
		}
		has := h.has || h.user == r.User
		out.Of++
		if has {
			out.On++
		}
		p := rows[h.user]
		if p == nil {
			p = &WhoHasPerson{Member: h.user.String(), Name: s.names.name(h.user), State: HasNotYet}
			rows[h.user] = p
			order = append(order, h.user)
		}
		if has {
			p.State = HasIt
		}
		s.net.mu.RLock()
		p.LastContact = laterOf(p.LastContact, s.net.seen[h.id])
		s.net.mu.RUnlock()
	}
	for _, u := range order {
		out.OfPeople++
		if rows[u].State != HasNotYet {
			out.OnPeople++
		}
		out.People = append(out.People, *rows[u])
	}
	slices.SortStableFunc(out.People, func(a, b WhoHasPerson) int {
		return cmp.Or(strings.Compare(string(a.State), string(b.State)), strings.Compare(a.Name, b.Name))
	})
	return out, nil
}
