package metrics

import (
	"slices"
	"strconv"
	"time"

	"pausetest/internal/analysis"
	"pausetest/internal/printable"
)

// mostStreams bounds the number of time series: what is worth a metric of its own
// is worth it for the streams that a person can tell apart in a graph.
const mostStreams = 16

// longestLabel bounds a stream's label, in characters.
const longestLabel = 80

// lastRun puts down what is known of any run.
func (o *Outcome) lastRun(p page) {
	p.set("pausetest_last_run_timestamp_seconds", unixSeconds(o.Ended))
	p.set("pausetest_last_run_duration_seconds", o.Duration.Seconds())
	p.oneOf("pausetest_last_run_outcome", states, string(o.State))
	p.set("pausetest_last_run_streams", float64(o.Streams))
	p.add("pausetest_build_info", o.Version, 1)
	if len(p[lastSuccess]) == 0 {
		p.set(lastSuccess, 0)
	}
	left := 0
	switch r := o.Result; {
	case r != nil:
		p.set("pausetest_last_run_paused_stream_seconds", r.PausedStreamSec)
		p.set("pausetest_last_run_longest_pause_seconds", r.LongestPauseSec)
		p.set("pausetest_last_run_max_pause_seconds", r.MaxPauseSec)
		for i := range r.Streams {
			if !r.Streams[i].Resumed {
				left++
			}
		}
	case o.State != Failed: // such a run doesn't get as far as a pause; a failed one may have
		p.set("pausetest_last_run_paused_stream_seconds", 0)
		p.set("pausetest_last_run_longest_pause_seconds", 0)
	}
	if o.StillPaused {
		left = max(left, 1)
	}
	p.set("pausetest_last_run_left_paused_streams", float64(left))
}

// success puts down what a successful run found, in place of what the one before
// had. Of that, the times of the other verdicts stay.
func (o *Outcome) success(p page) {
	r, now := o.Result, unixSeconds(o.Ended)
	for i := range families {
		if f := &families[i]; f.carried && f.name != lastVerdict {
			delete(p, f.name)
		}
	}
	p.set(lastSuccess, now)
	p[lastVerdict] = slices.DeleteFunc(p[lastVerdict], func(s sample) bool { return s.label == string(r.Verdict) })
	p.add(lastVerdict, string(r.Verdict), now)
	p.oneOf("pausetest_verdict", verdicts, string(r.Verdict))
	if r.Ratio > 0 {
		p.set("pausetest_throughput_ratio", r.Ratio)
		p.set("pausetest_throughput_low_ratio", r.Interval.Low)
		p.set("pausetest_throughput_high_ratio", r.Interval.High)
		p.set("pausetest_confidence_ratio", r.Confidence)
	}
	p.set("pausetest_blocks", float64(r.Blocks))
	if len(r.StreamCounts) > 0 {
		p.set("pausetest_streams", float64(slices.Max(r.StreamCounts)))
	}
	for _, s := range r.Sources {
		if s.Source == r.DecidedBy {
			p.add("pausetest_throughput_bytes_per_second", levels[0], s.One)
			p.add("pausetest_throughput_bytes_per_second", levels[1], s.All)
		}
	}
	p.streams(r.Streams)
}

// streams puts down the first streams, each under a label of its own: two series
// alike would make the collector refuse the whole file.
func (p page) streams(streams []analysis.StreamResult) {
	taken := map[string]bool{}
	for i := range streams[:min(len(streams), mostStreams)] {
		s := &streams[i]
		label := printable.Text(s.Label, longestLabel)
		for label == "" || taken[label] {
			label += "#" + strconv.Itoa(s.ID)
		}
		taken[label] = true
		if s.Alone != nil {
			p.add("pausetest_stream_alone_bytes_per_second", label, s.Alone.BytesPerSecond)
		}
		if s.Together != nil {
			p.add("pausetest_stream_together_bytes_per_second", label, s.Together.BytesPerSecond)
		}
		p.add("pausetest_stream_paused_seconds", label, s.PausedSeconds)
	}
}

// oneOf is 1 for the value that is and 0 for the others.
func (p page) oneOf(name string, values []string, is string) {
	for _, v := range values {
		if v == is {
			p.add(name, v, 1)
		} else {
			p.add(name, v, 0)
		}
	}
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
