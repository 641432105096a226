package experiment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pausetest/internal/recording"
	"pausetest/internal/schedule"
)

const ms = int64(1e6)

// A fakeHost is streams, meter, judge and recorder in virtual time. Any call
// can be made to fail, and things can be made to happen at any instant.
type fakeHost struct {
	nowNS             int64
	bytes             map[int]uint64 // written by each live stream
	paused            map[int]bool
	stuck             int // a stream that moves nothing though it runs
	labels            map[int]string
	script            map[int64]func(emit func(recording.Record) bool) error // at an instant, in ms
	done              map[int64]bool
	calls             int // of Pause, Resume, Observe's steps and Write
	failAt            int // the call that fails; 0: none
	pauses, failPause int // likewise of Pause alone
	failure           error

	records    []recording.Record
	blocks     int // to run until Stop
	restartAt  int // block after which the judge wants a restart
	seen       int
	restarted  bool
	longestNS  int64
	pauseNS    int64 // how long pausing a stream takes
	sinceNS    map[int]int64
	baselineNS int64
}

func newFakeHost(n int) *fakeHost {
	h := &fakeHost{bytes: map[int]uint64{}, paused: map[int]bool{}, labels: map[int]string{}, sinceNS: map[int]int64{},
		script: map[int64]func(func(recording.Record) bool) error{}, done: map[int64]bool{}, blocks: 4, baselineNS: 5000 * ms}
	for i := range n {
		h.bytes[i+1] = 1
		h.labels[i+1] = fmt.Sprintf("stream-%d", i+1)
	}
	return h
}

func (h *fakeHost) stream(id int) recording.Stream {
	return recording.Stream{ID: id, Label: h.labels[id]}
}

func (h *fakeHost) fails() error {
	h.calls++
	if h.calls == h.failAt {
		return h.failure
	}
	return nil
}

func (h *fakeHost) Census(context.Context) ([]recording.Stream, error) {
	var out []recording.Stream
	for _, id := range slices.Sorted(maps.Keys(h.bytes)) {
		out = append(out, h.stream(id))
	}
	return out, h.fails()
}

func (h *fakeHost) Pause(_ context.Context, id int) error {
	if err := h.fails(); err != nil {
		return err
	}
	if h.pauses++; h.pauses == h.failPause {
		return h.failure
	}
	if _, alive := h.bytes[id]; !alive {
		return fmt.Errorf("pausing: %w", ErrEnded)
	}
	if h.paused[id] {
		return fmt.Errorf("stream %d is paused already", id)
	}
	h.paused[id], h.sinceNS[id] = true, h.nowNS
	h.nowNS += h.pauseNS
	return nil
}

func (h *fakeHost) Resume(id int) error {
	// Resuming may report an error, but it is tried.
	if h.paused[id] {
		h.longestNS = max(h.longestNS, h.nowNS-h.sinceNS[id])
	}
	delete(h.paused, id)
	return nil
}

func (h *fakeHost) NowNS() int64 { return h.nowNS }

