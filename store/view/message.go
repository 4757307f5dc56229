package view

import (
	"github.com/ncruces/go-sqlite3"

	"hallway/crdt"
	"hallway/crdt/chat"
)

// stored is what a row of messages says of itself, to decide what becomes of it.
type stored struct {
	n      int64
	id     crdt.OpID
	op     crdt.OpID
	kind   int64
	log    *log
	seq    int64
	place  bool
	late   int64
	arrive int64
}

const selectStored = `SELECT n, id, op, kind, log, seq, place, late, arrived FROM messages `

// find is the row with this id, nil if there is none.
func (b *batch) find(id crdt.OpID) (*stored, error) { return b.findBy(selectStored+`WHERE id=?`, id) }

// carried is the row of imported history that this op carries.
func (b *batch) carried(op crdt.OpID) (*stored, error) {
	return b.findBy(selectStored+`WHERE op=?`, op)
}

func (b *batch) findBy(sql string, id crdt.OpID) (*stored, error) {
	var out *stored
	var log int64
	err := b.each(func(s *sqlite3.Stmt) error {
		out = &stored{n: s.ColumnInt64(0), id: column32(s, 1), op: column32(s, 2), kind: s.ColumnInt64(3), seq: s.ColumnInt64(5),
			place: s.ColumnType(6) != sqlite3.NULL, late: s.ColumnInt64(7), arrive: s.ColumnInt64(8)}
		if log = s.ColumnInt64(4); out.op.IsZero() {
			out.op = out.id
		}
		return nil
	}, sql, id[:])
	if err != nil || out == nil {
		return nil, err
	}
	if log != 0 {
		out.log, err = b.log(log)
	}
	return out, err
}

func (b *batch) takeMessage(a *arrival, m *chat.Message) error {
	old, err := b.find(a.origin.ID)
	if err != nil || old != nil && old.kind != int64(chat.PostLocked) && old.kind != kindBare {
		return err
	}
	if old != nil {
		if err := b.forget(old, a.scope); err != nil {
			return err
		}
	}
	facts, err := b.facts(a.origin.ID, a.scope)
	if err != nil {
		return err
	}
	post, _ := chat.Assemble(a.origin, m, facts)
	return b.putPost(a, &post, len(facts) > 0)
}

// putPost writes the row of a message that is new here.
func (b *batch) putPost(a *arrival, p *chat.Post, facts bool) error {
	author, err := b.addAuthor(p.Author, p.System)
	if err != nil {
		return err
	}
	n, err := b.nextN(p.HLC)
	if err != nil {
		return err
	}
	r := row{n: n, id: p.ID, scope: a.scope, hlc: p.HLC, author: author, log: a.log.n, seq: int64(a.origin.Seq),
		kind: int64(chat.PostMessage), root: p.Thread, late: a.late, arrived: micros(a.Arrived), body: a.inner}
	if p.Op != p.ID {
		r.op, r.late, r.wrote = p.Op, 0, toHLC(a.origin.HLC)
	}
	if facts {
		r.facts = 1
	}
	change := Change{What: Added, Scope: p.Scope, ID: p.ID, Thread: p.Thread, Late: r.late == 1}
	b.place(&r, a.log, p, &change)
	if err := b.insert(&r); err != nil {
		return err
	}
	for i := range p.Files {
		id := p.Files[i].ID()
		if err := b.exec(`INSERT OR IGNORE INTO files VALUES(?,?)`, id[:], n); err != nil {
			return err
		}
	}
	b.out.Posts = append(b.out.Posts, change)
	return b.index(n, b.memo.document(p, a.scope, author))
}

// place decides in which lists the row of a post stands.
func (b *batch) place(r *row, l *log, p *chat.Post, change *Change) {
	counts := p.Counts(b.self)
	change.Calls = counts && p.Calls(b.self)
	if p.Main() {
		r.place = r.scope
		if counts && r.seq >= l.below {
			r.fresh, change.Unread = r.scope, true
		}
	}
	if change.Calls {
		r.calls = 1
	}
	if p.System == "" && p.Author.User == b.self {
		r.mine = 1
	}
	if p.Pinned {
		r.pinned = r.scope
	}
}

// row is a row of messages as it is written; zero stands for NULL where the table allows it.
type row struct {
	n                      int64
	id, op, root           crdt.OpID
	scope                  int64
	hlc                    crdt.HLC
	wrote                  int64 // as the table has it
	author, log, seq, kind int64
	place, fresh, calls    int64
	mine, pinned, facts    int64
	late, arrived          int64
	body                   []byte
}

