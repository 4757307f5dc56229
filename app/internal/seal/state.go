package seal

import (
	"errors"
	"fmt"

	"hallway/crdt"
)

// State says why a key is missing (protocol 6.6). app has the words for people.
type State uint8

// The states of a key.
const (
	Held         State = iota // nothing is missing
	AwaitingMint              // the mint is not here: fetch access and key logs
	AwaitingPart              // the mint is here, its part or a grant is not: fetch, or ask
	AwaitingPUK               // sealed to a generation of my own key that another device of mine has
	NotEntitled               // written before I came, or for others; not an error
	BadWrap                   // what came does not hold what the mint commits to: ask, complain
	Destroyed                 // forgotten for good, by retention
)

// String is a word for logs.
func (s State) String() string {
	names := [...]string{"held", "awaiting-mint", "awaiting-part", "awaiting-puk", "not-entitled", "bad-wrap", "destroyed"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// MissingKey is returned where an envelope cannot be opened or closed for want of its epoch's secret.
type MissingKey struct {
	Epoch crdt.EpochID
	State State
}

func (e *MissingKey) Error() string {
	return fmt.Sprintf("no key of epoch %s: %s", e.Epoch, e.State)
}

// What seal refuses. Each is wrapped with what was being done.
var (
	ErrNeedMint  = errors.New("no epoch may be sent under: mint one")
	ErrStale     = errors.New("somebody who may no longer read could open this epoch")
	ErrMoved     = errors.New("access moved on since the mint was made")
	ErrMalformed = errors.New("malformed envelope")
	ErrTooLarge  = errors.New("over a size limit")
	ErrForged    = errors.New("envelope does not open") // changed, or sealed for another place
	ErrWrap      = errors.New("wrapped key does not fit")
	ErrMixed     = errors.New("post-quantum and classic recipients cannot be mixed")
	ErrRefused   = errors.New("not entitled to this key")
	ErrUnasked   = errors.New("keys that were not asked for")
)
