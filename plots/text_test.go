package plots

import (
	"math"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"fs3:/export/home level 0":   "fs3:/export/home level 0",
		"a\nb\tc\x00\x1b[31m":        `a\nb\tc\x00\x1b[31m`,
		"\xff\xfe":                   `\xff\xfe`,
		"Ωμέγα пример é":             "Ωμέγα пример é",
		"日本":                         `\u{65e5}\u{672c}`,
		"\u202etxt.exe\u200b\ufeff":  `\u202etxt.exe\u200b\ufeff`,
		"\U0001f600":                 `\u{1f600}`,
		"literally the rune \ufffd.": "literally the rune " + drawn("\ufffd") + ".",
	} {
		if got := drawn(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestPrintableIsPrintable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text"))
		if !utf8.ValidString(s) {
			t.Fatalf("%q is not UTF-8", s)
		}
		for _, r := range s {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q holds %U", s, r)
			}
		}
	})
}

func TestElide(t *testing.T) {
	style := textStyle(smallSize, ink)
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(rapid.String().Draw(t, "text")) + strings.Repeat("x", rapid.IntRange(0, 900).Draw(t, "more"))
		width := vg.Length(rapid.Float64Range(20, 500).Draw(t, "width"))
		got := elide(s, style, width)
		if style.Width(got) > width {
			t.Fatalf("%q is %v wide, more than %v", got, style.Width(got), width)
		}
		if got == s {
			return
		}
		head, tail, found := strings.Cut(got, ellipsis)
		if !found || !strings.HasPrefix(s, head) || !strings.HasSuffix(s, tail) {
			t.Fatalf("%q is not %q shortened in the middle", got, s)
		}
		if d := utf8.RuneCountInString(head) - utf8.RuneCountInString(tail); d < 0 || d > 1 {
			t.Fatalf("%q is not shortened in the middle", got)
		}
	})
}

func TestWrap(t *testing.T) {
	style := textStyle(smallSize, ink)
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.StringMatching(`[a-z]{1,12}`)).Draw(t, "pieces")
		lines := wrap(pieces, separator, style, 100)
		for _, l := range lines {
			if style.Width(l) > 100.01 {
				t.Fatalf("%q is too wide", l)
			}
		}
		if diff := cmp.Diff(strings.Join(pieces, separator), strings.Join(lines, separator)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestNumbers(t *testing.T) {
	for _, tt := range [][2]string{
		{rateText(0), "0 B/s"},
		{rateText(999), "999 B/s"},
		{rateText(1000), "1.00 kB/s"},
		{rateText(26e6), "26.0 MB/s"},
		{rateText(125e6), "125 MB/s"},
		{rateText(1.25e9), "1.25 GB/s"},
		{ratioText(0.3149), "0.31"},
		{ratioText(0.001), "less than 0.01"},
		{ratioText(123.4), "123"},
		{secondsText(3.004), "3.0 s"},
		{secondsText(9.97), "10 s"},
		{secondsText(59.6), "1 min"},
		{secondsText(70.2), "1 min 10 s"},
		{secondsText(3700), "1 h 1 min"},
		{secondsText(math.NaN()), "unknown time"},
		{secondsText(1e300), "unknown time"},
		{linkText(1e9), "1 Gbit/s"},
		{linkText(4e8), "400 Mbit/s"},
		{linkText(25e8), "2.5 Gbit/s"},
		{confidenceText(0.95), "95 %"},
		{confidenceText(0), "confidence"},
	} {
		if tt[0] != tt[1] {
			t.Errorf("got %q, want %q", tt[0], tt[1])
		}
	}
}

func TestTicksAreFewAndDifferent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(0, 1e6).Draw(t, "low")
		high := low + math.Pow(10, rapid.Float64Range(-1, 12).Draw(t, "length"))
		for name, ticks := range map[string][]plot.Tick{
			"even":   evenTicks(unitFor(high).bytesPerSecond, 6)(0, high),
			"counts": countTicks(0.5, math.Round(math.Mod(high, 500))+1.5),
			"dates":  dateTicks(low, high),
			"ratios": ratioTicks(11)(0.01+math.Mod(low, 0.5), 2+math.Mod(high, 60)),
		} {
			labels := map[string]bool{}
			for i, k := range ticks {
				if i > 0 && k.Value <= ticks[i-1].Value {
					t.Fatalf("%s: %v after %v", name, k, ticks[i-1])
				}
				if k.Label != "" && labels[k.Label] {
					t.Fatalf("%s: label %q twice in %v", name, k.Label, ticks)
				}
				labels[k.Label] = true
			}
			if len(labels) > 19 {
				t.Fatalf("%s: %d labels", name, len(labels))
			}
			if (name == "even" || name == "counts") && len(labels) == 0 {
				t.Fatalf("%s: no label", name)
			}
		}
	})
}
