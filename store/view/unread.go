package view

import (
	"errors"
	"fmt"
	"math"

	"github.com/ncruces/go-sqlite3"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
)

func (c *conn) firstUnread(scope int64) (id crdt.OpID, err error) {
	err = c.each(func(s *sqlite3.Stmt) error {
		id = column32(s, 0)
		return nil
	}, `SELECT id FROM messages INDEXED BY messages_fresh WHERE fresh=? ORDER BY hlc, id LIMIT 1`, scope)
	return id, err
}

// unread counts from the rows themselves, so that no counter can drift from them.
func (c *conn) unread(scope int64) (u Unread, err error) {
	err = c.each(func(s *sqlite3.Stmt) error {
		u.Count, u.Mentions = s.ColumnInt(0), s.ColumnInt(1)
		return nil
	}, `SELECT count(*), count(calls) FROM messages INDEXED BY messages_fresh WHERE fresh=?`, scope)
	if err != nil {
		return u, err
	}
	n, _, err := c.number(`SELECT generation FROM scopes WHERE n=?`, scope)
	if u.Generation = uint64(n); err != nil || u.Count == 0 {
		return u, err
	}
	if u.First, err = c.firstUnread(scope); err != nil {
		return u, err
	}
	before, ok, err := c.number(`SELECT m.hlc FROM messages f, messages m INDEXED BY messages_line
		WHERE f.id=? AND m.place=f.scope AND (m.hlc, m.id)<(f.hlc, f.id) AND m.kind<>11 ORDER BY m.hlc DESC, m.id DESC LIMIT 1`, u.First[:])
	if ok {
		u.ReadAt = fromHLC(before).Time()
	}
	return u, err
}

// ReadState is what is read of a scope, as SetRead last left it.
func (v *View) ReadState(ctx ctx, scope crdt.ScopeID) (chat.ReadState, error) {
	var out chat.ReadState
	err := v.reading(ctx, "read what is read", func(c *conn) error {
		n, ok, err := c.scope(scope)
		if err == nil && ok {
			out, err = c.readState(n)
		}
		return err
	})
	return out, err
}

func (c *conn) readState(scope int64) (chat.ReadState, error) {
	out := chat.ReadState{Below: map[crdt.LogID]uint64{}}
	n, _, err := c.number(`SELECT generation FROM scopes WHERE n=?`, scope)
	out.Generation = uint64(n)
	return out, errors.Join(err, c.each(func(s *sqlite3.Stmt) error {
		var id crdt.LogID
		copy(id[:], s.ColumnRawBlob(0))
		out.Below[id] = uint64(s.ColumnInt64(1))
		return nil
	}, `SELECT log, below FROM reads WHERE scope=?`, scope))
}

