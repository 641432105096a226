package plots

import (
	"image/color"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A page is what stands around the data of a figure. Its parts are set from
// the top (title, facts, keys) and from the bottom (caption); what is left in
// between is for the data, so that text never covers a point.
type page struct {
	title   string
	facts   []string // the numbers that belong to the title
	keys    []key
	caption []string // disturbance, host, time: small, below
}

// A key says what a mark means.
type key struct {
	text string
	mark specimen
}

// A specimen is a mark as the key shows it.
type specimen struct {
	width vg.Length
	paint func(c draw.Canvas, box vg.Rectangle)
}

const (
	separator            = "  ·  "
	lineWidth  vg.Length = 26 // of the specimen of a line or an area
	pointWidth vg.Length = 14 // of that of a point
	keyGap     vg.Length = 14
	keyPadding vg.Length = 4
)

// draw sets the page and returns the canvas between its parts.
func (p page) draw(c draw.Canvas) draw.Canvas {
	c = draw.Crop(c, pageMargin, -pageMargin, pageMargin, -pageMargin)
	width := c.Max.X - c.Min.X

	title := boldStyle(titleSize, ink)
	c = fromTop(c, title, wrap(words(p.title), " ", title, width), 3)
	facts := textStyle(keySize, ink)
	c = fromTop(c, facts, wrap(p.facts, separator, facts, width), 4)
	c = p.drawKeys(c, textStyle(keySize, ink))

	caption := textStyle(smallSize, grey)
	lines := wrap(p.caption, separator, caption, width)
	height := vg.Length(len(lines)) * lineHeight(caption)
	bottom := draw.Canvas{Canvas: c.Canvas, Rectangle: c.Rectangle}
	bottom.Max.Y = c.Min.Y + height
	fromTop(bottom, caption, lines, 0)
	return draw.Crop(c, 0, 0, height+4, -2)
}

// fromTop sets lines at the top of a canvas and returns the rest of it.
func fromTop(c draw.Canvas, style draw.TextStyle, lines []string, after vg.Length) draw.Canvas {
	if len(lines) == 0 {
		return c
	}
	for _, line := range lines {
		c.FillText(style, vg.Point{X: c.Min.X, Y: c.Max.Y}, line)
		c.Max.Y -= lineHeight(style)
	}
	c.Max.Y -= after
	return c
}

func lineHeight(style draw.TextStyle) vg.Length { return style.Font.Size * 1.22 }

func (p page) drawKeys(c draw.Canvas, style draw.TextStyle) draw.Canvas {
	widths := make([]vg.Length, len(p.keys))
	texts := make([]string, len(p.keys))
	width := c.Max.X - c.Min.X
	for i, k := range p.keys {
		texts[i] = elide(k.text, style, width-k.mark.width-keyPadding)
		widths[i] = k.mark.width + keyPadding + style.Width(texts[i])
	}
	for _, line := range flow(widths, keyGap, width) {
		x, height := c.Min.X, lineHeight(style)
		for _, i := range line {
			// A little lower than the line, where the letters' middle is.
			box := vg.Rectangle{
				Min: vg.Point{X: x, Y: c.Max.Y - height - 1},
				Max: vg.Point{X: x + p.keys[i].mark.width, Y: c.Max.Y - 1},
			}
			p.keys[i].mark.paint(c, box)
			c.FillText(style, vg.Point{X: box.Max.X + keyPadding, Y: c.Max.Y}, texts[i])
			x += widths[i] + keyGap
		}
		c.Max.Y -= height
	}
	if len(p.keys) > 0 {
		c.Max.Y -= 6
	}
	return c
}

// empty writes in the middle of the page why there are no data in it.
func empty(c draw.Canvas, why string) {
	style := textStyle(bodySize, grey)
	lines := wrap(words(why), " ", style, (c.Max.X-c.Min.X)*0.8)
	style.XAlign = draw.XCenter
	y := c.Center().Y + vg.Length(len(lines))*lineHeight(style)/2
	for _, line := range lines {
		c.FillText(style, vg.Point{X: c.Center().X, Y: y}, line)
		y -= lineHeight(style)
	}
}

func pointKey(s shape, radius vg.Length, col color.Color) specimen {
	return specimen{pointWidth, func(c draw.Canvas, box vg.Rectangle) { drawPoint(c, s, middle(box), radius, col) }}
}

func lineKey(style draw.LineStyle) specimen {
	return specimen{lineWidth, func(c draw.Canvas, box vg.Rectangle) {
		y := middle(box).Y
		c.StrokeLine2(style, box.Min.X, y, box.Max.X, y)
	}}
}

func intervalKey(s shape, radius vg.Length, col color.Color) specimen {
	return specimen{pointWidth, func(c draw.Canvas, box vg.Rectangle) {
		m := middle(box)
		drawInterval(c, col, m.X, box.Min.Y+1, box.Max.Y-1, 2, radius)
		drawPoint(c, s, m, radius-0.8, col)
	}}
}

// swatchKey shows areas side by side, each in one colour.
func swatchKey(colors ...color.Color) specimen {
	return specimen{lineWidth, func(c draw.Canvas, box vg.Rectangle) {
		w := (box.Max.X - box.Min.X) / vg.Length(len(colors))
		for i, col := range colors {
			x := box.Min.X + w*vg.Length(i)
			fillBox(c, col, x, box.Min.Y+3, x+w, box.Max.Y-2)
		}
	}}
}

func middle(box vg.Rectangle) vg.Point {
	return vg.Point{X: (box.Min.X + box.Max.X) / 2, Y: (box.Min.Y + box.Max.Y) / 2}
}

func words(s string) []string { return strings.Fields(s) }
