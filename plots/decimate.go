package plots

// A vertex is a point of a line to be drawn: seconds and bytes per second.
type vertex struct{ x, y float64 }

// polylines gives the lines that show a trace between two instants on so many
// columns of pixels. A short trace is drawn as it is, in steps; a long one is
// reduced to the first, lowest, highest and last rate in each column, which
// draws the same picture: no extreme is lost, and no line crosses a gap.
//
// Note: largest-triangle-three-buckets was measured too; it is no faster and
// may drop the bottom of a short collapse.
func (t trace) polylines(from, to float64, columns int) [][]vertex {
	spans := 0
	for _, run := range t.runs {
		spans += len(run)
	}
	if spans <= columns || columns <= 0 || !(to > from) {
		return t.steps()
	}
	return t.columns(from, to, columns)
}

// steps draws each span as a level line.
func (t trace) steps() [][]vertex {
	lines := make([][]vertex, 0, len(t.runs))
	for _, run := range t.runs {
		line := make([]vertex, 0, 2*len(run))
		for _, s := range run {
			line = append(line, vertex{s.from, s.bytesPerSecond}, vertex{s.to, s.bytesPerSecond})
		}
		lines = append(lines, line)
	}
	return lines
}

// A column gathers the spans that begin in one column of pixels.
type column struct {
	number                 int
	first, low, high, last float64
}

func (c *column) add(rate float64) {
	c.low, c.high, c.last = min(c.low, rate), max(c.high, rate), rate
}

func (t trace) columns(from, to float64, columns int) [][]vertex {
	width := (to - from) / float64(columns)
	var lines [][]vertex
	var line []vertex
	var col column
	filled := false
	flush := func() {
		if filled {
			x := from + (float64(col.number)+0.5)*width
			line = append(line, vertex{x, col.first}, vertex{x, col.low}, vertex{x, col.high}, vertex{x, col.last})
		}
		filled = false
	}
	for _, run := range t.runs {
		number := func(s span) int { return min(max(int((s.from-from)/width), 0), columns-1) }
		// A gap within one column can't be seen and doesn't end the line:
		// otherwise a counter with a gap at every other sample would not
		// be reduced at all. The strip of gaps shows it all the same.
		if !filled || number(run[0]) != col.number {
			flush()
			if len(line) > 0 {
				lines = append(lines, line)
				line = nil
			}
		}
		for _, s := range run {
			n := number(s)
			if filled && n != col.number {
				flush()
			}
			if !filled {
				col = column{n, s.bytesPerSecond, s.bytesPerSecond, s.bytesPerSecond, s.bytesPerSecond}
				filled = true
			}
			col.add(s.bytesPerSecond)
		}
	}
	flush()
	if len(line) > 0 {
		lines = append(lines, line)
	}
	return lines
}

// mergeGaps joins gaps that can't be told apart on columns so wide.
func mergeGaps(gaps []gap, width float64) []gap {
	var out []gap
	for _, g := range gaps {
		if n := len(out); n > 0 && g.from <= out[n-1].to+width {
			out[n-1].to = max(out[n-1].to, g.to)
			continue
		}
		out = append(out, g)
	}
	return out
}
