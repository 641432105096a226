package plots

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

func TestEveryUsedSegmentIsOneDot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := world{
			streams: rapid.IntRange(1, 16).Draw(t, "streams"), ratio: 0.5, verdict: analysis.Collapse,
			rounds: rapid.IntRange(1, 6).Draw(t, "rounds"), between: true, seed: rapid.Uint64().Draw(t, "seed"),
		}
		s := w.study()
		want := map[int]float64{}
		for i := range s.Segments {
			s.Segments[i].Used = rapid.Bool().Draw(t, "used")
			if s.Segments[i].Used {
				want[s.Segments[i].Number] = s.Segments[i].Rates[analysis.Sockets]
			}
		}
		c := curveOf(s)
		got := map[int]float64{}
		for _, d := range c.dots {
			if _, twice := got[d.segment]; twice {
				t.Fatalf("segment %d is drawn twice", d.segment)
			}
			got[d.segment] = d.bytesPerSecond
			if len(s.Segments[d.segment-1].Active) != d.active {
				t.Fatalf("segment %d stands at level %d", d.segment, d.active)
			}
			if math.Abs(d.aside) >= 0.5 {
				t.Fatalf("segment %d stands %v aside", d.segment, d.aside)
			}
			if d.bytesPerSecond > c.top || float64(d.active) < c.left || float64(d.active) > c.right {
				t.Fatalf("%+v is off the axes %v..%v, %v", d, c.left, c.right, c.top)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestDotsDoNotCoverEachOther(t *testing.T) {
	for _, w := range []world{collapse2, collapse3, saturated3, scaling8} {
		c := curveOf(w.study())
		across := float64(areaWidth) / (c.right - c.left)
		up := float64(areaHeight) / c.top
		for i, a := range c.dots {
			for _, b := range c.dots[:i] {
				dx := (float64(a.active-b.active) + a.aside - b.aside) * across
				dy := (a.bytesPerSecond - b.bytesPerSecond) * up
				if math.Hypot(dx, dy) < 2*float64(c.marks.dot) {
					t.Errorf("%d streams: segments %d and %d are %.1f points apart", w.streams, a.segment, b.segment, math.Hypot(dx, dy))
				}
			}
		}
	}
}

func TestCurveShowsWhatIsKnown(t *testing.T) {
	s := collapse3.study()
	s.Segments[0].Phase = recording.PhasePlacebo
	delete(s.Segments[1].Rates, analysis.Sockets)
	s.Segments[2].Rates[analysis.Sockets] = math.NaN()
	s.Result.Levels = append(s.Result.Levels, analysis.Level{Active: 2, LevelRate: analysis.LevelRate{BytesPerSecond: math.Inf(1)}})
	c := curveOf(s)
	if got, want := len(c.dots), len(s.Segments)-2; got != want {
		t.Errorf("%d dots, want %d", got, want)
	}
	if !c.dots[0].placebo || c.dots[1].placebo {
		t.Error("the placebo is not told apart")
	}
	if !slices.Contains(c.facts, "16 segments") || !slices.Contains(c.facts, "2 more without a value") {
		t.Errorf("facts: %q", c.facts)
	}
	if len(c.levels) != 3 {
		t.Errorf("%d levels, want the 3 with numbers", len(c.levels))
	}
	if c.alone != 26e6 || c.best != 1 {
		t.Errorf("alone %v, best %d", c.alone, c.best)
	}
	if c.link != 0 {
		t.Errorf("a link of 125 MB/s squeezes data of 35 MB/s: %v", c.link)
	}
	if c := curveOf(scaling8.study()); c.link != 125e6 || c.top < c.link {
		t.Errorf("link %v on an axis up to %v, want 125e6 on it", c.link, c.top)
	}
}

func TestTitle(t *testing.T) {
	for _, tt := range []struct {
		verdict analysis.Verdict
		ratio   float64
		counts  []int
		want    string
	}{
		{analysis.Collapse, 0.31, []int{3}, "collapse: 3 streams move 0.31 of what one moves alone"},
		{analysis.Collapse, 0.001, []int{3, 2}, "collapse: 2 to 3 streams move less than 0.01 of what one moves alone"},
		{analysis.Saturated, 1.02, []int{8}, "saturated: 8 streams move 1.02 times what one moves alone"},
		{analysis.Scaling, 2.5, []int{16}, "scaling: 16 streams move 2.50 times what one moves alone"},
		{analysis.NoCollapse, 1.1, nil, "no collapse: all streams move 1.10 times what one moves alone"},
		{analysis.Inconclusive, 0.9, []int{2}, "inconclusive: 2 streams move 0.70 to 1.40 times one alone"},
		{analysis.Inconclusive, 0, []int{2}, "inconclusive: no ratio could be estimated"},
		{analysis.Collapse, math.NaN(), []int{2}, "inconclusive: no ratio could be estimated"},
	} {
		r := analysis.Result{Verdict: tt.verdict, Ratio: tt.ratio, StreamCounts: tt.counts, Interval: analysis.Interval{Low: 0.7, High: 1.4}}
		if got := titleOf(&r); got != tt.want {
			t.Errorf("%s %v: %q, want %q", tt.verdict, tt.ratio, got, tt.want)
		}
	}
}

func TestCaption(t *testing.T) {
	s := collapse3.study()
	s.Result.Note, s.Result.Labels = "after\nnoon", map[string]string{"site": "east", "a": "b"}
	s.Result.Warnings = []string{"x"}
	s.Result.Simulated = true
	p := pageOf(s)
	want := []string{
		"54.0 stream-seconds withheld, longest pause 3.0 s (limit 30 s)", "decided by the streams' sockets", "host fs3",
		"interface eth0 at 1 Gbit/s", "2026-11-22 03:15:00 UTC", "ran 1 min 10 s", "1 warning in the report", "a=b site=east", `note: after\nnoon`,
	}
	if diff := cmp.Diff(want, p.caption); diff != "" {
		t.Error(diff)
	}
	if p.facts[0] != "SIMULATED: no real backup was touched" {
		t.Errorf("facts: %q", p.facts)
	}
}
