package view

import (
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"hallway/crdt"
	"hallway/crdt/chat"
)

// takeFact keeps an op about a message, whether that is here or not, and brings the message up to date.
func (b *batch) takeFact(a *arrival, target crdt.OpID) error {
	if err := b.withdraw(a); err != nil {
		return err
	}
	if _, ok, err := b.number(`SELECT 1 FROM facts WHERE id=? AND target=?`, a.origin.ID[:], target[:]); err != nil || ok {
		return err
	}
	s, err := b.find(target)
	if err != nil {
		return err
	}
	inner := a.inner
	if s != nil && s.kind == int64(chat.PostDeleted) && a.Op.Body().Kind() == chat.KindEdit {
		inner = nil // what was deleted does not come back as an edit
		b.out.Erase = append(b.out.Erase, a.origin.ID)
	}
	put := func() error { return b.putFact(a, target, int64(a.Op.Body().Kind()), 0, inner) }
	if s == nil || s.kind != int64(chat.PostMessage) || s.log.scope != a.scope {
		return put()
	}
	return b.revise(s, put, whatOf(a.Op.Body()))
}

func whatOf(body chat.Body) What {
	switch body.Kind() {
	case chat.KindEdit:
		return Edited
	case chat.KindReact:
		return Reacted
	}
	return Pinned
}

func (b *batch) putFact(a *arrival, target crdt.OpID, kind, rights int64, body []byte) error {
	return b.exec(`INSERT OR IGNORE INTO facts(id, target, kind, scope, hlc, log, seq, arrived, late, rights, body)
		VALUES(?,?,?,?,?,?,?,?,?,?,?)`, a.origin.ID[:], target[:], kind, a.scope, toHLC(a.origin.HLC), a.log.n, int64(a.origin.Seq),
		micros(a.Arrived), a.late, rights, body)
}

// revise changes what is known about a message, and then index and lists by what it says before and after.
func (b *batch) revise(s *stored, change func() error, w What) error {
	before, err := b.post(s.n)
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	if err := b.exec(`UPDATE messages SET facts=1 WHERE n=?`, s.n); err != nil {
		return err
	}
	after, err := b.post(s.n)
	if err != nil {
		return err
	}
	r := row{scope: s.log.scope, seq: s.seq}
	var c Change
	b.place(&r, s.log, &after.Post, &c)
	if err := b.exec(`UPDATE messages SET calls=?, pinned=?, fresh=? WHERE n=?`, null(r.calls), null(r.pinned), null(r.fresh), s.n); err != nil {
		return err
	}
	b.changed(w, after.Scope, after.ID, after.Thread)
	was, is := b.memo.document(&before.Post, s.log.scope, before.author), b.memo.document(&after.Post, s.log.scope, after.author)
	if was == is {
		return nil
	}
	if err := b.unindex(s.n, was); err != nil {
		return err
	}
	return b.index(s.n, is)
}

// facts are the edits, reactions and pins about a message of the scope.
func (c *conn) facts(target crdt.OpID, scope int64) ([]chat.Fact, error) {
	var out []chat.Fact
	var logs []int64
	err := c.each(func(s *sqlite3.Stmt) error {
		e, err := chat.ParseEnvelope(s.ColumnRawBlob(3))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		out = append(out, chat.Fact{Origin: chat.Origin{ID: column32(s, 0), HLC: fromHLC(s.ColumnInt64(1))}, Body: e.Body})
		logs = append(logs, s.ColumnInt64(2))
		return nil
	}, `SELECT id, hlc, log, body FROM facts WHERE target=? AND scope=? AND kind BETWEEN 2 AND 4 AND body NOT NULL`, target[:], scope)
	if err != nil {
		return nil, err
	}
	for i := range out {
		l, err := c.log(logs[i])
		if err != nil {
			return nil, err
		}
		out[i].User, out[i].Device, out[i].Log = l.user, l.device, l.id
	}
	return out, nil
}

// takeImported takes one carrier of an imported message: of several the lowest id carries it.
func (b *batch) takeImported(a *arrival, m *chat.Imported) error {
	if !a.origin.Imports {
		return b.mute(a)
	}
	if err := b.withdraw(a); err != nil {
		return err
	}
	id := m.ID(a.origin.Scope)
	if known, err := b.known(a.origin.ID); err != nil || known {
		return err
	}
	old, err := b.find(id)
	if err != nil {
		return err
	}
	if old != nil && crdt.CompareIDs(old.op, a.origin.ID) < 0 {
		return b.putFact(a, id, int64(chat.KindImported), 0, a.inner)
	}
	if old != nil {
		if err := b.demote(old); err != nil {
			return err
		}
	}
	facts, err := b.facts(id, a.scope)
	if err != nil {
		return err
	}
	post, _ := chat.Assemble(a.origin, m, facts)
	return b.putPost(a, &post, len(facts) > 0)
}

// demote makes the carrier of an imported message one that waits in line.
func (b *batch) demote(s *stored) error {
	if err := b.exec(`INSERT INTO facts(id, target, kind, scope, hlc, log, seq, arrived, late, rights, body)
		SELECT op, id, ?, scope, wrote, log, seq, arrived, late, 0, body FROM messages WHERE n=?`, int64(chat.KindImported), s.n); err != nil {
		return err
	}
	return b.dropPost(s)
}

// dropPost takes a message away from table and index.
func (b *batch) dropPost(s *stored) error {
	p, err := b.post(s.n)
	if err != nil {
		return err
	}
	if err := b.unindex(s.n, b.memo.document(&p.Post, s.log.scope, p.author)); err != nil {
		return err
	}
	return b.forget(s, s.log.scope)
}

// promote makes the next carrier in line the imported message's.
func (b *batch) promote(id crdt.OpID, scope crdt.ScopeID) error {
	var a arrival
	var inner []byte
	var logN int64
	err := b.each(func(s *sqlite3.Stmt) error {
		a.origin = chat.Origin{ID: column32(s, 0), Scope: scope, HLC: fromHLC(s.ColumnInt64(1)), Seq: uint64(s.ColumnInt64(3)), Imports: true}
		logN, inner = s.ColumnInt64(2), s.ColumnBlob(5, nil)
		a.Item = &Item{Arrived: fromMicros(s.ColumnInt64(4))}
		return nil
	}, `SELECT id, hlc, log, seq, arrived, body FROM facts WHERE target=? AND kind=? ORDER BY id LIMIT 1`, id[:], int64(chat.KindImported))
	if err != nil || inner == nil {
		return err
	}
	if a.log, err = b.log(logN); err != nil {
		return err
	}
	a.scope, a.origin.User, a.origin.Log, a.origin.Device = a.log.scope, a.log.user, a.log.id, a.log.device
	if err := b.exec(`DELETE FROM facts WHERE id=? AND target=?`, a.origin.ID[:], id[:]); err != nil {
		return err
	}
	return b.putCarrier(&a, id, inner)
}

// putCarrier writes an imported message from the encoding that was kept.
func (b *batch) putCarrier(a *arrival, id crdt.OpID, inner []byte) error {
	e, err := chat.ParseEnvelope(inner)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	facts, err := b.facts(id, a.scope)
	if err != nil {
		return err
	}
	post, ok := chat.Assemble(a.origin, e.Body, facts)
	if !ok {
		return fmt.Errorf("carrier of %s: %w", id, ErrDamaged)
	}
	a.inner = inner
	return b.putPost(a, &post, len(facts) > 0)
}
