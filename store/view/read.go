package view

import (
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"hallway/crdt"
	"hallway/crdt/chat"
)

// entry is a row of messages as read, before facts and authors are joined to it.
type entry struct {
	Row
	n      int64
	scope  int64
	author int64
	logN   int64
	kind   int64
	facts  bool
	body   []byte
}

const entryColumns = `n, id, op, scope, hlc, author, log, seq, kind, root, fresh, facts, late, arrived, body, wrote`

func (e *entry) scan(s *sqlite3.Stmt) {
	e.n, e.ID, e.Op = s.ColumnInt64(0), column32(s, 1), column32(s, 2)
	if e.Op.IsZero() {
		e.Op = e.ID
	}
	e.scope, e.HLC, e.author = s.ColumnInt64(3), fromHLC(s.ColumnInt64(4)), s.ColumnInt64(5)
	e.logN, e.Seq, e.kind = s.ColumnInt64(6), uint64(s.ColumnInt64(7)), s.ColumnInt64(8)
	e.Thread, e.Unread, e.facts = column32(s, 9), s.ColumnType(10) != sqlite3.NULL, s.ColumnInt64(11) == 1
	e.Late, e.Arrived = s.ColumnInt64(12) == 1, fromMicros(s.ColumnInt64(13))
	e.body = s.ColumnBlob(14, nil)
	if s.ColumnType(15) != sqlite3.NULL {
		e.HLC = fromHLC(s.ColumnInt64(15)) // Assemble finds the time that it is displayed by
	}
}

// entries reads rows of messages by any statement that selects entryColumns, and completes them.
func (c *conn) entries(sql string, args ...any) ([]entry, error) {
	var out []entry
	err := c.each(func(s *sqlite3.Stmt) error {
		var e entry
		e.scan(s)
		out = append(out, e)
		return nil
	}, sql, args...)
	for i := range out {
		if err == nil {
			err = c.complete(&out[i])
		}
	}
	return out, err
}

// post is one row, by its number.
func (c *conn) post(n int64) (*entry, error) {
	out, err := c.entries(`SELECT `+entryColumns+` FROM messages WHERE n=?`, n)
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("row %d: %w", n, ErrDamaged)
	}
	if err != nil {
		return nil, err
	}
	return &out[0], nil
}

// complete joins to a row what other tables say of it, and makes the post.
func (c *conn) complete(e *entry) error {
	scope, err := c.scopeID(e.scope)
	if err != nil {
		return err
	}
	if e.kind == kindLine {
		e.Scope, e.Time = scope, e.HLC.Time()
		e.Line = &Line{ID: e.ID, HLC: e.HLC, Value: e.body}
		return nil
	}
	l, err := c.log(e.logN)
	if err != nil {
		return err
	}
	from := chat.Origin{ID: e.Op, Scope: scope, User: l.user, Device: l.device, Log: l.id, Seq: e.Seq, HLC: e.HLC}
	switch e.kind {
	case int64(chat.PostMessage):
		return c.assemble(e, from)
	case int64(chat.PostDeleted):
		var by chat.Origin
		copy(by.User[:], e.body)
		e.Post = chat.Deleted(from, by)
	default:
		e.Post = chat.Locked(from)
	}
	return nil
}

func (c *conn) assemble(e *entry, from chat.Origin) error {
	env, err := chat.ParseEnvelope(e.body)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	var facts []chat.Fact
	if e.facts {
		if facts, err = c.facts(e.ID, e.scope); err != nil {
			return err
		}
	}
	var ok bool
	if e.Post, ok = chat.Assemble(from, env.Body, facts); !ok {
		return fmt.Errorf("message %s: %w", e.ID, ErrDamaged)
	}
	return nil
}

// summarize joins to a main-line row what its thread says.
func (c *conn) summarize(e *entry, self chat.Author) error {
	if e.Line != nil {
		return nil
	}
	type reply struct {
		author, log, seq int64
		hlc              crdt.HLC
	}
	var replies []reply
	err := c.each(func(s *sqlite3.Stmt) error {
		replies = append(replies, reply{s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnInt64(2), fromHLC(s.ColumnInt64(3))})
		return nil
	}, `SELECT author, log, seq, hlc FROM messages INDEXED BY messages_reply WHERE root=? ORDER BY hlc DESC, id DESC`, e.ID[:])
	if err != nil || len(replies) == 0 {
		return err
	}
	sum := &Summary{}
	below := map[int64]int64{}
	for _, r := range replies {
		a, err := c.author(r.author)
		if err != nil {
			return err
		}
		l, err := c.log(r.log)
		if err != nil {
			return err
		}
		if l.scope != e.scope {
			continue
		}
		sum.Add(a.Author, r.hlc.Time())
		if a.system != "" || a.Author == self {
			continue
		}
		if _, known := below[r.log]; !known {
			if below[r.log], _, err = c.number(`SELECT below FROM logs WHERE n=?`, r.log); err != nil {
				return err
			}
		}
		if r.seq >= below[r.log] {
			sum.Unread++
		}
	}
	if sum.Replies > 0 {
		e.Summary = sum
	}
	return nil
}

