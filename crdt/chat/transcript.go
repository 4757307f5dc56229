package chat

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"hallway/crdt"
)

// Conversation is what a transcript is written of: a Fold, or a view's pages.
type Conversation interface {
	Channel(scope crdt.ScopeID) []Post                // the main line, in display order
	Thread(scope crdt.ScopeID, root crdt.OpID) []Post // replies, in display order
}

// Transcript writes a scope's conversation as text that two copies have byte for byte alike if they show the same. name
// says how to call an author; it is asked for members only.
func Transcript(w io.Writer, c Conversation, scope crdt.ScopeID, name func(Author) string) error {
	t := transcript{name: name}
	for _, p := range c.Channel(scope) {
		t.post(&p, "")
		replies := c.Thread(scope, p.ID)
		if len(replies) > 0 {
			s := Summarize(replies)
			fmt.Fprintf(&t.out, "  %d replies, last %s, by %s\n", s.Replies, stamp(s.LastAt), t.names(s.People))
		}
		for _, r := range replies {
			t.post(&r, "  > ")
		}
	}
	_, err := io.WriteString(w, t.out.String())
	return err
}

// Digest is a hash of everything that a fold shows, in all its scopes.
func (f *Fold) Digest() [32]byte {
	parts := [][]byte{}
	for _, scope := range f.Scopes() {
		t := transcript{name: func(a Author) string { return a.User.String() }}
		for _, p := range f.fold()[scope] {
			t.post(&p, p.ID.String()+" "+p.Op.String()+" "+p.Thread.String()+" "+p.ReplyTo.String()+" ")
		}
		parts = append(parts, slices.Clone(scope[:]), []byte(t.out.String()))
	}
	return crdt.Hash("hallway/chat/digest/v1", parts...)
}

type transcript struct {
	out  strings.Builder
	name func(Author) string
}

func (t *transcript) author(a Author) string {
	switch {
	case a.Name == "":
		return t.name(a)
	case a.User.IsZero():
		return a.Name + " (imported)"
	}
	return a.Name + " (imported, " + t.name(a) + ")"
}

func (t *transcript) names(as []Author) string {
	out := make([]string, len(as))
	for i, a := range as {
		out[i] = t.author(a)
	}
	return strings.Join(out, ", ")
}

func (t *transcript) post(p *Post, lead string) {
	fmt.Fprintf(&t.out, "%s%s %s: ", lead, stamp(p.Time), t.author(p.Author))
	switch p.Kind {
	case PostDeleted:
		fmt.Fprintf(&t.out, "(deleted by %s)", t.author(Author{User: p.DeletedBy}))
	case PostLocked:
		t.out.WriteString("(waiting for the key)")
	}
	t.out.WriteString(strings.ReplaceAll(p.Text, "\n", "\n"+lead+"  | "))
	if !p.Edited.IsZero() {
		fmt.Fprintf(&t.out, " (edited %s)", stamp(p.Edited))
	}
	if p.Broadcast {
		t.out.WriteString(" (also to channel)")
	}
	if p.Pinned {
		fmt.Fprintf(&t.out, " (pinned by %s)", t.author(Author{User: p.PinnedBy}))
	}
	t.out.WriteByte('\n')
	for _, m := range p.Mentions {
		fmt.Fprintf(&t.out, "%s  @ %d-%d %d %s\n", lead, m.Start, m.End, m.Kind, t.author(Author{User: m.User}))
	}
	for i := range p.Files {
		f := &p.Files[i]
		fmt.Fprintf(&t.out, "%s  # %s, %d bytes, %s, %dx%d, %x\n", lead, f.Name, f.Size, f.Mime, f.Width, f.Height, f.ID())
	}
	for _, l := range p.Links {
		fmt.Fprintf(&t.out, "%s  # %s, %d bytes, %s, %s\n", lead, l.Name, l.Size, l.Mime, l.URL)
	}
	for _, r := range p.Reactions {
		fmt.Fprintf(&t.out, "%s  %s %s\n", lead, r.Emoji, t.names(r.By))
	}
}

const stampLayout = "2006-01-02 15:04:05.000000"

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(stampLayout)
}
