package analysis

import (
	"math"
	"slices"

	"pausetest/internal/limiter"
	"pausetest/internal/recording"
)

// findLimit asks package limiter where the limit is, in the settled windows of all
// segments that are used. Placebo segments are not: their streams were stopped and
// continued. It goes through the vitals again, because which segments are used is
// known at the end only.
func (s *Study) findLimit(vitals limiter.Observed, r Recording, relative []RelativeLevel) (err error) {
	vitals.Again = func(yield func(*recording.Vitals) bool) {
		for v, failed := range r.Vitals() {
			if err = failed; err != nil || !yield(v) {
				return
			}
		}
	}
	in := limiter.Facts{Vitals: vitals, Rates: map[int]float64{}, OverOne: s.overOne(relative),
		LinkBytesPerSecond: float64(s.Header.Interface.SpeedBitsPerSecond) / 8}
	for i := range s.Segments {
		seg := &s.Segments[i]
		if seg.Used && seg.Phase != recording.PhasePlacebo {
			in.Windows = append(in.Windows, limiter.Window{Active: seg.Active, FromNS: seg.FromNS, ToNS: seg.ToNS})
		}
	}
	for _, l := range s.Result.Levels {
		in.Rates[l.Active] = l.BytesPerSecond
	}
	s.Result.Limiter = limiter.Find(in)
	return err
}

// overOne is the throughput with several streams running over that of one alone, as far
// as it was estimated: with all of them by the verdict's blocks, with fewer through their
// own pairs against all. The two are of different segments, so what is uncertain about
// the logarithms of their product adds up in squares. It is as approximate as the levels'
// own intervals are (RelativeLevel).
func (s *Study) overOne(relative []RelativeLevel) map[int]limiter.Ratio {
	r := &s.Result
	if r.Blocks < 2 || len(r.StreamCounts) == 0 {
		return nil
	}
	all := limiter.Ratio{Value: r.Ratio, High: r.Interval.High}
	over := map[int]limiter.Ratio{}
	for _, n := range r.StreamCounts {
		over[n] = all
	}
	if len(over) > 1 {
		return over // of which of them the levels between are a part is not known
	}
	for _, l := range relative {
		if l.Active > 1 && l.Active < slices.Max(r.StreamCounts) {
			value := l.Ratio * all.Value
			margin := math.Hypot(math.Log(l.Interval.High/l.Ratio), math.Log(all.High/all.Value))
			over[l.Active] = limiter.Ratio{Value: value, High: value * math.Exp(margin)}
		}
	}
	return over
}
