package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"hallway/app/archive"
	"hallway/app/internal/seal"
	"hallway/crdt"
	"hallway/crdt/access"
	"hallway/crdt/chat"
	"hallway/store/replica"
)

// importBatch is how many messages of one channel are written in one commit.
const importBatch = 256

// Import brings another system's history in.
func (of *Office) Import(ctx context.Context, req ImportRequest) (Job, error) {
	s, err := of.space(req.In)
	if err != nil {
		return Job{}, err
	}
	if req.System != "slack" {
		return Job{}, problem(ProblemInvalid, "Histories can be brought in from: slack.")
	}
	if role, ok := s.access().Role(s.self); !ok || role < s.access().AtLeast(access.PolicyImport) {
		return Job{}, problem(ProblemForbidden, "Only administrators may bring a history in; ask one.")
	}
	src, size, err := of.importSource(ctx, s, &req)
	if err != nil {
		return Job{}, err
	}
	people, err := s.importMap(req.Map)
	if err != nil {
		return Job{}, errors.Join(err, src.Close())
	}
	return of.jobs.run(s.idText(), JobImport, func(ctx context.Context, job *Job, progress func(int, int)) error {
		defer src.Close()
		slack, err := archive.OpenSlack(src, size, archive.Limits{})
		if err != nil {
			if errors.Is(err, archive.ErrRefused) {
				return problem(ProblemInvalid, err.Error())
			}
			return err
		}
		im := &importer{s: s, members: people, dry: req.DryRun, report: slack.Report(), total: slack.Records(), progress: progress}
		err = im.run(ctx, slack)
		job.Import = im.reply()
		return explain(err)
	}), nil
}

type importFile interface {
	io.ReaderAt
	io.Closer
}

// importSource opens what is to be imported: a file of this machine, or an upload.
func (of *Office) importSource(ctx context.Context, s *space, req *ImportRequest) (importFile, int64, error) {
	if req.File != "" {
		c, err := of.OpenFile(ctx, FileRequest{In: req.In, ID: req.File})
		if err != nil {
			return nil, 0, err
		}
		f := c.Body.(fileBody)
		return f, f.Size(), nil
	}
	f, err := os.Open(req.Path)
	if err != nil {
		return nil, 0, problem(ProblemNotFound, fmt.Sprintf("%s cannot be opened; nothing was imported.", req.Path))
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, 0, problem(ProblemInvalid, fmt.Sprintf("%s is not a file; nothing was imported.", req.Path))
	}
	return f, info.Size(), nil
}

// importMap says which member a person of the source is.
func (s *space) importMap(m map[string]string) (map[string]access.UserID, error) {
	out := map[string]access.UserID{}
	for source, member := range m {
		u, err := s.findMember(member)
		if err != nil {
			return nil, err
		}
		out[source] = u
	}
	return out, nil
}

// importer writes a source's items as ops of an incarnation of its own (protocol 6.10). A message that is here already,
// whoever brought it, is not written again.
type importer struct {
	s        *space
	members  map[string]access.UserID // by source id or name
	people   map[string]archive.Person
	channels map[string]crdt.ScopeID
	archived []crdt.ScopeID // to be closed once their history is in
	writer   *replica.Importer
	pending  map[crdt.ScopeID][]importItem
	report   *archive.Report
	dry      bool
	added    int
	done     int
	total    int
	progress func(int, int)
}

type importItem struct {
	at   time.Time
	body *chat.Imported
}

func (im *importer) reply() *ImportReport {
	r := im.report
	out := &ImportReport{Records: r.Records, Channels: r.Channels, Messages: r.Messages, Replies: r.Replies, Reactions: r.Reactions,
		Files: r.Files, People: r.People, Skipped: r.Skipped, Added: im.added}
	if out.Skipped == nil {
		out.Skipped = map[string]int{}
	}
	return out
}

func (im *importer) run(ctx context.Context, slack *archive.Slack) error {
	im.people, im.channels = map[string]archive.Person{}, map[string]crdt.ScopeID{}
	im.pending = map[crdt.ScopeID][]importItem{}
	if !im.dry {
		var err error
		if im.writer, err = im.s.rep.Import(); err != nil {
			return err
		}
	}
	for item, err := range slack.Items() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		im.report.Add(item)
		if err := im.item(ctx, item); err != nil {
			return err
		}
	}
	for scope := range im.pending {
		if err := im.flush(ctx, scope); err != nil {
			return err
		}
	}
	for _, scope := range im.archived {
		if err := im.s.archive(ctx, scope); err != nil {
			return err
		}
	}
	if err := im.report.Check(); err != nil {
		return err
	}
	im.progress(im.total, im.total)
	return im.s.reader.caughtUp(ctx)
}

func (im *importer) item(ctx context.Context, item archive.Item) error {
	switch it := item.(type) {
	case archive.Person:
		im.people[it.SourceID] = it
	case archive.Channel:
		return im.channel(ctx, &it)
	case archive.Message:
		im.step()
		if im.dry {
			return nil
		}
		return im.message(ctx, &it)
	case archive.Applied, archive.Skipped:
		im.step()
	}
	return nil
}

func (im *importer) step() {
	im.done++
	im.progress(im.done, max(im.total, im.done))
}

