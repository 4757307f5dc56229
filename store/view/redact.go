package view

import (
	"errors"
	"time"

	"github.com/ncruces/go-sqlite3"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
)

// The rights column of a Redact's fact.
const (
	rightModerates = 1 << 0
	rightRow       = 1 << 1 // not a right: the Redact keeps a row
)

// gone is the Redact that holds for an op.
type gone struct {
	by  access.UserID
	row bool
}

func (b *batch) takeRedact(a *arrival) error {
	for _, t := range a.Op.Redact().Targets {
		var rights int64
		if a.origin.Moderates {
			rights |= rightModerates
		}
		if t.Row {
			rights |= rightRow
		}
		if err := b.putFact(a, t.ID, factRedact, rights, nil); err != nil {
			return err
		}
		if err := b.obey(t.ID, a.scope); err != nil {
			return err
		}
	}
	return nil
}

// obey deletes an op that is here, where a Redact holds for it.
func (b *batch) obey(op crdt.OpID, scope int64) error {
	origin, l, err := b.originOf(op)
	if err != nil || l == nil || l.scope != scope {
		return err
	}
	g, err := b.redactOf(op, l)
	if err != nil || g == nil {
		return err
	}
	return b.delete(origin, l, g, time.Time{})
}

// originOf is where an op comes from, as far as it is kept, in whatever form it is here; the log is nil where it is not.
func (b *batch) originOf(op crdt.OpID) (chat.Origin, *log, error) {
	o := chat.Origin{ID: op}
	var n int64
	read := func(s *sqlite3.Stmt) error {
		o.HLC, n, o.Seq = fromHLC(s.ColumnInt64(0)), s.ColumnInt64(1), uint64(s.ColumnInt64(2))
		return nil
	}
	for _, sql := range []string{
		`SELECT hlc, log, seq FROM messages WHERE id=? AND op IS NULL`,
		`SELECT wrote, log, seq FROM messages WHERE op=?`,
		`SELECT hlc, log, seq FROM facts WHERE id=? AND kind<>100 LIMIT 1`,
	} {
		if err := b.each(read, sql, op[:]); err != nil {
			return o, nil, err
		}
		if n == 0 {
			continue
		}
		l, err := b.log(n)
		if err != nil {
			return o, nil, err
		}
		o.Scope, err = b.scopeID(l.scope)
		o.User, o.Device, o.Log = l.user, l.device, l.id
		return o, l, err
	}
	return o, nil, nil
}

// redactOf is the Redact that holds for an op of this log, nil if none does: of those by its author or by someone who
// moderates, the first by (hlc, id).
func (b *batch) redactOf(op crdt.OpID, l *log) (*gone, error) {
	type redact struct{ log, rights int64 }
	var found []redact
	err := b.each(func(s *sqlite3.Stmt) error {
		found = append(found, redact{s.ColumnInt64(0), s.ColumnInt64(1)})
		return nil
	}, `SELECT log, rights FROM facts WHERE target=? AND kind=? AND scope=? ORDER BY hlc, id`, op[:], factRedact, l.scope)
	if err != nil {
		return nil, err
	}
	for _, r := range found {
		by, err := b.log(r.log)
		if err != nil {
			return nil, err
		}
		if by.user == l.user || r.rights&rightModerates != 0 {
			return &gone{by.user, r.rights&rightRow != 0}, nil
		}
	}
	return nil, nil
}

// delete takes everything that an op said out of table and index, and leaves what its header and the Redact tell.
func (b *batch) delete(o chat.Origin, l *log, g *gone, arrived time.Time) error {
	old, err := b.find(o.ID)
	if err != nil {
		return err
	}
	a := arrival{Item: &Item{Arrived: arrived}, origin: o, scope: l.scope, log: l, inner: g.by[:]}
	if old != nil {
		if same, err := b.isStub(old, g); err != nil || same {
			return err
		}
		a.late, a.Arrived = old.late, fromMicros(old.arrive)
		take := func() error { return b.forget(old, l.scope) }
		if old.kind == int64(chat.PostMessage) {
			take = func() error { return b.dropPost(old) }
		}
		if err := take(); err != nil {
			return err
		}
	}
	if err := errors.Join(b.silence(o, l), b.wipe(o.ID)); err != nil {
		return err
	}
	r, err := b.plain(&a, int64(chat.PostDeleted))
	if err != nil {
		return err
	}
	if r.body = g.by[:]; g.row {
		r.place = l.scope
	}
	b.changed(Deleted, o.Scope, o.ID, crdt.OpID{})
	return b.insert(&r)
}

// isStub reports whether a row says already that its op was deleted, and by whom.
func (b *batch) isStub(s *stored, g *gone) (bool, error) {
	if s.kind != int64(chat.PostDeleted) || s.place != g.row {
		return false, nil
	}
	_, ok, err := b.number(`SELECT 1 FROM messages WHERE n=? AND body=?`, s.n, g.by[:])
	return ok, err
}

// wipe takes away the texts that a deleted op was edited to.
func (b *batch) wipe(op crdt.OpID) error {
	err := b.each(func(s *sqlite3.Stmt) error {
		b.out.Erase = append(b.out.Erase, column32(s, 0))
		return nil
	}, `SELECT id FROM facts WHERE target=? AND kind=? AND body NOT NULL ORDER BY id`, op[:], int64(chat.KindEdit))
	if err != nil {
		return err
	}
	return b.exec(`UPDATE facts SET body=NULL WHERE target=? AND kind=?`, op[:], int64(chat.KindEdit))
}

// silence makes a deleted op that was no row of its own say nothing any more: the carrier of an imported message, or
// an op about a message.
func (b *batch) silence(o chat.Origin, l *log) error {
	s, err := b.carried(o.ID)
	if err != nil {
		return err
	}
	if s != nil {
		if err := b.dropPost(s); err != nil {
			return err
		}
		b.changed(Withdrawn, o.Scope, s.id, crdt.OpID{})
		return b.promote(s.id, o.Scope)
	}
	var target crdt.OpID
	err = b.each(func(s *sqlite3.Stmt) error {
		target = column32(s, 0)
		return nil
	}, `SELECT target FROM facts WHERE id=? AND kind BETWEEN 2 AND 5`, o.ID[:])
	if err != nil || target.IsZero() {
		return err
	}
	mute := func() error {
		return b.exec(`UPDATE facts SET kind=?, body=NULL WHERE id=?`, factDead, o.ID[:])
	}
	if s, err = b.find(target); err != nil {
		return err
	}
	if s == nil || s.kind != int64(chat.PostMessage) || s.log.scope != l.scope {
		return mute()
	}
	return b.revise(s, mute, Edited)
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
