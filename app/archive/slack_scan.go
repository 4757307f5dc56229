package archive

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
)

// scanner is the first of two passes: it reads every file once, refuses the export if anything is wrong with it, and
// gathers what must be known before the first item is told.
type scanner struct {
	*Slack
	x        *export
	folders  map[string]folder // by name
	unlisted map[string]string // people spoken of but not listed: id to the best name heard
	bots     map[string]bool   // those of them that are bots
	abouts   []abouts          // by channel
	done     int64             // bytes
}

type folder struct {
	channel int
	reason  string // not "": its records become nothing, for this reason
}

// abouts is the last topic and purpose heard of a channel.
type abouts struct{ topic, purpose about }

type about struct {
	at    int64
	value string
}

func (a *about) hear(at int64, value string) {
	if at >= a.at {
		*a = about{at, value}
	}
}

func (sc *scanner) scan() error {
	sc.bots = map[string]bool{}
	if err := sc.lists(); err != nil {
		return err
	}
	if len(sc.people)+len(sc.unlisted) > sc.limits.People {
		return sc.crowded()
	}
	for _, name := range sc.x.names {
		if dir, file, ok := strings.Cut(name, "/"); ok && isDay(file) {
			if err := sc.addDay(name, dir); err != nil {
				return err
			}
		}
	}
	if err := sc.overlap(); err != nil {
		return err
	}
	sc.finish()
	if p := sc.limits.Progress; p != nil {
		p(sc.x.total, sc.x.total)
	}
	return nil
}

// isDay tells whether a file of a folder is a day's records, 2015-06-05.json. Other files there hold no messages.
func isDay(name string) bool {
	const form = "0000-00-00.json"
	if len(name) != len(form) {
		return false
	}
	for i := range len(form) {
		if form[i] == '0' && (name[i] < '0' || name[i] > '9') || form[i] != '0' && name[i] != form[i] {
			return false
		}
	}
	return true
}

// lists reads the files at the top.
func (sc *scanner) lists() error {
	for _, need := range []string{"channels.json", "users.json"} {
		if sc.x.files[need] == nil {
			return refuse(notSlack, "it holds no "+need)
		}
	}
	if err := sc.list("users.json", sc.addUser); err != nil {
		return err
	}
	err := sc.list("channels.json", func(raw []byte) error { return sc.addChannel(raw, false) })
	if err == nil {
		err = sc.list("groups.json", func(raw []byte) error { return sc.addChannel(raw, true) })
	}
	for _, direct := range []string{"dms.json", "mpims.json"} {
		if err == nil {
			err = sc.list(direct, sc.addDirect)
		}
	}
	return err
}

// list gives the elements of a file at the top, none if there is no such file.
func (sc *scanner) list(name string, each func(raw []byte) error) error {
	f := sc.x.files[name]
	if f == nil {
		return nil
	}
	data, err := readEntry(f, sc.limits)
	if err != nil {
		return err
	}
	sc.progress(len(data))
	return elements(data, name, sc.limits, each)
}

func (sc *scanner) progress(n int) {
	sc.done += int64(n)
	if p := sc.limits.Progress; p != nil {
		p(min(sc.done, sc.x.total), sc.x.total)
	}
}

func (sc *scanner) addUser(raw []byte) error {
	if len(sc.people) >= sc.limits.People {
		return sc.crowded()
	}
	var u slackUser
	if !lenient(raw, &u) || u.ID == "" {
		return refuse(notSlack, "users.json lists something that is no person")
	}
	if _, twice := sc.personByID[u.ID]; twice {
		return nil
	}
	sc.personByID[u.ID] = len(sc.people)
	sc.people = append(sc.people, Person{
		SourceID: u.ID, Name: cmp.Or(cleanName(u.Name), u.ID),
		DisplayName: cmp.Or(cleanName(u.Profile.DisplayName), cleanName(u.RealName), cleanName(u.Profile.RealName), cleanName(u.Name), u.ID),
		Email:       cleanName(u.Profile.Email),
		Bot:         u.IsBot || u.ID == "USLACKBOT", Deleted: u.Deleted,
	})
	return nil
}