// Find is the row of a message, by its id or by that of an op that carries it. ErrNotFound if there is none.
func (v *View) Find(ctx ctx, id crdt.OpID) (Row, error) {
	var row Row
	err := v.reading(ctx, "find message", func(c *conn) error {
		e, err := c.byID(id)
		if err != nil {
			return err
		}
		row = e.Row
		if err := c.summarize(e, chat.Author{User: v.self}); err != nil {
			return err
		}
		row.Summary = e.Summary
		return nil
	})
	return row, err
}

func (c *conn) byID(id crdt.OpID) (*entry, error) {
	for _, where := range []string{`id=?`, `op=?`} {
		out, err := c.entries(`SELECT `+entryColumns+` FROM messages WHERE kind NOT IN(10, 12) AND `+where, id[:])
		if err != nil {
			return nil, err
		}
		if len(out) == 1 {
			return &out[0], nil
		}
	}
	return nil, fmt.Errorf("%s: %w", id, ErrNotFound)
}

// Versions are the texts that a message had, the oldest first. What was deleted has none.
func (v *View) Versions(ctx ctx, id crdt.OpID) ([]Version, error) {
	var out []Version
	err := v.reading(ctx, "read versions", func(c *conn) error {
		e, err := c.byID(id)
		if err != nil || e.kind != int64(chat.PostMessage) {
			return err
		}
		out, err = c.versions(e)
		return err
	})
	return out, err
}

func (c *conn) versions(e *entry) ([]Version, error) {
	env, err := chat.ParseEnvelope(e.body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	facts, err := c.facts(e.ID, e.scope)
	if err != nil {
		return nil, err
	}
	return versionsOf(e.Origin, env.Body, facts), nil
}

func versionsOf(from chat.Origin, body chat.Body, facts []chat.Fact) []Version {
	standing := chat.StandingEdit(from, body, facts)
	first, _ := chat.Assemble(from, body, nil)
	out := []Version{{Op: from.ID, By: from.Device, Time: first.Time, Text: first.Text, Now: standing == nil}}
	for _, f := range chat.Edits(from, body, facts) {
		out = append(out, Version{Op: f.ID, By: f.Device, Time: f.HLC.Time(), Text: f.Body.(*chat.Edit).Text,
			Now: standing != nil && f.ID == standing.ID})
	}
	return out
}

// Redactees are the ops that a Redact must name to delete a message: those that carry it, and all that it was edited to
// as far as they are here. The one that carries it keeps a row where it stands in the main line. More than
// crdt.MaxRedact take several Redacts. It is empty where nothing is left to delete.
func (v *View) Redactees(ctx ctx, id crdt.OpID) ([]crdt.RedactTarget, error) {
	var out []crdt.RedactTarget
	err := v.reading(ctx, "find what to redact", func(c *conn) error {
		e, err := c.byID(id)
		if err != nil || e.kind != int64(chat.PostMessage) {
			return err
		}
		out = append(out, crdt.RedactTarget{ID: e.Op, Row: e.Main()})
		return c.each(func(s *sqlite3.Stmt) error {
			out = append(out, crdt.RedactTarget{ID: column32(s, 0)})
			return nil
		}, `SELECT id FROM facts WHERE target=? AND scope=? AND kind IN(2, 5) AND body NOT NULL ORDER BY id`, e.ID[:], e.scope)
	})
	sortTargets(out)
	return out, err
}

// File is what is known of an attachment, and the messages that carry it.
func (v *View) File(ctx ctx, id chat.FileID) (f chat.File, in []crdt.OpID, err error) {
	err = v.reading(ctx, "find file", func(c *conn) error {
		posts, err := c.entries(`SELECT `+entryColumns+` FROM messages WHERE n IN (SELECT message FROM files WHERE file=?)`, id[:])
		for i := range posts {
			in = append(in, posts[i].ID)
			for j := range posts[i].Files {
				if posts[i].Files[j].ID() == id {
					f = posts[i].Files[j]
				}
			}
		}
		if err == nil && len(in) == 0 {
			err = fmt.Errorf("file: %w", ErrNotFound)
		}
		return err
	})
	return f, in, err
}
