package plots

import (
	"image/color"
	"math"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A page is 8 inches wide and its letters are large, because reports print
// figures at half a page's width, about 8 cm: there 12 points become 4.7.
const (
	pageWidth            = 8 * vg.Inch
	pageHeight           = 5.5 * vg.Inch
	pageMargin vg.Length = 9

	titleSize vg.Length = 17
	bodySize  vg.Length = 14
	keySize   vg.Length = 12.5
	smallSize vg.Length = 12
)

// The palette is Okabe and Ito's, which the colour-blind can tell apart. What
// must be told apart in grey as well differs in luminance (given in percent)
// or in shape or dash.
var (
	white      = color.RGBA{0xff, 0xff, 0xff, 0xff} // 100
	ink        = color.RGBA{0x1a, 0x1a, 0x1a, 0xff} //   1
	blue       = color.RGBA{0x00, 0x72, 0xb2, 0xff} //  15
	vermillion = color.RGBA{0xd5, 0x5e, 0x00, 0xff} //  22
	green      = color.RGBA{0x00, 0x9e, 0x73, 0xff} //  26
	purple     = color.RGBA{0xcc, 0x79, 0xa7, 0xff} //  30
	sky        = color.RGBA{0x56, 0xb4, 0xe9, 0xff} //  40
	orange     = color.RGBA{0xe6, 0x9f, 0x00, 0xff} //  43
	grey       = color.RGBA{0x59, 0x59, 0x59, 0xff} //  10, smallest text
	rule       = color.RGBA{0xdd, 0xdd, 0xdd, 0xff} //  72, grid
	settleTint = color.RGBA{0xf6, 0xf4, 0xee, 0xff} //  90
	windowTint = color.RGBA{0xe9, 0xe4, 0xd6, 0xff} //  77
)

// A series is one of several things of the same kind in a figure. Neighbours
// differ in luminance, all differ in shape or dash.
type series struct {
	color  color.RGBA
	shape  shape
	dashes []vg.Length
}

var seriesOf = []series{
	{blue, circle, nil},
	{orange, square, []vg.Length{9, 4}},
	{ink, triangle, []vg.Length{2, 3}},
	{purple, diamond, []vg.Length{9, 3, 2, 3}},
	{green, downTriangle, []vg.Length{4, 3}},
	{vermillion, ring, []vg.Length{14, 4}},
	{sky, cross, []vg.Length{5, 2, 1, 2}},
}

// seriesNumber gives the i-th series; beyond the seventh they come round again.
func seriesNumber(i int) series { return seriesOf[i%len(seriesOf)] }

var (
	aloneLine = draw.LineStyle{Color: vermillion, Width: 2, Dashes: []vg.Length{9, 5}}
	idealLine = draw.LineStyle{Color: grey, Width: 1.5, Dashes: []vg.Length{1.5, 4}}
	linkLine  = draw.LineStyle{Color: ink, Width: 1.5, Dashes: []vg.Length{12, 4, 2, 4}}
	lawLine   = draw.LineStyle{Color: purple, Width: 1.6}
	gridLine  = draw.LineStyle{Color: rule, Width: 0.7}
	axisLine  = draw.LineStyle{Color: ink, Width: 0.8}
)

// fonts holds the Liberation faces that gonum carries in itself, so that no
// figure depends on what is installed.
var fonts = font.DefaultCache

func textStyle(size vg.Length, c color.Color) draw.TextStyle {
	return draw.TextStyle{
		Color:   c,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		YAlign:  text.YTop,
		Handler: text.Plain{Fonts: fonts},
	}
}

func boldStyle(size vg.Length, c color.Color) draw.TextStyle {
	s := textStyle(size, c)
	s.Font.Weight = xfont.WeightBold
	return s
}

// newPlot is an empty gonum plot in our style.
func newPlot() *plot.Plot {
	p := plot.New()
	p.TextHandler = text.Plain{Fonts: fonts}
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Padding = 0
		a.LineStyle = axisLine
		a.Tick.LineStyle = axisLine
		a.Tick.Length = 4
		a.Label.TextStyle.Font = textStyle(bodySize, ink).Font
		a.Label.TextStyle.Color = ink
		a.Label.Padding = 3
		a.Tick.Label.Font = textStyle(bodySize, ink).Font
		a.Tick.Label.Color = ink
	}
	return p
}

