package analysis

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pausetest/internal/recording"
)

// noisy multiplies every rate by a factor around 1 that a segment keeps.
func (p *played) noisy(spread float64) {
	bytes := p.bytes
	number, factor := -1, 1.0
	p.bytes = func(active []int) map[int]float64 {
		if p.number != number {
			number, factor = p.number, 1+spread*(2*p.random.Float64()-1)
		}
		m := bytes(active)
		for id := range m {
			m[id] *= factor
		}
		return m
	}
}

func byLevel(rates ...float64) func([]int) map[int]float64 {
	return total(func(active int) float64 { return rates[active-1] })
}

func TestVerdicts(t *testing.T) {
	tests := []struct {
		name    string
		rates   []float64
		plan    recording.Plan
		verdict Verdict
		ratio   float64
		blocks  int
	}{
		{"collapse", []float64{100e6, 45e6, 30e6}, recording.Plan{}, Collapse, 0.30, 4},
		{"saturated", []float64{100e6, 100e6, 100e6}, recording.Plan{}, Saturated, 1, 4},
		{"scaling", []float64{30e6, 60e6, 90e6}, recording.Plan{}, Scaling, 3, 4},
		{"scaling, goal collapse", []float64{30e6, 60e6, 90e6}, recording.Plan{Goal: recording.GoalCollapse}, Scaling, 3, 4},
		{"mild gain, goal collapse", []float64{100e6, 110e6, 125e6}, recording.Plan{Goal: recording.GoalCollapse}, NoCollapse, 1.25, 4},
		{"on the margin", []float64{100e6, 90e6, 80e6}, recording.Plan{MaxBlocks: 12}, Inconclusive, 0.80, 8}, // futile
		{"fixed", []float64{100e6, 45e6, 30e6}, recording.Plan{Design: recording.Fixed, MaxBlocks: 7}, Collapse, 0.30, 7},
		{"open-ended", []float64{100e6, 45e6, 30e6}, recording.Plan{Design: recording.OpenEnded}, Collapse, 0.30, 4},
		{"open-ended, on the margin", []float64{100e6, 90e6, 80e6}, recording.Plan{Design: recording.OpenEnded}, Inconclusive, 0.80, 30},
		{"at least six", []float64{100e6, 45e6, 30e6}, recording.Plan{MinBlocks: 6}, Collapse, 0.30, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := play(t, 3, tt.plan, byLevel(tt.rates...))
			p.run(30)
			p.end()
			r := p.analyze().Result
			if r.Verdict != tt.verdict || r.Blocks != tt.blocks || r.DecidedBy != Sockets || r.CutShort {
				t.Errorf("got %s after %d blocks by %s (cut short: %v), want %s after %d", r.Verdict, r.Blocks, r.DecidedBy, r.CutShort, tt.verdict, tt.blocks)
			}
			near(t, "ratio", r.Ratio, tt.ratio, 1e-6)
			if (r.Verdict == Inconclusive) != (r.Needed != "") {
				t.Errorf("needed: %q", r.Needed)
			}
		})
	}
}

func TestSentence(t *testing.T) {
	p := play(t, 3, recording.Plan{}, byLevel(100e6, 45e6, 31e6))
	p.run(30)
	p.end()
	want := "3 streams together move 0.31 of what one moves alone (95 % interval 0.27 to 0.36; 4 blocks, 24 stream-seconds withheld)"
	if r := p.analyze().Result; r.Sentence != want {
		t.Errorf("got  %s\nwant %s", r.Sentence, want)
	}
}

// The ledger: 2 streams for 3 s in each of 4 blocks.
func TestLedger(t *testing.T) {
	p := play(t, 3, recording.Plan{}, byLevel(100e6, 45e6, 30e6))
	p.run(30)
	p.event(recording.Event{Kind: recording.Pausing, Stream: 2})
	p.event(recording.Event{Kind: recording.Paused, Stream: 2})
	p.nowNS += 2e9
	p.sample()
	r := p.analyze().Result
	near(t, "withheld", r.PausedStreamSec, 4*2*3+2, 1e-9)
	near(t, "longest", r.LongestPauseSec, 3, 1e-9)
	if !r.CutShort || r.Streams[1].Resumed || !r.Streams[0].Resumed {
		t.Errorf("cut short %v, streams %+v", r.CutShort, r.Streams)
	}
	if !strings.Contains(strings.Join(r.Warnings, "\n"), "pausetest resume") {
		t.Errorf("no warning says what to do: %q", r.Warnings)
	}
	p.event(recording.Event{Kind: recording.ForeignContinue, Stream: 2})
	p.nowNS += 5e9
	p.event(recording.Event{Kind: recording.Resumed, Stream: 2})
	r = p.analyze().Result
	near(t, "withheld after a foreign continue", r.PausedStreamSec, 4*2*3+2, 1e-9)
	if !r.Streams[1].Resumed {
		t.Error("stream 2 counts as not resumed")
	}
}

