package analysis

import "math"

// The settle check (docs/statistics.md).
const (
	settleError    = 0.05 // two-sided
	settleDrift    = 0.10 // mean log ratio of second to first half that matters
	maxExtensions  = 2
	longestSettle  = int64(5e9)
	longestMeasure = int64(2e9) // at least so long after the second extension
)

// A halving is the rates in the two halves of a block's measured windows.
type halving struct {
	known                  bool
	one1, one2, all1, all2 float64
	allFollowed            bool // the segment with all came right after the pulse
}

// drift is q = ln(x2/x1) − ln(y2/y1): how much the rate still moved while it was
// measured. With all active it can only have moved if a pause had just ended.
func (h halving) drift() float64 {
	floor := floorShare * max(h.one1, h.one2, h.all1, h.all2)
	if floor == 0 {
		return 0
	}
	log := func(a, b float64) float64 { return math.Log(max(b, floor) / max(a, floor)) }
	q := log(h.one1, h.one2)
	if h.allFollowed {
		q -= log(h.all1, h.all2)
	}
	return q
}

// unsettled says whether the rates were still on their way when they were
// measured: the mean drift differs from 0 by a t test and is large enough to
// matter.
func unsettled(halvings []halving) bool {
	var sum, squares, n float64
	for _, h := range halvings {
		if h.known {
			q := h.drift()
			sum += q
			squares += q * q
			n++
		}
	}
	if n < 2 {
		return false
	}
	mean := sum / n
	if math.Abs(mean) <= settleDrift {
		return false
	}
	se := math.Sqrt(max(0, squares-n*mean*mean) / (n - 1) / n)
	return math.Abs(mean) > studentQuantile(1-settleError/2, int(n)-1)*se
}
