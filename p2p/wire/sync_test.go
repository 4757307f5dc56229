package wire

import (
	"bytes"
	"reflect"
	"testing"

	"hallway/crdt"
)

// syncExamples is one of each message, with every optional part once there and once not.
func syncExamples() []SyncMessage {
	log, id := crdt.LogID{1, 2, 3}, crdt.OpID{9}
	entry := SyncEntry{Log: log, Class: crdt.ClassContent, Lo: 3, Hi: 300, Head: SyncHash{7}}
	forked := SyncEntry{Log: log, Class: crdt.ClassKeys, Forked: true, Hi: 1, Head: SyncHash{8}}
	return []SyncMessage{
		SyncHello{Version: SyncVersion, Instance: InstanceID{1}, Nonce: [16]byte{2}, Process: [8]byte{3}, AccessHeads: 200,
			AccessDigest: SyncHash{4}, Shared: SyncHash{5}, Private: SyncHash{6}},
		SyncMatch{Items: []SyncMark{{Tag: SyncTag{1}, Root: SyncHash{2}, LSN: 300}}},
		SyncMatch{Items: []SyncMark{}},
		SyncRoots{Reply: true, Shared: SyncHash{1}, Private: SyncHash{2}},
		SyncMarks{Items: []SyncMark{{Ref: 200, Root: SyncHash{2}, LSN: 300}}},
		SyncOpen{Ref: 1, Proof: SyncTag{3}, Mode: SyncProve},
		SyncOpen{Ref: 1, Proof: SyncTag{3}, Mode: SyncSince, After: 1 << 40},
		SyncOpen{Ref: 1, Proof: SyncTag{3}, Mode: SyncTree},
		SyncDelta{Ref: 3, Upto: 77, Last: true, Entries: []SyncEntry{entry, forked}},
		SyncWalk{Own: true, Ref: 2, LSN: 9, Answered: 4, Nodes: []SyncNode{
			{Path: []byte{}, Kind: SyncInner, Hashes: [16]SyncHash{3: {1}, 15: {2}}},
			{Path: []byte{15, 0, 7}, Kind: SyncLeaf, Entries: []SyncEntry{entry}},
			{Path: []byte{1, 2}, Kind: SyncList, Entries: []SyncEntry{}},
		}},
		SyncRecent{Ref: 1, Count: 200},
		SyncSpans{Ref: 1, Spans: []SyncFrom{{Log: log, From: 4000}}},
		SyncWant{Ref: 1, First: 1000, Ranges: []SyncRange{
			{Log: log, From: 5, To: 500, Down: true, Covered: true},
			{Log: log, From: 0, To: 0, Order: crdt.ClassAccess},
			{Log: log, From: 1, To: 2, Order: crdt.ClassKeys, Branch: id},
		}},
		SyncBatchMsg{Ref: 1, Items: []SyncItem{{Want: 1000, Segment: []byte("segment")}, {Want: 1001, Last: true}}},
		SyncCredit{Bytes: 65536},
		SyncAck{Ref: 1, Items: []SyncHold{{Log: log, Lo: 2, Hi: 900}}},
		SyncFork{Ref: 1, Log: log},
		SyncBranches{Ref: 1, Log: log, Heads: []SyncBranch{{Hi: 12, Head: id}}},
		SyncClosed{Ref: 128},
		SyncTwin{},
	}
}

func TestEverySyncMessageReadsBackAsItWasWritten(t *testing.T) {
	for _, m := range syncExamples() {
		frame := AppendSync(nil, m)
		got, err := ParseSync(frame)
		if err != nil {
			t.Errorf("%T: %v", m, err)
			continue
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("%T read back as\n%+v, written was\n%+v", m, got, m)
		}
	}
}

func TestTruncatedOrProlongedSyncMessagesAreRefused(t *testing.T) {
	for _, m := range syncExamples() {
		frame := AppendSync(nil, m)
		for n := 1; n < len(frame); n++ {
			if got, err := ParseSync(frame[:n]); err == nil {
				t.Errorf("%T cut to %d of %d bytes was read as %+v", m, n, len(frame), got)
			}
		}
		if _, err := ParseSync(append(frame, 0)); err == nil {
			t.Errorf("%T with a byte too many was read", m)
		}
	}
}

func TestSyncMessagesOverALimitAreRefused(t *testing.T) {
	cases := map[string]SyncMessage{
		"too many marks":      SyncMarks{Items: make([]SyncMark, MaxSyncMarks+1)},
		"too many spans":      SyncSpans{Spans: make([]SyncFrom, MaxSyncSpans+1)},
		"too many ranges":     SyncWant{Ranges: make([]SyncRange, MaxSyncRanges+1)},
		"too many acks":       SyncAck{Items: make([]SyncHold, MaxSyncAcks+1)},
		"seq beyond 2^48":     SyncAck{Items: []SyncHold{{Lo: 0, Hi: 1<<48 + 1}}},
		"entry without class": SyncDelta{Entries: []SyncEntry{{}}},
		"node too deep":       SyncWalk{Nodes: []SyncNode{{Path: make([]byte, MaxSyncDepth+1), Kind: SyncList}}},
		"five branches":       SyncBranches{Heads: make([]SyncBranch, crdt.MaxBranch+1)},
	}
	for name, m := range cases {
		if _, err := ParseSync(AppendSync(nil, m)); err == nil {
			t.Errorf("%s: was read", name)
		}
	}
	if _, err := ParseSync(make([]byte, MaxSyncFrame+1)); err == nil {
		t.Error("a frame over MaxSyncFrame was read")
	}
}

func TestUnknownKindsAndVersionsAreToldApart(t *testing.T) {
	m, err := ParseSync([]byte{200, 1, 2, 3})
	if u, ok := m.(SyncUnknown); err != nil || !ok || u.Kind != 200 {
		t.Errorf("kind 200: %+v, %v", m, err)
	}
	m, err = ParseSync([]byte{byte(SyncKindHello), 9, 1, 2, 3})
	if h, ok := m.(SyncHello); err != nil || !ok || h.Version != 9 {
		t.Errorf("hello of version 9: %+v, %v", m, err)
	}
}

// A count that claims more than the frame could hold must be refused before memory is taken for it.
func TestACountIsCheckedAgainstTheFrame(t *testing.T) {
	frame := []byte{byte(SyncKindDelta), 0, 0, 1, 0xff, 0x03} // 511 entries in no bytes
	allocs := testing.AllocsPerRun(10, func() {
		if _, err := ParseSync(frame); err == nil {
			t.Fatal("was read")
		}
	})
	if allocs > 10 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzSyncMessage(f *testing.F) {
	for _, m := range syncExamples() {
		f.Add(AppendSync(nil, m))
	}
	f.Add([]byte{byte(SyncKindWalk), 1, 0, 0, 0, 2, 0, 1, 0x50, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := ParseSync(frame)
		if err != nil {
			return
		}
		switch v := m.(type) {
		case SyncUnknown:
			return
		case SyncHello:
			if v.Version != SyncVersion {
				return
			}
		}
		if again := AppendSync(nil, m); !bytes.Equal(again, frame) {
			t.Errorf("%T: read %x, wrote %x", m, frame, again)
		}
	})
}
