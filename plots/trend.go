package plots

import (
	"cmp"
	"fmt"
	"image/color"
	"io"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pausetest/internal/analysis"
)

// Trend draws the ratio of many runs over the time at which they began, and
// marks the given instants at which it changed.
func Trend(w io.Writer, studies []*analysis.Study, changes []time.Time, f Format) error {
	return render(w, f, trendOf(studies, changes))
}

// The margins between the verdicts (docs/statistics.md).
const (
	collapseBelow = 0.80
	scalingAbove  = 1.25
)

// A runPoint is one run in a trend.
type runPoint struct {
	at       float64 // Unix seconds
	ratio    float64
	interval analysis.Interval
	verdict  analysis.Verdict
}

// A trend is what the figure shows.
type trend struct {
	page
	runs        []runPoint
	changes     []float64 // Unix seconds
	left, right float64
	low, high   float64 // of the ratio's axis, which is logarithmic
	why         string
}

// The ratio's axis reaches no further than this, however absurd a ratio is.
const (
	leastRatio = 0.01
	mostRatio  = 64
)

func trendOf(studies []*analysis.Study, changes []time.Time) trend {
	t := trend{low: 0.5, high: 2}
	unestimated, withheld := 0, 0.0
	for _, s := range studies {
		r := &s.Result
		withheld += r.PausedStreamSec
		if !(r.Ratio > 0) || !finite(r.Ratio) {
			unestimated++
			continue
		}
		p := runPoint{at: unix(r.Started), ratio: r.Ratio, interval: r.Interval, verdict: r.Verdict}
		if !(p.interval.Low > 0) || !finite(p.interval.High) {
			p.interval = analysis.Interval{Low: p.ratio, High: p.ratio}
		}
		t.runs = append(t.runs, p)
		t.low, t.high = min(t.low, p.interval.Low, p.ratio), max(t.high, p.interval.High, p.ratio)
	}
	slices.SortStableFunc(t.runs, func(a, b runPoint) int { return cmp.Compare(a.at, b.at) })
	t.low, t.high = max(t.low/1.1, leastRatio), min(t.high*1.1, mostRatio)
	t.setPage(studies, unestimated, withheld)
	if len(t.runs) == 0 {
		t.why = "None of " + count(len(studies), "run", "runs") + " gave a ratio."
		return t
	}
	first, last := t.runs[0].at, t.runs[len(t.runs)-1].at
	margin := max((last-first)*0.04, 60)
	t.left, t.right = first-margin, last+margin
	for _, at := range changes {
		if u := unix(at); u >= t.left && u <= t.right {
			t.changes = append(t.changes, u)
		}
	}
	t.keys = t.keysOf()
	return t
}

func (t *trend) setPage(studies []*analysis.Study, unestimated int, withheld float64) {
	t.title = fmt.Sprintf("all streams over one alone, in %s", count(len(t.runs), "run", "runs"))
	tally := map[analysis.Verdict]int{}
	for _, r := range t.runs {
		tally[r.verdict]++
	}
	for _, v := range verdicts {
		if tally[v.verdict] > 0 {
			t.facts = append(t.facts, fmt.Sprintf("%d %s", tally[v.verdict], v.verdict))
		}
	}
	if unestimated > 0 {
		t.facts = append(t.facts, count(unestimated, "run", "runs")+" without a ratio")
	}
	if slices.ContainsFunc(studies, func(s *analysis.Study) bool { return s.Result.Simulated }) {
		t.facts = append(t.facts, "some or all SIMULATED")
	}
	t.caption = append(t.caption, significant(withheld)+" stream-seconds withheld in all runs together")
	t.caption = append(t.caption, "hosts: "+names(studies, func(s *analysis.Study) string { return s.Result.Host.Name }))
	t.caption = append(t.caption, "times are UTC")
}

