package main

import "strings"

// shown is text as it may reach a terminal: what others wrote must not move its cursor, write to its clipboard, change
// its title or turn the text around. Scripts, which read JSON, get it as it is.
func shown(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return '\ufffd'
		}
		return r
	}, text)
}

// under sets the lines of a text after its first in, so that none of them can pass for another message.
func under(text string) string { return strings.ReplaceAll(text, "\n", "\n    ") }
