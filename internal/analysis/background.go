package analysis

import "math"

// A background is what is known of the bytes that the interface moves and that
// belong to no managed stream.
//
// With an unattributed rate b the interface shows (T(N)+b)/(T(1)+b) instead of
// T(N)/T(1): nearer to 1. So collapse and scaling survive any steady
// background, while "not below 0.80" and "not above 1.25" do not.
type background struct {
	// share is the largest plausible part of the bytes with one stream active;
	// 1 when nothing is known.
	share float64
	known bool
}

// noBackground is that of a source which counts the managed streams alone.
var noBackground = background{share: 0, known: true}

// keeps returns which of the two sensitive claims an interval still carries.
func (b background) keeps(i Interval) (noCollapse, noGain bool) {
	noCollapse = i.Low >= collapseBelow && b.share <= (i.Low-collapseBelow)/(1-collapseBelow)
	noGain = i.High <= scalingAbove && b.share <= (scalingAbove-i.High)/(scalingAbove-1)
	return noCollapse, noGain
}

// judge downgrades a verdict to what the background leaves of it.
func (b background) judge(v Verdict, i Interval) Verdict {
	if v != Saturated && v != NoCollapse {
		return v
	}
	noCollapse, noGain := b.keeps(i)
	switch {
	case noCollapse && noGain:
		return v
	case noCollapse:
		return NoCollapse
	}
	return Inconclusive
}

// measuredBackground bounds the unattributed share from blocks in which one
// stream ran alone and both the interface's bytes and its own were counted: the
// upper end of a one-sided interval with the given error.
func measuredBackground(interfaceRates, ownRates []float64, oneSided float64) (background, bool) {
	n := float64(len(interfaceRates))
	if n < 2 {
		return background{}, false
	}
	var whole, own float64
	for i := range interfaceRates {
		whole += interfaceRates[i] / n
		own += ownRates[i] / n
	}
	if whole <= 0 {
		return background{}, false
	}
	share := 1 - own/whole
	sum := 0.0
	for i := range interfaceRates {
		u := (interfaceRates[i] - ownRates[i]) - share*interfaceRates[i]
		sum += u * u
	}
	se := math.Sqrt(sum/(n*(n-1))) / whole
	upper := share + studentQuantile(1-oneSided, int(n)-1)*se
	return background{share: max(0, min(1, upper)), known: true}, true
}