// names lists the different names that studies have, at most three of them.
func names(studies []*analysis.Study, of func(*analysis.Study) string) string {
	var all []string
	for _, s := range studies {
		if n := drawn(of(s)); n != "" && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	text := ""
	for i, n := range all {
		if i == 3 {
			return text + fmt.Sprintf(" and %d more", len(all)-i)
		}
		if i > 0 {
			text += ", "
		}
		text += n
	}
	return cmp.Or(text, "unknown")
}

func unix(t time.Time) float64 { return float64(t.Unix()) }

// verdicts are the verdicts with the marks they have in a trend.
var verdicts = []struct {
	verdict analysis.Verdict
	shape   shape
	color   color.RGBA
}{
	{analysis.Collapse, downTriangle, vermillion},
	{analysis.Saturated, square, blue},
	{analysis.Scaling, triangle, green},
	{analysis.NoCollapse, diamond, sky},
	{analysis.Inconclusive, ring, grey},
}

// verdictMark gives the index of a verdict in verdicts; an unknown one is
// inconclusive.
func verdictMark(v analysis.Verdict) int {
	for i := range verdicts {
		if verdicts[i].verdict == v {
			return i
		}
	}
	return len(verdicts) - 1
}

func (t *trend) keysOf() []key {
	var keys []key
	for i, v := range verdicts {
		if slices.ContainsFunc(t.runs, func(r runPoint) bool { return verdictMark(r.verdict) == i }) {
			keys = append(keys, key{string(v.verdict), intervalKey(v.shape, 5, v.color)})
		}
	}
	keys = append(keys, key{"margins 0.80 and 1.25", lineKey(marginLine)})
	if len(t.changes) > 0 {
		keys = append(keys, key{"change", specimen{pointWidth, func(c draw.Canvas, box vg.Rectangle) {
			x := middle(box).X
			c.StrokeLine2(changeLine, x, box.Min.Y, x, box.Max.Y)
		}}})
	}
	return keys
}

var marginLine = draw.LineStyle{Color: grey, Width: 1.3, Dashes: []vg.Length{4, 3}}

var changeLine = draw.LineStyle{Color: ink, Width: 2, Dashes: []vg.Length{6, 3}}

func (t trend) height() vg.Length { return pageHeight }

func (t trend) draw(dc draw.Canvas) {
	dc = t.page.draw(dc)
	if t.why != "" {
		empty(dc, t.why)
		return
	}
	p := newPlot()
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = t.left, t.right, t.low, t.high
	p.X.Tick.Marker = plot.TickerFunc(dateTicks)
	p.X.Label.Text = "start of the run, from " + time.Unix(int64(t.runs[0].at), 0).UTC().Format(time.DateOnly)
	p.X.Padding = 5 // a date may stand under the lowest ratio
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.TickerFunc(ratioTicks)
	p.Y.Label.Text = "all over one alone"
	p.Add(plotterFunc(horizontalGrid), plotterFunc(t.drawRuns))
	p.Draw(dc)
}

func (t trend) drawRuns(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	fillBox(c, settleTint, c.Min.X, y(collapseBelow), c.Max.X, y(scalingAbove))
	for _, margin := range []float64{collapseBelow, scalingAbove} {
		c.StrokeLine2(marginLine, c.Min.X, y(margin), c.Max.X, y(margin))
	}
	for _, at := range t.changes {
		c.StrokeLine2(changeLine, x(at), c.Min.Y, x(at), c.Max.Y)
	}
	within := func(ratio float64) vg.Length { return y(min(max(ratio, t.low), t.high)) }
	m := marksFor(float64(len(t.runs)) / 4)
	for _, r := range t.runs {
		v := verdicts[verdictMark(r.verdict)]
		drawInterval(c, v.color, x(r.at), within(r.interval.Low), within(r.interval.High), 1.6, m.dot)
		drawPoint(c, v.shape, vg.Point{X: x(r.at), Y: within(r.ratio)}, m.mean, v.color)
	}
}
