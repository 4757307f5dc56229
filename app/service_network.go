package app

import "time"

// NetState is how this device reaches the others at best.
type NetState string

// The states of the network, the nearest first.
const (
	NetLAN    NetState = "lan"
	NetDirect NetState = "direct"
	NetRelay  NetState = "relay"
	NetAlone  NetState = "alone"
)

// Values lists every NetState.
func (NetState) Values() []NetState { return []NetState{NetLAN, NetDirect, NetRelay, NetAlone} }

// Path is how a connection runs.
type Path string

// The paths to a peer.
const (
	PathLAN    Path = "lan"
	PathDirect Path = "direct"
	PathRelay  Path = "relay"
	PathNone   Path = "none"
)

// Values lists every Path.
func (Path) Values() []Path { return []Path{PathLAN, PathDirect, PathRelay, PathNone} }

// StatusRequest asks for this device's state in a workspace.
type StatusRequest struct{ In }

// StatusReply is the network line of the window and the command line's status.
type StatusReply struct {
	Workspace string          `json:"workspace"` // id
	Name      string          `json:"name"`
	Member    string          `json:"member"`
	Device    string          `json:"device"`
	State     NetState        `json:"state"`
	Peers     []Peer          `json:"peers"`
	Channels  []ChannelStatus `json:"channels"`
	// Pending counts own messages that wait, Unreadable those without a key.
	Pending    int `json:"pending"`
	Unreadable int `json:"unreadable"`
	// People counts the others, Reachable those with a device connected now.
	People    int `json:"people"`
	Reachable int `json:"reachable"`
	// CompleteTo is up to when everything of everybody heard of is here.
	CompleteTo time.Time `json:"complete_to,omitzero"`
	// Have of Want messages over all channels; Want is 0 while unknown.
	Have int `json:"have"`
	Want int `json:"want"`
	// ClockOff is by how many seconds this computer's clock differs from the
	// others', 0 where it does not by more than 2 minutes.
	ClockOff int `json:"clock_off,omitempty"`
}

// Peer is a device connected now.
type Peer struct {
	Peer   string `json:"peer"`   // its network id
	Member string `json:"member"` // name
	Device string `json:"device"` // name
	Path   Path   `json:"path"`
	RTTMS  int    `json:"rtt_ms"`
}

// ChannelStatus is how complete a channel is here.
type ChannelStatus struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Have       int       `json:"have"`
	Missing    int       `json:"missing"` // known of, not here
	CompleteTo time.Time `json:"complete_to,omitzero"`
}

// NetworkRequest asks for the network page.
type NetworkRequest struct{ In }

// NetworkReply is the network page: a row for each device of the others.
type NetworkReply struct {
	State     NetState `json:"state"`
	People    int      `json:"people"`
	Reachable int      `json:"reachable"`
	// Complete counts people of whom everything is here.
	Complete   int             `json:"complete"`
	CompleteTo time.Time       `json:"complete_to,omitzero"`
	Pending    int             `json:"pending"`
	Devices    []NetworkDevice `json:"devices"` // grouped by person, by name
	Addrs      []string        `json:"addrs"`   // what this device listens on
}

// NetworkDevice is one device of another person.
type NetworkDevice struct {
	Member     string    `json:"member"` // id
	Name       string    `json:"name"`
	Device     string    `json:"device"` // id
	DeviceName string    `json:"device_name"`
	Path       Path      `json:"path"`
	Last       time.Time `json:"last,omitzero"` // last contact
	Have       int       `json:"have"`
	Want       int       `json:"want"`
	// WantKnown is false while it is not known how many there are: "rest unknown".
	WantKnown bool `json:"want_known"`
	BytesLeft int  `json:"bytes_left"`
	RTTMS     int  `json:"rtt_ms,omitempty"`
}

// RetryRequest dials devices of a person again, all people's without Member.
type RetryRequest struct {
	In
	Member string `json:"member,omitempty"`
}

// CompletenessReply says how complete a channel is, from heads that were
// heard of. Counts are of the others, without oneself.
type CompletenessReply struct {
	Channel  string          `json:"channel"`
	People   int             `json:"people"`
	Complete int             `json:"complete"`
	To       time.Time       `json:"to,omitzero"`
	Missing  []MissingPerson `json:"missing"`
}

// MissingPerson is somebody of whom messages are or may be missing.
type MissingPerson struct {
	Member string `json:"member"`
	Name   string `json:"name"`
	// Known is true where Count messages are known to exist; false where
	// nobody reachable knows what they wrote since LastContact.
	Known       bool      `json:"known"`
	Count       int       `json:"count"`
	LastContact time.Time `json:"last_contact,omitzero"`
	// KnownBy names who heard of the missing ones, where known.
	KnownBy string `json:"known_by,omitempty"`
}

// DoctorRequest looks why this desk cannot reach that one.
type DoctorRequest struct{ In }

// DoctorReply holds what was checked.
type DoctorReply struct {
	Checks []Check   `json:"checks"`
	At     time.Time `json:"at"`
}

// Check is one finding. Says is a sentence with the cause, Fix one with the
// cure, empty where nothing needs to be done.
type Check struct {
	Check string `json:"check"` // a fixed word: interfaces, multicast, port, clock, relay, disk
	OK    bool   `json:"ok"`
	Says  string `json:"says"`
	Fix   string `json:"fix"`
}
