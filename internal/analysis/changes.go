package analysis

import (
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

const (
	// leastNights is how many runs a level needs before it is one: two could be
	// chance twice.
	leastNights = 3
	// mostNights on either side are looked at for a change. More would find smaller
	// ones than matter.
	mostNights = 96
	// FalseChange is the chance, at most, that a series which never changes is ever
	// said to have changed: over all looks, if it is looked at after every run.
	FalseChange = 0.01
	// betweenNights is how far nights differ at least, as a standard deviation of
	// ln R, however alike the few that were seen happen to be.
	betweenNights = 0.05
)

// A Change is when the ratio of a series of runs changed for good, and how much.
type Change struct {
	LastBefore time.Time `json:"last_before"` // the last run at the old level
	FirstAfter time.Time `json:"first_after"` // the first one at the new level
	// From and To are the ratios of the levels before and after: geometric means
	// up to the changes next to this one, each run weighted by its precision.
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// A night is one run in a series: when it was, what it gave, and how sure that is.
type night struct {
	at       time.Time
	log      float64 // ln T(N)/T(1)
	variance float64 // of log, as far as the run itself knows
}

// Changes finds when the ratio of a series of runs changed for good, in order. The
// studies are ordered by time and of one Series; runs without a ratio are passed over.
//
// Every run that has leastNights on both sides may be the first of a new level. The
// runs before and after it, in windows of 3, 6, 12 ... of them, are compared by a
// random-effects t test (levelsOf). The split with the least p is a change if
// that is below the level left for it, with all splits and windows counted
// (Bonferroni); then the same on either side. Windows keep a change visible that is
// taken back later. docs/history.md says how often this is wrong.
//
// A change within the last leastNights runs can't be told from a bad night and is
// not reported.
func Changes(studies []*Study) []Change {
	nights := nightsOf(studies)
	first := splits(nights, 0)
	bounds := append(append([]int{0}, first...), len(nights))
	var found []Change
	for k, i := range first {
		fit := levelsOf(nights[bounds[k]:i], nights[i:bounds[k+2]])
		found = append(found, Change{nights[i-1].at, nights[i].at, math.Exp(fit.before), math.Exp(fit.after)})
	}
	return found
}

// nightsOf takes from studies what a change is found by.
func nightsOf(studies []*Study) []night {
	var nights []night
	for _, s := range studies {
		if r := &s.Result; hasRatio(r) {
			nights = append(nights, night{r.Started, math.Log(r.Ratio), errorVariance(s)})
		}
	}
	return nights
}

// hasRatio reports whether a run gave a ratio and an interval that can be computed with.
func hasRatio(r *Result) bool {
	return r.Blocks >= 2 && r.Interval.Low > 0 && r.Interval.Low <= r.Ratio && r.Ratio <= r.Interval.High &&
		r.Interval.High < r.Ratio*widestFactor/2 // else it was cut to the widest and says nothing
}

// errorVariance is the variance of a run's ln R as the run itself knows it. Its interval
// reaches so many standard errors to either side as its rule says; a standard error known
// with few degrees of freedom has the larger variance of Student's t.
func errorVariance(s *Study) float64 {
	r := &s.Result
	df := r.Blocks - 1
	switch r.Estimator {
	case Stratified:
		df = r.Blocks - slices.Max(append([]int{1}, r.StreamCounts...))
	case ShareAdjusted:
		df = r.Blocks - 2
	}
	df = max(df, 1)
	reach := newRule(s.Header.Plan).critical(estimate{n: r.Blocks, df: df})
	se := math.Log(r.Interval.High/r.Interval.Low) / (2 * reach)
	nu := math.Max(float64(df), leastFreedom)
	return se * se * nu / (nu - 2)
}

// leastFreedom is the least number of degrees of freedom with which Student's t has
// a variance.
const leastFreedom = 3

// splits returns the indices, counted from offset, at which a new level begins.
func splits(nights []night, offset int) []int {
	candidates := len(nights) - 2*leastNights + 1
	if candidates < 1 {
		return nil
	}
	best, bestP, bestT, tests := 0, 1.0, 0.0, 0
	for i := leastNights; i <= len(nights)-leastNights; i++ {
		for width := leastNights; width <= mostNights; width *= 2 {
			before, after := nights[max(0, i-width):i], nights[i:min(len(nights), i+width)]
			tests++
			fit := levelsOf(before, after)
			if p, t := fit.p(), fit.t(); p < bestP || p == bestP && t > bestT { // p may be too small for a number
				best, bestP, bestT = i, p, t
			}
			if len(before) < width && len(after) < width {
				break // a wider window has no more in it
			}
		}
	}
	// This is the look number `candidates` at the series, if it was looked at after
	// every run. 1/(k(k+1)) of all k sum to 1.
	spent := FalseChange / float64(candidates*(candidates+1))
	if bestP >= spent/float64(tests) {
		return nil
	}
	left := splits(nights[:best], offset)
	right := splits(nights[best:], offset+best)
	return append(append(left, offset+best), right...)
}

// twoLevels are what is fitted to the runs before and after a split.
type twoLevels struct {
	before, after float64 // means of ln R
	se            float64 // of their difference
	df            float64
}

// t is how many standard errors the levels are apart.
func (l twoLevels) t() float64 { return math.Abs(l.after-l.before) / l.se }

// p is the chance of so large a difference or a larger one without a change.
func (l twoLevels) p() float64 { return 2 * distuv.StudentsT{Sigma: 1, Nu: l.df}.Survival(l.t()) }

// levelsOf fits a level to the runs before and one to those after. Runs differ by
// more than their own intervals know, because nights differ. How much more is read
// off the runs themselves: the variance between nights at which the weighted squares
// around both levels come to their degrees of freedom (Paule & Mandel 1982), at least
// betweenNights squared. The difference is then held against Student's t (Knapp &
// Hartung 2003).
func levelsOf(before, after []night) twoLevels {
	df := float64(len(before) + len(after) - 2)
	between := betweenNights * betweenNights
	for {
		a, b := levelOf(before, between), levelOf(after, between)
		squares, slope := a.squares+b.squares, a.slope+b.slope
		step := (squares - df) / slope // Newton's; squares fall convexly, so it comes from below
		if !(step > 1e-6*between) {
			return twoLevels{a.mean, b.mean, math.Sqrt(1/a.weight + 1/b.weight), df}
		}
		between += step
	}
}

// A level is the weighted mean of runs and what is around it.
type level struct {
	mean, weight float64
	squares      float64 // weighted squares around the mean
	slope        float64 // by how much they fall with the variance between nights
}

func levelOf(nights []night, between float64) level {
	var l level
	for _, n := range nights {
		w := 1 / (n.variance + between)
		l.weight += w
		l.mean += w * n.log
	}
	l.mean /= l.weight
	for _, n := range nights {
		w := 1 / (n.variance + between)
		r := w * (n.log - l.mean)
		l.squares += r * (n.log - l.mean)
		l.slope += r * r
	}
	return l
}
