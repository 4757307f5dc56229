package keyring

import (
	"crypto/sha256"
	_ "embed"
	"strings"
	"sync"
)

// The English list of BIP-39: 2,048 words, each told by its first four letters.
//
//go:embed english.txt
var english string

// phraseWords is the number of words for 256 bits and their checksum of 8.
const phraseWords = 24

var wordList = sync.OnceValue(func() []string { return strings.Fields(english) })

var wordIndex = sync.OnceValue(func() map[string]int {
	m := make(map[string]int, 2048)
	for i, w := range wordList() {
		m[w] = i
	}
	return m
})

// toWords is BIP-39: the bits, then the first byte of their SHA-256, 11 bits to a word.
func toWords(s Secret) []string {
	sum := sha256.Sum256(s[:])
	bits := append(append([]byte(nil), s[:]...), sum[0])
	words := make([]string, phraseWords)
	var acc, have uint
	i := 0
	for _, b := range bits {
		acc, have = acc<<8|uint(b), have+8
		if have >= 11 {
			have -= 11
			words[i] = wordList()[acc>>have&2047]
			i++
		}
	}
	return words
}

// fromWords is the inverse; it refuses a wrong count, an unknown word and a wrong checksum alike.
func fromWords(phrase string) (Secret, error) {
	if len(phrase) > 1024 {
		return Secret{}, ErrPhrase
	}
	words := strings.Fields(strings.ToLower(phrase))
	if len(words) != phraseWords {
		return Secret{}, ErrPhrase
	}
	var bits []byte
	var acc, have uint
	for _, w := range words {
		n, ok := wordIndex()[w]
		if !ok {
			return Secret{}, ErrPhrase
		}
		acc, have = acc<<11|uint(n), have+11
		for have >= 8 {
			have -= 8
			bits = append(bits, byte(acc>>have))
		}
	}
	s := Secret(bits[:32])
	if sum := sha256.Sum256(s[:]); sum[0] != bits[32] {
		return Secret{}, ErrPhrase
	}
	return s, nil
}

// Word is one of the 2,048 words by its number: for what people compare aloud.
func Word(n int) string { return wordList()[n&2047] }