// What still moves while it is measured is measured anew, twice at most.
func TestRestart(t *testing.T) {
	p := play(t, 3, recording.Plan{}, byLevel(100e6, 100e6, 100e6))
	p.drift = func(active []int) float64 {
		if len(active) == 1 {
			return 1.5
		}
		return 1
	}
	p.run(60)
	p.end()
	r := p.analyze().Result
	if r.SettleSeconds != 5 || r.MeasureSeconds != 2 || r.DiscardedBlocks != 8 {
		t.Errorf("settle %g, measure %g, discarded %d; want 5, 2, 8", r.SettleSeconds, r.MeasureSeconds, r.DiscardedBlocks)
	}
	if !strings.Contains(strings.Join(r.Warnings, "\n"), "longer settling") {
		t.Errorf("no warning: %q", r.Warnings)
	}
}

// Collapse is called at once even though the rates still move; a settling that
// the operator chose is kept.
func TestNoRestart(t *testing.T) {
	drift := func(active []int) float64 { return map[bool]float64{true: 1.5, false: 1}[len(active) == 1] }
	p := play(t, 3, recording.Plan{}, byLevel(100e6, 45e6, 30e6))
	p.drift = drift
	p.run(60)
	if r := p.analyze().Result; r.Verdict != Collapse || r.Blocks != 4 || r.DiscardedBlocks != 0 {
		t.Errorf("collapse: got %s, %d blocks, %d discarded", r.Verdict, r.Blocks, r.DiscardedBlocks)
	}
	p = play(t, 3, recording.Plan{SettleNS: 1e9}, byLevel(100e6, 100e6, 100e6))
	p.drift = drift
	p.run(60)
	if r := p.analyze().Result; r.SettleSeconds != 1 || r.DiscardedBlocks != 0 {
		t.Errorf("chosen settling: %g s, %d discarded", r.SettleSeconds, r.DiscardedBlocks)
	}
}

// A lazy interface counter lengthens the measuring and is read edge to edge.
func TestLazyCounter(t *testing.T) {
	p := play(t, 3, recording.Plan{UnattributedShare: 0}, byLevel(100e6, 45e6, 30e6))
	p.header.Attribution = recording.Attribution{}
	p.lazyNS = 1e9
	p.run(30)
	p.end()
	r := p.analyze().Result
	if !r.LazyCounter || r.RefreshSeconds != 1 || r.MeasureSeconds != 3 || r.DecidedBy != Interface || r.Verdict != Collapse {
		t.Errorf("got %+v", r)
	}
	near(t, "ratio", r.Ratio, 0.3, 0.01)
}

func TestBaselineIsExtended(t *testing.T) {
	p := play(t, 2, recording.Plan{}, byLevel(100, 100))
	p.header.Attribution = recording.Attribution{}
	p.lazyNS = 2e9
	p.judge = NewJudge(p.header)
	if got := p.judge.BaselineNS(); got != baselineNS {
		t.Fatalf("before anything was heard: %d", got)
	}
	for p.nowNS < baselineNS {
		p.nowNS += p.sampleNS
		p.total += 10
		p.sample()
	}
	if got := p.judge.BaselineNS(); got != extendedBaselineNS {
		t.Errorf("after two changes in 5 s: %d", got)
	}
}

