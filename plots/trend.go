package plots

import (
	"cmp"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pausetest/internal/analysis"
)

// Trend draws the ratio of many runs over the time at which they began, a panel for
// each series, and marks when it changed. The studies are all runs; those that are in
// no series gave no ratio.
func Trend(w io.Writer, studies []*analysis.Study, series []analysis.Series, f Format) error {
	return render(w, f, trendOf(studies, series))
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

// A trendPanel is one series.
type trendPanel struct {
	heading string
	runs    []runPoint
	changes []float64 // Unix seconds
}

// A trend is what the figure shows.
type trend struct {
	page
	panels      []trendPanel
	left, right float64
	low, high   float64 // of the ratio's axis, which is logarithmic
	why         string
}

// mostPanels is how many series find room on a page; the caption counts the others.
const mostPanels = 6

// The ratio's axis reaches no further than this, however absurd a ratio is.
const (
	leastRatio = 0.01
	mostRatio  = 64
)

func trendOf(studies []*analysis.Study, series []analysis.Series) trend {
	t := trend{low: 0.5, high: 2}
	t.setPage(studies, series)
	if len(series) == 0 {
		t.why = "None of " + count(len(studies), "run", "runs") + " gave a ratio."
		return t
	}
	t.left, t.right = math.Inf(1), math.Inf(-1)
	for _, s := range series[:min(len(series), mostPanels)] {
		t.panels = append(t.panels, t.panelOf(s))
	}
	t.low, t.high = max(t.low/1.1, leastRatio), min(t.high*1.1, mostRatio)
	margin := max((t.right-t.left)*0.04, 60)
	t.left, t.right = t.left-margin, t.right+margin
	t.keys = t.keysOf()
	return t
}

// panelOf makes a series' panel and widens the axes to hold it.
func (t *trend) panelOf(s analysis.Series) trendPanel {
	panel := trendPanel{heading: drawn(s.Words())}
	for _, study := range s.Studies {
		r := &study.Result
		p := runPoint{at: unix(r.Started), ratio: r.Ratio, interval: r.Interval, verdict: r.Verdict}
		panel.runs = append(panel.runs, p)
		t.low, t.high = min(t.low, p.interval.Low, p.ratio), max(t.high, p.interval.High, p.ratio)
		t.left, t.right = min(t.left, p.at), max(t.right, p.at)
	}
	for _, c := range s.Changes {
		panel.changes = append(panel.changes, (unix(c.LastBefore)+unix(c.FirstAfter))/2)
	}
	return panel
}

func (t *trend) setPage(studies []*analysis.Study, series []analysis.Series) {
	tally, shown, beyond := map[analysis.Verdict]int{}, 0, 0
	for i, s := range series {
		if i >= mostPanels {
			beyond += len(s.Studies)
		}
		shown += len(s.Studies)
		for _, study := range s.Studies {
			tally[study.Result.Verdict]++
		}
	}
	t.title = fmt.Sprintf("all streams over one alone, in %s", count(shown, "run", "runs"))
	for _, v := range verdicts {
		if tally[v.verdict] > 0 {
			t.facts = append(t.facts, fmt.Sprintf("%d %s", tally[v.verdict], v.verdict))
		}
	}
	if without := len(studies) - shown; without > 0 {
		t.facts = append(t.facts, count(without, "run", "runs")+" without a ratio")
	}
	if slices.ContainsFunc(studies, func(s *analysis.Study) bool { return s.Result.Simulated }) {
		t.facts = append(t.facts, "some or all SIMULATED")
	}
	withheld := 0.0
	for _, s := range studies {
		withheld += s.Result.PausedStreamSec
	}
	t.caption = append(t.caption, significant(withheld)+" stream-seconds withheld in all runs together")
	t.caption = append(t.caption, "hosts: "+names(studies, func(s *analysis.Study) string { return s.Result.Host.Name }))
	if beyond > 0 {
		t.caption = append(t.caption, count(len(series)-mostPanels, "smaller series", "smaller series")+" with "+count(beyond, "run", "runs")+" found no room")
	}
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
	shown := map[int]bool{} // by index in verdicts
	changed := false
	for _, p := range t.panels {
		changed = changed || len(p.changes) > 0
		for _, r := range p.runs {
			shown[verdictMark(r.verdict)] = true
		}
	}
	for i, v := range verdicts {
		if shown[i] {
			keys = append(keys, key{string(v.verdict), intervalKey(v.shape, 5, v.color)})
		}
	}
	keys = append(keys, key{"margins 0.80 and 1.25", lineKey(marginLine)})
	if changed {
		keys = append(keys, key{"change", specimen{pointWidth, func(c draw.Canvas, box vg.Rectangle) {
			x := middle(box).X
			c.StrokeLine2(changeLine, x, box.Min.Y, x, box.Max.Y)
		}}})
	}
	return keys
}

var marginLine = draw.LineStyle{Color: grey, Width: 1.3, Dashes: []vg.Length{4, 3}}

var changeLine = draw.LineStyle{Color: ink, Width: 2, Dashes: []vg.Length{6, 3}}

// Of a page with several panels.
const (
	panelHeight             = 2.3 * vg.Inch
	besidePanels            = 1.6 * vg.Inch
	panelHeadline vg.Length = 4 // below a panel's heading
)

func (t trend) height() vg.Length {
	return max(pageHeight, besidePanels+vg.Length(len(t.panels))*panelHeight)
}

func (t trend) draw(dc draw.Canvas) {
	dc = t.page.draw(dc)
	if t.why != "" {
		empty(dc, t.why)
		return
	}
	if len(t.panels) == 1 {
		t.drawPanel(dc, t.panels[0], true)
		return
	}
	style := boldStyle(keySize, ink)
	height := (dc.Max.Y - dc.Min.Y) / vg.Length(len(t.panels))
	for i, panel := range t.panels {
		row := dc
		row.Max.Y -= vg.Length(i) * height
		row.Min.Y = row.Max.Y - height
		row = fromTop(row, style, []string{elide(panel.heading, style, row.Max.X-row.Min.X)}, panelHeadline)
		t.drawPanel(row, panel, i == len(t.panels)-1)
	}
}

// drawPanel draws a series. All have the same axes; the last one says what is on them.
func (t trend) drawPanel(dc draw.Canvas, panel trendPanel, last bool) {
	p := newPlot()
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = t.left, t.right, t.low, t.high
	p.X.Tick.Marker = plot.TickerFunc(dateTicks)
	p.X.Padding = 5 // a date may stand under the lowest ratio
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker, p.Y.Label.Text = ratioTicks(11), "all over one alone"
	if len(t.panels) > 1 {
		p.Y.Tick.Marker, p.Y.Label.Text = ratioTicks(5), "ratio"
	}
	if last {
		p.X.Label.Text = "start of the run, from " + time.Unix(int64(t.first()), 0).UTC().Format(time.DateOnly)
	}
	p.Add(plotterFunc(horizontalGrid), plotterFunc(func(c draw.Canvas, p *plot.Plot) { t.drawRuns(c, p, panel) }))
	p.Draw(dc)
}

// first is when the first run drawn began, in Unix seconds.
func (t trend) first() float64 {
	first := math.Inf(1)
	for _, panel := range t.panels {
		first = min(first, panel.runs[0].at)
	}
	return first
}

func (t trend) drawRuns(c draw.Canvas, p *plot.Plot, panel trendPanel) {
	x, y := p.Transforms(&c)
	fillBox(c, settleTint, c.Min.X, y(collapseBelow), c.Max.X, y(scalingAbove))
	for _, margin := range []float64{collapseBelow, scalingAbove} {
		c.StrokeLine2(marginLine, c.Min.X, y(margin), c.Max.X, y(margin))
	}
	for _, at := range panel.changes {
		c.StrokeLine2(changeLine, x(at), c.Min.Y, x(at), c.Max.Y)
	}
	within := func(ratio float64) vg.Length { return y(min(max(ratio, t.low), t.high)) }
	m := marksFor(float64(len(panel.runs)) / 4)
	for _, r := range panel.runs {
		v := verdicts[verdictMark(r.verdict)]
		drawInterval(c, v.color, x(r.at), within(r.interval.Low), within(r.interval.High), 1.6, m.dot)
		drawPoint(c, v.shape, vg.Point{X: x(r.at), Y: within(r.ratio)}, m.mean, v.color)
	}
}
