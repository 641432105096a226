package analysis

import (
	"slices"
	"testing"
)

func counterPoints(values ...uint64) []point {
	var points []point
	for i, v := range values {
		points = append(points, point{int64(i) * 250e6, v})
	}
	return points
}

// seriesOf has seen points in a window, and before it the others.
func seriesOf(before []point, within ...point) *series {
	s := &series{}
	for _, p := range before {
		s.before, s.hasBefore = p, true
	}
	for _, p := range within {
		s.add(p)
	}
	return s
}

func TestEdgeAlignment(t *testing.T) {
	points := counterPoints(100, 100, 190, 190, 190, 190, 292, 292, 292, 292, 390, 390, 390)
	s := seriesOf(points[:1], points[1:]...)
	lazy, _ := s.rate(true, 0)
	near(t, "edge-aligned", lazy, 100, 1e-9)
	prompt, _ := s.rate(false, 0)
	near(t, "plain", prompt, 105.4545, 1e-3)
}

// On a counter that changes with every sample, edges are the plain delta.
func TestEdgesOfPromptCounter(t *testing.T) {
	points := counterPoints(5, 10, 30, 31, 80)
	s := seriesOf(points[:1], points[1:]...)
	lazy, ok1 := s.rate(true, 0)
	prompt, ok2 := s.rate(false, 0)
	if !ok1 || !ok2 || lazy != prompt {
		t.Errorf("edge-aligned %g, plain %g", lazy, prompt)
	}
}

// A point in the middle ends the first half and begins the second.
func TestHalves(t *testing.T) {
	var s series
	s.restart(500e6)
	var rates []float64
	for _, p := range counterPoints(0, 10, 20, 50, 80) {
		if r, ok := s.add(p); ok {
			rates = append(rates, r)
		}
	}
	first, second, ok := s.halfRates(0)
	if !ok || first != 40 || second != 120 || !slices.Equal(rates, []float64{40, 40, 120, 120}) {
		t.Errorf("halves %g and %g, %v; from point to point %v", first, second, ok, rates)
	}
	if _, _, ok := s.halfRates(2e9); ok {
		t.Error("half a second is not half of two")
	}
	s.restart(0)
	if s.before.bytes != 80 || !s.hasBefore || s.all.points != 0 {
		t.Errorf("after the window: %+v", s)
	}
}

func TestNoRate(t *testing.T) {
	for name, values := range map[string][]uint64{
		"no point": {}, "one point": {1}, "backwards": {1, 5, 3, 9}, "reset": {100, 0, 5},
	} {
		s := seriesOf(nil, counterPoints(values...)...)
		for _, lazy := range []bool{false, true} {
			if r, ok := s.rate(lazy, 0); ok {
				t.Errorf("%s, lazy %v: got %g", name, lazy, r)
			}
		}
	}
	s := seriesOf(nil, counterPoints(1, 2)...)
	if r, ok := s.rate(false, 1e9); ok {
		t.Errorf("points that span a quarter of the window: got %g", r)
	}
}

// A lazy counter with fewer than two edges falls back to the plain delta.
func TestFewEdges(t *testing.T) {
	for _, values := range [][]uint64{{7, 7, 7}, {7, 7, 9}} {
		s := seriesOf(nil, counterPoints(values...)...)
		r, ok := s.rate(true, 0)
		want, _ := s.rate(false, 0)
		if !ok || r != want {
			t.Errorf("%v: got %g, %v, want %g", values, r, ok, want)
		}
	}
}

func TestRefresh(t *testing.T) {
	tests := []struct {
		name      string
		everyNS   int64
		sampledNS int64
		period    int64
		lazy      bool
	}{
		{"prompt", 1, 100e6, 100e6, false},
		{"once a second", 1e9, 100e6, 1e9, true},
		{"once in two", 2e9, 250e6, 2e9, true},
		{"slow sampler", 1, 300e6, 300e6, false}, // nominal 100 ms, read every 300 ms
	}
	for _, tt := range tests {
		var r refresh
		for ns := int64(0); ns <= 9e9; ns += tt.sampledNS {
			r.hear(point{ns, uint64(1 + ns/tt.everyNS)})
		}
		if r.periodNS() != tt.period || r.lazy(min(tt.sampledNS, 100e6)) != tt.lazy {
			t.Errorf("%s: period %d, lazy %v", tt.name, r.periodNS(), r.lazy(100e6))
		}
	}
	var idle refresh
	for ns := range int64(50) {
		idle.hear(point{ns * 100e6, 42})
	}
	if idle.periodNS() != 0 || idle.grew() || idle.lazy(100e6) {
		t.Errorf("idle counter: %+v", idle)
	}
}
