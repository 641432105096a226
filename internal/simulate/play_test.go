package simulate

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

// world returns a built-in world, changed.
func world(t *testing.T, name string, change func(*World)) *World {
	t.Helper()
	return testHost(t, name, 1, change).world
}

// recorded plays a world once and returns what a reader of its recording finds.
func recorded(t *testing.T, w *World, seed uint64, p Protocol) (Outcome, *analysis.Study) {
	t.Helper()
	var file bytes.Buffer
	o, err := Play(t.Context(), w, p, seed, recording.NewWriter(&file))
	if err != nil {
		t.Fatal(err)
	}
	s, err := analysis.Analyze(recording.NewFile(bytes.NewReader(file.Bytes()), int64(file.Len())))
	if err != nil {
		t.Fatal(err)
	}
	return o, s
}

// A simulated run leaves a recording like any other: read again, it says what
// the run said.
func TestRecordingSaysTheSame(t *testing.T) {
	p := scored()
	p.Plan.Between, p.Plan.Placebo = true, 2
	for _, name := range []string{"quiet/collapse", "ar/flat+attributed", "end/flat", "start/flat", "lazy2/flat", "slowbuf/b80", "peak2of4"} {
		o, s := recorded(t, world(t, name, nil), 3, p)
		if d := cmp.Diff(o.Result, s.Result); d != "" {
			t.Errorf("%s: the run and its recording disagree:\n%s", name, d)
		}
		if !s.Result.Simulated || s.Result.CutShort {
			t.Errorf("%s: simulated %v, cut short %v", name, s.Result.Simulated, s.Result.CutShort)
		}
	}
}

// Streams that come and go are seen, and blocks on both sides are used.
func TestMembership(t *testing.T) {
	early := []Change{{Stream: 3, Between: Range{30 * time.Second, 40 * time.Second}}}
	for name, w := range map[string]*World{
		"end":   world(t, "quiet/flat", func(w *World) { w.Endings = early }),
		"start": world(t, "quiet/flat", func(w *World) { w.Starts = early }),
	} {
		o, s := recorded(t, w, 5, scored())
		if !slices.Equal(o.StreamCounts, []int{2, 3}) || len(s.Streams) != 3 {
			t.Errorf("%s: stream counts %v, %d streams seen; want 2 and 3, and 3", name, o.StreamCounts, len(s.Streams))
		}
		if at := s.Result.Streams[2]; (at.EndedSec == nil) == (name == "end") || (at.AppearedSec == nil) == (name == "start") {
			t.Errorf("%s: %+v", name, at)
		}
	}
}

func TestAttributedCountersDecide(t *testing.T) {
	for name, want := range map[string]analysis.Source{"bgheavy/collapse": analysis.Interface, "bgheavy/collapse+attributed": analysis.IO} {
		if o, _ := recorded(t, world(t, name, nil), 1, scored()); o.DecidedBy != want {
			t.Errorf("%s: decided by %s, want %s", name, o.DecidedBy, want)
		}
	}
	if o, _ := recorded(t, world(t, "eight-bimodal/flat+attributed", nil), 1, scored()); o.Estimator != analysis.ShareAdjusted && o.Estimator != analysis.Stratified {
		t.Errorf("the shares were not used: %s", o.Estimator)
	}
}

// pairRates are the rates of every used block, with all streams and with one,
// as rate gives them.
func pairRates(s *analysis.Study, rate func(analysis.Segment) float64) [][2]float64 {
	pairs := map[int]*[2]float64{}
	for _, seg := range s.Segments {
		if seg.Phase != recording.PhaseMain || !seg.Used {
			continue
		}
		if pairs[seg.Block] == nil {
			pairs[seg.Block] = &[2]float64{}
		}
		i := 0
		if len(seg.Active) == 1 {
			i = 1
		}
		pairs[seg.Block][i] = rate(seg)
	}
	var out [][2]float64
	for _, block := range slices.Sorted(maps.Keys(pairs)) {
		out = append(out, *pairs[block])
	}
	return out
}

func onInterface(seg analysis.Segment) float64 { return seg.Rates[analysis.Interface] }

// With a counter that is refreshed once a second, measuring from edge to edge
// takes away most of the noise that plain deltas have.
func TestLazyCounterNoise(t *testing.T) {
	w := world(t, "lazy1/collapse", nil)
	var edge, plain []float64
	for seed := range uint64(250) {
		_, s := recorded(t, w, seed, scored())
		if s.Result.SettleSeconds != 1.5 || math.Abs(s.Result.MeasureSeconds-3) > 0.2 {
			continue // a late sample saw the refresh where it isn't
		}
		for _, p := range pairRates(s, onInterface) {
			edge = append(edge, math.Log(p[0]/p[1]))
		}
		var samples []*recording.Sample
		for sample, err := range s.Samples {
			if err != nil {
				t.Fatal(err)
			}
			samples = append(samples, sample)
		}
		for _, p := range pairRates(s, func(seg analysis.Segment) float64 { return delta(samples, seg.FromNS, seg.ToNS) }) {
			plain = append(plain, math.Log(p[0]/p[1]))
		}
	}
	if len(edge) < 800 {
		t.Fatalf("%d blocks, want at least 800", len(edge))
	}
	within(t, "sd with edges", deviation(edge), 0.16, 0.20)
	within(t, "sd with plain deltas", deviation(plain), 0.25, 0.33)
}

