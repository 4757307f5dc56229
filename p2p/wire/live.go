package wire

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"hallway/crdt"
)

// LiveKind is the first byte of a live frame, on gossip and on the push stream alike.
type LiveKind uint8

// The kinds of live frames.
const (
	LiveOp     LiveKind = 1 // crdt.AppendOp
	LiveSignal LiveKind = 2 // Signal.Append
	// The other kinds are for the push stream alone.
	LiveNeighbours LiveKind = 3 // Neighbours: which devices its sender hears
	LiveWho        LiveKind = 4 // Neighbours: where are these to be found?
	LiveDevices    LiveKind = 5 // Devices: the answer
)

// AppendLiveOp appends a live frame that carries op.
func AppendLiveOp(b []byte, op *crdt.Op, sameAuth bool) []byte {
	return crdt.AppendOp(append(b, byte(LiveOp)), op, sameAuth)
}

// AppendLiveSignal appends a live frame that carries s.
func AppendLiveSignal(b []byte, s *Signal) []byte { return s.Append(append(b, byte(LiveSignal))) }

// SplitLive tells a live frame's kind and body. The body shares the frame's memory.
func SplitLive(frame []byte) (LiveKind, []byte, error) {
	r := reader{b: frame}
	k := LiveKind(r.byte())
	if k < LiveOp || k > LiveDevices {
		r.fail(ErrMalformed)
	}
	body := r.b
	r.b = nil
	if err := r.done("live frame"); err != nil {
		return 0, nil, err
	}
	if len(frame) > MaxLive || k == LiveSignal && len(body) > MaxSignal {
		return 0, nil, ErrTooLarge
	}
	return k, body, nil
}

// Signal is what is never stored: typing, presence, receipts (protocol 6.9). It takes the way of its scope's ops.
type Signal struct {
	Device crdt.DeviceRef
	Match  [16]byte // SignalMatch: which scope, for those who hold it
	Epoch  crdt.EpochID
	HLC    crdt.HLC
	Sealed []byte // ciphertext under the epoch, at most MaxSealedSignal bytes
	Sig    crdt.Signature
}

// MaxSealedSignal is how many bytes of ciphertext a signal carries at most.
const MaxSealedSignal = MaxSignal - 8 - 16 - 16 - 8 - 2 - 64

// SignalMatch marks a signal for the holders of a scope and is random to others.
func SignalMatch(scope crdt.ScopeID, device crdt.DeviceRef, hlc crdt.HLC) (m [16]byte) {
	mac := hmac.New(sha256.New, scope[:])
	mac.Write([]byte("hallway/signal-match/v1"))
	mac.Write(device[:])
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], uint64(hlc))
	mac.Write(t[:])
	copy(m[:], mac.Sum(nil))
	return m
}

func (s *Signal) appendUnsigned(b []byte) []byte {
	b = append(b, s.Device[:]...)
	b = append(b, s.Match[:]...)
	b = append(b, s.Epoch[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.HLC))
	return appendBytes(b, s.Sealed)
}

// Digest is what a signal's signature covers.
func (s *Signal) Digest(ws crdt.WorkspaceID) [32]byte {
	return crdt.Hash("hallway/signal/v1", ws[:], s.appendUnsigned(nil))
}

// Sign closes the signal with the device's sign key.
func (s *Signal) Sign(ws crdt.WorkspaceID, key ed25519.PrivateKey) {
	d := s.Digest(ws)
	s.Sig = crdt.Signature(ed25519.Sign(key, d[:]))
}

// Verify reports whether the holder of key signed it.
func (s *Signal) Verify(ws crdt.WorkspaceID, key ed25519.PublicKey) bool {
	d := s.Digest(ws)
	return len(key) == ed25519.PublicKeySize && crdt.RefOf(key) == s.Device && ed25519.Verify(key, d[:], s.Sig[:])
}

// Append appends the signal's encoding.
func (s *Signal) Append(b []byte) []byte { return append(s.appendUnsigned(b), s.Sig[:]...) }

// ParseSignal reads one signal, all of b, sharing no memory with it.
func ParseSignal(b []byte) (Signal, error) {
	r := reader{b: b}
	var s Signal
	r.fill(s.Device[:])
	r.fill(s.Match[:])
	r.fill(s.Epoch[:])
	s.HLC = crdt.HLC(r.uint64())
	s.Sealed = r.bytes(MaxSealedSignal)
	r.fill(s.Sig[:])
	if err := r.done("signal"); err != nil {
		return Signal{}, err
	}
	return s, nil
}
