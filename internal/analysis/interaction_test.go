package analysis

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pausetest/internal/recording"
)

// sharedDisk: streams 1 and 3 have 100 MB/s between them, 2 has as much for itself.
func sharedDisk(active []int) map[int]float64 {
	m := map[int]float64{}
	for _, id := range active {
		m[id] = 100e6
		if id != 2 && slices.Contains(active, 4-id) {
			m[id] = 50e6
		}
	}
	return m
}

// everyTwo plays so many rounds of every two streams and each alone.
func (p *played) everyTwo(rounds int) {
	for range rounds {
		for i, a := range p.live {
			p.pair(recording.PhasePairs, recording.Segment{Active: []int{a}}, recording.Segment{Active: slices.Clone(p.live)})
			for _, b := range p.live[i+1:] {
				p.pair(recording.PhasePairs, recording.Segment{Active: []int{a, b}}, recording.Segment{Active: slices.Clone(p.live)})
			}
		}
	}
}

func TestInteractions(t *testing.T) {
	p := play(t, 3, recording.Plan{PairRounds: 4}, sharedDisk)
	p.noisy(0.02)
	p.run(30)
	p.everyTwo(4)
	p.end()
	r := p.analyze().Result
	if len(r.Interactions) != 3 {
		t.Fatalf("%+v", r.Interactions)
	}
	want := []struct {
		streams []int
		effect  Effect
		ratio   float64
		kept    float64
	}{{[]int{1, 2}, NoHarm, 1, 1}, {[]int{1, 3}, Hurt, 0.5, 0.5}, {[]int{2, 3}, NoHarm, 1, 1}}
	for i, w := range want {
		x := r.Interactions[i]
		if !slices.Equal(x.Streams, w.streams) || x.Effect != w.effect || x.Together != 4 || min(x.Alone[0], x.Alone[1]) < 5 || len(x.Kept) != 2 {
			t.Errorf("%+v, want %+v", x, w)
			continue
		}
		near(t, "ratio", x.Ratio, w.ratio, 0.03)
		for _, k := range x.Kept {
			near(t, "kept", k.Ratio, w.kept, 0.03)
			if !(k.Interval.Low < w.kept && w.kept < k.Interval.High) {
				t.Errorf("%v: kept %+v", x.Streams, k)
			}
		}
		if !(x.Interval.Low < w.ratio && w.ratio < x.Interval.High) {
			t.Errorf("%v: interval %+v", x.Streams, x.Interval)
		}
	}
	for _, part := range []string{`"b" and "d" move 0.5`, "of what they move apart (95 % interval 0.", "; 2 other pairs don't hurt each other"} {
		if !strings.Contains(r.InteractionSentence, part) {
			t.Errorf("%q lacks %q", r.InteractionSentence, part)
		}
	}
}

// The estimate and its error, against a calculator. With rates relative to all of
// 2 and 2.2 alone, 1.6 and 1.4 alone, 1.8 and 1.9 together:
// ln(1.85/(2.1+1.5)) = -0.66575.
func TestOverSum(t *testing.T) {
	of := func(rates ...float64) estimate {
		var obs []observation
		for _, r := range rates {
			obs = append(obs, observation{all: r, one: 1})
		}
		return plain(obs)
	}
	together, a, b := of(1.8, 1.9), of(2, 2.2), of(1.6, 1.4)
	e := overSum(together, a, b)
	near(t, "log ratio", e.logRatio, -0.66575, 1e-5)
	// se of the parts: .05/1.85, .1/2.1, .1/1.5; weights 2.1/3.6 and 1.5/3.6.
	near(t, "se", e.se, math.Sqrt(.0270270*.0270270+.0277778*.0277778+.0277778*.0277778), 1e-6)
	if e.df != 2 { // (Σv)²/Σv² = 2.999
		t.Errorf("df %d", e.df)
	}
	near(t, "kept", over(together, a).logRatio, math.Log(1.85/2.1), 1e-12)
}

