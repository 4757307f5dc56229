package view

import (
	"github.com/ncruces/go-sqlite3"

	"hallway/crdt"
)

// Locked lists the ops that wait for a key, the newest first: what to open again when one comes.
func (v *View) Locked(ctx ctx) ([]crdt.OpID, error) {
	var out []crdt.OpID
	err := v.reading(ctx, "read what is locked", func(c *conn) error {
		return c.each(func(s *sqlite3.Stmt) error {
			out = append(out, column32(s, 0))
			return nil
		}, `SELECT id FROM messages INDEXED BY messages_locked WHERE kind=3 ORDER BY n DESC`)
	})
	return out, err
}
