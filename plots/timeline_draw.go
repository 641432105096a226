package plots

import (
	"cmp"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pausetest/internal/analysis"
)

const (
	laneHeight  vg.Length = 19
	traceHeight vg.Length = 190
	badgeSize   vg.Length = 12
	// traceColumns is the width of the data in pixels of a PNG, about.
	traceColumns = 1100
)

var (
	ifaceLine      = draw.LineStyle{Color: sky, Width: 1.6}
	attributedLine = draw.LineStyle{Color: blue, Width: 1.1}
	meanLine       = draw.LineStyle{Color: ink, Width: 3}
	pauseDark      = color.RGBA{0x3b, 0x3b, 0x3b, 0xff}
	pauseLight     = color.RGBA{0xa6, 0xa6, 0xa6, 0xff}
	runningTint    = color.RGBA{0xde, 0xee, 0xf8, 0xff}
)

// height makes room for every lane: with many streams the figure grows, the
// letters don't shrink.
func (t timeline) height() vg.Length {
	text := vg.Length(len(t.keys)/3+len(t.caption)/3) * keySize * 1.22
	return max(pageHeight, traceHeight+130+text+vg.Length(len(t.lanes))*laneHeight)
}

func (t *timeline) keysOf(s *analysis.Study) []key {
	var keys []key
	if !t.attributed.empty() {
		keys = append(keys, key{t.attributedName(), lineKey(attributedLine)})
	}
	if !t.iface.empty() {
		name := "interface"
		if n := drawn(s.Header.Interface.Name); n != "" {
			name += " " + n
		}
		keys = append(keys, key{name, lineKey(ifaceLine)})
	}
	if slices.ContainsFunc(t.windows, window.drawable) {
		keys = append(keys, key{"segment mean", lineKey(meanLine)})
	}
	if len(t.windows) > 0 {
		keys = append(keys, key{"settling, measured", swatchKey(settleTint, windowTint)})
	}
	if slices.ContainsFunc(t.lanes, func(l lane) bool { return len(l.pauses) > 0 }) {
		keys = append(keys, key{"paused: settling, measured", swatchKey(pauseLight, pauseDark)})
	}
	if len(t.gaps) > 0 {
		keys = append(keys, key{"no value", swatchKey(white, ink, white)})
	}
	return append(keys, t.markKeys()...)
}

func (w window) drawable() bool { return w.used && w.to > w.mid && !math.IsNaN(w.bytesPerSecond) }

func (t timeline) draw(dc draw.Canvas) {
	dc = t.page.draw(dc)
	if t.why != "" {
		empty(dc, t.why)
		return
	}
	// The lanes and the time axis come first: they decide where the data
	// begin and end, and the trace follows.
	lanes := newPlot()
	lanes.X.Min, lanes.X.Max = 0, t.end
	lanes.X.Label.Text = "seconds since the run began"
	lanes.X.Tick.Marker = evenTicks(1, 8)
	lanes.Y.Min, lanes.Y.Max = 0, 1
	lanes.HideY()
	below := draw.Crop(dc, t.gutter(), -4, 0, 0)
	area := lanes.DataCanvas(below)
	below.Max.Y += vg.Length(len(t.lanes))*laneHeight + 2 - area.Size().Y
	lanes.Add(plotterFunc(t.drawLanes))
	lanes.Draw(below)
	area = lanes.DataCanvas(below)
	t.drawLabels(dc, area)

	trace := newPlot()
	trace.X.Min, trace.X.Max, trace.Y.Min, trace.Y.Max = 0, t.end, 0, t.top
	trace.HideX()
	unit := unitFor(t.top)
	trace.Y.Label.Text = "throughput, " + unit.name
	trace.Y.Tick.Marker = evenTicks(unit.bytesPerSecond, 6)
	above := dc
	above.Min.Y, above.Max.X = area.Max.Y+14, area.Max.X
	above.Max.Y -= t.badgeRows(area) * (badgeSize + 2)
	above.Min.X = area.Min.X - (trace.DataCanvas(above).Min.X - above.Min.X)
	trace.Add(plotterFunc(t.drawWindows), plotterFunc(horizontalGrid), plotterFunc(t.drawTraces))
	trace.Draw(above)
	t.drawGaps(trace.DataCanvas(above), area.Max.Y+3)
	t.drawBadges(trace.DataCanvas(above), area.Min.Y)
}

func (t timeline) drawLanes(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for i, l := range t.lanes {
		top := c.Max.Y - vg.Length(i)*laneHeight
		low := top - laneHeight + 3
		fillBox(c, runningTint, x(clamp(l.from, t.end)), low, x(clamp(l.to, t.end)), top)
		for _, q := range l.pauses {
			col := pauseLight
			if q.measured {
				col = pauseDark
			}
			fillBox(c, col, x(clamp(q.from, t.end)), low, x(clamp(q.to, t.end)), top)
		}
		until := vg.Length(math.Inf(-1))
		for _, m := range l.marks {
			// A badge that would cover another one is left out; the
			// key counts them all.
			at := inside(x(clamp(m.at, t.end)), c)
			if at-badgeSize/2 >= until {
				drawBadge(c, m.letter, vg.Point{X: at, Y: (top + low) / 2})
				until = at + badgeSize/2 + 1
			}
		}
	}
}

