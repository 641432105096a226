package plots

import (
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"iter"
	"maps"
	"slices"

	"gonum.org/v1/plot/vg/vgimg"
)

// A pngCanvas writes pictures of 256 colours. A figure has a dozen, and their
// blends at the edges of letters and lines differ by less than an eye can see;
// the file is a third of its size.
type pngCanvas struct{ *vgimg.Canvas }

func (c pngCanvas) WriteTo(w io.Writer) (int64, error) {
	n := countingWriter{w: w}
	err := png.Encode(&n, paletted(c.Image()))
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

// paletted keeps the 256 most frequent colours of an opaque picture and gives
// each other pixel the nearest of them.
func paletted(img image.Image) *image.Paletted {
	src := image.NewRGBA(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(src, src.Rect, img, img.Bounds().Min, draw.Src)

	frequency := map[color.RGBA]int{}
	for c, run := range runs(src) {
		frequency[c] += run
	}
	colors := slices.SortedFunc(maps.Keys(frequency), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(frequency[b], frequency[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	var palette color.Palette
	for _, c := range colors[:min(256, len(colors))] {
		palette = append(palette, c)
	}
	index := make(map[color.RGBA]uint8, len(colors))
	for _, c := range colors {
		index[c] = uint8(palette.Index(c))
	}
	out := image.NewPaletted(src.Rect, palette)
	at := 0
	for c, run := range runs(src) {
		nearest := index[c]
		for range run {
			out.Pix[at] = nearest
			at++
		}
	}
	return out
}

// runs gives the pixels of a picture, row by row, as runs of one colour.
func runs(img *image.RGBA) iter.Seq2[color.RGBA, int] {
	return func(yield func(color.RGBA, int) bool) {
		var last color.RGBA
		run := 0
		for i := 0; i < len(img.Pix); i += 4 {
			c := color.RGBA{img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3]}
			if c != last && run > 0 {
				if !yield(last, run) {
					return
				}
				run = 0
			}
			last = c
			run++
		}
		if run > 0 {
			yield(last, run)
		}
	}
}
