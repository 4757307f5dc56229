package chat

import (
	"encoding/hex"
	"fmt"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
)

// PostKind is what stands in a place of a channel.
type PostKind uint8

// The kinds of post.
const (
	PostMessage PostKind = 1
	PostDeleted PostKind = 2 // something was here; who wrote it and when is all that is left
	PostLocked  PostKind = 3 // its key is not here yet
)

// Post is a message as it is shown once everything about it is counted in. It is plain data.
type Post struct {
	Kind PostKind
	ID   crdt.OpID // by which reactions, replies and people refer to it
	Op   crdt.OpID // the op that carries it: ID, but of imported history
	Origin
	Author    Author
	Time      time.Time
	Text      string
	Mentions  []Mention
	Edited    time.Time // when the standing edit was made, zero if never
	Thread    crdt.OpID // the root that it answers, or zero
	Broadcast bool
	ReplyTo   crdt.OpID
	Files     []File
	Links     []FileLink // files of imported history
	Reactions []Reaction // in the order of first use
	Pinned    bool
	PinnedBy  access.UserID
	PinnedAt  time.Time // zero where an import had it pinned
	System    string    // of imported history, as "slack"; else empty
	Nonce     string
	DeletedBy access.UserID
}

// Author is a member, or somebody of imported history of whom only a name is known.
type Author struct {
	User   access.UserID // zero for who is no member
	Name   string        // of imported history; else empty
	Source string        // the id at the source, of imported history
}

// Reaction is an emoji and who gave it, in the order that they did.
type Reaction struct {
	Emoji string
	By    []Author
}

// Main reports whether the post stands in the channel's main line.
func (p *Post) Main() bool { return p.Thread.IsZero() || p.Broadcast }

// Reply reports whether the post stands in a thread.
func (p *Post) Reply() bool { return !p.Thread.IsZero() }

// Order sorts posts of a channel bytewise as they are displayed. It never changes for a message that is written here.
func (p *Post) Order() string {
	return fmt.Sprintf("%016x", uint64(p.HLC)) + hex.EncodeToString(p.ID[:])
}

// Compare orders posts for display: by (hlc, id).
func (p *Post) Compare(b *Post) int {
	x, y := Origin{HLC: p.HLC, ID: p.ID}, Origin{HLC: b.HLC, ID: b.ID}
	return x.Compare(&y)
}

// Calls reports whether the post mentions the person, by name or with everybody. Imported history calls nobody.
func (p *Post) Calls(who access.UserID) bool {
	if p.System != "" {
		return false
	}
	for _, m := range p.Mentions {
		if m.Kind == MentionChannel || m.Kind == MentionEveryone || m.Kind == MentionUser && m.User == who {
			return true
		}
	}
	return false
}

// Counts reports whether the post can be unread for the person: somebody else said it, here.
func (p *Post) Counts(self access.UserID) bool {
	return p.Kind == PostMessage && p.System == "" && p.Author.User != self
}

// Summary is what stands under the root of a thread.
type Summary struct {
	Replies int
	LastAt  time.Time
	People  []Author // up to MaxSummaryPeople, the latest first
}

// MaxSummaryPeople is how many people a Summary names.
const MaxSummaryPeople = 5

// Summarize folds a thread's replies, in display order, into what stands under its root.
func Summarize(replies []Post) Summary {
	s := Summary{}
	for i := len(replies) - 1; i >= 0; i-- {
		s.Add(replies[i].Author, replies[i].HLC.Time())
	}
	return s
}

// Add counts one more reply; they must come the latest first.
func (s *Summary) Add(a Author, at time.Time) {
	s.Replies++
	if s.Replies == 1 {
		s.LastAt = at
	}
	if len(s.People) == MaxSummaryPeople {
		return
	}
	for _, known := range s.People {
		if known == a {
			return
		}
	}
	s.People = append(s.People, a)
}