// A counter that goes backwards costs its block and nothing else.
func TestCounterGoesBackwards(t *testing.T) {
	p := play(t, 3, recording.Plan{}, byLevel(100e6, 45e6, 30e6))
	bytes, calls := p.bytes, 0
	p.bytes = func(active []int) map[int]float64 {
		if p.number == 6 { // the first segment of block 2
			if calls++; calls == 20 {
				p.total -= 100e6
			}
		}
		return bytes(active)
	}
	p.run(30)
	p.end()
	s := p.analyze()
	if s.Result.Blocks != 4 || s.Result.DiscardedBlocks != 1 || s.Result.Verdict != Collapse {
		t.Errorf("%d blocks, %d discarded, %s", s.Result.Blocks, s.Result.DiscardedBlocks, s.Result.Verdict)
	}
	absent := 0
	for _, seg := range s.Segments {
		if _, ok := seg.Rates[Sockets]; !ok {
			absent++
		}
	}
	if absent != 1 {
		t.Errorf("%d segments have no socket rate, want 1", absent)
	}
}

// A stream that ends drops the block under way; the verdict pools the rest.
func TestStreamEnds(t *testing.T) {
	p := play(t, 3, recording.Plan{MinBlocks: 6}, byLevel(100e6, 45e6, 30e6))
	p.beforeEnd = func(s recording.Segment) {
		if s.Block == 3 && len(p.live) == 3 && s.Phase == recording.PhaseMain {
			p.live = p.live[:2]
			p.event(recording.Event{Kind: recording.StreamEnded, Stream: 3})
			p.event(recording.Event{Kind: recording.SegmentCut, Number: s.Number, Detail: "a stream came or went"})
		}
	}
	p.run(30)
	p.end()
	r := p.analyze().Result
	if diff := cmp.Diff([]int{2, 3}, r.StreamCounts); diff != "" {
		t.Error(diff)
	}
	if r.Blocks < 6 || r.Estimator != Plain || r.DiscardedBlocks == 0 || r.Streams[2].EndedSec == nil {
		t.Errorf("%d blocks, %s, %d discarded, ended %v", r.Blocks, r.Estimator, r.DiscardedBlocks, r.Streams[2].EndedSec)
	}
}

// Section 7: the interface's "saturated" stands only as far as the background allows.
func TestBackground(t *testing.T) {
	tests := []struct {
		name   string
		share  float64
		io     bool
		rates  []float64
		other  float64
		want   Verdict
		needed bool
	}{
		{"no other traffic", 0, false, []float64{100e6, 100e6, 100e6}, 0, Saturated, false},
		{"too much may be other", 0.9, false, []float64{100e6, 100e6, 100e6}, 0, Inconclusive, true},
		{"unknown", -1, false, []float64{100e6, 100e6, 100e6}, 0, Inconclusive, true},
		{"unknown, collapse", -1, false, []float64{100e6, 45e6, 30e6}, 0, Collapse, false},
		{"unknown, scaling", -1, false, []float64{30e6, 60e6, 90e6}, 0, Scaling, false},
		{"measured, a little", -1, true, []float64{100e6, 100e6, 100e6}, 1e6, Saturated, false},
		{"measured, most of it", -1, true, []float64{20e6, 9e6, 6e6}, 100e6, Inconclusive, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := play(t, 3, recording.Plan{UnattributedShare: tt.share}, byLevel(tt.rates...))
			p.header.Attribution = recording.Attribution{}
			p.otherBytes = tt.other
			p.countIO = tt.io
			p.run(30)
			p.end()
			r := p.analyze().Result
			if r.DecidedBy != Interface || r.Verdict != tt.want || (r.Needed != "") != tt.needed {
				t.Errorf("%s by %s, needed %q; want %s", r.Verdict, r.DecidedBy, r.Needed, tt.want)
			}
		})
	}
}

