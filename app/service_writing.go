package app

import "time"

// MessageRequest names one message.
type MessageRequest struct {
	In
	ID string `json:"id"`
}

// MessageReply is the message after a change.
type MessageReply struct {
	ID      string  `json:"id"`
	Message Message `json:"message"`
}

// SendRequest writes a message. It returns when the message is durable here.
type SendRequest struct {
	In
	Channel string `json:"channel"`
	Text    string `json:"text"`             // Markdown, at most 40,000 bytes; may be empty where there are files
	Thread  string `json:"thread,omitempty"` // the root, for a reply
	// AlsoToChannel shows a reply in the main line too.
	AlsoToChannel bool     `json:"also_to_channel,omitempty"`
	Files         []string `json:"files,omitempty"` // ids of uploads
	// Nonce is made by the face for its optimistic row; sending the same nonce
	// again within a run answers the first message and writes nothing.
	Nonce string `json:"nonce,omitempty"`
}

// SendReply is the message as it stands.
type SendReply struct {
	ID      string    `json:"id"`
	State   SendState `json:"state"`
	Message Message   `json:"message"`
}

// EditRequest replaces the text of an own message.
type EditRequest struct {
	In
	ID   string `json:"id"`
	Text string `json:"text"`
}

// ReactRequest adds or takes back one's own reaction.
type ReactRequest struct {
	In
	ID     string `json:"id"`
	Emoji  string `json:"emoji"` // one emoji, as Unicode
	Remove bool   `json:"remove,omitempty"`
}

// PinsReply holds a channel's pinned messages, the latest pin first.
type PinsReply struct {
	Rows []Message `json:"rows"`
}

// SearchRequest looks through what is on this computer. Query takes words,
// prefix*, "phrases" and in: from: has: before: after:; the fields below say
// the same without a syntax and are joined to it.
type SearchRequest struct {
	In
	Query  string    `json:"query"`
	Limit  int       `json:"limit,omitempty"`  // 1-200, 0 means 20
	Before string    `json:"before,omitempty"` // a hit's id, for the next page
	Where  string    `json:"where,omitempty"`  // a channel
	From   string    `json:"from,omitempty"`   // a person
	Has    string    `json:"has,omitempty"`    // file or link
	Until  time.Time `json:"until,omitzero"`
	Since  time.Time `json:"since,omitzero"`
}

// SearchReply holds hits, newest first.
type SearchReply struct {
	Hits     []Hit `json:"hits"`
	Total    int   `json:"total"`    // hits in all
	Searched int   `json:"searched"` // messages looked through
	TookMS   int   `json:"took_ms"`
	// Complete is false while some channel is still fetching or the index is
	// behind; Fetching counts those channels.
	Complete bool `json:"complete"`
	Fetching int  `json:"fetching"`
}

// Hit is a message that was found. Snippet is a part of its text; Marks are
// the found stretches of it.
type Hit struct {
	Message Message `json:"message"`
	Snippet string  `json:"snippet"`
	Marks   []Mark  `json:"marks"`
}

// Mark is a stretch of a snippet, in UTF-16 units, as JavaScript counts.
type Mark struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// WhoHasReply says who holds and who has read a message. Counts are of the
// others, without oneself.
type WhoHasReply struct {
	On       int            `json:"on"` // devices
	Of       int            `json:"of"`
	OnPeople int            `json:"on_people"`
	OfPeople int            `json:"of_people"`
	People   []WhoHasPerson `json:"people"`
}

// WhoHasPerson is one person's state of a message.
type WhoHasPerson struct {
	Member string    `json:"member"`
	Name   string    `json:"name"`
	State  HasState  `json:"state"`
	At     time.Time `json:"at,omitzero"` // when it was read or arrived, where known
	// LastContact is when any device of theirs was last heard of.
	LastContact time.Time `json:"last_contact,omitzero"`
}

// HasState is whether a person has a message.
type HasState string

// The states of a message at somebody.
const (
	HasRead   HasState = "read"
	HasIt     HasState = "has"
	HasNotYet HasState = "not_yet"
)

// Values lists every HasState.
func (HasState) Values() []HasState { return []HasState{HasRead, HasIt, HasNotYet} }
