package chat

import (
	"strings"
	"unicode/utf8"
)

// The flags of a Message: a field whose flag is not set is left out, and one that is empty has no flag.
const (
	hasThread = 1 << iota
	isBroadcast
	hasReplyTo
	hasMentions
	hasFiles
	hasNonce
	messageFlags = 1<<iota - 1
)

func (m *Message) flags() uint64 {
	var f uint64
	set := func(there bool, bit uint64) {
		if there {
			f |= bit
		}
	}
	set(!m.Thread.IsZero(), hasThread)
	set(m.Broadcast, isBroadcast)
	set(!m.ReplyTo.IsZero(), hasReplyTo)
	set(len(m.Mentions) > 0, hasMentions)
	set(len(m.Files) > 0, hasFiles)
	set(m.Nonce != "", hasNonce)
	return f
}

func (m *Message) walk(c *codec) {
	flags := m.flags()
	c.number(&flags, messageFlags)
	if flags&hasThread != 0 {
		c.fixed(m.Thread[:])
	}
	m.Broadcast = flags&isBroadcast != 0
	if flags&hasReplyTo != 0 {
		c.fixed(m.ReplyTo[:])
	}
	c.text(&m.Text, 0, MaxText)
	if flags&hasMentions != 0 {
		walkMentions(c, &m.Mentions, m.Text)
	}
	if flags&hasFiles != 0 {
		list(c, &m.Files, MaxFiles, 7, walkFile)
	}
	if flags&hasNonce != 0 {
		c.text(&m.Nonce, 1, MaxNonce)
	}
	c.require(m.flags() == flags)
	c.require(m.Text != "" || len(m.Files) > 0)
	c.require(!m.Broadcast || !m.Thread.IsZero())
}

// walkMentions demands that mentions lie inside the text, on rune boundaries, in order and apart.
func walkMentions(c *codec, p *[]Mention, text string) {
	at := 0
	list(c, p, MaxMentions, 3, func(c *codec, m *Mention) {
		gap, length, kind := m.Start-at, m.End-m.Start, int(m.Kind)
		c.int(&gap, MaxText)
		c.int(&length, MaxText)
		c.int(&kind, int(MentionName))
		m.Start, m.End, m.Kind = at+gap, at+gap+length, MentionKind(kind)
		if m.Kind == MentionUser {
			c.fixed(m.User[:])
		}
		c.require(kind > 0 && length > 0 && (m.Kind == MentionUser) != m.User.IsZero())
		c.require(m.End <= len(text) && boundary(text, m.Start) && boundary(text, m.End))
		at = m.End
	})
}

func boundary(s string, i int) bool { return i == len(s) || i < len(s) && utf8.RuneStart(s[i]) }

func walkFile(c *codec, f *File) {
	c.text(&f.Name, 1, MaxName)
	c.text(&f.Mime, 0, MaxName)
	c.number(&f.Size, 1<<50)
	c.int(&f.Width, 1<<20)
	c.int(&f.Height, 1<<20)
	c.bytes(&f.Manifest, MaxManifest)
	c.require(len(f.Manifest) > 0)
}

func (e *Edit) walk(c *codec) {
	c.fixed(e.Target[:])
	c.text(&e.Text, 0, MaxText)
	walkMentions(c, &e.Mentions, e.Text)
	c.require(!e.Target.IsZero())
}

func (r *React) walk(c *codec) {
	c.fixed(r.Target[:])
	walkEmoji(c, &r.Emoji)
	c.flag(&r.Remove)
	c.require(!r.Target.IsZero())
}

func walkEmoji(c *codec, p *string) {
	c.text(p, 1, MaxEmoji)
	c.require(!strings.ContainsFunc(*p, blank))
}

// blank reports control characters and white space. The list stands here, not in a table of Unicode's that the next
// version of the language may change: what one copy takes all must take.
func blank(r rune) bool {
	return r <= 0x20 || r >= 0x7f && r <= 0xa0 || r == 0x1680 || r >= 0x2000 && r <= 0x200a || r == 0x2028 || r == 0x2029 ||
		r == 0x202f || r == 0x205f || r == 0x3000
}

func (p *Pin) walk(c *codec) {
	c.fixed(p.Target[:])
	c.flag(&p.Remove)
	c.require(!p.Target.IsZero())
}

func (u *Unknown) walk(c *codec) {
	if !c.reading {
		c.out = append(c.out, u.Raw...)
		return
	}
	u.Raw = append([]byte(nil), c.take(len(c.in))...)
}
