// Package replica is one copy of a workspace's ops, the same on a desk and on a relay: it verifies, admits, holds what is
// early, commits and serves, and cannot read what it keeps.
//
// An op comes in as bytes and changes its type at every step, so that no step can be left out:
//
//	bytes -> crdt.Op or crdt.Segment -> crdt.Verified -> access.Admitted -> durable in store -> Feed, Segment
//
// What cannot take the next step yet waits: for a key, a right or a signature in memory, bounded and for a short time
// (protocol 4, proviso 6), for its own time to come on disk (protocol 3.4). What can never take it is refused, with the
// one at fault named: the author, where his signature is good, else the sender.
//
// One mutex is the writer of protocol 3.1: it guards the access state, the holdings and the tips of this device's logs,
// and is never held during an fsync. Readers answer from what is durable (Feed, Op, the catch-up side) or from an
// immutable access view, and wait for nobody.
//
// The interface that catch-up asks is declared in p2p/catchup/replica.go; Catchup, in serve.go, serves it.
package replica
