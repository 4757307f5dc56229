package archive

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed emoji_slack.txt
var slackEmojiTable string

// slackEmoji maps a short name to its emoji, plain and as a template with '*' where a skin tone goes ("" if it has none).
var slackEmoji = sync.OnceValue(func() map[string][2]string {
	m := make(map[string][2]string, 3500)
	for line := range strings.Lines(slackEmojiTable) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] == "#" {
			continue
		}
		e := [2]string{f[1], ""}
		if len(f) == 3 {
			e[1] = f[2]
		}
		m[f[0]] = e
	}
	return m
})

var skinTones = map[string]string{
	"skin-tone-2": "\U0001F3FB", "skin-tone-3": "\U0001F3FC", "skin-tone-4": "\U0001F3FD",
	"skin-tone-5": "\U0001F3FE", "skin-tone-6": "\U0001F3FF",
}

// emojiOf gives the Unicode emoji of a Slack reaction's name, "clap" or "clap::skin-tone-3". A company's own emoji
// stays ":name:". ok tells which it was.
func emojiOf(name string) (emoji string, ok bool) {
	base, tone, toned := strings.Cut(name, "::")
	e, known := slackEmoji()[base]
	if !known {
		return ":" + name + ":", false
	}
	if mod := skinTones[tone]; toned && mod != "" && e[1] != "" {
		return strings.ReplaceAll(e[1], "*", mod), true
	}
	return e[0], true
}
