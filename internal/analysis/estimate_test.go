package analysis

import (
	"math"
	"testing"

	"pausetest/internal/recording"
)

// The check vectors of the method: lead, rate alone, rate together.
var (
	v1 = []observation{{lead: 0, one: 118, all: 30}, {lead: 1, one: 92, all: 33}, {lead: 2, one: 61, all: 27}, {lead: 1, one: 104, all: 31}}
	v2 = append(v1[:4:4], observation{lead: 2, one: 55, all: 29}, observation{lead: 0, one: 125, all: 34})
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s = %.6g, want %.6g", what, got, want)
	}
}

func TestEstimators(t *testing.T) {
	shares := []float64{1.83, .17, 1.85, .16, 1.84, 1.82}
	one := []float64{108, 12, 115, 9, 111, 104}
	all := []float64{60, 58, 63, 61, 57, 62}
	var shared []observation
	for i := range shares {
		shared = append(shared, observation{lead: i + 1, share: shares[i], one: one[i], all: all[i]})
	}
	eight := []int{1, 2, 3, 4, 5, 6, 7, 8}
	tests := []struct {
		name   string
		blocks []observation
		live   []int
		kind   Estimator
		log    float64
		se     float64
		df     int
	}{
		{"V1", v1, []int{0, 1, 2}, Plain, -1.13114, 0.11140, 3},
		{"V2", v2, []int{0, 1, 2}, Stratified, -1.10403, 0.04011, 3},
		{"V2, streams changed", v2, nil, Plain, -1.10403, 0.10629, 5},
		{"share-adjusted", shared, eight, ShareAdjusted, 0.00022, 0.03212, 4},
		{"shares of four streams", shared, []int{1, 2, 3, 4}, Plain, -0.24017, 0.27058, 5},
		{"equal blocks", []observation{{all: 2, one: 1}, {all: 2, one: 1}}, nil, Plain, math.Ln2, smallestError, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, ok := estimateRatio(tt.blocks, tt.live)
			if !ok || e.kind != tt.kind || e.df != tt.df {
				t.Fatalf("got %+v, %v; want %s with df %d", e, ok, tt.kind, tt.df)
			}
			near(t, "log ratio", e.logRatio, tt.log, 0.6e-5)
			near(t, "se", e.se, tt.se, 0.6e-5)
		})
	}
}

func TestNoEstimate(t *testing.T) {
	for name, blocks := range map[string][]observation{
		"no blocks":     nil,
		"one block":     {{all: 1, one: 2}},
		"nothing moved": {{}, {}, {}},
	} {
		if e, ok := estimateRatio(blocks, nil); ok {
			t.Errorf("%s: got %+v", name, e)
		}
	}
}

// A stream that moves nothing alone leaves the estimate finite.
func TestFloor(t *testing.T) {
	e, ok := estimateRatio([]observation{{all: 100, one: 0}, {all: 90, one: 0}, {all: 100, one: 0}}, nil)
	if !ok || math.IsInf(e.logRatio, 0) || math.IsNaN(e.se) {
		t.Fatalf("got %+v, %v", e, ok)
	}
	near(t, "ratio", math.Exp(e.logRatio), 290./3/0.5, 1e-9)
}

func TestShareAdjustmentFallsBack(t *testing.T) {
	five := []int{1, 2, 3, 4, 5}
	blocks := func(share func(i int) float64) []observation {
		var obs []observation
		for i := range 6 {
			obs = append(obs, observation{lead: 1 + i%5, share: share(i), all: 10 + float64(i), one: 20 - float64(i)})
		}
		return obs
	}
	for name, share := range map[string]func(int) float64{
		"equal shares":    func(int) float64 { return 1 },
		"unknown shares":  func(int) float64 { return math.NaN() },
		"one unknown":     func(i int) float64 { return []float64{.2, .4, 1, 2, 3, math.NaN()}[i] },
		"extrapolates":    func(i int) float64 { return 3 + 0.1*float64(i) },
		"too small to go": func(i int) float64 { return 1 + 0.01*float64(i%2) },
	} {
		if e, ok := estimateRatio(blocks(share), five); !ok || e.kind != Plain {
			t.Errorf("%s: got %s", name, e.kind)
		}
	}
}

func TestRepeatedInterval(t *testing.T) {
	r := newRule(recording.Plan{Design: recording.Sequential, Confidence: 0.95, MaxBlocks: 24})
	tests := []struct {
		blocks    []observation
		low, high float64
	}{{v1, 0.138, 0.757}, {v2, 0.249, 0.441}}
	for _, tt := range tests {
		e, _ := estimateRatio(tt.blocks, []int{0, 1, 2})
		i := r.interval(e)
		near(t, "low", i.Low, tt.low, 0.6e-3)
		near(t, "high", i.High, tt.high, 0.6e-3)
		if v := classify(i); v != Collapse {
			t.Errorf("verdict %s, want collapse", v)
		}
	}
}
