package chat

import (
	"slices"
	"time"

	"hallway/crdt"
)

// Fact is an edit, a reaction or a pin: an op about a message. Of its origin ID, HLC and User are what matters.
type Fact struct {
	Origin
	Body Body // *Edit, *React or *Pin
}

// TargetOf is the message that a body is about; ok is false where it is about none.
func TargetOf(b Body) (id crdt.OpID, ok bool) {
	switch b := b.(type) {
	case *Edit:
		return b.Target, true
	case *React:
		return b.Target, true
	case *Pin:
		return b.Target, true
	}
	return crdt.OpID{}, false
}

// Assemble is the post that an op and the facts about it make. The facts may be in any order and of anybody: what has
// no right or was overtaken does not count. ok is false where the op is no message.
func Assemble(from Origin, body Body, facts []Fact) (p Post, ok bool) {
	p = newPost(PostMessage, from)
	switch m := body.(type) {
	case *Message:
		p.Text, p.Mentions, p.Files, p.Nonce = m.Text, m.Mentions, m.Files, m.Nonce
		p.Thread, p.Broadcast, p.ReplyTo = m.Thread, m.Broadcast, m.ReplyTo
	case *Imported:
		p.imported(m)
	default:
		return Post{}, false
	}
	if e := StandingEdit(from, body, facts); e != nil {
		b := e.Body.(*Edit)
		p.Text, p.Mentions, p.Edited = b.Text, b.Mentions, e.HLC.Time()
	}
	p.Reactions = react(p.Reactions, facts)
	if pin := latest(facts, isPin); pin != nil {
		p.Pinned, p.PinnedBy, p.PinnedAt = !pin.Body.(*Pin).Remove, pin.User, pin.HLC.Time()
		if !p.Pinned {
			p.PinnedBy, p.PinnedAt = Author{}.User, time.Time{}
		}
	}
	return p, true
}

// Deleted is the post that is left of an op that was redacted.
func Deleted(from Origin, by Origin) Post {
	p := newPost(PostDeleted, from)
	p.DeletedBy = by.User
	return p
}

// Locked is the post that stands for an op whose key is not here.
func Locked(from Origin) Post { return newPost(PostLocked, from) }

func newPost(k PostKind, from Origin) Post {
	from.Moderates, from.Imports = false, false // rights of the op, no matter of the post
	return Post{Kind: k, ID: from.ID, Op: from.ID, Origin: from, Time: from.HLC.Time(), Author: Author{User: from.User}}
}

func (p *Post) imported(m *Imported) {
	p.ID = m.ID(p.Scope)
	p.Origin = m.place(p.Origin)
	p.Time, p.Edited = m.Time, m.Edited
	p.Author = Author{User: m.Author, Name: m.AuthorName, Source: m.AuthorSource}
	p.Text, p.Mentions, p.Links = m.Text, m.Mentions, m.Files
	p.Thread, p.Broadcast, p.System, p.Pinned = m.Root(p.Scope), m.Broadcast, m.System, m.Pinned
	for _, r := range m.Reactions {
		by := make([]Author, len(r.By))
		for i, who := range r.By {
			by[i] = Author{User: who.User, Name: who.Name}
		}
		p.Reactions = append(p.Reactions, Reaction{Emoji: r.Emoji, By: by})
	}
}

// place is the origin with the clock that the message is displayed by: its time at the source, to the microsecond, but
// never later than the op that carries it.
func (m *Imported) place(from Origin) Origin {
	us := m.Time.UnixMicro()
	from.HLC = min(from.HLC, crdt.HLC(us/1000<<16|us%1000*65))
	return from
}

// StandingEdit is the edit that holds: the author's last one by (hlc, id), which is the last by causality, and among
// concurrent ones the same on every copy. Nil where the text stands as it was written. Imported history is not edited.
func StandingEdit(from Origin, body Body, facts []Fact) *Fact {
	if body.Kind() != KindMessage {
		return nil
	}
	return latest(facts, func(f *Fact) bool { return f.Body.Kind() == KindEdit && f.User == from.User })
}

func isPin(f *Fact) bool { return f.Body.Kind() == KindPin }

func latest(facts []Fact, of func(*Fact) bool) *Fact {
	var last *Fact
	for i := range facts {
		if f := &facts[i]; of(f) && (last == nil || f.Compare(&last.Origin) > 0) {
			last = f
		}
	}
	return last
}

// react folds reactions: for each person and emoji the last word counts, and what stands is listed in the order in
// which it was said. base are those of imported history, which nobody takes back.
func react(base []Reaction, facts []Fact) []Reaction {
	type key struct {
		user  [16]byte
		emoji string
	}
	last := map[key]*Fact{}
	for i := range facts {
		f := &facts[i]
		r, ok := f.Body.(*React)
		if !ok {
			continue
		}
		k := key{f.User, r.Emoji}
		if old := last[k]; old == nil || f.Compare(&old.Origin) > 0 {
			last[k] = f
		}
	}
	standing := make([]*Fact, 0, len(last))
	for _, f := range last {
		if !f.Body.(*React).Remove {
			standing = append(standing, f)
		}
	}
	slices.SortFunc(standing, func(a, b *Fact) int { return a.Compare(&b.Origin) })
	for _, f := range standing {
		base = addReaction(base, f.Body.(*React).Emoji, Author{User: f.User})
	}
	return base
}

func addReaction(to []Reaction, emoji string, who Author) []Reaction {
	for i := range to {
		if to[i].Emoji != emoji {
			continue
		}
		if !slices.ContainsFunc(to[i].By, func(a Author) bool { return a.User == who.User }) {
			to[i].By = append(to[i].By, who)
		}
		return to
	}
	return append(to, Reaction{Emoji: emoji, By: []Author{who}})
}

// Edits are the edits that count as versions of a message, in their order: all that its author made.
func Edits(from Origin, body Body, facts []Fact) []Fact {
	if body.Kind() != KindMessage {
		return nil
	}
	out := slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool { return f.Body.Kind() != KindEdit || f.User != from.User })
	slices.SortFunc(out, func(a, b Fact) int { return a.Compare(&b.Origin) })
	return out
}