// What a switch leaves behind biases a block's log ratio by known amounts,
// which shrink with the settling.
func TestTransientBias(t *testing.T) {
	w := world(t, "quiet/collapse", func(w *World) { w.Variation.CV = 0 })
	for _, tt := range []struct {
		settle time.Duration
		bias   float64
	}{{1, 0.45}, {time.Second, 0.10}, {1500 * time.Millisecond, 0.06}, {2 * time.Second, 0.04}} {
		p := scored()
		p.Plan.Design, p.Plan.MaxBlocks, p.Plan.SettleNS = recording.Fixed, 6, int64(tt.settle)
		sum, n := 0.0, 0.0
		for seed := range uint64(200) {
			_, s := recorded(t, w, seed, p)
			for _, p := range pairRates(s, onInterface) {
				sum += math.Log(p[0]/p[1]) - math.Log(0.30)
				n++
			}
		}
		within(t, "bias after settling for "+tt.settle.String(), sum/n, tt.bias-0.02, tt.bias+0.02)
	}
}

func delta(samples []*recording.Sample, fromNS, toNS int64) float64 {
	var first, last *recording.Sample
	for _, s := range samples {
		if s.TNS >= fromNS && s.TNS <= toNS {
			if first == nil {
				first = s
			}
			last = s
		}
	}
	return float64(last.Interface.TxBytes-first.Interface.TxBytes) / float64(last.TNS-first.TNS)
}

func deviation(x []float64) float64 {
	var sum, squares float64
	for _, v := range x {
		sum += v
		squares += v * v
	}
	n := float64(len(x))
	return math.Sqrt((squares - sum*sum/n) / (n - 1))
}

// The number of cores changes nothing, the seed does.
func TestScoreDependsOnTheSeedAlone(t *testing.T) {
	w := world(t, "ar/flat", nil)
	scoreOn := func(seed uint64, cores int) Score {
		s, err := scored().Score(t.Context(), w, 40, seed, cores, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	one, many := scoreOn(1, 1), scoreOn(1, 7)
	if d := cmp.Diff(one, many); d != "" {
		t.Error(d)
	}
	if cmp.Equal(one, scoreOn(2, 7)) {
		t.Error("another seed gives the same score")
	}
}

func TestScoreStopsWhenAsked(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := world(t, "quiet/flat", nil)
	played := 0
	_, err := scored().Score(ctx, w, 1000, 1, 1, func() {
		if played++; played == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || played != 3 {
		t.Errorf("error %v after %d runs", err, played)
	}
}

// The levels between: the best of them is found, and a collapsed host is told
// to run one stream.
func TestLevelsBetween(t *testing.T) {
	p := scored()
	p.Plan.Between = true
	for name, best := range map[string]int{"peak2of4": 2, "seed3": 1, "lin4": 4} {
		s := play(t, name, 60, p)
		if s.Levels == nil || s.Levels.Best != best || s.Levels.NearBest < 0.95 || s.Levels.MeanLoss > 0.05 {
			t.Errorf("%s: %+v, want level %d to be found", name, s.Levels, best)
		}
	}
	if s := play(t, "seed3", 5, scored()); s.Levels != nil {
		t.Errorf("levels scored without being measured: %+v", s.Levels)
	}
}

// The other designs end, and the strict one costs more than the default.
func TestDesigns(t *testing.T) {
	usual := play(t, "quiet/flat", 60, scored())
	p := scored()
	p.Plan.Design = recording.OpenEnded
	if s := play(t, "quiet/flat", 60, p); s.MeanPausedSec <= usual.MeanPausedSec || s.Verdicts[analysis.Collapse] > 0 {
		t.Errorf("open-ended: %+v; the default %+v", s, usual)
	}
	p = scored()
	p.Plan.Goal = recording.GoalCollapse
	if s := play(t, "quiet/scale2", 60, p); s.MeanPausedSec > play(t, "quiet/scale2", 60, scored()).MeanPausedSec {
		t.Errorf("the easier question costs more: %+v", s)
	}
}

func BenchmarkPlay(b *testing.B) {
	worlds, err := Builtin("quiet/collapse")
	if err != nil {
		b.Fatal(err)
	}
	seed := uint64(0)
	for b.Loop() {
		if _, err := Play(b.Context(), &worlds[0], scored(), seed, nil); err != nil {
			b.Fatal(err)
		}
		seed++
	}
}
