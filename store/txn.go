package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"hallway/crdt"
)

// Txn reads one snapshot. It is good inside the View that made it.
type Txn struct{ txn *badger.Txn }

// View calls fn with a snapshot that nothing written meanwhile changes. It waits for no writer. Views do not nest.
func (db *DB) View(fn func(*Txn) error) error {
	db.readers.RLock()
	defer db.readers.RUnlock()
	if db.gone {
		return fmt.Errorf("read: %w", ErrClosed)
	}
	txn := db.bdg.NewTransaction(false)
	defer txn.Discard()
	return fn(&Txn{txn})
}

// guard turns a panic of Badger's over damaged blocks into ErrDamaged. Nothing of ours runs below it.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("read: %v: %w", p, ErrDamaged)
	}
}

// get answers a copy of the value.
func (t *Txn) get(key []byte) (v []byte, err error) {
	defer guard(&err)
	item, err := t.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, ErrAbsent
	}
	if err == nil {
		v, err = item.ValueCopy(nil)
	}
	if err != nil {
		return nil, fmt.Errorf("read: %w", classify(err))
	}
	return v, nil
}

// errStop ends a scan early, without a fault.
var errStop = errors.New("stop")

// Stop is what a function given to a scan answers to end it without an error.
func Stop() error { return errStop }

type cursor struct{ it *badger.Iterator }

func (c cursor) step(next bool, prefix []byte) (k, v []byte, ok bool, err error) {
	defer guard(&err)
	if next {
		c.it.Next()
	}
	if !c.it.ValidForPrefix(prefix) {
		return nil, nil, false, nil
	}
	item := c.it.Item()
	v, err = item.ValueCopy(nil)
	return item.KeyCopy(nil), v, true, classify(err)
}

func (t *Txn) open(prefix, from []byte, reverse bool, ahead int) (c cursor, err error) {
	defer guard(&err)
	o := badger.DefaultIteratorOptions
	o.Prefix, o.Reverse = prefix, reverse
	o.PrefetchValues, o.PrefetchSize = ahead > 1, ahead
	c = cursor{t.txn.NewIterator(o)}
	c.it.Seek(from)
	return c, nil
}

// scan calls fn for each key of the prefix from the given one on, in order; fn may keep key and value.
func (t *Txn) scan(prefix, from []byte, fn func(key, value []byte) error) error {
	return t.walk(prefix, from, false, fn)
}

