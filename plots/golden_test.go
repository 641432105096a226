package plots

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pausetest/internal/analysis"
)

// A golden is a figure that is kept as a picture.
type golden struct {
	name string
	figure
}

var (
	collapse2    = world{streams: 2, ratio: 0.6, verdict: analysis.Collapse, seed: 1, rounds: 12}
	collapse3    = world{streams: 3, ratio: 0.31, verdict: analysis.Collapse, seed: 2, rounds: 6, between: true, linkBit: 1e9}
	saturated3   = world{streams: 3, ratio: 1.0, verdict: analysis.Saturated, seed: 3, rounds: 12, alone: 48e6, linkBit: 4e8}
	scaling8     = world{streams: 8, ratio: 3.1, verdict: analysis.Scaling, seed: 4, rounds: 8, between: true, linkBit: 1e9}
	noCollapse16 = world{streams: 16, ratio: 1.1, verdict: analysis.NoCollapse, seed: 5, rounds: 16, between: true,
		label: "fileserver-%d.building-seven.example.org:/export/home/a-very-long-path/of-users level 1"}
	events16 = world{streams: 16, ratio: 0.5, verdict: analysis.Collapse, seed: 6, rounds: 8, events: true,
		label: "fileserver-%d.building-seven.example.org:/export/home/a-very-long-path/of-users level 1"}
	undecided3 = world{streams: 3, ratio: 0.9, verdict: analysis.Inconclusive, seed: 8, rounds: 4}
	hostile3   = world{streams: 3, ratio: 0.4, verdict: analysis.Collapse, seed: 9, rounds: 4,
		label: "a\n\x1b[31mred\xff\x00 Ωμέγα пример 日本 \u202etxt) %d"}

	// With a limit at each level: at its place, and where there is none for all.
	limited2 = world{streams: 2, ratio: 0.6, verdict: analysis.Collapse, seed: 30, rounds: 8, shared: "amandad",
		limits: []string{"disk nvme0n1", "disk nvme0n1, shared"}}
	limited3 = world{streams: 3, ratio: 0.44, verdict: analysis.Collapse, seed: 31, rounds: 4, between: true, alone: 10.9e6, shared: "demo-relay",
		limits: []string{"the receivers", "demo-relay, a single blocking writer"}}
	limited8 = world{streams: 8, ratio: 1.6, verdict: analysis.Scaling, seed: 32, rounds: 6, between: true, levels: []int{2, 4}, linkBit: 4e8,
		limits: []string{"disk sda", "disk sda, shared", "not decided", "the network"}}
	limited16 = world{streams: 16, ratio: 0.7, verdict: analysis.Collapse, seed: 33, rounds: 8, between: true, levels: []int{2, 4, 8}, shared: "amandad",
		limits: []string{"the receivers", "the network", "CPU time of amandad", "amandad, a single blocking writer"}}
	limitedHostile = world{streams: 16, ratio: 0.5, verdict: analysis.Collapse, seed: 34, rounds: 4, between: true, shared: hostileName,
		limits: []string{"CPU time of " + hostileName, "not decided", hostileName + ", a single blocking writer", "not decided", "the receivers", "not decided",
			hostileName + ", a single blocking writer", "CPU time of " + hostileName, "CPU time of another-program", "disk " + hostileName + ", shared"}}
)

const hostileName = "a\n\x1b[31m\xff\u202e Ω日)"

var goldens = sync.OnceValue(func() []golden {
	studies, series := manyRuns(24)
	return []golden{
		{"curve-2-collapse", curveOf(collapse2.study())},
		{"curve-3-collapse", curveOf(collapse3.study())},
		{"curve-3-saturated", curveOf(saturated3.study())},
		{"curve-8-scaling", curveOf(scaling8.study())},
		{"curve-16-no-collapse", curveOf(noCollapse16.study())},
		{"curve-3-inconclusive", curveOf(undecided3.study())},
		{"curve-empty", curveOf(emptyStudy())},
		{"curve-2-limits", curveOf(limited2.study())},
		{"curve-3-limits", curveOf(limited3.study())},
		{"curve-8-limits", curveOf(limited8.study())},
		{"curve-16-limits", curveOf(limited16.study())},
		{"curve-16-limits-hostile", curveOf(limitedHostile.study())},
		{"timeline-2-collapse", timelineOf(collapse2.study())},
		{"timeline-3-collapse", timelineOf(collapse3.study())},
		{"timeline-8-scaling", timelineOf(scaling8.study())},
		{"timeline-16-events", timelineOf(events16.study())},
		{"timeline-3-hostile", timelineOf(hostile3.study())},
		{"timeline-3-limits", timelineOf(limited3.study())},
		{"streams-3-collapse", streamsOf(collapse3.study())},
		{"streams-16-no-collapse", streamsOf(noCollapse16.study())},
		{"trend", trendOf(studies, series)},
		{"trend-3-series", trendOf(threeSeries())},
		{"compare-2", comparisonOf(twoConditions())},
		{"compare-4", comparisonOf(fourConditions())},
		{"pairs-2", pairsOf(collapse2.interacting())},
		{"pairs-3", pairsOf(collapse3.interacting())},
		{"pairs-8", pairsOf(scaling8.interacting())},
		{"pairs-16", pairsOf(noCollapse16.interacting())},
		{"pairs-empty", pairsOf(emptyStudy())},
	}
})

