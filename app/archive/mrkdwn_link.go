package archive

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// link writes an address. Only the web, mail and telephones become links: any other scheme stays text, since a click
// on it could run something.
func (w *mdWriter) link(target, label string, next byte) {
	scheme, rest, ok := strings.Cut(target, ":")
	scheme = strings.ToLower(scheme)
	if !ok || rest == "" || !slices.Contains([]string{"http", "https", "mailto", "tel"}, scheme) || badAddress(target) {
		if label != "" && label != target {
			label += " (" + target + ")"
		} else {
			label = target
		}
		w.plainLabel(label)
		return
	}
	if scheme == "http" || scheme == "https" {
		w.remember(target)
	}
	if label != "" && label != target && label != strings.TrimPrefix(rest, "//") {
		w.labelled(label, target)
		return
	}
	switch {
	case scheme == "mailto" || scheme == "tel":
		w.plainLabel(rest)
	case bareAddress(target) && isBlank(next):
		w.b.WriteString(target)
	case entityIn(target): // which only the long form can escape
		w.labelled(target, target)
	default:
		w.b.WriteString("<" + escapeAddress(target) + ">")
	}
}

// labelled writes [label](address).
func (w *mdWriter) labelled(label, target string) {
	w.b.WriteByte('[')
	w.plainLabel(label)
	target = escapeAddress(target)
	if strings.ContainsAny(target, "()") {
		target = "<" + target + ">"
	}
	if entityIn(target) {
		target = strings.ReplaceAll(target, "&", "\\&")
	}
	w.b.WriteString("](" + target + ")")
}

func (w *mdWriter) remember(link string) {
	if !w.seen[link] {
		if w.seen == nil {
			w.seen = map[string]bool{}
		}
		w.seen[link] = true
		w.links = append(w.links, link)
	}
}

// badAddress: an address with spaces or control characters is none.
func badAddress(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) })
}

// escapeAddress writes the signs that would end or change an address as %XX, which mean the same in it.
var escapeAddress = strings.NewReplacer("<", "%3C", ">", "%3E", "\\", "%5C", "`", "%60").Replace

// bareAddress tells whether an address may stand in the text as it is, which reads best in search and on terminals:
// no sign in it that CommonMark knows, and no end that would be taken for the sentence's.
func bareAddress(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isWordByte(c) && strings.IndexByte(":/?=&%.#+-@,!", c) < 0 && !(c == '_' && insideWord(s, i)) {
			return false
		}
	}
	if entityIn(s) {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(s)
	u, err := url.Parse(s)
	return (isWord(last) || last == '/') && err == nil && u.Host != ""
}