func (b *batch) insert(r *row) error {
	if r.place != 0 && r.kind != kindLine {
		b.rank(r.scope, r.hlc, 1)
	}
	return b.exec(`INSERT INTO messages(n, id, op, scope, hlc, wrote, author, log, seq, kind, root, place, fresh, calls, mine, pinned,
		facts, late, arrived, body) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		r.n, r.id[:], blob32(r.op), r.scope, toHLC(r.hlc), null(r.wrote), r.author, r.log, r.seq, r.kind, blob32(r.root), null(r.place), null(r.fresh),
		null(r.calls), null(r.mine), null(r.pinned), r.facts, r.late, r.arrived, r.body)
}

func null(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

// forget takes a row away, with what refers to it.
func (b *batch) forget(s *stored, scope int64) error {
	if s.place {
		hlc, _, err := b.number(`SELECT hlc FROM messages WHERE n=?`, s.n)
		if err != nil {
			return err
		}
		b.rank(scope, fromHLC(hlc), -1)
	}
	if err := b.exec(`DELETE FROM files WHERE message=?`, s.n); err != nil {
		return err
	}
	return b.exec(`DELETE FROM messages WHERE n=?`, s.n)
}

// takePlaceholder notes an op that cannot be opened, unless more is known of it already.
func (b *batch) takePlaceholder(a *arrival, kind chat.PostKind) error {
	old, err := b.find(a.origin.ID)
	if err != nil || old != nil && (old.kind != kindBare || kind == kindBare) {
		return err
	}
	if known, err := b.known(a.origin.ID); err != nil || known {
		return err
	}
	if old != nil {
		if err := b.forget(old, a.scope); err != nil {
			return err
		}
	}
	r, err := b.plain(a, int64(kind))
	if err != nil {
		return err
	}
	if kind == chat.PostLocked {
		r.place = a.scope
		b.changed(Added, a.origin.Scope, a.origin.ID, crdt.OpID{})
	}
	return b.insert(&r)
}

// known reports whether the op was opened before, and is no row of its own.
func (b *batch) known(op crdt.OpID) (bool, error) {
	if s, err := b.carried(op); err != nil || s != nil {
		return true, err
	}
	_, ok, err := b.number(`SELECT 1 FROM facts WHERE id=?`, op[:])
	return ok, err
}

// plain is a row of which only the op's header is known.
func (b *batch) plain(a *arrival, kind int64) (row, error) {
	author, err := b.addAuthor(chat.Author{User: a.log.user}, "")
	if err != nil {
		return row{}, err
	}
	n, err := b.nextN(a.origin.HLC)
	return row{n: n, id: a.origin.ID, scope: a.scope, hlc: a.origin.HLC, author: author, log: a.log.n, seq: int64(a.origin.Seq),
		kind: kind, late: a.late, arrived: micros(a.Arrived)}, err
}

// withdraw takes the placeholder of an op away that turned out to be no message.
func (b *batch) withdraw(a *arrival) error {
	old, err := b.find(a.origin.ID)
	if err != nil || old == nil || old.kind != int64(chat.PostLocked) && old.kind != kindBare {
		return err
	}
	if old.place {
		b.changed(Withdrawn, a.origin.Scope, a.origin.ID, crdt.OpID{})
	}
	return b.forget(old, a.scope)
}

// mute notes an op that was opened and is shown as nothing, so that no placeholder of it comes back.
func (b *batch) mute(a *arrival) error {
	if err := b.withdraw(a); err != nil {
		return err
	}
	if old, err := b.find(a.origin.ID); err != nil || old != nil {
		return err
	}
	r, err := b.plain(a, kindMute)
	if err != nil {
		return err
	}
	return b.insert(&r)
}

// slots is how many messages of one second get numbers in that second; more take those of the next.
const slots = 1 << 10

// nextN is a free row number for a message of this time.
func (b *batch) nextN(h crdt.HLC) (int64, error) {
	second := int64(h>>16) / 1000
	n := second * slots
	if b.hint >= n && b.hint < n+spill*slots && b.second == second {
		n = b.hint + 1
	} else {
		last, ok, err := b.number(`SELECT max(n) FROM messages WHERE n>=? AND n<?`, n, n+slots)
		if err != nil {
			return 0, err
		}
		if ok {
			n = last + 1
		}
	}
	for taken := n >= (second+1)*slots; taken; { // spilled over: look for a gap
		var err error
		if _, taken, err = b.number(`SELECT 1 FROM messages WHERE n=?`, n); err != nil {
			return 0, err
		}
		if taken {
			n++
		}
	}
	b.hint, b.second = n, second
	return n, nil
}
