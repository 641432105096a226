package simulate

import (
	"math"

	"pausetest/internal/analysis"
)

// A PairScore is about which streams hurt each other. Frequencies are parts, 0..1.
type PairScore struct {
	Pairs   int `json:"pairs"`
	Hurting int `json:"hurting"` // those that truly move less than they move apart
	// FalseHurt is how many runs said of any other pair that it does.
	FalseHurt float64 `json:"false_hurt"`
	Found     float64 `json:"found"`   // of the hurting pairs of all runs: said to hurt
	Cleared   float64 `json:"cleared"` // of the others: said not to
	// Missed is how many runs said of any pair that truly moves less than 0.80 of
	// what it moves apart that it moves more.
	Missed    float64 `json:"missed"`
	Coverage  float64 `json:"coverage"`   // runs in which the intervals of all pairs held the truth
	MeanWidth float64 `json:"mean_width"` // high over low, geometric mean over all of them
}

const (
	// hurting is the true ratio below which a pair counts as hurting: the noise of a
	// long run of the truth is far smaller.
	hurting = 0.99
	// harmless is the ratio that is claimed of pairs that don't.
	harmless = 0.80
)

// scorePairs compares what was said of every two streams with what is.
func scorePairs(w *World, played []brief) *PairScore {
	truth := w.PairTruth()
	n := len(truth)
	s := &PairScore{Pairs: n * (n - 1) / 2}
	for i := range n {
		for j := range i {
			if truth[j][i] < hurting {
				s.Hurting++
			}
		}
	}
	intervals := 0
	for k := range played {
		falseHurt, missed, covered := false, false, len(played[k].pairs) > 0
		for _, x := range played[k].pairs {
			is := truth[x.Streams[0]-1][x.Streams[1]-1]
			hurts := is < hurting
			switch {
			case x.Effect == analysis.Hurt && hurts:
				s.Found++
			case x.Effect == analysis.Hurt:
				falseHurt = true
			case x.Effect == analysis.NoHarm && !hurts:
				s.Cleared++
			}
			missed = missed || x.Effect == analysis.NoHarm && is < harmless
			if x.Ratio > 0 {
				covered = covered && holds(x.Interval, is)
				intervals++
				s.MeanWidth += math.Log(x.Interval.High / x.Interval.Low)
			}
		}
		s.FalseHurt += count(falseHurt)
		s.Missed += count(missed)
		s.Coverage += count(covered)
	}
	runs := float64(len(played))
	s.FalseHurt /= runs
	s.Missed /= runs
	s.Coverage /= runs
	s.Found /= runs * float64(max(1, s.Hurting))
	s.Cleared /= runs * float64(max(1, s.Pairs-s.Hurting))
	s.MeanWidth = math.Exp(s.MeanWidth / float64(max(1, intervals)))
	round(&s.MeanWidth, &s.Found, &s.Cleared)
	return s
}
