package wire

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"reflect"
	"runtime"
	"testing"
	"testing/iotest"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"google.golang.org/protobuf/proto"

	"hallway/crdt"
)

var ws = crdt.WorkspaceID{1, 2, 3}

func testKey(name string) ed25519.PrivateKey {
	seed := crdt.Hash("test/key", []byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func TestOracle07_AHundredCharactersFitTheBudget(t *testing.T) {
	key := testKey("ann")
	pub := key.Public().(ed25519.PublicKey)
	tip := crdt.Tip{Log: crdt.NewLogID(ws, crdt.ScopeID{9}, pub, crdt.ClassContent, 7), Device: crdt.RefOf(pub), Seq: 1000, Prev: crdt.OpID{1}}
	const payload = 16 + 128 + 16 // salt, padded inner of a hundred characters, tag
	v, err := crdt.Sign(ws, key, tip.Next(crdt.TypeContent, crdt.HLC(1<<50).Time(), crdt.EpochID{1}, crdt.AuthRef{1}, nil), make([]byte, payload), nil)
	if err != nil {
		t.Fatal(err)
	}
	frame := AppendLiveOp(nil, v.Op(), true)
	topic := Topic(ws, 0)
	rpc, err := proto.Marshal(&pb.RPC{Publish: []*pb.Message{{Data: frame, Topic: &topic}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(rpc) > 360 {
		t.Errorf("the RPC of a message of a hundred characters is %d bytes, the budget 360", len(rpc))
	}
	t.Logf("frame %d, RPC %d bytes", len(frame), len(rpc))
}

func TestFramesComeBackHoweverTheyAreCut(t *testing.T) {
	var stream []byte
	var want [][]byte
	for _, n := range []int{0, 1, 127, 128, 16 << 10, 16<<10 + 1, 100_000} {
		f := bytes.Repeat([]byte{byte(n)}, n)
		want = append(want, f)
		stream = AppendFrame(stream, f)
	}
	for _, r := range []io.Reader{bytes.NewReader(stream), iotest.OneByteReader(bytes.NewReader(stream)), iotest.DataErrReader(bytes.NewReader(stream))} {
		fr := NewFrameReader(r, 100_000)
		for i, w := range want {
			got, err := fr.Read()
			if err != nil || !bytes.Equal(got, w) {
				t.Fatalf("frame %d: %d bytes, %v", i, len(got), err)
			}
		}
		if _, err := fr.Read(); err != io.EOF {
			t.Errorf("after the last frame: %v", err)
		}
	}
}

func TestBadLengthsAreRefused(t *testing.T) {
	cases := map[string]struct {
		in   []byte
		want error
	}{
		"over the limit":       {[]byte{11}, ErrTooLarge},
		"not minimal":          {[]byte{0x81, 0x00}, ErrMalformed},
		"five bytes":           {[]byte{0x80, 0x80, 0x80, 0x80, 0x01}, ErrTooLarge},
		"ends in the length":   {[]byte{0x80}, io.ErrUnexpectedEOF},
		"ends in the frame":    {[]byte{5, 1, 2}, io.ErrUnexpectedEOF},
		"nothing of the frame": {[]byte{5}, io.ErrUnexpectedEOF},
	}
	for name, c := range cases {
		if _, err := NewFrameReader(bytes.NewReader(c.in), 10).Read(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestALengthAloneAllocatesLittle(t *testing.T) {
	stream := AppendFrame(nil, make([]byte, MaxChunk))[:3] // the length and nothing more
	const rounds = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		if _, err := NewFrameReader(bytes.NewReader(stream), MaxChunkFrame).Read(); err == nil {
			t.Fatal("a frame out of nothing")
		}
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / rounds; got > 32<<10 {
		t.Errorf("three bytes made us allocate %d", got)
	}
}

func samples() map[string][]byte {
	key := testKey("bob")
	sig := Signal{Device: crdt.RefOf(key.Public().(ed25519.PublicKey)), HLC: 77, Sealed: []byte("sealed"), Match: [16]byte{1}}
	sig.Sign(ws, key)
	marks := []PeerMark{{1}, {2}, {3}}
	return map[string][]byte{
		"claim":      (&JoinRequest{Kind: JoinClaim, Claim: []byte("claim"), Name: []byte("Ann")}).Append(nil),
		"poll":       (&JoinRequest{Kind: JoinPoll, ClaimID: ClaimID([]byte("claim"))}).Append(nil),
		"present":    (&JoinRequest{Kind: JoinPresent, Ops: [][]byte{[]byte("genesis"), []byte("admit")}}).Append(nil),
		"admitted":   (&JoinReply{State: JoinAdmitted, Ops: [][]byte{[]byte("genesis")}}).Append(nil),
		"refused":    (&JoinReply{State: JoinRefused, Code: JoinExpired}).Append(nil),
		"hello":      (&MemberHello{Nonce: Nonce{5}, Time: 12345}).Append(nil),
		"signal":     sig.Append(nil),
		"neighbours": (&Neighbours{Marks: marks}).Append(nil, LiveNeighbours)[1:],
		"many":       (&Neighbours{Many: true}).Append(nil, LiveNeighbours)[1:],
		"devices":    AppendDevices(nil, []Device{{ID: []byte("id"), Addrs: [][]byte{[]byte("a"), []byte("b")}}})[1:],
		"have":       (&ChunkFrame{Kind: ChunkHave, Token: []byte("t"), IDs: []ChunkID{{1}, {2}}}).Append(nil),
		"get":        (&ChunkFrame{Kind: ChunkGet, IDs: []ChunkID{{1}}}).Append(nil),
		"bits":       (&ChunkFrame{Kind: ChunkBits, Bits: []byte{3}}).Append(nil),
		"data":       (&ChunkFrame{Kind: ChunkData, Data: []byte("data")}).Append(nil),
		"no data":    (&ChunkFrame{Kind: ChunkData}).Append(nil),
	}
}

// decoders answer the canonical encoding of what they read, or an error.
var decoders = map[string]func(b []byte) ([]byte, error){
	"join request": func(b []byte) ([]byte, error) { m, err := ParseJoinRequest(b); return m.Append(nil), err },
	"join reply":   func(b []byte) ([]byte, error) { m, err := ParseJoinReply(b); return m.Append(nil), err },
	"hello":        func(b []byte) ([]byte, error) { m, err := ParseMemberHello(b); return m.Append(nil), err },
	"signal":       func(b []byte) ([]byte, error) { m, err := ParseSignal(b); return m.Append(nil), err },
	"neighbours": func(b []byte) ([]byte, error) {
		m, err := ParseNeighbours(b)
		return m.Append(nil, LiveWho)[1:], err
	},
	"devices": func(b []byte) ([]byte, error) { m, err := ParseDevices(b); return AppendDevices(nil, m)[1:], err },
	"chunk":   func(b []byte) ([]byte, error) { m, err := ParseChunkFrame(b); return m.Append(nil), err },
}

var decoderOf = map[string]string{
	"claim": "join request", "poll": "join request", "present": "join request", "admitted": "join reply", "refused": "join reply",
	"hello": "hello", "signal": "signal", "neighbours": "neighbours", "many": "neighbours", "devices": "devices",
	"have": "chunk", "get": "chunk", "bits": "chunk", "data": "chunk", "no data": "chunk",
}

func TestEveryMessageComesBackAndNothingElseDoes(t *testing.T) {
	for name, b := range samples() {
		decode := decoders[decoderOf[name]]
		if got, err := decode(b); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: %x became %x, %v", name, b, got, err)
		}
		for n := range b { // what is cut short is malformed, but where length says nothing
			if got, err := decode(b[:n]); err == nil && !bytes.Equal(got, b[:n]) {
				t.Errorf("%s cut to %d bytes is read as something else", name, n)
			}
		}
		if name != "data" && name != "no data" {
			if _, err := decode(append(bytes.Clone(b), 0)); err == nil {
				t.Errorf("%s with a byte more is read", name)
			}
		}
	}
}

func TestCountsOverTheLimitAreRefusedBeforeAllocating(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0x7f}
	for name, b := range map[string][]byte{
		"join request": append([]byte{byte(JoinPresent)}, huge...),
		"join reply":   append([]byte{byte(JoinAdmitted), 0}, huge...),
		"neighbours":   append([]byte{0}, huge...),
		"devices":      huge,
		"chunk":        append([]byte{byte(ChunkHave), 0}, huge...),
	} {
		if _, err := decoders[name](b); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASignalIsOneDevicesInOneWorkspace(t *testing.T) {
	key := testKey("bob")
	pub := key.Public().(ed25519.PublicKey)
	s := Signal{Device: crdt.RefOf(pub), HLC: 5, Sealed: []byte("typing")}
	s.Sign(ws, key)
	if !s.Verify(ws, pub) {
		t.Fatal("a good signal does not verify")
	}
	if s.Verify(crdt.WorkspaceID{9}, pub) || s.Verify(ws, testKey("eve").Public().(ed25519.PublicKey)) {
		t.Error("a signal verifies in another workspace or for another key")
	}
	b := s.Append(nil)
	for i := range b {
		c := bytes.Clone(b)
		c[i] ^= 1
		if got, err := ParseSignal(c); err == nil && got.Verify(ws, pub) {
			t.Errorf("a flip in byte %d goes unnoticed", i)
		}
	}
	full := Signal{Sealed: make([]byte, MaxSealedSignal)}
	if n := len(full.Append(nil)); n > MaxSignal {
		t.Errorf("the largest signal is %d bytes", n)
	}
}

func TestAProofIsForOneRoleAndOneConnection(t *testing.T) {
	key := testKey("ann")
	pub := key.Public().(ed25519.PublicKey)
	p := MemberProof{Workspace: ws, Opener: []byte("ann"), Answerer: []byte("bob"), OpenerNonce: Nonce{1}, AnswerNonce: Nonce{2}, ByOpener: true}
	d := p.Digest()
	sig := ed25519.Sign(key, d[:])
	if !p.Verify(pub, sig) {
		t.Fatal("a good proof does not verify")
	}
	others := map[string]func(*MemberProof){
		"reflected":         func(p *MemberProof) { p.ByOpener = false },
		"to somebody else":  func(p *MemberProof) { p.Answerer = []byte("eve") },
		"by somebody else":  func(p *MemberProof) { p.Opener = []byte("eve") },
		"later":             func(p *MemberProof) { p.AnswerNonce = Nonce{3} },
		"another workspace": func(p *MemberProof) { p.Workspace = crdt.WorkspaceID{9} },
	}
	for name, change := range others {
		q := p
		change(&q)
		if reflect.DeepEqual(p, q) || q.Verify(pub, sig) {
			t.Errorf("the proof holds %s", name)
		}
	}
}

func TestTopicsAndShards(t *testing.T) {
	if Topic(ws, 0) == Topic(ws, 1) || Topic(ws, 0) == Topic(crdt.WorkspaceID{9}, 0) {
		t.Error("topics meet")
	}
	if bytes.Contains([]byte(Topic(ws, 0)), []byte("010203")) {
		t.Error("a topic shows the workspace's id")
	}
	hit := map[int]bool{}
	for i := range 200 {
		k := Shard(crdt.ScopeID{byte(i)}, 4)
		if k < 0 || k > 3 {
			t.Fatalf("shard %d of 4", k)
		}
		hit[k] = true
	}
	if len(hit) != 4 || Shard(crdt.ScopeID{1}, 1) != 0 {
		t.Error("scopes do not spread over the shards")
	}
}
