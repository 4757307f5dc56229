package wire

import (
	"encoding/binary"

	"hallway/crdt"
)

// Neighbours lists the devices that the sender of a push stream is connected to, as PeerMark, so that its reader can
// tell whether an author's own sends reach everybody (protocol 7.1).
type Neighbours struct {
	Many  bool       // more than MaxNeighbours: Marks is empty
	Marks []PeerMark // sorted, without duplicates
}

// PeerMark is a short hash of a network id.
type PeerMark [8]byte

// MarkOf is the mark of a network id.
func MarkOf(peerID []byte) PeerMark {
	sum := crdt.Hash("hallway/peermark/v1", peerID)
	return PeerMark(sum[:8])
}

// Append appends the list as a whole live frame of kind LiveNeighbours or LiveWho.
func (n *Neighbours) Append(b []byte, kind LiveKind) []byte {
	b = append(b, byte(kind))
	if n.Many {
		return append(b, 1)
	}
	b = binary.AppendUvarint(append(b, 0), uint64(len(n.Marks)))
	for _, m := range n.Marks {
		b = append(b, m[:]...)
	}
	return b
}

// ParseNeighbours reads the body of a LiveNeighbours or LiveWho frame, all of b.
func ParseNeighbours(b []byte) (Neighbours, error) {
	r := reader{b: b}
	var n Neighbours
	switch r.byte() {
	case 0:
		count := r.length(MaxNeighbours)
		for i := range count {
			var m PeerMark
			r.fill(m[:])
			if r.err != nil {
				break
			}
			if i > 0 && string(n.Marks[i-1][:]) >= string(m[:]) {
				r.fail(ErrMalformed)
			}
			n.Marks = append(n.Marks, m)
		}
	case 1:
		n.Many = true
	default:
		r.fail(ErrMalformed)
	}
	if err := r.done("neighbours"); err != nil {
		return Neighbours{}, err
	}
	return n, nil
}

// Device is where a device may be found. Both parts are a libp2p peer's own bytes: its id, and binary multiaddrs.
type Device struct {
	ID    []byte   // at most MaxPeerID bytes
	Addrs [][]byte // at most MaxDeviceAddrs of MaxAddr bytes
}

// Limits of a Device, in bytes and addresses.
const (
	MaxPeerID      = 64
	MaxDeviceAddrs = 8
	MaxAddr        = 128
)

// AppendDevices appends devices as a whole live frame: at most MaxNeighbours.
func AppendDevices(b []byte, devices []Device) []byte {
	b = binary.AppendUvarint(append(b, byte(LiveDevices)), uint64(len(devices)))
	for _, d := range devices {
		b = appendList(appendBytes(b, d.ID), d.Addrs)
	}
	return b
}

// ParseDevices reads the body of a LiveDevices frame, all of b, sharing no memory with it.
func ParseDevices(b []byte) ([]Device, error) {
	r := reader{b: b}
	var out []Device
	for range r.length(MaxNeighbours) {
		d := Device{ID: r.bytes(MaxPeerID), Addrs: r.list(MaxDeviceAddrs, MaxAddr)}
		if r.err != nil {
			break
		}
		out = append(out, d)
	}
	if err := r.done("devices"); err != nil {
		return nil, err
	}
	return out, nil
}
