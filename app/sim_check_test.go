package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
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
		d.w.writeRow(&b, &rows[i], "")
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
			d.w.writeRow(&b, &replies[j], "  ")
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

// writeRow names people by their desks: a guest cannot open what members say of themselves.
func (w *simWorld) writeRow(b *strings.Builder, m *Message, indent string) {
	fmt.Fprintf(b, "%s%s %s %s", indent, m.ID[:16], m.Time.UTC().Format("2006-01-02T15:04:05.000"), m.Kind)
	if m.Kind != RowMessage {
		for _, p := range []*Person{m.Actor, m.Target} {
			if p != nil {
				fmt.Fprintf(b, " %s", w.nameOf(p.ID))
			}
		}
		fmt.Fprintf(b, " %q %d\n", m.Value, m.Count)
		return
	}
	fmt.Fprintf(b, " %s %q", w.nameOf(m.AuthorID), m.Text)
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
			who = append(who, w.nameOf(p.ID))
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

// truth is the space of the desk that knows most about who may read a scope. Whoever was taken out of a private channel is
// told no more of it, so that his own copy may say otherwise for good.
func (a *simActs) truth(scope crdt.ScopeID) *space {
	var best *space
	most := -1
	for _, d := range a.desks {
		s, err := d.of.space(In{})
		a.must(err)
		n := 0
		for _, e := range s.access().Audit() {
			if e.Scope == scope || e.Scope == s.scope() {
				n++
			}
		}
		if n > most {
			best, most = s, n
		}
	}
	return best
}

// readers are the desks of the people who may read a channel.
func (a *simActs) readers(id string) (out []*simDesk) {
	scope := crdt.ScopeID(unhex(id))
	v := a.truth(scope).access()
	for _, d := range a.desks {
		if v.MayRead(userOf(d), scope) {
			out = append(out, d)
		}
	}
	return out
}

// differs says in what the copies of two who may read the same differ, or nothing.
func (a *simActs) differs() string {
	in, _ := a.membersAndOthers()
	var audit string
	rooms := map[string]bool{}
	for i, d := range in {
		if !d.isIn() {
			return d.name + " has not finished joining: " + d.howFar()
		}
		s, err := d.of.space(In{})
		a.must(err)
		text := auditText(s)
		if i == 0 {
			audit = text
		}
		if text != audit {
			return fmt.Sprintf("%s and %s differ in who may do what:\n%s%s", in[0].name, d.name, firstDifference(audit, text), a.holdings(s.scope().String()))
		}
		for _, id := range d.channels() {
			rooms[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(rooms)) {
		if why := a.room(id); why != "" {
			return why + a.holdings(id)
		}
	}
	return ""
}

// room compares what those show who may read a channel.
func (a *simActs) room(id string) string {
	var first string
	readers := a.readers(id)
	for i, d := range readers {
		if !slices.Contains(d.channels(), id) {
			return fmt.Sprintf("%s does not show %s", d.name, id[:8])
		}
		text, err := d.transcript(id)
		a.must(err)
		if i == 0 {
			first = text
		}
		if strings.Contains(text, " "+string(RowMissingKey)+" ") || strings.Contains(text, " "+string(RowGap)+" ") {
			return fmt.Sprintf("%s lacks something in %s:\n%s", d.name, id[:8], text)
		}
		if text != first {
			return fmt.Sprintf("%s and %s differ in %s:\n%s", readers[0].name, d.name, id[:8], firstDifference(first, text))
		}
	}
	return a.lost(id, readers, first)
}

// lost names a message that was acknowledged to one who may still read a channel, and that is not in it.
func (a *simActs) lost(id string, readers []*simDesk, text string) string {
	for _, x := range a.acks {
		if len(readers) == 0 || x.deleted || x.text == "" || !slices.Contains(readers, x.by) {
			continue
		}
		s, err := readers[0].of.space(In{})
		a.must(err)
		if s.access().Canonical(x.channel).String() == id && !strings.Contains(text, fmt.Sprintf("%q", x.text)) {
			return fmt.Sprintf("%q of %s is lost in %s, sent into %s", x.text, x.by.name, id[:8], x.channel.String()[:8])
		}
	}
	return ""
}

// howFar says where a join stands.
func (d *simDesk) howFar() string {
	s, err := d.of.space(In{})
	if err != nil {
		return err.Error()
	}
	_, err = s.seal.EpochToSend(s.sealView(), s.scope())
	return fmt.Sprintf("%+v, member %v, epoch: %v, missing %v\n%s", s.joinStatus(), s.member(), err, s.seal.Missing(), strings.Join(d.log.last(5), ""))
}

// holdings is what each desk holds of a scope, for when two differ.
func (a *simActs) holdings(id string) string {
	var b strings.Builder
	for _, d := range a.desks {
		s, err := d.of.space(In{})
		a.must(err)
		fmt.Fprintf(&b, "\n  %s says that it is read by", d.name)
		for _, u := range s.readersOf(crdt.ScopeID(unhex(id))) {
			fmt.Fprintf(&b, " %s", a.nameOf(u.String()))
		}
		for _, t := range s.rep.Tips(crdt.ScopeID(unhex(id))) {
			fmt.Fprintf(&b, " %s/%s:%d-%d", a.deviceName(t.Device), t.Log.String()[:4], t.Lo, t.Seq)
		}
	}
	return b.String()
}

func (a *simActs) deviceName(ref crdt.DeviceRef) string {
	for _, d := range a.desks {
		if s, err := d.of.space(In{}); err == nil && s.device == ref {
			return d.name
		}
	}
	return "?"
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
			may := ever && last >= i || a.truth(x.channel).access().MayRead(userOf(d), x.channel)
			if !x.out[userOf(d)] { // who was in for a while got older keys while nobody had taken him out
				may = may || s.access().MayRead(s.self, x.channel)
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
