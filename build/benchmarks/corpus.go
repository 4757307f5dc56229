package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
)

// post is a message to be written.
type post struct{ channel, text string }

const (
	corpusChannels = 12
	maxText        = 2000 // characters of a text of the corpus that are used
)

// The first and the last message of a corpus have words that no other has.
const (
	oldestWord = "quokkamarmalade"
	newestWord = "zephyrlighthouse"
)

// posts are n messages in a dozen channels: of the corpus where there is one, repeated with words changed, else made up.
func (b *bench) posts(n int) ([]post, error) {
	var lines []post
	if b.corpus != "" {
		var err error
		if lines, err = readCorpus(b.corpus); err != nil {
			return nil, err
		}
	} else {
		lines = invented(5000)
	}
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]post, n)
	for i := range out {
		p := lines[i%len(lines)]
		if round := i / len(lines); round > 0 {
			p.text = changed(r, p.text, round)
		}
		out[i] = p
	}
	out[0].text += " " + oldestWord
	out[n-1].text += " " + newestWord
	return out, nil
}

func readCorpus(path string) ([]post, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read corpus: %w", err)
	}
	names := map[string]string{}
	var out []post
	for d := json.NewDecoder(bufio.NewReader(z)); d.More(); {
		var l struct{ Channel, Text string }
		if err := d.Decode(&l); err != nil {
			return nil, fmt.Errorf("read corpus: %w", err)
		}
		if names[l.Channel] == "" {
			names[l.Channel] = fmt.Sprintf("room-%d", len(names)%corpusChannels)
		}
		text := strings.ToValidUTF8(l.Text, "")
		if len(text) > maxText {
			text = strings.ToValidUTF8(text[:maxText], "")
		}
		if text = strings.TrimSpace(text); text != "" {
			out = append(out, post{names[l.Channel], text})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("corpus %s is empty", path)
	}
	return out, nil
}

// changed gives a text other words here and there, so that repeating it makes new words for search too.
func changed(r *rand.Rand, text string, round int) string {
	words := strings.Fields(text)
	for i := range words {
		if r.IntN(4) == 0 && len(words[i]) > 3 {
			words[i] = fmt.Sprintf("%s%d", words[i][:3], (round*7919+r.IntN(5000))%20000)
		}
	}
	return strings.Join(words, " ")
}

// invented are sentences of words whose frequencies fall off as those of a language do.
func invented(n int) []post {
	r := rand.New(rand.NewPCG(3, 4))
	syllables := []string{"ka", "lo", "mer", "tin", "sa", "pol", "ri", "den", "vu", "has", "ter", "mo", "ni", "qua", "sel", "bra"}
	words := make([]string, 20_000)
	for i := range words {
		var w strings.Builder
		for range 1 + r.IntN(4) {
			w.WriteString(syllables[r.IntN(len(syllables))])
		}
		words[i] = w.String()
	}
	z := rand.NewZipf(r, 1.1, 4, uint64(len(words)-1))
	out := make([]post, n)
	for i := range out {
		var t strings.Builder
		for j := range 3 + r.IntN(40) {
			if j > 0 {
				t.WriteByte(' ')
			}
			t.WriteString(words[z.Uint64()])
		}
		out[i] = post{fmt.Sprintf("room-%d", r.IntN(corpusChannels)), t.String()}
	}
	return out
}

// hundred is a message of exactly 100 characters.
func hundred(i int) string {
	t := fmt.Sprintf("%06d the budget for the harbour lights is in the usual folder, please read it before we meet on Monday noon", i)
	return t[:100]
}
