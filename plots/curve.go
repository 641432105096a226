package plots

import (
	"cmp"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

// Curve draws throughput against the number of active streams.
func Curve(w io.Writer, s *analysis.Study, f Format) error {
	return render(w, f, curveOf(s))
}

// A dot is one segment in a curve.
type dot struct {
	segment        int // its number
	active         int
	bytesPerSecond float64
	placebo        bool // it measured the tool's own footprint and is in no mean
	// aside is how far the dot is drawn from its level, in levels, so that
	// it covers no other.
	aside float64
}

// A curve is what the figure shows, in bytes per second.
type curve struct {
	page
	dots   []dot
	levels []analysis.Level
	alone  float64 // what one stream moves alone; 0: unknown
	link   float64 // the link's speed; 0: unknown or far above the data
	best   int     // the recommended number of streams; 0: none
	marks  marks
	law    *analysis.USL // fitted; nil: none
	limits limits
	// The axes.
	left, right, top float64
	why              string // there are no data
}

func curveOf(s *analysis.Study) curve {
	r := &s.Result
	c := curve{levels: drawableLevels(r.Levels), alone: aloneRate(r)}
	// What is small print elsewhere, where the limit is, has its place here.
	c.page = page{title: titleOf(r), facts: factsOf(r), caption: captionOf(s)}
	c.dots = dotsOf(s)
	if len(c.dots) == 0 && len(c.levels) == 0 {
		c.facts, c.why = withText(c.facts, sharedText(s)), emptyText(r)
		return c
	}
	used := 0
	for i := range s.Segments {
		if s.Segments[i].Used {
			used++
		}
	}
	c.facts = append(c.facts, count(len(c.dots), "segment", "segments"))
	if unvalued := used - len(c.dots); unvalued > 0 {
		c.facts = append(c.facts, fmt.Sprintf("%d more without a value", unvalued))
	}
	c.facts = withText(c.facts, sharedText(s))
	if r.RecommendedStreams != nil && r.RecommendedStreams.Streams > 0 {
		c.best = r.RecommendedStreams.Streams
	}
	if u := s.USL; u != nil && finite(u.Lambda) && finite(u.Sigma) && finite(u.Kappa) {
		c.law = u
	}
	c.scale(float64(r.Interface.SpeedBitsPerSecond) / 8)
	c.marks = marksFor(c.right - c.left)
	swarmOf(c.right-c.left, c.top, c.marks, 0.45).spread(c.dots)
	c.limits = limitsOf(r, c.left, c.right)
	c.keys = c.keysOf(r)
	return c
}

// mostStreams is more than any host runs; a level beyond it is nonsense that
// would make an axis useless.
const mostStreams = 10_000

// drawableLevels are the levels with numbers in them.
func drawableLevels(levels []analysis.Level) []analysis.Level {
	var out []analysis.Level
	for _, l := range levels {
		if rate := drawableRate(&l.LevelRate); rate != nil && l.Active >= 0 && l.Active < mostStreams {
			out = append(out, analysis.Level{Active: l.Active, LevelRate: *rate})
		}
	}
	slices.SortStableFunc(out, func(a, b analysis.Level) int { return cmp.Compare(a.Active, b.Active) })
	return out
}

// dotsOf are the used segments that have a value from the deciding source.
func dotsOf(s *analysis.Study) []dot {
	var dots []dot
	for i := range s.Segments {
		seg := &s.Segments[i]
		rate, ok := seg.Rates[s.Result.DecidedBy]
		if seg.Used && ok && isRate(rate) {
			dots = append(dots, dot{
				segment: seg.Number, active: len(seg.Active), bytesPerSecond: rate,
				placebo: seg.Phase == recording.PhasePlacebo,
			})
		}
	}
	return dots
}

// aloneRate is what one stream moves alone: the estimate the verdict was made
// of or, without one, the mean of level one; 0 when neither is known.
func aloneRate(r *analysis.Result) float64 {
	for _, e := range r.Sources {
		if e.Source == r.DecidedBy && isRate(e.One) && e.One > 0 {
			return e.One
		}
	}
	for _, l := range r.Levels {
		if l.Active == 1 && isRate(l.BytesPerSecond) && l.BytesPerSecond > 0 {
			return l.BytesPerSecond
		}
	}
	return 0
}

// scale chooses the axes: all data, a fifth of room above them, and the
// link's speed when that doesn't squeeze the data.
func (c *curve) scale(linkBytesPerSecond float64) {
	high := c.alone
	c.left, c.right = 1, 1
	for _, d := range c.dots {
		high = max(high, d.bytesPerSecond)
		c.left, c.right = min(c.left, float64(d.active)), max(c.right, float64(d.active))
	}
	for _, l := range c.levels {
		high = max(high, l.High, l.BytesPerSecond)
		c.left, c.right = min(c.left, float64(l.Active)), max(c.right, float64(l.Active))
	}
	c.left, c.right = c.left-0.5, c.right+0.5
	c.top = high * 1.2
	if linkBytesPerSecond > 0 && linkBytesPerSecond < 1.8*high {
		c.link = linkBytesPerSecond
		c.top = max(c.top, linkBytesPerSecond*1.07)
	}
	if c.top == 0 {
		c.top = 1
	}
}

// The area of the data, about. Where dots come to lie must not depend on the
// format or on how wide the numbers at the axis are.
const (
	areaWidth  vg.Length = 510
	areaHeight vg.Length = 215
)

// A swarm is the room that the dots of one level have, in levels and bytes per
// second.
type swarm struct {
	width, height float64 // of a dot
	inner         float64 // kept free on both sides of the mean
	room          float64 // on each side of the mean
}

// swarmOf gives the room on axes of so many levels and so high.
func swarmOf(levels, top float64, m marks, room float64) swarm {
	points := float64(areaWidth) / levels // width of a level
	dot := 2*float64(m.dot) + 0.8
	return swarm{
		width:  dot / points,
		height: dot / float64(areaHeight) * top,
		inner:  (1.3*float64(m.mean) + 0.5) / points,
		room:   room,
	}
}

// spread moves dots of one level aside until none covers another, as far as a
// level has room; the middle is left to the mean.
func (s swarm) spread(dots []dot) {
	columns := 1 + max(0, int(math.Min((s.room-s.inner)/s.width-1, 40)))
	order := make([]int, len(dots))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(dots[a].active, dots[b].active), cmp.Compare(dots[a].bytesPerSecond, dots[b].bytesPerSecond))
	})
	// highest[k] is the rate of the last dot put into column k; columns
	// are numbered outwards from the middle, to the right and left in turn.
	highest := make([]float64, 2*columns)
	for n, i := range order {
		if n == 0 || dots[order[n-1]].active != dots[i].active {
			for k := range highest {
				highest[k] = math.Inf(-1)
			}
		}
		free := 0 // the first column with room or, without one, the emptiest
		for k, h := range highest {
			if dots[i].bytesPerSecond-h >= s.height {
				free = k
				break
			}
			if h < highest[free] {
				free = k
			}
		}
		highest[free] = dots[i].bytesPerSecond
		side := 1 - 2*float64(free%2)
		dots[i].aside = side * (s.inner + (float64(free/2)+0.5)*s.width)
	}
}