// A shape is the outline of a point.
type shape int

const (
	circle shape = iota
	square
	diamond
	triangle
	downTriangle
	ring
	cross
)

// drawPoint draws a point with a thin white rim, so that points that touch
// stay countable.
func drawPoint(c draw.Canvas, s shape, at vg.Point, radius vg.Length, fill color.Color) {
	switch s {
	case ring:
		rimmed(c, circle, at, radius, white, fill, radius/2.2)
	case cross:
		d := radius
		for _, to := range []vg.Point{{X: d, Y: d}, {X: d, Y: -d}} {
			c.StrokeLine2(draw.LineStyle{Color: fill, Width: radius / 1.8}, at.X-to.X, at.Y-to.Y, at.X+to.X, at.Y+to.Y)
		}
	default:
		rimmed(c, s, at, radius, fill, white, 0.8)
	}
}

// rimmed fills a shape and draws its rim.
func rimmed(c draw.Canvas, s shape, at vg.Point, radius vg.Length, fill, rim color.Color, width vg.Length) {
	path := shapePath(s, at, radius)
	c.SetColor(fill)
	c.Fill(path)
	c.SetLineStyle(draw.LineStyle{Color: rim, Width: width})
	c.Stroke(path)
}

func shapePath(s shape, at vg.Point, r vg.Length) vg.Path {
	var corners []float64 // angles in degrees
	switch s {
	case square:
		corners = []float64{45, 135, 225, 315}
		r *= 1.2
	case diamond:
		corners = []float64{0, 90, 180, 270}
		r *= 1.3
	case triangle:
		corners = []float64{90, 210, 330}
		r *= 1.3
	case downTriangle:
		corners = []float64{270, 30, 150}
		r *= 1.3
	default:
		// A polygon, because gonum's PDF canvas can't fill an arc.
		for a := 0.0; a < 360; a += 15 {
			corners = append(corners, a)
		}
	}
	var p vg.Path
	for i, a := range corners {
		sin, cos := math.Sincos(a * math.Pi / 180)
		pt := vg.Point{X: at.X + r*vg.Length(cos), Y: at.Y + r*vg.Length(sin)}
		if i == 0 {
			p.Move(pt)
		} else {
			p.Line(pt)
		}
	}
	p.Close()
	return p
}

func rectangle(r vg.Rectangle) vg.Path {
	var p vg.Path
	p.Move(r.Min)
	p.Line(vg.Point{X: r.Max.X, Y: r.Min.Y})
	p.Line(r.Max)
	p.Line(vg.Point{X: r.Min.X, Y: r.Max.Y})
	p.Close()
	return p
}

// fillBox fills a rectangle given by its corners.
func fillBox(c draw.Canvas, col color.Color, x0, y0, x1, y1 vg.Length) {
	c.SetColor(col)
	c.Fill(rectangle(vg.Rectangle{Min: vg.Point{X: x0, Y: y0}, Max: vg.Point{X: x1, Y: y1}}))
}

// drawInterval draws a vertical interval with end caps.
func drawInterval(c draw.Canvas, col color.Color, x, low, high, width, cap vg.Length) {
	line := draw.LineStyle{Color: col, Width: width}
	c.StrokeLine2(line, x, low, x, high)
	c.StrokeLine2(line, x-cap, low, x+cap, low)
	c.StrokeLine2(line, x-cap, high, x+cap, high)
}

// pale mixes a colour with white, for what stands behind a mark of the same
// series.
func pale(c color.RGBA) color.RGBA { return mixed(c, 45) }

// mixed is so many percent of a colour in white.
func mixed(c color.RGBA, percent int) color.RGBA {
	mix := func(v uint8) uint8 { return uint8((int(v)*percent + 255*(100-percent)) / 100) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
}
