package app

import "time"

// Event is one thing that happened. Which fields are set depends on Kind.
type Event struct {
	// Seq grows by one with each event. A run of the node begins at the
	// milliseconds since 1970 of its start, so that a Seq of an earlier run is
	// always too old and answered with a reset. 0 stands on signals that are
	// not kept (typing, presence): they are never repeated.
	Seq         uint64    `json:"seq,string"`
	Kind        EventKind `json:"event"`
	Workspace   string    `json:"workspace,omitempty"` // id
	Channel     string    `json:"channel,omitempty"`   // id
	ChannelName string    `json:"channel_name,omitempty"`
	Thread      string    `json:"thread,omitempty"`
	ID          string    `json:"id,omitempty"`     // of the message
	Member      string    `json:"member,omitempty"` // id of who it is about
	Name        string    `json:"name,omitempty"`   // their name
	Time        time.Time `json:"time,omitzero"`
	// Message is the row as it now stands: message, edit, delete, reaction,
	// pin, state, thread. A row that left the channel (a resolved gap) has Gone.
	Message *Message `json:"message,omitempty"`
	Gone    bool     `json:"gone,omitempty"`
	// Line is a line of the system that is new in the channel: channel.
	Line *Message `json:"line,omitempty"`
	// Info is the channel as it now stands: channel, read, and with message
	// its counts.
	Info *Channel `json:"info,omitempty"`
	// Generation is the read marker's, with read.
	Generation int `json:"generation,omitempty"`
	// Person is the member as it now stands: member, presence.
	Person *Member `json:"person,omitempty"`
	// Online is presence's.
	Online bool `json:"online,omitempty"`
	// Peer is the connection that came or went (Path none): peer.
	Peer *Peer `json:"peer,omitempty"`
	// Status is the network line as it now stands: sync, peer.
	Status *StatusReply `json:"status,omitempty"`
	// Completeness is the channel's, with sync about a channel.
	Completeness *CompletenessReply `json:"completeness,omitempty"`
	Job          *Job               `json:"job,omitempty"`
	Join         *JoinStatusReply   `json:"join,omitempty"`
	File         *File              `json:"file,omitempty"`
}

// EventKind is what happened.
type EventKind string

// The kinds of event.
const (
	EventReset    EventKind = "reset"    // events before Seq are not kept: read afresh
	EventMessage  EventKind = "message"  // a new row, own or others', main line or thread
	EventEdit     EventKind = "edit"     // Message has new text
	EventDelete   EventKind = "delete"   // Message is deleted
	EventReaction EventKind = "reaction" // Message has other reactions
	EventPin      EventKind = "pin"      // Message was pinned or unpinned
	EventState    EventKind = "state"    // own Message came further: waiting, sent, on n of m, seen
	EventThread   EventKind = "thread"   // Message is a root whose Summary changed; follows the message, delete or read of a reply
	EventRead     EventKind = "read"     // a read marker moved, here or on another own device: Info
	EventTyping   EventKind = "typing"   // Member writes in Channel; good for 6 s
	EventPresence EventKind = "presence" // Member came or went: Online
	EventMember   EventKind = "member"   // Person came, left, or changed; also requests and invitations
	EventChannel  EventKind = "channel"  // a channel came, left or changed: Info
	EventSync     EventKind = "sync"     // more is here or known of: Status, Completeness
	EventPeer     EventKind = "peer"     // a connection came or went: Peer, Status
	EventJob      EventKind = "job"      // progress of an import, export or rebuild: Job
	EventJoin     EventKind = "join"     // a join went on: Join
	EventFile     EventKind = "file"     // more of a file is here: File
	EventDraft    EventKind = "draft"    // a draft changed in another face of this node: Channel, Thread
	EventSettings EventKind = "settings" // this machine's settings changed
)

// Values lists every EventKind.
func (EventKind) Values() []EventKind {
	return []EventKind{EventReset, EventMessage, EventEdit, EventDelete, EventReaction, EventPin, EventState, EventThread,
		EventRead, EventTyping, EventPresence, EventMember, EventChannel, EventSync, EventPeer, EventJob, EventJoin,
		EventFile, EventDraft, EventSettings}
}
