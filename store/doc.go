// Package store keeps a workspace's ops durably, in Badger v4, encrypted at rest, and knows nothing of what they say.
//
// One goroutine writes. It gathers whatever is queued into one transaction and one fsync, so that many writers share the
// price of being durable; whoever asked is answered after the fsync and never before (protocol 7.7). Readers use
// snapshots and wait for nobody.
//
// Every value is kept in the LSM tree, also the largest payload: there is then one place on disk from which an erased
// payload has to go, and Compact makes it go.
package store
