package catchup

import (
	"errors"
	"fmt"
	"time"

	"hallway/crdt"
	"hallway/p2p/wire"
)

// Errors that end a session. Each is wrapped with what happened.
var (
	ErrProtocol = errors.New("sync protocol violated")     // the peer sent what no honest peer sends
	ErrVersion  = errors.New("unknown sync version")       // the peer speaks another version
	ErrBadBatch = errors.New("batch that does not verify") // the peer could have checked what it served
	ErrReplica  = errors.New("local store failed in sync") // ours; the peer is not at fault
	ErrStalled  = errors.New("sync peer stalled")          // asked for something, heard nothing for StallAfter
	ErrClosed   = errors.New("sync session is closed")     // a method was called after the end
)

// Limits of one session, apart from those of the wire.
const (
	MaxScopes     = 4096             // scopes that one side announces in a session
	MaxListed     = 1 << 16          // logs that a peer may list as differing in one scope
	StallAfter    = 60 * time.Second // without a word from a peer that owes an answer
	RecentOps     = 200              // newest ops of a channel that come before its older history (protocol 7.6)
	maxJobs       = 128              // answers owed to the peer; an honest one asks for fewer at a time
	maxWants      = 4096             // ranges that the peer may have asked for at a time
	maxAsking     = 16               // scopes whose differences are asked for at a time
	maxFlyingOps  = 2048             // ops of content asked for at a time, so that a change of channel counts soon
	maxFlying     = 256              // ranges of content asked for at a time
	rangeOps      = 512              // ops of content in one range
	rangesPerWant = 64
)

// Options are what a session needs. All fields are required but Wake.
type Options struct {
	Replica Replica
	// Shared is the one value that all sessions of this node share.
	Shared *Coordinator
	// Self and Peer are the two ends of the connection as the transport proved them.
	Self, Peer PeerID
	// Nonce is fresh random for this session; Process was drawn once when this process started.
	Nonce   [16]byte
	Process [8]byte
	// Wake is called, from any goroutine, when another session freed what this one waits for: call Poll soon. It must
	// not block, nor call the session.
	Wake func()
}

// Session is one end of catch-up with one peer, for the life of a connection. Both ends run the same code: each serves
// and fetches. One goroutine owns it. The runner
//
//   - writes what Next answers, and asks again whenever the stream can take more (nothing is built before that, so a slow
//     reader costs no memory);
//   - hands every frame that it reads to Receive;
//   - takes Work, ingests it, and reports with Committed, in the same order (several may be under way);
//   - reads Events after each call;
//   - calls Refresh when rights changed, Stored when ops became durable, Kick on timers, Poll on Wake and now and then.
//
// After each of these calls Next may have something to say. After an error the session is dead and the connection should
// be dropped; Close it.
type Session struct {
	o      Options
	err    error
	peer   *wire.SyncHello // nil until it came
	greet  bool            // our Hello is out
	heard  time.Time       // when the last answer came
	events []Event

	scopesState
	fetchState
	serveState
	walks map[crdt.ScopeID]*walk
}

// NewSession is a session that has sent nothing yet; Next answers its Hello.
func NewSession(o Options) *Session {
	s := &Session{o: o, walks: map[crdt.ScopeID]*walk{}}
	s.scopesState = newScopesState()
	s.fetchState = newFetchState()
	return s
}

// Receive takes one frame: kind byte and body, without the length that the stream put before it. Frames longer than
// wire.MaxSyncFrame must be refused before they are read. The session keeps no part of the frame.
func (s *Session) Receive(now time.Time, frame []byte) error {
	if s.err != nil {
		return s.err
	}
	m, err := wire.ParseSync(frame)
	if err != nil {
		return s.fail(fmt.Errorf("%w: %w", ErrProtocol, err))
	}
	if h, ok := m.(wire.SyncHello); ok {
		err = s.hello(h)
	} else if s.peer == nil {
		err = violation("message before hello")
	} else {
		err = s.handle(m, len(frame))
	}
	if err != nil {
		return s.fail(err)
	}
	switch m.(type) {
	case wire.SyncDelta, wire.SyncWalk, wire.SyncSpans, wire.SyncBatchMsg, wire.SyncBranches:
		s.heard = now // an answer; small talk does not keep a claim alive
	}
	return nil
}

