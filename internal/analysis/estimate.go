package analysis

import (
	"math"
	"slices"
)

// smallestError is the floor of the standard error of a log ratio. A counter
// agrees with itself much better than with the world.
const smallestError = 0.02

// floorShare of the largest rate stands in for smaller ones, so that a stream
// that moved nothing alone leaves the logarithms finite.
const floorShare = 0.005

// An observation is one block: the rate with all streams active, and with one.
type observation struct {
	all, one float64
	lead     int
	// share is N times the lead's part of the bytes moved with all active; NaN
	// when it could not be counted.
	share float64
}

// An estimate of ln R = ln(T(N)/T(1)).
type estimate struct {
	kind     Estimator
	logRatio float64
	se       float64 // its standard error, at least smallestError
	df       int
	n        int
	all, one float64 // the two rates it is made of
}

// estimateRatio picks the best estimator the blocks allow. live are the streams
// of every block, ascending; nil when the set was not the same throughout, so
// that only the pooled plain estimator holds. There is no estimate with fewer
// than two blocks, or when nothing moved.
func estimateRatio(blocks []observation, live []int) (estimate, bool) {
	blocks = floored(blocks)
	if len(blocks) < 2 {
		return estimate{}, false
	}
	if e, ok := stratified(blocks, live); ok {
		return e, true
	}
	if e, ok := shareAdjusted(blocks, live); ok {
		return e, true
	}
	return plain(blocks), true
}

// floored returns a copy with every rate at least floorShare of the largest;
// nil when all are zero.
func floored(blocks []observation) []observation {
	largest := 0.0
	for _, b := range blocks {
		largest = max(largest, b.all, b.one)
	}
	if largest == 0 {
		return nil
	}
	blocks = slices.Clone(blocks)
	for i := range blocks {
		blocks[i].all = max(blocks[i].all, floorShare*largest)
		blocks[i].one = max(blocks[i].one, floorShare*largest)
	}
	return blocks
}

func means(blocks []observation) (all, one float64) {
	for _, b := range blocks {
		all += b.all
		one += b.one
	}
	n := float64(len(blocks))
	return all / n, one / n
}

// plain is the log of the ratio of means, with the delta method's error:
// u = y/ȳ − x/x̄, se² = Σu²/((n−1)n).
func plain(blocks []observation) estimate {
	all, one := means(blocks)
	sum := 0.0
	for _, b := range blocks {
		u := b.all/all - b.one/one
		sum += u * u
	}
	n := float64(len(blocks))
	return estimate{
		kind: Plain, logRatio: math.Log(all / one), all: all, one: one,
		se: max(smallestError, math.Sqrt(sum/((n-1)*n))), df: len(blocks) - 1, n: len(blocks),
	}
}

// A stratum is the blocks of one lead.
type stratum struct {
	all, one float64 // means
	n        float64
}

// stratified averages over leads first, so that neither the draw of leads nor
// the difference between fast and slow streams adds to the error. It needs the
// same streams throughout, each of them lead at least twice.
func stratified(blocks []observation, live []int) (estimate, bool) {
	if len(live) < 2 || len(blocks) < 2*len(live) {
		return estimate{}, false
	}
	strata := make([]stratum, len(live))
	for _, b := range blocks {
		i, found := slices.BinarySearch(live, b.lead)
		if !found {
			return estimate{}, false
		}
		strata[i].all += b.all
		strata[i].one += b.one
		strata[i].n++
	}
	var all, one, inverse float64
	streams := float64(len(live))
	for i := range strata {
		s := &strata[i]
		if s.n < 2 {
			return estimate{}, false
		}
		s.all /= s.n
		s.one /= s.n
		all += s.all / streams
		one += s.one / streams
		inverse += 1 / s.n
	}
	sum := 0.0
	for _, b := range blocks {
		i, _ := slices.BinarySearch(live, b.lead)
		u := (b.all-strata[i].all)/all - (b.one-strata[i].one)/one
		sum += u * u
	}
	df := len(blocks) - len(live)
	variance := sum / float64(df)
	return estimate{
		kind: Stratified, logRatio: math.Log(all / one), all: all, one: one,
		se: max(smallestError, math.Sqrt(variance*inverse)/streams), df: df, n: len(blocks),
	}, true
}

// Bounds of the share adjustment (docs/statistics.md).
const (
	adjustFromStreams = 5
	adjustFromBlocks  = 6
	adjustMinSpread   = 0.0025 // of Szz per block: below, shares hardly differ
	adjustMinMean     = 0.20   // of the raw mean: below, it extrapolates too far
)

// shareAdjusted regresses both rates on the lead's share of the common bytes
// and reads them off at the mean share, 1: with many unequal streams and few
// blocks, which of them happened to lead would otherwise decide.
//
// Note: dividing the lone rate by the share is simpler, and biased wherever
// shares do not reflect the speeds alone.
func shareAdjusted(blocks []observation, live []int) (estimate, bool) {
	n := float64(len(blocks))
	if len(live) < adjustFromStreams || len(blocks) < adjustFromBlocks {
		return estimate{}, false
	}
	share := 0.0
	for _, b := range blocks {
		share += b.share / n
	}
	all, one := means(blocks)
	var szz, sza, szo float64
	for _, b := range blocks {
		z := b.share - share
		szz += z * z
		sza += z * (b.all - all)
		szo += z * (b.one - one)
	}
	if !(szz >= adjustMinSpread*n) { // NaN when a share is missing
		return estimate{}, false
	}
	slopeAll, slopeOne := sza/szz, szo/szz
	adjustedAll := all - slopeAll*(share-1)
	adjustedOne := one - slopeOne*(share-1)
	if adjustedAll < adjustMinMean*all || adjustedOne < adjustMinMean*one {
		return estimate{}, false
	}
	sum := 0.0
	for _, b := range blocks {
		z := b.share - share
		u := (b.all-all-slopeAll*z)/adjustedAll - (b.one-one-slopeOne*z)/adjustedOne
		sum += u * u
	}
	variance := sum / (n - 2) * (1/n + (share-1)*(share-1)/szz)
	return estimate{
		kind: ShareAdjusted, logRatio: math.Log(adjustedAll / adjustedOne), all: adjustedAll, one: adjustedOne,
		se: max(smallestError, math.Sqrt(variance)), df: len(blocks) - 2, n: len(blocks),
	}, true
}