func (h *fakeHost) Observe(ctx context.Context, untilNS int64, emit func(recording.Record) bool) error {
	for h.nowNS < untilNS {
		step := min(100*ms, untilNS-h.nowNS)
		h.nowNS += step
		if err := h.fails(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for _, at := range slices.Sorted(maps.Keys(h.script)) {
			if at*ms <= h.nowNS && !h.done[at] {
				h.done[at] = true
				if err := h.script[at](emit); err != nil {
					return err
				}
			}
		}
		s := recording.Sample{TNS: h.nowNS}
		for _, id := range slices.Sorted(maps.Keys(h.bytes)) {
			if !h.paused[id] && id != h.stuck {
				h.bytes[id] += uint64(step)
			}
			b := h.bytes[id]
			s.Streams = append(s.Streams, recording.StreamCounters{ID: id, IOBytes: &b})
		}
		if !emit(recording.Record{Sample: &s}) {
			return nil
		}
	}
	return nil
}

func (h *fakeHost) ends(id int) func(func(recording.Record) bool) error {
	return func(emit func(recording.Record) bool) error {
		delete(h.bytes, id)
		emit(recording.Record{Event: &recording.Event{TNS: h.nowNS, Kind: recording.StreamEnded, Stream: id}})
		return nil
	}
}

func (h *fakeHost) Write(r recording.Record) error {
	if err := h.fails(); err != nil {
		return err
	}
	h.records = append(h.records, r)
	return nil
}

func (h *fakeHost) Hear(r recording.Record) {}
func (h *fakeHost) BaselineNS() int64       { return h.baselineNS }
func (h *fakeHost) Timing(int) Timing {
	if h.restarted {
		return Timing{3000 * ms, 2000 * ms}
	}
	return Timing{1500 * ms, 1500 * ms}
}

func (h *fakeHost) Advise() Advice {
	h.seen++
	if h.seen == h.restartAt && !h.restarted {
		h.restarted = true
		h.seen = 0
		return Advice{Restart, "the halves differ"}
	}
	if h.seen == h.blocks {
		return Advice{Stop, "decided"}
	}
	return Advice{}
}

func (h *fakeHost) run(ctx context.Context, change func(*Config)) (string, error) {
	c := Config{Schedule: schedule.Default(), Seed: 7, Limits: recording.Limits{MaxPauseNS: 10_000 * ms, MinRunNS: 1000 * ms}}
	for _, id := range slices.Sorted(maps.Keys(h.bytes)) {
		c.Known = append(c.Known, h.stream(id))
	}
	if change != nil {
		change(&c)
	}
	return Run(ctx, c, Host{h, h, h, h})
}

// events returns what happened, in short.
func (h *fakeHost) events() []string {
	var out []string
	for _, r := range h.records {
		if e := r.Event; e != nil {
			switch {
			case e.Segment != nil:
				out = append(out, fmt.Sprintf("%s %v", e.Segment.Phase, e.Segment.Active))
			case e.Kind == recording.SegmentEnd:
			case e.Stream != 0:
				out = append(out, fmt.Sprintf("%s %d", e.Kind, e.Stream))
			default:
				out = append(out, strings.TrimSpace(string(e.Kind)+" "+e.Detail))
			}
		}
	}
	return out
}

func (h *fakeHost) count(prefix string) (n int) {
	for _, e := range h.events() {
		if strings.HasPrefix(e, prefix) {
			n++
		}
	}
	return n
}

func TestRunsPairsUntilDecided(t *testing.T) {
	h := newFakeHost(3)
	reason, err := h.run(t.Context(), nil)
	if err != nil || reason != "decided" {
		t.Fatalf("reason %q, error %v", reason, err)
	}
	if h.count("main [1 2 3]") != 4 || h.count("main [1]")+h.count("main [2]")+h.count("main [3]") != 4 {
		t.Errorf("events %q", h.events())
	}
	if h.count("main [1]") == 0 || h.count("main [2]") == 0 || h.count("main [3]") == 0 {
		t.Errorf("not every stream ran alone: %q", h.events())
	}
	if h.longestNS != 3000*ms {
		t.Errorf("longest pause %d ms, want 3000", h.longestNS/ms)
	}
	if last := h.events()[len(h.events())-1]; last != "run-end decided" {
		t.Errorf("last event %q", last)
	}
	if h.count("gap") != 3 {
		t.Errorf("%d gaps between 4 blocks", h.count("gap"))
	}
}

func TestLevelsBetweenAndPlacebo(t *testing.T) {
	h := newFakeHost(4)
	_, err := h.run(t.Context(), func(c *Config) { c.Plan.Between = true; c.Plan.Placebo = 3 })
	if err != nil {
		t.Fatal(err)
	}
	levels := map[int]int{}
	for _, r := range h.records {
		if e := r.Event; e != nil && e.Segment != nil && e.Segment.Phase == recording.PhaseBetween {
			levels[len(e.Segment.Active)]++
		}
	}
	if levels[2] != 6 || levels[3] != 6 || levels[4] != 12 || len(levels) != 3 {
		t.Errorf("segments per level %v", levels)
	}
	if h.count("placebo [1 2 3 4]") != 6 {
		t.Errorf("events %q", h.events())
	}
}

// Every two streams and every single one are measured so often as was asked, after
// the rest; the budget ends it like anything else.
func TestPairRounds(t *testing.T) {
	play := func(streams int, change func(*Config)) (map[string]int, string) {
		t.Helper()
		h := newFakeHost(streams)
		reason, err := h.run(t.Context(), change)
		if err != nil {
			t.Fatal(err)
		}
		n := map[string]int{}
		for _, r := range h.records {
			if e := r.Event; e != nil && e.Segment != nil && e.Segment.Phase == recording.PhasePairs {
				n[fmt.Sprint(e.Segment.Active)]++
			}
		}
		if h.longestNS > 3000*ms {
			t.Errorf("a pause of %d ms", h.longestNS/ms)
		}
		return n, reason
	}
	n, reason := play(3, func(c *Config) { c.Plan.PairRounds = 4 })
	want := map[string]int{"[1]": 4, "[2]": 4, "[3]": 4, "[1 2]": 4, "[1 3]": 4, "[2 3]": 4, "[1 2 3]": 24}
	if !maps.Equal(n, want) || reason != "decided" {
		t.Errorf("segments %v, reason %q", n, reason)
	}
	if n, _ := play(2, func(c *Config) { c.Plan.PairRounds = 4 }); len(n) != 0 {
		t.Errorf("of two streams: %v", n)
	}
	n, reason = play(3, func(c *Config) { c.Plan.PairRounds = 4; c.Limits.BudgetNS = 60_000 * ms })
	if len(n) == 0 || n["[1 2 3]"] == 24 || !strings.Contains(reason, "--budget") {
		t.Errorf("with a budget: %v, reason %q", n, reason)
	}
}

func TestRestartDiscardsAndLengthens(t *testing.T) {
	h := newFakeHost(3)
	h.restartAt = 4
	if _, err := h.run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if h.count("retimed") != 2 || h.count("retimed the halves differ") != 1 {
		t.Errorf("events %q", h.events())
	}
	if h.longestNS != 5000*ms {
		t.Errorf("longest pause %d ms, want 5000", h.longestNS/ms)
	}
}

func TestStreamsComeAndGo(t *testing.T) {
	t.Run("one ends", func(t *testing.T) {
		h := newFakeHost(3)
		h.script[9000] = h.ends(2)
		reason, err := h.run(t.Context(), nil)
		if err != nil || reason != "decided" {
			t.Fatalf("reason %q, error %v", reason, err)
		}
		if h.count("stream-ended 2") != 1 || h.count("segment-cut") != 1 {
			t.Errorf("events %q", h.events())
		}
	})
	t.Run("one comes", func(t *testing.T) {
		h := newFakeHost(2)
		h.script[9000] = func(func(recording.Record) bool) error {
			h.bytes[3], h.labels[3] = 1, "late"
			return nil
		}
		if _, err := h.run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if h.count("stream-appeared 3") != 1 || h.count("main [1 2 3]") == 0 {
			t.Errorf("events %q", h.events())
		}
	})
	t.Run("two end in one gap", func(t *testing.T) {
		h := newFakeHost(4)
		h.script[11_000] = func(func(recording.Record) bool) error { // found out by the census
			delete(h.bytes, 1)
			delete(h.bytes, 2)
			return nil
		}
		if _, err := h.run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if h.count("stream-ended 1") != 1 || h.count("stream-ended 2") != 1 || h.count("stream-ended") != 2 {
			t.Errorf("events %q", h.events())
		}
	})
	t.Run("one ends while the levels between are measured", func(t *testing.T) {
		h := newFakeHost(4)
		h.script[45_000] = h.ends(2)
		reason, err := h.run(t.Context(), func(c *Config) { c.Plan.Between = true })
		if err != nil || reason != "decided" || h.count("between") < 10 {
			t.Errorf("reason %q, error %v, events %q", reason, err, h.events())
		}
	})
	t.Run("only one is left", func(t *testing.T) {
		h := newFakeHost(2)
		h.script[9000] = h.ends(1)
		reason, err := h.run(t.Context(), nil)
		if err != nil || !strings.Contains(reason, "1 stream left") {
			t.Fatalf("reason %q, error %v", reason, err)
		}
	})
}

// A stream that can't be paused once is tried again; one that can't be paused at
// all ends the run, for with it "one alone" is never alone.
func TestStreamThatCantBePaused(t *testing.T) {
	fail := func(failure error) (*fakeHost, string) {
		t.Helper()
		h := newFakeHost(3)
		h.failPause, h.failure = 2, failure
		reason, err := h.run(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return h, reason
	}
	if h, reason := fail(ErrNotNow); reason != "decided" || h.count("main [1 2 3]") < 4 || h.count("segment-cut the stream can't be paused just now") != 1 {
		t.Errorf("reason %q, events %q", reason, h.events())
	}
	if h, reason := fail(ErrRefused); !strings.Contains(reason, "so none can be measured alone") || h.count("stream-refused") != 1 {
		t.Errorf("reason %q, events %q", reason, h.events())
	}
	h := newFakeHost(3)
	h.script[9000] = func(emit func(recording.Record) bool) error {
		emit(recording.Record{Event: &recording.Event{Kind: recording.StreamRefused, Detail: "newcomer: too young"}})
		return nil
	}
	if reason, err := h.run(t.Context(), nil); err != nil || !strings.Contains(reason, "newcomer: too young") {
		t.Errorf("reason %q, error %v", reason, err)
	}
}

func TestForeignContinueSpoilsTheSegment(t *testing.T) {
	h := newFakeHost(3)
	tell := func(emit func(recording.Record) bool) error {
		for id := range h.paused {
			emit(recording.Record{Event: &recording.Event{TNS: h.nowNS, Kind: recording.ForeignContinue, Stream: id}})
			return nil
		}
		delete(h.done, 9000) // nobody is paused right now: try again at the next step
		return nil
	}
	h.script[9000] = tell
	if _, err := h.run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if h.count("segment-cut somebody else continued stream-") != 1 {
		t.Errorf("events %q", h.events())
	}
}

func TestSuspend(t *testing.T) {
	h := newFakeHost(3)
	for at := int64(6000); at < 14000; at += 1000 {
		h.script[at] = func(func(recording.Record) bool) error { return ErrSuspend }
	}
	suspended := 0
	_, err := h.run(t.Context(), func(c *Config) {
		c.Suspend = func() {
			suspended++
			if len(h.paused) > 0 {
				t.Errorf("suspended with %v paused", h.paused)
			}
		}
	})
	if err != nil || suspended != 8 {
		t.Errorf("suspended %d times, error %v", suspended, err)
	}
}

func TestLimits(t *testing.T) {
	run := func(change func(*Config)) (*fakeHost, string) {
		t.Helper()
		h := newFakeHost(3)
		h.blocks = 100
		reason, err := h.run(t.Context(), change)
		if err != nil {
			t.Fatal(err)
		}
		return h, reason
	}
	h, reason := run(func(c *Config) { c.Limits.BudgetNS = 20_000 * ms })
	if !strings.Contains(reason, "--budget") || h.count("main [1 2 3]") < 3 {
		t.Errorf("reason %q, events %q", reason, h.events())
	}
	if _, reason = run(func(c *Config) { c.Limits.MaxPausedTotalNS = 10_000 * ms }); !strings.Contains(reason, "--max-paused-total") {
		t.Errorf("reason %q", reason)
	}
	if h, reason = run(func(c *Config) { c.Limits.MaxPauseNS = 2000 * ms }); !strings.Contains(reason, "--max-pause") || h.count("pausing") != 0 {
		t.Errorf("reason %q, events %q", reason, h.events())
	}
}

// Every pause is over by the instant by which it has to be, also where pausing takes
// its time.
func TestUntil(t *testing.T) {
	for _, pauseNS := range []int64{1 * ms, 1000 * ms} {
		for untilNS := int64(30_000 * ms); untilNS < 40_000*ms; untilNS += 500 * ms {
			h := newFakeHost(3)
			h.blocks, h.pauseNS = 100, pauseNS
			reason, err := h.run(t.Context(), func(c *Config) { c.UntilNS = untilNS })
			if err != nil || !strings.Contains(reason, "--window") || h.count("run-end") != 1 {
				t.Errorf("until %d ms: reason %q, %v, events %q", untilNS/ms, reason, err, h.events())
			}
			for _, r := range h.records {
				if e := r.Event; e != nil && e.Kind == recording.Resumed && e.TNS > untilNS {
					t.Errorf("until %d ms: stream %d is resumed at %d ms", untilNS/ms, e.Stream, e.TNS/ms)
				}
			}
		}
	}
}

// A stream that moved nothing since it was resumed is not paused again.
func TestStarvedStreamIsLeftAlone(t *testing.T) {
	h := newFakeHost(3)
	h.blocks = 100
	h.script[8000] = func(func(recording.Record) bool) error { h.stuck = 2; return nil }
	reason, err := h.run(t.Context(), nil)
	if err != nil || !strings.Contains(reason, "stream-2 has moved no bytes for 30s") {
		t.Fatalf("reason %q, error %v", reason, err)
	}
}

// Nobody stays paused while the run waits for a stream that was starved.
func TestStarvedStreamKeepsNobodyWaiting(t *testing.T) {
	s, err := schedule.Parse("s.yaml", []byte("repeat: 9\norder: as-written\ngap: 0s\nsegments:\n  - active: [stream-1]\n    hold: 4s\n  - active: [stream-3]\n    hold: 4s\n"))
	if err != nil {
		t.Fatal(err)
	}
	h := newFakeHost(3)
	h.script[6000] = func(func(recording.Record) bool) error { h.stuck = 1; return nil }
	reason, err := h.run(t.Context(), func(c *Config) { c.Schedule = s })
	if err != nil || h.longestNS > 10_000*ms {
		t.Errorf("reason %q, error %v, longest pause %d ms", reason, err, h.longestNS/ms)
	}
}

// A host on which pausing takes long does not get longer pauses for it.
func TestSlowPausing(t *testing.T) {
	h := newFakeHost(30)
	h.pauseNS = 300 * ms
	reason, err := h.run(t.Context(), nil)
	if err != nil || !strings.Contains(reason, "pausing takes so long here") || h.longestNS > 10_000*ms {
		t.Errorf("reason %q, error %v, longest pause %d ms", reason, err, h.longestNS/ms)
	}
}

// In an operator's own schedule streams may stay paused from one segment to the
// next, but not beyond the limit.
func TestScheduleNeverExceedsTheLongestPause(t *testing.T) {
	s, err := schedule.Parse("s.yaml", []byte("repeat: 3\norder: as-written\ngap: 0s\nsegments:\n"+
		strings.Repeat("  - active: [stream-1]\n    hold: 4s\n", 4)+"  - active: all\n    hold: 4s\n"))
	if err != nil {
		t.Fatal(err)
	}
	h := newFakeHost(3)
	h.blocks = 3
	if _, err := h.run(t.Context(), func(c *Config) { c.Schedule = s }); err != nil {
		t.Fatal(err)
	}
	if h.longestNS > 10_000*ms {
		t.Errorf("longest pause %d ms", h.longestNS/ms)
	}
	if h.count("schedule [1]") != 12 || h.count("schedule [1 2 3]") != 3 {
		t.Errorf("events %q", h.events())
	}
}

// Whatever call fails, and however: what was paused is resumed, and the run
// says so.
func TestEverythingIsResumedWhateverFails(t *testing.T) {
	boom := errors.New("boom")
	whole := newFakeHost(3)
	if _, err := whole.run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for at := 1; at <= whole.calls; at++ {
		for _, failure := range []error{boom, ErrEnded, ErrNotNow, ErrRefused, context.Canceled} {
			h := newFakeHost(3)
			h.failAt, h.failure = at, failure
			_, err := h.run(t.Context(), nil)
			if len(h.paused) > 0 {
				t.Fatalf("call %d failing with %v left %v paused", at, failure, h.paused)
			}
			if errors.Is(failure, boom) && !errors.Is(err, boom) {
				t.Fatalf("call %d failing went unnoticed: %v; events %q", at, err, h.events())
			}
		}
	}
}

func TestPanicResumes(t *testing.T) {
	h := newFakeHost(3)
	boom := func(func(recording.Record) bool) error {
		if len(h.paused) == 0 {
			delete(h.done, 9000)
			return nil
		}
		panic("boom")
	}
	h.script[9000] = boom
	defer func() {
		if recover() == nil {
			t.Error("the panic was swallowed")
		}
		if len(h.paused) > 0 {
			t.Errorf("%v left paused", h.paused)
		}
		if last := h.events()[len(h.events())-1]; last != "interrupted internal fault" {
			t.Errorf("last event %q", last)
		}
	}()
	h.run(t.Context(), nil)
}

// Whatever happens when, no stream is left paused, none is paused for longer
// than its limit, and segments never overlap.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newFakeHost(rapid.IntRange(2, 6).Draw(t, "streams"))
		h.blocks = rapid.IntRange(1, 8).Draw(t, "blocks")
		h.pauseNS = rapid.Int64Range(0, 2000).Draw(t, "pausing takes") * ms
		h.stuck = rapid.IntRange(0, 6).Draw(t, "stuck")
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for range rapid.IntRange(0, 6).Draw(t, "happenings") {
			at := rapid.Int64Range(0, 60_000).Draw(t, "at")
			id := rapid.IntRange(1, 8).Draw(t, "stream")
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				h.script[at] = h.ends(id)
			case 1:
				h.script[at] = func(func(recording.Record) bool) error { h.bytes[id], h.labels[id] = 1, "new"; return nil }
			case 2:
				h.script[at] = func(emit func(recording.Record) bool) error {
					emit(recording.Record{Event: &recording.Event{Kind: recording.ForeignContinue, Stream: id}})
					return nil
				}
			case 3:
				h.script[at] = func(func(recording.Record) bool) error { return ErrSuspend }
			case 4:
				h.script[at] = func(func(recording.Record) bool) error { cancel(); return nil }
			}
		}
		h.run(ctx, func(c *Config) {
			c.Plan.Between = rapid.Bool().Draw(t, "between")
			c.Plan.Placebo = rapid.IntRange(0, 2).Draw(t, "placebo")
			c.Plan.PairRounds = rapid.IntRange(0, 1).Draw(t, "pair rounds")
		})
		if len(h.paused) > 0 {
			t.Fatalf("%v left paused; events %q", h.paused, h.events())
		}
		if h.longestNS > 10_000*ms {
			t.Fatalf("a pause of %d ms", h.longestNS/ms)
		}
		open := 0
		for _, r := range h.records {
			if e := r.Event; e != nil {
				switch e.Kind {
				case recording.SegmentBegin:
					open++
				case recording.SegmentEnd, recording.SegmentCut:
					open--
				}
				if open < 0 || open > 1 {
					t.Fatalf("segments overlap: %q", h.events())
				}
			}
		}
	})
}
