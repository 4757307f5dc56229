// Package gossip spreads live frames over the topics of a workspace (protocol 7.1, 9.3 to 9.5).
package gossip

// Verdict is what becomes of a frame.
type Verdict uint8

// The verdicts, as pubsub has them.
const (
	Accept Verdict = iota // good: taken in, and passed on
	Ignore                // not for passing on, but nobody's fault: a duplicate, unknown author, future clock, over budget
	Reject                // provably bad by its sender: malformed, or a signature that does not hold
)
