package view

import (
	"context"
	"fmt"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
)

// Apply takes a batch in, in one transaction together with the cursor. Items may come in any order, again, and split
// into any batches; what is then shown is the same. It is as durable as SQLite's WAL makes it: after a crash the view
// may stand at an earlier cursor, and is fed again from there. The cursor never goes back; 0 leaves it.
func (v *View) Apply(ctx context.Context, items []Item, cursor uint64) (Changes, error) {
	if err := ctx.Err(); err != nil {
		return Changes{}, fmt.Errorf("apply to view: %w", err)
	}
	var out Changes
	erased := false
	err := v.writing("apply to view", func(c *conn) error {
		b := batch{conn: c, self: v.self, out: &out, ranks: map[rank]int64{}}
		for i := range items {
			if err := b.take(&items[i]); err != nil {
				return err
			}
		}
		if err := b.flush(); err != nil {
			return err
		}
		erased = b.erased
		return c.exec(`UPDATE meta SET v=max(v, ?) WHERE k='cursor'`, int64(cursor))
	})
	if err != nil {
		return Changes{}, err
	}
	v.scrub(erased)
	return out, nil
}

// batch is the state of one writing transaction.
type batch struct {
	*conn
	self    access.UserID
	out     *Changes
	ranks   map[rank]int64 // changes to the table, written at the end
	indexed int64          // change to the number of messages that search goes through
	logs    []*log         // whose top changed
	hint    int64          // the last n given, and the second that it was given for
	second  int64
	erased  bool // something was deleted or replaced
}

func (b *batch) flush() error {
	for _, l := range b.logs {
		l.dirty = false
		if err := b.exec(`UPDATE logs SET top=? WHERE n=?`, l.top, l.n); err != nil {
			return err
		}
	}
	if err := b.flushRanks(); err != nil {
		return err
	}
	if b.indexed != 0 {
		return b.exec(`UPDATE meta SET v=v+? WHERE k='indexed'`, b.indexed)
	}
	return nil
}

// arrival is an item with what the tables know of where it stands.
type arrival struct {
	*Item
	origin chat.Origin
	scope  int64
	log    *log
	late   int64
	inner  []byte // the encoding of its body, where there is one
}

func (b *batch) take(item *Item) error {
	a := arrival{Item: item, origin: item.Op.Origin(), inner: item.Op.Inner()}
	var err error
	if a.scope, err = b.addScope(a.origin.Scope); err != nil {
		return err
	}
	if a.log, err = b.addLog(a.scope, &a.origin); err != nil {
		return err
	}
	a.late = b.lateness(&a)
	if next := int64(a.origin.Seq) + 1; next > a.log.top {
		if a.log.top = next; !a.log.dirty {
			a.log.dirty = true
			b.logs = append(b.logs, a.log)
		}
	}
	if item.Op.State() == chat.StateRedact {
		return b.takeRedact(&a)
	}
	gone, err := b.redactOf(a.origin.ID, a.log)
	if err != nil {
		return err
	}
	if gone != nil {
		return b.delete(a.origin, a.log, gone, a.Arrived)
	}
	switch item.Op.State() {
	case chat.StateLocked:
		return b.takePlaceholder(&a, chat.PostLocked)
	case chat.StateErased:
		return b.takePlaceholder(&a, kindBare)
	}
	return b.takeBody(&a)
}

func (b *batch) takeBody(a *arrival) error {
	switch body := a.Op.Body().(type) {
	case *chat.Message:
		return b.takeMessage(a, body)
	case *chat.Imported:
		return b.takeImported(a, body)
	case *chat.Edit, *chat.React, *chat.Pin:
		target, _ := chat.TargetOf(body)
		return b.takeFact(a, target)
	}
	return b.mute(a) // of a kind that a newer version knows
}

// lateness is 1 for an op that came more than LateAfter after it was written, and not because this copy was away. An
// op that fills a gap of a log whose later ops are here is history that was fetched, not something slipped in.
func (b *batch) lateness(a *arrival) int64 {
	if a.Backfill || a.origin.User == b.self || a.Arrived.IsZero() || int64(a.origin.Seq) < a.log.top {
		return 0
	}
	if a.Arrived.Sub(a.origin.HLC.Time()) > LateAfter {
		return 1
	}
	return 0
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func (b *batch) changed(w What, scope crdt.ScopeID, id, thread crdt.OpID) {
	b.out.Posts = append(b.out.Posts, Change{What: w, Scope: scope, ID: id, Thread: thread})
}
