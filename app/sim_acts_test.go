package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"hallway/crdt"
	"hallway/crdt/access"
)

// canary is in every text and every file of a simulation: no disk may show it.
const canary = "canarybird"

// ack is a message that Send said is durable.
type ack struct {
	id      crdt.OpID
	channel crdt.ScopeID
	by      *simDesk
	text    string
	deleted bool                   // somebody was allowed to delete it
	readers map[access.UserID]bool // who could read the channel as its author saw it then
	out     map[access.UserID]bool // who had been taken out, as its author saw it then
}

// simActs draws what people do and what happens to their computers.
type simActs struct {
	*simWorld
	people  int // how many there shall be
	link    string
	acks    []*ack
	byID    map[crdt.OpID]*ack
	cut     bool
	channel int
	texts   int
	weights []act
}

type act struct {
	weight int
	name   string
	do     func(*simDesk)
}

func newSimActs(w *simWorld, people int) *simActs {
	a := &simActs{simWorld: w, people: people, byID: map[crdt.OpID]*ack{}}
	a.weights = []act{
		{60, "send", a.send}, {12, "reply", a.reply}, {8, "edit", a.edit}, {12, "react", a.react}, {5, "delete", a.delete},
		{3, "pin", a.pin}, {5, "file", a.file}, {3, "channel", a.createChannel}, {8, "direct", a.direct}, {5, "add", a.addTo},
		{3, "take out", a.takeOut}, {1, "leave", a.leave}, {2, "topic", a.topic}, {1, "archive", a.archive}, {4, "role", a.role},
		{2, "remove", a.remove}, {6, "approve", a.approve}, {4, "read", a.read}, {2, "profile", a.profile}, {2, "invite", a.invite},
	}
	return a
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// online are the desks that are on and in.
func (a *simActs) online() (out []*simDesk) {
	for _, d := range a.desks {
		if d.isIn() {
			out = append(out, d)
		}
	}
	return out
}

// one has one person do one thing.
func (a *simActs) one() {
	on := a.online()
	if len(on) == 0 {
		return
	}
	total := 0
	for _, x := range a.weights {
		total += x.weight
	}
	n := a.rng.IntN(total)
	for _, x := range a.weights {
		if n -= x.weight; n < 0 {
			x.do(pick(a.rng, on))
			return
		}
	}
}

// patience is how long, in virtual time, a person waits for an answer: none of these commands needs the network.
const patience = time.Minute

// did notes what came of a command. That a person may not do something is an answer; a fault of ours ends the simulation.
func (a *simActs) did(d *simDesk, err error, format string, args ...any) bool {
	what := fmt.Sprintf(format, args...)
	if err == nil {
		a.note("%s %s", d.name, what)
		return true
	}
	p := AsProblem(err)
	a.note("%s %s: %v", d.name, what, err)
	if p.Kind == ProblemInternal || errors.Is(err, context.DeadlineExceeded) {
		a.must(fmt.Errorf("%s %s: %w\n%s", d.name, what, err, strings.Join(d.log.last(10), "")))
	}
	return false
}

func (a *simActs) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// rooms are the channels of a desk that fit.
func (a *simActs) rooms(d *simDesk, fits func(*Channel) bool) (out []Channel) {
	r, err := d.of.Channels(a.ctx(), ChannelsRequest{})
	a.must(err)
	for i := range r.Channels {
		if fits == nil || fits(&r.Channels[i]) {
			out = append(out, r.Channels[i])
		}
	}
	return out
}

func writable(c *Channel) bool { return c.MayWrite && c.Joined }

// row draws a message that a desk shows.
func (a *simActs) row(d *simDesk, fits func(*Message) bool) (Channel, Message, bool) {
	rooms := a.rooms(d, writable)
	if len(rooms) == 0 {
		return Channel{}, Message{}, false
	}
	c := pick(a.rng, rooms)
	h, err := d.of.History(a.ctx(), HistoryRequest{Channel: c.ID, Limit: 30})
	a.must(err)
	var rows []Message
	for i := range h.Rows {
		if m := &h.Rows[i]; m.Kind == RowMessage && !m.Deleted && (fits == nil || fits(m)) {
			rows = append(rows, *m)
		}
	}
	if len(rows) == 0 {
		return c, Message{}, false
	}
	return c, pick(a.rng, rows), true
}

func (a *simActs) text(d *simDesk) string {
	a.texts++
	return fmt.Sprintf("%s %d from %s %s", canary, a.texts, d.name, strings.Repeat("word ", a.rng.IntN(12)))
}

func (a *simActs) send(d *simDesk) {
	if rooms := a.rooms(d, writable); len(rooms) > 0 {
		c := pick(a.rng, rooms)
		a.say(d, &c, SendRequest{})
	}
}

// say sends a message, and remembers that it was acknowledged and who could read it.
func (a *simActs) say(d *simDesk, c *Channel, q SendRequest) {
	s, err := d.of.space(In{})
	a.must(err)
	q.Channel, q.Text = c.ID, a.text(d)
	readers := map[access.UserID]bool{}
	scope := crdt.ScopeID(unhex(c.ID))
	for _, u := range s.readersOf(scope) {
		readers[u] = true
	}
	r, err := d.of.Send(a.ctx(), q)
	if !a.did(d, err, "sends %d into %s %s", a.texts, c.Kind, c.Name) {
		return
	}
	id, err := crdt.ParseOpID(r.ID)
	a.must(err)
	x := &ack{id: id, channel: scope, by: d, text: q.Text, readers: readers, out: takenOut(s, scope)}
	a.acks, a.byID[id] = append(a.acks, x), x
}

func (a *simActs) reply(d *simDesk) {
	if c, m, ok := a.row(d, nil); ok {
		a.say(d, &c, SendRequest{Thread: m.ID, AlsoToChannel: a.rng.IntN(4) == 0})
	}
}

func (a *simActs) edit(d *simDesk) {
	_, m, ok := a.row(d, func(m *Message) bool { return m.Mine && m.MayEdit })
	if !ok {
		return
	}
	text := a.text(d)
	_, err := d.of.Edit(a.ctx(), EditRequest{ID: m.ID, Text: text})
	if a.did(d, err, "edits %s into %d", m.ID[:8], a.texts) {
		if id, err := crdt.ParseOpID(m.ID); err == nil && a.byID[id] != nil {
			a.byID[id].text = "" // whoever edits last, by the clocks, wins
		}
	}
}

func (a *simActs) react(d *simDesk) {
	if _, m, ok := a.row(d, nil); ok {
		emoji, remove := pick(a.rng, []string{"👍", "🎉", "❤️"}), a.rng.IntN(4) == 0
		_, err := d.of.React(a.ctx(), ReactRequest{ID: m.ID, Emoji: emoji, Remove: remove})
		a.did(d, err, "reacts %s to %s, remove %v", emoji, m.ID[:8], remove)
	}
}

func (a *simActs) delete(d *simDesk) {
	_, m, ok := a.row(d, func(m *Message) bool { return m.MayDelete })
	if !ok {
		return
	}
	_, err := d.of.Delete(a.ctx(), MessageRequest{ID: m.ID})
	if id, perr := crdt.ParseOpID(m.ID); perr == nil && a.byID[id] != nil {
		a.byID[id].deleted = true
	}
	a.did(d, err, "deletes %s", m.ID[:8])
}

func (a *simActs) pin(d *simDesk) {
	if _, m, ok := a.row(d, nil); ok {
		_, err := d.of.Pin(a.ctx(), MessageRequest{ID: m.ID})
		a.did(d, err, "pins %s", m.ID[:8])
	}
}

func (a *simActs) file(d *simDesk) {
	rooms := a.rooms(d, writable)
	if len(rooms) == 0 {
		return
	}
	body := bytes.Repeat([]byte(canary+" "), 1+a.rng.IntN(8000))
	f, err := d.of.AddFile(a.ctx(), AddFileRequest{Name: fmt.Sprintf("notes%d.txt", a.texts), Size: len(body)}, bytes.NewReader(body))
	if a.did(d, err, "adds a file of %d bytes", len(body)) {
		c := pick(a.rng, rooms)
		a.say(d, &c, SendRequest{Files: []string{f.ID}})
	}
}

// others draws people that a desk knows, without itself.
func (a *simActs) others(d *simDesk, most int) (out []string) {
	r, err := d.of.Members(a.ctx(), MembersRequest{})
	a.must(err)
	for _, i := range a.rng.Perm(len(r.Members)) {
		if m := r.Members[i]; !m.You && len(out) < most {
			out = append(out, m.ID)
		}
	}
	return out
}

func (a *simActs) createChannel(d *simDesk) {
	a.channel++
	q := CreateChannelRequest{Name: fmt.Sprintf("room-%d", a.channel), Private: a.rng.IntN(3) > 0, Topic: "about " + canary}
	if q.Private {
		q.Members = a.others(d, 1+a.rng.IntN(5))
	}
	_, err := d.of.CreateChannel(a.ctx(), q)
	a.did(d, err, "creates %s, private %v, with %d", q.Name, q.Private, len(q.Members))
}

func (a *simActs) direct(d *simDesk) {
	with := a.others(d, 1+a.rng.IntN(2))
	if len(with) == 0 {
		return
	}
	if d.user > slices.Min(with) {
		return // begun by one of them always: two that are begun apart do not fold into one conversation yet
	}
	c, err := d.of.OpenDirect(a.ctx(), OpenDirectRequest{Members: with})
	if a.did(d, err, "opens a direct message with %s", a.nameOf(with[0])) {
		a.say(d, &c, SendRequest{})
	}
}

func managed(c *Channel) bool { return c.Kind == ChannelPrivate && c.MayManage }

func (a *simActs) addTo(d *simDesk) {
	rooms, who := a.rooms(d, managed), a.others(d, 1)
	if len(rooms) > 0 && len(who) > 0 {
		c := pick(a.rng, rooms)
		_, err := d.of.AddToChannel(a.ctx(), ChannelMemberRequest{Channel: c.ID, Member: who[0]})
		a.did(d, err, "adds %s to %s", a.nameOf(who[0]), c.Name)
	}
}

func (a *simActs) takeOut(d *simDesk) {
	rooms := a.rooms(d, managed)
	if len(rooms) == 0 {
		return
	}
	c := pick(a.rng, rooms)
	r, err := d.of.ChannelMembers(a.ctx(), ChannelRequest{Channel: c.ID})
	a.must(err)
	if m := pick(a.rng, r.Members); !m.You {
		_, err := d.of.RemoveFromChannel(a.ctx(), ChannelMemberRequest{Channel: c.ID, Member: m.ID})
		a.did(d, err, "takes %s out of %s", a.nameOf(m.ID), c.Name)
	}
}

func (a *simActs) leave(d *simDesk) {
	if rooms := a.rooms(d, func(c *Channel) bool { return c.Kind == ChannelPrivate }); len(rooms) > 0 {
		c := pick(a.rng, rooms)
		_, err := d.of.LeaveChannel(a.ctx(), ChannelRequest{Channel: c.ID})
		a.did(d, err, "leaves %s", c.Name)
	}
}

func (a *simActs) topic(d *simDesk) {
	if rooms := a.rooms(d, func(c *Channel) bool { return c.MayManage && c.Kind != ChannelDirect }); len(rooms) > 0 {
		c := pick(a.rng, rooms)
		_, err := d.of.SetTopic(a.ctx(), SetTopicRequest{Channel: c.ID, Topic: a.text(d)})
		a.did(d, err, "sets the topic of %s", c.Name)
	}
}

func (a *simActs) archive(d *simDesk) {
	fits := func(c *Channel) bool { return c.MayManage && strings.HasPrefix(c.Name, "room-") }
	if rooms := a.rooms(d, fits); len(rooms) > 3 {
		c := pick(a.rng, rooms)
		_, err := d.of.ArchiveChannel(a.ctx(), ChannelRequest{Channel: c.ID})
		a.did(d, err, "archives %s", c.Name)
	}
}

func (a *simActs) role(d *simDesk) {
	who := a.others(d, 1)
	if len(who) == 0 || who[0] == a.desks[0].user {
		return
	}
	m, err := d.of.Member(a.ctx(), MemberRequest{Member: who[0]})
	a.must(err)
	if len(m.MayGrant) > 0 {
		role := pick(a.rng, m.MayGrant)
		_, err = d.of.SetRole(a.ctx(), SetRoleRequest{Member: who[0], Role: role})
		a.did(d, err, "makes %s %s", m.Member.Name, role)
	}
}

// remove has somebody removed, a fifth of all people at most.
func (a *simActs) remove(d *simDesk) {
	gone := 0
	for _, x := range a.desks {
		if x.removed {
			gone++
		}
	}
	who := a.others(d, 1)
	if len(who) == 0 || who[0] == a.desks[0].user || 5*(gone+1) > len(a.desks) {
		return
	}
	m, err := d.of.Member(a.ctx(), MemberRequest{Member: who[0]})
	a.must(err)
	if !m.MayRemove {
		return
	}
	_, err = d.of.RemoveMember(a.ctx(), MemberRequest{Member: who[0]})
	for _, x := range a.desks {
		x.removed = x.removed || x.user == who[0] && err == nil
	}
	a.did(d, err, "removes %s", a.nameOf(who[0]))
}

// approve decides about who waits.
func (a *simActs) approve(d *simDesk) {
	r, err := d.of.Requests(a.ctx(), RequestsRequest{})
	a.must(err)
	for _, q := range r.Requests {
		if q.MayDecide {
			_, err := d.of.Approve(a.ctx(), IDRequest{ID: q.ID})
			a.did(d, err, "approves %s", q.Name)
		}
	}
}

func (a *simActs) read(d *simDesk) {
	c := pick(a.rng, a.rooms(d, nil))
	_, err := d.of.MarkRead(a.ctx(), MarkRequest{Channel: c.ID})
	a.did(d, err, "reads %s", c.Name)
}

func (a *simActs) profile(d *simDesk) {
	_, err := d.of.SetProfile(a.ctx(), SetProfileRequest{Key: ProfileStatus, Value: a.text(d)})
	a.did(d, err, "sets the status")
}
