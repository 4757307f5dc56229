package archive

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Slack's mrkdwn to CommonMark (with ~~ for struck text). What Slack shows as plain text must stay plain text: a sign
// that only CommonMark would read is escaped. What stands in code is kept as it is.
//
// Three steps: cut splits the source into tokens, pair finds which * _ ~ belong together, and the writer in
// mrkdwn_write.go writes them and knows at which byte it stands.

// names tells the writer how to show the people and channels that a text names by id.
type names interface {
	person(id, label string) string
	channel(id, label string) string
}

type tokenKind uint8

const (
	tokText  tokenKind = iota // plain text, entities decoded, no newline
	tokLine                   // a newline
	tokMark                   // one of * _ ~
	tokCode                   // `code`, entities decoded
	tokFence                  // ```code```, entities decoded
	tokAngle                  // <...>, without the brackets, entities not yet decoded
	tokEmoji                  // :name:, without the colons
)

type token struct {
	kind        tokenKind
	text        string
	opens, ends bool   // a mark that may open, may close
	pair        string // what a mark that has its partner is written as
}

// rendered is a text of ours and what it names and links to.
type rendered struct {
	text     string
	mentions []Mention
	links    []string // http(s) only, each once
}

// mrkdwn renders one Slack text.
func mrkdwn(src string, who names) rendered {
	toks := cut(strings.TrimSpace(clean(src)))
	pair(toks)
	w := mdWriter{who: who}
	w.tokens(toks)
	return rendered{text: strings.TrimRight(w.b.String(), " \n"), mentions: w.mentions, links: w.links}
}

// clean makes the text valid UTF-8 with \n as the only line end and without control characters but tab, which would
// otherwise reach terminals (escape sequences) and stores.
func clean(s string) string {
	if !strings.ContainsFunc(s, isControl) && utf8.ValidString(s) {
		return s
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029':
			return '\n'
		case isControl(r):
			return -1
		}
		return r
	}, s)
}

func isControl(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || r == '\u2028' || r == '\u2029')
}

// cut splits the source. Brackets and backticks without an end are text.
func cut(s string) []token {
	var toks []token
	text := 0 // where the text that is not yet a token began
	flush := func(to int) {
		if to > text {
			toks = append(toks, token{kind: tokText, text: decodeEntities(s[text:to])})
		}
	}
	scan := cutter{src: s}
	for i := 0; i < len(s); {
		t, n := scan.at(i)
		if n == 0 {
			i++
			continue
		}
		flush(i)
		toks = append(toks, t)
		i += n
		text = i
	}
	flush(len(s))
	return toks
}

// cutter remembers which ends it has looked for in vain, so that a hostile text costs no more than a long one.
type cutter struct {
	src             string
	noFence, noTick int // no ``` from here to the end, no ` from here to there (0: not known)
}

// at recognises the token that starts at i and gives its length, 0 if there is none.
func (c *cutter) at(i int) (token, int) {
	s := c.src
	switch s[i] {
	case '\n':
		return token{kind: tokLine}, 1
	case '*', '_', '~':
		return markAt(s, i), 1
	case '`':
		return c.codeAt(i)
	case '<':
		return c.angleAt(i)
	case ':':
		return emojiAt(s, i)
	}
	return token{}, 0
}

func (c *cutter) codeAt(i int) (token, int) {
	s := c.src
	if strings.HasPrefix(s[i:], "```") && c.noFence == 0 {
		if end := strings.Index(s[i+3:], "```"); end > 0 {
			return token{kind: tokFence, text: codeText(s[i+3 : i+3+end])}, end + 6
		} else if end < 0 {
			c.noFence = i + 1
		}
	}
	if i < c.noTick {
		return token{}, 0
	}
	end := strings.IndexAny(s[i+1:], "`\n")
	if end < 0 {
		end = len(s) - i - 1
	}
	if end > 0 && i+1+end < len(s) && s[i+1+end] == '`' && strings.TrimSpace(s[i+1:i+1+end]) != "" {
		return token{kind: tokCode, text: codeText(s[i+1 : i+1+end])}, end + 2
	}
	if i+1+end >= len(s) || s[i+1+end] == '\n' {
		c.noTick = i + 1 + end // no other backtick on this line
	}
	return token{}, 0
}

// angleAt: what stands in brackets never holds a raw bracket or newline, because Slack sends those as entities.
func (c *cutter) angleAt(i int) (token, int) {
	s := c.src
	end := strings.IndexAny(s[i+1:], "<>\n")
	if end <= 0 || s[i+1+end] != '>' {
		return token{}, 0
	}
	return token{kind: tokAngle, text: s[i+1 : i+1+end]}, end + 2
}

