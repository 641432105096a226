package analysis

import (
	"math"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// A night is one run in a series: when it was, and what it gave.
type night struct {
	at      time.Time
	log, se float64 // ln T(N)/T(1) and its standard error
}

const (
	// leastNights is how many runs a level needs before it is one: two could be
	// chance twice.
	leastNights = 3
	// falseChange is the chance at which a series that never changed shows a change.
	falseChange = 0.01
	// betweenNights is added to each run's own error: nights differ, and an
	// interval that knows only its own night would call every difference a change.
	betweenNights = 0.05
)

// ChangePoints finds when the ratio of a series of runs changed for good: the
// instants of the first runs after each change, in order. The studies are ordered
// by time.
//
// It is binary segmentation (Scott & Knott 1974): the split at which the weighted
// means of ln T(N)/T(1) before and after differ most, if they differ by more than
// chance at falseChange, with all splits counted (Bonferroni); then the same on
// either side. A change within the last leastNights runs can't be told from a bad
// night and isn't reported.
func ChangePoints(studies []*Study) []time.Time {
	var nights []night
	for _, s := range studies {
		r := &s.Result
		if r.Blocks < 2 || r.Ratio <= 0 || r.Interval.Low <= 0 {
			continue
		}
		// The repeated interval is wider than +-1.96 standard errors; taken for
		// that, it makes the finding more careful, not less.
		se := math.Log(r.Interval.High/r.Interval.Low) / (2 * 1.96)
		nights = append(nights, night{s.Header.Started, math.Log(r.Ratio), math.Hypot(se, betweenNights)})
	}
	var found []time.Time
	for _, i := range splits(nights, 0) {
		found = append(found, nights[i].at)
	}
	return found
}

// splits returns the indices, counted from offset, at which a new level begins.
func splits(nights []night, offset int) []int {
	candidates := len(nights) - 2*leastNights + 1
	if candidates < 1 {
		return nil
	}
	best, bestZ := 0, 0.0
	for i := leastNights; i <= len(nights)-leastNights; i++ {
		before, beforeSE := weightedMean(nights[:i])
		after, afterSE := weightedMean(nights[i:])
		if z := math.Abs(after-before) / math.Hypot(beforeSE, afterSE); z > bestZ {
			best, bestZ = i, z
		}
	}
	if bestZ < distuv.UnitNormal.Quantile(1-falseChange/float64(2*candidates)) {
		return nil
	}
	left := splits(nights[:best], offset)
	right := splits(nights[best:], offset+best)
	return append(append(left, offset+best), right...)
}

// weightedMean weighs each run by its precision.
func weightedMean(nights []night) (mean, se float64) {
	var weights float64
	for _, n := range nights {
		w := 1 / (n.se * n.se)
		weights += w
		mean += w * n.log
	}
	return mean / weights, 1 / math.Sqrt(weights)
}
