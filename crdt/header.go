package crdt

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Errors of decoding. Each is wrapped with what was being read.
var (
	ErrMalformed    = errors.New("malformed op")      // not the canonical encoding of anything
	ErrVersion      = errors.New("unknown version")   // written by a newer Hallway
	ErrTooLarge     = errors.New("over a size limit") // refused before anything is allocated for it
	ErrNotAuthentic = errors.New("not authentic")     // no signature covers it
)

// Header is what an op's signature covers (SPEC 3). PayloadHash commits to the payload as it is stored, ciphertext
// where it is sealed, so that it may be erased and the chain still be checked.
type Header struct {
	Type        Type
	Device      DeviceRef
	Log         LogID
	Seq         uint64 // from 0
	Prev        OpID   // zero where Seq is 0
	HLC         HLC
	Epoch       EpochID // zero where nothing is sealed
	Auth        AuthRef
	Deps        []OpID // of access ops only: sorted, without duplicates, at most MaxDeps
	PayloadLen  uint32
	PayloadHash [32]byte
}

const (
	flagSealed = 1 << 0
	flagDeps   = 1 << 1
	flagsKnown = flagSealed | flagDeps
)

func (h *Header) flags() byte {
	var f byte
	if !h.Epoch.IsZero() {
		f |= flagSealed
	}
	if h.Type.Class() == ClassAccess {
		f |= flagDeps
	}
	return f
}

// Check reports a header that breaks a rule of form: what Append would encode and Parse refuse.
func (h *Header) Check() error {
	switch {
	case h.Type == 0:
		return fmt.Errorf("type zero: %w", ErrMalformed)
	case h.Type.known() && h.Type.Sealed() == h.Epoch.IsZero():
		return fmt.Errorf("epoch of a type %#x op: %w", byte(h.Type), ErrMalformed)
	case (h.Seq == 0) != h.Prev.IsZero():
		return fmt.Errorf("prev at seq %d: %w", h.Seq, ErrMalformed)
	case h.Seq > maxSeq:
		return fmt.Errorf("seq: %w", ErrTooLarge)
	case h.PayloadLen > MaxPayload:
		return fmt.Errorf("payload of %d bytes: %w", h.PayloadLen, ErrTooLarge)
	case len(h.Deps) > MaxDeps:
		return fmt.Errorf("%d dependencies: %w", len(h.Deps), ErrTooLarge)
	case len(h.Deps) > 0 && h.Type.Class() != ClassAccess:
		return fmt.Errorf("dependencies outside an access op: %w", ErrMalformed)
	}
	if !ascending(h.Deps) {
		return fmt.Errorf("dependencies not sorted: %w", ErrMalformed)
	}
	return nil
}

// Follows reports whether h is the next op after before in the same log: seq one more, prev its id, the clock not gone
// back. An authentic op that does not follow the one that its prev names is malformed, whichever of them came first
// (SPEC 8, proviso 7).
func (h *Header) Follows(before *Header) bool { return h.followsID(before, before.ID()) }

func (h *Header) followsID(before *Header, id OpID) bool {
	return h.Log == before.Log && h.Device == before.Device && h.Seq == before.Seq+1 && h.HLC >= before.HLC && h.Prev == id
}

// AppendSansPayload appends the full header without the payload's length and hash: what seal binds a ciphertext to.
func (h *Header) AppendSansPayload(b []byte) []byte {
	b = append(b, Version<<4|h.flags(), byte(h.Type))
	b = append(b, h.Device[:]...)
	b = append(b, h.Log[:]...)
	b = binary.AppendUvarint(b, h.Seq)
	if h.Seq > 0 {
		b = append(b, h.Prev[:]...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(h.HLC))
	if !h.Epoch.IsZero() {
		b = append(b, h.Epoch[:]...)
	}
	b = append(b, h.Auth[:]...)
	if h.Type.Class() == ClassAccess {
		b = binary.AppendUvarint(b, uint64(len(h.Deps)))
		for _, d := range h.Deps {
			b = append(b, d[:]...)
		}
	}
	return b
}

// Append appends the full header: the one encoding that is hashed and signed.
func (h *Header) Append(b []byte) []byte {
	b = h.AppendSansPayload(b)
	b = binary.AppendUvarint(b, uint64(h.PayloadLen))
	return append(b, h.PayloadHash[:]...)
}

// ID is the op's id: a hash over the full header, so that it does not change when the payload is erased.
func (h *Header) ID() OpID {
	var buf [512]byte
	b := append(buf[:0], "hallway/opid/v1"...)
	return OpID(sha256.Sum256(h.Append(b)))
}

// HashPayload is the hash that a header commits to.
func HashPayload(payload []byte) [32]byte { return Hash("hallway/payload/v1", payload) }

// ParseHeader reads one full header, all of b.
func ParseHeader(b []byte) (Header, error) {
	r := reader{b: b}
	h := r.header()
	if err := r.done("header"); err != nil {
		return Header{}, err
	}
	return h, nil
}

func (r *reader) header() Header {
	var h Header
	flags := r.version()
	h.Type = Type(r.byte())
	r.fill(h.Device[:])
	r.fill(h.Log[:])
	h.Seq = r.seq()
	if h.Seq > 0 {
		r.fill(h.Prev[:])
	}
	h.HLC = HLC(r.uint64())
	if flags&flagSealed != 0 {
		r.fill(h.Epoch[:])
	}
	r.fill(h.Auth[:])
	if flags&flagDeps != 0 {
		h.Deps = r.ids(MaxDeps)
	}
	h.PayloadLen = r.length(MaxPayload)
	r.fill(h.PayloadHash[:])
	r.checkHeader(&h, flags)
	return h
}

// checkHeader refuses a header whose flags say other than its fields, so that there is one encoding of each.
func (r *reader) checkHeader(h *Header, flags byte) {
	if r.err != nil {
		return
	}
	if h.flags() != flags {
		r.fail(ErrMalformed)
		return
	}
	if err := h.Check(); err != nil {
		r.fail(err)
	}
}
