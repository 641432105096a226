package plots

import (
	"cmp"
	"math"

	"pausetest/internal/recording"
)

// A span is the mean rate between two neighbouring samples.
type span struct {
	from, to       float64 // seconds since the run began
	bytesPerSecond float64
}

// A trace is the rate of one counter over time, made while readings come: lines of spans
// without a gap between them. What it keeps does not grow with the number of readings.
type trace struct {
	// patience is how many seconds may lie between neighbours.
	patience float64
	// onlyChanges: the counter is lazy, and its rate means something between two of its
	// changes only.
	onlyChanges bool

	lines   lines
	gaps    []gap   // no two so near that they look like one
	highest float64 // bytes per second

	last   reading
	seen   bool // there is a last reading
	missed bool // there was none to be had since
	joined bool // the last span ended with the last reading
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

// newTrace is that of a run of so many seconds, drawn on so many columns of pixels.
func newTrace(end float64, columns int, patience float64) trace {
	return trace{patience: patience, lines: lines{reduced: reduction{width: end / float64(columns), columns: columns}}}
}

// add takes in the next reading. A rate is made over the true time between two of them.
// Nothing is interpolated: where more than patience lies between two readings, or the
// counter went backwards, there is a gap.
func (t *trace) add(r reading) {
	if !r.ok {
		t.missed = true
		return
	}
	if t.onlyChanges && t.seen && !t.missed && r.bytes == t.last.bytes {
		return
	}
	dt := r.seconds - t.last.seconds
	switch {
	case t.seen && !t.missed && dt > 0 && dt <= t.patience && r.bytes >= t.last.bytes && isRate(float64(r.bytes-t.last.bytes)/dt):
		rate := float64(r.bytes-t.last.bytes) / dt
		t.lines.add(span{t.last.seconds, r.seconds, rate}, !t.joined)
		t.highest = max(t.highest, rate)
		t.joined = true
	case t.seen && dt > 0:
		t.gaps = withGap(t.gaps, gap{t.last.seconds, r.seconds}, t.lines.reduced.width)
		t.joined = false
	default:
		t.joined = false
	}
	t.last, t.seen, t.missed = r, true, false
}

// empty: there were never two readings to make a rate of.
func (t *trace) empty() bool { return t.lines.spans == 0 }

// noValue are the gaps of a trace that is not empty.
func (t *trace) noValue() []gap {
	if t.empty() {
		return nil
	}
	return t.gaps
}

// withGap adds a gap; it is joined to the last one where the two can't be told apart
// on columns so wide.
func withGap(gaps []gap, g gap, width float64) []gap {
	if n := len(gaps); n > 0 && g.from <= gaps[n-1].to+width {
		gaps[n-1].to = max(gaps[n-1].to, g.to)
		return gaps
	}
	return append(gaps, g)
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

// interfaceReading is that of the interface, in the direction that the streams go.
func interfaceReading(s *recording.Sample, d recording.Direction) reading {
	r := reading{seconds: toSeconds(s.TNS)}
	if c := s.Interface; c != nil {
		r.ok, r.bytes = true, c.TxBytes
		if d == recording.Receive {
			r.bytes = c.RxBytes
		}
	}
	return r
}

// socketReading is that of the streams' sockets.
func socketReading(s *recording.Sample) reading {
	r := reading{seconds: attributedSeconds(s)}
	if b := s.SocketBytes; b != nil {
		r.ok, r.bytes = true, *b
	}
	return r
}

// A writeSum is what the streams' sources wrote. A stream's bytes count from its second
// sample on, and stay in the sum when it ends, so that the sum moves only by what was
// written. A stream whose counter can't be read for once, or goes backwards, spoils the
// reading.
type writeSum struct {
	last  map[int]uint64 // by stream
	bytes uint64
}

func (w *writeSum) reading(s *recording.Sample) reading {
	r := reading{seconds: attributedSeconds(s), ok: len(s.Streams) > 0}
	for _, c := range s.Streams {
		if c.IOBytes == nil {
			r.ok = false
			continue
		}
		before, known := w.last[c.ID]
		if known && *c.IOBytes >= before {
			w.bytes += *c.IOBytes - before
		} else if known {
			r.ok = false
		}
		w.last[c.ID] = *c.IOBytes
	}
	r.bytes = w.bytes
	return r
}

func attributedSeconds(s *recording.Sample) float64 {
	return toSeconds(cmp.Or(s.AttributedTNS, s.TNS))
}
