package catchup

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"hallway/crdt"
	"hallway/p2p/wire"
)

// scopesState is who announced which scope. Each side numbers what it announces; a number always means the
// announcement of the side that serves.
type scopesState struct {
	mine    []*offer
	byScope map[crdt.ScopeID]*offer // those of mine that are not closed
	closing []*offer                // of which the peer has not been told yet

	theirs    []*offer
	theirBy   map[crdt.ScopeID]*offer
	expect    map[wire.SyncTag]crdt.ScopeID // what the peer would call the scopes that we hold
	unmatched map[wire.SyncTag]*offer

	shared, private bool // every scope of this root is announced
	sayRoot         int  // 1: ask, 2: reply
	audit           bool
}

// offer is a scope that one side announced.
type offer struct {
	ref    uint64
	scope  crdt.ScopeID // of theirs: zero until matched
	known  bool         // of theirs: matched
	told   bool         // of mine: announced by now
	root   Hash         // as last told
	lsn    uint64       // of theirs
	stale  bool         // of mine: the root may have to be told again
	proved bool         // the one who asks has shown that he holds the scope's id
	closed bool
}

func newScopesState() scopesState {
	return scopesState{
		byScope: map[crdt.ScopeID]*offer{}, theirBy: map[crdt.ScopeID]*offer{},
		expect: map[wire.SyncTag]crdt.ScopeID{}, unmatched: map[wire.SyncTag]*offer{},
	}
}

