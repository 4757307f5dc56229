package view

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord is how many bytes of a word are indexed. What is longer is cut, in texts and queries alike.
const maxWord = 64

// token is one word of a text: how it is indexed, and the bytes that it stands in.
type token struct {
	word       string
	start, end int
}

// tokens cuts a text into words: runs of letters, digits and marks, lower case, without diacritics. In scripts that are
// written without spaces each character is a word of its own. yield ends the walk by answering false. The index gives
// SQLite nothing but these words, so that nothing depends on how its own tokenizers see a text.
func tokens(text string, yield func(token) bool) {
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		if !wordRune(r) {
			i += size
			continue
		}
		start, ascii := i, r < utf8.RuneSelf
		i += size
		if !ascii && unspaced(r) {
			if !emit(text, start, i, false, yield) {
				return
			}
			continue
		}
		for i < len(text) {
			r, size = rune(text[i]), 1
			if r >= utf8.RuneSelf {
				r, size = utf8.DecodeRuneInString(text[i:])
			}
			if !wordRune(r) || r >= utf8.RuneSelf && unspaced(r) {
				break
			}
			ascii = ascii && r < utf8.RuneSelf
			i += size
		}
		if !emit(text, start, i, ascii, yield) {
			return
		}
	}
}

func emit(text string, start, end int, ascii bool, yield func(token) bool) bool {
	word := text[start:end]
	if ascii {
		word = strings.ToLower(word)
	} else {
		word = fold(word)
	}
	if word == "" {
		return true
	}
	return yield(token{cut(word), start, end})
}

// cut shortens a word to maxWord bytes, on a rune boundary.
func cut(word string) string {
	if len(word) <= maxWord {
		return word
	}
	end := maxWord
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}

// fold lowers case and drops diacritics: what is left are letters and digits that can be typed on a plain keyboard.
func fold(word string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(word)) {
		if !unicode.Is(unicode.Mn, r) && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.Mc, r)) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return norm.NFC.String(b.String())
}

func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
}

func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// words is a text as it is indexed: its words, and the stems of those whose stem is another word.
func (m memo) words(text string, exact, stems *strings.Builder) {
	tokens(text, func(t token) bool {
		space(exact)
		exact.WriteString(t.word)
		if s := m.stem(t.word); s != t.word {
			space(stems)
			stems.WriteString(s)
		}
		return true
	})
}

// memo remembers stems: people use few words, often.
type memo map[string]string

const maxMemo = 1 << 14 // words; then it starts afresh

func (m memo) stem(word string) string {
	s, ok := m[word]
	if !ok {
		if s = stem(word); len(m) >= maxMemo {
			clear(m)
		}
		m[strings.Clone(word)] = s
	}
	return s
}

func space(b *strings.Builder) {
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
}
