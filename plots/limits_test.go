package plots

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/analysis"
	"pausetest/internal/limiter"
)

// boxOf is where a text is drawn, alone on its line.
func boxOf(t *testing.T, texts []textBox, text string) textBox {
	t.Helper()
	for _, b := range texts {
		if b.text == text {
			return b
		}
	}
	t.Fatalf("%q is not drawn", text)
	return textBox{}
}

// TestLimitsStandBelowTheirLevels holds words against the numbers at the axis.
func TestLimitsStandBelowTheirLevels(t *testing.T) {
	texts := layOut(curveOf(limited3.study())).texts
	for limit, levels := range map[string][2]string{"the receivers": {"1", "1"}, "demo-relay, a single blocking writer": {"2", "3"}} {
		words := boxOf(t, texts, limit).box
		first, last := boxOf(t, texts, levels[0]).box, boxOf(t, texts, levels[1]).box
		middle, want := (words.Min.X+words.Max.X)/2, (first.Min.X+last.Max.X)/2
		if words.Max.Y > first.Min.Y || middle < want-2 || middle > want+2 {
			t.Errorf("%q stands at %v, and its levels at %v to %v", limit, words, first, last)
		}
	}
}

// TestLimitsOneAfterTheOther has levels too close to one another for words.
func TestLimitsOneAfterTheOther(t *testing.T) {
	lines := func(w world) string {
		var all []string
		for _, b := range layOut(curveOf(w.study())).texts {
			all = append(all, b.text)
		}
		return strings.Join(all, "\n")
	}
	for _, want := range []string{"limit with 1 active: the receivers", "with 2: the network", "with 4: CPU time of amandad", "with 8 and 16: amandad, a single blocking writer"} {
		if got := lines(limited16); !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	// Too many for the page: the first and the highest level are there.
	for _, want := range []string{"limit with 1 active: CPU time of", "more in the report", `with 10 to 16: disk a\n\x1b`} {
		if got := lines(limitedHostile); !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// TestLimitsOffTheAxis leaves out what has no place on it, or none in the order.
func TestLimitsOffTheAxis(t *testing.T) {
	r := &analysis.Result{Limiter: &limiter.Finding{}}
	for i, active := range []int{-1, 0, 1, 2, 1, 3, 9} {
		name := string(rune('a' + i))
		r.Limiter.Levels = append(r.Limiter.Levels, limiter.Level{Active: active, Limit: limiter.Limit{Name: name}})
	}
	want := limits{{1, 1, "1", "c"}, {2, 2, "2", "d"}, {3, 3, "3", "f"}}
	if diff := cmp.Diff(want, limitsOf(r, 0.5, 3.5), cmp.AllowUnexported(stretch{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if l := limitsOf(&analysis.Result{}, 0.5, 3.5); l != nil || l.height() != 0 {
		t.Errorf("without vitals: %+v", l)
	}
}
