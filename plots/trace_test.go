package plots

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pausetest/internal/recording"
)

func TestTraceLeavesGaps(t *testing.T) {
	at := func(s float64, b uint64) reading { return reading{s, b, true} }
	none := func(s float64) reading { return reading{seconds: s} }
	for _, tt := range []struct {
		name     string
		readings []reading
		runs     [][]span
		gaps     []gap
	}{
		{"nothing", nil, nil, nil},
		{"one", []reading{at(1, 5)}, nil, nil},
		{"true elapsed time", []reading{at(0, 0), at(1, 100), at(2.25, 225)}, [][]span{{{0, 1, 100}, {1, 2.25, 100}}}, nil},
		{"missing", []reading{at(0, 0), at(1, 10), at(3, 30), at(4, 50)}, [][]span{{{0, 1, 10}}, {{3, 4, 20}}}, []gap{{1, 3}}},
		{"unread", []reading{at(0, 0), at(.5, 10), none(1), at(1.5, 30), at(2, 60)}, [][]span{{{0, .5, 20}}, {{1.5, 2, 60}}}, []gap{{.5, 1.5}}},
		{"backwards", []reading{at(0, 9), at(1, 19), at(2, 3), at(3, 13)}, [][]span{{{0, 1, 10}}, {{2, 3, 10}}}, []gap{{1, 2}}},
		{"time stands or turns", []reading{at(0, 0), at(1, 10), at(1, 12), at(0.5, 13), at(1.5, 23)}, [][]span{{{0, 1, 10}}, {{.5, 1.5, 10}}}, nil},
		{"unread for ever", []reading{none(0), none(1), none(2)}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := traceOf(tt.readings, false)
			if diff := cmp.Diff(tt.runs, tr.lines.runs, cmp.AllowUnexported(span{})) + cmp.Diff(tt.gaps, tr.noValue(), cmp.AllowUnexported(gap{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// traceOf is drawn on columns of a hundredth of a second, and is patient for 1.5 s.
func traceOf(readings []reading, onlyChanges bool) trace {
	tr := newTrace(10, 1000, 1.5)
	tr.onlyChanges = onlyChanges
	for _, r := range readings {
		tr.add(r)
	}
	return tr
}

func TestReadings(t *testing.T) {
	n := func(v uint64) *uint64 { return &v }
	samples := []recording.Sample{
		{TNS: 1e9, AttributedTNS: 11e8, Interface: &recording.InterfaceCounters{TxBytes: 1, RxBytes: 2}, SocketBytes: n(7),
			Streams: []recording.StreamCounters{{ID: 1, IOBytes: n(1000)}}},
		{TNS: 2e9, Streams: []recording.StreamCounters{{ID: 1, IOBytes: n(1100)}, {ID: 2, IOBytes: n(5000)}}},
		{TNS: 3e9, Streams: []recording.StreamCounters{{ID: 2, IOBytes: n(5030)}}}, // 1 ended
		{TNS: 4e9, Streams: []recording.StreamCounters{{ID: 2}}},
		{TNS: 5e9, Streams: []recording.StreamCounters{{ID: 2, IOBytes: n(5050)}}},
		{TNS: 6e9, Streams: []recording.StreamCounters{{ID: 2, IOBytes: n(10)}}},
		{TNS: 7e9},
	}
	written := writeSum{last: map[int]uint64{}}
	var writes []reading
	for i := range samples {
		writes = append(writes, written.reading(&samples[i]))
	}
	none := func(s float64, b uint64) reading { return reading{s, b, false} }
	for _, tt := range []struct {
		name string
		got  []reading
		want []reading
	}{
		{"sent", []reading{interfaceReading(&samples[0], recording.Transmit), interfaceReading(&samples[1], recording.Transmit)}, []reading{{1, 1, true}, none(2, 0)}},
		{"received", []reading{interfaceReading(&samples[0], recording.Receive)}, []reading{{1, 2, true}}},
		{"sockets", []reading{socketReading(&samples[0]), socketReading(&samples[1])}, []reading{{1.1, 7, true}, none(2, 0)}},
		{"writes", writes, []reading{{1.1, 0, true}, {2, 100, true}, {3, 130, true}, none(4, 130), {5, 150, true}, none(6, 150), none(7, 150)}},
	} {
		if diff := cmp.Diff(tt.want, tt.got, cmp.AllowUnexported(reading{})); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// Between two changes of a lazy counter there is one rate, unless it could not be read.
func TestTraceOfALazyCounter(t *testing.T) {
	tr := traceOf([]reading{{1, 5, true}, {1.5, 5, true}, {2, 6, true}, {2.5, 6, true}, {3, 8, true}, {seconds: 3.5}, {4, 8, true}, {4.5, 9, true}}, true)
	want := [][]span{{{1, 2, 1}, {2, 3, 2}}, {{4, 4.5, 2}}}
	if diff := cmp.Diff(want, tr.lines.runs, cmp.AllowUnexported(span{})) + cmp.Diff([]gap{{3, 4}}, tr.gaps, cmp.AllowUnexported(gap{})); diff != "" {
		t.Error(diff)
	}
}

// drawTrace is a generator of traces with gaps.
func drawTrace(t *rapid.T) (tr runsAndGaps, end float64) {
	runs := rapid.IntRange(1, 6).Draw(t, "runs")
	now := 0.0
	for range runs {
		var run []span
		for range rapid.IntRange(1, 400).Draw(t, "spans") {
			d := rapid.Float64Range(0.01, 0.3).Draw(t, "dt")
			run = append(run, span{now, now + d, rapid.Float64Range(0, 1e9).Draw(t, "rate")})
			now += d
		}
		tr.runs = append(tr.runs, run)
		next := now + rapid.Float64Range(0.5, 20).Draw(t, "gap")
		tr.gaps = append(tr.gaps, gap{now, next})
		now = next
	}
	return tr, now
}

type runsAndGaps struct {
	runs [][]span
	gaps []gap
}

// linesOf are the lines of a trace, drawn on so many columns.
func linesOf(runs [][]span, end float64, columns int) *lines {
	l := &lines{reduced: reduction{width: end / float64(columns), columns: columns}}
	for _, run := range runs {
		for i, s := range run {
			l.add(s, i == 0)
		}
	}
	return l
}

func TestReductionKeepsExtremesAndGaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr, end := drawTrace(t)
		spans := 0
		for _, run := range tr.runs {
			spans += len(run)
		}
		if spans < 2 {
			t.Skip("nothing to reduce")
		}
		columns := rapid.IntRange(1, min(300, spans-1)).Draw(t, "columns")
		width := end / float64(columns)
		type extremes struct{ low, high float64 }
		want := map[int]extremes{}
		add := func(m map[int]extremes, x, rate float64) {
			n := min(max(int(x/width), 0), columns-1)
			e, ok := m[n]
			if !ok {
				e = extremes{math.Inf(1), math.Inf(-1)}
			}
			m[n] = extremes{min(e.low, rate), max(e.high, rate)}
		}
		for _, run := range tr.runs {
			for _, s := range run {
				add(want, s.from, s.bytesPerSecond)
			}
		}
		got := map[int]extremes{}
		vertices := 0
		lines := linesOf(tr.runs, end, columns).polylines()
		for _, line := range lines {
			vertices += len(line)
			for i, v := range line {
				add(got, v.x, v.y)
				if i > 0 && v.x < line[i-1].x {
					t.Fatal("a line goes back in time")
				}
			}
			for _, g := range tr.gaps {
				// A gap that leaves a whole column empty ends the line.
				if g.to-g.from > 2*width && line[0].x < g.from && line[len(line)-1].x > g.to {
					t.Fatalf("a line crosses the gap %v", g)
				}
			}
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(extremes{})); diff != "" {
			t.Fatal(diff)
		}
		if vertices > 4*columns {
			t.Fatalf("%d vertices for %d columns", vertices, columns)
		}
	})
}

func TestShortTraceIsDrawnAsItIs(t *testing.T) {
	l := linesOf([][]span{{{0, 1, 5}, {1, 2, 7}}, {{4, 5, 1}}}, 5, 100)
	want := [][]vertex{{{0, 5}, {1, 5}, {1, 7}, {2, 7}}, {{4, 1}, {5, 1}}}
	if diff := cmp.Diff(want, l.polylines(), cmp.AllowUnexported(vertex{})); diff != "" {
		t.Error(diff)
	}
}

func TestGapsThatLookLikeOne(t *testing.T) {
	var got []gap
	for _, g := range []gap{{0, 1}, {1.5, 2}, {5, 6}, {5.5, 5.7}} {
		got = withGap(got, g, 1)
	}
	if diff := cmp.Diff([]gap{{0, 2}, {5, 6}}, got, cmp.AllowUnexported(gap{})); diff != "" {
		t.Error(diff)
	}
}
