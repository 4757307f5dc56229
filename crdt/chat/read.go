package chat

import (
	"bytes"
	"maps"
	"slices"

	"hallway/crdt"
)

// ReadState is what a person has read of a scope (protocol 3.4): of each log the ops below a seq. It never follows a
// clock, so that nobody can slip a backdated message under the line. The zero value has read nothing.
type ReadState struct {
	Generation uint64                // marking something unread again starts a new one
	Below      map[crdt.LogID]uint64 // ops of the log with a lower seq are read
}

// Has reports whether the op is read.
func (r ReadState) Has(log crdt.LogID, seq uint64) bool { return seq < r.Below[log] }

// Merge joins two states of one person's devices: the higher generation wins, equal ones join by maximum. It is
// commutative, associative and idempotent, and shares no memory with its arguments.
func (r ReadState) Merge(o ReadState) ReadState {
	if r.Generation != o.Generation {
		if r.Generation < o.Generation {
			r = o
		}
		return ReadState{Generation: r.Generation, Below: maps.Clone(r.Below)}
	}
	out := ReadState{Generation: r.Generation, Below: make(map[crdt.LogID]uint64, len(r.Below))}
	for _, m := range []map[crdt.LogID]uint64{r.Below, o.Below} {
		for log, n := range m {
			out.Below[log] = max(out.Below[log], n)
		}
	}
	return out
}

// Limits of a ReadState.
const (
	MaxReadLogs   = 1 << 20 // logs, far more than a scope has
	MaxGeneration = 1 << 48
	maxBelow      = 1<<48 + 1 // one more than the highest seq
)

// Append appends the state's encoding: generation, then logs in order, each with its seq. It appends nothing where the
// state is over its limits, which no ops lead to.
func (r ReadState) Append(b []byte) []byte {
	out, err := encode("read state", b, r.walk)
	if err != nil {
		return b
	}
	return out
}

// ParseReadState reads what Append wrote, all of b.
func ParseReadState(b []byte) (ReadState, error) {
	var r ReadState
	if err := decode("read state", b, r.parse); err != nil {
		return ReadState{}, err
	}
	return r, nil
}

type readLog struct {
	log   crdt.LogID
	below uint64
}

func (r ReadState) walk(c *codec) {
	c.number(&r.Generation, MaxGeneration)
	logs := make([]readLog, 0, len(r.Below))
	for log, n := range r.Below {
		if n > 0 {
			logs = append(logs, readLog{log, n})
		}
	}
	slices.SortFunc(logs, func(a, b readLog) int { return bytes.Compare(a.log[:], b.log[:]) })
	walkReadLogs(c, &logs)
}

func (r *ReadState) parse(c *codec) {
	c.number(&r.Generation, MaxGeneration)
	var logs []readLog
	walkReadLogs(c, &logs)
	r.Below = make(map[crdt.LogID]uint64, len(logs))
	for _, l := range logs {
		r.Below[l.log] = l.below
	}
}

func walkReadLogs(c *codec, logs *[]readLog) {
	var last *readLog
	list(c, logs, MaxReadLogs, len(crdt.LogID{})+1, func(c *codec, l *readLog) {
		c.fixed(l.log[:])
		c.number(&l.below, maxBelow)
		c.require(l.below > 0 && (last == nil || bytes.Compare(last.log[:], l.log[:]) < 0))
		last = l
	})
}
