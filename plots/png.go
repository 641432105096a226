package plots

import (
	"image"
	"image/png"
	"io"

	"git.sr.ht/~sbinet/gg"
	"golang.org/x/image/draw"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// dotsPerInch makes a page 1600 pixels wide.
const dotsPerInch = 200

// A pngCanvas writes pictures of 256 colours. A figure has a dozen, and their
// blends at the edges of letters and lines differ by less than an eye can see;
// the file is a third of its size.
type pngCanvas struct {
	*vgimg.Canvas
	pixels *image.RGBA
	rest   vg.Length // what the last row of pixels is too high
}

// newPNG makes a white canvas.
//
// Note: left alone, vgimg makes pixels and copies them, and sets letters with an
// interpolator that weighs the neighbours of every pixel. Letters stand on whole pixels:
// the simpler one draws the same but for the shade of a few, and all of this together took a third of the time of a
// figure.
func newPNG(width, height vg.Length) pngCanvas {
	pixels := image.NewRGBA(image.Rect(0, 0, dots(width), dots(height)))
	context := gg.NewContextForRGBA(pixels)
	context.SetLineCapButt()
	context.SetInterpolator(draw.ApproxBiLinear)
	context.InvertY()
	canvas := vgimg.NewWith(vgimg.UseImageWithContext(pixels, context), vgimg.UseDPI(dotsPerInch))
	_, whole := canvas.Size()
	return pngCanvas{canvas, pixels, whole - height}
}

// FillString sets text from the true top of the page; vgimg knows whole pixels only.
func (c pngCanvas) FillString(face font.Face, at vg.Point, s string) {
	at.Y += c.rest
	c.Canvas.FillString(face, at, s)
}

func dots(v vg.Length) int { return int(v/vg.Inch*dotsPerInch + 0.5) }

func (c pngCanvas) WriteTo(w io.Writer) (int64, error) {
	n := countingWriter{w: w}
	// Compressing well takes three times as long and saves a tenth of the file.
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	err := encoder.Encode(&n, paletted(c.pixels))
	return n.written, err
}

type countingWriter struct {
	w       io.Writer
	written int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.written += int64(n)
	return n, err
}
