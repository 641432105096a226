package report

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pausetest/internal/analysis"
	"pausetest/internal/limiter"
)

// perfItem is one item of performance data as the guidelines of the Monitoring
// Plugins have it: 'label'=value[UOM];[warn];[crit];[min];[max], thresholds being
// ranges, and numbers made of digits, points and minuses.
var perfItem = regexp.MustCompile(`^('([^'=]|'')+'|[^'= ]+)=(-?[0-9.]+(s|us|ms|%|[KMGT]?B|c)?|U)(;(@?(~|-?[0-9.]+)?:?(-?[0-9.]+)?)?){0,2}(;(-?[0-9.]+)?){0,2}$`)

func TestPluginLine(t *testing.T) {
	for name, h := range hosts() {
		s := h.study(t)
		line := PluginLine(PluginCritical, s.Result.Sentence+"\n"+s.Header.Note, s)
		if strings.ContainsAny(line, "\n\r\x1b") || !utf8.ValidString(line) || strings.Count(line, "|") != 1 || len(line) > 1024 {
			t.Errorf("%s: not one line with performance data: %q", name, line)
		}
		text, data, _ := strings.Cut(line, " | ")
		if !strings.HasPrefix(text, "PAUSETEST CRITICAL: ") {
			t.Errorf("%s: %s", name, text)
		}
		for _, item := range strings.Fields(data) {
			if !perfItem.MatchString(item) {
				t.Errorf("%s: %q is no performance data", name, item)
			}
		}
	}
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	s := hosts()["collapse-3"].study(t)
	s.Result.Ratio, s.Result.WallSeconds = 0.3124, 100
	_, data, _ := strings.Cut(PluginLine(PluginOK, "", s), " | ")
	if !strings.HasPrefix(data, "ratio=0.312;;0.8:;0 ratio_low=0.") || !strings.HasSuffix(data, ";;30;0 duration=100s;;;0") {
		t.Errorf("performance data: %s", data)
	}
	check(PluginLine(PluginUnknown, "a|b\nc", nil), `PAUSETEST UNKNOWN: a¦b\nc`)
	check(PluginLine(PluginWarning, strings.Repeat("long ", 1000), nil)[:28], "PAUSETEST WARNING: long long")
	check(PluginLongText("a | b\n"), "a ¦ b\n")
}

func TestPerf(t *testing.T) {
	check := func(got, want string) {
		t.Helper()
		if got != want || !perfItem.MatchString(got) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	check(perf("ratio", 1, "", "", "0.8:", "0"), "ratio=1;;0.8:;0")
	check(perf("a b", -1.5, "s", "", "", ""), "'a b'=-1.5s")
	check(perf("it's = |\n", 0, "", "1", "2", ""), "'it''s - --'=0;1;2")
	var zero float64
	check(perf("none", zero/zero, "s", "", "", "0"), "none=U;;;0")
}

func TestParagraph(t *testing.T) {
	for name, h := range hosts() {
		s := h.study(t)
		text := written(t, func(w io.Writer, s *analysis.Study) error { return Paragraph(w, s, "runs/1") }, s)
		if strings.Contains(text, "\n\n") || strings.Contains(text, "  ") || !strings.HasPrefix(text, string(s.Result.Verdict)+" (") {
			t.Errorf("%s: no plain paragraph: %q", name, text)
		}
		for line := range strings.Lines(text) {
			if utf8.RuneCountInString(line) > terminalWidth+1 && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%s: a line is too long: %q", name, line)
			}
		}
		if !strings.Contains(strings.ReplaceAll(text, "\n", " "), s.Result.Sentence) && name != "hostile-3" {
			t.Errorf("%s: the sentence is missing: %s", name, text)
		}
		if cause := Cause(&s.Result); cause != "" && !strings.Contains(strings.ReplaceAll(text, "\n", " "), "Where the limit is: "+cause) {
			t.Errorf("%s: the cause is missing: %s", name, text)
		}
	}
}

func TestCauseSaysNothingItDoesNotKnow(t *testing.T) {
	for _, test := range []struct {
		finding *limiter.Finding
		want    string
	}{
		{nil, ""},
		{&limiter.Finding{Kind: limiter.Unknown, Cause: "the recording does not say where the limit is"}, ""},
		{&limiter.Finding{Kind: limiter.BlockingWriter, Cause: "amandad waits\x1b"}, `amandad waits\x1b`},
	} {
		if got := Cause(&analysis.Result{Limiter: test.finding}); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