func (s *Session) handle(m wire.SyncMessage, size int) error {
	switch m := m.(type) {
	case wire.SyncMatch:
		return s.match(m)
	case wire.SyncMarks:
		return s.marks(m)
	case wire.SyncRoots:
		return s.roots(m)
	case wire.SyncOpen:
		return s.open(m)
	case wire.SyncDelta:
		return s.delta(m)
	case wire.SyncWalk:
		return s.step(m)
	case wire.SyncRecent:
		return s.recent(m)
	case wire.SyncSpans:
		return s.spans(m)
	case wire.SyncWant:
		return s.wanted(m)
	case wire.SyncBatchMsg:
		return s.batch(m, size)
	case wire.SyncCredit:
		return s.credited(m)
	case wire.SyncAck:
		return s.acked(m)
	case wire.SyncFork:
		return s.forkAsked(m)
	case wire.SyncBranches:
		return s.branches(m)
	case wire.SyncClosed:
		return s.closed(m)
	case wire.SyncTwin:
		s.emit(Event{Kind: EventTwin})
	}
	return nil
}

// Next is the next frame to write, and false where there is nothing to say for now.
func (s *Session) Next() ([]byte, bool) {
	if s.err != nil {
		return nil, false
	}
	m := s.nextMessage()
	if m == nil || s.err != nil {
		return nil, false
	}
	frame := wire.AppendSync(nil, m)
	if _, ok := m.(wire.SyncBatchMsg); ok {
		s.peerCredit -= len(frame)
	}
	return frame, true
}

// nextMessage looks for something to say in order of urgency. Everything but answers is derived from what stands, so
// that nothing queues up behind a slow stream.
func (s *Session) nextMessage() wire.SyncMessage {
	if !s.greet {
		s.greet = true
		return s.sayHello()
	}
	if s.peer == nil {
		return nil
	}
	if s.o.Shared.takeTwin(s) {
		return wire.SyncTwin{}
	}
	for _, say := range []func() wire.SyncMessage{
		s.sayMatch, s.sayClosed, s.sayMarks, s.sayRoots, s.sayWalk, s.sayProof, s.ask, s.grant, s.answer, s.sayAck, s.serve,
	} {
		if m := say(); m != nil {
			return m
		}
	}
	return nil
}

func (s *Session) sayHello() wire.SyncMessage {
	heads := s.o.Replica.AccessHeads()
	digest := crdt.HeadsDigest(heads)
	h := wire.SyncHello{
		Version: wire.SyncVersion, Instance: s.o.Replica.Instance(), Nonce: s.o.Nonce, Process: s.o.Process,
		AccessHeads: uint64(len(heads)),
	}
	copy(h.AccessDigest[:], digest[:])
	h.Shared, h.Private = s.bothRoots()
	return h
}

func (s *Session) hello(h wire.SyncHello) error {
	switch {
	case h.Version != wire.SyncVersion:
		return fmt.Errorf("version %d: %w", h.Version, ErrVersion)
	case s.peer != nil:
		return violation("second hello")
	}
	s.peer = &h
	s.o.Shared.live(s, h.Process)
	s.emit(Event{Kind: EventHello, Instance: h.Instance})
	s.expectTags()
	s.compare(h.Shared, h.Private)
	return nil
}

// Events answers and forgets what happened since the last call.
func (s *Session) Events() []Event {
	e := s.events
	s.events = nil
	return e
}

func (s *Session) emit(e Event) { s.events = append(s.events, e) }

// Poll looks again for something to fetch; call it after Wake, and every few seconds so that a peer that stalls is noticed
// (ErrStalled). Next then answers what there is to say.
func (s *Session) Poll(now time.Time) error {
	if s.err != nil {
		return s.err
	}
	owed := s.flyingWants > 0 || s.asking() > 0
	if !owed || s.uncommitted() > 0 || s.heard.IsZero() {
		s.heard = now
	}
	if now.Sub(s.heard) > StallAfter {
		return s.fail(ErrStalled)
	}
	return nil
}

// Idle reports that nothing is being fetched, asked or answered.
func (s *Session) Idle() bool {
	return s.peer != nil && len(s.fetches) == 0 && len(s.jobs) == 0 && s.wantCount() == 0 && len(s.walks) == 0 && s.uncommitted() == 0
}

// Err is why the session ended; nil while it lives.
func (s *Session) Err() error { return s.err }

// Close gives back what the session held in Shared. The session must not be used after.
func (s *Session) Close() {
	if s.err == nil {
		s.err = ErrClosed
	}
	s.o.Shared.drop(s)
}

func (s *Session) fail(err error) error {
	s.err = fmt.Errorf("catch up: %w", err)
	s.o.Shared.drop(s)
	return s.err
}

func violation(what string) error { return fmt.Errorf("%s: %w", what, ErrProtocol) }
