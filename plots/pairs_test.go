package plots

import (
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pausetest/internal/analysis"
)

// interacting is a study in which every two streams were measured: those whose
// numbers leave the same remainder by 3 (of three, the first and the last) share a disk, some pairs are undecided and,
// where there are many, some were not measured.
func (w world) interacting() *analysis.Study {
	s := w.study()
	rng := rand.New(rand.NewPCG(w.seed, 11))
	for b := 1; b <= w.streams; b++ {
		for a := 1; a < b; a++ {
			x := analysis.Interaction{Streams: []int{a, b}, Together: 6, Alone: []int{9, 8}, Effect: analysis.NoHarm}
			x.Ratio = 0.97 + 0.04*rng.Float64()
			width := 0.10 + 0.05*rng.Float64()
			switch {
			case w.streams > 8 && (a*7+b)%11 == 0:
				x = analysis.Interaction{Streams: []int{a, b}, Effect: analysis.NotMeasured, Alone: []int{6, 0}}
			case w.streams == 2 || a%3 == b%3 || w.streams == 3 && b-a == 2:
				x.Ratio, x.Effect = 0.34+0.5*rng.Float64(), analysis.Hurt
			case (a+b)%5 == 0:
				x.Ratio, x.Effect, width = 0.88, analysis.Undecided, 0.3
			}
			x.Interval = analysis.Interval{Low: x.Ratio * (1 - width), High: x.Ratio * (1 + width)}
			s.Result.Interactions = append(s.Result.Interactions, x)
		}
	}
	return s
}

func TestPairs(t *testing.T) {
	fig := pairsOf(collapse3.interacting())
	if len(fig.labels) != 3 || len(fig.cells[2]) != 2 || fig.cells[2][0].text == "" {
		t.Errorf("%+v", fig)
	}
	if got := pairsOf(emptyStudy()); got.why == "" {
		t.Error("nothing says why the figure is empty")
	}
}

// Where there are too many streams, those that are hurt most are shown.
func TestPairsOfManyStreams(t *testing.T) {
	s := world{streams: 20, ratio: 0.5, seed: 3}.interacting()
	for i := range s.Result.Interactions {
		x := &s.Result.Interactions[i]
		x.Ratio, x.Effect = 1, analysis.NoHarm
		if x.Streams[1] == 20 {
			x.Ratio, x.Effect = 0.4, analysis.Hurt
		}
	}
	fig := pairsOf(s)
	if len(fig.labels) != mostInMatrix || !slices.Contains(fig.heads, "20") {
		t.Errorf("shown are %q", fig.heads)
	}
	if !slices.ContainsFunc(fig.caption, func(c string) bool { return c == "4 streams that are hurt less are not shown" }) {
		t.Errorf("caption %q", fig.caption)
	}
}

// The shades darken with the harm, in grey as well, and carry dark letters.
func TestHarmShades(t *testing.T) {
	last := 0.0
	for _, h := range harmShades {
		l := luminance(h.shade)
		if l < last+0.08 {
			t.Errorf("%s: luminance %.2f after %.2f", h.text, l, last)
		}
		if contrast := (l + 0.05) / (luminance(ink) + 0.05); contrast < 4.5 {
			t.Errorf("%s: contrast %.1f", h.text, contrast)
		}
		last = l
	}
}

// luminance is a colour's relative luminance (WCAG 2), 0 to 1.
func luminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}
