package wire

import (
	"bytes"
	"testing"
)

// fuzzDecoder feeds one decoder: what it reads must be the one encoding of what it read.
func fuzzDecoder(f *testing.F, name string) {
	for sample, b := range samples() {
		if decoderOf[sample] == name {
			f.Add(b)
		}
	}
	decode := decoders[name]
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := decode(b); err == nil && !bytes.Equal(got, b) {
			t.Errorf("%x is read and written as %x", b, got)
		}
	})
}

func FuzzJoinRequest(f *testing.F) { fuzzDecoder(f, "join request") }
func FuzzJoinReply(f *testing.F)   { fuzzDecoder(f, "join reply") }
func FuzzMemberHello(f *testing.F) { fuzzDecoder(f, "hello") }
func FuzzSignal(f *testing.F)      { fuzzDecoder(f, "signal") }
func FuzzNeighbours(f *testing.F)  { fuzzDecoder(f, "neighbours") }
func FuzzDevices(f *testing.F)     { fuzzDecoder(f, "devices") }
func FuzzChunk(f *testing.F)       { fuzzDecoder(f, "chunk") }

func FuzzFrames(f *testing.F) {
	f.Add(AppendFrame(AppendFrame(nil, []byte("one")), make([]byte, 300)))
	f.Add([]byte{0x80, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		fr := NewFrameReader(bytes.NewReader(b), MaxLive)
		var again []byte
		for {
			frame, err := fr.Read()
			if err != nil {
				break
			}
			again = AppendFrame(again, frame)
		}
		if !bytes.HasPrefix(b, again) {
			t.Errorf("frames of %x are written as %x", b, again)
		}
	})
}

func FuzzSplitLive(f *testing.F) {
	f.Add((&Neighbours{Many: true}).Append(nil, LiveNeighbours))
	f.Add([]byte{byte(LiveOp), 1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, body, err := SplitLive(b)
		if err == nil && !bytes.Equal(append([]byte{byte(kind)}, body...), b) {
			t.Errorf("%x is not its kind and body", b)
		}
	})
}