func emptyStudy() *analysis.Study {
	return &analysis.Study{Result: analysis.Result{
		Verdict: analysis.Inconclusive, Stopped: "fewer than two streams were left",
		Needed: "at least two streams that run for a minute",
	}}
}

// manyRuns are runs of as many nights, the first half of which collapse.
func manyRuns(n int) ([]*analysis.Study, []analysis.Series) {
	var studies []*analysis.Study
	for i := range n {
		w := world{streams: 3, ratio: 0.35, verdict: analysis.Collapse, seed: uint64(i), rounds: 4 + i%5}
		switch {
		case i == 5:
			w.ratio, w.verdict = 0.85, analysis.Inconclusive
		case i == 15:
			w.ratio, w.verdict = 1.05, analysis.Saturated
		case i == 16:
			w.ratio, w.verdict = 1.12, analysis.NoCollapse
		case i >= n/2:
			w.ratio, w.verdict = 1.8, analysis.Scaling
		}
		s := w.study()
		off := 1 + 0.1*float64(i%4-1)
		r := &s.Result
		r.Ratio, r.Interval.Low, r.Interval.High = r.Ratio*off, r.Interval.Low*off, r.Interval.High*off
		s.Result.Started = s.Result.Started.AddDate(0, 0, i)
		studies = append(studies, s)
	}
	return studies, analysis.SeriesOf(studies, false)
}

// threeSeries are the runs of three hosts, one of which changes, and one run without a
// ratio.
func threeSeries() ([]*analysis.Study, []analysis.Series) {
	studies, _ := manyRuns(16)
	for i, n := range []int{9, 1} {
		for j, s := range studies[:n] {
			other := *s
			other.Result.Host.Name = fmt.Sprintf("fileserver-%d.building-seven.example.org", i)
			other.Result.Started = other.Result.Started.Add(time.Duration(j) * 12 * time.Hour)
			studies = append(studies, &other)
		}
	}
	studies = append(studies, emptyStudy())
	return studies, analysis.SeriesOf(studies, false)
}

func twoConditions() []Condition {
	after := world{streams: 3, ratio: 1.7, verdict: analysis.Scaling, seed: 11, rounds: 6, between: true}
	return []Condition{
		{Name: "auth bsd", Studies: []*analysis.Study{collapse3.study()}},
		{Name: "auth bsdtcp", Studies: []*analysis.Study{after.study()}},
	}
}

func fourConditions() []Condition {
	var out []Condition
	for i, name := range []string{"fs1, before", "fs1, after the new switch", "fs2 with a name that is longer than anybody would want to read", "fs3"} {
		w := world{streams: 8, ratio: 0.4 + 0.7*float64(i), verdict: analysis.Saturated, seed: uint64(20 + i), rounds: 5, between: true}
		out = append(out, Condition{Name: name, Studies: []*analysis.Study{w.study()}})
	}
	return out
}

var update = flag.Bool("update", false, "write the golden pictures anew; look at them")

// TestGolden compares pictures with those that were looked at. Processors
// round differently, so a few pixels may differ a little.
func TestGolden(t *testing.T) {
	for _, g := range goldens() {
		t.Run(g.name, func(t *testing.T) {
			var got bytes.Buffer
			if err := render(&got, PNG, g.figure); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", g.name+".png")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(got.Bytes(), want) {
				return
			}
			if share := differing(t, got.Bytes(), want); share > 0.0005 {
				out := filepath.Join(t.TempDir(), g.name+".png")
				if dir := os.Getenv("PAUSETEST_ARTIFACTS"); dir != "" {
					out = filepath.Join(dir, g.name+".png")
				}
				if err := os.WriteFile(out, got.Bytes(), 0o644); err != nil {
					t.Error(err)
				}
				t.Errorf("%.2f %% of the pixels differ from %s; see %s, and -update", 100*share, path, out)
			}
		})
	}
}

// differing is the share of pixels that clearly differ.
func differing(t *testing.T, got, want []byte) float64 {
	a, b := decode(t, got), decode(t, want)
	if a.Bounds() != b.Bounds() {
		return 1
	}
	n := 0
	size := a.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			r0, g0, b0, _ := a.At(x, y).RGBA()
			r1, g1, b1, _ := b.At(x, y).RGBA()
			if far(r0, r1) || far(g0, g1) || far(b0, b1) {
				n++
			}
		}
	}
	return float64(n) / float64(size.X*size.Y)
}

func far(a, b uint32) bool { return max(a, b)-min(a, b) > 0x1800 }

func decode(t *testing.T, data []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}
