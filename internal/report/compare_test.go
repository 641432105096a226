package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/analysis"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// runs are studies of one planted ratio, a day apart.
func runs(t *testing.T, ratio float64, n int, seed uint64) []*analysis.Study {
	t.Helper()
	var out []*analysis.Study
	for i := range n {
		s := host{streams: 3, ratio: ratio, noise: 0.05, blocks: 12, seed: seed + uint64(i)}.study(t)
		s.Result.Started = s.Result.Started.Add(time.Duration(seed) * 24 * time.Hour)
		out = append(out, s)
	}
	return out
}

func TestCompare(t *testing.T) {
	before, after := runs(t, 0.31, 3, 1), runs(t, 1.9, 3, 10)
	for _, n := range []int{1, 3} {
		c, err := Compare([]Condition{{"auth bsd", before[:n]}, {"auth bsdtcp", after[:n]}}, false)
		if err != nil {
			t.Fatal(err)
		}
		d := c.Differences[0]
		if truth := 1.9 / 0.31; d.Interval.Low > truth || d.Interval.High < truth || d.Factor < 5 || d.Factor > 7.5 || !d.Differs() {
			t.Errorf("%d runs: factor %g (%v), planted %g", n, d.Factor, d.Interval, truth)
		}
		if len(d.Levels) != 2 || d.Levels[0].Active != 1 || d.Levels[1].Interval == nil || d.Levels[0].Interval.Low > 1 || d.Levels[0].Interval.High < 1 {
			t.Errorf("%d runs: levels %+v", n, d.Levels)
		}
		for name, write := range map[string]func(*bytes.Buffer) error{
			"text": func(b *bytes.Buffer) error { return c.Text(b) }, "markdown": func(b *bytes.Buffer) error { return c.Markdown(b) },
			"html": func(b *bytes.Buffer) error { return c.HTML(b) }, "json": func(b *bytes.Buffer) error { return c.JSON(b) },
		} {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(b.String(), "auth bsdtcp") || !strings.Contains(b.String(), "all streams together over one alone") {
				t.Errorf("the %s lacks the sentence", name)
			}
			if name == "json" && !json.Valid(b.Bytes()) {
				t.Error("invalid JSON")
			}
		}
	}
	c, err := Compare([]Condition{{"A", before[:1]}, {"B", before[1:2]}}, false)
	if err != nil {
		t.Fatal(err)
	}
	if c.Differences[0].Differs() || !strings.Contains(c.Sentence, "can't be told from no difference") {
		t.Errorf("two runs of one host differ: %s", c.Sentence)
	}
}

func TestCompareRefuses(t *testing.T) {
	a := runs(t, 0.31, 1, 1)[0]
	check := func(want string, change func(*analysis.Study)) {
		t.Helper()
		b := runs(t, 0.31, 1, 2)[0]
		change(b)
		_, err := Compare([]Condition{{"A", []*analysis.Study{a}}, {"B", []*analysis.Study{b}}}, false)
		refusal, ok := errors.AsType[*NotComparableError](err)
		if !ok || !slices.Contains(refusal.Reasons, want) {
			t.Errorf("got %v, want %s", err, want)
			return
		}
		c, err := Compare([]Condition{{"A", []*analysis.Study{a}}, {"B", []*analysis.Study{b}}}, true)
		if err != nil || !cmp.Equal(c.Overridden, refusal.Reasons) {
			t.Errorf("forced: %v", err)
			return
		}
		var text strings.Builder
		if err := c.Text(&text); err != nil || !strings.Contains(text.String(), "Compared by force") {
			t.Errorf("the report doesn't say that it was forced:\n%s", text.String())
		}
	}
	check("interface differs: eth0 against eth1", func(s *analysis.Study) { s.Result.Interface.Name = "eth1" })
	check("direction differs: tx against rx", func(s *analysis.Study) { s.Header.Direction = "rx" })
	check("number of streams differs: 3 against 2 3", func(s *analysis.Study) { s.Result.StreamCounts = []int{2, 3} })
	check("deciding counter differs: sockets against interface", func(s *analysis.Study) { s.Result.DecidedBy = analysis.Interface })
	check("design differs: fixed against sequential", func(s *analysis.Study) { s.Header.Plan.Design = "sequential" })
	check("confidence differs: 95 % against 90 %", func(s *analysis.Study) { s.Result.Confidence = 0.9 })
	check("real or simulated differs: real against simulated", func(s *analysis.Study) { s.Result.Simulated = true })
	if _, err := Compare([]Condition{{"A", []*analysis.Study{a}}, {"B", []*analysis.Study{a}}}, false); err == nil || !strings.Contains(err.Error(), "is given twice") {
		t.Errorf("the same run on both sides: %v", err)
	}
	empty := runs(t, 0.31, 1, 3)[0]
	empty.Result.Ratio = 0
	if _, err := Compare([]Condition{{"A", []*analysis.Study{a}}, {"B", []*analysis.Study{empty}}}, true); err == nil {
		t.Error("a condition without a ratio was compared")
	}
}

// TestIntervalsCover plays both kinds of intervals with a planted truth.
func TestIntervalsCover(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const worlds = 4000
	check := func(name string, na, nb int) {
		covered := 0
		for range worlds {
			truth := rng.NormFloat64()
			draw := func(center float64, n int, sd float64) effect {
				logs := make([]float64, n)
				for i := range logs {
					logs[i] = center + sd*rng.NormFloat64()
				}
				if n > 1 {
					return overRuns(logs, 0.95)
				}
				half := 1.959964 * sd
				return oneRun(math.Exp(logs[0]), analysis.Interval{Low: math.Exp(logs[0] - half), High: math.Exp(logs[0] + half)})
			}
			e := draw(truth, na, 0.3).minus(draw(0, nb, 0.1), 0.95)
			if e.low <= truth && truth <= e.high {
				covered++
			}
		}
		// Three standard deviations below 95 %.
		if share := float64(covered) / worlds; share < 0.9395 {
			t.Errorf("%s covers %.3f", name, share)
		}
	}
	check("one run against one", 1, 1)
	check("one run against four", 1, 4)
	check("four runs against one", 4, 1)
	check("five runs against three", 5, 3)
}

func TestWelch(t *testing.T) {
	// Worked by hand: means 2 and 1, variances 1 and 4 of 4 and 5 runs.
	a := effect{log: 2, runs: 4, se: 0.5}
	b := effect{log: 1, runs: 5, se: math.Sqrt(0.8)}
	e := a.minus(b, 0.95)
	const df = 1.05 * 1.05 / (0.0625/3 + 0.64/4) // 6.0968
	if got, want := (e.high-e.low)/2, studentT(0.95, df)*math.Sqrt(1.05); math.Abs(got-want) > 1e-12 || math.Abs(studentT(0.95, 6)-2.446912) > 1e-5 {
		t.Errorf("half width %g, want %g", got, want)
	}
}
