package analysis

import (
	"math"
	"slices"

	"pausetest/internal/recording"
)

// A lone rate is the rate of one stream running alone, and which one it was.
type loneRate struct {
	lead int
	rate float64
}

// levels is the curve: the mean rate with each number of active streams over
// all used segments, with Student-t intervals over segments. Level 1 is the
// equal-weight mean over streams, as in the ratio. The segments of the placebo
// are not in it. A point's interval holds for that point alone.
func (j *Judge) levels() []Level {
	rates := map[int][]float64{}
	var lone []loneRate
	for i := range j.segments {
		s := &j.segments[i]
		if !s.Used || s.Phase == recording.PhasePlacebo || !s.rates.has(j.deciding) {
			continue
		}
		r := s.rates[j.deciding]
		if len(s.Active) == 1 {
			lone = append(lone, loneRate{s.Active[0], r})
		} else {
			rates[len(s.Active)] = append(rates[len(s.Active)], r)
		}
	}
	levels := make([]Level, 0, len(rates)+1)
	if len(lone) > 0 {
		levels = append(levels, Level{Active: 1, LevelRate: j.loneLevel(lone)})
	}
	for k, values := range rates {
		levels = append(levels, Level{Active: k, LevelRate: j.levelRate(values)})
	}
	slices.SortFunc(levels, func(a, b Level) int { return a.Active - b.Active })
	return levels
}

// levelRate is the mean of segment rates with its t interval.
func (j *Judge) levelRate(values []float64) LevelRate {
	n := float64(len(values))
	mean := 0.0
	for _, v := range values {
		mean += v / n
	}
	sum := 0.0
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return j.withInterval(mean, math.Sqrt(sum/(n-1)/n), len(values)-1, len(values))
}

// loneLevel is the mean over streams of each one's mean. Where every stream ran
// alone twice or more, its error is that of the stratified estimator; else the
// pooled one's, which holds the difference between streams as well.
func (j *Judge) loneLevel(lone []loneRate) LevelRate {
	byLead := map[int][]float64{}
	var leads []int
	var pooled []float64
	for _, l := range lone {
		if byLead[l.lead] == nil {
			leads = append(leads, l.lead)
		}
		byLead[l.lead] = append(byLead[l.lead], l.rate)
		pooled = append(pooled, l.rate)
	}
	slices.Sort(leads)
	streams := float64(len(leads))
	var mean, sum, inverse float64
	repeated := true
	for _, lead := range leads {
		values := byLead[lead]
		m := 0.0
		for _, v := range values {
			m += v / float64(len(values))
		}
		for _, v := range values {
			sum += (v - m) * (v - m)
		}
		mean += m / streams
		inverse += 1 / float64(len(values))
		repeated = repeated && len(values) > 1
	}
	if !repeated {
		r := j.levelRate(pooled)
		half := r.High - r.BytesPerSecond
		return LevelRate{BytesPerSecond: mean, Low: max(0, mean-half), High: mean + half, Segments: len(lone)}
	}
	df := len(lone) - len(leads)
	return j.withInterval(mean, math.Sqrt(sum/float64(df)*inverse)/streams, df, len(lone))
}

func (j *Judge) withInterval(mean, se float64, df, segments int) LevelRate {
	r := LevelRate{BytesPerSecond: mean, Low: mean, High: mean, Segments: segments}
	if df > 0 {
		half := studentQuantile(1-j.rule.oneSided, df) * se
		r.Low, r.High = max(0, mean-half), mean+half
	}
	return r
}
