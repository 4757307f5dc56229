package crdt

import "time"

// HLC is a hybrid logical clock reading: 48 bits of Unix milliseconds, then a 16-bit counter (Kulkarni et al. 2014).
// It orders the display and is never asked whether an op is valid, but for not going back inside one log (protocol 3.4).
type HLC uint64

// HLCAt is the reading at t with counter zero. Times before 1970 or past the 48 bits are clamped.
func HLCAt(t time.Time) HLC {
	ms := t.UnixMilli()
	if ms < 0 {
		ms = 0
	}
	if ms >= 1<<48 {
		ms = 1<<48 - 1
	}
	return HLC(ms) << 16
}

// Time is the wall time that the reading claims.
func (h HLC) Time() time.Time { return time.UnixMilli(int64(h >> 16)).UTC() }

// Next is the reading for an op written at now that must not be below any of the readings seen: the log's own last one
// and those of the ops it answers.
func (h HLC) Next(now time.Time, seen ...HLC) HLC {
	last := h
	for _, s := range seen {
		last = max(last, s)
	}
	next := HLCAt(now)
	if next > last {
		return next
	}
	if last == ^HLC(0) {
		return last
	}
	return last + 1
}
