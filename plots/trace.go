package plots

import (
	"cmp"
	"iter"
	"math"

	"pausetest/internal/recording"
)

// A span is the mean rate between two neighbouring samples.
type span struct {
	from, to       float64 // seconds since the run began
	bytesPerSecond float64
}

// A trace is the rate of one counter over time: runs of spans without a gap
// between them.
type trace struct {
	runs [][]span
	gaps []gap
}

// A gap is a time for which there is no rate, because samples are missing or
// late, or because the counter could not be read or went backwards.
type gap struct{ from, to float64 }

// A reading is a cumulative counter at an instant; ok is false when it could
// not be read.
type reading struct {
	seconds float64
	bytes   uint64
	ok      bool
}

// traceOf makes rates of readings, each over the true time between two of
// them. Nothing is interpolated: where more than patience seconds lie between
// two readings, or the counter went backwards, there is a gap. A trace that
// never has two readings is empty and has no gaps either.
func traceOf(readings iter.Seq[reading], patience float64) trace {
	var t trace
	var last reading
	seen := false   // there is a last reading
	missed := false // there was none to be had since
	joined := false // the last span ended with the last reading
	for r := range readings {
		if !r.ok {
			missed = true
			continue
		}
		dt := r.seconds - last.seconds
		switch {
		case seen && !missed && dt > 0 && dt <= patience && r.bytes >= last.bytes && isRate(float64(r.bytes-last.bytes)/dt):
			if !joined {
				t.runs = append(t.runs, nil)
			}
			run := &t.runs[len(t.runs)-1]
			*run = append(*run, span{last.seconds, r.seconds, float64(r.bytes-last.bytes) / dt})
			joined = true
		case seen && dt > 0:
			t.gaps = append(t.gaps, gap{last.seconds, r.seconds})
			joined = false
		default:
			joined = false
		}
		last, seen, missed = r, true, false
	}
	if len(t.runs) == 0 {
		t.gaps = nil
	}
	return t
}

// patience is how long after a sample the next one still counts as its
// neighbour: one and a half times the nominal distance, or the refresh period
// of a counter that is published more rarely.
func patience(sampleNS int64, refreshSeconds float64) float64 {
	p := 1.5 * float64(sampleNS) / 1e9
	if refreshSeconds > 0 && finite(refreshSeconds) {
		p = max(p, 2.5*refreshSeconds)
	}
	if p <= 0 {
		return math.Inf(1) // unknown: nothing is late
	}
	return p
}

// interfaceReadings are those of the interface, in the direction that the
// streams go.
func interfaceReadings(samples []recording.Sample, d recording.Direction) iter.Seq[reading] {
	return func(yield func(reading) bool) {
		for i := range samples {
			r := reading{seconds: float64(samples[i].TNS) / 1e9}
			if c := samples[i].Interface; c != nil {
				r.ok, r.bytes = true, c.TxBytes
				if d == recording.Receive {
					r.bytes = c.RxBytes
				}
			}
			if !yield(r) {
				return
			}
		}
	}
}

// socketReadings are those of the streams' sockets.
func socketReadings(samples []recording.Sample) iter.Seq[reading] {
	return func(yield func(reading) bool) {
		for i := range samples {
			r := reading{seconds: attributedSeconds(&samples[i])}
			if b := samples[i].SocketBytes; b != nil {
				r.ok, r.bytes = true, *b
			}
			if !yield(r) {
				return
			}
		}
	}
}

// writeReadings are the sums of what the streams' sources wrote. A stream's
// bytes count from its second sample on, and stay in the sum when it ends, so
// that the sum moves only by what was written. A stream whose counter can't be
// read for once, or goes backwards, spoils the reading.
func writeReadings(samples []recording.Sample) iter.Seq[reading] {
	return func(yield func(reading) bool) {
		last := map[int]uint64{}
		var sum uint64
		for i := range samples {
			r := reading{seconds: attributedSeconds(&samples[i]), ok: len(samples[i].Streams) > 0}
			for _, c := range samples[i].Streams {
				if c.IOBytes == nil {
					r.ok = false
					continue
				}
				before, known := last[c.ID]
				if known && *c.IOBytes >= before {
					sum += *c.IOBytes - before
				} else if known {
					r.ok = false
				}
				last[c.ID] = *c.IOBytes
			}
			r.bytes = sum
			if !yield(r) {
				return
			}
		}
	}
}

func attributedSeconds(s *recording.Sample) float64 {
	return float64(cmp.Or(s.AttributedTNS, s.TNS)) / 1e9
}

// onlyChanges leaves out the readings of a lazy counter that repeat the one
// before: rates of such a counter mean something between its changes only.
func onlyChanges(readings iter.Seq[reading]) iter.Seq[reading] {
	return func(yield func(reading) bool) {
		var last reading
		for r := range readings {
			if r.ok && last.ok && r.bytes == last.bytes {
				continue
			}
			last = r
			if !yield(r) {
				return
			}
		}
	}
}

// highest is the greatest rate of a trace; 0 for an empty one.
func (t trace) highest() float64 {
	high := 0.0
	for _, run := range t.runs {
		for _, s := range run {
			high = max(high, s.bytesPerSecond)
		}
	}
	return high
}

func (t trace) empty() bool { return len(t.runs) == 0 }
