package analysis

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

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
			Header: recording.Header{Started: time.Date(2026, 11, 1+i, 3, 0, 0, 0, time.UTC)},
			Result: Result{Blocks: 6, Ratio: r, Interval: Interval{r * math.Exp(-1.96*se), r * math.Exp(1.96*se)}},
		})
	}
	return out
}

func repeat(ratio float64, n int) []float64 { return slices.Repeat([]float64{ratio}, n) }

func TestChangePoints(t *testing.T) {
	check := func(name string, nights []float64, want ...int) {
		t.Helper()
		studies := nightly(7, nights...)
		var days []int
		for _, at := range ChangePoints(studies) {
			days = append(days, at.Day()-1)
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

// A series that never changed shows a change about as often as promised, at most.
func TestFalseChanges(t *testing.T) {
	const runs = 2000
	wrong := 0
	for seed := range uint64(runs) {
		if len(ChangePoints(nightly(seed, repeat(1, 20)...))) > 0 {
			wrong++
		}
	}
	// 1 % of 2,000 is 20, with a standard deviation of 4.5.
	if wrong > 20+4*5 {
		t.Errorf("%d of %d steady series showed a change", wrong, runs)
	}
}

// Runs without a ratio are passed over.
func TestChangePointsSkipUndecided(t *testing.T) {
	studies := nightly(7, slices.Concat(repeat(0.35, 8), repeat(1.9, 8))...)
	studies[3].Result = Result{}
	studies[12].Result.Interval = Interval{}
	if got := ChangePoints(studies); len(got) != 1 || got[0].Day() != 9 {
		t.Errorf("changes %v", got)
	}
}
