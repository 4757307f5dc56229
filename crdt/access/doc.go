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
// The package is pure: no clock, network, disk or goroutine.
package access
