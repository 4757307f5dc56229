package archive

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// desks knows two people and a channel.
type desks struct{}

func (desks) person(id, label string) string {
	if n, ok := map[string]string{"U1": "Zoë Krüger", "U2": "deploy_bot *x*"}[id]; ok {
		return n
	}
	if label != "" {
		return label
	}
	return id
}

func (desks) channel(id, label string) string {
	if id == "C1" {
		return "general"
	}
	if label != "" {
		return label
	}
	return id
}

func TestMrkdwnBecomesMarkdown(t *testing.T) {
	for _, c := range [][2]string{
		{"", ""},
		{"plain", "plain"},
		{"  trimmed \n", "trimmed"},
		// emphasis
		{"*bold* _it_ ~gone~", "**bold** _it_ ~~gone~~"},
		{"*bold _and it_*, _it *and bold*_", "**bold _and it_**, _it **and bold**_"},
		{"(*bold*) \"_it_\".", "(**bold**) \"_it_\"."},
		{"**doubled** __init__", `\*\*doubled\*\* \_\_init\_\_`},
		{"re*science* a*b*c", `re\*science\* a\*b\*c`},
		{"snake_case_name stays", "snake_case_name stays"},
		{"* a list\n* of two", "* a list\n* of two"},
		{"2 * 3 * 4", "2 * 3 * 4"},
		{"*open\nclosed*", "\\*open\nclosed\\*"},
		{"*crossed _over* it_", `**crossed \_over** it\_`},
		{"~10% and ~50%", "~10% and ~50%"},
		{"* not bold* *not bold *", `* not bold\* \*not bold *`},
		{"*<@U1>* _<@U1>_ <@U1>_a_ _a_<@U1>", "**@Zoë Krüger** _@Zoë Krüger_ @Zoë Krüger*a* *a*@Zoë Krüger"},
		// code
		{"`a *b* _c_ &lt;d&gt;`", "`a *b* _c_ <d>`"},
		{"`see <http://x.org|x.org> <@U1|zoe>`", "`see x.org @zoe`"},
		{"`open", "\\`open"},
		{"``", "\\`\\`"},
		{"` a `", "`  a  `"},
		{"```if a &lt; b {\n\t*p = 1\n}```", "```\nif a < b {\n\t*p = 1\n}\n```"},
		{"before ```x``` after", "before \n```\nx\n```\n after"},
		{"```\nx\n```\nafter", "```\nx\n```\nafter"},
		{"```open *b*", "\\`\\`\\`open **b**"},
		{"``````", "\\`\\`\\`\\`\\`\\`"},
		// names
		{"<@U1> <@U9|visitor> <@U9>", "@Zoë Krüger @visitor @U9"},
		{"<@U2>", `@deploy_bot \*x\*`},
		{"<#C1|old-name> <#C7|gone> <#C7>", "#general #gone #C7"},
		{"<!channel> <!here|@here> <!everyone> <!group> <!subteam^S1|@team> <!subteam^S1>", "@channel @here @everyone @channel @team @S1"},
		{"<!date^1392734382^{date}|18 Feb> <!foo|bar> <!foo> <@> <|x>", "18 Feb bar foo @ x"},
		// links
		{"<http://x.org/a> and", "http://x.org/a and"},
		{"<http://x.org/a>.", "<http://x.org/a>."},
		{"<http://x.org/a|the *page*>", `[the \*page\*](http://x.org/a)`},
		{"<http://x.org|x.org> <http://x.org|http://x.org>", "http://x.org http://x.org"},
		{"<http://x.org/a_(b)|p>", "[p](<http://x.org/a_(b)>)"},
		{"<http://x.org/_a_>", "<http://x.org/_a_>"},
		{"<http://x.org/?a=1&amp;copy=2;x>", `<http://x.org/?a=1&copy=2;x>`},
		{"<http://x.org/?a&amp;copy;>", `[http://x.org/?a\&copy;](http://x.org/?a\&copy;)`},
		{"!<http://x.org|p>", `\![p](http://x.org)`},
		{"<mailto:a@x.org|a@x.org> <mailto:a@x.org|Ann> <tel:+49123>", "a@x.org [Ann](mailto:a@x.org) +49123"},
		{"<javascript:alert(1)|here> <file:///etc/passwd>", "here (javascript:alert(1)) file:///etc/passwd"},
		{"<http://a b|x>", "x (http://a b)"},
		// entities and signs that only CommonMark knows
		{"&amp; &lt;b&gt; a &lt; b &amp;lt; &amp;nbsp; AT&amp;T", `& \<b> a < b \&lt; \&nbsp; AT&T`},
		{"# no heading\n#tag\n####### x", "\\# no heading\n#tag\n####### x"},
		{"under\n===\nunder\n---", "under\n\\===\nunder\n\\---"},
		{"[x]: http://x.org", `\[x]: http://x.org`},
		{"![alt](http://x.org)", `\![alt](http://x.org)`},
		{`back\slash \*x\* \*x`, `back\slash \\**x\\** \\\*x`},
		{"a\\\nb", "a\\\\\nb"},
		{"a\n    indented\n\tby a tab", "a\n\u00a0\u00a0\u00a0\u00a0indented\n\u00a0\u00a0\u00a0\u00a0by a tab"},
		// quotes
		{"&gt; quoted\nnot", "> quoted\n\nnot"},
		{"&gt;a\n&gt;b\n\nc", "> a\n> b\n\nc"},
		{"&gt;&gt;&gt; all\nof *it*\n# x", "> all\n> of **it**\n> \\# x"},
		{"a\n&gt; # b\n&gt; &gt; c", "a\n> \\# b\n> \\> c"},
		{"&gt; a ```x``` b", "> a \n> ```\n> x\n> ```\n>  b"},
		{"a -&gt; b", "a -> b"},
		// emoji
		{":+1: :clap::skin-tone-3: :partyparrot: :tada::tada:", "👍️ 👏🏼 :partyparrot: 🎉🎉"},
		{"at 10:100:30 x:tada:", "at 10:100:30 x:tada:"},
		{"`:tada:` :skin-tone-9:", "`:tada:` :skin-tone-9:"},
		{":tada::skin-tone-3:", "🎉"},
		{"*:tada:* :handshake::skin-tone-6:", "**🎉** 🤝🏿"},
	} {
		if got := mrkdwn(c[0], desks{}).text; got != c[1] {
			t.Errorf("%q\n got %q\nwant %q", c[0], got, c[1])
		}
	}
}

