package analysis

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pausetest/internal/recording"
)

func TestUnsettled(t *testing.T) {
	half := func(one2, all2 float64, followed bool) halving {
		return halving{known: true, one1: 100, one2: one2, all1: 100, all2: all2, allFollowed: followed}
	}
	tests := []struct {
		name string
		of   []halving
		want bool
	}{
		{"steady", []halving{half(100, 100, true), half(101, 99, false), half(99, 101, true), half(100, 100, false)}, false},
		{"falling alone", []halving{half(80, 100, true), half(81, 100, false), half(79, 100, true), half(80, 100, false)}, true},
		{"rising together, after a pulse", []halving{half(100, 130, true), half(100, 129, true), half(100, 131, true)}, true},
		{"rising together, not after a pulse", []halving{half(100, 130, false), half(100, 129, false), half(100, 131, false)}, false},
		{"surely, but little", []halving{half(95, 100, true), half(95, 100, true), half(95, 100, true)}, false},
		{"much, but not surely", []halving{half(40, 100, false), half(150, 100, false), half(50, 100, false)}, false},
		{"unknown", []halving{{}, {}, {}, half(10, 100, false)}, false},
		{"nothing moves", []halving{{known: true}, {known: true}, {known: true}}, false},
	}
	for _, tt := range tests {
		if got := unsettled(tt.of); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// By hand, n=8 of 24, df 7: se' = 0.1·sqrt(1/3) = 0.0577, critical t at level
// 0.00567 and df 23 is 2.752 (as in the method's list), luck 1.6·sqrt(2) = 2.263:
// a boundary nearer than 0.489·0.0577 = 0.0282 is out of reach.
func TestFutility(t *testing.T) {
	r := newRule(recording.Plan{})
	at := func(distance float64) estimate {
		return estimate{n: 8, df: 7, se: 0.1, logRatio: math.Log(collapseBelow) + distance}
	}
	if !r.futile(at(0.0275), false) || r.futile(at(0.029), false) || r.futile(at(-0.029), false) {
		t.Error("the boundary of futility is not at a distance of 0.0282")
	}
	if nearUpper := (estimate{n: 8, df: 7, se: 0.1, logRatio: math.Log(scalingAbove) + 0.01}); !r.futile(nearUpper, true) || r.futile(nearUpper, false) {
		t.Error("near 1.25 only those go on who may still rule out collapse")
	}
}

func TestMeasuredBackground(t *testing.T) {
	b, ok := measuredBackground([]float64{100, 100, 100}, []float64{90, 90, 90}, 0.025)
	if !ok || !b.known {
		t.Fatalf("got %+v, %v", b, ok)
	}
	near(t, "steady share", b.share, 0.1, 1e-9)
	bursts, _ := measuredBackground([]float64{100, 150, 100, 300}, []float64{90, 90, 90, 90}, 0.025)
	if bursts.share < 1-360./650 {
		t.Errorf("share %g lies below the mean", bursts.share)
	}
	for name, rates := range map[string][2][]float64{"one": {{1}, {1}}, "none": {}, "idle": {{0, 0}, {0, 0}}} {
		if b, ok := measuredBackground(rates[0], rates[1], 0.025); ok {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

// The bounds of section 7 of the method, at their edges.
func TestBackgroundKeeps(t *testing.T) {
	i := Interval{0.90, 1.15}
	for share, want := range map[float64]Verdict{0: Saturated, 0.39: Saturated, 0.41: NoCollapse, 0.49: NoCollapse, 0.51: Inconclusive} {
		if got := (background{share: share}).judge(Saturated, i); got != want {
			t.Errorf("share %g: %s, want %s", share, got, want)
		}
	}
	if got := (background{share: 1}).judge(Collapse, Interval{0.1, 0.5}); got != Collapse {
		t.Errorf("collapse became %s", got)
	}
}

func TestUSL(t *testing.T) {
	law := USL{Lambda: 60e6, Sigma: 0.05, Kappa: 0.1}
	var levels []Level
	for k := 1; k <= 8; k++ {
		levels = append(levels, Level{Active: k, LevelRate: LevelRate{BytesPerSecond: law.At(float64(k))}})
	}
	got, ok := FitUSL(levels)
	if !ok || got.Levels != 8 {
		t.Fatalf("got %+v, %v", got, ok)
	}
	near(t, "λ", got.Lambda, law.Lambda, 1)
	near(t, "σ", got.Sigma, law.Sigma, 1e-6)
	near(t, "κ", got.Kappa, law.Kappa, 1e-6)
	near(t, "peak", got.Peak(8), math.Sqrt(0.95/0.1), 1e-4)
	for i := range levels { // better than linear: both coefficients end at 0
		levels[i].BytesPerSecond = 1e6 * math.Pow(float64(i+1), 1.2)
	}
	if got, ok = FitUSL(levels); !ok || got.Sigma != 0 || got.Kappa != 0 || got.Peak(8) != 8 {
		t.Errorf("superlinear: %+v, %v", got, ok)
	}
	if got, ok = FitUSL(levels[:2]); ok {
		t.Errorf("two levels: %+v", got)
	}
	near(t, "peak of contention alone", USL{Sigma: 1.2, Kappa: 0.1}.Peak(4), 1, 0)
}

// Rates of an AR(1) process with coefficient ρ: lag-1 correlation ρ, and
// n(1−ρ)/(1+ρ) effective samples.
func TestDependence(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, rho := range []float64{0, 0.6} {
		j := &Judge{}
		const segments, samples = 60, 100
		for range segments {
			s := segment{Segment: Segment{Used: true}, rateFrom: len(j.window.sampleRates)}
			s.Phase, s.Active = recording.PhaseMain, []int{1}
			x := random.NormFloat64()
			for range samples {
				x = rho*x + math.Sqrt(1-rho*rho)*random.NormFloat64()
				j.window.sampleRates = append(j.window.sampleRates, 100+x)
			}
			s.rateTo, s.sampleRates = len(j.window.sampleRates), samples
			j.segments = append(j.segments, s)
		}
		d, ok := dependenceOf(j)
		if !ok {
			t.Fatal("none")
		}
		near(t, "lag-1 correlation", d.lag1, rho, 0.04)
		want := segments * samples * (1 - rho) / (1 + rho)
		near(t, "effective samples", d.effective/want, 1, 0.15)
	}
	if d, ok := dependenceOf(&Judge{}); ok {
		t.Errorf("of nothing: %+v", d)
	}
}

func TestTiming(t *testing.T) {
	tests := []struct {
		name            string
		streams         int
		plan            recording.Plan
		maxPauseNS      int64
		lazyNS          int64
		settle, measure float64
	}{
		{"three streams", 3, recording.Plan{}, 10e9, 0, 1.5, 1.5},
		{"eight", 8, recording.Plan{}, 10e9, 0, 2, 1.5},
		{"nine", 9, recording.Plan{}, 10e9, 0, 2.5, 1.5},
		{"a counter of two seconds", 3, recording.Plan{}, 10e9, 2e9, 1.5, 6},
		{"the same, short pauses only", 3, recording.Plan{}, 5e9, 2e9, 1.5, 3},
		{"as the operator says", 3, recording.Plan{SettleNS: 3e9, MeasureNS: 4e9}, 10e9, 2e9, 3, 4},
	}
	for _, tt := range tests {
		p := play(t, tt.streams, tt.plan, total(func(int) float64 { return 1e8 }))
		p.header.Limits.MaxPauseNS = tt.maxPauseNS
		p.header.Attribution = recording.Attribution{}
		p.lazyNS = tt.lazyNS
		p.judge = NewJudge(p.header)
		for p.nowNS < 15e9 {
			p.nowNS += p.sampleNS
			p.total += 1e6
			p.sample()
		}
		s, m := p.judge.Plan(tt.streams)
		if seconds(s) != tt.settle || seconds(m) != tt.measure {
			t.Errorf("%s: settle %g s, measure %g s", tt.name, seconds(s), seconds(m))
		}
	}
}

func TestLevels(t *testing.T) {
	p := play(t, 2, recording.Plan{}, func(active []int) map[int]float64 {
		if len(active) == 2 {
			return map[int]float64{1: 30e6, 2: 10e6}
		}
		return map[int]float64{active[0]: []float64{80e6, 20e6}[active[0]-1]}
	})
	p.run(30)
	p.end()
	r := p.analyze().Result
	if len(r.Levels) != 2 || r.Levels[0].Segments != r.Blocks || r.Levels[1].Segments != r.Blocks {
		t.Fatalf("got %+v after %d blocks", r.Levels, r.Blocks)
	}
	near(t, "one stream", r.Levels[0].BytesPerSecond, 50e6, 1)
	near(t, "two streams", r.Levels[1].BytesPerSecond, 40e6, 1)
	near(t, "first alone", r.Streams[0].Alone.BytesPerSecond, 80e6, 1)
	near(t, "second together", r.Streams[1].Together.BytesPerSecond, 10e6, 1)
}

// Level 1 weighs streams, not segments: a stream that ran alone more often
// counts no more.
func TestLoneLevel(t *testing.T) {
	j := &Judge{rule: newRule(recording.Plan{})}
	got := j.loneLevel([]loneRate{{1, 90}, {1, 100}, {1, 110}, {2, 40}, {2, 60}})
	near(t, "mean", got.BytesPerSecond, 75, 1e-9)
	// Within leads: s² = (200 + 200)/3, se² = s²/4·(1/3 + 1/2), t(3) = 3.18245.
	near(t, "half width", got.High-75, 3.18245*math.Sqrt(400./3/4*(1./3+1./2)), 1e-3)
	single := j.loneLevel([]loneRate{{1, 90}})
	if single.Low != 90 || single.High != 90 {
		t.Errorf("a single segment: %+v", single)
	}
}

func TestSharedProcess(t *testing.T) {
	h := recording.Header{Shared: []recording.SharedProcess{
		{Process: recording.Process{PID: 9}, Streams: []int{1}},
		{Process: recording.Process{PID: 10, Name: "gzip"}, Streams: []int{2, 1}},
		{Process: recording.Process{PID: 11, Name: "amandad"}, Streams: []int{3, 1, 2}},
	}}
	if got := NewJudge(h).Result().SharedProcess; got == nil || got.Name != "amandad" || got.Streams[0] != 1 {
		t.Errorf("got %+v", got)
	}
	h.Shared = h.Shared[:1]
	if got := NewJudge(h).Result().SharedProcess; got != nil {
		t.Errorf("a process of one stream is not shared: %+v", got)
	}
}

func TestGuardLost(t *testing.T) {
	var l ledger
	for _, e := range []recording.Event{
		{TNS: 1e9, Kind: recording.Pausing, Stream: 1},
		{TNS: 2e9, Kind: recording.Pausing, Stream: 2},
		{TNS: 4e9, Kind: recording.GuardLost},
		{TNS: 6e9, Kind: recording.Resumed, Stream: 1},
	} {
		l.hear(&e)
	}
	totalNS, longestNS := l.withheld(9e9)
	if totalNS != 5e9 || longestNS != 3e9 || l.account(2).owed {
		t.Errorf("total %d, longest %d, owed %v", totalNS, longestNS, l.account(2).owed)
	}
}

// The interface carries what the sockets don't: the reader is told.
func TestDisagreement(t *testing.T) {
	p := play(t, 3, recording.Plan{}, byLevel(20e6, 9e6, 6e6))
	p.otherBytes = 100e6
	p.run(30)
	p.end()
	r := p.analyze().Result
	w := strings.Join(r.Warnings, "\n")
	if r.Verdict != Collapse || !strings.Contains(w, "don't count the same bytes") || !strings.Contains(w, "83 %") {
		t.Errorf("%s, warnings:\n%s", r.Verdict, w)
	}
	if len(r.Sources) != 3 || r.Sources[2].Source != Interface || r.Sources[2].Ratio < 0.8 {
		t.Errorf("sources %+v", r.Sources)
	}
}

// A stream that waits for something else moves nothing alone: it is named.
func TestIdleStream(t *testing.T) {
	p := play(t, 2, recording.Plan{}, func(active []int) map[int]float64 {
		m := map[int]float64{}
		for _, id := range active {
			if id == 1 || len(active) > 1 {
				m[id] = 50e6
			}
		}
		return m
	})
	p.run(30)
	p.end()
	if w := strings.Join(p.analyze().Result.Warnings, "\n"); !strings.Contains(w, `"c" moved nothing when alone`) {
		t.Errorf("warnings:\n%s", w)
	}
}

func TestDeadCounterStops(t *testing.T) {
	p := play(t, 3, recording.Plan{}, byLevel(100e6, 45e6, 30e6))
	p.start()
	p.header.Attribution.Sockets = false // unreadable from here on
	for range mostValueless {
		if action, _ := p.judge.Advise(); action != GoOn {
			t.Fatal("stopped too early")
		}
		p.mainBlock()
	}
	if action, reason := p.judge.Advise(); action != Stop || !strings.Contains(reason, "no value") {
		t.Errorf("advice %v: %s", action, reason)
	}
}
