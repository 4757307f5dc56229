package replica

import (
	"errors"
	"fmt"

	"hallway/crdt"
	"hallway/store"
)

// prove stores a proof that the log was forked at seq: the two branches with the lowest ids, each up to its first
// signature.
func (r *Replica) prove(l *logState, groups []group, seq uint64) error {
	var branches [2]crdt.Branch
	err := r.db.View(func(t *store.Txn) (err error) {
		for i := range branches {
			if branches[i], err = branchOf(t, l.num, groups[i].paths, seq); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	proof := crdt.NewForkProof(branches[0], branches[1])
	if err := proof.Verify(r.ws, l.key); err != nil {
		return err
	}
	b := &store.Batch{}
	b.PutFork(l.num, seq, proof.Append(nil))
	if err := r.commitNow(b); err != nil {
		return err
	}
	r.pub.prove(l.id)
	r.o.Log.Warn("a device forked its log", "log", l.id, "seq", seq)
	return nil
}

// branchOf reads the headers of a branch from seq up to a signature, on whichever of its paths has one first.
func branchOf(t *store.Txn, n store.LogNum, ps []path, seq uint64) (crdt.Branch, error) {
	for _, p := range ps {
		var b crdt.Branch
		for s := seq; s < seq+crdt.CheckEvery; s++ {
			branch, ok := p.at(s)
			if !ok {
				break
			}
			st, err := t.Op(store.Place{Log: n, Seq: s, Branch: branch})
			if err != nil {
				return crdt.Branch{}, err
			}
			b.Headers = append(b.Headers, st.Op.Header)
			if st.Op.Sig != nil {
				b.Sig = *st.Op.Sig
				return b, nil
			}
		}
	}
	return crdt.Branch{}, errors.New("no signature over the branch")
}

// Forks are the proofs of all forks known here, by log.
func (r *Replica) Forks() (proofs []crdt.ForkProof, err error) {
	err = r.db.View(func(t *store.Txn) error {
		return t.Forks(func(_ store.LogNum, _ uint64, b []byte) error {
			p, err := crdt.ParseForkProof(b)
			if err != nil {
				return fmt.Errorf("%w: %w", store.ErrDamaged, err)
			}
			proofs = append(proofs, p)
			return nil
		})
	})
	return proofs, err
}

// TakeFork takes a fork proof from anybody: it needs no trust. It reports whether it was new.
func (r *Replica) TakeFork(encoded []byte) (bool, error) {
	p, err := crdt.ParseForkProof(encoded)
	if err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.logs[p.Log()]
	if l == nil {
		return false, fmt.Errorf("fork proof: %w", ErrEarly)
	}
	if r.pub.proven(l.id) {
		return false, nil
	}
	if err := p.Verify(r.ws, l.key); err != nil {
		return false, err
	}
	if err := r.db.Room(); err != nil {
		return false, err
	}
	b := &store.Batch{}
	b.PutFork(l.num, p.Branches[0].Headers[0].Seq, encoded)
	if err := r.commitNow(b); err != nil {
		return false, err
	}
	r.pub.prove(l.id)
	return true, nil
}

// Forked reports whether a log is known to have been forked by its writer.
func (r *Replica) Forked(log crdt.LogID) bool { return r.pub.proven(log) }