func TestInteractionsNeedSegments(t *testing.T) {
	// The ends alone say nothing of two streams among three.
	p := play(t, 3, recording.Plan{}, sharedDisk)
	p.run(30)
	p.end()
	if r := p.analyze().Result; r.Interactions != nil || r.InteractionSentence != "" {
		t.Errorf("%+v %q", r.Interactions, r.InteractionSentence)
	}

	// Some of the levels between do, but not enough.
	p = play(t, 3, recording.Plan{Between: true}, sharedDisk)
	p.run(30)
	p.mainBlock()
	p.mainBlock()
	for range 2 {
		for _, two := range [][]int{{1, 2}, {1, 3}} {
			p.pair(recording.PhaseBetween, recording.Segment{Active: two}, recording.Segment{Active: slices.Clone(p.live)})
		}
	}
	p.end()
	r := p.analyze().Result
	var effects []Effect
	for _, x := range r.Interactions {
		effects = append(effects, x.Effect)
	}
	if d := cmp.Diff([]Effect{Undecided, Undecided, NotMeasured}, effects); d != "" {
		t.Error(d)
	}
	if want := "which streams hurt each other is undecided: 2 segments of two together and 2 of each alone, at most; 4 are needed (run --pairs)"; r.InteractionSentence != want {
		t.Errorf("%q, want %q", r.InteractionSentence, want)
	}
}

// Two streams are a pair in themselves: R/2, from the blocks of the verdict.
func TestInteractionOfTwo(t *testing.T) {
	p := play(t, 2, recording.Plan{}, byLevel(100e6, 100e6))
	p.noisy(0.02)
	p.run(30)
	p.end()
	r := p.analyze().Result
	if len(r.Interactions) != 1 || r.Interactions[0].Effect != Hurt {
		t.Fatalf("%+v", r.Interactions)
	}
	near(t, "ratio", r.Interactions[0].Ratio, r.Ratio/2, 0.03)
}

// Without counters of the streams' own, what else goes through the interface pulls
// the ratio down: only below 0.50 is it said that two hurt each other.
func TestInteractionsWithoutOwnCounters(t *testing.T) {
	measure := func(rates func([]int) map[int]float64) Interaction {
		p := play(t, 3, recording.Plan{UnattributedShare: -1}, rates)
		p.header.Attribution = recording.Attribution{}
		p.otherBytes = 60e6
		p.run(30)
		p.everyTwo(4)
		p.end()
		return p.analyze().Result.Interactions[0]
	}
	if x := measure(byLevel(100e6, 200e6, 300e6)); x.Effect != Undecided || x.Interval.High >= 1 || x.Kept != nil {
		t.Errorf("streams that don't notice each other: %+v", x)
	}
	if x := measure(byLevel(100e6, 40e6, 30e6)); x.Effect != Hurt {
		t.Errorf("streams that collapse: %+v", x)
	}
}

// An own schedule counts if it has a segment with all of them.
func TestInteractionsOfOwnSchedule(t *testing.T) {
	measure := func(sets ...[]int) Result {
		p := play(t, 3, recording.Plan{Design: recording.Fixed, MaxBlocks: 5}, sharedDisk)
		p.start()
		for range 5 {
			p.block++
			for _, active := range sets {
				p.segment(recording.Segment{Phase: recording.PhaseSchedule, Block: p.block, Active: active, SettleNS: 1e9, MeasureNS: 2e9})
			}
		}
		p.end()
		return p.analyze().Result
	}
	if r := measure([]int{1, 2, 3}, []int{1}, []int{3}, []int{1, 3}); len(r.Interactions) != 3 || r.Interactions[1].Effect != Hurt || r.Interactions[0].Effect != NotMeasured {
		t.Errorf("%+v", r.Interactions)
	}
	if r := measure([]int{1}, []int{3}, []int{1, 3}); r.Interactions != nil {
		t.Errorf("%+v", r.Interactions)
	}
}

// A stream that ends leaves the pairs that were measured before.
func TestInteractionsWhenAStreamEnds(t *testing.T) {
	p := play(t, 3, recording.Plan{PairRounds: 4}, sharedDisk)
	p.run(30)
	p.everyTwo(4)
	p.live = []int{1, 3}
	p.event(recording.Event{Kind: recording.StreamEnded, Stream: 2})
	p.everyTwo(1)
	p.end()
	if r := p.analyze().Result; len(r.Interactions) != 3 || r.Interactions[1].Effect != Hurt || r.Interactions[1].Together != 4 {
		t.Errorf("%+v", r.Interactions)
	}
}

