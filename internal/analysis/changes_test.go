package analysis

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"pausetest/internal/recording"
)

// nightly makes a run a night with these true ratios and errors of 10 %.
func nightly(seed uint64, ratios ...float64) []*Study {
	rng := rand.New(rand.NewPCG(seed, 1))
	var out []*Study
	for i, ratio := range ratios {
		const se = 0.1
		r := ratio * math.Exp(se*rng.NormFloat64())
		out = append(out, &Study{
			Header: recording.Header{Plan: recording.Plan{Design: recording.Fixed, Confidence: 0.95}},
			Result: Result{Started: time.Date(2026, 11, 1+i, 3, 0, 0, 0, time.UTC), Blocks: 30, Ratio: r, Interval: Interval{r * math.Exp(-2.05*se), r * math.Exp(2.05*se)}},
		})
	}
	return out
}

func repeat(ratio float64, n int) []float64 { return slices.Repeat([]float64{ratio}, n) }

func TestChanges(t *testing.T) {
	check := func(name string, nights []float64, want ...int) {
		t.Helper()
		studies := nightly(7, nights...)
		var days []int
		for _, c := range Changes(studies) {
			days = append(days, c.FirstAfter.Day()-1)
		}
		if !slices.Equal(days, want) {
			t.Errorf("%s: changes at %v, want %v", name, days, want)
		}
	}
	check("cured", slices.Concat(repeat(0.35, 8), repeat(1.9, 8)), 8)
	check("cured and back", slices.Concat(repeat(0.35, 6), repeat(1.9, 6), repeat(0.4, 6)), 6, 12)
	check("steady", repeat(1, 20))
	check("one bad night", slices.Concat(repeat(1, 8), repeat(0.5, 1), repeat(1, 8)))
	check("too few", slices.Concat(repeat(0.3, 2), repeat(2, 2)))
	check("none", nil)
}

// unequalNights makes a series whose ratio never changes. Nights differ by between,
// drawn by draw; runs differ in their noise, in their number of blocks and so in how
// wide and how well known their intervals are.
func unequalNights(rng *rand.Rand, n int, between float64, draw func() float64) []*Study {
	var out []*Study
	for i := range n {
		blocks := 4 + rng.IntN(21)
		df := float64(blocks - 1)
		se := []float64{0.03, 0.1, 0.3, 0.8}[rng.IntN(4)] / math.Sqrt(float64(blocks))
		log := between*draw() + se*rng.NormFloat64()
		seen := max(0.02, se*math.Sqrt(distuv.ChiSquared{K: df, Src: rng}.Rand()/df))
		// One look, at 90 %: the narrowest interval there is. Or a repeated interval.
		plan := recording.Plan{Design: recording.Fixed, Confidence: 0.90}
		if i%2 == 0 {
			plan = recording.Plan{}
		}
		r := newRule(plan)
		out = append(out, &Study{Header: recording.Header{Plan: plan}, Result: Result{
			Started: time.Date(2026, 11, 1+i, 3, 0, 0, 0, time.UTC), Blocks: blocks, Ratio: math.Exp(log), Estimator: Plain,
			Interval: r.interval(estimate{logRatio: log, se: seen, n: blocks, df: blocks - 1}),
		}})
	}
	return out
}

// A series that never changes, looked at after every run, is said to have changed as
// often as promised at most: however much nights differ, with nights that stand out,
// and with intervals of very unequal width.
func TestFalseChanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	draws := map[string]func() float64{
		"normal": rng.NormFloat64,
		"heavy":  distuv.StudentsT{Sigma: 1, Nu: 3, Src: rng}.Rand,
	}
	const series, nights = 200, 24
	for name, draw := range draws {
		for _, between := range []float64{0, 0.1, 0.3, 1} {
			wrong := 0
			for range series {
				all := nightsOf(unequalNights(rng, nights, between, draw))
				for looked := range len(all) + 1 {
					if len(splits(all[:looked], 0)) > 0 {
						wrong++
						break
					}
				}
			}
			// FalseChange of 200 is 2, with a standard deviation of 1.4.
			if wrong > 7 {
				t.Errorf("nights that differ by %g (%s): %d of %d steady series showed a change", between, name, wrong, series)
			}
		}
	}
}

// How soon a change is seen: three runs after it, if it is one that matters.
func TestChangeIsSeen(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	const series = 200
	seen := 0
	for range series {
		studies := unequalNights(rng, 23, 0.1, rng.NormFloat64)
		for _, s := range studies[20:] {
			r := &s.Result
			r.Ratio, r.Interval = r.Ratio*0.3, Interval{r.Interval.Low * 0.3, r.Interval.High * 0.3}
		}
		if got := Changes(studies); len(got) > 0 && got[len(got)-1].FirstAfter.Equal(studies[20].Result.Started) {
			seen++
		}
	}
	if seen < series*9/10 {
		t.Errorf("a fall to three tenths was seen after three runs in %d of %d series", seen, series)
	}
}

// The levels on both sides of a change are those of the runs between the changes.
func TestChangeLevels(t *testing.T) {
	studies := nightly(7, slices.Concat(repeat(0.97, 8), repeat(0.41, 8))...)
	got := Changes(studies)
	if len(got) != 1 || math.Abs(got[0].From-0.97) > 0.1 || math.Abs(got[0].To-0.41) > 0.05 ||
		!got[0].LastBefore.Equal(studies[7].Result.Started) || !got[0].FirstAfter.Equal(studies[8].Result.Started) {
		t.Errorf("%+v", got)
	}
}

// Runs without a ratio are passed over.
func TestChangesSkipUndecided(t *testing.T) {
	studies := nightly(7, slices.Concat(repeat(0.35, 8), repeat(1.9, 8))...)
	studies[3].Result = Result{Started: studies[3].Result.Started}
	studies[12].Result.Interval = Interval{}
	if got := Changes(studies); len(got) != 1 || got[0].FirstAfter.Day() != 9 {
		t.Errorf("changes %v", got)
	}
}
