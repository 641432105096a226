package analysis

import (
	"pausetest/internal/limiter"
	"pausetest/internal/recording"
)

// limiter asks package limiter where the limit is, in the settled windows of all
// segments that are used. Placebo segments are not: their streams were stopped and
// continued.
func (s *Study) limiter() *limiter.Finding {
	in := limiter.Facts{Vitals: s.Vitals, Rates: map[int]float64{}, LinkBytesPerSecond: float64(s.Header.Interface.SpeedBitsPerSecond) / 8}
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
	return limiter.Find(in)
}
