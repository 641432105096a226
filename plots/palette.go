package plots

import (
	"cmp"
	"encoding/binary"
	"image"
	"image/color"
	"iter"
	"maps"
	"slices"
)

// paletted keeps the 256 most frequent colours of an opaque picture and gives
// each other pixel the nearest of them.
func paletted(src *image.RGBA) *image.Paletted {
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
		pixels, nearest := out.Pix[at:at+run], index[c]
		for i := range pixels {
			pixels[i] = nearest
		}
		at += run
	}
	return out
}

// runs gives the pixels of a picture, row by row, as runs of one colour.
func runs(img *image.RGBA) iter.Seq2[color.RGBA, int] {
	return func(yield func(color.RGBA, int) bool) {
		at := func(i int) uint32 { return binary.NativeEndian.Uint32(img.Pix[i:]) }
		for i := 0; i < len(img.Pix); {
			begin, pixel := i, at(i)
			for i += 4; i < len(img.Pix) && at(i) == pixel; {
				i += 4
			}
			c := color.RGBA{img.Pix[begin], img.Pix[begin+1], img.Pix[begin+2], img.Pix[begin+3]}
			if !yield(c, (i-begin)/4) {
				return
			}
		}
	}
}
