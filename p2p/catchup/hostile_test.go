package catchup

import (
	"errors"
	"testing"

	"hallway/crdt"
	"hallway/p2p/wire"
)

// mallory is connected to Anna and has come so far that channels are announced both ways.
func mallory(t *testing.T) (l *link, s *Session, scopes []crdt.ScopeID) {
	w, a, m, scopes := channelPair("office")
	for i := range 30 {
		w.author(string(rune('a'+i))).say(a, scopes[1], 40)
	}
	w.author("m").say(m, scopes[1], 1)
	l = connect(t, a, m)
	for len(l.ends[0].s.theirBy) < 1 || l.ends[0].s.byScope[scopes[1]] == nil || !l.ends[0].s.byScope[scopes[1]].proved {
		if !l.send(1) && !l.send(0) && !l.deliver(0) && !l.deliver(1) {
			t.Fatal("they never got that far")
		}
	}
	return l, l.ends[0].s, scopes
}

// Everything that no honest peer sends ends the session with a named error, and nothing of it is stored.
func TestWhatNoHonestPeerSendsEndsTheSession(t *testing.T) {
	log := crdt.LogID{1}
	cases := map[string]func(s *Session, ref uint64) []wire.SyncMessage{
		"second hello": func(*Session, uint64) []wire.SyncMessage {
			return []wire.SyncMessage{wire.SyncHello{Version: wire.SyncVersion}}
		},
		"batch without credit": func(s *Session, ref uint64) []wire.SyncMessage {
			return []wire.SyncMessage{wire.SyncBatchMsg{Ref: 0, Items: []wire.SyncItem{{Want: 0, Last: true, Segment: make([]byte, 100<<10)}}},
				wire.SyncBatchMsg{Ref: 0, Items: []wire.SyncItem{{Want: 0, Last: true, Segment: make([]byte, 100<<10)}}},
				wire.SyncBatchMsg{Ref: 0, Items: []wire.SyncItem{{Want: 0, Last: true, Segment: make([]byte, 100<<10)}}}}
		},
		"batch nobody asked for": func(s *Session, _ uint64) []wire.SyncMessage {
			return []wire.SyncMessage{wire.SyncBatchMsg{Ref: 0, Items: []wire.SyncItem{{Want: 1 << 40, Last: true}}}}
		},
		"request in an unknown scope": func(*Session, uint64) []wire.SyncMessage {
			return []wire.SyncMessage{wire.SyncWant{Ref: 99, Ranges: []wire.SyncRange{{Log: log}}}}
		},
		"mark of an unknown scope": func(*Session, uint64) []wire.SyncMessage {
			return []wire.SyncMessage{wire.SyncMarks{Items: []wire.SyncMark{{Ref: 99}}}}
		},
		"ack in an unknown scope": func(*Session, uint64) []wire.SyncMessage {
			return []wire.SyncMessage{wire.SyncAck{Ref: 99}}
		},
		"too many ranges": func(_ *Session, ref uint64) (ms []wire.SyncMessage) {
			for range maxWants/wire.MaxSyncRanges + 1 {
				ms = append(ms, wire.SyncWant{Ref: ref, Ranges: make([]wire.SyncRange, wire.MaxSyncRanges)})
			}
			return ms
		},
		"too many questions": func(_ *Session, ref uint64) (ms []wire.SyncMessage) {
			for range maxJobs + 1 {
				ms = append(ms, wire.SyncFork{Ref: ref, Log: log})
			}
			return ms
		},
		"credit beyond the window": func(*Session, uint64) []wire.SyncMessage {
			return []wire.SyncMessage{wire.SyncCredit{Bytes: wire.SyncWindow}, wire.SyncCredit{Bytes: wire.SyncWindow}}
		},
		"credit that overflows": func(*Session, uint64) []wire.SyncMessage {
			return []wire.SyncMessage{wire.SyncCredit{Bytes: 1<<63 + 5}}
		},
		"walk nobody asked for": func(_ *Session, _ uint64) []wire.SyncMessage {
			return []wire.SyncMessage{wire.SyncWalk{Own: true, Ref: 99}}
		},
		"walk off the path": func(_ *Session, ref uint64) []wire.SyncMessage {
			return []wire.SyncMessage{wire.SyncWalk{Ref: ref, Nodes: []wire.SyncNode{{Path: []byte{1, 2, 3, 4, 5, 6}, Kind: wire.SyncInner}}}}
		},
		"walk that answers too much": func(_ *Session, ref uint64) []wire.SyncMessage {
			return []wire.SyncMessage{wire.SyncWalk{Ref: ref, Answered: 100}}
		},
		"one child answered twice": func(_ *Session, ref uint64) []wire.SyncMessage {
			n := wire.SyncNode{Path: []byte{1}, Kind: wire.SyncInner}
			return []wire.SyncMessage{wire.SyncWalk{Ref: ref, Nodes: []wire.SyncNode{n, n}}}
		},
		"list nobody asked for": func(*Session, uint64) []wire.SyncMessage {
			return []wire.SyncMessage{wire.SyncDelta{Ref: 0, Last: true}, wire.SyncDelta{Ref: 0, Last: true}}
		},
		"too many scopes": func(*Session, uint64) (ms []wire.SyncMessage) {
			for range MaxScopes/wire.MaxSyncMarks + 1 {
				ms = append(ms, wire.SyncMatch{Items: make([]wire.SyncMark, wire.MaxSyncMarks)})
			}
			return ms
		},
	}
	for name, say := range cases {
		t.Run(name, func(t *testing.T) {
			l, s, scopes := mallory(t)
			s.startWalk(s.byScope[scopes[1]])
			for _, m := range say(s, s.byScope[scopes[1]].ref) {
				if err := s.Receive(l.now, wire.AppendSync(nil, m)); err != nil {
					if !errors.Is(err, ErrProtocol) {
						t.Errorf("%v", err)
					}
					if _, ok := s.Next(); ok {
						t.Error("a dead session speaks")
					}
					return
				}
			}
			t.Error("was taken")
		})
	}
}

