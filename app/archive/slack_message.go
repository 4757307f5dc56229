package archive

import (
	"cmp"
	"regexp"
	"strings"
)

// systemLines are the subtypes that tell of something done at the source, and the reason they are skipped for. A
// subtype that stands neither here nor in convert is kept as a message: better a line too many than a person's lost.
var systemLines = map[string]string{
	"channel_join": "join", "group_join": "join", "channel_leave": "leave", "group_leave": "leave",
	"channel_name": "rename", "group_name": "rename",
	"channel_archive": "archive", "group_archive": "archive", "channel_unarchive": "unarchive", "group_unarchive": "unarchive",
	"bot_add": "integration", "bot_remove": "integration", "bot_enable": "integration", "bot_disable": "integration", "app_conversation_join": "integration",
	"pinned_item": "pin", "unpinned_item": "pin", "tombstone": "deleted", "message_deleted": "deleted",
	"channel_convert_to_private": "setting", "channel_convert_to_public": "setting", "channel_posting_permissions": "setting",
	"posting_permissions": "setting", "channel_retention_changed": "setting", "channel_canvas_updated": "setting",
	"sh_room_created": "call", "huddle_thread": "call", "huddle": "call", "reminder_add": "reminder",
	"ekm_access_denied": "no access",
}

// convert tells what one record becomes.
func (t *teller) convert(channel int, rec *slackRecord, at int64) Item {
	ch := &t.channels[channel]
	applied := func(what string) Item { return Applied{Channel: ch.SourceID, SourceID: rec.TS, What: what} }
	skipped := func(reason string) Item {
		return Skipped{Channel: ch.SourceID, SourceID: rec.TS, Reason: reason}
	}
	if t.twice(channel, rec.TS, at) {
		return skipped("duplicate")
	}
	if rec.Type != "" && rec.Type != "message" {
		return skipped("not a message")
	}
	switch rec.Subtype {
	case "channel_topic", "group_topic":
		return applied("topic")
	case "channel_purpose", "group_purpose":
		return applied("purpose")
	case "channel_archive", "group_archive":
		if ch.Archived {
			return applied("archive")
		}
	case "pinned_item":
		for _, ts := range rec.speaksOf() {
			if p := (ref{channel, ts}); t.pins[p] && t.told[p].told {
				return applied("pin")
			}
		}
	case "reply_broadcast": // an old copy in the channel of a reply that stands there itself
		for _, ts := range rec.speaksOf() {
			if t.told[ref{channel, ts}].told {
				return skipped("copy of a reply")
			}
		}
	}
	if reason := systemLines[rec.Subtype]; reason != "" {
		return skipped(reason)
	}
	m := t.message(channel, rec, at)
	if m.Text == "" && len(m.Files) == 0 {
		return skipped("empty")
	}
	m.Thread = t.place(channel, rec)
	return m
}

// twice tells whether this channel already had a record with this ts. Equal ones come one after another.
func (t *teller) twice(channel int, ts string, at int64) bool {
	if t.seen == nil || t.here.channel != channel || t.at != at {
		t.here, t.at, t.seen = ref{channel: channel}, at, map[string]bool{}
	}
	if t.seen[ts] {
		return true
	}
	t.seen[ts] = true
	return false
}

// place gives the message that this one replies to, and remembers it if others speak of it.
//
// The root must have been told before. Where it is missing (deleted, or from before the export begins), the first
// reply takes its place as a message of the channel, and the other replies go under that one: a thread stays
// together, and nothing is lost. A reply to a reply goes under the root.
func (t *teller) place(channel int, rec *slackRecord) string {
	thread, self := "", ref{channel, rec.TS}
	if root := (ref{channel, rec.ThreadTS}); rec.ThreadTS != "" && rec.ThreadTS != rec.TS {
		if thread = t.told[root].root; thread == "" {
			t.told[root] = standing{root: rec.TS}
		}
	}
	if t.refs[self] {
		t.told[self] = standing{told: true, root: cmp.Or(thread, rec.TS)}
	}
	return thread
}

func (t *teller) message(channel int, rec *slackRecord, at int64) Message {
	id, name := rec.author()
	m := Message{
		Channel: t.channels[channel].SourceID, SourceID: rec.TS, Author: id, AuthorName: t.authorName(id, name, rec),
		Time: timeOf(at), Broadcast: rec.Subtype == "thread_broadcast",
		Pinned: t.pins[ref{channel, rec.TS}],
		Files:  rec.fileLinks(), Reactions: reactionsOf(rec.reactions()),
	}
	if edited, ok := parseTS(rec.Edited.TS); ok && edited > 0 {
		m.Edited = timeOf(edited)
	}
	r := mrkdwn(strings.Join(rec.sources(), "\n"), t.Slack)
	m.Text, m.Mentions = r.text, r.mentions
	titles := rec.titles()
	for _, u := range r.links {
		m.Links = append(m.Links, Link{URL: u, Title: titles[u]})
	}
	return m
}