// The levels between, and what is recommended from them.
func TestRecommendation(t *testing.T) {
	tests := []struct {
		name              string
		rates             []float64
		rounds            int
		streams, cautious int
		missing           string
	}{
		{"peak at two of four", []float64{100e6, 150e6, 120e6, 90e6}, 6, 2, 2, ""},
		{"one moves most", []float64{100e6, 45e6, 30e6}, 6, 1, 1, ""},
		{"two nearly as much as three", []float64{50e6, 95e6, 100e6, 60e6}, 4, 3, 2, ""},
		{"all the same", []float64{100e6, 100e6, 100e6}, 6, 0, 0, "can't be told apart"},
		{"too few pairs", []float64{100e6, 150e6, 120e6, 90e6}, 2, 0, 0, "4 are needed"},
		{"two streams", []float64{100e6, 45e6}, 0, 1, 1, ""},
		{"none measured", []float64{100e6, 45e6, 30e6}, 0, 0, 0, "not measured"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := play(t, len(tt.rates), recording.Plan{Between: true}, byLevel(tt.rates...))
			p.run(30)
			for range tt.rounds {
				for k := 2; k < len(tt.rates); k++ {
					p.pair(recording.PhaseBetween, recording.Segment{Active: p.live[:k]}, recording.Segment{Active: p.live})
				}
			}
			p.end()
			s := p.analyze()
			r := s.Result.RecommendedStreams
			if tt.streams == 0 {
				if r != nil || !strings.Contains(s.Result.RecommendationMissing, tt.missing) {
					t.Errorf("got %+v, %q", r, s.Result.RecommendationMissing)
				}
				return
			}
			if r == nil {
				t.Fatalf("none: %s", s.Result.RecommendationMissing)
			}
			if r.Streams != tt.streams || r.Cautious != tt.cautious || len(r.Relative) != len(tt.rates) {
				t.Errorf("got %+v", r)
			}
			for i, l := range r.Relative {
				near(t, "relative", l.Ratio, tt.rates[i]/tt.rates[len(tt.rates)-1], 1e-6)
			}
			if len(s.Result.Levels) != len(tt.rates) || (s.USL == nil) != (len(tt.rates) < 3) {
				t.Errorf("levels %+v, law %v", s.Result.Levels, s.USL)
			}
		})
	}
}

func TestPlacebo(t *testing.T) {
	p := play(t, 3, recording.Plan{Placebo: 3}, byLevel(100e6, 45e6, 30e6))
	p.run(30)
	bytes := p.bytes
	for range 3 {
		touched := p.number + 2 // gap, then the touched one
		p.bytes = func(active []int) map[int]float64 {
			m := bytes(active)
			for id := range m {
				if p.number == touched {
					m[id] *= 0.5
				}
			}
			return m
		}
		p.pair(recording.PhasePlacebo, recording.Segment{Active: p.live, Lead: 1, Placebo: true}, recording.Segment{Active: p.live})
	}
	p.end()
	r := p.analyze().Result
	if r.Placebo == nil || r.Placebo.Pairs != 3 {
		t.Fatalf("got %+v", r.Placebo)
	}
	near(t, "effect", r.Placebo.Ratio, 0.5, 1e-6)
	if !strings.Contains(strings.Join(r.Warnings, "\n"), "the tool's own") {
		t.Errorf("no warning: %q", r.Warnings)
	}
	near(t, "ratio is untouched", r.Ratio, 0.3, 1e-6)
}

// An operator's own schedule: a repeat counts once it is whole.
func TestOwnSchedule(t *testing.T) {
	repeat := func(p *played, actives ...[]int) {
		p.segment(recording.Segment{Phase: recording.PhaseGap, Active: slices.Clone(p.live), MeasureNS: 1e9})
		p.block++
		for _, active := range actives {
			p.segment(recording.Segment{Phase: recording.PhaseSchedule, Block: p.block, Active: active, SettleNS: 1e9, MeasureNS: 2e9})
		}
	}
	p := play(t, 3, recording.Plan{Design: recording.Fixed, MaxBlocks: 4}, byLevel(100e6, 45e6, 30e6))
	p.start()
	for i := range 4 {
		if action, _ := p.judge.Advise(); action != GoOn {
			t.Fatalf("stopped after %d repeats", i)
		}
		repeat(p, []int{1, 2, 3}, []int{1}, []int{2}, []int{3}, []int{1, 2})
	}
	if action, _ := p.judge.Advise(); action != Stop {
		t.Error("went on after four repeats")
	}
	p.end()
	s := p.analyze()
	if r := s.Result; r.Verdict != Collapse || r.Blocks != 4 || len(r.Levels) != 3 {
		t.Errorf("%s after %d blocks, levels %v", r.Verdict, r.Blocks, r.Levels)
	}

	p = play(t, 3, recording.Plan{Design: recording.Fixed, MaxBlocks: 3}, byLevel(100e6, 45e6, 30e6))
	p.start()
	for range 3 {
		repeat(p, []int{1, 2, 3}, []int{1, 2})
	}
	if action, _ := p.judge.Advise(); action != Stop {
		t.Error("a schedule without single streams never ends")
	}
	p.end()
	if r := p.analyze().Result; r.Verdict != Inconclusive || !strings.Contains(r.Needed, "single stream") || len(r.Levels) != 2 {
		t.Errorf("%s, needed %q, levels %v", r.Verdict, r.Needed, r.Levels)
	}
}

