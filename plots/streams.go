package plots

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pausetest/internal/analysis"
)

// Streams draws what each stream moves alone and what it moves when all run.
func Streams(w io.Writer, s *analysis.Study, f Format) error {
	return render(w, f, streamsOf(s))
}

// A streamRow is one stream in the figure.
type streamRow struct {
	label    string
	alone    *analysis.LevelRate
	together *analysis.LevelRate
	note     string // right of the data: its share, or what is unknown
}

// A streamRates is what the figure shows, in bytes per second.
type streamRates struct {
	page
	rows []streamRow
	top  float64
	why  string
}

func streamsOf(s *analysis.Study) streamRates {
	r := &s.Result
	fig := streamRates{page: pageOf(s)}
	sum, whole := 0.0, true
	measured := false
	for _, st := range r.Streams {
		row := streamRow{label: labelOf(st.Label, st.ID), alone: drawableRate(st.Alone), together: drawableRate(st.Together)}
		for _, rate := range []*analysis.LevelRate{row.alone, row.together} {
			if rate != nil {
				fig.top = max(fig.top, rate.BytesPerSecond, rate.High)
				measured = true
			}
		}
		if row.together == nil {
			whole = false
		} else {
			sum += row.together.BytesPerSecond
		}
		fig.rows = append(fig.rows, row)
	}
	if !measured {
		fig.why = "No stream was measured by itself. " + emptyText(r)
		return fig
	}
	if fig.top *= 1.05; fig.top == 0 {
		fig.top = 1
	}
	for i := range fig.rows {
		fig.rows[i].note = shareText(fig.rows[i], sum, whole)
	}
	if n := len(fig.rows) - maxLanes; n > 0 {
		fig.rows = fig.rows[:maxLanes]
		fig.caption = append(fig.caption, count(n, "more stream is", "more streams are")+" not shown")
	}
	fig.keys = []key{
		{"alone, " + confidenceText(r.Confidence) + " interval", rangeKey(circle, blue)},
		{"its part when all run", rangeKey(square, orange)},
		{"of all, when all run", letterKey("%")},
	}
	return fig
}

// rangeKey shows a point with its interval lying, as in the figure.
func rangeKey(s shape, col color.Color) specimen {
	return specimen{lineWidth, func(c draw.Canvas, box vg.Rectangle) {
		m := middle(box)
		c.StrokeLine2(draw.LineStyle{Color: col, Width: 2.2}, box.Min.X, m.Y, box.Max.X, m.Y)
		drawPoint(c, s, m, 4.5, col)
	}}
}

// letterKey shows a sign as it stands in the figure.
func letterKey(sign string) specimen {
	return specimen{pointWidth, func(c draw.Canvas, box vg.Rectangle) {
		style := textStyle(smallSize, ink)
		style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
		c.FillText(style, middle(box), sign)
	}}
}

// drawableRate is a copy of a rate whose numbers can be drawn, or nil.
func drawableRate(r *analysis.LevelRate) *analysis.LevelRate {
	if r == nil || !isRate(r.BytesPerSecond) {
		return nil
	}
	out := *r
	if !isRate(out.Low) || !isRate(out.High) {
		out.Low, out.High = out.BytesPerSecond, out.BytesPerSecond
	}
	return &out
}

// shareText is a stream's share of what all move together. There is none when
// any of the streams could not be counted by itself.
func shareText(row streamRow, sum float64, whole bool) string {
	switch {
	case row.alone == nil && row.together == nil:
		return "not measured"
	case row.alone == nil:
		return "never alone"
	case row.together == nil:
		return "not counted"
	case whole && sum > 0:
		return fmt.Sprintf("%.0f %%", 100*row.together.BytesPerSecond/sum)
	}
	return ""
}

const rowHeight = 26 * vg.Length(1)

func (fig streamRates) height() vg.Length {
	return max(pageHeight*0.7, 190+vg.Length(len(fig.rows))*rowHeight)
}

func (fig streamRates) draw(dc draw.Canvas) {
	dc = fig.page.draw(dc)
	if fig.why != "" {
		empty(dc, fig.why)
		return
	}
	unit := unitFor(fig.top)
	p := newPlot()
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, fig.top, -float64(len(fig.rows)), 0
	p.HideY()
	p.X.Label.Text = "throughput, " + unit.name
	p.X.Tick.Marker = evenTicks(unit.bytesPerSecond, 6)

	style := textStyle(smallSize, ink)
	notes := style.Width("not measured") + 8
	labels := vg.Length(0)
	for _, row := range fig.rows {
		labels = max(labels, style.Width(elide(row.label, style, 220)))
	}
	middle := draw.Crop(dc, labels+8, -notes, 0, 0)
	p.Add(plotterFunc(fig.drawRows))
	p.Draw(middle)
	area := p.DataCanvas(middle)
	style.YAlign = draw.YCenter
	for i, row := range fig.rows {
		y := area.Max.Y - (vg.Length(i)+0.5)*area.Size().Y/vg.Length(len(fig.rows))
		right := style
		right.XAlign = draw.XRight
		dc.FillText(right, vg.Point{X: area.Min.X - 8, Y: y}, elide(row.label, style, labels))
		dc.FillText(style, vg.Point{X: dc.Max.X - notes + 8, Y: y}, row.note)
	}
}

func (fig streamRates) drawRows(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		c.StrokeLine2(gridLine, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
	}
	c.StrokeLine2(axisLine, c.Min.X, c.Min.Y, c.Min.X, c.Max.Y)
	for i, row := range fig.rows {
		if i > 0 {
			c.StrokeLine2(gridLine, c.Min.X, y(-float64(i)), c.Max.X, y(-float64(i)))
		}
		at := y(-float64(i) - 0.5)
		for _, one := range []struct {
			rate  *analysis.LevelRate
			aside vg.Length
			shape shape
			series
		}{{row.alone, 5, circle, series{color: blue}}, {row.together, -5, square, series{color: orange}}} {
			if one.rate == nil {
				continue
			}
			h := at + one.aside
			line := draw.LineStyle{Color: one.color, Width: 2.2}
			c.StrokeLine2(line, x(clamp(one.rate.Low, fig.top)), h, x(clamp(one.rate.High, fig.top)), h)
			drawPoint(c, one.shape, vg.Point{X: x(one.rate.BytesPerSecond), Y: h}, 4.5, one.color)
		}
	}
}