func (sc *scanner) crowded() error {
	return refuse("this export names more than %d people, which is more than is taken at once; export a shorter time at Slack", sc.limits.People)
}

func (sc *scanner) addChannel(raw []byte, private bool) error {
	if len(sc.channels) >= sc.limits.Channels {
		return refuse("this export holds more than %d channels, which is more than is taken at once; export a shorter time at Slack", sc.limits.Channels)
	}
	var c slackChannel
	if !lenient(raw, &c) || c.ID == "" {
		return refuse(notSlack, "its list of channels holds something that is no channel")
	}
	if _, twice := sc.channelByID[c.ID]; twice {
		return refuse("this export lists the channel %s twice; download it again", show(c.ID))
	}
	at := len(sc.channels)
	ch := Channel{SourceID: c.ID, Name: cmp.Or(cleanName(c.Name), c.ID), Creator: c.Creator,
		Private: private, Archived: c.Archived, General: c.General, Members: c.Members}
	if micros := seconds(c.Created); micros != 0 {
		ch.Created = timeOf(micros)
	}
	for _, p := range c.Pins {
		sc.pins[ref{at, p.ID}] = true
		sc.refs[ref{at, p.ID}] = true
	}
	for _, id := range append([]string{c.Creator}, c.Members...) {
		sc.hear(id, "")
	}
	sc.channelByID[c.ID] = at
	sc.channels = append(sc.channels, ch)
	sc.abouts = append(sc.abouts, abouts{about{seconds(c.Topic.LastSet), c.Topic.Value}, about{seconds(c.Purpose.LastSet), c.Purpose.Value}})
	for _, dir := range []string{c.Name, c.ID} { // archived private channels may lie under their id
		if _, taken := sc.folders[fold(dir)]; !taken && dir != "" {
			sc.folders[fold(dir)] = folder{channel: at}
		}
	}
	return nil
}

// addDirect notes a conversation that only the people in it may read: an administrator who holds the export is not them.
func (sc *scanner) addDirect(raw []byte) error {
	var c slackChannel
	if lenient(raw, &c) {
		for _, dir := range []string{c.Name, c.ID} {
			if _, taken := sc.folders[fold(dir)]; !taken && dir != "" {
				sc.folders[fold(dir)] = folder{reason: "direct message"}
			}
		}
	}
	return nil
}

// addDay checks one day's file and notes what its records need.
func (sc *scanner) addDay(name, dir string) error {
	f := sc.x.files[name]
	data, err := readEntry(f, sc.limits)
	if err != nil {
		return err
	}
	sc.progress(len(data))
	to, known := sc.folders[dir]
	if !known {
		to.reason = "unknown channel"
	}
	d, n := day{file: f, channel: to.channel}, 0
	err = elements(data, name, sc.limits, func(raw []byte) error {
		if n++; sc.records+n > sc.limits.Records {
			return refuse("this export holds more than %d records, which is more than is taken at once; export a shorter time at Slack", sc.limits.Records)
		}
		if to.reason != "" {
			return nil
		}
		return sc.addRecord(&d, raw)
	})
	if err != nil {
		return err
	}
	sc.records += n
	if to.reason != "" {
		sc.lost = append(sc.lost, lost{folder: dir, reason: to.reason, records: n})
	} else if n > 0 {
		sc.days = append(sc.days, d)
	}
	return nil
}

func (sc *scanner) addRecord(d *day, raw []byte) error {
	rec, at, ok := decode(raw)
	if !ok {
		d.malformed++
		return nil
	}
	if d.good == 0 {
		d.first, d.max = at, at
	}
	d.first, d.max, d.good = min(d.first, at), max(d.max, at), d.good+1
	switch rec.Subtype {
	case "channel_topic", "group_topic":
		sc.abouts[d.channel].topic.hear(at, rec.Topic)
	case "channel_purpose", "group_purpose":
		sc.abouts[d.channel].purpose.hear(at, rec.Purpose)
	}
	for _, ts := range rec.speaksOf() {
		sc.refs[ref{d.channel, ts}] = true
	}
	sc.hearAll(&rec)
	if len(sc.people)+len(sc.unlisted) > sc.limits.People {
		return sc.crowded()
	}
	return nil
}