// markAt judges a * _ or ~ as Slack does: it opens after a space or punctuation and before text, and closes after
// text and before a space or punctuation; inside a word, or doubled, it is only a sign.
func markAt(s string, i int) token {
	prev, _ := utf8.DecodeLastRuneInString(s[:i])
	next, _ := utf8.DecodeRuneInString(s[i+1:])
	atStart, atEnd, self := i == 0, i+1 == len(s), rune(s[i])
	doubled := prev == self && !atStart || next == self && !atEnd
	return token{kind: tokMark, text: s[i : i+1],
		opens: !doubled && !atEnd && !unicode.IsSpace(next) && (atStart || !isWord(prev)),
		ends:  !doubled && !atStart && !unicode.IsSpace(prev) && (atEnd || !isWord(next)),
	}
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// emojiAt recognises :name: and :name::skin-tone-3: that are not part of a word or a time of day.
func emojiAt(s string, i int) (token, int) {
	if prev, n := utf8.DecodeLastRuneInString(s[:i]); n > 0 && isWord(prev) {
		return token{}, 0
	}
	n := emojiName(s[i+1:])
	if n == 0 {
		return token{}, 0
	}
	name, used := s[i+1:i+1+n], n+2
	if _, known := slackEmoji()[name]; !known {
		return token{}, 0
	}
	if rest := s[i+used:]; strings.HasPrefix(rest, ":skin-tone-") {
		if t := emojiName(rest[1:]); t > 0 && skinTones[rest[1:1+t]] != "" {
			name, used = name+"::"+rest[1:1+t], used+t+2
		}
	}
	if next, n := utf8.DecodeRuneInString(s[i+used:]); n > 0 && isWord(next) {
		return token{}, 0
	}
	return token{kind: tokEmoji, text: name}, used
}

// emojiName gives the length of the short name that s starts with and a colon ends, 0 if there is none.
func emojiName(s string) int {
	for n := 0; n < len(s) && n < 80; n++ {
		switch c := s[n]; {
		case c == ':':
			return n
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '+', c == '-', c == '\'':
		default:
			return 0
		}
	}
	return 0
}

// pair marks which * _ ~ belong together: on one line, properly nested, the nearest partner first, something between.
// One stack of open marks; a closing one takes the nearest open one of its kind, and those opened since stay signs.
func pair(toks []token) {
	var open []int
	var count [3]int // of each kind in open: a vain search would make a hostile text quadratic
	for i := range toks {
		t := &toks[i]
		if t.kind == tokLine || t.kind == tokFence {
			open, count = open[:0], [3]int{}
			continue
		}
		if t.kind != tokMark {
			continue
		}
		if t.ends && count[markIndex(t.text)] > 0 {
			j := len(open) - 1
			for toks[open[j]].text != t.text {
				count[markIndex(toks[open[j]].text)]--
				j--
			}
			count[markIndex(t.text)]--
			join(toks, open[j], i)
			open = open[:j]
		} else if t.opens {
			open = append(open, i)
			count[markIndex(t.text)]++
		}
	}
}

// join makes a pair of the marks at i and j. CommonMark reads no _ between a word and what we write for a name or
// an emoji, but it does read *; elsewhere _ is the clearer, since bold takes **.
func join(toks []token, i, j int) {
	sign := map[string]string{"*": "**", "~": "~~", "_": "_"}[toks[i].text]
	if sign == "_" && (i > 0 && toks[i-1].kind >= tokCode || j+1 < len(toks) && toks[j+1].kind >= tokCode) {
		sign = "*"
	}
	toks[i].pair, toks[j].pair = sign, sign
}

func markIndex(mark string) int { return strings.Index("*_~", mark) }

// decodeEntities undoes Slack's only three escapes, once.
func decodeEntities(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	return entities.Replace(s)
}

var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// codeText is code as Slack shows it: the brackets it put round an address or name go, entities are decoded, and
// nothing else changes.
func codeText(s string) string { return decodeEntities(unwrap(s)) }

// plainText is a text without any markup, for topics and names: brackets give their label, entities are decoded.
func plainText(s string) string { return strings.TrimSpace(decodeEntities(unwrap(clean(s)))) }

// unwrap replaces each <...> by what Slack shows for it.
func unwrap(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			break
		}
		end := strings.IndexAny(s[i+1:], "<>\n")
		if end <= 0 || s[i+1+end] != '>' {
			b.WriteString(s[:i+1])
			s = s[i+1:]
			continue
		}
		b.WriteString(s[:i])
		b.WriteString(angleLabel(s[i+1 : i+1+end]))
		s = s[i+2+end:]
	}
	b.WriteString(s)
	return b.String()
}

// angleLabel is what Slack shows for <raw>: the label, or the address, with @ or # before a name.
func angleLabel(raw string) string {
	target, label, _ := strings.Cut(raw, "|")
	if target == "" {
		return label
	}
	sign := ""
	switch target[0] {
	case '@', '!':
		sign, target = "@", target[1:]
	case '#':
		sign, target = "#", target[1:]
	}
	if label = strings.TrimPrefix(label, sign); label == "" {
		label = target
	}
	return sign + label
}
