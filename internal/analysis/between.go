package analysis

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"pausetest/internal/recording"
)

// The recommendation's bounds (docs/statistics.md).
const (
	// cautiousWithin: a smaller level that moves so nearly as much as the best
	// one is the cautious choice.
	cautiousWithin = 0.08
	// fewestPairs of a level carry its place in an order.
	fewestPairs = 4
)

// pairEstimate is ln(test/common) over pairs by the plain estimator.
func pairEstimate(pairs []pair, source int) (estimate, bool) {
	obs := make([]observation, 0, len(pairs))
	for _, p := range pairs {
		if p.test.has(source) && p.common.has(source) {
			obs = append(obs, observation{all: p.test[source], one: p.common[source]})
		}
	}
	if obs = floored(obs); len(obs) < 2 {
		return estimate{}, false
	}
	return plain(obs), true
}

// fixedInterval is the interval of an estimate that is looked at once.
func (j *Judge) fixedInterval(e estimate) Interval {
	return rule{design: recording.Fixed, oneSided: j.rule.oneSided}.interval(e)
}

// Relative is the throughput at each measured level over that with all
// running, T(k)/T(N), ascending by level; nil without the levels between. One
// stream's comes from the blocks of the verdict; its interval is theirs. The
// others' intervals are approximate: they cover less than they say, 80 to 96 %
// in simulations, because what a switch leaves behind is in them.
func (j *Judge) Relative() []RelativeLevel {
	var levels []RelativeLevel
	for _, k := range j.levelsBetween() {
		e, ok := pairEstimate(j.pairsAt(k), j.deciding)
		if !ok {
			continue
		}
		levels = append(levels, RelativeLevel{Active: k, Ratio: math.Exp(e.logRatio), Interval: j.fixedInterval(e)})
	}
	most := j.mostStreams()
	if most == 0 {
		return nil
	}
	if l, ok := j.look(j.deciding); ok {
		one := RelativeLevel{Active: 1, Ratio: math.Exp(-l.logRatio), Interval: Interval{1 / l.interval.High, 1 / l.interval.Low}}
		levels = slices.Insert(levels, 0, one)
	}
	return append(levels, RelativeLevel{Active: most, Ratio: 1, Interval: Interval{1, 1}})
}

// mostStreams is N in T(k)/T(N), that of the last pair. Of two streams there are
// no levels between to measure. 0 without any.
func (j *Judge) mostStreams() int {
	if n := len(j.between); n > 0 {
		return j.between[n-1].n
	}
	if slices.Equal(j.streamCounts(), []int{2}) {
		return 2
	}
	return 0
}

func (j *Judge) levelsBetween() []int {
	var levels []int
	for _, p := range j.between {
		levels = append(levels, p.k)
	}
	slices.Sort(levels)
	return slices.Compact(levels)
}

func (j *Judge) pairsAt(k int) []pair {
	var pairs []pair
	for _, p := range j.between {
		if p.k == k {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// recommend names the level that moved most, or says why none can be named.
func (j *Judge) recommend() (*Recommendation, string) {
	if !j.header.Plan.Between && len(j.between) == 0 {
		return nil, ""
	}
	if reason := j.notComparable(); reason != "" {
		return nil, "no recommendation: " + reason
	}
	levels := j.Relative()
	best, worst := levels[0], levels[0]
	for _, l := range levels {
		if l.Ratio > best.Ratio {
			best = l
		}
		if l.Ratio < worst.Ratio {
			worst = l
		}
	}
	if best.Interval.Low <= worst.Interval.High {
		return nil, fmt.Sprintf("no recommendation: no number of streams stands out; the best measured (%d) and the worst (%d) can't be told apart", best.Active, worst.Active)
	}
	r := &Recommendation{Streams: best.Active, Cautious: best.Active, Relative: levels}
	var rivals []string
	for _, l := range levels {
		if l.Active < r.Cautious && l.Ratio >= (1-cautiousWithin)*best.Ratio {
			r.Cautious = l.Active
		}
		if l.Active != best.Active && l.Interval.High >= best.Interval.Low {
			rivals = append(rivals, fmt.Sprint(l.Active))
		}
	}
	r.Note = recommendationNote(r, rivals, len(j.levelsBetween()))
	return r, ""
}

// notComparable says why the levels can't be put in an order; empty if they can.
func (j *Judge) notComparable() string {
	if j.mostStreams() == 0 {
		return "the levels between one and all were not measured"
	}
	for i := range j.between {
		if j.between[i].n != j.between[0].n {
			return "the number of streams changed while the levels were measured"
		}
	}
	for _, k := range j.levelsBetween() {
		if n := len(j.pairsAt(k)); n < fewestPairs {
			return fmt.Sprintf("%s at %d streams: %d are needed", count(n, "pair"), k, fewestPairs)
		}
	}
	if len(j.blocks) < firstLookFew {
		return fmt.Sprintf("%s of one stream against all: %d are needed", count(len(j.blocks), "block"), firstLookFew)
	}
	return ""
}

func recommendationNote(r *Recommendation, rivals []string, between int) string {
	note := fmt.Sprintf("%s moved most", streamsText(r.Streams))
	if r.Cautious != r.Streams {
		note += fmt.Sprintf("; %d moved nearly as much (within %.0f %%) and is the cautious choice", r.Cautious, 100*cautiousWithin)
	}
	if len(rivals) == 0 {
		note += "; no other level comes near it at this precision"
	} else {
		note += fmt.Sprintf("; %s can't be told from it at this precision", strings.Join(rivals, " and "))
	}
	if between < r.Relative[len(r.Relative)-1].Active-2 {
		note += "; not every number in between was measured"
	}
	return note + "; the intervals are approximate"
}
