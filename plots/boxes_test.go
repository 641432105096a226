package plots

import (
	"image"
	"image/color"
	"math"
	"testing"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"pgregory.net/rapid"

	"pausetest/internal/analysis"
)

// A textBox is where a string was drawn on the page.
type textBox struct {
	text string
	box  vg.Rectangle
}

// A boxCanvas notes where text is drawn and draws nothing.
type boxCanvas struct {
	texts []textBox
	at    affine
	stack []affine
	bad   bool // something was drawn that is not a number
}

// An affine maps (x, y) to (a x + c y + e, b x + d y + f).
type affine struct{ a, b, c, d, e, f float64 }

func (m affine) apply(p vg.Point) vg.Point {
	x, y := float64(p.X), float64(p.Y)
	return vg.Point{X: vg.Length(m.a*x + m.c*y + m.e), Y: vg.Length(m.b*x + m.d*y + m.f)}
}

func newBoxCanvas() *boxCanvas { return &boxCanvas{at: affine{a: 1, d: 1}} }

func (c *boxCanvas) SetLineWidth(vg.Length)              {}
func (c *boxCanvas) SetLineDash([]vg.Length, vg.Length)  {}
func (c *boxCanvas) SetColor(color.Color)                {}
func (c *boxCanvas) DrawImage(vg.Rectangle, image.Image) {}
func (c *boxCanvas) Push()                               { c.stack = append(c.stack, c.at) }
func (c *boxCanvas) Stroke(p vg.Path)                    { c.Fill(p) }

func (c *boxCanvas) Fill(p vg.Path) {
	for _, comp := range p {
		if !finite(float64(comp.Pos.X)) || !finite(float64(comp.Pos.Y)) {
			c.bad = true
		}
	}
}

func (c *boxCanvas) Pop() {
	c.at = c.stack[len(c.stack)-1]
	c.stack = c.stack[:len(c.stack)-1]
}

func (c *boxCanvas) Rotate(r float64) {
	sin, cos := math.Sincos(r)
	m := c.at
	c.at = affine{m.a*cos + m.c*sin, m.b*cos + m.d*sin, m.c*cos - m.a*sin, m.d*cos - m.b*sin, m.e, m.f}
}

func (c *boxCanvas) Translate(p vg.Point) {
	o := c.at.apply(p)
	c.at.e, c.at.f = float64(o.X), float64(o.Y)
}

func (c *boxCanvas) Scale(x, y float64) {
	c.at.a, c.at.b, c.at.c, c.at.d = c.at.a*x, c.at.b*x, c.at.c*y, c.at.d*y
}

func (c *boxCanvas) FillString(face font.Face, p vg.Point, s string) {
	e := face.Extents()
	p0 := c.at.apply(vg.Point{X: p.X, Y: p.Y - e.Descent})
	p1 := c.at.apply(vg.Point{X: p.X + face.Width(s), Y: p.Y + e.Ascent})
	c.texts = append(c.texts, textBox{s, vg.Rectangle{
		Min: vg.Point{X: min(p0.X, p1.X), Y: min(p0.Y, p1.Y)},
		Max: vg.Point{X: max(p0.X, p1.X), Y: max(p0.Y, p1.Y)},
	}})
}

// layOut draws a figure into boxes.
func layOut(fig figure) *boxCanvas {
	c := newBoxCanvas()
	fig.draw(draw.NewCanvas(c, pageWidth, fig.height()))
	return c
}

// checkLayout fails when text overlaps other text or leaves the page.
func checkLayout(t interface {
	Helper()
	Errorf(string, ...any)
}, fig figure) {
	t.Helper()
	c := layOut(fig)
	if c.bad {
		t.Errorf("something is drawn at a place that is not a number")
	}
	const touch = 0.5 // points
	for i, a := range c.texts {
		if a.box.Min.X < 0 || a.box.Min.Y < 0 || a.box.Max.X > pageWidth+touch || a.box.Max.Y > fig.height() {
			t.Errorf("%q leaves the page: %v", a.text, a.box)
		}
		for _, b := range c.texts[:i] {
			if a.box.Min.X+touch < b.box.Max.X && b.box.Min.X+touch < a.box.Max.X &&
				a.box.Min.Y+touch < b.box.Max.Y && b.box.Min.Y+touch < a.box.Max.Y {
				t.Errorf("%q %v overlaps %q %v", a.text, a.box, b.text, b.box)
			}
		}
	}
	if len(c.texts) == 0 {
		t.Errorf("no text at all")
	}
}

func TestTextNeverOverlaps(t *testing.T) {
	for _, g := range goldens() {
		t.Run(g.name, func(t *testing.T) { checkLayout(t, g.figure) })
	}
	for name, fig := range figuresOf(emptyStudy()) {
		t.Run("empty "+name, func(t *testing.T) { checkLayout(t, fig) })
	}
	t.Run("no run", func(t *testing.T) { checkLayout(t, trendOf(nil, nil)) })
	t.Run("no condition", func(t *testing.T) { checkLayout(t, comparisonOf(nil)) })
}

// figuresOf are all figures of one study.
func figuresOf(s *analysis.Study) map[string]figure {
	return map[string]figure{
		"curve": curveOf(s), "timeline": timelineOf(s), "streams": streamsOf(s),
		"trend":   trendOf([]*analysis.Study{s, s}, analysis.SeriesOf([]*analysis.Study{s, s}, false)),
		"compare": comparisonOf([]Condition{{Name: s.Result.Note, Studies: []*analysis.Study{s}}, {Studies: []*analysis.Study{s, s}}}),
	}
}

func TestTextNeverOverlapsInAnyWorld(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := world{
			streams: rapid.IntRange(1, 20).Draw(t, "streams"),
			ratio:   rapid.Float64Range(0.01, 20).Draw(t, "ratio"),
			verdict: rapid.SampledFrom([]analysis.Verdict{analysis.Collapse, analysis.Saturated, analysis.Inconclusive}).Draw(t, "verdict"),
			rounds:  rapid.IntRange(1, 2).Draw(t, "rounds"),
			between: rapid.Bool().Draw(t, "between"),
			events:  rapid.Bool().Draw(t, "events"),
			label:   rapid.SampledFrom([]string{"", "%d", "x%dW\xffWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW"}).Draw(t, "label"),
			linkBit: rapid.SampledFrom([]uint64{0, 1e8, 1e9, 4e11}).Draw(t, "link"),
			alone:   rapid.SampledFrom([]float64{100, 26e6, 11.9e9}).Draw(t, "alone"),
			seed:    rapid.Uint64().Draw(t, "seed"),
			levels:  rapid.SampledFrom([][]int{nil, {2, 4, 8, 16}}).Draw(t, "levels"),
			limits: rapid.SliceOfN(rapid.SampledFrom([]string{"the receivers", "disk sda, shared", "relay, a single blocking writer",
				"CPU time of " + hostileName, "not decided", "W", ""}), 0, 9).Draw(t, "limits"),
			shared: rapid.SampledFrom([]string{"", "amandad", hostileName}).Draw(t, "shared"),
		}
		s := w.study()
		s.Result.Note = rapid.String().Draw(t, "note")
		s.Result.Stopped = rapid.String().Draw(t, "stopped")
		s.Result.Simulated = w.events
		for name, fig := range figuresOf(s) {
			t.Log(name)
			checkLayout(t, fig)
		}
	})
}
