package analysis

// A point is a cumulative counter as it stood at an instant.
type point struct {
	tNS   int64
	bytes uint64
}

// A series is one counter over one window, with the last point before it.
type series struct {
	before    point
	hasBefore bool
	points    []point
	backwards bool // it fell within the window: no rate can be made from it
}

// restart empties the series for a new window; what was known stays known as
// the point before it.
func (s *series) restart() {
	if n := len(s.points); n > 0 {
		s.before, s.hasBefore = s.points[n-1], true
	}
	s.points = s.points[:0]
	s.backwards = false
}

// add appends a point of the window. A point that isn't later than the one
// before it (a counter read once and reported twice) says nothing new.
func (s *series) add(p point) {
	if n := len(s.points); n > 0 {
		last := s.points[n-1]
		if p.tNS <= last.tNS {
			return
		}
		if p.bytes < last.bytes {
			s.backwards = true
		}
	}
	s.points = append(s.points, p)
}

// rate is the series' rate in bytes per second: its growth over the true time
// between its first and its last point. A lazy counter is measured from change
// to change. The points must span at least minSpanNS, else there is no rate.
func (s *series) rate(lazy bool, minSpanNS int64) (float64, bool) {
	if s.backwards {
		return 0, false
	}
	if lazy {
		if r, ok := edgeRate(s.points, s.before, s.hasBefore); ok {
			return r, true
		}
	}
	return plainRate(s.points, minSpanNS)
}

// plainRate is the growth between the first and the last point over the time
// between them; no interpolation to the window's ends, and never a mean of
// sample rates.
func plainRate(points []point, minSpanNS int64) (float64, bool) {
	if len(points) < 2 {
		return 0, false
	}
	return growth(points[0], points[len(points)-1], minSpanNS)
}

// edgeRate is the growth from the first to the last point whose value differs
// from its predecessor's, over the time between these two. A counter that is
// published once a second jumps at instants that have nothing to do with the
// window; between two of its jumps it is exact. There is no such rate with
// fewer than two edges.
func edgeRate(points []point, before point, hasBefore bool) (float64, bool) {
	first, last := -1, -1
	previous, known := before, hasBefore
	for i, p := range points {
		if known && p.bytes != previous.bytes {
			if first < 0 {
				first = i
			}
			last = i
		}
		previous, known = p, true
	}
	if first == last {
		return 0, false
	}
	return growth(points[first], points[last], 0)
}

func growth(from, to point, minSpanNS int64) (float64, bool) {
	span := to.tNS - from.tNS
	if span <= 0 || span < minSpanNS || to.bytes < from.bytes {
		return 0, false
	}
	return float64(to.bytes-from.bytes) / (float64(span) / 1e9), true
}

// halves are the rates before and after the instant midNS, each from the points
// of its own half alone. They serve the settle check, on prompt counters only.
func (s *series) halves(midNS, minSpanNS int64) (first, second float64, ok bool) {
	if s.backwards {
		return 0, 0, false
	}
	end, begin := 0, 0 // of the first half, of the second
	for _, p := range s.points {
		if p.tNS <= midNS {
			end++
		}
		if p.tNS < midNS {
			begin++
		}
	}
	first, ok1 := plainRate(s.points[:end], minSpanNS/2)
	second, ok2 := plainRate(s.points[begin:], minSpanNS/2)
	return first, second, ok1 && ok2
}
