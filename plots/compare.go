package plots

import (
	"fmt"
	"io"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pausetest/internal/analysis"
)

// A Condition is one side of a comparison: one run or several under the same
// circumstances.
type Condition struct {
	Name    string
	Studies []*analysis.Study
	// Levels is the curve of all studies together. Without it, each study's
	// own curve is drawn: figures don't pool.
	Levels []analysis.Level
}

// Compare draws the curves of two or more conditions on one axis.
func Compare(w io.Writer, conditions []Condition, f Format) error {
	return render(w, f, comparisonOf(conditions))
}

// A comparison is what the figure shows, in bytes per second.
type comparison struct {
	page
	parts            []conditionCurves
	marks            marks
	left, right, top float64
	why              string
}

// conditionCurves are one condition's dots and curves.
type conditionCurves struct {
	name   string
	dots   []dot
	curves [][]analysis.Level
	aside  float64 // how far to the right of its level it is drawn
	series
}

func comparisonOf(conditions []Condition) comparison {
	fig := comparison{page: page{title: comparisonTitle(conditions)}}
	all := curve{} // of all conditions, for the axes
	// Each condition has a part of the width of a level to itself.
	slot := 0.8 / float64(max(len(conditions), 2))
	for i, cond := range conditions {
		part := conditionCurves{name: drawn(cond.Name), series: seriesNumber(i)}
		if part.name == "" {
			part.name = fmt.Sprintf("condition %d", i+1)
		}
		part.aside = (float64(i) - float64(len(conditions)-1)/2) * slot
		for _, s := range cond.Studies {
			part.dots = append(part.dots, dotsOf(s)...)
			if len(cond.Levels) == 0 {
				part.curves = append(part.curves, drawableLevels(s.Result.Levels))
			}
		}
		if len(cond.Levels) > 0 {
			part.curves = [][]analysis.Level{drawableLevels(cond.Levels)}
		}
		all.dots = append(all.dots, part.dots...)
		for _, levels := range part.curves {
			all.levels = append(all.levels, levels...)
		}
		fig.parts = append(fig.parts, part)
		fig.caption = append(fig.caption, conditionText(part.name, cond.Studies))
	}
	if len(all.dots) == 0 && len(all.levels) == 0 {
		fig.why = "None of the runs compared measured anything that could be drawn."
		return fig
	}
	all.scale(0)
	fig.left, fig.right, fig.top = all.left, all.right, all.top
	levels := fig.right - fig.left
	fig.marks = marksFor(levels * float64(len(conditions)) / 1.5)
	room := swarmOf(levels, fig.top, fig.marks, slot/2)
	for _, part := range fig.parts {
		room.spread(part.dots)
		for k := range part.dots {
			part.dots[k].aside += part.aside
		}
		fig.keys = append(fig.keys, part.key())
	}
	return fig
}

func (part conditionCurves) key() key {
	line := draw.LineStyle{Color: part.color, Width: 2, Dashes: part.dashes}
	return key{part.name, specimen{lineWidth * 1.2, func(c draw.Canvas, box vg.Rectangle) {
		m := middle(box)
		c.StrokeLine2(line, box.Min.X, m.Y, box.Max.X, m.Y)
		drawPoint(c, part.shape, m, 5, part.color)
	}}}
}

// comparisonTitle puts the ratios of the conditions side by side.
func comparisonTitle(conditions []Condition) string {
	var parts []string
	for i, cond := range conditions {
		name := drawn(cond.Name)
		if name == "" {
			name = fmt.Sprintf("condition %d", i+1)
		}
		name = elide(name, boldStyle(titleSize, ink), pageWidth/2.5)
		low, high := 0.0, 0.0
		for _, s := range cond.Studies {
			if r := s.Result.Ratio; r > 0 && finite(r) {
				high = max(high, r)
				if low == 0 || r < low {
					low = r
				}
			}
		}
		switch {
		case high == 0:
			parts = append(parts, name+" unknown")
		case low == high:
			parts = append(parts, name+" "+ratioText(low))
		default:
			parts = append(parts, name+" "+ratioText(low)+" to "+ratioText(high))
		}
	}
	return "all streams over one alone: " + strings.Join(parts, "; ")
}

// conditionText is a condition's part of the small print.
func conditionText(name string, studies []*analysis.Study) string {
	withheld, segments := 0.0, 0
	simulated := ""
	for _, s := range studies {
		withheld += s.Result.PausedStreamSec
		segments += len(dotsOf(s))
		if s.Result.Simulated {
			simulated = ", SIMULATED"
		}
	}
	text := elide(name, textStyle(smallSize, grey), pageWidth/4) + ": "
	if len(studies) == 1 {
		r := &studies[0].Result
		text += string(r.Verdict) + ", "
		if r.Ratio > 0 {
			text += intervalText(r.Interval) + " at " + confidenceText(r.Confidence) + ", "
		}
	} else {
		text += count(len(studies), "run", "runs") + ", "
	}
	return text + count(segments, "segment", "segments") + ", " + significant(withheld) + " stream-seconds withheld" + simulated
}

func (fig comparison) height() vg.Length {
	return pageHeight + vg.Length(max(0, len(fig.parts)-3))*2*smallSize
}

func (fig comparison) draw(dc draw.Canvas) {
	dc = fig.page.draw(dc)
	if fig.why != "" {
		empty(dc, fig.why)
		return
	}
	p := ratePlot(fig.left, fig.right, fig.top)
	p.Add(plotterFunc(fig.drawParts))
	p.Draw(dc)
}

func (fig comparison) drawParts(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, part := range fig.parts {
		line := draw.LineStyle{Color: part.color, Width: 1.6, Dashes: part.dashes}
		for _, levels := range part.curves {
			var path []vg.Point
			for _, l := range levels {
				path = append(path, vg.Point{X: x(float64(l.Active) + part.aside), Y: y(l.BytesPerSecond)})
			}
			if len(path) > 1 {
				c.StrokeLines(line, path)
			}
		}
	}
	for _, part := range fig.parts {
		drawDots(c, p, part.dots, fig.marks, part.shape, pale(part.color))
	}
	for _, part := range fig.parts {
		for _, levels := range part.curves {
			drawLevels(c, p, levels, fig.marks, part.shape, part.color, part.aside)
		}
	}
}
