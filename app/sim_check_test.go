package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// transcript is a channel as everybody who may read it must see it, byte for byte: what depends on who looks (own
// messages, read marks, how far a message has come, how much of a file is here) is left out.
func (d *simDesk) transcript(channel string) (string, error) {
	var b strings.Builder
	rows, err := d.pages(func(before string) ([]Message, bool, error) {
		r, err := d.of.History(context.Background(), HistoryRequest{Channel: channel, Limit: 200, Before: before, System: true})
		return r.Rows, r.Older, err
	})
	if err != nil {
		return "", err
	}
	for i := range rows {
		writeRow(&b, &rows[i], "")
		if rows[i].Replies == 0 {
			continue
		}
		replies, err := d.pages(func(before string) ([]Message, bool, error) {
			r, err := d.of.Thread(context.Background(), ThreadRequest{Root: rows[i].ID, Limit: 200, Before: before})
			return r.Rows, r.Older, err
		})
		if err != nil {
			return "", err
		}
		for j := range replies {
			writeRow(&b, &replies[j], "  ")
		}
	}
	return b.String(), nil
}

// pages reads a conversation from its end to its beginning, and answers it from the beginning.
func (d *simDesk) pages(page func(before string) ([]Message, bool, error)) ([]Message, error) {
	var all []Message
	for before := ""; ; {
		rows, older, err := page(before)
		if err != nil {
			return nil, err
		}
		all = append(rows, all...)
		if !older {
			return all, nil
		}
		if len(rows) == 0 {
			return nil, errors.New("a page without rows says that there is more")
		}
		before = rows[0].ID
	}
}

func writeRow(b *strings.Builder, m *Message, indent string) {
	fmt.Fprintf(b, "%s%s %s %s", indent, m.ID[:16], m.Time.UTC().Format("2006-01-02T15:04:05.000"), m.Kind)
	if m.Kind != RowMessage {
		for _, p := range []*Person{m.Actor, m.Target} {
			if p != nil {
				fmt.Fprintf(b, " %s", p.Name)
			}
		}
		fmt.Fprintf(b, " %q %d\n", m.Value, m.Count)
		return
	}
	fmt.Fprintf(b, " %s %q", m.Author, m.Text)
	if m.Edited {
		fmt.Fprintf(b, " edited=%s", m.EditedAt.UTC().Format("2006-01-02T15:04:05.000"))
	}
	for _, mark := range []struct {
		on   bool
		word string
	}{{m.Deleted, " deleted"}, {m.Pinned, " pinned"}, {m.AlsoToChannel, " also"}} {
		if mark.on {
			b.WriteString(mark.word)
		}
	}
	for _, r := range m.Reactions {
		var who []string
		for _, p := range r.People {
			who = append(who, p.Name)
		}
		fmt.Fprintf(b, " %s by %s", r.Emoji, strings.Join(who, ","))
	}
	for _, f := range m.Files {
		fmt.Fprintf(b, " file %s %q %d", f.ID, f.Name, f.Size)
	}
	fmt.Fprintf(b, " replies=%d\n", m.Replies)
}

// channels are the ids of the channels that a desk shows.
func (d *simDesk) channels() []string {
	r, err := d.of.Channels(context.Background(), ChannelsRequest{Archived: true})
	if err != nil {
		return nil
	}
	var out []string
	for _, c := range r.Channels {
		out = append(out, c.ID)
	}
	slices.Sort(out)
	return out
}
