package chat

import (
	"hallway/crdt"
	"hallway/crdt/access"
)

// Kind says what a content op does. A kind that is not known is kept and shown as nothing.
type Kind uint8

// The kinds of content.
const (
	KindMessage  Kind = 1
	KindEdit     Kind = 2
	KindReact    Kind = 3
	KindPin      Kind = 4
	KindImported Kind = 5
)

// Limits, in bytes unless they say otherwise.
const (
	MaxInner    = 60 << 10 // a whole envelope; padded and sealed it stays below crdt.MaxPayload
	MaxText     = 48 << 10
	MaxDeps     = 8
	MaxMentions = 256 // a message
	MaxFiles    = 32  // a message
	MaxName     = 255
	MaxManifest = 48 << 10
	MaxEmoji    = 64
	MaxNonce    = 64
)

// Body is one of *Message, *Edit, *React, *Pin, *Imported and *Unknown.
type Body interface {
	Kind() Kind
	walk(c *codec)
}

// Message is something that somebody says. It has text or files.
type Message struct {
	Text      string
	Thread    crdt.OpID // the root that this answers, zero in the main line
	Broadcast bool      // a reply that stands in the main line too
	ReplyTo   crdt.OpID // a message that it quotes, or zero
	Mentions  []Mention // in the order of Text, never overlapping
	Files     []File
	Nonce     string // what the sender's own screen knew it by; may be empty
}

// MentionKind says whom a mention calls.
type MentionKind uint8

// The kinds of mention.
const (
	MentionUser     MentionKind = 1
	MentionChannel  MentionKind = 2 // everybody in the channel
	MentionEveryone MentionKind = 3 // everybody in the workspace
	MentionName     MentionKind = 4 // of imported history: somebody who is only a name; calls nobody
)

// Mention is a stretch of Text, in bytes, that names somebody.
type Mention struct {
	Start, End int
	Kind       MentionKind
	User       access.UserID // of MentionUser, else zero
}

// File is an attachment. Manifest is the chunk manifest (protocol 8), opaque here; ID follows from it.
type File struct {
	Name          string
	Mime          string
	Size          uint64 // bytes
	Width, Height int    // pixels, 0 where it is no picture
	Manifest      []byte // not empty
}

// FileID names a file by its manifest, so that a file that is shared again is the same file.
type FileID [16]byte

// ID is the file's id.
func (f *File) ID() FileID {
	sum := crdt.Hash("hallway/file/v1", f.Manifest)
	return FileID(sum[:16])
}

// Edit replaces the text of a message of the same author.
type Edit struct {
	Target   crdt.OpID
	Text     string
	Mentions []Mention
}

// React adds an emoji of the author's to a message, or takes it back.
type React struct {
	Target crdt.OpID
	Emoji  string // Unicode, or :name:
	Remove bool
}

// Pin pins a message to its channel, or takes the pin away.
type Pin struct {
	Target crdt.OpID
	Remove bool
}

// Unknown is a body written by a newer Hallway.
type Unknown struct {
	Of  Kind
	Raw []byte // its fields, undecoded
}

// Kind implements Body.
func (*Message) Kind() Kind { return KindMessage }

// Kind implements Body.
func (*Edit) Kind() Kind { return KindEdit }

// Kind implements Body.
func (*React) Kind() Kind { return KindReact }

// Kind implements Body.
func (*Pin) Kind() Kind { return KindPin }

// Kind implements Body.
func (u *Unknown) Kind() Kind { return u.Of }
