package view

import (
	"fmt"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"hallway/crdt"
	"hallway/crdt/chat"
)

// History reads a page. A scope of which nothing is here has no rows. ErrNotFound where Before, After or Around names
// no row of this scope.
func (v *View) History(ctx ctx, p Page) (Rows, error) {
	var out Rows
	err := v.reading(ctx, "read history", func(c *conn) error {
		scope, ok, err := c.scope(p.Scope)
		if err != nil || !ok {
			return err
		}
		l := newLine(c, scope, &p)
		if err := l.read(&p); err != nil {
			return err
		}
		if l.main {
			if err := l.dress(chat.Author{User: v.self}); err != nil {
				return err
			}
		}
		out = l.rows()
		return nil
	})
	return out, err
}

// line reads along a main line or a thread.
type line struct {
	*conn
	scope  int64
	main   bool
	filter string
	key    []any // of filter
	limit  int
	out    []entry
	older  bool
	newer  bool
}

func newLine(c *conn, scope int64, p *Page) *line {
	l := &line{conn: c, scope: scope, main: p.Root.IsZero(), limit: p.Limit}
	if l.limit <= 0 {
		l.limit = 50
	}
	l.limit = min(l.limit, MaxPage)
	if l.main {
		l.filter, l.key = `messages INDEXED BY messages_line WHERE place=?`, []any{scope}
		if !p.System {
			l.filter += ` AND kind<>11`
		}
	} else {
		root := p.Root
		l.filter, l.key = `messages INDEXED BY messages_reply WHERE root=? AND scope=?`, []any{root[:], scope}
	}
	return l
}

func (l *line) read(p *Page) error {
	switch {
	case !p.Before.IsZero():
		return l.from(p.Before, false)
	case !p.After.IsZero():
		return l.from(p.After, true)
	case !p.Around.IsZero():
		return l.around(p.Around, l.limit/2)
	case p.AtUnread && l.main:
		first, err := l.firstUnread(l.scope)
		if err != nil {
			return err
		}
		if !first.IsZero() {
			return l.around(first, l.limit/3)
		}
	}
	rows, more, err := l.walk(false, nil, l.limit)
	slices.Reverse(rows)
	l.out, l.older = rows, more
	return err
}

// place is where in the order a row stands.
type place struct {
	hlc int64
	id  []byte
}

func (l *line) placeOf(id crdt.OpID) (*place, error) {
	var at *place
	err := l.each(func(s *sqlite3.Stmt) error {
		at = &place{s.ColumnInt64(0), s.ColumnBlob(1, nil)}
		return nil
	}, `SELECT hlc, id FROM messages WHERE id=? AND scope=?`, id[:], l.scope)
	if err == nil && at == nil {
		err = fmt.Errorf("%s: %w", id, ErrNotFound)
	}
	return at, err
}

// from reads the page before or after a row.
func (l *line) from(id crdt.OpID, up bool) error {
	at, err := l.placeOf(id)
	if err != nil {
		return err
	}
	rows, more, err := l.walk(up, at, l.limit)
	if l.out = rows; up {
		l.newer, l.older = more, true
	} else {
		slices.Reverse(rows)
		l.older, l.newer = more, true
	}
	return err
}

// around reads a page that has some rows before the one named, which is in it.
func (l *line) around(id crdt.OpID, before int) error {
	at, err := l.placeOf(id)
	if err != nil {
		return err
	}
	older, more, err := l.walk(false, at, l.limit-1)
	if err != nil {
		return err
	}
	at.id = at.id[:len(at.id)-1] // sorts just before the row, and after every other before it
	newer, moreNew, err := l.walk(true, at, l.limit)
	if err != nil {
		return err
	}
	keep := min(len(older), max(before, l.limit-len(newer)))
	rest := min(len(newer), l.limit-keep)
	l.older, l.newer = more || keep < len(older), moreNew || rest < len(newer)
	older = older[:keep]
	slices.Reverse(older)
	l.out = append(older, newer[:rest]...)
	return nil
}

// walk reads up to limit rows after the place, or before it in falling order; from the end where there is no place.
func (l *line) walk(up bool, at *place, limit int) (rows []entry, more bool, err error) {
	sql, args := `SELECT `+entryColumns+` FROM `+l.filter, slices.Clone(l.key)
	op, order := `<`, ` DESC`
	if up {
		op, order = `>`, ``
	}
	if at != nil {
		sql += ` AND (hlc, id)` + op + `(?, ?)`
		args = append(args, at.hlc, at.id)
	}
	sql += ` ORDER BY hlc` + order + `, id` + order + ` LIMIT ?`
	rows, err = l.entries(sql, append(args, limit+1)...)
	if len(rows) > limit {
		return rows[:limit], true, err
	}
	return rows, false, err
}

// dress joins positions and threads to main-line rows.
func (l *line) dress(self chat.Author) error {
	at := -1
	for i := range l.out {
		e := &l.out[i]
		if err := l.summarize(e, self); err != nil {
			return err
		}
		if e.Line != nil {
			continue
		}
		if at < 0 {
			var err error
			if at, err = l.position(l.scope, e.Post.HLC, e.ID); err != nil {
				return err
			}
		}
		at++
		e.Position = at
	}
	return nil
}

func (l *line) rows() Rows {
	out := Rows{Rows: make([]Row, len(l.out)), Older: l.older, Newer: l.newer}
	for i := range l.out {
		out.Rows[i] = l.out[i].Row
	}
	return out
}