func TestNamesAreBoundToTheirBytes(t *testing.T) {
	r := mrkdwn("é <@U2> &amp; ```c```<#C1> <!here> `<@U1>` <@U1|zoe>", desks{})
	want := []struct {
		text string
		m    Mention
	}{{`@deploy_bot \*x\*`, Mention{Person: "U2"}}, {"#general", Mention{Channel: "C1"}}, {"@here", Mention{Group: "here"}}, {"@Zoë Krüger", Mention{Person: "U1"}}}
	if len(r.mentions) != len(want) {
		t.Fatalf("%+v in %q", r.mentions, r.text)
	}
	for i, w := range want {
		m := r.mentions[i]
		text := r.text[m.Start:m.End]
		if m.Start, m.End = 0, 0; text != w.text || m != w.m {
			t.Errorf("%q %+v, want %q %+v", text, m, w.text, w.m)
		}
	}
}

func TestLinksAreTheWebsOnly(t *testing.T) {
	got := mrkdwn("<http://a.org> <https://b.org|b> <http://a.org|again> <mailto:x@y.z> <ftp://c.org> `<http://d.org>` <HTTP://e.org>", desks{}).links
	if want := []string{"http://a.org", "https://b.org", "HTTP://e.org"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// shown is what a reader of CommonMark sees of a text without markup: escapes undone.
func shown(md string) string {
	var b strings.Builder
	for i := 0; i < len(md); i++ {
		if md[i] == '\\' && i+1 < len(md) && strings.IndexByte(punctuation, md[i+1]) >= 0 {
			i++
		}
		b.WriteByte(md[i])
	}
	return b.String()
}

// alphabet makes texts in which everything that has a meaning is likely.
var alphabet = rapid.SampledFrom([]string{"*", "_", "~", "`", "```", "<", ">", "&lt;", "&gt;", "&amp;", "&", "@U1", "#C1", "!here", "|",
	"http://x.org", "javascript:x", ":", ":tada:", "skin-tone-2", "\\", "\n", " ", "    ", "\t", "a", "é", "1", ".", "#", "-", "=", "[", "]", "(", ")", "!", "\x00", "\xff", "\u2028", "🎉"})

func slackText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(alphabet, 0, 40).Draw(t, "parts"), "")
	})
}

func checkRendered(t interface{ Errorf(string, ...any) }, src string, r rendered) {
	if !utf8.ValidString(r.text) || strings.ContainsFunc(r.text, isControl) {
		t.Errorf("%q became %q, which no terminal should see", src, r.text)
	}
	last := 0
	for _, m := range r.mentions {
		if m.Start < last || m.End <= m.Start || m.End > len(r.text) {
			t.Errorf("%q: %+v lies outside of %q", src, m, r.text)
			return
		}
		if sign := r.text[m.Start]; sign != '@' && m.Channel == "" || sign != '#' && m.Channel != "" {
			t.Errorf("%q: %+v is %q", src, m, r.text[m.Start:m.End])
		}
		last = m.End
	}
	for _, l := range r.links {
		if webAddress(l) == "" && !strings.HasPrefix(strings.ToLower(l), "http") {
			t.Errorf("%q links to %q", src, l)
		}
	}
}

