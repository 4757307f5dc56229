// Package access answers who may do what as of which op: a fold over access ops (protocol 5).
//
// The resolved state is a pure function of the set of ops admitted, whatever order they came in. Authority flows
// strictly downward in rank: to grant a role, or to remove who holds it, takes a higher rank. So nothing is ever
// ordered by a clock, a tie-break or an arbiter, and every question about an op leads only to ops of higher rank.
//
// An op passes two judgements. Admissible: its author had the right in the causal past that the op names; this never
// changes, and what is not admissible is never stored. Effective: no removal that the op had not seen, of higher rank,
// took that right away; this is recomputed as ops arrive, and touches power only.
//
// SPEC.md holds the encodings and the rules. In short: bodies*.go are the payloads, certify.go and link.go what is signed
// and handed over; state.go takes ops in, static*.go judges whether an op is admissible, judge*.go what is effective,
// settle.go what one more op changes, view*.go is what readers see. vector.go is why a question about the past is cheap.
//
// What follows from the rules and may surprise: who is removed from the workspace and granted a role again is back in
// the private channels that nobody removed him from. A leave binds one's own grants before it alone. Of two owners who
// leave at once both are gone, and the workspace key from the recovery kit makes another. A Demote of somebody without a
// role is a Grant. A type without a meaning in this version is kept, passed on and without effect.
//
// The package is pure: no clock, network, disk or goroutine.
package access
