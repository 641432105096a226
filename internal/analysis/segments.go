package analysis

import (
	"math"
	"slices"

	"pausetest/internal/recording"
)

// sources are the kinds of counters, best first; readings are indexed alike.
var sources = [...]Source{Sockets, IO, Interface}

const (
	fromSockets = iota
	fromIO
	fromInterface
)

// readings hold one number per source; NaN where there is none.
type readings [len(sources)]float64

func noReadings() readings { return readings{math.NaN(), math.NaN(), math.NaN()} }

func (r readings) has(source int) bool { return !math.IsNaN(r[source]) }

// A segment is a Segment with what only the judging needs.
type segment struct {
	Segment
	rates         readings
	first, second readings // of the two halves of the window
	sampleRates   int      // so many rates from sample to sample
	rateFrom      int      // those that were kept: window.sampleRates[rateFrom:rateTo]
	rateTo        int
	live          int // streams that ran or could have run
}

// A window follows the counters, and holds them from the end of settling to
// the end of measuring while a segment is open. Its memory is used again from
// segment to segment.
type window struct {
	isOpen bool
	seg    segment
	series [len(sources)]series
	// own holds the counters of each stream in live, in the same order.
	live []int
	own  []ownSeries
	// sampleRates are the deciding source's rates from sample to sample in the
	// verdict's segments so far; rated is that source while such a segment is open.
	sampleRates []float64
	rated       int
}

const (
	// mostSampleRates are kept, nearly two hours' at 10 Hz. The correlation of samples,
	// which is shown and never used, is that of the first so many.
	mostSampleRates = 1 << 16
	unrated         = -1
)

// An ownSeries is one stream's own counter over the window. It is prompt, so
// its two ends suffice.
type ownSeries struct {
	source      Source
	first, last point
	known       bool
	backwards   bool
}

// open begins a segment. live are the streams that run or could run.
func (w *window) open(s recording.Segment, beginNS int64, live []int, deciding int) {
	settleNS, measureNS := max(0, s.SettleNS), max(0, s.MeasureNS)
	from := saturatingAdd(beginNS, settleNS)
	w.isOpen = true
	w.seg = segment{
		Segment: Segment{Segment: s, BeginNS: beginNS, FromNS: from, ToNS: saturatingAdd(from, measureNS)},
		rates:   noReadings(), first: noReadings(), second: noReadings(),
		live: len(live), rateFrom: len(w.sampleRates),
	}
	w.rated = unrated
	if inVerdict(s.Phase) {
		w.rated = deciding
	}
	for i := range w.series {
		w.series[i].restart(from + (w.seg.ToNS-from)/2)
	}
	w.live = append(w.live[:0], live...)
	w.own = slices.Grow(w.own[:0], len(live))[:len(live)]
	clear(w.own)
}

// hear takes a sample's counters in.
func (w *window) hear(s *recording.Sample, transmit bool) {
	if s.Interface != nil {
		w.take(fromInterface, point{s.TNS, interfaceBytes(s, transmit)})
	}
	t := attributedNS(s)
	if s.SocketBytes != nil {
		w.take(fromSockets, point{t, *s.SocketBytes})
	}
	if bytes, ok := ioBytes(s, w.live); ok {
		w.take(fromIO, point{t, bytes})
	}
	if w.isOpen && t >= w.seg.FromNS && t <= w.seg.ToNS {
		for i := range s.Streams {
			w.takeOwn(&s.Streams[i], t)
		}
	}
}

func (w *window) take(source int, p point) {
	s := &w.series[source]
	switch {
	case !w.isOpen || p.tNS < w.seg.FromNS:
		s.before, s.hasBefore = p, true
	case p.tNS <= w.seg.ToNS:
		rate, ok := s.add(p)
		if !ok || source != w.rated {
			return
		}
		w.seg.sampleRates++
		if len(w.sampleRates) < mostSampleRates {
			w.sampleRates = append(w.sampleRates, rate)
		}
	}
}

func (w *window) takeOwn(c *recording.StreamCounters, tNS int64) {
	i, found := slices.BinarySearch(w.live, c.ID)
	if !found {
		return
	}
	o := &w.own[i]
	p := point{tNS: tNS}
	switch {
	case c.SocketBytes != nil && (!o.known || o.source == Sockets):
		o.source, p.bytes = Sockets, *c.SocketBytes
	case c.IOBytes != nil && (!o.known || o.source == IO):
		o.source, p.bytes = IO, *c.IOBytes
	default:
		return
	}
	if !o.known {
		o.first, o.known = p, true
	} else if p.bytes < o.last.bytes {
		o.backwards = true
	}
	o.last = p
}

// close ends the open segment and makes its rates. A segment that was cut
// before it had settled has an empty window.
func (w *window) close(endNS int64, lazy [len(sources)]bool) segment {
	w.isOpen = false
	s := w.seg
	s.EndNS = endNS
	s.ToNS = max(s.FromNS, min(s.ToNS, endNS))
	if endNS < s.FromNS {
		s.FromNS, s.ToNS = endNS, endNS
	}
	span := (s.ToNS - s.FromNS) / 2
	s.Rates = make(map[Source]float64, len(sources))
	for i := range sources {
		series := &w.series[i]
		if r, ok := series.rate(lazy[i], span); ok {
			s.rates[i], s.Rates[sources[i]] = r, r
		}
		if !lazy[i] {
			if a, b, ok := series.halfRates(span / 2); ok {
				s.first[i], s.second[i] = a, b
			}
		}
	}
	for i, o := range w.own {
		if r, ok := growth(o.first, o.last, span); o.known && !o.backwards && ok {
			s.Streams = append(s.Streams, StreamRate{ID: w.live[i], BytesPerSecond: r, Source: o.source})
		}
	}
	s.rateTo = len(w.sampleRates)
	return s
}

// own is the stream's own rate in the segment.
func (s *segment) own(id int) (float64, bool) {
	for i := range s.Streams {
		if s.Streams[i].ID == id {
			return s.Streams[i].BytesPerSecond, true
		}
	}
	return 0, false
}

func (s *segment) seconds() float64 { return float64(s.ToNS-s.FromNS) / 1e9 }

func interfaceBytes(s *recording.Sample, transmit bool) uint64 {
	if transmit {
		return s.Interface.TxBytes
	}
	return s.Interface.RxBytes
}

// attributedNS is when the streams' counters were read.
func attributedNS(s *recording.Sample) int64 {
	if s.AttributedTNS != 0 {
		return s.AttributedTNS
	}
	return s.TNS
}

// ioBytes is what the sources of all live streams have written; none when one
// of them could not be read.
func ioBytes(s *recording.Sample, live []int) (uint64, bool) {
	var sum uint64
	counted := 0
	for i := range s.Streams {
		c := &s.Streams[i]
		if c.IOBytes == nil {
			continue
		}
		if _, found := slices.BinarySearch(live, c.ID); found {
			sum += *c.IOBytes
			counted++
		}
	}
	return sum, counted > 0 && counted == len(live)
}

func saturatingAdd(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