func TestAnyTextIsRendered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := slackText().Draw(t, "src")
		r := mrkdwn(src, desks{})
		checkRendered(t, src, r)
		if again := mrkdwn(src, desks{}); again.text != r.text {
			t.Errorf("%q becomes %q and then %q", src, r.text, again.text)
		}
	})
}

// What Slack shows as plain text is shown as the same plain text, sign for sign.
func TestPlainTextStaysAsItIs(t *testing.T) {
	sign := rapid.SampledFrom([]rune("&<>\\!#-=[]().;:abz019é🎉|/@$%^\"'+,?{}&<ltgam"))
	rapid.Check(t, func(t *rapid.T) {
		line := strings.TrimSpace(rapid.StringOfN(sign, 0, 60, -1).Draw(t, "line"))
		if strings.HasPrefix(line, ">") || strings.Count(line, ":") > 1 {
			return // a quote or an emoji is no plain text
		}
		if got := shown(mrkdwn(escapeEntities(line), desks{}).text); got != line {
			t.Errorf("%q is shown as %q", line, got)
		}
	})
}

// Signs that belong to nothing are escaped, so that CommonMark sees none of them.
func TestSignsInsideWordsStaySigns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,4}[*~_][a-z]{1,4}`), 1, 8).Draw(t, "words")
		line := strings.Join(words, " ")
		if got := mrkdwn(line, desks{}).text; shown(got) != line || strings.Contains(strings.ReplaceAll(got, `\*`, ""), "*") {
			t.Errorf("%q became %q", line, got)
		}
	})
}

func TestCodeIsUntouched(t *testing.T) {
	inner := rapid.SampledFrom([]rune("*_~<>&\\ :tad@#!|[]()=-.é🎉ab1\t"))
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.StringOfN(inner, 1, 40, -1).Draw(t, "code")
		if strings.TrimFunc(code, unicode.IsSpace) == "" {
			return
		}
		pad := ""
		if strings.HasPrefix(code, " ") && strings.HasSuffix(code, " ") {
			pad = " " // of which CommonMark takes one
		}
		if got, want := mrkdwn("`"+escapeEntities(code)+"`", desks{}).text, "`"+pad+code+pad+"`"; got != want {
			t.Errorf("inline: %q, want %q", got, want)
		}
		lines := code + "\n" + code
		if got, want := mrkdwn("x ```"+escapeEntities(lines)+"```", desks{}).text, "x \n```\n"+lines+"\n```"; got != want {
			t.Errorf("block: %q, want %q", got, want)
		}
	})
}

// A hostile text must not cost more than its length: each of these would take minutes if it were squared.
func TestLongTextsAreReadOnce(t *testing.T) {
	for _, s := range []string{"*a ", "`", "```", "<", "<a", ":", "_*~a ", "a* ", "&", "\\", ">", "\n>", "``` ", "*a_ ~", "<@U1|"} {
		src := strings.Repeat(s, 400_000/len(s))
		checkRendered(t, s, mrkdwn(src, desks{}))
	}
}

func TestTheEmojiTableIsSound(t *testing.T) {
	table := slackEmoji()
	if len(table) < 3000 {
		t.Fatalf("%d names", len(table))
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		e := table[name]
		if emojiName(name+":") != len(name) {
			t.Errorf("%q is no short name", name)
		}
		if e[0] == "" || strings.ContainsFunc(e[0], func(r rune) bool { return r < 0x80 && !strings.ContainsRune("#*0123456789", r) }) {
			t.Errorf("%s: %q", name, e[0])
		}
		if e[1] != "" && !strings.Contains(e[1], "*") {
			t.Errorf("%s: %q has no place for a tone", name, e[1])
		}
	}
	for name, want := range map[string]string{"+1": "👍️", "thumbsup": "👍️", "simple_smile": "🙂", "clap::skin-tone-3": "👏🏼",
		"wave::skin-tone-6": "👋🏿", "fire::skin-tone-3": "🔥", "clap::skin-tone-7": "👏", "flag-de": "🇩🇪", "people_holding_hands::skin-tone-2": "🧑🏻‍🤝‍🧑🏻",
		"partyparrot": ":partyparrot:", "partyparrot::skin-tone-2": ":partyparrot::skin-tone-2:"} {
		if got, ok := emojiOf(name); got != want || ok != !strings.HasPrefix(want, ":") {
			t.Errorf("%s is %q (%v), want %q", name, got, ok, want)
		}
	}
}
