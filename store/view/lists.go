package view

import (
	"fmt"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"hallway/crdt"
	"hallway/crdt/chat"
)

// Channels is what is known of every scope of which anything is here, in no useful order.
func (v *View) Channels(ctx ctx) ([]Channel, error) {
	var out []Channel
	err := v.reading(ctx, "read channels", func(c *conn) error {
		var scopes []int64
		err := c.each(func(s *sqlite3.Stmt) error {
			scopes = append(scopes, s.ColumnInt64(0))
			return nil
		}, `SELECT n FROM scopes ORDER BY n`)
		for _, n := range scopes {
			if err != nil {
				return err
			}
			var ch Channel
			ch, err = c.channel(n)
			out = append(out, ch)
		}
		return err
	})
	return out, err
}

// Channel is what is known of one scope; of one that is not here, nothing.
func (v *View) Channel(ctx ctx, scope crdt.ScopeID) (Channel, error) {
	out := Channel{Scope: scope}
	err := v.reading(ctx, "read channel", func(c *conn) error {
		n, ok, err := c.scope(scope)
		if err == nil && ok {
			out, err = c.channel(n)
		}
		return err
	})
	return out, err
}

func (c *conn) channel(scope int64) (ch Channel, err error) {
	if ch.Scope, err = c.scopeID(scope); err != nil {
		return ch, err
	}
	if ch.Unread, err = c.unread(scope); err != nil {
		return ch, err
	}
	last, ok, err := c.number(`SELECT hlc FROM messages INDEXED BY messages_line WHERE place=? AND kind<>11 ORDER BY hlc DESC, id DESC LIMIT 1`, scope)
	if err != nil {
		return ch, err
	}
	if ok {
		ch.LastAt = fromHLC(last).Time()
	}
	ch.Rows, err = c.rows(scope)
	return ch, err
}

// Pins are a scope's pinned messages, the latest pin first.
func (v *View) Pins(ctx ctx, scope crdt.ScopeID) ([]Row, error) {
	rows, err := v.list(ctx, "read pins", func(c *conn) ([]entry, error) {
		n, ok, err := c.scope(scope)
		if err != nil || !ok {
			return nil, err
		}
		return c.entries(`SELECT `+entryColumns+` FROM messages INDEXED BY messages_pinned WHERE pinned=?`, n)
	})
	slices.SortFunc(rows, func(a, b Row) int {
		if c := b.PinnedAt.Compare(a.PinnedAt); c != 0 {
			return c
		}
		return b.Post.Compare(&a.Post)
	})
	return rows, err
}

// Activity asks for rows of all scopes.
type Activity struct {
	Kind   ActivityKind
	Limit  int       // 1 to MaxPage, 0 means 50
	Before crdt.OpID // a row's id, for the next page
}

// ActivityKind is a list over all scopes.
type ActivityKind uint8

// The lists over all scopes.
const (
	ActivityUnread   ActivityKind = 1 // unread main-line messages: scope by scope, the oldest first
	ActivityThreads  ActivityKind = 2 // roots of threads that oneself started or wrote in, the latest reply first
	ActivityMentions ActivityKind = 3 // messages that call oneself, the newest first
)

// Activity reads a page of what concerns oneself; more says that there is more.
func (v *View) Activity(ctx ctx, a Activity) (rows []Row, more bool, err error) {
	if a.Limit <= 0 {
		a.Limit = 50
	}
	a.Limit = min(a.Limit, MaxPage)
	rows, err = v.list(ctx, "read activity", func(c *conn) ([]entry, error) {
		switch a.Kind {
		case ActivityUnread:
			return c.allUnread(a)
		case ActivityThreads:
			return c.ownThreads(a)
		case ActivityMentions:
			return c.allCalls(a)
		}
		return nil, fmt.Errorf("activity of kind %d: %w", a.Kind, ErrNotFound)
	})
	if len(rows) > a.Limit {
		return rows[:a.Limit], true, err
	}
	return rows, false, err
}