// Whether a repeat counts is known from the records alone, not from having been
// asked for advice: here a stream ends right after the last segment of a repeat.
func TestAdviceChangesNothing(t *testing.T) {
	p := play(t, 3, recording.Plan{Design: recording.Fixed, MaxBlocks: 2}, byLevel(100e6, 45e6, 30e6))
	p.start()
	p.block++
	for _, active := range [][]int{{1, 2, 3}, {1}} {
		p.segment(recording.Segment{Phase: recording.PhaseSchedule, Block: p.block, Active: active, SettleNS: 1e9, MeasureNS: 2e9})
	}
	asked := NewJudge(p.header)
	for _, r := range p.heard {
		asked.Hear(r)
		asked.Advise()
		asked.Plan(3)
		asked.Result()
	}
	ended := recording.Record{Event: &recording.Event{TNS: p.nowNS, Kind: recording.StreamEnded, Stream: 3}}
	asked.Hear(ended)
	p.write(ended)
	p.analyze()
	if a, b := asJSON(t, asked.Result()), asJSON(t, p.judge.Result()); a != b {
		t.Errorf("asked and not asked differ:\n%s\n%s", a, b)
	}
}

// A recording may end after any record: the result is always one that JSON can
// hold, and always the same.
func TestEveryTruncation(t *testing.T) {
	p := play(t, 3, recording.Plan{Between: true}, byLevel(100e6, 45e6, 30e6))
	p.run(30)
	p.pair(recording.PhaseBetween, recording.Segment{Active: p.live[:2]}, recording.Segment{Active: p.live})
	p.end()
	for n := 1; n < len(p.heard); n += 7 {
		cut := recording.Sequence(truncated(slices.Values(p.heard[:n])))
		a, err := Analyze(cut)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := Analyze(cut)
		if x, y := asJSON(t, a.Result), asJSON(t, b.Result); x != y {
			t.Fatalf("after %d records:\n%s\n%s", n, x, y)
		}
		if !a.Result.CutShort || a.Result.Warnings == nil || a.Result.Levels == nil || a.Result.Sentence == "" {
			t.Fatalf("after %d records: %+v", n, a.Result)
		}
	}
}

func truncated(records iter.Seq[recording.Record]) iter.Seq2[recording.Record, error] {
	return func(yield func(recording.Record, error) bool) {
		for r := range records {
			if !yield(r, nil) {
				return
			}
		}
		yield(recording.Record{}, &recording.TruncatedError{Line: 1})
	}
}

func TestAnalyzeErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	for name, records := range map[string]iter.Seq2[recording.Record, error]{
		"nothing":   truncated(slices.Values([]recording.Record(nil))),
		"no header": truncated(slices.Values([]recording.Record{{Event: &recording.Event{}}})),
		"error":     func(yield func(recording.Record, error) bool) { yield(recording.Record{}, broken) },
	} {
		if s, err := Analyze(recording.Sequence(records)); err == nil {
			t.Errorf("%s: got %+v", name, s)
		}
	}
}

// Neither the order of streams, nor the scale of bytes, nor the origin of time
// changes what a recording says.
func TestInvariances(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		streams := rapid.IntRange(2, 6).Draw(r, "streams")
		speeds := rapid.SliceOfN(rapid.Float64Range(1e6, 9e6), streams, streams).Draw(r, "speeds")
		loss := rapid.Float64Range(0.2, 1).Draw(r, "loss")
		spread := rapid.Float64Range(0, 0.4).Draw(r, "spread")
		p := play(t, streams, recording.Plan{MaxBlocks: 10}, func(active []int) map[int]float64 {
			m := map[int]float64{}
			for _, id := range active {
				m[id] = 1000 * float64(int(speeds[id-1]*(1-(1-loss)*float64(len(active)-1)/5)/1000))
			}
			return m
		})
		p.noisy(spread)
		p.run(12)
		p.end()
		want := p.judge.Result()
		for name, change := range map[string]func(*recording.Record){
			"origin": func(r *recording.Record) { shift(r, 123456789012) },
			"scale":  func(r *recording.Record) { scale(r, 8) },
			"order":  func(r *recording.Record) { reorder(r, streams) },
		} {
			got := analyzeChanged(r, p.heard, change)
			if got.Verdict != want.Verdict || got.Stopped != want.Stopped || got.Blocks != want.Blocks || got.Estimator != want.Estimator ||
				got.Sentence != want.Sentence || got.PausedStreamSec != want.PausedStreamSec || got.WallSeconds != want.WallSeconds ||
				relative(got.Ratio, want.Ratio) > 1e-6 || relative(got.Interval.High, want.Interval.High) > 1e-6 {
				r.Fatalf("%s changed the result:\n%+v\n%+v", name, got, want)
			}
		}
	})
}

