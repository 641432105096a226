package analysis

import (
	"pausetest/internal/limiter"
	"pausetest/internal/recording"
)

// findLimit asks package limiter where the limit is, in the settled windows of all
// segments that are used. Placebo segments are not: their streams were stopped and
// continued. It goes through the vitals again, because which segments are used is
// known at the end only.
func (s *Study) findLimit(vitals limiter.Observed, r Recording) (err error) {
	vitals.Again = func(yield func(*recording.Vitals) bool) {
		for v, failed := range r.Vitals() {
			if err = failed; err != nil || !yield(v) {
				return
			}
		}
	}
	in := limiter.Facts{Vitals: vitals, Rates: map[int]float64{}, LinkBytesPerSecond: float64(s.Header.Interface.SpeedBitsPerSecond) / 8}
	for i := range s.Segments {
		seg := &s.Segments[i]
		if seg.Used && seg.Phase != recording.PhasePlacebo {
			in.Windows = append(in.Windows, limiter.Window{Active: seg.Active, FromNS: seg.FromNS, ToNS: seg.ToNS})
		}
	}
	for _, l := range s.Result.Levels {
		in.Rates[l.Active] = l.BytesPerSecond
	}
	if s.Result.Blocks >= 2 {
		in.RatioHigh = s.Result.Interval.High
	}
	s.Result.Limiter = limiter.Find(in)
	return err
}
