package analysis

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"pausetest/internal/recording"
)

// The margins on R = T(N)/T(1). They are symmetric on the log scale.
const (
	collapseBelow = 0.80
	scalingAbove  = 1.25
)

// The rule's defaults (docs/statistics.md).
const (
	defaultConfidence = 0.95
	defaultMaxBlocks  = 24
	firstLookFew      = 4 // up to fewStreams streams
	firstLookMany     = 5
	fewStreams        = 4
	secondCheckAt     = 8 // of the settle check, and the first look at futility
)

// widestFactor bounds an interval: one that spans more than this factor to
// either side says nothing, and may not even be a number. Since rates are at
// least floorShare of the largest, a bounded interval still holds both margins.
const widestFactor = 1000

// A rule says how far from the estimate an interval reaches at each look, so
// that all looks together err as seldom as was asked for.
type rule struct {
	design    recording.Design
	oneSided  float64 // error of each claim: 0.025 for 95 %
	maxBlocks int
	scale     float64 // c in a_n = c·sqrt(n/nmax); 0 where it isn't used
}

func newRule(p recording.Plan) rule {
	confidence := p.Confidence
	if !(confidence > 0 && confidence < 1) {
		confidence = defaultConfidence
	}
	r := rule{design: p.Design, oneSided: (1 - confidence) / 2, maxBlocks: p.MaxBlocks}
	if r.design == "" {
		r.design = recording.Sequential
	}
	if r.maxBlocks <= 0 && r.design != recording.OpenEnded {
		r.maxBlocks = defaultMaxBlocks
	}
	if r.design == recording.Sequential {
		r.scale = levelScale(r.maxBlocks, r.oneSided)
	}
	return r
}

func (r rule) confidence() float64 { return 1 - 2*r.oneSided }

// level is the nominal one-sided level at look n (Jennison and Turnbull's
// significance-level form).
func (r rule) level(n int) float64 {
	if r.design == recording.Sequential {
		return r.scale * math.Sqrt(float64(min(n, r.maxBlocks))/float64(r.maxBlocks))
	}
	return r.oneSided
}

// critical is how many standard errors the interval of an estimate reaches to
// either side.
func (r rule) critical(e estimate) float64 {
	if r.design == recording.OpenEnded {
		return mixtureCritical(e.n, e.df, 1/(2*r.oneSided))
	}
	return studentQuantile(1-r.level(e.n), e.df)
}

// interval is the repeated confidence interval of R: simultaneous over all
// looks, so that whichever was last may be quoted.
func (r rule) interval(e estimate) Interval {
	half := math.Min(r.critical(e)*e.se, math.Log(widestFactor))
	return Interval{Low: math.Exp(e.logRatio - half), High: math.Exp(e.logRatio + half)}
}

// studentQuantile is the p-quantile of Student's t with df degrees of freedom.
func studentQuantile(p float64, df int) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(df)}.Quantile(p)
}

// studentCDF is P(T <= t) for Student's t with df degrees of freedom.
func studentCDF(t float64, df int) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(df)}.CDF(t)
}

// classify reads a verdict off an interval. That the interval lies on one side
// of a margin is the same as rejecting the other side at the look's level.
func classify(i Interval) Verdict {
	switch {
	case i.High <= collapseBelow:
		return Collapse
	case i.Low >= scalingAbove:
		return Scaling
	case i.Low >= collapseBelow && i.High <= scalingAbove:
		return Saturated
	case i.Low >= collapseBelow:
		return NoCollapse
	}
	return Inconclusive
}

// FirstLook is the number of blocks before which nothing is decided.
func FirstLook(p recording.Plan, streams int) int { return firstLook(p, p.MaxBlocks, streams) }

func firstLook(p recording.Plan, maxBlocks, streams int) int {
	n := firstLookFew
	if streams > fewStreams {
		n = firstLookMany
	}
	n = max(n, p.MinBlocks)
	if maxBlocks > 0 {
		n = min(n, maxBlocks)
	}
	return n
}
