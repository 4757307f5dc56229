package catchup

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"hallway/crdt"
	"hallway/p2p/wire"
)

// Work is a batch that arrived and wants to be committed: call Replica.Ingest with it, then Session.Committed. It is at
// most wire.MaxSyncFrame bytes of ops.
type Work struct {
	Scope    crdt.ScopeID
	Segments []*crdt.Segment

	f     *fetch
	bytes int
	ops   uint64
	over  []*wantOut // ranges of which nothing more will come
}

// Together reports whether one call of Replica.Ingest may take the segments of both, this one's first: content of one
// fetch. Its outcome is then that of either, and the other's is empty.
func (w *Work) Together(x *Work) bool { return w.f == x.f && w.content() && x.content() }

func (w *Work) content() bool {
	return !slices.ContainsFunc(w.Segments, func(seg *crdt.Segment) bool { return seg.Ops[0].Type.Class() != crdt.ClassContent })
}

// batch takes what was wanted. Nothing that was not asked for, and nothing beyond the credit, is taken.
func (s *Session) batch(m wire.SyncBatchMsg, size int) error {
	if s.granted -= size; s.granted < 0 {
		return violation("batch beyond the credit")
	}
	f, err := s.fetchOf(m.Ref)
	if err != nil {
		return err
	}
	if f == nil {
		return s.lateBatch(m)
	}
	w := &Work{Scope: f.from.scope, f: f, bytes: size}
	for i := range m.Items {
		if err := s.item(w, &m.Items[i]); err != nil {
			return err
		}
	}
	s.held += size
	s.bytesIn += uint64(size)
	s.opsIn += w.ops
	s.queue = append(s.queue, w)
	return nil
}

// lateBatch passes over what was under way when a scope was abandoned. Its ranges are not flying any more.
func (s *Session) lateBatch(m wire.SyncBatchMsg) error {
	for i := range m.Items {
		if m.Items[i].Want >= s.nextWant || s.flying[m.Items[i].Want] != nil {
			return violation("batch for a range of another scope")
		}
	}
	return nil
}

func (s *Session) item(w *Work, it *wire.SyncItem) error {
	want := s.flying[it.Want]
	if want == nil || want.f != w.f {
		return violation("batch for a range that was not asked for")
	}
	if len(it.Segment) > 0 {
		seg, err := crdt.ParseSegment(it.Segment)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBadBatch, err)
		}
		if !s.came(want, seg) {
			return violation("segment outside its range")
		}
		w.ops += uint64(len(seg.Ops))
		w.Segments = append(w.Segments, seg)
	}
	if it.Last || want.left == 0 {
		s.landed(it.Want, want)
		w.over = append(w.over, want)
	}
	return nil
}

// Work is the next batch to commit, and false where there is none.
func (s *Session) Work() (*Work, bool) {
	for s.err == nil && len(s.queue) > 0 {
		w := s.queue[0]
		if len(w.Segments) == 0 && len(s.committing) > 0 {
			return nil, false // what it ends waits for what came before it
		}
		s.queue = s.queue[1:]
		s.committing = append(s.committing, w)
		if len(w.Segments) > 0 {
			return w, true
		}
		s.commit(w, Outcome{})
	}
	return nil, false
}

// Committed reports what Replica.Ingest answered for a batch. Credit is granted again only now.
func (s *Session) Committed(now time.Time, w *Work, out Outcome, err error) error {
	switch {
	case s.err != nil:
		return s.err
	case errors.Is(err, crdt.ErrNotAuthentic), errors.Is(err, crdt.ErrMalformed):
		return s.fail(fmt.Errorf("%w: %w", ErrBadBatch, err))
	case err != nil:
		return s.fail(fmt.Errorf("%w: %w", ErrReplica, err))
	}
	s.heard = now
	s.commit(w, out)
	return nil
}

func (s *Session) commit(w *Work, out Outcome) {
	s.committing = slices.DeleteFunc(s.committing, func(c *Work) bool { return c == w })
	s.held -= w.bytes
	w.f.have += uint64(out.Stored)
	if out.Refused > 0 || out.Pending > 0 {
		w.f.short = true
	}
	for _, at := range out.Forks {
		s.branchBelow(w.f, at)
	}
	if out.Stored > 0 && touchesRights(w) {
		s.Refresh(s.heard)
	}
	for _, want := range w.over {
		s.committedWant(want)
	}
}

