package catchup

// Coordinator keeps the sessions of one node from fetching the same log twice: at most two sources a scope, with
// disjoint sets of logs (protocol 7.7). It may be used from any goroutine.
type Coordinator struct{}

// NewCoordinator is one without sessions.
func NewCoordinator() *Coordinator { return &Coordinator{} }

type doneWant struct {
	id   uint64
	last bool
}
