package app

import "time"

// ChannelRequest names one channel: an id, a name with or without #, or
// @person for the direct message with them.
type ChannelRequest struct {
	In
	Channel string `json:"channel"`
}

// ChannelMemberRequest names a channel and a person in it or to be in it.
type ChannelMemberRequest struct {
	In
	Channel string `json:"channel"`
	Member  string `json:"member"` // id or name
}

// ChannelsRequest lists the channels that this person can see.
type ChannelsRequest struct {
	In
	// Archived asks for archived channels too.
	Archived bool `json:"archived,omitempty"`
}

// ChannelsReply holds joined channels, public ones not joined (Joined false)
// and direct messages, by name.
type ChannelsReply struct {
	Channels []Channel `json:"channels"`
}

// Channel is a public or private channel or a direct message.
type Channel struct {
	ID   string      `json:"id"`
	Name string      `json:"name"` // without #; of a direct message the others' names
	Kind ChannelKind `json:"kind"`
	// Private is true for private channels and direct messages.
	Private bool   `json:"private"`
	Topic   string `json:"topic,omitempty"`
	Members int    `json:"members"` // with oneself
	// With holds the ids of the others in a direct message.
	With     []string `json:"with,omitempty"`
	Joined   bool     `json:"joined"`
	Archived bool     `json:"archived"`
	// Unread and Mentions count main-line messages of others after the read
	// marker, imported ones never.
	Unread   int `json:"unread"`
	Mentions int `json:"mentions"`
	// FirstUnread is the id of the first message after the marker, if any.
	FirstUnread string `json:"first_unread,omitempty"`
	// LastAt is when the newest message was written.
	LastAt time.Time `json:"last_at,omitzero"`
	// MayManage is true where this person may set topic, people and archive.
	MayManage bool `json:"may_manage"`
	MayWrite  bool `json:"may_write"`
	// Place is where this machine's window was last in it.
	Place *Place `json:"place,omitempty"`
}

// ChannelKind is what sort of channel it is.
type ChannelKind string

// The kinds of channel.
const (
	ChannelPublic  ChannelKind = "public"
	ChannelPrivate ChannelKind = "private"
	ChannelDirect  ChannelKind = "direct"
)

// Values lists every ChannelKind.
func (ChannelKind) Values() []ChannelKind {
	return []ChannelKind{ChannelPublic, ChannelPrivate, ChannelDirect}
}

// CreateChannelRequest makes a channel.
type CreateChannelRequest struct {
	In
	Name    string   `json:"name"` // 1-80 characters, without #
	Private bool     `json:"private,omitempty"`
	Members []string `json:"members,omitempty"` // ids or names, besides oneself
	Topic   string   `json:"topic,omitempty"`   // at most 250 characters
}

// OpenDirectRequest finds or makes the direct message with these people.
type OpenDirectRequest struct {
	In
	Members []string `json:"members"` // ids or names, without oneself
}

// SetTopicRequest changes what a channel is about.
type SetTopicRequest struct {
	In
	Channel string `json:"channel"`
	Topic   string `json:"topic"`
}

// Place is where the window stood in a channel: a message, and how many px
// its top was below the top of the view. No place means the bottom.
type Place struct {
	Message string `json:"message"`
	Offset  int    `json:"offset"`
}

// SetPlaceRequest keeps or, without a Place, forgets where the window stood. It is kept on this
// machine only.
type SetPlaceRequest struct {
	In
	Channel string `json:"channel"`
	Place   *Place `json:"place,omitempty"`
}

// MarkRequest moves the read marker of a channel. For MarkRead, Message is the
// last one read and empty means everything; the marker never goes back. For
// MarkUnread, Message is the first one that shall be unread again.
type MarkRequest struct {
	In
	Channel string `json:"channel"`
	Message string `json:"message,omitempty"`
	// Thread, with MarkRead, is the root of the thread in which Message was
	// read: its replies up to Message are read then, the main line is not.
	Thread string `json:"thread,omitempty"`
	// Generation is the marker's generation that the caller saw (HistoryReply,
	// MarkReply); a MarkRead of an older generation than the current one is
	// ignored, so that a window on another device cannot undo MarkUnread.
	// 0 means the current one.
	Generation int `json:"generation,omitempty"`
}

// MarkReply is what is unread after a mark.
type MarkReply struct {
	Channel    string `json:"channel"`
	Unread     int    `json:"unread"`
	Mentions   int    `json:"mentions"`
	Generation int    `json:"generation"`
	// FirstUnread as in Channel.
	FirstUnread string `json:"first_unread,omitempty"`
}

// DraftsRequest asks for all drafts of a workspace.
type DraftsRequest struct{ In }

// DraftsReply holds them, the newest first.
type DraftsReply struct {
	Drafts []Draft `json:"drafts"`
}

// Draft is what was typed but not sent, one a channel and thread, kept sealed on this
// machine.
type Draft struct {
	Channel string    `json:"channel"`
	Thread  string    `json:"thread,omitempty"`
	Text    string    `json:"text"`
	Files   []File    `json:"files,omitempty"`
	At      time.Time `json:"at"`
}

// SetDraftRequest keeps a draft; one without text and files drops it.
type SetDraftRequest struct {
	In
	Channel string   `json:"channel"`
	Thread  string   `json:"thread,omitempty"`
	Text    string   `json:"text"`
	Files   []string `json:"files,omitempty"`
}

// TypingRequest tells the others that this person is writing; a face sends it
// at most every 3 s.
type TypingRequest struct {
	In
	Channel string `json:"channel"`
	Thread  string `json:"thread,omitempty"`
}
