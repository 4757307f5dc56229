package replica

import (
	"hallway/crdt"
	"hallway/store"
)

// cover sees to it that an op that stays here can be shown to be authentic where the one after it in a verified run, at
// place next, does not come to be stored behind it: because it is early, waits for rights, or was refused. The headers up
// to the next signature are kept as the proof of the last op before: nobody could verify it from this copy otherwise.
func (t *turn) cover(l *logState, ops []crdt.Verified, next int, tail []crdt.Op) {
	if next == 0 {
		return // what is below was covered when it came
	}
	last := ops[next-1]
	if last.Op().Sig != nil {
		return
	}
	id := last.ID()
	b := l.below(last.Op().Seq+1, id)
	if b == nil || l.above(last.Op().Seq, id) != nil {
		return
	}
	proof, err := t.proofAfter(l, ops, next, tail)
	if err != nil {
		t.fault = err
		return
	}
	for i := range proof[:len(proof)-1] {
		proof[i].Sig = nil // only the last one was checked
	}
	if !t.batch.Fits(len(t.touched)+2, 16<<10+len(t.touched)*stateCost) {
		t.cut()
	}
	if err := t.batch.PutProof(store.Place{Log: l.num, Seq: last.Op().Seq, Branch: b.branch}, last.Op(), proof); err != nil {
		t.fault = err
	}
}

// proofAfter collects bare headers from the place next on, to the first that carries a signature: of the run, of what
// came as its tail, or else of what is held after it, since something covered the run.
func (t *turn) proofAfter(l *logState, ops []crdt.Verified, next int, tail []crdt.Op) (proof []crdt.Op, err error) {
	for _, v := range ops[next:] {
		proof = append(proof, *bareHeader(v.Op()))
		if v.Op().Sig != nil {
			return proof, nil
		}
	}
	if len(tail) > 0 {
		for i := range tail {
			proof = append(proof, *bareHeader(&tail[i]))
		}
		return proof, nil
	}
	end := ops[len(ops)-1]
	up := l.above(end.Op().Seq, end.ID())
	if up == nil {
		return nil, store.ErrDamaged
	}
	more, err := t.headersFrom(l, up)
	return append(proof, more...), err
}

// headersFrom reads the bare headers of a run that is here, from its beginning to the first signature.
func (t *turn) headersFrom(l *logState, up *run) (headers []crdt.Op, err error) {
	lo, branch := up.lo, up.branch
	view := l.snapshot(t.r.idAt)
	t.cut() // it may be of this very turn
	if err := t.drain(); err != nil {
		return nil, err
	}
	err = t.r.db.View(func(txn *store.Txn) error {
		first, err := txn.Op(store.Place{Log: l.num, Seq: lo, Branch: branch})
		if err != nil {
			return err
		}
		headers = append(headers, *bareHeader(&first.Op))
		if first.Op.Sig != nil {
			return nil
		}
		c := cutter{t: txn, v: view}
		c.cut.To, c.cut.Branch = lo, first.Op.Header.ID()
		if !c.choose() {
			return store.ErrDamaged
		}
		more, err := c.tail(lo + 1)
		headers = append(headers, more...)
		return err
	})
	return headers, err
}

// bareHeader is an op without its payload and its heads.
func bareHeader(op *crdt.Op) *crdt.Op {
	bare := stub(op)
	bare.Heads = nil
	return bare
}
