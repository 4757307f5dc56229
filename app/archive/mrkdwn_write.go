package archive

import (
	"strings"
	"unicode"
)

// mdWriter writes tokens as CommonMark.
type mdWriter struct {
	who      names
	b        strings.Builder
	mentions []Mention
	links    []string
	seen     map[string]bool // links
	atStart  bool            // of a line, where signs have another meaning
	quoting  bool            // this line is quoted
	quoteAll bool            // >>> was seen: every further line is quoted
}

func (w *mdWriter) tokens(toks []token) {
	w.atStart = true
	for i, t := range toks {
		next := byte('\n')
		if i+1 < len(toks) {
			next = firstByte(toks[i+1])
		}
		switch t.kind {
		case tokLine:
			w.newline(toks[i+1:])
			continue
		case tokText:
			if w.atStart && i+1 < len(toks) && toks[i+1].kind == tokFence && strings.Trim(t.text, " \t") == "" {
				continue // an indented fence would be none
			}
			w.plain(t.text, next)
		case tokMark:
			w.mark(toks, i)
		case tokCode:
			w.code(t.text)
		case tokFence:
			w.fence(t.text, i+1 < len(toks) && toks[i+1].kind != tokLine)
		case tokAngle:
			w.angle(t.text, next)
		case tokEmoji:
			e, _ := emojiOf(t.text)
			w.b.WriteString(e)
		}
		w.atStart = t.kind == tokFence || t.kind == tokText && w.atStart && strings.Trim(t.text, " \t") == ""
	}
}

// firstByte is the first byte that a token writes, near enough to judge an escape by: any sign for what is no text.
func firstByte(t token) byte {
	switch t.kind {
	case tokLine:
		return '\n'
	case tokText:
		return t.text[0]
	case tokAngle:
		return '['
	}
	return '*'
}

// newline ends a line. Slack quotes line by line, but CommonMark carries a quote on into the next line: there an
// empty line ends it.
func (w *mdWriter) newline(rest []token) {
	w.b.WriteByte('\n')
	if w.quoteAll {
		w.b.WriteString("> ")
	} else if w.quoting {
		if len(rest) > 0 && rest[0].kind != tokLine && !(rest[0].kind == tokText && strings.HasPrefix(rest[0].text, ">")) {
			w.b.WriteByte('\n')
		}
		w.quoting = false
	}
	w.atStart = true
}

// plain writes text of one line; next is the byte after it.
func (w *mdWriter) plain(s string, next byte) {
	if w.atStart {
		s = w.lineStart(s, next)
	}
	for i := 0; i < len(s); i++ {
		after := next
		if i+1 < len(s) {
			after = s[i+1]
		}
		if needsEscape(s, i, after) {
			w.b.WriteByte('\\')
		}
		w.b.WriteByte(s[i])
	}
}

// lineStart writes what means something only where a line begins, and gives the rest of s.
func (w *mdWriter) lineStart(s string, next byte) string {
	if strings.HasPrefix(s, ">") && !w.quoteAll {
		s = w.quote(s)
	}
	body := strings.TrimLeft(s, " \t")
	if body == "" {
		return ""
	}
	if indent := strings.ReplaceAll(s[:len(s)-len(body)], "\t", "    "); len(indent) > 3 {
		w.b.WriteString(strings.Repeat("\u00a0", len(indent))) // four spaces would make it code
	} else {
		w.b.WriteString(indent)
	}
	if startsBlock(body, next) {
		w.b.WriteString("\\" + body[:1])
		return body[1:]
	}
	return body
}

// startsBlock tells whether CommonMark would read a line that begins with body as no paragraph. Lists may be what
// they look like.
func startsBlock(body string, next byte) bool {
	line := strings.TrimRight(body, " \t")
	hashes := len(body) - len(strings.TrimLeft(body, "#"))
	after := next
	if hashes < len(body) {
		after = body[hashes]
	}
	return body[0] == '>' ||
		hashes > 0 && hashes < 7 && isBlank(after) || // a heading
		next == '\n' && (strings.Trim(line, "=") == "" || strings.Trim(line, "-") == "") || // underlines one
		body[0] == '[' && strings.Contains(body, "]:") // a reference, which would vanish
}

// quote begins a quoted line, or with >>> a quoted rest.
func (w *mdWriter) quote(s string) string {
	w.quoting = true
	if strings.HasPrefix(s, ">>>") {
		w.quoteAll, s = true, s[2:]
	}
	w.b.WriteString("> ")
	return strings.TrimLeft(s[1:], " ")
}

const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

// needsEscape tells whether CommonMark would read the byte at i as more than a sign. after is the byte that follows.
func needsEscape(s string, i int, after byte) bool {
	switch s[i] {
	case '\\':
		return after == '\n' || strings.IndexByte(punctuation, after) >= 0
	case '`':
		return true
	case '<':
		return after == '/' || after == '!' || after == '?' || after|0x20 >= 'a' && after|0x20 <= 'z'
	case '!':
		return after == '['
	case '&':
		return looksLikeEntity(s[i+1:])
	}
	return false
}

