package plots

// A vertex is a point of a line to be drawn: seconds and bytes per second.
type vertex struct{ x, y float64 }

// lines are the spans of a trace, as they are drawn from second 0 on columns of
// pixels. Few spans are drawn as they are, in steps; many are reduced to the first,
// lowest, highest and last rate in each column, which draws the same picture: no extreme
// is lost, and no line crosses a gap.
//
// Note: largest-triangle-three-buckets was measured too; it is no faster and
// may drop the bottom of a short collapse.
type lines struct {
	spans   int
	runs    [][]span // without a gap between them, while they are few
	reduced reduction
}

// add takes in the next span, after a gap or not.
func (l *lines) add(s span, afterGap bool) {
	l.spans++
	if l.spans > l.reduced.columns {
		for _, run := range l.runs {
			for i, before := range run {
				l.reduced.add(before, i == 0)
			}
		}
		l.runs = nil
		l.reduced.add(s, afterGap)
		return
	}
	if afterGap {
		l.runs = append(l.runs, nil)
	}
	run := &l.runs[len(l.runs)-1]
	*run = append(*run, s)
}

// polylines are what is to be drawn.
func (l *lines) polylines() [][]vertex {
	if l.spans > l.reduced.columns {
		return l.reduced.polylines()
	}
	return l.steps()
}

// steps draws each span as a level line.
func (l *lines) steps() [][]vertex {
	lines := make([][]vertex, 0, len(l.runs))
	for _, run := range l.runs {
		line := make([]vertex, 0, 2*len(run))
		for _, s := range run {
			line = append(line, vertex{s.from, s.bytesPerSecond}, vertex{s.to, s.bytesPerSecond})
		}
		lines = append(lines, line)
	}
	return lines
}

// A reduction gathers the spans that begin in each column.
type reduction struct {
	width   float64 // of a column, in seconds
	columns int

	ended  [][]vertex
	line   []vertex // the one under way
	column column   // the one under way
	filled bool     // it holds anything
}

// A column holds rates.
type column struct {
	number                 int
	first, low, high, last float64
}

func (r *reduction) add(s span, afterGap bool) {
	number := min(max(int(s.from/r.width), 0), r.columns-1)
	if r.filled && number != r.column.number {
		r.line, r.filled = r.withColumn(), false
	}
	// A gap within one column can't be seen and doesn't end the line:
	// otherwise a counter with a gap at every other sample would not
	// be reduced at all. The strip of gaps shows it all the same.
	if afterGap && !r.filled {
		r.ended, r.line = r.polylines(), nil
	}
	rate := s.bytesPerSecond
	if !r.filled {
		r.column, r.filled = column{number, rate, rate, rate, rate}, true
	}
	c := &r.column
	c.low, c.high, c.last = min(c.low, rate), max(c.high, rate), rate
}

// withColumn is the line with the column under way.
func (r *reduction) withColumn() []vertex {
	if !r.filled {
		return r.line
	}
	c := &r.column
	x := (float64(c.number) + 0.5) * r.width
	return append(r.line, vertex{x, c.first}, vertex{x, c.low}, vertex{x, c.high}, vertex{x, c.last})
}

// polylines are the lines so far.
func (r *reduction) polylines() [][]vertex {
	if line := r.withColumn(); len(line) > 0 {
		return append(r.ended, line)
	}
	return r.ended
}
