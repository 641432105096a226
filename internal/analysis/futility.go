package analysis

import "math"

// optimism is how many standard errors, of all blocks to come, luck is allowed
// to bring before a boundary counts as out of reach.
const optimism = 1.6

// reachable says whether the estimate could still be told from the boundary R
// by the last look: |L − ln r|/se' + 1.6·sqrt(nmax/n − 1) >= t at that look,
// where se' is the standard error it would then have.
func (r rule) reachable(e estimate, boundary float64) bool {
	last := float64(r.maxBlocks)
	n := float64(e.n)
	se := e.se * math.Sqrt(n/last)
	critical := studentQuantile(1-r.scale, r.maxBlocks-(e.n-e.df))
	return math.Abs(e.logRatio-math.Log(boundary))/se+optimism*math.Sqrt(last/n-1) >= critical
}

// futile says whether the questions that are still open will stay open. It is
// not binding: going on costs pauses, not honesty.
func (r rule) futile(e estimate, noCollapse bool) bool {
	if noCollapse {
		return !r.reachable(e, scalingAbove)
	}
	return !r.reachable(e, collapseBelow)
}
