package view

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
)

// Errors of this package, wrapped with the operation.
var (
	ErrNewer    = errors.New("view written by a newer version")
	ErrDamaged  = errors.New("view cannot be read") // also a wrong key; Drop it and feed it again
	ErrNotFound = errors.New("no such message")
	ErrClosed   = errors.New("view is closed")
)

// Options are what a view needs to know.
type Options struct {
	Self    access.UserID // whose reading, mentions and own messages count
	Readers int           // reading connections, 0 means 3
	Log     *slog.Logger  // nil for none; never given content
}

// Item is one op to be taken in.
type Item struct {
	Op      chat.Opened
	Arrived time.Time // when this copy got it
	// Backfill says that its absence here was ours: it came with the first fetch of its scope, or was written while this
	// copy was away. Such an op is not late.
	Backfill bool
}

// LateAfter is how long after it was written a message must arrive to be called late (protocol 3.4).
const LateAfter = time.Hour

// What says what became of a post.
type What uint8

// What can become of a post.
const (
	Added     What = 1 // it is new here, or could be opened now
	Edited    What = 2
	Deleted   What = 3
	Reacted   What = 4
	Pinned    What = 5 // or unpinned
	Withdrawn What = 6 // it stands here no longer: its placeholder turned out to be no message
)

// Change is one post that is other than before.
type Change struct {
	What   What
	Scope  crdt.ScopeID
	ID     crdt.OpID
	Thread crdt.OpID // its root, where it is a reply
	Late   bool      // with Added
	Unread bool      // with Added: it counts as unread in the main line
	Calls  bool      // with Added: it mentions oneself
}

// Changes is what a batch changed.
type Changes struct {
	Posts []Change // in the order of the batch
	// Erase are ops that no Redact names but whose content went with one that was named, as the edits of a deleted
	// message: their payloads must be dropped here too.
	Erase []crdt.OpID
}

// Row is a post with what this copy knows of it.
type Row struct {
	chat.Post
	Arrived  time.Time
	Late     bool
	Unread   bool
	Position int      // 1 for the oldest in the main line, counted without lines of the system; 0 where not asked for
	Summary  *Summary // of a root with replies, else nil
	Line     *Line    // the row is a line of the system, and Post holds its ID, Scope, HLC and Time only
}

// Summary is what stands under a root.
type Summary struct {
	chat.Summary
	Unread int
}

// Line is a line of the system in a channel, as a join: Office makes them from access ops, and puts them again when
// they change. Value is opaque here.
type Line struct {
	ID    crdt.OpID
	HLC   crdt.HLC
	Value []byte
}

// Page asks for rows of a channel's main line or, with Root, of a thread. At most one of Before, After, Around (ids of
// rows) and AtUnread is set; with none the page is the newest. Where AtUnread finds nothing unread it is the newest too.
type Page struct {
	Scope                 crdt.ScopeID
	Root                  crdt.OpID // zero for the main line
	Limit                 int       // 1 to MaxPage, 0 means 50
	Before, After, Around crdt.OpID
	AtUnread              bool
	System                bool // with lines of the system
}

// MaxPage is how many rows a page may have.
const MaxPage = 500

// Rows is a page, oldest first.
type Rows struct {
	Rows         []Row
	Older, Newer bool // there is more
}

// Unread is what of a scope is not read: main-line messages of others, imported ones never.
type Unread struct {
	Count    int
	Mentions int
	First    crdt.OpID // the first in display order, zero if none
	// ReadAt is when the last message before First was written; zero if there is none.
	ReadAt     time.Time
	Generation uint64
}

// Channel is what a view knows of a scope.
type Channel struct {
	Scope crdt.ScopeID
	Unread
	LastAt time.Time // when the newest main-line message was written
	Rows   int       // main-line rows held, without lines of the system
}

// Version is one text that a message had.
type Version struct {
	Op   crdt.OpID
	By   crdt.DeviceRef
	Time time.Time
	Text string
	Now  bool // it is the one that stands
}

type ctx = context.Context

func sortTargets(t []crdt.RedactTarget) {
	slices.SortFunc(t, func(a, b crdt.RedactTarget) int { return crdt.CompareIDs(a.ID, b.ID) })
}
