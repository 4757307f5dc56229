package app

import "time"

// Message is one row of a channel: somebody's message, or a line of the system.
type Message struct {
	ID   string  `json:"id"`
	Kind RowKind `json:"kind"`
	// Channel is the channel's id, ChannelName its name without #.
	Channel     string `json:"channel"`
	ChannelName string `json:"channel_name"`
	// Order sorts rows of one channel bytewise, oldest first. It never changes.
	Order string `json:"order"`
	// Position counts the main-line rows up to this one, 1 for the oldest; it
	// moves when earlier rows arrive. 0 means not counted.
	Position int       `json:"position,omitempty"`
	Author   string    `json:"author"`              // name
	AuthorID string    `json:"author_id,omitempty"` // empty for imported people who are not members
	Mine     bool      `json:"mine"`
	Time     time.Time `json:"time"`
	// About is true when the author's clock is known to be wrong.
	About bool   `json:"about,omitempty"`
	Text  string `json:"text"`
	// Mentions are the places of Text that name a person or everybody here.
	Mentions []Mention `json:"mentions,omitempty"`
	Edited   bool      `json:"edited"`
	EditedAt time.Time `json:"edited_at,omitzero"`
	Deleted  bool      `json:"deleted"`
	Pinned   bool      `json:"pinned"`
	// Thread is the id of the root that this is a reply to.
	Thread string `json:"thread,omitempty"`
	// AlsoToChannel is true for a reply that stands in the main line too.
	AlsoToChannel bool           `json:"also_to_channel,omitempty"`
	Replies       int            `json:"replies"`
	Summary       *ThreadSummary `json:"summary,omitempty"`
	Reactions     []Reaction     `json:"reactions"`
	Files         []File         `json:"files"`
	State         SendState      `json:"state"`
	// On and Of count devices of others: On have it, Of ought to. SeenBy counts
	// people who read it. All three are kept for own messages only.
	On     int `json:"on,omitempty"`
	Of     int `json:"of,omitempty"`
	SeenBy int `json:"seen_by,omitempty"`
	// Failure says why State is SendFailed or SendHeld.
	Failure string `json:"failure,omitempty"`
	// Late is true when it arrived after newer ones had been shown here.
	Late bool `json:"late"`
	// Source is the name of the import that it came with, as "slack".
	Source string `json:"source,omitempty"`
	// Nonce is SendRequest.Nonce, on the device that sent it, while it runs.
	Nonce string `json:"nonce,omitempty"`
	// Actor, Target and Value are what a line of the system is about; see RowKind.
	Actor  *Person `json:"actor,omitempty"`
	Target *Person `json:"target,omitempty"`
	Value  string  `json:"value,omitempty"`
	// Count is how many messages a gap lacks.
	Count int `json:"count,omitempty"`
	// MayEdit and MayDelete are what this person may do to it.
	MayEdit   bool `json:"may_edit,omitempty"`
	MayDelete bool `json:"may_delete,omitempty"`
}

// RowKind is what a row of a channel is.
type RowKind string

// The kinds of row. All but the first are lines of the system.
const (
	RowMessage    RowKind = "message"
	RowCreated    RowKind = "created"     // Actor made the channel
	RowJoined     RowKind = "joined"      // Target came, let in or added by Actor
	RowLeft       RowKind = "left"        // Target left
	RowRemoved    RowKind = "removed"     // Target was removed by Actor
	RowRole       RowKind = "role"        // Target is now Value, by Actor
	RowTopic      RowKind = "topic"       // Actor set the topic to Value
	RowRenamed    RowKind = "renamed"     // Actor renamed the channel to Value
	RowArchived   RowKind = "archived"    // Actor archived the channel
	RowKeyRenewed RowKind = "key_renewed" // the key was renewed, by Actor, because of Target
	RowNewDevice  RowKind = "new_device"  // Actor has a new device named Value
	RowGap        RowKind = "gap"         // Count messages of Target are known of, not here
	RowMissingKey RowKind = "missing_key" // a message of Author whose key is not here; Target can give it
	RowUnknown    RowKind = "unknown"     // written by a newer version
)

// Values lists every RowKind.
func (RowKind) Values() []RowKind {
	return []RowKind{RowMessage, RowCreated, RowJoined, RowLeft, RowRemoved, RowRole, RowTopic, RowRenamed,
		RowArchived, RowKeyRenewed, RowNewDevice, RowGap, RowMissingKey, RowUnknown}
}

// SendState is how far a message has come.
type SendState string

