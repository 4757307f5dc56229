// Package archive turns other systems' histories into one stream of items, one file per system.
//
// It knows nothing of channels, people or messages as Hallway keeps them: a reader checks the whole export first,
// then tells, in the order of the original times, what stands in it. Whoever consumes the items writes them
// (protocol 6.10). What a reader gives is a pure function of the export's bytes, so that two people who import the
// same file converge, and a second import can find everything already there by (system, channel, source id).
//
// All input is hostile until it has been checked: a name, a text or an address in an item is what the export says,
// freed of control characters but not to be trusted.
package archive

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Item is one thing an export tells: a Person, Channel, Message, Applied or Skipped.
type Item interface{ item() }

// Person is someone the export knows or speaks of. Every SourceID that a message, reaction or mention names is told
// as a Person before the first Channel.
type Person struct {
	SourceID    string
	Name        string // the handle, "dee.glen"; the SourceID where the export gives none
	DisplayName string // what people saw, never empty
	Email       string
	Bot         bool
	Deleted     bool // deactivated at the source
	Unlisted    bool // spoken of, but absent from the export's list of people
}

// Channel is a conversation of the export as it stood when it was exported: topic, purpose and archived are final.
type Channel struct {
	SourceID string
	Name     string
	Topic    string // plain text, not markdown
	Purpose  string // plain text, not markdown
	Created  time.Time
	Creator  string // SourceID of a person, or ""
	Private  bool
	Archived bool
	General  bool     // the source's channel for everybody, which merges into ours
	Members  []string // SourceIDs
}

// Message is something a person wrote or shared.
type Message struct {
	Channel    string // SourceID of its channel
	SourceID   string // identity within the channel, exactly as the source spells it
	Author     string // SourceID of a person; "" if the source gives only a name
	AuthorName string // the name under which it was shown, never empty
	Time       time.Time
	Text       string    // CommonMark; may be empty if there are files
	Thread     string    // SourceID of the message that it replies to, which came earlier; "" for a message of the channel
	Broadcast  bool      // a reply that was also shown in the channel
	Edited     time.Time // zero if never
	Pinned     bool
	Mentions   []Mention // in the order of Text, never overlapping
	Links      []Link    // web addresses in Text, each once, in the order of Text
	Files      []FileLink
	Reactions  []Reaction
}

// Mention says that the bytes [Start,End) of a message's Text name somebody. Exactly one of the other fields is set.
type Mention struct {
	Start, End int
	Person     string // SourceID of a person
	Channel    string // SourceID of a channel, which need not be in the export
	Group      string // "channel", "here", "everyone", or the name of a group of people
}

// Link is a web address (http or https) in a message's text.
type Link struct {
	URL   string
	Title string // of the page, if the source kept it
}

// FileLink is a file that stayed at the source. URL is http(s) or empty, and may ask for a login.
type FileLink struct {
	Name string
	URL  string
	Size int64 // in bytes, 0 if not told
	Mime string
}

// Reaction is one emoji under a message and who put it there, each once, in the source's order.
type Reaction struct {
	Emoji string // Unicode, or ":name:" where the source's own emoji has none
	Users []string
}

// Applied is a record that is no message but whose effect is in the items: What is "topic", "purpose", "archive" or "pin".
type Applied struct {
	Channel  string
	SourceID string
	What     string
}

// Skipped is a record that becomes nothing, and why. Channel is the name of its folder if the export knows no such
// channel, and SourceID may be empty.
type Skipped struct {
	Channel  string
	SourceID string
	Reason   string
}

func (Person) item()  {}
func (Channel) item() {}
func (Message) item() {}
func (Applied) item() {}
func (Skipped) item() {}

// Report counts what became of an export. Records is what its files hold, the rest is what was told of them.
type Report struct {
	Channels  int            `json:"channels"`
	Messages  int            `json:"messages"` // without replies
	Replies   int            `json:"replies"`
	Reactions int            `json:"reactions"` // one for each person and emoji, on messages and replies
	Files     int            `json:"files"`
	People    int            `json:"people"`
	Skipped   map[string]int `json:"skipped"` // by reason; what was applied counts here, as "applied:topic" and so on
	Records   int            `json:"records"`
}

// Add counts one item.
func (r *Report) Add(it Item) {
	if r.Skipped == nil {
		r.Skipped = map[string]int{}
	}
	switch v := it.(type) {
	case Person:
		r.People++
	case Channel:
		r.Channels++
	case Applied:
		r.Skipped["applied:"+v.What]++
	case Skipped:
		r.Skipped[v.Reason]++
	case Message:
		r.addMessage(v)
	}
}

func (r *Report) addMessage(m Message) {
	if m.Thread == "" {
		r.Messages++
	} else {
		r.Replies++
	}
	r.Files += len(m.Files)
	for _, re := range m.Reactions {
		r.Reactions += len(re.Users)
	}
}

// Check fails unless every record is accounted for: messages + replies + skipped = records.
func (r *Report) Check() error {
	sum := r.Messages + r.Replies
	for _, n := range r.Skipped {
		sum += n
	}
	if sum != r.Records {
		return fmt.Errorf("archive: %d records in the file, %d accounted for", r.Records, sum)
	}
	return nil
}

// String is the report as lines for a person, the same for the same counts.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d channels, %d people\n", r.Channels, r.People)
	fmt.Fprintf(&b, "%d messages, %d replies, %d reactions, %d files\n", r.Messages, r.Replies, r.Reactions, r.Files)
	for _, k := range slices.Sorted(maps.Keys(r.Skipped)) {
		fmt.Fprintf(&b, "%d %s\n", r.Skipped[k], k)
	}
	fmt.Fprintf(&b, "%d records\n", r.Records)
	return b.String()
}
