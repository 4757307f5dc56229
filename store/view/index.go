package view

import (
	"strings"

	"hallway/crdt/chat"
)

// doc is a message as the full-text index knows it. It must be made alike whenever the same message is seen, since
// taking a message out of the index takes the very words that were put in.
type doc struct{ exact, stems, tags string }

// document is the index's view of a post. scope and author are those of its row.
func (m memo) document(p *chat.Post, scope, author int64) doc {
	var exact, stems strings.Builder
	m.words(p.Text, &exact, &stems)
	for i := range p.Files {
		m.words(p.Files[i].Name, &exact, &stems)
	}
	for i := range p.Links {
		m.words(p.Links[i].Name, &exact, &stems)
	}
	tags := []string{scopeTag(scope), authorTag(author)}
	if len(p.Files)+len(p.Links) > 0 {
		tags = append(tags, tagFile)
	}
	if hasLink(p.Text) {
		tags = append(tags, tagLink)
	}
	return doc{exact.String(), stems.String(), strings.Join(tags, " ")}
}

// Tags are words of the index that no text has, so that filters are answered where words are. Each is one character, so
// that the index of prefixes holds none of them; private use characters never pass for words.
const (
	tagFile    = "\U000f0000"
	tagLink    = "\U000f0001"
	firstScope = 0xf0100
	endScope   = 0xffff0
	firstUser  = 0x100000
	endUser    = 0x10fff0
)

// Beyond 65,000 scopes or authors tags are shared, and what they find is checked against the row.
func scopeTag(n int64) string  { return string(rune(firstScope + n%(endScope-firstScope))) }
func authorTag(n int64) string { return string(rune(firstUser + n%(endUser-firstUser))) }

func hasLink(text string) bool {
	return strings.Contains(text, "https://") || strings.Contains(text, "http://")
}

func (b *batch) index(n int64, d doc) error {
	b.indexed++
	return b.exec(`INSERT INTO words(rowid, exact, stem, tags) VALUES(?,?,?,?)`, n, d.exact, d.stems, d.tags)
}

func (b *batch) unindex(n int64, d doc) error {
	b.indexed--
	b.erased = true
	return b.exec(`INSERT INTO words(words, rowid, exact, stem, tags) VALUES('delete',?,?,?,?)`, n, d.exact, d.stems, d.tags)
}