// measuredTwos is a judge that has heard rounds of every two streams and each alone,
// each beside one with all of them. rate gives what a stream moves in a segment.
func measuredTwos(streams, rounds int, rate func(id int, active []int) float64) *Judge {
	j := &Judge{rule: newRule(recording.Plan{}), deciding: fromIO}
	var all []int
	for id := 1; id <= streams; id++ {
		all = append(all, id)
	}
	block := 0
	add := func(active []int) {
		s := segment{Segment: Segment{Used: true}, rates: noReadings(), live: streams}
		s.Phase, s.Block, s.Active = recording.PhasePairs, block, active
		s.rates[fromIO] = 0
		for _, id := range active {
			r := rate(id, active)
			s.rates[fromIO] += r
			s.Streams = append(s.Streams, StreamRate{ID: id, BytesPerSecond: r, Source: IO})
		}
		j.segments = append(j.segments, s)
	}
	for range rounds {
		for i, a := range all {
			block++
			add([]int{a})
			add(all)
			for _, b := range all[i+1:] {
				block++
				add([]int{a, b})
				add(all)
			}
		}
	}
	return j
}

// Streams that don't notice each other are seldom said to hurt each other, also when
// some are much noisier than others: at 95 % in at most 2.5 % of runs, any pair.
func TestFalseHurt(t *testing.T) {
	const runs = 600
	rng := rand.New(rand.NewPCG(1, 2))
	for _, streams := range []int{3, 5} {
		for name, spread := range map[string]func(id int) float64{
			"alike":    func(int) float64 { return 0.2 },
			"one wild": func(id int) float64 { return map[bool]float64{true: 0.7, false: 0.05}[id == 1] },
			"rising":   func(id int) float64 { return 0.1 * float64(id) },
		} {
			wrong, outside := 0, 0
			for range runs {
				j := measuredTwos(streams, 6, func(id int, _ []int) float64 {
					s := spread(id)
					return 1e6 * float64(id) * math.Exp(s*rng.NormFloat64()-s*s/2)
				})
				hurt, out := false, false
				for _, x := range j.interactions() {
					hurt = hurt || x.Effect == Hurt
					out = out || x.Interval.Low > 1 || x.Interval.High < 1
				}
				wrong += map[bool]int{true: 1}[hurt]
				outside += map[bool]int{true: 1}[out]
			}
			// Three standard errors of a count beyond nominal.
			if most := 0.025*runs + 3*math.Sqrt(0.025*runs); float64(wrong) > most {
				t.Errorf("%d streams, %s: %d of %d runs said hurt, want at most %.0f", streams, name, wrong, runs, most)
			}
			if most := 0.05*runs + 3*math.Sqrt(0.05*runs); float64(outside) > most {
				t.Errorf("%d streams, %s: %d of %d runs missed the truth, want at most %.0f", streams, name, outside, runs, most)
			}
			t.Logf("%d streams, %s: false hurt %.2f %%, truth missed %.2f %%", streams, name, 100*float64(wrong)/runs, 100*float64(outside)/runs)
		}
	}
}

// What is said of two streams does not depend on the unit of bytes, is always a
// number, and is what the interval says.
func TestInteractionProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		streams, rounds := rapid.IntRange(2, 5).Draw(t, "streams"), rapid.IntRange(1, 5).Draw(t, "rounds")
		rates := rapid.SliceOfN(rapid.Float64Range(0, 1e9), 30, 30).Draw(t, "rates")
		judge := func(unit float64) []Interaction {
			n := 0
			return measuredTwos(streams, rounds, func(id int, active []int) float64 {
				n++
				return unit * rates[(7*id+13*len(active))%len(rates)] * float64(1+n%3)
			}).interactions()
		}
		once, again := judge(1), judge(1024)
		for i := range once {
			x, y := &once[i], &again[i]
			x.round()
			y.round()
			if x.Effect != y.Effect || math.Abs(x.Ratio-y.Ratio) > 1e-6*x.Ratio {
				t.Fatalf("in another unit: %+v and %+v", x, y)
			}
			if math.IsNaN(x.Ratio) || !(x.Interval.Low <= x.Ratio && x.Ratio <= x.Interval.High) {
				t.Fatalf("%+v", x)
			}
			if (x.Effect == Hurt) && x.Interval.High >= 1 || x.Effect == NoHarm && x.Interval.Low < 0.8 {
				t.Fatalf("%+v", x)
			}
		}
	})
}
