package view

import "strings"

// stem is the stem of an English word after Porter (An algorithm for suffix stripping, 1980). A word that is not plain
// lower-case ASCII, or too short, is its own stem.
func stem(word string) string {
	if len(word) < 4 || len(word) > 30 {
		return word
	}
	for i := range len(word) {
		if word[i] < 'a' || word[i] > 'z' {
			return word
		}
	}
	s := stemmer{b: append(make([]byte, 0, 32), word...)}
	s.plurals()
	s.pastAndGerund()
	if s.ends("y") && s.vowel(len(s.b)-1) {
		s.b[len(s.b)-1] = 'i'
	}
	s.replace(doubleSuffixes, 0)
	s.replace(singleSuffixes, 0)
	s.remove()
	s.tidy()
	return string(s.b)
}

type stemmer struct{ b []byte }

type suffix struct{ old, new string }

var doubleSuffixes = []suffix{
	{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"}, {"abli", "able"},
	{"alli", "al"}, {"entli", "ent"}, {"eli", "e"}, {"ousli", "ous"}, {"ization", "ize"}, {"ation", "ate"},
	{"ator", "ate"}, {"alism", "al"}, {"iveness", "ive"}, {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"},
	{"iviti", "ive"}, {"biliti", "ble"},
}

var singleSuffixes = []suffix{
	{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""}, {"ness", ""},
}

var lastSuffixes = []string{"al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou",
	"ism", "ate", "iti", "ous", "ive", "ize"}

func (s *stemmer) ends(suffix string) bool { return strings.HasSuffix(string(s.b), suffix) }

func (s *stemmer) drop(n int) { s.b = s.b[:len(s.b)-n] }

func (s *stemmer) consonant(i int) bool {
	switch s.b[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return false
	case 'y':
		return i == 0 || !s.consonant(i-1)
	}
	return true
}

// measure counts the vowel-consonant sequences in the first n letters.
func (s *stemmer) measure(n int) int {
	m, wasVowel := 0, false
	for i := range n {
		vowel := !s.consonant(i)
		if wasVowel && !vowel {
			m++
		}
		wasVowel = vowel
	}
	return m
}

func (s *stemmer) vowel(n int) bool {
	for i := range n {
		if !s.consonant(i) {
			return true
		}
	}
	return false
}

// double reports whether the word ends in one consonant twice.
func (s *stemmer) double() bool {
	n := len(s.b)
	return n >= 2 && s.b[n-1] == s.b[n-2] && s.consonant(n-1)
}

// short reports whether the first n letters end consonant, vowel, consonant, the last not w, x or y.
func (s *stemmer) short(n int) bool {
	return n >= 3 && s.consonant(n-3) && !s.consonant(n-2) && s.consonant(n-1) && !strings.ContainsRune("wxy", rune(s.b[n-1]))
}

func (s *stemmer) plurals() {
	switch {
	case s.ends("ies") && len(s.b) == 4: // a later rule of Porter's: ties, not "ti"
		s.drop(1)
	case s.ends("sses"), s.ends("ies"):
		s.drop(2)
	case s.ends("ss"):
	case s.ends("s"):
		s.drop(1)
	}
}

func (s *stemmer) pastAndGerund() {
	switch {
	case s.ends("eed"):
		if s.measure(len(s.b)-3) > 0 {
			s.drop(1)
		}
		return
	case s.ends("ed") && s.vowel(len(s.b)-2):
		s.drop(2)
	case s.ends("ing") && s.vowel(len(s.b)-3):
		s.drop(3)
	default:
		return
	}
	switch {
	case s.ends("at"), s.ends("bl"), s.ends("iz"):
		s.b = append(s.b, 'e')
	case s.double() && !s.ends("l") && !s.ends("s") && !s.ends("z"):
		s.drop(1)
	case s.measure(len(s.b)) == 1 && s.short(len(s.b)):
		s.b = append(s.b, 'e')
	}
}

// replace changes the first suffix that fits, where the measure before it is above m.
func (s *stemmer) replace(table []suffix, m int) {
	for _, x := range table {
		if s.ends(x.old) {
			if n := len(s.b) - len(x.old); s.measure(n) > m {
				s.b = append(s.b[:n], x.new...)
			}
			return
		}
	}
}

func (s *stemmer) remove() {
	longest := ""
	for _, x := range lastSuffixes {
		if s.ends(x) && len(x) > len(longest) {
			longest = x
		}
	}
	n := len(s.b) - len(longest)
	if longest == "" || s.measure(n) <= 1 || longest == "ion" && (n == 0 || s.b[n-1] != 's' && s.b[n-1] != 't') {
		return
	}
	s.b = s.b[:n]
}

func (s *stemmer) tidy() {
	if s.ends("e") {
		n := len(s.b) - 1
		if m := s.measure(n); m > 1 || m == 1 && !s.short(n) {
			s.drop(1)
		}
	}
	if s.ends("ll") && s.measure(len(s.b)-1) > 1 {
		s.drop(1)
	}
}
