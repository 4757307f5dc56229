package view

import (
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
)

// names maps long ids to the short numbers of the tables, and back.
type names struct {
	scopes   map[crdt.ScopeID]int64
	scopeIDs map[int64]crdt.ScopeID
	authors  map[chat.Author]int64
	people   map[int64]author
	logs     map[logKey]*log
	logsByN  map[int64]*log
}

// logKey tells logs apart; the scope and the device are what a hostile writer of another's log id cannot share.
type logKey struct {
	id     crdt.LogID
	scope  int64
	device crdt.DeviceRef
}

type log struct {
	n, scope int64
	id       crdt.LogID
	device   crdt.DeviceRef
	user     access.UserID
	// of the writing connection only: top is one more than the highest seq held, below as in chat.ReadState.
	top, below int64
	dirty      bool
}

type author struct {
	chat.Author
	system string
}

func (s *names) reset() {
	*s = names{scopes: map[crdt.ScopeID]int64{}, scopeIDs: map[int64]crdt.ScopeID{}, authors: map[chat.Author]int64{},
		people: map[int64]author{}, logs: map[logKey]*log{}, logsByN: map[int64]*log{}}
}

// scope is the number of a scope; ok is false where nothing of it was ever taken in.
func (c *conn) scope(id crdt.ScopeID) (n int64, ok bool, err error) {
	if n, ok = c.seen.scopes[id]; ok {
		return n, true, nil
	}
	n, ok, err = c.number(`SELECT n FROM scopes WHERE id=?`, id[:])
	if ok {
		c.seen.scopes[id], c.seen.scopeIDs[n] = n, id
	}
	return n, ok, err
}

// addScope is the number of a scope, given to it now if need be.
func (c *conn) addScope(id crdt.ScopeID) (int64, error) {
	n, ok, err := c.scope(id)
	if ok || err != nil {
		return n, err
	}
	if err := c.exec(`INSERT INTO scopes(id) VALUES(?)`, id[:]); err != nil {
		return 0, err
	}
	n, _, err = c.scope(id)
	return n, err
}

func (c *conn) scopeID(n int64) (crdt.ScopeID, error) {
	if id, ok := c.seen.scopeIDs[n]; ok {
		return id, nil
	}
	var id crdt.ScopeID
	err := c.each(func(s *sqlite3.Stmt) error {
		copy(id[:], s.ColumnRawBlob(0))
		return nil
	}, `SELECT id FROM scopes WHERE n=?`, n)
	if err == nil {
		c.seen.scopes[id], c.seen.scopeIDs[n] = n, id
	}
	return id, err
}

// addAuthor is the number of an author. Members are one author each; somebody of imported history is one for each name.
func (c *conn) addAuthor(a chat.Author, system string) (int64, error) {
	if a.Name == "" {
		system = ""
	}
	if n, ok := c.seen.authors[a]; ok && c.seen.people[n].system == system {
		return n, nil
	}
	find := func() (int64, bool, error) {
		return c.number(`SELECT n FROM authors WHERE user=? AND system=? AND source=? AND name=?`, a.User[:], system, a.Source, a.Name)
	}
	n, ok, err := find()
	if err == nil && !ok {
		if err = c.exec(`INSERT INTO authors(user, system, source, name) VALUES(?,?,?,?)`, a.User[:], system, a.Source, a.Name); err == nil {
			n, _, err = find()
		}
	}
	if err == nil {
		c.seen.authors[a], c.seen.people[n] = n, author{a, system}
	}
	return n, err
}

func (c *conn) author(n int64) (author, error) {
	if a, ok := c.seen.people[n]; ok {
		return a, nil
	}
	var a author
	err := c.each(func(s *sqlite3.Stmt) error {
		copy(a.User[:], s.ColumnRawBlob(0))
		a.system, a.Source, a.Name = s.ColumnText(1), s.ColumnText(2), s.ColumnText(3)
		return nil
	}, `SELECT user, system, source, name FROM authors WHERE n=?`, n)
	if err == nil {
		c.seen.people[n] = a
	}
	return a, err
}

// addLog is the log that an op stands in, numbered now if need be.
func (c *conn) addLog(scope int64, o *chat.Origin) (*log, error) {
	k := logKey{o.Log, scope, o.Device}
	if l := c.seen.logs[k]; l != nil {
		return l, nil
	}
	n, ok, err := c.number(`SELECT n FROM logs WHERE id=? AND scope=? AND device=?`, o.Log[:], scope, o.Device[:])
	if err != nil {
		return nil, err
	}
	if !ok {
		user, err := c.addAuthor(chat.Author{User: o.User}, "")
		if err != nil {
			return nil, err
		}
		below, _, err := c.number(`SELECT below FROM reads WHERE scope=? AND log=?`, scope, o.Log[:])
		if err != nil {
			return nil, err
		}
		if err := c.exec(`INSERT INTO logs(scope, id, device, user, top, below) VALUES(?,?,?,?,0,?)`, scope, o.Log[:], o.Device[:], user, below); err != nil {
			return nil, err
		}
		n = c.db.LastInsertRowID()
	}
	return c.log(n)
}

func (c *conn) log(n int64) (*log, error) {
	if l := c.seen.logsByN[n]; l != nil {
		return l, nil
	}
	l := &log{n: n}
	var user int64
	err := c.each(func(s *sqlite3.Stmt) error {
		l.scope = s.ColumnInt64(0)
		copy(l.id[:], s.ColumnRawBlob(1))
		copy(l.device[:], s.ColumnRawBlob(2))
		user, l.top, l.below = s.ColumnInt64(3), s.ColumnInt64(4), s.ColumnInt64(5)
		return nil
	}, `SELECT scope, id, device, user, top, below FROM logs WHERE n=?`, n)
	if err != nil {
		return nil, err
	}
	if user == 0 {
		return nil, fmt.Errorf("log %d: %w", n, ErrDamaged)
	}
	a, err := c.author(user)
	l.user = a.User
	if err != nil {
		return nil, errors.Join(err)
	}
	c.seen.logsByN[n], c.seen.logs[logKey{l.id, l.scope, l.device}] = l, l
	return l, nil
}