func (c *conn) allUnread(a Activity) ([]entry, error) {
	if a.Before.IsZero() {
		return c.entries(`SELECT `+entryColumns+` FROM messages INDEXED BY messages_fresh WHERE fresh NOT NULL ORDER BY fresh, hlc, id LIMIT ?`, a.Limit+1)
	}
	return c.entries(`SELECT `+entryColumns+` FROM messages INDEXED BY messages_fresh WHERE fresh NOT NULL
		AND (fresh, hlc, id)>(SELECT scope, hlc, id FROM messages WHERE id=?) ORDER BY fresh, hlc, id LIMIT ?`, a.Before[:], a.Limit+1)
}

func (c *conn) allCalls(a Activity) ([]entry, error) {
	return c.entries(`SELECT `+entryColumns+` FROM messages INDEXED BY messages_calls WHERE calls=1
		AND n<coalesce((SELECT n FROM messages WHERE id=?), 9223372036854775807) ORDER BY n DESC LIMIT ?`, blobOrEmpty(a.Before), a.Limit+1)
}

// ownThreads sorts all threads of oneself by their last reply: they are few beside the messages.
func (c *conn) ownThreads(a Activity) ([]entry, error) {
	return c.entries(`WITH mine(top) AS (SELECT root FROM messages INDEXED BY messages_mine WHERE mine=1 AND root NOT NULL
			UNION SELECT id FROM messages INDEXED BY messages_mine WHERE mine=1 AND root IS NULL),
		last(top, at) AS (SELECT top, (SELECT max(hlc) FROM messages r INDEXED BY messages_reply WHERE r.root=top) FROM mine),
		place(at) AS (SELECT at FROM last WHERE top=?1)
		SELECT `+entryColumns+` FROM last JOIN messages ON messages.id=top WHERE at NOT NULL
		AND (NOT EXISTS(SELECT 1 FROM place) OR (at, top)<(SELECT at, ?1 FROM place)) ORDER BY at DESC, top DESC LIMIT ?2`,
		blobOrEmpty(a.Before), a.Limit+1)
}

func blobOrEmpty(id crdt.OpID) []byte {
	if id.IsZero() {
		return []byte{}
	}
	return id[:]
}

// list reads rows and joins to each what its thread says.
func (v *View) list(ctx ctx, what string, read func(*conn) ([]entry, error)) ([]Row, error) {
	var rows []Row
	err := v.reading(ctx, what, func(c *conn) error {
		entries, err := read(c)
		if err != nil {
			return err
		}
		for i := range entries {
			if err := c.summarize(&entries[i], chat.Author{User: v.self}); err != nil {
				return err
			}
			rows = append(rows, entries[i].Row)
		}
		return nil
	})
	return rows, err
}

// SetLines puts lines of the system into a scope, in place of those with the same ids, and takes others away.
func (v *View) SetLines(ctx ctx, scope crdt.ScopeID, put []Line, remove []crdt.OpID) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("set lines: %w", err)
	}
	return v.writing("set lines", func(c *conn) error {
		b := batch{conn: c, self: v.self, ranks: map[rank]int64{}}
		n, err := b.addScope(scope)
		if err != nil {
			return err
		}
		for _, id := range remove {
			if err := b.exec(`DELETE FROM messages WHERE id=? AND kind=?`, id[:], kindLine); err != nil {
				return err
			}
		}
		for _, l := range put {
			if err := b.exec(`DELETE FROM messages WHERE id=? AND kind=?`, l.ID[:], kindLine); err != nil {
				return err
			}
			at, err := b.nextN(l.HLC)
			if err != nil {
				return err
			}
			r := row{n: at, id: l.ID, scope: n, hlc: l.HLC, kind: kindLine, place: n, body: l.Value}
			if err := b.insert(&r); err != nil {
				return err
			}
		}
		return nil
	})
}