func TestOtherVersionsAndGarbageAreRefused(t *testing.T) {
	w, a, b, _ := channelPair()
	for name, c := range map[string]struct {
		frame []byte
		want  error
	}{
		"version 2":            {wire.AppendSync(nil, wire.SyncHello{Version: 2}), ErrVersion},
		"garbage":              {[]byte{1, 1, 2, 3}, ErrProtocol},
		"nothing":              {nil, ErrProtocol},
		"message before hello": {wire.AppendSync(nil, wire.SyncCredit{Bytes: 1}), ErrProtocol},
	} {
		l := connect(t, a, b)
		if err := l.ends[0].s.Receive(w.clock, c.frame); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := connect(t, a, b)
	l.run()
	if err := l.ends[0].s.Receive(w.clock, []byte{250, 1, 2, 3}); err != nil {
		t.Errorf("a kind of a later version: %v", err)
	}
}

// A peer who serves what does not verify could have checked it: that is his fault and has its own name.
func TestABatchThatDoesNotVerifyIsThePeersFault(t *testing.T) {
	w, a, b, scopes := channelPair("office")
	anna := w.author("anna")
	anna.say(a, scopes[1], 3)
	s := a.log(scopes[1], anna.log(scopes[1], crdt.ClassContent)).main[2]
	s.op.Sig = &crdt.Signature{1}
	l := connect(t, a, b)
	for {
		if !l.send(0) && !l.send(1) && !l.deliver(0) && !l.deliver(1) {
			t.Fatal("no batch")
		}
		if work, ok := l.ends[1].s.Work(); ok {
			out, err := b.Ingest(t.Context(), "anna", work.Scope, work.Segments)
			if err := l.ends[1].s.Committed(l.now, work, out, err); !errors.Is(err, ErrBadBatch) {
				t.Errorf("%v", err)
			}
			break
		}
	}
	if b.stored != 0 {
		t.Error("something of it was stored")
	}
}

func FuzzSyncSession(f *testing.F) {
	f.Add([]byte{1, 2, 3}, []byte{0})
	for _, m := range []wire.SyncMessage{
		wire.SyncOpen{Mode: wire.SyncTree}, wire.SyncRoots{}, wire.SyncCredit{Bytes: 9}, wire.SyncDelta{Last: true},
		wire.SyncWalk{Nodes: []wire.SyncNode{{Path: []byte{}, Kind: wire.SyncLeaf}}}, wire.SyncClosed{},
	} {
		f.Add(wire.AppendSync(nil, m), []byte{0, 1, 2})
	}
	w, a, b, scopes := channelPair("office")
	w.author("anna").say(a, scopes[1], 20)
	w.author("ben").say(b, scopes[1], 20)
	f.Fuzz(func(t *testing.T, frame, when []byte) {
		l := connect(t, a, w.memory("eve").join(KindPublic, scopes[1]))
		l.steps(len(when) % 24)
		s := l.ends[0].s
		_ = s.Receive(l.now, frame) // an error or not, but no panic, and what follows still works
		for range 50 {
			if _, ok := s.Next(); !ok {
				break
			}
		}
	})
}