func relative(a, b float64) float64 { return max(a-b, b-a) / max(a, b, 1e-300) }

// analyzeChanged analyses copies of the records, each of them changed.
func analyzeChanged(t failer, records []recording.Record, change func(*recording.Record)) Result {
	t.Helper()
	s, err := Analyze(recording.Sequence(func(yield func(recording.Record, error) bool) {
		for _, r := range records {
			c := deepCopy(r)
			change(&c)
			if !yield(c, nil) {
				return
			}
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	return s.Result
}

func deepCopy(r recording.Record) recording.Record {
	r.Header, r.Event, r.Sample = pointerTo(r.Header), pointerTo(r.Event), pointerTo(r.Sample)
	switch {
	case r.Header != nil:
		r.Header.Streams = slices.Clone(r.Header.Streams)
	case r.Event != nil && r.Event.Segment != nil:
		r.Event.Segment = pointerTo(r.Event.Segment)
		r.Event.Segment.Active = slices.Clone(r.Event.Segment.Active)
	case r.Sample != nil:
		r.Sample.Interface, r.Sample.SocketBytes = pointerTo(r.Sample.Interface), pointerTo(r.Sample.SocketBytes)
		r.Sample.Streams = slices.Clone(r.Sample.Streams)
		for i := range r.Sample.Streams {
			r.Sample.Streams[i].IOBytes = pointerTo(r.Sample.Streams[i].IOBytes)
		}
	}
	return r
}

// pointerTo returns a pointer to a copy; nil stays nil.
func pointerTo[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

func shift(r *recording.Record, byNS int64) {
	if r.Event != nil {
		r.Event.TNS += byNS
	}
	if r.Sample != nil {
		r.Sample.TNS += byNS
		r.Sample.AttributedTNS += byNS
	}
}

func scale(r *recording.Record, by uint64) {
	if r.Sample == nil {
		return
	}
	r.Sample.Interface.TxBytes *= by
	*r.Sample.SocketBytes *= by
	for i := range r.Sample.Streams {
		*r.Sample.Streams[i].IOBytes *= by
	}
}

// reorder gives the streams their ids in the opposite order.
func reorder(r *recording.Record, streams int) {
	turn := func(id *int) {
		if *id != 0 {
			*id = streams + 1 - *id
		}
	}
	if r.Header != nil {
		for i := range r.Header.Streams {
			turn(&r.Header.Streams[i].ID)
		}
	}
	if r.Sample != nil {
		for i := range r.Sample.Streams {
			turn(&r.Sample.Streams[i].ID)
		}
	}
	if r.Event != nil {
		turn(&r.Event.Stream)
		if s := r.Event.Segment; s != nil {
			turn(&s.Lead)
			for i := range s.Active {
				turn(&s.Active[i])
			}
			slices.Sort(s.Active)
		}
	}
}

// Whatever a recording holds (run with -fuzzminimizetime 10x: shortening a
// recording takes for ever), judging it neither panics nor yields what JSON
// can't hold.
func FuzzJudge(f *testing.F) {
	p := play(&testing.T{}, 2, recording.Plan{}, byLevel(100, 30))
	p.sampleNS = 750e6
	p.run(2)
	var seed []byte
	for _, r := range p.heard {
		line, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		seed = append(append(seed, line...), '\n')
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Analyze(recording.NewFile(bytes.NewReader(text), int64(len(text))))
		if err == nil {
			asJSON(t, s.Result)
		}
	})
}

// The same for records that are well formed and make no sense.
func TestHostileRecords(t *testing.T) {
	ns := rapid.OneOf(rapid.Int64Range(0, 20e9), rapid.Int64())
	bytes := rapid.Ptr(rapid.OneOf(rapid.Uint64Range(0, 1e9), rapid.Uint64()), true)
	id := rapid.IntRange(-1, 4)
	phase := rapid.SampledFrom([]recording.Phase{recording.PhaseBaseline, recording.PhaseMain, recording.PhaseGap, recording.PhasePlacebo, recording.PhaseBetween, recording.PhasePairs, recording.PhaseSchedule, ""})
	kind := rapid.SampledFrom([]recording.EventKind{
		recording.SegmentBegin, recording.SegmentBegin, recording.SegmentEnd, recording.SegmentEnd, recording.SegmentCut,
		recording.Pausing, recording.Resumed, recording.StreamAppeared, recording.StreamEnded, recording.ForeignContinue,
		recording.Retimed, recording.GuardLost, recording.LimitReached, recording.RunEnd, "",
	})
	record := rapid.Custom(func(r *rapid.T) recording.Record {
		if rapid.Bool().Draw(r, "sample") {
			s := recording.Sample{TNS: ns.Draw(r, "t"), AttributedTNS: ns.Draw(r, "at"), SocketBytes: bytes.Draw(r, "sockets")}
			if b := bytes.Draw(r, "interface"); b != nil {
				s.Interface = &recording.InterfaceCounters{TxBytes: *b}
			}
			for range rapid.IntRange(0, 3).Draw(r, "streams") {
				s.Streams = append(s.Streams, recording.StreamCounters{ID: id.Draw(r, "id"), IOBytes: bytes.Draw(r, "io")})
			}
			return recording.Record{Sample: &s}
		}
		e := recording.Event{TNS: ns.Draw(r, "t"), Kind: kind.Draw(r, "kind"), Stream: id.Draw(r, "stream"), SettleNS: ns.Draw(r, "settle"), MeasureNS: ns.Draw(r, "measure")}
		if rapid.Bool().Draw(r, "segment") {
			e.Segment = &recording.Segment{
				Block: rapid.IntRange(0, 2).Draw(r, "block"), Phase: phase.Draw(r, "phase"), Lead: id.Draw(r, "lead"),
				Active:   rapid.SliceOfN(id, 0, 4).Draw(r, "active"),
				SettleNS: ns.Draw(r, "segment settle"), MeasureNS: ns.Draw(r, "segment measure"), Placebo: rapid.Bool().Draw(r, "placebo"),
			}
		}
		return recording.Record{Event: &e}
	})
	rapid.Check(t, func(r *rapid.T) {
		h := recording.Header{SampleNS: ns.Draw(r, "h"), Attribution: recording.Attribution{Sockets: rapid.Bool().Draw(r, "sockets"), IO: rapid.Bool().Draw(r, "io")}}
		h.Plan = recording.Plan{
			Design:     rapid.SampledFrom([]recording.Design{recording.Sequential, recording.OpenEnded, recording.Fixed, "?"}).Draw(r, "design"),
			Confidence: rapid.SampledFrom([]float64{0, 0.9, 0.95, 7}).Draw(r, "confidence"),
			MaxBlocks:  rapid.SampledFrom([]int{-1, 0, 1, 2, 3, 24}).Draw(r, "most"), MinBlocks: rapid.IntRange(-1, 3).Draw(r, "least"), Between: true,
		}
		for range rapid.IntRange(0, 3).Draw(r, "known streams") {
			h.Streams = append(h.Streams, recording.Stream{ID: id.Draw(r, "stream")})
		}
		j := NewJudge(h)
		for _, rec := range rapid.SliceOfN(record, 0, 60).Draw(r, "records") {
			j.Hear(rec)
			j.Advise()
			j.Plan(len(j.live))
		}
		result := j.Result()
		asJSON(r, result)
		if result.Interval.Low > result.Interval.High || result.Ratio < 0 {
			r.Fatalf("%+v", result)
		}
	})
}

// One simulated run, judged and read again: what a simulation of thousands costs.
func BenchmarkRun(b *testing.B) {
	p := play(&testing.T{}, 3, recording.Plan{}, byLevel(100e6, 90e6, 80e6))
	p.noisy(0.3)
	p.run(30)
	b.ReportMetric(float64(len(p.heard)), "records")
	b.Run("judge", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			j := NewJudge(p.header)
			for _, r := range p.heard {
				j.Hear(r)
			}
		}
	})
	b.Run("result", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.judge.Result()
		}
	})
}