// SetRead joins a read state to the one that is here (see chat.ReadState.Merge) and answers the result. The view is no
// home for it: its owner keeps it and sets it again after the view was dropped.
func (v *View) SetRead(ctx ctx, scope crdt.ScopeID, state chat.ReadState) (chat.ReadState, error) {
	if err := ctx.Err(); err != nil {
		return chat.ReadState{}, fmt.Errorf("set read: %w", err)
	}
	var out chat.ReadState
	err := v.writing("set read", func(c *conn) error {
		n, err := c.addScope(scope)
		if err != nil {
			return err
		}
		old, err := c.readState(n)
		if err != nil {
			return err
		}
		out = old.Merge(state)
		if err := c.exec(`UPDATE scopes SET generation=? WHERE n=?`, int64(out.Generation), n); err != nil {
			return err
		}
		for id := range old.Below {
			if _, still := out.Below[id]; !still {
				out.Below[id] = 0
			}
		}
		for id, below := range out.Below {
			if below != old.Below[id] {
				if err := c.setBelow(n, id, old.Below[id], below, v.self); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return out, err
}

// setBelow moves the line of one log, and with it what is unread.
func (c *conn) setBelow(scope int64, id crdt.LogID, was, is uint64, self access.UserID) error {
	below := int64(min(is, math.MaxInt64))
	if err := c.exec(`INSERT INTO reads VALUES(?,?,?) ON CONFLICT DO UPDATE SET below=excluded.below`, scope, id[:], below); err != nil {
		return err
	}
	var logs []int64
	err := c.each(func(s *sqlite3.Stmt) error {
		logs = append(logs, s.ColumnInt64(0))
		return nil
	}, `SELECT n FROM logs WHERE id=? AND scope=?`, id[:], scope)
	if err != nil {
		return err
	}
	for _, n := range logs {
		l, err := c.log(n)
		if err != nil {
			return err
		}
		l.below = below
		if err := c.exec(`UPDATE logs SET below=? WHERE n=?`, below, n); err != nil {
			return err
		}
		if is > was {
			err = c.exec(`UPDATE messages INDEXED BY messages_log SET fresh=NULL WHERE log=? AND seq>=? AND seq<? AND fresh NOT NULL`, n, int64(was), below)
		} else if l.user != self {
			err = c.exec(`UPDATE messages INDEXED BY messages_log SET fresh=place WHERE log=? AND seq>=? AND seq<? AND kind=1 AND op IS NULL`,
				n, below, int64(min(was, math.MaxInt64)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ReadUpTo is the read state for somebody who has read up to the row, or with a zero id everything. It covers what
// stands between the last read row and this one. What came in above the line that was read before stays unread until
// it is read itself, so that nobody can slip a backdated message under it: of its log nothing later counts as read
// before it does. Reading such a row reads its own log up to it.
func (v *View) ReadUpTo(ctx ctx, scope crdt.ScopeID, id crdt.OpID) (chat.ReadState, error) {
	var out chat.ReadState
	err := v.reading(ctx, "read up to", func(c *conn) error {
		n, ok, err := c.scope(scope)
		if err != nil || !ok {
			return err
		}
		if out, err = c.readState(n); err != nil {
			return err
		}
		if id.IsZero() {
			return c.each(func(s *sqlite3.Stmt) error {
				raise(&out, s)
				return nil
			}, `SELECT id, top FROM logs WHERE scope=?`, n)
		}
		return c.readTo(n, id, &out, v.self)
	})
	return out, err
}

// ReadThread is the read state for somebody who has read a thread's replies up to one. A log's line stops before a
// main-line row of it that is not read: having read the thread says nothing about that.
func (v *View) ReadThread(ctx ctx, scope crdt.ScopeID, root, id crdt.OpID) (chat.ReadState, error) {
	var out chat.ReadState
	err := v.reading(ctx, "read thread", func(c *conn) error {
		n, ok, err := c.scope(scope)
		if err != nil || !ok {
			return err
		}
		if out, err = c.readState(n); err != nil {
			return err
		}
		type reached struct {
			log      int64
			id       crdt.LogID
			from, to int64
		}
		var logs []reached
		err = c.each(func(s *sqlite3.Stmt) error {
			r := reached{log: s.ColumnInt64(0), from: s.ColumnInt64(2), to: s.ColumnInt64(3)}
			copy(r.id[:], s.ColumnRawBlob(1))
			logs = append(logs, r)
			return nil
		}, `SELECT l.n, l.id, l.below, max(m.seq)+1 FROM messages m INDEXED BY messages_reply JOIN logs l ON l.n=m.log
			WHERE m.root=? AND m.scope=? AND (m.hlc, m.id)<=(SELECT hlc, id FROM messages WHERE id=?) GROUP BY l.n`, root[:], n, id[:])
		if err != nil {
			return err
		}
		for _, r := range logs {
			stop, ok, err := c.number(`SELECT seq FROM messages INDEXED BY messages_log WHERE log=? AND seq>=? AND seq<? AND fresh NOT NULL AND root IS NOT ?
				ORDER BY seq LIMIT 1`, r.log, r.from, r.to, root[:])
			if err != nil {
				return err
			}
			if ok {
				r.to = stop
			}
			out.Below[r.id] = max(out.Below[r.id], uint64(r.to))
		}
		return nil
	})
	return out, err
}

// maxRootsBetween is how far back RootsBetween looks in each log, in ops: what was read before is seldom on show.
const maxRootsBetween = 2048

// RootsBetween are the roots of threads that have replies between two read states: what is unread of them may be
// another number now. Of each log it looks at the newest 2,048 ops between the two.
func (v *View) RootsBetween(ctx ctx, scope crdt.ScopeID, a, b chat.ReadState) ([]crdt.OpID, error) {
	var out []crdt.OpID
	seen := map[crdt.OpID]bool{}
	err := v.reading(ctx, "find threads", func(c *conn) error {
		n, ok, err := c.scope(scope)
		if err != nil || !ok {
			return err
		}
		for id := range a.Merge(chat.ReadState{Generation: a.Generation, Below: b.Below}).Below {
			lo, hi := min(a.Below[id], b.Below[id]), min(max(a.Below[id], b.Below[id]), math.MaxInt64)
			if lo == hi {
				continue
			}
			lo = max(lo, hi-min(hi, maxRootsBetween))
			err := c.each(func(s *sqlite3.Stmt) error {
				if root := column32(s, 0); !seen[root] {
					seen[root] = true
					out = append(out, root)
				}
				return nil
			}, `SELECT root FROM messages INDEXED BY messages_log WHERE log IN(SELECT n FROM logs WHERE id=? AND scope=?) AND seq>=? AND seq<? AND root NOT NULL`,
				id[:], n, int64(lo), int64(hi))
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func raise(r *chat.ReadState, s *sqlite3.Stmt) {
	var id crdt.LogID
	copy(id[:], s.ColumnRawBlob(0))
	r.Below[id] = max(r.Below[id], uint64(s.ColumnInt64(1)))
}

func (c *conn) readTo(scope int64, id crdt.OpID, r *chat.ReadState, self access.UserID) error {
	l := line{conn: c, scope: scope}
	to, err := l.placeOf(id)
	if err != nil {
		return err
	}
	from, err := c.readLine(scope, self)
	if err != nil {
		return err
	}
	if from != nil && to.before(from) {
		return c.each(func(s *sqlite3.Stmt) error {
			raise(r, s)
			return nil
		}, `SELECT l.id, m.seq+1 FROM messages m JOIN logs l ON l.n=m.log WHERE m.id=?`, id[:])
	}
	blocked := map[int64]bool{}
	return c.each(func(s *sqlite3.Stmt) error {
		at, log := place{s.ColumnInt64(2), s.ColumnBlob(3, nil)}, s.ColumnInt64(4)
		if blocked[log] || to.before(&at) || from != nil && at.before(from) {
			blocked[log] = true
			return nil
		}
		raise(r, s)
		return nil
	}, `SELECT l.id, m.seq+1, m.hlc, m.id, m.log FROM messages m INDEXED BY messages_fresh CROSS JOIN logs l ON l.n=m.log
		WHERE m.fresh=? ORDER BY m.log, m.seq`, scope)
}

func (p *place) before(q *place) bool {
	return p.hlc < q.hlc || p.hlc == q.hlc && string(p.id) < string(q.id)
}

// readLine is the place of the last row of somebody else's that is read; nil where none is.
func (c *conn) readLine(scope int64, self access.UserID) (at *place, err error) {
	me, ok, err := c.number(`SELECT n FROM authors WHERE user=? AND name=''`, self[:])
	if err != nil || !ok {
		me = 0
	}
	if err != nil {
		return nil, err
	}
	err = c.each(func(s *sqlite3.Stmt) error {
		at = &place{s.ColumnInt64(0), s.ColumnBlob(1, nil)}
		return nil
	}, `SELECT hlc, id FROM messages INDEXED BY messages_line WHERE place=? AND fresh IS NULL AND kind=1 AND op IS NULL AND author<>?
		ORDER BY hlc DESC, id DESC LIMIT 1`, scope, me)
	return at, err
}

// UnreadFrom is the read state in which the row and all after it are unread again: a new generation. It makes nothing
// read that was not.
func (v *View) UnreadFrom(ctx ctx, scope crdt.ScopeID, id crdt.OpID) (chat.ReadState, error) {
	var out chat.ReadState
	err := v.reading(ctx, "unread from", func(c *conn) error {
		n, ok, err := c.scope(scope)
		if err != nil || !ok {
			return errors.Join(err, fmt.Errorf("%s: %w", id, ErrNotFound))
		}
		if out, err = c.readState(n); err != nil {
			return err
		}
		l := line{conn: c, scope: n}
		at, err := l.placeOf(id)
		if err != nil {
			return err
		}
		out.Generation++
		return c.each(func(s *sqlite3.Stmt) error {
			var log crdt.LogID
			copy(log[:], s.ColumnRawBlob(0))
			out.Below[log] = min(out.Below[log], uint64(s.ColumnInt64(1)))
			return nil
		}, `SELECT l.id, min(m.seq) FROM messages m INDEXED BY messages_line CROSS JOIN logs l ON l.n=m.log
			WHERE m.place=? AND (m.hlc, m.id)>=(?, ?) AND m.kind=1 GROUP BY m.log`, n, at.hlc, at.id)
	})
	return out, err
}