// The states of a message. Others' messages are SendSent or SendDelivered.
const (
	SendWaiting   SendState = "waiting"   // here only
	SendSent      SendState = "sent"      // another device or a relay holds it
	SendDelivered SendState = "delivered" // a device of every member holds it
	SendHeld      SendState = "held"      // not let out until the person decides
	SendFailed    SendState = "failed"    // really refused; see Failure
)

// Values lists every SendState.
func (SendState) Values() []SendState {
	return []SendState{SendWaiting, SendSent, SendDelivered, SendHeld, SendFailed}
}

// Person is who something is about, in as few words as a row needs.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Mention is one stretch of text that names somebody. Text is as it stands in
// the message, with its @.
type Mention struct {
	Text   string `json:"text"`
	Member string `json:"member,omitempty"` // empty for @channel
	You    bool   `json:"you,omitempty"`
}

// Reaction is one emoji under a message, in the order of first use.
type Reaction struct {
	Emoji  string   `json:"emoji"`
	People []Person `json:"people"`
	Mine   bool     `json:"mine"`
}

// ThreadSummary is the line under a root.
type ThreadSummary struct {
	Replies int       `json:"replies"`
	LastAt  time.Time `json:"last_at"`
	People  []Person  `json:"people"` // up to 5, the latest first
	Unread  int       `json:"unread"`
}

// File is an attachment or an upload.
type File struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Size   int    `json:"size"` // bytes
	Type   string `json:"type"` // media type, from its content; application/octet-stream when unknown
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
	// Have is how many of its bytes are here.
	Have int `json:"have"`
	// People is how many others have all of it.
	People int `json:"people"`
	// From names somebody who has it, for "not available until Ada is online".
	From string `json:"from,omitempty"`
	// URL is set where an import knew only a link; such a file has no bytes here.
	URL string `json:"url,omitempty"`
}

// FileRequest names a file.
type FileRequest struct {
	In
	ID string `json:"id"`
}

// AddFileRequest describes bytes to be taken in. Size is -1 while unknown.
type AddFileRequest struct {
	In
	Name string `json:"name"`
	Size int    `json:"size"`
}

// HistoryRequest asks for a page of a channel's main line. At most one of
// Before, After, Around (message ids) and AtUnread is set; with none the page
// is the newest. AtUnread is the newest page too when nothing is unread.
type HistoryRequest struct {
	In
	Channel  string `json:"channel"`
	Limit    int    `json:"limit,omitempty"` // 1-500, 0 means 50
	Before   string `json:"before,omitempty"`
	After    string `json:"after,omitempty"`
	Around   string `json:"around,omitempty"`
	AtUnread bool   `json:"at_unread,omitempty"`
	// System asks for lines of the system too.
	System bool `json:"system,omitempty"`
}

// HistoryReply is a page, oldest row first.
type HistoryReply struct {
	Channel Channel   `json:"channel"`
	Rows    []Message `json:"rows"`
	Older   bool      `json:"older"` // there is more before
	Newer   bool      `json:"newer"` // there is more after
	// FirstUnread is where "New since" stands, ReadAt its time: when the last read message was written.
	FirstUnread string    `json:"first_unread,omitempty"`
	ReadAt      time.Time `json:"read_at,omitzero"`
	Generation  int       `json:"generation"`
	// Have of Want messages of the channel are here; Want is 0 while unknown.
	Have int `json:"have"`
	Want int `json:"want"`
}

// ThreadRequest asks for a page of replies, as HistoryRequest does.
type ThreadRequest struct {
	In
	Root   string `json:"root"`
	Limit  int    `json:"limit,omitempty"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// ThreadReply is a thread's root and a page of its replies, oldest first.
type ThreadReply struct {
	Root  Message   `json:"root"`
	Rows  []Message `json:"rows"`
	Older bool      `json:"older"`
	Newer bool      `json:"newer"`
}

// ActivityRequest asks for what concerns this person, over all channels.
type ActivityRequest struct {
	In
	Kind   ActivityKind `json:"kind"`
	Limit  int          `json:"limit,omitempty"` // 1-200, 0 means 50
	Before string       `json:"before,omitempty"`
}

// ActivityKind is a list over all channels.
type ActivityKind string

// The lists over all channels.
const (
	ActivityUnread   ActivityKind = "unread"   // every unread message, oldest first in each channel
	ActivityThreads  ActivityKind = "threads"  // roots of threads that this person started or wrote in
	ActivityMentions ActivityKind = "mentions" // messages that name this person
)

// Values lists every ActivityKind.
func (ActivityKind) Values() []ActivityKind {
	return []ActivityKind{ActivityUnread, ActivityThreads, ActivityMentions}
}

// ActivityReply is such a list, newest first save as ActivityKind says.
type ActivityReply struct {
	Rows []Message `json:"rows"`
	More bool      `json:"more"`
}