func (t *Txn) walk(prefix, from []byte, reverse bool, fn func(key, value []byte) error) error {
	c, err := t.open(prefix, from, reverse, 64)
	if err != nil {
		return err
	}
	defer c.it.Close()
	for next := false; ; next = true {
		k, v, ok, err := c.step(next, prefix)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if !ok {
			return nil
		}
		if err := fn(k, v); errors.Is(err, errStop) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// Meta is what PutMeta noted, or ErrAbsent.
func (t *Txn) Meta(name string) ([]byte, error) { return t.get(keyOf(spaceMeta, []byte(name))) }

// Local is what PutLocal noted, or ErrAbsent.
func (t *Txn) Local(name string) ([]byte, error) { return t.get(keyOf(spaceLocal, []byte(name))) }

// Locals calls fn with each local note whose name begins so, in the order of the names.
func (t *Txn) Locals(prefix string, fn func(name string, value []byte) error) error {
	p := keyOf(spaceLocal, []byte(prefix))
	return t.scan(p, p, func(k, v []byte) error { return fn(string(k[1:]), v) })
}

// Secret is the ciphertext that PutSecret kept, or ErrAbsent.
func (t *Txn) Secret(name string) ([]byte, error) { return t.get(keyOf(spaceSecret, []byte(name))) }

// Secrets calls fn with each secret whose name begins so, in the order of the names.
func (t *Txn) Secrets(prefix string, fn func(name string, ciphertext []byte) error) error {
	p := keyOf(spaceSecret, []byte(prefix))
	return t.scan(p, p, func(k, v []byte) error { return fn(string(k[1:]), v) })
}

// Cursor is what PutCursor noted, or ErrAbsent.
func (t *Txn) Cursor(s crdt.ScopeID, peer InstanceID) ([]byte, error) {
	return t.get(cursorKey(s, peer[:]))
}

// Scopes calls fn with every scope, in the order of their numbers.
func (t *Txn) Scopes(fn func(n ScopeNum, id crdt.ScopeID, note []byte) error) error {
	return t.scan([]byte{spaceScope}, []byte{spaceScope}, func(k, v []byte) error {
		if len(k) != 5 || len(v) < 32 {
			return fmt.Errorf("read scope: %w", ErrDamaged)
		}
		return fn(ScopeNum(binary.BigEndian.Uint32(k[1:])), crdt.ScopeID(v[:32]), v[32:])
	})
}

// Logs calls fn with every log: what it is, and what of it is here.
func (t *Txn) Logs(fn func(n LogNum, what, state []byte) error) error {
	return t.scan([]byte{spaceLog}, []byte{spaceLog}, func(k, v []byte) error {
		if len(k) != 5 {
			return fmt.Errorf("read log: %w", ErrDamaged)
		}
		n := LogNum(binary.BigEndian.Uint32(k[1:]))
		state, err := t.get(key32(spaceState, uint32(n)))
		if err != nil && !errors.Is(err, ErrAbsent) {
			return err
		}
		return fn(n, v, state)
	})
}

// Stored is an op as it lies in the store. It was authentic when it was put there.
type Stored struct {
	Place Place
	LSN   uint64
	Op    crdt.Op // without its heads: Heads has them
}

func parseStored(p Place, v []byte) (Stored, error) {
	lsn, n := binary.Uvarint(v)
	if n <= 0 {
		return Stored{}, fmt.Errorf("read op: %w", ErrDamaged)
	}
	f, err := crdt.ParseOp(v[n:])
	if err != nil {
		return Stored{}, fmt.Errorf("read op: %w: %w", ErrDamaged, err)
	}
	return Stored{Place: p, LSN: lsn, Op: *f.Peek()}, nil
}

// Op is the op at a place, or ErrAbsent.
func (t *Txn) Op(p Place) (Stored, error) {
	v, err := t.get(opKey(p))
	if err != nil {
		return Stored{}, err
	}
	return parseStored(p, v)
}

// PlaceOf is where the op with this id lies, or ErrAbsent.
func (t *Txn) PlaceOf(id crdt.OpID) (Place, error) {
	s, err := t.ByID(id)
	return s.Place, err
}

// ByID is the op with this id, or ErrAbsent. Two ids may share what the index holds of them; the op has the whole one.
func (t *Txn) ByID(id crdt.OpID) (Stored, error) {
	v, err := t.get(idKey(id))
	if err != nil {
		return Stored{}, err
	}
	p, ok := parsePlace(v)
	if !ok {
		return Stored{}, fmt.Errorf("read id: %w", ErrDamaged)
	}
	s, err := t.Op(p)
	if err == nil && s.Op.ID() != id {
		return Stored{}, ErrAbsent
	}
	return s, err
}

// Ops calls fn with the ops of a log from seq lo to hi, ascending; at a seq that was forked, with one after the other.
func (t *Txn) Ops(n LogNum, lo, hi uint64, fn func(Stored) error) error {
	prefix := key32(spaceOp, uint32(n))
	return t.scan(prefix, opKey(Place{Log: n, Seq: lo}), func(k, v []byte) error {
		p, ok := parsePlace(k[1:])
		if !ok {
			return fmt.Errorf("read op: %w", ErrDamaged)
		}
		if p.Seq > hi {
			return errStop
		}
		s, err := parseStored(p, v)
		if err != nil {
			return err
		}
		return fn(s)
	})
}

// Arrivals calls fn with the places of all ops that arrived after the lsn, in the order of arrival.
func (t *Txn) Arrivals(after uint64, fn func(lsn uint64, p Place) error) error {
	return t.places([]byte{spaceArrival}, arrivalKey(after+1), fn)
}

// Feed is Arrivals of one scope.
func (t *Txn) Feed(s ScopeNum, after uint64, fn func(lsn uint64, p Place) error) error {
	return t.places(key32(spaceFeed, uint32(s)), feedKey(s, after+1), fn)
}

func (t *Txn) places(prefix, from []byte, fn func(lsn uint64, p Place) error) error {
	return t.scan(prefix, from, func(k, v []byte) error {
		p, ok := parsePlace(v)
		if !ok || len(k) != len(prefix)+8 {
			return fmt.Errorf("read arrival: %w", ErrDamaged)
		}
		return fn(binary.BigEndian.Uint64(k[len(prefix):]), p)
	})
}

// LastLSN is the highest arrival number given out, 0 in an empty store.
func (t *Txn) LastLSN() (lsn uint64, err error) {
	prefix := []byte{spaceArrival}
	from := append([]byte{spaceArrival}, bytes.Repeat([]byte{0xff}, 9)...)
	err = t.walk(prefix, from, true, func(k, _ []byte) error {
		lsn = binary.BigEndian.Uint64(k[1:])
		return errStop
	})
	return lsn, err
}

// Heads are the access heads that a digest stands for, or ErrAbsent.
func (t *Txn) Heads(ref crdt.AuthRef) ([]crdt.OpID, error) {
	v, err := t.get(keyOf(spaceHeads, ref[:]))
	if err != nil {
		return nil, err
	}
	if len(v)%32 != 0 {
		return nil, fmt.Errorf("read heads: %w", ErrDamaged)
	}
	heads := make([]crdt.OpID, len(v)/32)
	for i := range heads {
		heads[i] = crdt.OpID(v[32*i:])
	}
	return heads, nil
}

// Held calls fn with the ops that are early, by their clock readings.
func (t *Txn) Held(fn func(hlc crdt.HLC, value []byte) error) error {
	return t.scan([]byte{spaceHeld}, []byte{spaceHeld}, func(k, v []byte) error {
		if len(k) != 25 {
			return fmt.Errorf("read held op: %w", ErrDamaged)
		}
		return fn(crdt.HLC(binary.BigEndian.Uint64(k[1:])), v)
	})
}

// Forks calls fn with every fork proof.
func (t *Txn) Forks(fn func(n LogNum, seq uint64, proof []byte) error) error {
	return t.scan([]byte{spaceFork}, []byte{spaceFork}, func(k, v []byte) error {
		if len(k) != 13 {
			return fmt.Errorf("read fork proof: %w", ErrDamaged)
		}
		return fn(LogNum(binary.BigEndian.Uint32(k[1:])), binary.BigEndian.Uint64(k[5:]), v)
	})
}

// Erasures calls fn with every note that an op asks for the payload of another to be dropped.
func (t *Txn) Erasures(fn func(target, by crdt.OpID) error) error {
	return t.scan([]byte{spaceErase}, []byte{spaceErase}, func(k, _ []byte) error {
		if len(k) != 65 {
			return fmt.Errorf("read erasure: %w", ErrDamaged)
		}
		return fn(crdt.OpID(k[1:]), crdt.OpID(k[33:]))
	})
}

// Proof is what PutProof kept for the op at a place, or ErrAbsent.
func (t *Txn) Proof(p Place) ([]crdt.Op, error) {
	v, err := t.get(p.append([]byte{spaceProof}))
	if err != nil {
		return nil, err
	}
	seg, err := crdt.ParseSegment(v)
	if err != nil {
		return nil, fmt.Errorf("read proof: %w: %w", ErrDamaged, err)
	}
	return seg.Tail, nil
}