// hearAll notes everybody whom a record names.
func (sc *scanner) hearAll(rec *slackRecord) {
	id, name := rec.author()
	sc.hear(id, name)
	if id != "" && id == rec.BotID {
		sc.bots[id] = true
	}
	for _, r := range rec.reactions() {
		for _, u := range r.Users {
			sc.hear(u, "")
		}
	}
	for _, text := range rec.sources() {
		sc.hearMentions(text)
	}
}

func (sc *scanner) hearMentions(text string) {
	for text = clean(text); ; {
		_, rest, found := strings.Cut(text, "<@")
		if !found {
			return
		}
		text = rest
		if end := strings.IndexAny(rest, "<>\n"); end > 0 && rest[end] == '>' {
			id, label, _ := strings.Cut(rest[:end], "|")
			sc.hear(decodeEntities(id), strings.TrimPrefix(label, "@"))
		}
	}
}

// hear notes somebody who is not listed; the first name heard stays. Past the limit it notes nobody: the export is
// refused soon after.
func (sc *scanner) hear(id, name string) {
	if _, listed := sc.personByID[id]; listed || id == "" || len(sc.unlisted) > sc.limits.People {
		return
	}
	if sc.unlisted[id] == "" {
		sc.unlisted[id] = cleanName(name)
	}
}

// overlap refuses an export whose days cannot be told in the order of time without holding too much at once. In a
// real one, the files of one day overlap, one of each channel.
func (sc *scanner) overlap() error {
	type edge struct{ at, bytes int64 }
	var edges []edge
	for _, d := range sc.days {
		if n := int64(d.file.UncompressedSize64); d.good > 0 {
			edges = append(edges, edge{d.first, n}, edge{d.max, -n})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { // at one time, begin before end
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.bytes, a.bytes))
	})
	var open int64
	for _, e := range edges {
		if open += e.bytes; open > sc.limits.OpenBytes {
			return refuse("the days in this export overlap so much that they cannot be sorted by time; export a shorter time at Slack")
		}
	}
	return nil
}

// finish completes the people and channels.
func (sc *scanner) finish() {
	if _, heard := sc.unlisted["USLACKBOT"]; heard {
		sc.unlisted["USLACKBOT"], sc.bots["USLACKBOT"] = "Slackbot", true
	}
	for _, id := range slices.Sorted(maps.Keys(sc.unlisted)) {
		name := cmp.Or(sc.unlisted[id], cleanName(id), "?")
		sc.personByID[id] = len(sc.people)
		sc.people = append(sc.people, Person{SourceID: id, Name: name, DisplayName: name, Bot: sc.bots[id], Unlisted: true})
	}
	for i := range sc.channels {
		sc.channels[i].Topic = plainText(sc.abouts[i].topic.value)
		sc.channels[i].Purpose = plainText(sc.abouts[i].purpose.value)
	}
}

// decode reads one record. A record that is no object or has no time is malformed.
func decode(raw []byte) (rec slackRecord, at int64, ok bool) {
	if !bytes.HasPrefix(raw, []byte("{")) || !lenient(raw, &rec) {
		return rec, 0, false
	}
	at, ok = parseTS(rec.TS)
	return rec, at, ok
}

// decodeTS is decode for those who need the time only.
func decodeTS(raw []byte) (int64, bool) {
	var rec struct {
		TS string `json:"ts"`
	}
	if !bytes.HasPrefix(raw, []byte("{")) || !lenient(raw, &rec) {
		return 0, false
	}
	return parseTS(rec.TS)
}
