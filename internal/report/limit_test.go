package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/limiter"
)

func TestLevelLimits(t *testing.T) {
	level := func(active int, kind limiter.Kind, name string, share float64) limiter.Level {
		return limiter.Level{Active: active, Limit: limiter.Limit{Kind: kind, Name: name, Share: share}}
	}
	f := &limiter.Finding{Levels: []limiter.Level{
		level(1, limiter.Receivers, "the receivers", .961), level(2, limiter.Computing, "CPU time of a\x1bb", .84), level(4, limiter.Computing, "CPU time of a\x1bb", .87),
		level(8, limiter.Computing, "CPU time of a\x1bb", .85), level(16, limiter.Unknown, "not decided", 0),
	}}
	want := [][]string{{"1", "the receivers", "96 %"}, {"2, 4 and 8", `CPU time of a\x1bb`, "84 to 87 %"}, {"16", "not decided", none}}
	if diff := cmp.Diff(want, levelLimits(f).Rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLimitOfEachLevel holds that every medium says it, and those with figures say it
// to whoever doesn't see them.
func TestLimitOfEachLevel(t *testing.T) {
	s := hosts()["collapse-3"].study(t)
	for medium, wanted := range map[string][]string{
		"text":     {"\n  1        the receivers ", "\n  2 and 3  amandad, a single blocking writer "},
		"markdown": {"| 1 | the receivers |", "| 2 and 3 | amandad, a single blocking writer |"},
		"html":     {"<td data-name=\"limit\">amandad, a single blocking writer</td>", "The limit with 1 active: the receivers; with 2 and 3 active: amandad, a single blocking writer."},
		"json":     {`"name": "amandad, a single blocking writer"`, `"name": "the receivers"`},
	} {
		out := written(t, media[medium], s)
		for _, want := range wanted {
			if !strings.Contains(out, want) {
				t.Errorf("the %s doesn't say %q", medium, want)
			}
		}
	}
}
