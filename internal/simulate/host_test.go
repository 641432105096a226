package simulate

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pausetest/internal/recording"
)

// The checks that the published performance asks of a simulator.

func testHost(t *testing.T, name string, seed uint64, change func(*World)) *host {
	t.Helper()
	worlds, err := Builtin(name)
	if err != nil || len(worlds) != 1 {
		t.Fatalf("world %s: %v, %v", name, worlds, err)
	}
	w := worlds[0]
	if change != nil {
		change(&w)
	}
	return newHost(&w, rand.New(rand.NewPCG(seed, 1)))
}

// moves lets so much time pass and returns what the interface moved, MB/s.
func (h *host) moves(t *testing.T, d time.Duration) float64 {
	t.Helper()
	before, beforeNS := h.counted, h.nowNS
	if err := h.Observe(t.Context(), h.nowNS+int64(d), func(recording.Record) bool { return true }); err != nil {
		t.Fatal(err)
	}
	return (h.counted - before) / 1e6 / (float64(h.nowNS-beforeNS) / 1e9)
}

// only pauses every stream but those named.
func (h *host) only(ids ...int) {
	for i := range h.streams {
		h.streams[i].stopped = len(ids) > 0
	}
	for _, id := range ids {
		h.streams[id-1].stopped = false
	}
}

func within(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	if !(got >= low && got <= high) {
		t.Errorf("%s: %.4f, want %.4f to %.4f", what, got, low, high)
	}
}

const long = 40_000 * time.Second

// Without switching the throughput is that of the law, within 1 %.
func TestSteadyThroughput(t *testing.T) {
	for _, name := range []string{"quiet/collapse", "quiet/scale2"} {
		h := testHost(t, name, 1, func(w *World) { w.Background.SteadyMBps = 0 })
		want := 100 * h.world.Relative[2]
		within(t, name+" all", h.moves(t, long), 0.99*want, 1.01*want)
		h.only(2)
		h.moves(t, time.Minute)
		within(t, name+" one", h.moves(t, long), 99, 101)
	}
}

// Means of 1.5 s of one stream vary and remember as the world says.
func TestSpeedVariation(t *testing.T) {
	h := testHost(t, "ar/flat", 2, nil)
	var x []float64
	before := 0.0
	for range 150_000 {
		h.moves(t, 1500*time.Millisecond)
		x = append(x, h.streams[0].bytes-before)
		before = h.streams[0].bytes
	}
	mean := 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	correlation := func(lag int) float64 {
		sum := 0.0
		for i := lag; i < len(x); i++ {
			sum += (x[i] - mean) * (x[i-lag] - mean)
		}
		return sum / float64(len(x)-lag)
	}
	within(t, "CV", math.Sqrt(correlation(0))/mean, 0.48, 0.50)
	// 10 s lie between lags of 9 and of 10.5 s.
	at10 := (correlation(6) + 2*correlation(7)) / 3 / correlation(0)
	within(t, "correlation over 10 s", at10, 0.30, 0.40)
}

func TestBackgroundBursts(t *testing.T) {
	h := testHost(t, "bgburst/flat", 3, nil)
	rng := rand.New(rand.NewPCG(3, 3))
	on, switches, was := 0.0, 0.0, 0.0
	const steps = 4_000_000
	for range steps {
		r := h.background.next(h.stepNS, rng)
		if r != was {
			switches++
		}
		if was = r; r == 62 {
			on++
		} else if r != 2 {
			t.Fatalf("a rate of %g", r)
		}
	}
	within(t, "share of time in bursts", on/steps, 0.24, 0.26)
	within(t, "seconds from burst to burst", steps*0.05/(switches/2), 19, 21)
}

// A random glance meets the two regimes equally often, and leaves as long ahead
// as the theory of renewals says: the integral of the survivor function.
func TestRegimes(t *testing.T) {
	r := Regime{Factor: 0.25, Shape: 1.5, Shortest: 2 * time.Second, Longest: 120 * time.Second}
	rng := rand.New(rand.NewPCG(4, 4))
	const n = 200_000
	reduced, left := 0.0, 0.0
	for range n {
		s := newRegime(r, rng)
		if s.reduced {
			reduced++
		}
		left += float64(s.leftNS) / 1e9 / n
	}
	within(t, "reduced", reduced/n, 0.49, 0.51)
	// E(D²)/2E(D), with E(D) = 5.483 and E(D²) = 4 + 2·2^1.5·2·(√120 − √2).
	want := (4 + 4*math.Pow(2, 1.5)*(math.Sqrt(120)-math.Sqrt2)) / 2 / 5.4836
	within(t, "seconds left", left, 0.98*want, 1.02*want)
	s := newRegime(r, rng)
	slow := 0.0
	const steps = 2_000_000
	for range steps {
		if s.next(50e6, rng) == 0.25 {
			slow++
		}
	}
	within(t, "share of time reduced", slow/steps, 0.45, 0.55)
}

