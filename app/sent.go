package app

import (
	"context"
	"encoding/hex"
	"sync"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
	"hallway/p2p/catchup"

	"github.com/libp2p/go-libp2p/core/peer"
)

// localHolds is what other devices were last known to hold: + network id, a map from log to [lo, hi].
const localHolds = "holds/"

// sentLog knows what other devices hold, as they said themselves: how far an own message has come, and how complete
// this copy is, follow from it. It is kept across restarts, so that nobody sees a sent message wait again.
type sentLog struct {
	s *space

	mu     sync.Mutex
	holds  map[peer.ID]map[crdt.LogID]catchup.Span
	dirty  map[peer.ID]bool
	mine   map[crdt.LogID]map[uint64]crdt.OpID // own messages of this run, by place, to tell when they come further
	nonces map[string]crdt.OpID
	wake   chan struct{}
}

// saveEvery is how long news of what others hold may wait to be written down: losing it costs a question, no message.
const saveEvery = 2 * time.Second

// maxWatched is how many own messages of one log are watched at once, for all of which each ack is looked at.
const maxWatched = 512

func newSentLog(s *space) *sentLog {
	l := &sentLog{
		s: s, holds: map[peer.ID]map[crdt.LogID]catchup.Span{}, dirty: map[peer.ID]bool{},
		mine: map[crdt.LogID]map[uint64]crdt.OpID{}, nonces: map[string]crdt.OpID{}, wake: make(chan struct{}, 1),
	}
	if err := l.load(); err != nil {
		s.log.Warn("could not read what others hold", "err", err)
	}
	return l
}

func (l *sentLog) load() error {
	return l.s.kv.each(localHolds, func(name string, _ []byte) error {
		var kept map[string]catchup.Span
		if ok, err := l.s.kv.get(name, &kept); err != nil || !ok {
			return err
		}
		id, err := peer.Decode(name[len(localHolds):])
		if err != nil {
			return nil
		}
		logs := map[crdt.LogID]catchup.Span{}
		for text, span := range kept {
			if raw, err := hex.DecodeString(text); err == nil && len(raw) == len(crdt.LogID{}) {
				logs[crdt.LogID(raw)] = span
			}
		}
		l.holds[id] = logs
		return nil
	})
}

// run writes down what changed, now and then.
func (l *sentLog) run(ctx context.Context) error {
	for {
		select {
		case <-l.wake:
		case <-ctx.Done():
			return l.save(context.WithoutCancel(ctx))
		}
		select {
		case <-time.After(saveEvery):
		case <-ctx.Done():
		}
		if err := l.save(context.WithoutCancel(ctx)); err != nil {
			l.s.log.Warn("could not write down what others hold", "err", err)
		}
	}
}

func (l *sentLog) save(ctx context.Context) error {
	l.mu.Lock()
	todo := map[string]map[string]catchup.Span{}
	for id := range l.dirty {
		kept := map[string]catchup.Span{}
		for log, span := range l.holds[id] {
			kept[log.String()] = span
		}
		todo[localHolds+id.String()] = kept
	}
	clear(l.dirty)
	l.mu.Unlock()
	for name, kept := range todo {
		if err := l.s.kv.put(ctx, name, kept); err != nil {
			return err
		}
	}
	return nil
}