// gutter is the room left of the data: for the longest label, within reason,
// but never less than the axis of the trace takes.
func (t timeline) gutter() vg.Length {
	widest := vg.Length(64)
	style := textStyle(smallSize, ink)
	for _, l := range t.lanes {
		widest = max(widest, style.Width(elide(l.label, style, 180)))
	}
	return widest + 6
}

func (t timeline) drawLabels(c, area draw.Canvas) {
	style := textStyle(smallSize, ink)
	style.XAlign, style.YAlign = draw.XRight, draw.YCenter
	for i, l := range t.lanes {
		at := vg.Point{X: area.Min.X - 6, Y: area.Max.Y - (vg.Length(i)+0.5)*laneHeight + 1.5}
		c.FillText(style, at, elide(l.label, style, at.X-c.Min.X))
	}
}

func (t timeline) drawWindows(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, w := range t.windows {
		if w.mid > w.from {
			fillBox(c, settleTint, x(clamp(w.from, t.end)), c.Min.Y, x(clamp(w.mid, t.end)), c.Max.Y)
		}
		if w.used && w.to > w.mid {
			fillBox(c, windowTint, x(clamp(w.mid, t.end)), c.Min.Y, x(clamp(w.to, t.end)), c.Max.Y)
		}
	}
}

func (t timeline) drawTraces(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, tr := range []struct {
		trace
		draw.LineStyle
	}{{t.iface, ifaceLine}, {t.attributed, attributedLine}} {
		for _, line := range tr.lines.polylines() {
			strokeShort(c, tr.LineStyle, line, x, y)
		}
	}
	for _, w := range t.windows {
		if w.drawable() {
			c.StrokeLine2(draw.LineStyle{Color: white, Width: 5}, x(w.mid), y(w.bytesPerSecond), x(w.to), y(w.bytesPerSecond))
			c.StrokeLine2(meanLine, x(w.mid), y(w.bytesPerSecond), x(w.to), y(w.bytesPerSecond))
		}
	}
}

// strokeShort draws a line in pieces: the rasteriser's time grows with the
// square of the length of a path.
func strokeShort(c draw.Canvas, style draw.LineStyle, line []vertex, x, y func(float64) vg.Length) {
	const piece = 30
	c.SetLineStyle(style)
	for from := 0; from < len(line); from += piece {
		var path vg.Path
		for i, v := range line[from:min(from+piece+1, len(line))] {
			pt := vg.Point{X: x(v.x), Y: y(v.y)}
			if i == 0 {
				path.Move(pt)
			} else {
				path.Line(pt)
			}
		}
		c.Stroke(path)
	}
}

// drawGaps marks in a strip below the trace where there is no rate; a gap is
// seen there however short it is.
func (t timeline) drawGaps(c draw.Canvas, y vg.Length) {
	scale := (c.Max.X - c.Min.X) / vg.Length(t.end)
	for _, g := range t.gaps {
		x0, x1 := c.Min.X+vg.Length(clamp(g.from, t.end))*scale, c.Min.X+vg.Length(clamp(g.to, t.end))*scale
		fillBox(c, ink, x0, y, max(x1, x0+1.5), y+6)
	}
}

// A placedBadge is a mark of the whole run with its place above the trace.
type placedBadge struct {
	mark
	x   vg.Length
	row int // from 0; negative: no room, only its line is drawn
}

const maxBadgeRows = 3

// placeBadges puts marks into rows so that no badge covers another.
func (t timeline) placeBadges(area draw.Canvas) []placedBadge {
	scale := (area.Max.X - area.Min.X) / vg.Length(t.end)
	marks := slices.Clone(t.marks)
	slices.SortStableFunc(marks, func(a, b mark) int { return cmp.Compare(a.at, b.at) })
	var free [maxBadgeRows]vg.Length
	var placed []placedBadge
	for _, m := range marks {
		b := placedBadge{m, inside(area.Min.X+vg.Length(clamp(m.at, t.end))*scale, area), -1}
		for row := range free {
			if b.x-badgeSize/2 >= free[row] {
				b.row, free[row] = row, b.x+badgeSize/2+1
				break
			}
		}
		placed = append(placed, b)
	}
	return placed
}

func (t timeline) badgeRows(area draw.Canvas) vg.Length {
	rows := 0
	for _, b := range t.placeBadges(area) {
		rows = max(rows, b.row+1)
	}
	return vg.Length(rows)
}

func (t timeline) drawBadges(c draw.Canvas, bottom vg.Length) {
	for _, b := range t.placeBadges(c) {
		c.StrokeLine2(draw.LineStyle{Color: ink, Width: 0.8, Dashes: []vg.Length{2, 2}}, b.x, bottom, b.x, c.Max.Y)
		if b.row >= 0 {
			drawBadge(c, b.letter, vg.Point{X: b.x, Y: c.Max.Y + 2 + (vg.Length(b.row)+0.5)*(badgeSize+2)})
		}
	}
}

// inside keeps a badge within the data.
func inside(x vg.Length, c draw.Canvas) vg.Length {
	return max(min(x, c.Max.X-badgeSize/2), c.Min.X+badgeSize/2)
}

func drawBadge(c draw.Canvas, letter string, at vg.Point) {
	h := badgeSize / 2
	rimmed(c, square, at, h, ink, white, 1)
	style := boldStyle(badgeSize-2, white)
	style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
	at.Y += 0.6 // capitals have no descenders
	c.FillText(style, at, letter)
}

func badgeKey(letter string) specimen {
	return specimen{pointWidth, func(c draw.Canvas, box vg.Rectangle) { drawBadge(c, letter, middle(box)) }}
}
