package analysis

// A point is a cumulative counter as it stood at an instant.
type point struct {
	tNS   int64
	bytes uint64
}

// ends are the first and the last point of some time.
type ends struct {
	first, last point
	points      int
}

func (e *ends) add(p point) {
	if e.points == 0 {
		e.first = p
	}
	e.last = p
	e.points++
}

// rate is the growth between the ends over the time between them; no interpolation to
// the window's ends, and never a mean of sample rates.
func (e *ends) rate(minSpanNS int64) (float64, bool) {
	if e.points < 2 {
		return 0, false
	}
	return growth(e.first, e.last, minSpanNS)
}

// A series is one counter over one window, with the last point before it. It keeps
// what rates are made of, not the points: a window may last a day.
type series struct {
	before    point
	hasBefore bool
	all       ends
	halves    [2]ends // before and after the middle; a point in the middle is in both
	// edges are the points whose value differs from that of the point before.
	edges     ends
	midNS     int64
	backwards bool // it fell within the window: no rate can be made from it
}

// restart empties the series for a new window; what was known stays known as
// the point before it.
func (s *series) restart(midNS int64) {
	fresh := series{before: s.before, hasBefore: s.hasBefore, midNS: midNS}
	if s.all.points > 0 {
		fresh.before, fresh.hasBefore = s.all.last, true
	}
	*s = fresh
}

// add takes in a point of the window, and returns the rate since the point before it.
// A point that isn't later than that one (a counter read once and reported twice) says
// nothing new.
func (s *series) add(p point) (float64, bool) {
	last, known := s.before, s.hasBefore
	within := s.all.points > 0
	if within {
		last, known = s.all.last, true
		if p.tNS <= last.tNS {
			return 0, false
		}
		s.backwards = s.backwards || p.bytes < last.bytes
	}
	if known && p.bytes != last.bytes {
		s.edges.add(p)
	}
	s.all.add(p)
	if p.tNS <= s.midNS {
		s.halves[0].add(p)
	}
	if p.tNS >= s.midNS {
		s.halves[1].add(p)
	}
	if !within {
		return 0, false
	}
	return growth(last, p, 0)
}

// rate is the series' rate in bytes per second: its growth over the true time
// between its first and its last point. The points must span at least minSpanNS, else
// there is no rate.
//
// A lazy counter is measured from its first to its last edge. A counter that is
// published once a second jumps at instants that have nothing to do with the window;
// between two of its jumps it is exact. With fewer than two edges there is no such rate.
func (s *series) rate(lazy bool, minSpanNS int64) (float64, bool) {
	if s.backwards {
		return 0, false
	}
	if lazy {
		if r, ok := s.edges.rate(0); ok {
			return r, true
		}
	}
	return s.all.rate(minSpanNS)
}

func growth(from, to point, minSpanNS int64) (float64, bool) {
	span := to.tNS - from.tNS
	if span <= 0 || span < minSpanNS || to.bytes < from.bytes {
		return 0, false
	}
	return float64(to.bytes-from.bytes) / (float64(span) / 1e9), true
}

// halfRates are the rates before and after the middle of the window, each from the
// points of its own half alone. They serve the settle check, on prompt counters only.
func (s *series) halfRates(minSpanNS int64) (first, second float64, ok bool) {
	if s.backwards {
		return 0, 0, false
	}
	first, ok1 := s.halves[0].rate(minSpanNS / 2)
	second, ok2 := s.halves[1].rate(minSpanNS / 2)
	return first, second, ok1 && ok2
}