// scopeTag is how one side names a scope to the other without showing its id (protocol 3.1). It differs with the
// direction, or else a peer could answer with what it was shown.
func scopeTag(label string, scope crdt.ScopeID, from, to PeerID, fromNonce, toNonce [16]byte) (t wire.SyncTag) {
	mac := hmac.New(sha256.New, scope[:])
	b := []byte(label)
	for _, p := range []PeerID{from, to} {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	b = append(b, fromNonce[:]...)
	b = append(b, toNonce[:]...)
	mac.Write(b)
	copy(t[:], mac.Sum(nil))
	return t
}

const (
	labelMatch = "hallway/sync/match/v1"
	labelProof = "hallway/sync/proof/v1"
)

func (s *Session) myTag(label string, scope crdt.ScopeID) wire.SyncTag {
	return scopeTag(label, scope, s.o.Self, s.o.Peer, s.o.Nonce, s.peer.Nonce)
}

func (s *Session) theirTag(label string, scope crdt.ScopeID) wire.SyncTag {
	return scopeTag(label, scope, s.o.Peer, s.o.Self, s.peer.Nonce, s.o.Nonce)
}

// bothRoots are the roots over the shared scopes, and over the private ones that the peer may read.
func (s *Session) bothRoots() (shared, private Hash) {
	var parts [2][][]byte
	for _, sc := range s.o.Replica.Scopes() {
		root := s.o.Replica.Trie(sc.ID).Root()
		if root == (Hash{}) || !s.o.Replica.MayRead(s.o.Peer, sc.ID) {
			continue
		}
		i := 0
		if sc.Kind == KindPrivate {
			i = 1
		}
		parts[i] = append(parts[i], append(sc.ID[:], root[:]...))
	}
	var roots [2]Hash
	for i, p := range parts {
		slices.SortFunc(p, slices.Compare)
		sum := crdt.Hash("hallway/sync/root/v1", p...)
		copy(roots[i][:], sum[:])
	}
	return roots[0], roots[1]
}

// compare looks at the peer's two roots and announces what stands behind those that differ.
func (s *Session) compare(shared, private Hash) (equal bool) {
	ours, oursPrivate := s.bothRoots()
	if ours != shared {
		s.shared = true
	}
	if oursPrivate != private {
		s.private = true
	}
	s.announce()
	equal = ours == shared && oursPrivate == private
	for _, sc := range s.o.Replica.Scopes() {
		same := ours == shared
		if sc.Kind == KindPrivate {
			same = oursPrivate == private
		}
		if same && s.o.Replica.MayRead(s.o.Peer, sc.ID) {
			s.emit(Event{Kind: EventEqual, Scope: sc.ID})
		}
	}
	return equal
}

// announce puts up what the peer may read and has not been told of.
func (s *Session) announce() {
	for _, sc := range s.o.Replica.Scopes() {
		if sc.Kind == KindPrivate && s.private || sc.Kind != KindPrivate && s.shared {
			s.offer(sc.ID)
		}
	}
}

// offer announces one scope, if the peer may read it.
func (s *Session) offer(scope crdt.ScopeID) *offer {
	if o := s.byScope[scope]; o != nil {
		return o
	}
	if len(s.mine) >= MaxScopes || !s.o.Replica.MayRead(s.o.Peer, scope) {
		return nil
	}
	o := &offer{ref: uint64(len(s.mine)), scope: scope, known: true}
	s.mine = append(s.mine, o)
	s.byScope[scope] = o
	return o
}

// expectTags works out what the peer would call each scope that we hold, and matches what it announced before.
func (s *Session) expectTags() {
	clear(s.expect)
	for _, sc := range s.o.Replica.Scopes() {
		t := s.theirTag(labelMatch, sc.ID)
		s.expect[t] = sc.ID
		if o := s.unmatched[t]; o != nil {
			delete(s.unmatched, t)
			s.matched(o, sc.ID)
		}
	}
}

func (s *Session) sayMatch() wire.SyncMessage {
	var m wire.SyncMatch
	for _, o := range s.mine {
		if o.told || len(m.Items) == wire.MaxSyncMarks {
			continue
		}
		lsn := s.o.Replica.LSN()
		if o.told = true; !o.closed { // a closed one keeps its number, and Closed follows
			o.root = s.o.Replica.Trie(o.scope).Root()
		}
		m.Items = append(m.Items, wire.SyncMark{Tag: s.myTag(labelMatch, o.scope), Root: o.root, LSN: lsn})
	}
	if len(m.Items) == 0 {
		return nil
	}
	return m
}

func (s *Session) sayMarks() wire.SyncMessage {
	var m wire.SyncMarks
	for _, o := range s.mine {
		if !o.stale || o.closed || len(m.Items) == wire.MaxSyncMarks {
			continue
		}
		o.stale = false
		lsn := s.o.Replica.LSN()
		if root := s.o.Replica.Trie(o.scope).Root(); root != o.root {
			o.root = root
			m.Items = append(m.Items, wire.SyncMark{Ref: o.ref, Root: root, LSN: lsn})
		}
	}
	if len(m.Items) == 0 {
		return nil
	}
	return m
}

func (s *Session) sayRoots() wire.SyncMessage {
	if s.sayRoot == 0 {
		return nil
	}
	m := wire.SyncRoots{Reply: s.sayRoot == 2}
	s.sayRoot = 0
	m.Shared, m.Private = s.bothRoots()
	return m
}

func (s *Session) sayClosed() wire.SyncMessage {
	if len(s.closing) == 0 {
		return nil
	}
	o := s.closing[0]
	s.closing = s.closing[1:]
	return wire.SyncClosed{Ref: o.ref}
}

// match takes announcements.
func (s *Session) match(m wire.SyncMatch) error {
	for _, it := range m.Items {
		if len(s.theirs) >= MaxScopes {
			return violation("too many scopes")
		}
		o := &offer{ref: uint64(len(s.theirs)), root: it.Root, lsn: it.LSN}
		s.theirs = append(s.theirs, o)
		scope, ok := s.expect[it.Tag]
		if !ok {
			s.unmatched[it.Tag] = o
			continue
		}
		s.matched(o, scope)
	}
	return nil
}

// matched connects an announcement with the scope that it means, and answers with our own.
func (s *Session) matched(o *offer, scope crdt.ScopeID) {
	if old := s.theirBy[scope]; old != nil && !old.closed {
		o.closed = true // announced twice: the first one counts
		return
	}
	o.scope, o.known = scope, true
	s.theirBy[scope] = o
	s.offer(scope)
	s.check(o)
}

func (s *Session) marks(m wire.SyncMarks) error {
	for _, it := range m.Items {
		if it.Ref >= uint64(len(s.theirs)) {
			return violation("mark of a scope that was not announced")
		}
		o := s.theirs[it.Ref]
		o.root, o.lsn = it.Root, it.LSN
		if o.known && !o.closed {
			s.check(o)
		}
	}
	return nil
}

// check compares the peer's root of a scope with ours: equal roots move the cursor, others start fetching.
func (s *Session) check(o *offer) {
	if s.o.Replica.Trie(o.scope).Root() != o.root {
		s.differs(o)
		return
	}
	delete(s.doubt, o.scope)
	s.emit(Event{Kind: EventEqual, Scope: o.scope})
	if o.lsn > s.o.Replica.Cursor(s.peer.Instance, o.scope) {
		s.o.Replica.SetCursor(s.peer.Instance, o.scope, o.lsn)
	}
}

func (s *Session) roots(m wire.SyncRoots) error {
	equal := s.compare(m.Shared, m.Private)
	if !m.Reply {
		s.sayRoot = 2
	}
	if equal {
		return nil
	}
	for _, o := range s.mine {
		o.stale = true
	}
	for _, o := range s.theirs {
		if o.known && !o.closed {
			s.check(o)
		}
	}
	s.audit = s.audit && !m.Reply
	return nil
}

// closed takes it that the peer serves a scope no more.
func (s *Session) closed(m wire.SyncClosed) error {
	if m.Ref >= uint64(len(s.theirs)) {
		return violation("closing of a scope that was not announced")
	}
	o := s.theirs[m.Ref]
	if o.closed {
		return nil
	}
	o.closed = true
	if o.known {
		delete(s.theirBy, o.scope)
		s.abandon(o.scope)
	}
	return nil
}

// Kick compares roots (about 70 bytes both ways when equal) and fetches what differs: on timers, network change, resume
// from sleep (protocol 7.9). With audit, cursors are not trusted and the tries are walked.
func (s *Session) Kick(now time.Time, audit bool) {
	if s.sayRoot == 0 {
		s.sayRoot = 1
	}
	s.audit = s.audit || audit
}

// Refresh looks again at which scopes are held and who may read them; call it when access ops were applied.
func (s *Session) Refresh(now time.Time) {
	if s.err != nil || s.peer == nil {
		return
	}
	held := map[crdt.ScopeID]bool{}
	for _, sc := range s.o.Replica.Scopes() {
		held[sc.ID] = true
	}
	for _, o := range s.mine {
		if !o.closed && (!held[o.scope] || !s.o.Replica.MayRead(s.o.Peer, o.scope)) {
			s.shut(o)
		}
	}
	for _, o := range s.theirs {
		if o.known && !o.closed && !held[o.scope] {
			s.abandon(o.scope)
		}
	}
	s.announce()
	s.expectTags()
}

// shut ends the serving of a scope.
func (s *Session) shut(o *offer) {
	if o.closed {
		return
	}
	o.closed = true
	delete(s.byScope, o.scope)
	delete(s.walks, o.scope)
	s.closing = append(s.closing, o)
	s.dropWants(o)
}

// served is the announcement of ours that a request names, if it may be answered now. A closed one is answered by Closed,
// which is on its way or was sent; nil then.
func (s *Session) served(ref uint64, proof bool) (*offer, error) {
	if ref >= uint64(len(s.mine)) || !s.mine[ref].told {
		return nil, violation("request in a scope that was not announced")
	}
	o := s.mine[ref]
	if o.closed {
		return nil, nil
	}
	if proof && !o.proved {
		return nil, violation("request without proof of the scope")
	}
	if !s.o.Replica.MayRead(s.o.Peer, o.scope) {
		s.shut(o)
		return nil, nil
	}
	return o, nil
}