func TestDriftAndOvershoot(t *testing.T) {
	still := func(w *World) { w.Variation.CV = 0; w.Background.SteadyMBps = 0 }
	h := testHost(t, "drift/flat", 5, still)
	first := h.moves(t, time.Second)
	h.moves(t, 239*time.Second)
	within(t, "growth in 240 s", h.moves(t, time.Second)/first, 0.999*math.Exp(1.1), 1.001*math.Exp(1.1))

	h = testHost(t, "over/flat", 5, still)
	h.moves(t, 10*time.Second)
	calm := h.streams[0].rate
	h.only(1)
	h.moves(t, h.world.Step)
	within(t, "overshoot at once", h.streams[0].rate/calm, 1.49, 1.51)
	h.moves(t, time.Second-h.world.Step)
	h.moves(t, h.world.Step)
	within(t, "overshoot after 1 s", h.streams[0].rate/calm, 1+0.49/math.E, 1+0.51/math.E)
}

// Drain and ramp take their time constants; a stream that ended moves nothing.
func TestDrainAndRamp(t *testing.T) {
	h := testHost(t, "quiet/flat", 6, func(w *World) {
		w.Switching.Drain = Range{time.Second, time.Second}
		w.Switching.Ramp = Range{500 * time.Millisecond, 500 * time.Millisecond}
	})
	h.only(1)
	h.moves(t, time.Second)
	within(t, "activity 1 s after the stop", h.streams[1].activity, 0.36, 0.375)
	h.moves(t, time.Minute)
	h.only()
	h.moves(t, 500*time.Millisecond)
	within(t, "activity 0.5 s after the continue", h.streams[1].activity, 0.625, 0.64)
	h.streams[1].alive = false
	h.moves(t, h.world.Step)
	within(t, "activity of a dead stream", h.streams[1].activity, 0, 0)
}

func TestContentionBetweenLevels(t *testing.T) {
	c := newContention([]float64{1, 1.6, 2})
	for _, tt := range []struct{ active, want float64 }{
		{0, 1}, {0.5, 1}, {1, 1}, {1.5, math.Sqrt(0.8)}, {2, 0.8}, {2.5, math.Sqrt(0.8 * 2 / 3)}, {3, 2.0 / 3}, {3.5, 2.0 / 3},
	} {
		within(t, "efficiency", c.at(tt.active), tt.want-1e-12, tt.want+1e-12)
	}
}

// The capacity cuts streams alike and never the background.
func TestCapacity(t *testing.T) {
	h := testHost(t, "linkflat3", 7, func(w *World) { w.Variation.CV = 0; w.Background.SteadyMBps = 18 })
	within(t, "all", h.moves(t, time.Minute), 117.999, 118.001)
	within(t, "one stream's part", h.streams[0].bytes/60e6, 33.33, 33.34)
}

// The visible counter: multiples of the quantum, refreshed seldom, never early.
func TestCounterAndSamples(t *testing.T) {
	h := testHost(t, "lazy1/flat", 8, nil)
	var last recording.Sample
	var lastBytes uint64
	var changed []int64
	late, n := 0.0, 0.0
	err := h.Observe(t.Context(), int64(1000*time.Second), func(r recording.Record) bool {
		bytes := r.Sample.Interface.TxBytes
		if bytes%1500 != 0 || bytes < lastBytes || float64(bytes) > h.counted {
			t.Fatalf("counter %d after %d; %g were moved", bytes, lastBytes, h.counted)
		}
		if bytes != lastBytes {
			changed = append(changed, r.Sample.TNS)
		}
		if r.Sample.TNS <= last.TNS || r.Sample.TNS%50e6 != 0 {
			t.Fatalf("a sample at %d after one at %d", r.Sample.TNS, last.TNS)
		}
		if r.Sample.TNS%250e6 != 0 {
			late++
		}
		n++
		last, lastBytes = *r.Sample, bytes
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "samples", n, 3999, 4000)
	within(t, "late samples", late/n, 0.035, 0.065)
	within(t, "refreshes", float64(len(changed)), 998, 1001)
}

func TestTruth(t *testing.T) {
	for name, want := range map[string]float64{"quiet/collapse": 0.30, "hetero/flat": 1, "ar/r60": 0.60, "regime/b80": 0.80} {
		if got := testHost(t, name, 1, nil).world.Truth()[2]; got != want {
			t.Errorf("%s: %v, want %v to the last digit", name, got, want)
		}
	}
	for name, want := range map[string]float64{"linear4": 3.80, "linkflat3": 1.02, "linkcap3": 1.955, "usl8": 1.151} {
		truth := testHost(t, name, 1, nil).world.Truth()
		within(t, name, truth[len(truth)-1], want-0.01, want+0.01)
	}
	h := testHost(t, "linear4", 1, func(w *World) { w.TrueRatio = 2 })
	within(t, "given", h.world.Truth()[3], 2, 2)
}
