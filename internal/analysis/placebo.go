package analysis

import "math"

// placeboEffect is the tool's own footprint: the throughput after streams were
// stopped and continued at once over the untouched throughput, by the plain
// estimator, looked at once. Nil with fewer than two pairs.
func (j *Judge) placeboEffect() *PlaceboEffect {
	e, ok := pairEstimate(j.placebo, j.deciding)
	if !ok {
		return nil
	}
	return &PlaceboEffect{Ratio: math.Exp(e.logRatio), Interval: j.fixedInterval(e), Pairs: e.n}
}
