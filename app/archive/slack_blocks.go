package archive

import (
	"encoding/json"
	"strings"
)

// What bots write often stands in attachments and blocks only, and the text is empty. Here both become mrkdwn again.

// sources gives the parts of a message's text, as mrkdwn, in their order: its words, else its blocks; and the
// attachments, unless they only show the pages that the words link to.
func (rec *slackRecord) sources() []string {
	var parts []string
	text := rec.words()
	if strings.TrimSpace(text) == "" {
		text = blocksText(rec.Blocks)
	}
	if text = strings.TrimSpace(text); text != "" {
		parts = append(parts, text)
	}
	for _, a := range rec.Attachments {
		if a.FromURL != "" && text != "" {
			continue
		}
		if s := a.mrkdwn(); s != "" {
			parts = append(parts, s)
		}
	}
	return parts
}

// titles gives the titles of the pages that a message links to.
func (rec *slackRecord) titles() map[string]string {
	m := map[string]string{}
	for _, a := range rec.Attachments {
		if u := decodeEntities(a.FromURL); u != "" && m[u] == "" {
			m[u] = cleanName(a.Title)
		}
	}
	return m
}

func (a *slackAttachment) mrkdwn() string {
	var parts []string
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			parts = append(parts, s)
		}
	}
	add(a.Pretext)
	add(a.Author)
	if link := oneLine.Replace(a.TitleLink); link != "" && a.Title != "" {
		add("<" + link + "|" + oneLine.Replace(a.Title) + ">")
	} else {
		add(a.Title)
	}
	add(a.Text)
	for _, f := range a.Fields {
		add(f.Title + ": " + f.Value)
	}
	if len(parts) == 0 {
		add(a.Fallback)
	}
	if len(parts) == 0 && a.ImageURL != "" {
		add("<" + oneLine.Replace(a.ImageURL) + ">")
	}
	return strings.Join(parts, "\n")
}

// oneLine makes a text fit to stand in brackets.
var oneLine = strings.NewReplacer("<", "&lt;", ">", "&gt;", "|", "/", "\n", " ", "\r", " ")

// escapeEntities writes plain text as mrkdwn.
var escapeEntities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace

// block is any element of Slack's blocks: the parts that carry words have the same names in all of them.
type block struct {
	Type     string          `json:"type"`
	Text     json.RawMessage `json:"text"` // a string, or an object with a text
	Title    json.RawMessage `json:"title"`
	Style    json.RawMessage `json:"style"`
	Elements []block         `json:"elements"`
	Fields   []block         `json:"fields"`
	URL      string          `json:"url"`
	User     string          `json:"user_id"`
	Channel  string          `json:"channel_id"`
	Group    string          `json:"usergroup_id"`
	Name     string          `json:"name"`
	Range    string          `json:"range"`
	Alt      string          `json:"alt_text"`
	Fallback string          `json:"fallback"`
}

func blocksText(raw json.RawMessage) string {
	var blocks []block
	if len(raw) == 0 || !lenient(raw, &blocks) {
		return ""
	}
	return joinBlocks(blocks, "\n")
}

func joinBlocks(blocks []block, sep string) string {
	var parts []string
	for _, b := range blocks {
		if s := b.mrkdwn(); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, sep)
}

func (b *block) mrkdwn() string {
	switch b.Type {
	case "rich_text", "context", "actions":
		return joinBlocks(b.Elements, "\n")
	case "rich_text_section":
		return joinBlocks(b.Elements, "")
	case "rich_text_preformatted":
		return "```" + joinBlocks(b.Elements, "") + "```"
	case "rich_text_quote":
		return "&gt; " + strings.ReplaceAll(joinBlocks(b.Elements, ""), "\n", "\n&gt; ")
	case "rich_text_list":
		if len(b.Elements) == 0 {
			return ""
		}
		return "- " + joinBlocks(b.Elements, "\n- ")
	case "text":
		return b.styled(escapeEntities(stringOf(b.Text)))
	case "link":
		if label := stringOf(b.Text); label != "" {
			return "<" + oneLine.Replace(b.URL) + "|" + oneLine.Replace(label) + ">"
		}
		return "<" + oneLine.Replace(b.URL) + ">"
	case "user":
		return "<@" + oneLine.Replace(b.User) + ">"
	case "channel":
		return "<#" + oneLine.Replace(b.Channel) + ">"
	case "usergroup":
		return "<!subteam^" + oneLine.Replace(b.Group) + ">"
	case "broadcast":
		return "<!" + oneLine.Replace(b.Range) + ">"
	case "emoji":
		return ":" + oneLine.Replace(b.Name) + ":"
	case "date":
		return escapeEntities(b.Fallback)
	}
	return b.other()
}

// other: section, header, image and the like, and the text objects in them.
func (b *block) other() string {
	var parts []string
	for _, s := range []string{textObject(b.Title), textObject(b.Text), joinBlocks(b.Fields, "\n"), joinBlocks(b.Elements, "\n"), escapeEntities(b.Alt)} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "\n")
}

// styled wraps a piece of rich text in its signs, which must hug the words.
func (b *block) styled(s string) string {
	var style struct{ Bold, Italic, Strike, Code bool }
	core := strings.TrimSpace(s)
	if core == "" || len(b.Style) == 0 || !lenient(b.Style, &style) || strings.Contains(core, "\n") {
		return s
	}
	at := strings.Index(s, core)
	before, after := s[:at], s[at+len(core):]
	for _, st := range []struct {
		on   bool
		sign string
	}{{style.Code, "`"}, {style.Strike, "~"}, {style.Italic, "_"}, {style.Bold, "*"}} {
		if st.on {
			core = st.sign + core + st.sign
		}
	}
	return before + core + after
}

func stringOf(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// textObject reads {"type":"plain_text"|"mrkdwn","text":...}, or a bare string, which is mrkdwn.
func textObject(raw json.RawMessage) string {
	var o struct{ Type, Text string }
	if len(raw) == 0 || raw[0] == '"' || !lenient(raw, &o) {
		return stringOf(raw)
	}
	if o.Type == "plain_text" {
		return escapeEntities(o.Text)
	}
	return o.Text
}