// authorName: a bot may call itself something else in every message; a person has one name.
func (t *teller) authorName(id, name string, rec *slackRecord) string {
	name = cleanName(name)
	if i, known := t.personByID[id]; known && (name == "" || rec.Subtype != "bot_message") {
		return t.people[i].DisplayName
	}
	return cmp.Or(name, cleanName(id), "?")
}

// person and channel show a text's names: as listed, else as the text itself says.
func (s *Slack) person(id, label string) string {
	if i, known := s.personByID[id]; known {
		return s.people[i].DisplayName
	}
	return cmp.Or(cleanName(label), cleanName(id))
}

func (s *Slack) channel(id, label string) string {
	if i, known := s.channelByID[id]; known {
		return s.channels[i].Name
	}
	return cmp.Or(cleanName(label), cleanName(id))
}

// cleanName makes a name one line of plain text of at most 200 characters.
func cleanName(s string) string {
	s = strings.Join(strings.Fields(plainText(s)), " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200])
	}
	return s
}

// author gives who wrote a record, by id if it has one, and the name that the record gives.
func (rec *slackRecord) author() (id, name string) {
	id = cmp.Or(rec.User, rec.Comment.User)
	if id == "" && rec.File != nil && rec.Subtype == "file_share" {
		id = rec.File.User
	}
	if id == "" {
		id = rec.BotID
	}
	p := rec.UserProfile
	if id == rec.BotID {
		p = rec.BotProfile
	}
	return id, cmp.Or(rec.Username, p.DisplayName, p.RealName, p.Name)
}

// speaksOf gives the ts of the messages of its channel that a record speaks of.
func (rec *slackRecord) speaksOf() []string {
	var ts []string
	if rec.ThreadTS != "" && rec.ThreadTS != rec.TS {
		ts = append(ts, rec.ThreadTS)
	}
	if rec.Subtype == "pinned_item" || rec.Subtype == "reply_broadcast" {
		for _, a := range rec.Attachments {
			if a.TS != "" {
				ts = append(ts, a.TS)
			}
		}
	}
	return ts
}

// reactions: those on a file shared in the old way stand in the file, and again in every comment on it.
func (rec *slackRecord) reactions() []slackReaction {
	if rec.Subtype == "file_share" && rec.File != nil {
		return append(rec.Reactions[:len(rec.Reactions):len(rec.Reactions)], rec.File.Reactions...)
	}
	return rec.Reactions
}

// reactionsOf joins the reactions that have several names (+1, thumbsup) into one.
func reactionsOf(from []slackReaction) []Reaction {
	var out []Reaction
	byEmoji := map[string]int{}
	has := map[[2]string]bool{}
	for _, r := range from {
		name := cleanName(r.Name)
		if name == "" {
			continue
		}
		emoji, _ := emojiOf(name)
		for _, u := range r.Users {
			if u == "" || has[[2]string{emoji, u}] {
				continue
			}
			has[[2]string{emoji, u}] = true
			i, known := byEmoji[emoji]
			if !known {
				i = len(out)
				byEmoji[emoji] = i
				out = append(out, Reaction{Emoji: emoji})
			}
			out[i].Users = append(out[i].Users, u)
		}
	}
	return out
}

func (rec *slackRecord) fileLinks() []FileLink {
	files := rec.Files
	if rec.File != nil {
		files = append([]slackFile{*rec.File}, files...)
	}
	var out []FileLink
	seen := map[string]bool{}
	for _, f := range files {
		if f.ID != "" && seen[f.ID] {
			continue
		}
		seen[f.ID] = true
		out = append(out, FileLink{
			Name: cmp.Or(cleanName(f.Name), cleanName(f.Title), "file"), URL: cmp.Or(webAddress(f.URL), webAddress(f.Permalink)),
			Size: max(f.Size, 0), Mime: cleanName(f.Mime),
		})
	}
	return out
}

// webAddress is s if it is one, else "".
func webAddress(s string) string {
	if s = decodeEntities(s); badAddress(s) || !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
		return ""
	}
	return s
}

// oldShare is what Slack wrote round a file until 2018; the comment, if any, is the person's.
var oldShare = regexp.MustCompile(`(?s)^<@[^>]+> (?:uploaded|shared) a file: <[^>]*>(?: and commented: (.*))?$`)

// oldComment is the same for a comment on a file.
var oldComment = regexp.MustCompile(`(?s)^<@[^>]+> commented on .*?file <[^>]*>: (.*)$`)

// words gives the text that a person wrote in a record, as mrkdwn.
func (rec *slackRecord) words() string {
	switch rec.Subtype {
	case "file_share":
		if m := oldShare.FindStringSubmatch(rec.Text); m != nil && rec.File != nil {
			return cmp.Or(rec.File.Initial.Comment, m[1])
		}
	case "file_comment":
		if rec.Comment.Comment != "" {
			return rec.Comment.Comment
		}
		if m := oldComment.FindStringSubmatch(rec.Text); m != nil {
			return m[1]
		}
	case "me_message":
		if !strings.ContainsAny(rec.Text, "\n_`") && rec.Text != "" {
			return "_" + rec.Text + "_"
		}
	}
	return rec.Text
}
