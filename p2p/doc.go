// Package p2p is a desk's place in the network: one libp2p host that finds the other desks of a workspace, lets in who
// may come in, and carries live ops, signals, catch-up and chunks. It sees ciphertext only and knows nothing of
// channels: what a frame means is the business of whoever handed in the callbacks.
//
// Node joins the four rooms below it: wire (encodings), discover (finding peers), gossip (live spreading) and catchup
// (the state machine that a sync stream runs).
package p2p
