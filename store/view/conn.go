package view

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/vfs/adiantum" // registers the VFS that encrypts database and WAL

	"hallway/crdt"
)

// conn is one connection with its prepared statements and what it has learned of the numbering tables, whose rows never
// change once they are committed. It serves one goroutine at a time.
type conn struct {
	db    *sqlite3.Conn
	stmts map[string]*sqlite3.Stmt
	seen  names
	memo  memo
}

func openConn(path string, key [32]byte, flags sqlite3.OpenFlag) (*conn, error) {
	db, err := sqlite3.OpenFlags("file:"+uriPath(path)+"?vfs=adiantum", flags|sqlite3.OPEN_URI)
	if err != nil {
		return nil, err
	}
	c := &conn{db: db, stmts: map[string]*sqlite3.Stmt{}, memo: memo{}}
	c.seen.reset()
	if err := db.BusyTimeout(busyTimeout); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	for _, pragma := range []string{
		"hexkey='" + hex.EncodeToString(key[:]) + "'",
		"temp_store=memory",
		"synchronous=normal",
		"wal_autocheckpoint=4000", // pages: a batch touches many of them, and hot ones should be written back once
		"journal_size_limit=16777216",
		"secure_delete=on",
		"cache_size=-4000",
	} {
		if err := db.Exec("PRAGMA " + pragma); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return c, nil
}

// uriPath escapes what has a meaning in a SQLite URI.
func uriPath(path string) string {
	out := make([]byte, 0, len(path))
	for _, b := range []byte(path) {
		switch b {
		case '%', '?', '#':
			out = fmt.Appendf(out, "%%%02x", b)
		case '\\':
			out = append(out, '/')
		default:
			out = append(out, b)
		}
	}
	return string(out)
}

func (c *conn) close() error {
	var err error
	for _, s := range c.stmts {
		err = errors.Join(err, s.Close())
	}
	c.stmts = nil
	return errors.Join(err, c.db.Close())
}

// start readies a statement with its arguments. It is the caller's until it is started again; he resets it when he
// leaves it before its end.
func (c *conn) start(sql string, args ...any) (*sqlite3.Stmt, error) {
	s := c.stmts[sql]
	if s == nil {
		var err error
		if s, _, err = c.db.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT); err != nil {
			return nil, fmt.Errorf("prepare %.40q: %w", sql, err)
		}
		c.stmts[sql] = s
	}
	for i, a := range args {
		if err := bind(s, i+1, a); err != nil {
			return nil, fmt.Errorf("bind: %w", err)
		}
	}
	return s, nil
}

func bind(s *sqlite3.Stmt, i int, a any) error {
	switch a := a.(type) {
	case nil:
		return s.BindNull(i)
	case int64:
		return s.BindInt64(i, a)
	case int:
		return s.BindInt64(i, int64(a))
	case string:
		return s.BindText(i, a)
	case []byte:
		if a == nil {
			return s.BindNull(i)
		}
		return s.BindBlob(i, a)
	}
	return fmt.Errorf("argument of type %T", a)
}

// exec runs a statement to its end.
func (c *conn) exec(sql string, args ...any) error {
	s, err := c.start(sql, args...)
	if err != nil {
		return err
	}
	return s.Exec()
}

// each calls row for every row of the answer. row must not use the same statement again.
func (c *conn) each(row func(*sqlite3.Stmt) error, sql string, args ...any) error {
	s, err := c.start(sql, args...)
	if err != nil {
		return err
	}
	for s.Step() {
		if err := row(s); err != nil {
			return errors.Join(err, s.Reset())
		}
	}
	return errors.Join(s.Err(), s.Reset())
}

// number is the first column of the first row, ok false where there is none or it is NULL.
func (c *conn) number(sql string, args ...any) (n int64, ok bool, err error) {
	s, err := c.start(sql, args...)
	if err != nil {
		return 0, false, err
	}
	if s.Step() && s.ColumnType(0) != sqlite3.NULL {
		n, ok = s.ColumnInt64(0), true
	}
	return n, ok, errors.Join(s.Err(), s.Reset())
}

func (c *conn) interruptible(ctx context.Context) func() {
	old := c.db.SetInterrupt(ctx)
	return func() { c.db.SetInterrupt(old) }
}

// toHLC and fromHLC move clocks to SQLite's signed numbers and back, keeping their order.
func toHLC(h crdt.HLC) int64   { return int64(uint64(h) ^ 1<<63) }
func fromHLC(n int64) crdt.HLC { return crdt.HLC(uint64(n) ^ 1<<63) }

func column32(s *sqlite3.Stmt, i int) (id crdt.OpID) {
	copy(id[:], s.ColumnRawBlob(i))
	return id
}

func blob32(id crdt.OpID) []byte {
	if id.IsZero() {
		return nil
	}
	return id[:]
}