// channel finds or makes ours for one of the source's. Its general merges into ours; a name that is taken by a channel
// here is that channel, so that a second import goes where the first went.
func (im *importer) channel(ctx context.Context, c *archive.Channel) error {
	name := importedName(c.Name)
	if c.General {
		name = generalName
	}
	if im.dry {
		return nil
	}
	scope, err := im.s.findChannel(ctx, "#"+name, false)
	if err == nil {
		im.channels[c.SourceID] = scope
		return nil
	}
	topic := clipRunes(c.Topic, maxTopic)
	if topic == "" {
		topic = clipRunes(c.Purpose, maxTopic)
	}
	if c.Private {
		scope, err = im.s.createPrivate(ctx, name, topic, nil)
	} else {
		scope, err = im.s.createPublic(ctx, name, topic)
	}
	im.channels[c.SourceID] = scope
	if c.Archived {
		im.archived = append(im.archived, scope)
	}
	return err
}

// importedName is a source's channel name in our form; what our form cannot hold is left out.
func importedName(name string) string {
	clean := strings.Map(func(r rune) rune {
		if hiddenRune(r) || strings.ContainsRune("#@,/\\\"'`<>", r) {
			return '-'
		}
		return r
	}, name)
	if ours, err := channelName(clipRunes(clean, 80)); err == nil {
		return ours
	}
	return "imported"
}

func clipRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(len(r), n)])
}

func (im *importer) message(ctx context.Context, m *archive.Message) error {
	scope, ok := im.channels[m.Channel]
	if !ok {
		return fmt.Errorf("message of a channel that was not told: %w", archive.ErrRefused)
	}
	body := im.body(scope, m)
	if _, err := im.s.view().Find(ctx, body.ID(scope)); err == nil {
		return nil // here already
	}
	im.pending[scope] = append(im.pending[scope], importItem{at: m.Time, body: body})
	if len(im.pending[scope]) >= importBatch {
		return im.flush(ctx, scope)
	}
	return nil
}

func (im *importer) body(scope crdt.ScopeID, m *archive.Message) *chat.Imported {
	author := im.member(m.Author, m.AuthorName)
	body := &chat.Imported{
		System: "slack", Channel: clip(m.Channel, chat.MaxName), Source: clip(m.SourceID, chat.MaxName), Author: author,
		AuthorName: clip(im.nameOf(m.Author, m.AuthorName), chat.MaxName), AuthorSource: clip(m.Author, chat.MaxName),
		Time: m.Time, Text: clip(m.Text, chat.MaxText), Thread: clip(m.Thread, chat.MaxName), Broadcast: m.Broadcast && m.Thread != "", Pinned: m.Pinned,
	}
	body.Edited = m.Edited
	for _, c := range m.Mentions {
		if c.Person == "" || c.End > len(body.Text) || len(body.Mentions) == chat.MaxMentions {
			continue
		}
		mention := chat.Mention{Start: c.Start, End: c.End, Kind: chat.MentionName}
		if u := im.member(c.Person, ""); !u.IsZero() {
			mention.Kind, mention.User = chat.MentionUser, u
		}
		body.Mentions = append(body.Mentions, mention)
	}
	for _, f := range m.Files[:min(len(m.Files), chat.MaxFiles)] {
		body.Files = append(body.Files, chat.FileLink{Name: clip(f.Name, chat.MaxName), URL: clip(f.URL, chat.MaxURL), Mime: clip(f.Mime, chat.MaxName), Size: uint64(max(f.Size, 0))})
	}
	for _, r := range m.Reactions[:min(len(m.Reactions), chat.MaxImportedReactions)] {
		reaction := chat.ImportedReaction{Emoji: r.Emoji}
		for _, u := range r.Users[:min(len(r.Users), chat.MaxImportedPeople)] {
			reaction.By = append(reaction.By, chat.ImportedPerson{Name: clip(im.nameOf(u, ""), chat.MaxName), User: im.member(u, "")})
		}
		if len(reaction.By) > 0 {
			body.Reactions = append(body.Reactions, reaction)
		}
	}
	return body
}

// member is who of ours a person of the source is, by the map that the importer was given.
func (im *importer) member(source, name string) access.UserID {
	for _, key := range []string{source, name, im.people[source].Name, im.people[source].DisplayName, im.people[source].Email} {
		if u, ok := im.members[key]; ok && key != "" {
			return u
		}
	}
	return access.UserID{}
}

func (im *importer) nameOf(source, name string) string {
	p := im.people[source]
	for _, n := range []string{name, p.DisplayName, p.Name, source} {
		if n = strings.TrimSpace(n); n != "" {
			return n
		}
	}
	return "Somebody"
}

// flush writes what waits for a channel, in the order of the original times.
func (im *importer) flush(ctx context.Context, scope crdt.ScopeID) error {
	items := im.pending[scope]
	delete(im.pending, scope)
	if len(items) == 0 {
		return nil
	}
	slices.SortStableFunc(items, func(a, b importItem) int { return a.at.Compare(b.at) })
	epoch, err := im.s.keys.toSend(ctx, scope)
	if err != nil {
		return err
	}
	v := im.s.sealView()
	var drafts []replica.Draft
	for _, it := range items {
		inner, err := envelope(it.body, nil)
		if err != nil {
			return err
		}
		drafts = append(drafts, replica.Draft{Type: crdt.TypeContent, Epoch: epoch, At: it.at, Build: func(h crdt.Header) ([]byte, error) {
			im.s.net.quiet(h.Log)
			return im.s.seal.SealOp(v, scope, &h, inner)
		}})
	}
	adms, err := im.writer.Write(ctx, scope, drafts)
	im.added += len(adms)
	if errors.Is(err, seal.ErrStale) {
		im.pending[scope] = items[len(adms):] // somebody was removed meanwhile: choose another epoch
		return im.flush(ctx, scope)
	}
	return err
}