// marks are the radii of the dots and means of a figure.
type marks struct{ dot, mean vg.Length }

// marksFor makes the marks smaller where many levels stand side by side.
func marksFor(levels float64) marks {
	switch {
	case levels <= 5:
		return marks{4, 5}
	case levels <= 9:
		return marks{3.2, 4.5}
	case levels <= 17:
		return marks{3, 4}
	}
	return marks{2, 3}
}

func (c *curve) keysOf(r *analysis.Result) []key {
	keys := []key{
		{"one segment", pointKey(circle, 4, blue)},
		{"mean, " + confidenceText(r.Confidence) + " interval", intervalKey(diamond, 5, ink)},
	}
	if slices.ContainsFunc(c.dots, func(d dot) bool { return d.placebo }) {
		keys = append(keys, key{"one of the placebo", pointKey(ring, 4, blue)})
	}
	if c.alone > 0 {
		keys = append(keys, key{"one alone: " + rateText(c.alone), lineKey(aloneLine)})
		if c.right > 2 {
			keys = append(keys, key{"ideal", lineKey(idealLine)})
		}
	}
	if c.law != nil {
		keys = append(keys, key{"scalability law, fitted", lineKey(lawLine)})
	}
	if speed := r.Interface.SpeedBitsPerSecond; speed > 0 {
		text := "link " + linkText(speed)
		if c.link == 0 {
			text += ": above the axis"
		}
		keys = append(keys, key{text, lineKey(linkLine)})
	}
	if c.best > 0 {
		text := "most moved: " + count(c.best, "stream", "streams")
		if k := r.RecommendedStreams.Cautious; k > 0 && k != c.best {
			text += fmt.Sprintf(", cautious: %d", k)
		}
		keys = append(keys, key{text, pointKey(downTriangle, 6, green)})
	}
	return keys
}

func (c curve) height() vg.Length { return pageHeight + c.limits.height() }

