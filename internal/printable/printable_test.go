package printable

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, tc := range []struct {
		in   string
		max  int
		want string
	}{
		{"", 0, ""},
		{"tar", 3, "tar"},
		{"/export/größe", 0, "/export/größe"},
		{"a\nb\tc", 0, `a\nb\tc`},
		{"\x1b[31mred", 0, `\x1b[31mred`},
		{"\x1b]0;title\a", 0, `\x1b]0;title\a`},
		{"bad\xff\xc3", 0, `bad\xff\xc3`},
		{"a\u202egnp.exe", 0, `a\u202egnp.exe`},
		{"zero\u200bwidth\ufeff", 0, `zero\u200bwidth\ufeff`},
		{"no\u00a0break", 0, `no\u00a0break`},
		{"\u009b31m", 0, `\u009b31m`},
		{"\ufffd", 0, `\ufffd`},
		{"\U000e0041", 0, `\U000e0041`},
		{`\\host\share`, 0, `\\host\share`},
		{"0123456789", 10, "0123456789"},
		{"0123456789", 9, "0123…6789"},
		{"0123456789", 4, "01…9"},
		{"0123456789", 1, "…"},
		{"ab\x1b\x1bcd", 8, `ab…cd`},
		{"äöüß", 4, "äöüß"},
		{"äöüßä", 4, "äö…ä"},
	} {
		if got := Text(tc.in, tc.max); got != tc.want {
			t.Errorf("Text(%q, %d) = %q, want %q", tc.in, tc.max, got, tc.want)
		}
	}
}

func TestCommandLine(t *testing.T) {
	got := CommandLine([]string{"tar", "", "a b", `q"q`, "x\ny", `\`})
	if want := `tar "" "a b" "q\"q" x\ny \`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := CommandLine(nil); got != "" {
		t.Errorf("no arguments give %q", got)
	}
}

func FuzzText(f *testing.F) {
	f.Add("tar\x1b[2J\u202e\xff", 7)
	f.Add(strings.Repeat("ä", 50), 20)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		got := Text(s, limit)
		if !utf8.ValidString(got) {
			t.Fatalf("%q is not UTF-8", got)
		}
		for _, r := range got {
			if r != '…' && !unicode.IsPrint(r) {
				t.Fatalf("%q lets %U through", got, r)
			}
		}
		if n := utf8.RuneCountInString(got); limit > 0 && n > limit {
			t.Fatalf("%q has %d runes, more than %d", got, n, limit)
		}
		if Text(got, 0) != got {
			t.Fatalf("%q changes when it is escaped again", got)
		}
	})
}