// heard takes what a device says that it holds.
func (l *sentLog) heard(from peer.ID, events []catchup.Event) {
	var further []crdt.OpID
	synced := false
	l.s.landing.note(events)
	l.mu.Lock()
	logs := l.holds[from]
	if logs == nil {
		logs = map[crdt.LogID]catchup.Span{}
		l.holds[from] = logs
	}
	for _, e := range events {
		switch e.Kind {
		case catchup.EventHolds:
			old, had := logs[e.Log]
			span := catchup.Span{From: e.Lo, To: e.Hi}
			if had && old.To >= span.To && old.From <= span.From {
				continue
			}
			if had && span.From <= old.To+1 && old.From <= span.From {
				span.From = old.From // an ack of what came after what it held
			}
			span.To = max(span.To, old.To)
			logs[e.Log] = span
			l.dirty[from] = true
			for seq, id := range l.mine[e.Log] {
				if seq <= span.To && (!had || seq > old.To) {
					further = append(further, id)
				}
			}
		case catchup.EventEqual:
			l.equal(logs, e.Scope)
			l.dirty[from] = true
			for _, tip := range l.s.rep.Tips(e.Scope) {
				for _, id := range l.mine[tip.Log] {
					further = append(further, id)
				}
			}
			synced = true
		case catchup.EventSettled:
			synced = true
		}
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	if len(further) > 0 || synced {
		l.s.reader.poke(func() { l.s.cameFurther(further, synced) })
	}
	if l.s.landing != nil {
		l.s.reader.poke(l.s.land)
	}
}

// equal notes that a device holds just what this one holds of a scope. Callers hold mu.
func (l *sentLog) equal(logs map[crdt.LogID]catchup.Span, scope crdt.ScopeID) {
	for _, tip := range l.s.rep.Tips(scope) {
		logs[tip.Log] = catchup.Span{From: tip.Lo, To: tip.Seq}
	}
}

// wrote remembers an own message for the time of this run.
func (l *sentLog) wrote(nonce string, id crdt.OpID) {
	if nonce == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.nonces) >= 10_000 {
		clear(l.nonces)
	}
	l.nonces[nonce] = id
}

func (l *sentLog) byNonce(nonce string) (crdt.OpID, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id, ok := l.nonces[nonce]
	return id, ok && nonce != ""
}

// watch tells when an own message comes further.
func (l *sentLog) watch(log crdt.LogID, seq uint64, id crdt.OpID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mine[log] == nil {
		l.mine[log] = map[uint64]crdt.OpID{}
	}
	l.mine[log][seq] = id
	if len(l.mine[log]) > maxWatched { // who looks at older ones reads them, and how far they are with them
		for old := range l.mine[log] {
			if old+maxWatched/2 < seq {
				delete(l.mine[log], old)
			}
		}
	}
}

// holder is one device of somebody else that ought to have what is written in a scope.
type holder struct {
	user access.UserID
	id   peer.ID
	has  bool
}

// holders are the devices of others that may read a scope, and whether each has an op.
func (l *sentLog) holders(scope crdt.ScopeID, log crdt.LogID, seq uint64) []holder {
	var out []holder
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, u := range l.s.readersOf(scope) {
		for _, d := range l.s.access().Devices(u) {
			if d.Revoked || d.Ref == l.s.device {
				continue
			}
			p, ok := peerOf(d.Cert.DTK)
			if !ok {
				continue
			}
			span, held := l.holds[p][log]
			out = append(out, holder{user: u, id: p, has: held && span.From <= seq && seq <= span.To})
		}
	}
	return out
}

// fill adds to an own message how far it has come.
func (l *sentLog) fill(out *Message, scope crdt.ScopeID, p *chat.Post) {
	people := map[access.UserID]bool{}
	for _, h := range l.holders(scope, p.Log, p.Seq) {
		if h.user != l.s.self {
			people[h.user] = people[h.user] || h.has
		}
		out.Of++
		if h.has {
			out.On++
		}
	}
	out.State = SendWaiting
	if out.On > 0 {
		out.State = SendDelivered
		for _, has := range people {
			if !has {
				out.State = SendSent
			}
		}
	}
	if out.State != SendDelivered {
		l.watch(p.Log, p.Seq, p.ID)
	}
}

// missing is how many ops of a log past the one at here others were heard to hold, and who holds the most of them.
func (l *sentLog) missing(log crdt.LogID, here uint64) (most int, who peer.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, logs := range l.holds {
		if span, ok := logs[log]; ok && span.To > here && int(span.To-here) > most {
			most, who = int(span.To-here), p
		}
	}
	return most, who
}