func (c curve) draw(dc draw.Canvas) {
	dc = c.page.draw(dc)
	if c.why != "" {
		empty(dc, c.why)
		return
	}
	p := ratePlot(c.left, c.right, c.top)
	p.Add(plotterFunc(c.lines), plotterFunc(c.points))
	p.Draw(c.limits.draw(dc, p))
}

// ratePlot is an empty plot of throughput against active streams.
func ratePlot(left, right, top float64) *plot.Plot {
	p := newPlot()
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = left, right, 0, top
	unit := unitFor(top)
	p.X.Label.Text = "active streams"
	p.X.Tick.Marker = plot.TickerFunc(countTicks)
	p.Y.Label.Text = "throughput, " + unit.name
	p.Y.Tick.Marker = evenTicks(unit.bytesPerSecond, 6)
	p.Add(plotterFunc(horizontalGrid))
	return p
}

// A plotterFunc is a plot.Plotter that is a function.
type plotterFunc func(draw.Canvas, *plot.Plot)

// Plot implements plot.Plotter.
func (f plotterFunc) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }

func horizontalGrid(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		c.StrokeLine2(gridLine, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
	}
}

func (c curve) lines(dc draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&dc)
	if c.alone > 0 {
		// The ideal line ends where it leaves the axes.
		from, to := max(0, c.left), min(c.right, c.top/c.alone)
		if from < to {
			dc.StrokeLine2(idealLine, x(from), y(from*c.alone), x(to), y(to*c.alone))
		}
		dc.StrokeLine2(aloneLine, dc.Min.X, y(c.alone), dc.Max.X, y(c.alone))
	}
	if c.law != nil {
		c.drawLaw(dc, x, y)
	}
	if c.link > 0 {
		dc.StrokeLine2(linkLine, dc.Min.X, y(c.link), dc.Max.X, y(c.link))
	}
}

// drawLaw draws the fitted law between the first and the last level, in short
// pieces and only where it stays on the axes.
func (c curve) drawLaw(dc draw.Canvas, x, y func(float64) vg.Length) {
	const pieces = 60
	from, to := max(1, c.left+0.5), c.right-0.5
	for i := range pieces {
		a := from + (to-from)*float64(i)/pieces
		b := from + (to-from)*float64(i+1)/pieces
		ta, tb := c.law.At(a), c.law.At(b)
		if min(ta, tb) >= 0 && max(ta, tb) <= c.top {
			dc.StrokeLine2(lawLine, x(a), y(ta), x(b), y(tb))
		}
	}
}

func (c curve) points(dc draw.Canvas, p *plot.Plot) {
	drawDots(dc, p, c.dots, c.marks, circle, blue)
	drawLevels(dc, p, c.levels, c.marks, diamond, ink, 0)
	if c.best > 0 && float64(c.best) < c.right {
		x, y := p.Transforms(&dc)
		drawPoint(dc, downTriangle, vg.Point{X: x(float64(c.best)), Y: y(c.highestAt(c.best)) + 14}, 6, green)
	}
}

// highestAt is the top of what is drawn at a level.
func (c curve) highestAt(active int) float64 {
	high := 0.0
	for _, d := range c.dots {
		if d.active == active {
			high = max(high, d.bytesPerSecond)
		}
	}
	for _, l := range c.levels {
		if l.Active == active {
			high = max(high, l.High, l.BytesPerSecond)
		}
	}
	return high
}

func drawDots(dc draw.Canvas, p *plot.Plot, dots []dot, m marks, s shape, col color.Color) {
	x, y := p.Transforms(&dc)
	for _, d := range dots {
		s := s
		if d.placebo {
			s = ring
		}
		drawPoint(dc, s, vg.Point{X: x(float64(d.active) + d.aside), Y: y(d.bytesPerSecond)}, m.dot, col)
	}
}

// drawLevels draws means and intervals, moved aside by a part of a level.
func drawLevels(dc draw.Canvas, p *plot.Plot, levels []analysis.Level, m marks, s shape, col color.Color, aside float64) {
	x, y := p.Transforms(&dc)
	for _, l := range levels {
		at := vg.Point{X: x(float64(l.Active) + aside), Y: y(l.BytesPerSecond)}
		drawInterval(dc, col, at.X, y(clamp(l.Low, p.Y.Max)), y(clamp(l.High, p.Y.Max)), 2, m.mean)
		drawPoint(dc, s, at, m.mean, col)
	}
}

// clamp keeps a value on an axis that begins at zero.
func clamp(v, top float64) float64 { return min(max(v, 0), top) }
