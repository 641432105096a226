package plots

import (
	"image"
	"image/color"
	"testing"
)

func TestPaletteKeepsWhatIsFrequent(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		c := color.RGBA{uint8(i), uint8(i >> 4), 200, 0xff} // more than 256 colours, once each
		if i%2 == 0 {
			c = blue
		}
		img.SetRGBA(i%64, i/64, c)
	}
	out := paletted(img)
	if n := len(out.Palette); n != 256 {
		t.Errorf("%d colours", n)
	}
	for i := range 64 * 64 {
		want, got := img.RGBAAt(i%64, i/64), color.RGBAModel.Convert(out.At(i%64, i/64)).(color.RGBA)
		if want == blue && got != blue {
			t.Fatalf("pixel %d: %v, want the most frequent colour unchanged", i, got)
		}
	}
	small := image.NewRGBA(image.Rect(3, 3, 5, 4))
	small.SetRGBA(3, 3, blue)
	small.SetRGBA(4, 3, orange)
	if out := paletted(small); out.At(3, 3) != color.Color(blue) || out.At(4, 3) != color.Color(orange) {
		t.Errorf("%v %v", out.At(3, 3), out.At(4, 3))
	}
}
