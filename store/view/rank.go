package view

import (
	"cmp"
	"slices"

	"hallway/crdt"
)

// The main line's rows are counted in two sizes of time, so that the position of any row is a sum of few numbers: about
// 19 hours, and 17 minutes.
const (
	coarse = 26 // bits of milliseconds
	fine   = 20
)

type rank struct {
	scope, level, bucket int64
}

// rank notes that a row came to the main line, or left it.
func (b *batch) rank(scope int64, h crdt.HLC, by int64) {
	ms := int64(h >> 16)
	b.ranks[rank{scope, coarse, ms >> coarse}] += by
	b.ranks[rank{scope, fine, ms >> fine}] += by
}

func (b *batch) flushRanks() error {
	keys := make([]rank, 0, len(b.ranks))
	for k, by := range b.ranks {
		if by != 0 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(x, y rank) int {
		return cmp.Or(cmp.Compare(x.scope, y.scope), cmp.Compare(x.level, y.level), cmp.Compare(x.bucket, y.bucket))
	})
	for _, k := range keys {
		err := b.exec(`INSERT INTO ranks VALUES(?,?,?,?) ON CONFLICT DO UPDATE SET rows=rows+excluded.rows`, k.scope, k.level, k.bucket, b.ranks[k])
		if err != nil {
			return err
		}
	}
	return nil
}

// position counts the main-line rows of a scope before a place, without lines of the system.
func (c *conn) position(scope int64, h crdt.HLC, id crdt.OpID) (int, error) {
	ms := int64(h >> 16)
	n, _, err := c.number(`SELECT
		(SELECT coalesce(sum(rows), 0) FROM ranks WHERE scope=?1 AND level=26 AND bucket<?2) +
		(SELECT coalesce(sum(rows), 0) FROM ranks WHERE scope=?1 AND level=20 AND bucket>=?2<<6 AND bucket<?3) +
		(SELECT count(*) FROM messages INDEXED BY messages_line WHERE place=?1 AND hlc>=?4 AND (hlc, id)<(?5, ?6) AND kind<>?7)`,
		scope, ms>>coarse, ms>>fine, toHLC(crdt.HLC(ms>>fine<<fine<<16)), toHLC(h), id[:], kindLine)
	return int(n), err
}

// rows counts the main-line rows of a scope.
func (c *conn) rows(scope int64) (int, error) {
	n, _, err := c.number(`SELECT coalesce(sum(rows), 0) FROM ranks WHERE scope=? AND level=26`, scope)
	return int(n), err
}
