package chat

import (
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
)

// Imported is a message of another system's history (protocol 6.10). Of all ops of a scope with the same (System,
// Channel, Source), the unredacted one with the lowest id counts, so that two people who import the same file
// converge. ID names the message whichever it is: reactions, pins and replies point to that.
type Imported struct {
	System       string // "slack"
	Channel      string // the source's id of its channel
	Source       string // the source's id of the message
	Author       access.UserID
	AuthorName   string    // the name that the source showed
	AuthorSource string    // the source's id of the author, or empty
	Time         time.Time // whole microseconds
	Edited       time.Time // zero if never
	Text         string
	Thread       string // Source of the root, empty in the main line
	Broadcast    bool
	Pinned       bool
	Mentions     []Mention
	Files        []FileLink
	Reactions    []ImportedReaction
}

// FileLink is a file of which the source kept only a link.
type FileLink struct {
	Name string
	URL  string
	Mime string
	Size uint64 // bytes, 0 if not told
}

// ImportedReaction is an emoji and those who gave it, by name; a name is a member where the import says so.
type ImportedReaction struct {
	Emoji string
	By    []ImportedPerson
}

// ImportedPerson is somebody of another system, who may be a member here.
type ImportedPerson struct {
	Name string
	User access.UserID // or zero
}

// Limits of imported history.
const (
	MaxImportedReactions = 64
	MaxImportedPeople    = 1000 // for one emoji
	MaxURL               = 2048
	maxMicros            = 1 << 57 // a time, in the year 6536: its milliseconds fit into a clock, and its year has four digits
)

// Kind implements Body.
func (*Imported) Kind() Kind { return KindImported }

// ImportedID is the id under which an imported message is shown in a scope, whoever imported it.
func ImportedID(scope crdt.ScopeID, system, channel, source string) crdt.OpID {
	return crdt.OpID(crdt.Hash("hallway/imported/v1", scope[:], []byte(system), []byte(channel), []byte(source)))
}

// ID is the id under which the message is shown.
func (m *Imported) ID(scope crdt.ScopeID) crdt.OpID {
	return ImportedID(scope, m.System, m.Channel, m.Source)
}

// Root is the id of the root that the message replies to, zero in the main line.
func (m *Imported) Root(scope crdt.ScopeID) crdt.OpID {
	if m.Thread == "" {
		return crdt.OpID{}
	}
	return ImportedID(scope, m.System, m.Channel, m.Thread)
}

func (m *Imported) walk(c *codec) {
	c.text(&m.System, 1, 32)
	c.text(&m.Channel, 1, MaxName)
	c.text(&m.Source, 1, MaxName)
	walkUser(c, &m.Author)
	c.text(&m.AuthorName, 1, MaxName)
	c.text(&m.AuthorSource, 0, MaxName)
	walkTime(c, &m.Time)
	walkTime(c, &m.Edited)
	c.text(&m.Text, 0, MaxText)
	c.text(&m.Thread, 0, MaxName)
	c.flag(&m.Broadcast)
	c.flag(&m.Pinned)
	walkMentions(c, &m.Mentions, m.Text)
	list(c, &m.Files, MaxFiles, 4, func(c *codec, f *FileLink) {
		c.text(&f.Name, 0, MaxName)
		c.text(&f.URL, 0, MaxURL)
		c.text(&f.Mime, 0, MaxName)
		c.number(&f.Size, 1<<50)
	})
	list(c, &m.Reactions, MaxImportedReactions, 3, func(c *codec, r *ImportedReaction) {
		walkEmoji(c, &r.Emoji)
		list(c, &r.By, MaxImportedPeople, 2, func(c *codec, p *ImportedPerson) {
			c.text(&p.Name, 0, MaxName)
			walkUser(c, &p.User)
			c.require(p.Name != "" || !p.User.IsZero())
		})
		c.require(len(r.By) > 0)
	})
	c.require(!m.Time.IsZero())
	c.require(m.Text != "" || len(m.Files) > 0)
	c.require(!m.Broadcast || m.Thread != "")
	c.require(m.Thread != m.Source)
}

// walkUser is a user id behind a byte that says whether there is one.
func walkUser(c *codec, u *access.UserID) {
	there := !u.IsZero()
	c.flag(&there)
	if there {
		c.fixed(u[:])
		c.require(!u.IsZero())
	}
}

// walkTime is microseconds since 1970, 0 for none.
func walkTime(c *codec, t *time.Time) {
	var us uint64
	if !t.IsZero() {
		us = uint64(t.UnixMicro())
		c.require(t.UnixMicro() > 0)
	}
	c.number(&us, maxMicros)
	if *t = (time.Time{}); us > 0 {
		*t = time.UnixMicro(int64(us)).UTC()
	}
}
