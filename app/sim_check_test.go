package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hallway/crdt"
	"hallway/crdt/access"
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

// members are the desks whose person is in, by the founder's view, and the others.
func (a *simActs) membersAndOthers() (in, out []*simDesk) {
	s, err := a.desks[0].of.space(In{})
	a.must(err)
	for _, d := range a.desks {
		u, err := access.ParseUserID(d.user)
		a.must(err)
		if _, ok := s.access().Role(u); ok {
			in = append(in, d)
		} else {
			out = append(out, d)
		}
	}
	return in, out
}

// differs says in what two members' copies differ, or nothing.
func (a *simActs) differs() string {
	in, _ := a.membersAndOthers()
	first := map[string]string{}     // channel: its text
	shownBy := map[string]*simDesk{} // channel: who showed it so
	audit, auditBy := "", in[0]
	for i, d := range in {
		if !d.isIn() {
			return d.name + " has not finished joining"
		}
		s, err := d.of.space(In{})
		a.must(err)
		text := auditText(s)
		if i == 0 {
			audit = text
		}
		if text != audit {
			return fmt.Sprintf("%s and %s differ in who may do what:\n%s", auditBy.name, d.name, firstDifference(audit, text))
		}
		for _, id := range d.channels() {
			text, err := d.transcript(id)
			a.must(err)
			if strings.Contains(text, " "+string(RowMissingKey)+" ") || strings.Contains(text, " "+string(RowGap)+" ") || strings.Contains(text, "Newcomer (") {
				return fmt.Sprintf("%s lacks something in %s:\n%s", d.name, id[:8], text)
			}
			if shownBy[id] == nil {
				shownBy[id], first[id] = d, text
			}
			if text != first[id] {
				return fmt.Sprintf("%s and %s differ in %s:\n%s", shownBy[id].name, d.name, id[:8], firstDifference(first[id], text))
			}
		}
	}
	for id, by := range shownBy {
		s, err := by.of.space(In{})
		a.must(err)
		for _, d := range in {
			may := s.access().MayRead(userOf(d), crdt.ScopeID(unhex(id)))
			if has := slices.Contains(d.channels(), id); has != may {
				return fmt.Sprintf("%s: channel %s is shown %v and may be read %v, as %s sees it", d.name, id[:8], has, may, by.name)
			}
		}
	}
	return a.lost(in)
}

// lost names an acknowledged message that somebody lacks who should show it.
func (a *simActs) lost(in []*simDesk) string {
	for _, d := range in {
		texts := map[crdt.ScopeID]string{}
		s, err := d.of.space(In{})
		a.must(err)
		for _, x := range a.acks {
			scope := s.access().Canonical(x.channel)
			if x.deleted || x.text == "" || !s.access().MayRead(userOf(d), scope) {
				continue
			}
			if _, ok := texts[scope]; !ok {
				text, err := d.transcript(scope.String())
				a.must(err)
				texts[scope] = text
			}
			if !strings.Contains(texts[scope], fmt.Sprintf("%q", x.text)) {
				return fmt.Sprintf("%s lacks %q of %s in %s", d.name, x.text, x.by.name, scope.String()[:8])
			}
		}
	}
	return ""
}

// auditText is every change of rights that all members hold, and whether it counts.
func auditText(s *space) string {
	var b strings.Builder
	for _, e := range s.access().Audit() {
		if ch, ok := s.access().Channel(e.Scope); ok && !ch.Public {
			continue
		}
		fmt.Fprintf(&b, "%s %s %v\n", e.Op.String()[:16], auditWords[e.Type], e.Effective)
	}
	return b.String()
}

func firstDifference(x, y string) string {
	xs, ys := strings.Split(x, "\n"), strings.Split(y, "\n")
	for i := range max(len(xs), len(ys)) {
		a, b := "(nothing)", "(nothing)"
		if i < len(xs) {
			a = xs[i]
		}
		if i < len(ys) {
			b = ys[i]
		}
		if a != b {
			return fmt.Sprintf("line %d of %d and %d\n  %s\n  %s", i+1, len(xs), len(ys), a, b)
		}
	}
	return "nothing"
}

func userOf(d *simDesk) access.UserID {
	u, err := access.ParseUserID(d.user)
	if err != nil {
		panic(err)
	}
	return u
}

func unhex(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

// checkSecrets looks whether anybody can open what is not for them, and whether any disk shows what was written.
func (a *simActs) checkSecrets() {
	seen := map[crdt.ScopeID]map[access.UserID]int{} // the last message of a channel that was sent with this reader
	for i, x := range a.acks {
		if seen[x.channel] == nil {
			seen[x.channel] = map[access.UserID]int{}
		}
		for u := range x.readers {
			seen[x.channel][u] = i
		}
	}
	opened := 0
	for i, x := range a.acks {
		adm, ok := a.op(x)
		if !ok {
			continue
		}
		for _, d := range a.desks {
			s, err := d.of.space(In{})
			a.must(err)
			last, ever := seen[x.channel][userOf(d)]
			may := ever && last >= i
			for _, other := range a.desks { // somebody who may read it says who else may
				o, err := other.of.space(In{})
				a.must(err)
				may = may || o.access().MayRead(o.self, x.channel) && o.access().MayRead(userOf(d), x.channel)
			}
			if may {
				continue
			}
			opened++
			if _, err := s.seal.OpenOp(adm); err == nil {
				a.fail("%s can open %q, which %s sent into %s for others", d.name, x.text, x.by.name, x.channel.String()[:8])
			}
		}
	}
	a.note("%d times somebody could not open what is not for them", opened)
}

// op finds a message's op on some disk.
func (a *simActs) op(x *ack) (access.Admitted, bool) {
	for _, d := range a.desks {
		s, err := d.of.space(In{})
		a.must(err)
		if e, err := s.rep.Op(x.id); err == nil {
			return e.Admitted, e.Admitted.Verified().Op().HasPayload()
		}
	}
	return access.Admitted{}, false
}

// checkDisks looks for plaintext on every disk. The desks must be off.
func (a *simActs) checkDisks() {
	for _, d := range a.desks {
		a.must(filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if err == nil && bytes.Contains(b, []byte(canary)) {
				a.fail("%s of %s shows what was written", path, d.name)
			}
			return err
		}))
	}
}

// checkForks wants no device to have written two ops at one place.
func (a *simActs) checkForks() {
	for _, d := range a.desks {
		s, err := d.of.space(In{})
		a.must(err)
		forks, err := s.rep.Forks()
		a.must(err)
		if len(forks) > 0 {
			a.fail("%s holds %d fork proofs", d.name, len(forks))
		}
	}
}