func touchesRights(w *Work) bool {
	return slices.ContainsFunc(w.Segments, func(seg *crdt.Segment) bool { return seg.Ops[0].Type.Class() == crdt.ClassAccess })
}

// grant lets the peer send more. What is granted and what came and is not durable together never exceed the window, so a
// slow disk stops the sender (protocol 7.7).
func (s *Session) grant() wire.SyncMessage {
	room := wire.SyncWindow - s.granted - s.held
	if !s.begun || room < wire.SyncWindow/4 {
		return nil
	}
	s.granted += room
	return wire.SyncCredit{Bytes: uint64(room)}
}

// Stored tells the peer that this copy now holds the log from lo to hi, durably. The runner calls it for the sessions that
// care: those with the author's devices, at once; others learn it by the next Kick.
func (s *Session) Stored(scope crdt.ScopeID, log crdt.LogID, lo, hi uint64) {
	logs := s.acks[scope]
	if logs == nil {
		logs = map[crdt.LogID]wire.SyncHold{}
		s.acks[scope] = logs
	}
	if _, ok := logs[log]; !ok && len(logs) >= 2*wire.MaxSyncAcks {
		return // the next exchange of roots says it all the same
	}
	logs[log] = wire.SyncHold{Log: log, Lo: lo, Hi: hi}
}

func (s *Session) sayAck() wire.SyncMessage {
	for _, sc := range s.o.Replica.Scopes() {
		logs := s.acks[sc.ID]
		if len(logs) == 0 {
			continue
		}
		o := s.offer(sc.ID)
		if o == nil {
			delete(s.acks, sc.ID)
			continue
		}
		if !o.told {
			return s.sayMatch()
		}
		m := wire.SyncAck{Ref: o.ref}
		for _, h := range logs {
			m.Items = append(m.Items, h)
		}
		slices.SortFunc(m.Items, func(a, b wire.SyncHold) int { return slices.Compare(a.Log[:], b.Log[:]) })
		m.Items = m.Items[:min(len(m.Items), wire.MaxSyncAcks)]
		for _, h := range m.Items {
			delete(logs, h.Log)
		}
		return m
	}
	clear(s.acks) // scopes that are held no more
	return nil
}

func (s *Session) acked(m wire.SyncAck) error {
	if m.Ref >= uint64(len(s.theirs)) {
		return violation("ack in a scope that was not announced")
	}
	o := s.theirs[m.Ref]
	if !o.known || o.closed {
		return nil
	}
	for _, h := range m.Items {
		s.emit(Event{Kind: EventHolds, Scope: o.scope, Log: h.Log, Lo: h.Lo, Hi: h.Hi})
	}
	return nil
}

// SetBackfill says whether older history may be fetched now; on battery or a metered link it may not. It may at first.
func (s *Session) SetBackfill(allowed bool) { s.noBackfill = !allowed }

// firstGuess is what an op takes in catch-up, in bytes, before any has come.
const firstGuess = 180

// Progress lists the scopes that are being fetched, in the order of attention.
func (s *Session) Progress() []Progress {
	var out []Progress
	each := uint64(firstGuess)
	if s.opsIn > 0 {
		each = s.bytesIn / s.opsIn
	}
	for _, sc := range s.o.Replica.Scopes() {
		f := s.fetches[sc.ID]
		if f == nil || f.phase == toAsk || f.phase == asking {
			continue
		}
		p := Progress{Scope: sc.ID, Have: f.have, Recent: f.phase == fetching}
		for _, n := range f.needs {
			p.Want += count(n.missing)
			if k := len(n.missing); k > 0 && n.missing[k-1].To >= n.recent {
				p.Recent = false
			}
		}
		for _, w := range s.flying {
			if w.f == f {
				p.Want += w.left
				p.Recent = p.Recent && w.rng.To < w.n.recent
			}
		}
		p.BytesLeft = p.Want * each
		for _, ws := range [][]*Work{s.queue, s.committing} {
			for _, w := range ws {
				if w.f == f {
					p.Want += w.ops
				}
			}
		}
		out = append(out, p)
	}
	return out
}
