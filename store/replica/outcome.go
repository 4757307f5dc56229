package replica

import "hallway/crdt"

// Way is how ops came here.
type Way uint8

// The ways.
const (
	ByGossip  Way = 1 // live: forwarded by anybody, or sent straight by its author
	ByCatchup Way = 2
	ByBundle  Way = 3 // from a file: a bundle, a backup
	ByJoin    Way = 4 // with the answer to a join request
)

// Source says where ops came from. Peer bounds what may wait on its account; it is any stable name of the sender.
type Source struct {
	Way  Way
	Peer string
}

// Fault says who is to blame for what is refused (protocol 4, proviso 4).
type Fault uint8

// The faults.
const (
	SenderFault Fault = 1 // he could have checked what he sent
	AuthorFault Fault = 2 // the signature is good: who wrote it had no right to
)

// Refusal is an op, or a run that begins with it, that was dropped for good.
type Refusal struct {
	Log   crdt.LogID
	Seq   uint64
	Fault Fault
	Err   error // wraps crdt.ErrNotAuthentic, crdt.ErrMalformed, access.ErrInadmissible, ErrForked or ErrNotOurs
}

// Gap is a stretch of a log that is missing below an op that is here.
type Gap struct {
	Scope    crdt.ScopeID
	Log      crdt.LogID
	From, To uint64 // both ends included
}

// Loose is a run that does not lie on what is held: its writer forked the log below it (protocol 3.5).
type Loose struct {
	Log  crdt.LogID
	Seq  uint64
	Prev crdt.OpID // what the op at Seq follows, and is not here
}

// Outcome is what became of a batch.
type Outcome struct {
	New        int // stored, durably
	Known      int // were here already
	Waiting    int // wait for something, bounded; the sender will be asked again for what is given up
	Refused    []Refusal
	Loose      []Loose
	Missing    []crdt.OpID // access ops that something waits for
	Signatures int         // signatures that were checked
}

// Fault reports the first refusal that is the sender's fault, or nil.
func (o *Outcome) Fault() error {
	for i := range o.Refused {
		if o.Refused[i].Fault == SenderFault {
			return o.Refused[i].Err
		}
	}
	return nil
}

// Verdict is what a live op deserves (protocol 9.3).
type Verdict uint8

// The verdicts.
const (
	Accept Verdict = 1 // good: forward it
	Ignore Verdict = 2 // not for forwarding: known, early, unknown author, over budget
	Reject Verdict = 3 // bad, and the sender could have seen it
)

// Heard is the answer to a live op. The op becomes durable a little later; Feed tells when.
type Heard struct {
	Verdict Verdict
	Scope   crdt.ScopeID // zero where it was not recognised
	Known   bool         // it was here already
	Gap     *Gap         // ask the peer who forwarded it for this (protocol 7.8)
	Err     error        // why not Accept
}
