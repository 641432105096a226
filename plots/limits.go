package plots

import (
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pausetest/internal/analysis"
)

// limits say below a curve what the limit is with so many streams running: each at
// its place or, where some have no room there, one after the other.
type limits []stretch

// A stretch is neighbouring levels with the same limit.
type stretch struct {
	from, to float64 // levels
	active   string  // the same in words
	limit    string
}

const (
	// limitsHeight is how much higher a page is for them: two lines and a bracket.
	limitsHeight = vg.Inch / 2
	mostBelow    = 2 // lines below a bracket
	mostLimits   = 4 // lines of limits one after the other

	bracketHeight vg.Length = 4
	bracketReach  vg.Length = 14 // beyond the levels' middle
	limitsGap     vg.Length = 10 // between the words of neighbours
)

// limitsOf are those of levels that are on the axis.
func limitsOf(r *analysis.Result, left, right float64) limits {
	if r.Limiter == nil {
		return nil
	}
	var l limits
	for _, s := range r.Limiter.Stretches() {
		from, to := float64(s.From), float64(s.To)
		limit := strings.Join(words(drawn(s.Limit.Name)), " ")
		if limit != "" && from > left && from <= to && to < right {
			l = append(l, stretch{from, to, s.Active(), limit})
			left = to
		}
	}
	return l
}

// height is what a page is higher for them.
func (l limits) height() vg.Length {
	if len(l) == 0 {
		return 0
	}
	return limitsHeight
}

// draw sets the limits at the bottom of what a plot may take up, and returns the rest
// of it.
func (l limits) draw(c draw.Canvas, p *plot.Plot) draw.Canvas {
	if len(l) == 0 {
		return c
	}
	c = draw.Crop(c, 0, 0, 3, 0)
	style := textStyle(smallSize, ink)
	if below, fit := l.below(p.DataCanvas(c), p, style); fit {
		return drawBelow(c, below, style)
	}
	lines := l.lines(style, c.Max.X-c.Min.X)
	height := vg.Length(len(lines)) * lineHeight(style)
	bottom := draw.Canvas{Canvas: c.Canvas, Rectangle: c.Rectangle}
	bottom.Max.Y = c.Min.Y + height
	fromTop(bottom, style, lines, 0)
	return draw.Crop(c, 0, 0, height+3, 0)
}

// A bracket spans the levels of a stretch; its words stand below it.
type bracket struct {
	from, to vg.Length
	lines    []string
	middle   vg.Length // of the words
}

// below finds each limit's place, and reports whether all have room there: half of
// the way to the neighbours, and all of the way to the end of the axis.
func (l limits) below(data draw.Canvas, p *plot.Plot, style draw.TextStyle) ([]bracket, bool) {
	x, _ := p.Transforms(&data)
	reach := min(bracketReach, 0.4*(x(1)-x(0)))
	var all []bracket
	left := data.Min.X
	for i, s := range l {
		right := data.Max.X
		if i+1 < len(l) {
			right = x((s.to + l[i+1].from) / 2)
		}
		lines := wrap(words(s.limit), " ", style, right-left-limitsGap)
		if len(lines) > mostBelow || strings.Join(lines, " ") != s.limit {
			return nil, false
		}
		half := widest(lines, style)/2 + limitsGap/2
		all = append(all, bracket{
			from: x(s.from) - reach, to: x(s.to) + reach, lines: lines,
			middle: min(max((x(s.from)+x(s.to))/2, left+half), right-half),
		})
		left = right
	}
	return all, true
}

func widest(lines []string, style draw.TextStyle) vg.Length {
	var width vg.Length
	for _, line := range lines {
		width = max(width, style.Width(line))
	}
	return width
}

func drawBelow(c draw.Canvas, below []bracket, style draw.TextStyle) draw.Canvas {
	height := vg.Length(0)
	for _, b := range below {
		height = max(height, vg.Length(len(b.lines))*lineHeight(style))
	}
	top := c.Min.Y + height
	c.FillText(style, vg.Point{X: c.Min.X, Y: top}, "limit")
	style.XAlign = draw.XCenter
	for _, b := range below {
		line, y := axisLine, top+2
		line.Width = 1.2
		c.StrokeLines(line, []vg.Point{{X: b.from, Y: y + bracketHeight}, {X: b.from, Y: y}, {X: b.to, Y: y}, {X: b.to, Y: y + bracketHeight}})
		for i, text := range b.lines {
			c.FillText(style, vg.Point{X: b.middle, Y: top - vg.Length(i)*lineHeight(style)}, text)
		}
	}
	return draw.Crop(c, 0, 0, height+bracketHeight+5, 0)
}

// lines are the limits one after the other. Where they are too many, the highest
// level stays: that is the one the verdict is about.
func (l limits) lines(style draw.TextStyle, width vg.Length) []string {
	pieces := make([]string, len(l))
	for i, s := range l {
		pieces[i] = "with " + s.active + ": " + s.limit
	}
	pieces[0] = "limit with " + l[0].active + " active: " + l[0].limit
	lines := wrap(pieces, separator, style, width)
	// No more than this have room in so few lines, however short they are.
	for keep := min(len(pieces)-2, 10*mostLimits); len(lines) > mostLimits && keep > 0; keep-- {
		some := slices.Concat(pieces[:keep], []string{"more in the report", pieces[len(pieces)-1]})
		lines = wrap(some, separator, style, width)
	}
	return lines
}