func looksLikeEntity(s string) bool {
	for n := 0; n < len(s) && n < 40; n++ {
		switch c := s[n] | 0x20; {
		case s[n] == ';':
			return n > 0
		case s[n] == '#' && n == 0, s[n] >= '0' && s[n] <= '9', c >= 'a' && c <= 'z':
		default:
			return false
		}
	}
	return false
}

func entityIn(s string) bool {
	for i := range len(s) {
		if s[i] == '&' && looksLikeEntity(s[i+1:]) {
			return true
		}
	}
	return false
}

// mark writes a * _ or ~, as a pair if it has its partner, otherwise as a sign.
func (w *mdWriter) mark(toks []token, i int) {
	t := toks[i]
	if t.pair != "" {
		w.b.WriteString(t.pair)
		return
	}
	prev, next := byte('\n'), byte('\n')
	if i > 0 {
		prev = lastOf(toks[i-1])
	}
	if i+1 < len(toks) {
		next = firstByte(toks[i+1])
	}
	alone := isBlank(prev) && isBlank(next)
	inWord := t.text == "_" && prev != '_' && next != '_' && isWordByte(prev) && isWordByte(next)
	tilde := t.text == "~" && isBlank(prev) && next != '*' // "~10 %" can open nothing: no lone ~ after text stays bare
	if !alone && !inWord && !tilde {
		w.b.WriteByte('\\')
	}
	w.b.WriteString(t.text)
}

func lastOf(t token) byte {
	switch t.kind {
	case tokLine:
		return '\n'
	case tokText:
		return t.text[len(t.text)-1]
	}
	return '*'
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// code writes `code` with a fence longer than any backtick in it (an entity cannot make one, but a label may).
func (w *mdWriter) code(s string) {
	tick := strings.Repeat("`", longestRun(s)+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") ||
		strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") {
		s = " " + s + " " // CommonMark takes one space off each end
	}
	w.b.WriteString(tick + s + tick)
}

// fence writes a code block on lines of its own.
func (w *mdWriter) fence(s string, more bool) {
	prefix := ""
	if w.quoteAll || w.quoting {
		prefix = "> "
	}
	if !w.atStart {
		w.b.WriteString("\n" + prefix)
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "\n"), "\n")
	tick := strings.Repeat("`", max(3, longestRun(s)+1))
	w.b.WriteString(tick + "\n")
	for line := range strings.SplitSeq(s, "\n") {
		w.b.WriteString(prefix + line + "\n")
	}
	w.b.WriteString(prefix + tick)
	if more {
		w.b.WriteString("\n" + prefix)
	}
}

func longestRun(s string) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// angle writes what Slack puts in brackets: people, channels, groups, dates and addresses.
func (w *mdWriter) angle(raw string, next byte) {
	target, label, _ := strings.Cut(raw, "|")
	target, label = decodeEntities(target), strings.TrimSpace(decodeEntities(label))
	if target == "" {
		w.plainLabel(label)
		return
	}
	switch target[0] {
	case '@':
		w.mention(Mention{Person: target[1:]}, "@"+w.who.person(target[1:], strings.TrimPrefix(label, "@")))
	case '#':
		w.mention(Mention{Channel: target[1:]}, "#"+w.who.channel(target[1:], strings.TrimPrefix(label, "#")))
	case '!':
		w.special(target[1:], label)
	default:
		w.link(target, label, next)
	}
}

// special: <!here>, <!subteam^S1|@team>, <!date^...|the day>. A form without a label shows its word.
func (w *mdWriter) special(what, label string) {
	kind, id, _ := strings.Cut(what, "^")
	switch kind {
	case "date":
		w.plainLabel(label)
	case "subteam":
		name := strings.TrimPrefix(label, "@")
		if name == "" {
			name = id
		}
		w.mention(Mention{Group: name}, "@"+name)
	case "group": // what <!channel> was called in private channels
		w.mention(Mention{Group: "channel"}, "@channel")
	case "channel", "here", "everyone":
		w.mention(Mention{Group: kind}, "@"+kind)
	default:
		if label == "" {
			label = what
		}
		w.plainLabel(label)
	}
}

// mention writes a name as text and remembers which bytes it became. A mention of nobody is only text.
func (w *mdWriter) mention(m Mention, shown string) {
	if m.Person == "" && m.Channel == "" && m.Group == "" {
		w.plainLabel(shown)
		return
	}
	m.Start = w.b.Len()
	w.plainLabel(strings.TrimRightFunc(shown, unicode.IsSpace)) // the text's end is trimmed, and must not take a name's
	m.End = w.b.Len()
	w.mentions = append(w.mentions, m)
}

// plainLabel writes a text that holds no markup at all: every sign in it is a sign.
func (w *mdWriter) plainLabel(s string) {
	for i, r := range s {
		if r == '\n' {
			r = ' '
		}
		inert := r == '_' && insideWord(s, i) || r == '&' && !looksLikeEntity(s[i+1:])
		if strings.ContainsRune("\\`*_~[]<&", r) && !inert {
			w.b.WriteByte('\\')
		}
		w.b.WriteRune(r)
	}
}

// insideWord: a _ between letters or digits is no mark.
func insideWord(s string, i int) bool {
	return i > 0 && i+1 < len(s) && isWordByte(s[i-1]) && isWordByte(s[i+1])
}
