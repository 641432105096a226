package metrics

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"pausetest/internal/analysis"
	"pausetest/internal/printable"
)

// night is when the tests' first run ends.
var night = time.Date(2026, 11, 22, 3, 15, 0, 0, time.UTC)

// measured is a run that came to a verdict.
func measured(v analysis.Verdict, ended time.Time) *Outcome {
	return &Outcome{
		Check: "nightly", Version: "0.2.0", Ended: ended, Duration: 90 * time.Second, State: Done, Streams: 2,
		Result: &analysis.Result{
			Verdict: v, Ratio: 0.5, Interval: analysis.Interval{Low: 0.25, High: 0.75}, Confidence: 0.95, Blocks: 6,
			DecidedBy: analysis.IO, StreamCounts: []int{2, 3},
			Sources: []analysis.SourceEstimate{
				{Source: analysis.Interface, All: 1, One: 2},
				{Source: analysis.IO, All: 30e6, One: 60e6},
			},
			PausedStreamSec: 36, LongestPauseSec: 3.25, MaxPauseSec: 10,
			Streams: []analysis.StreamResult{
				{ID: 1, Label: "fs3:/home level 0", Resumed: true, PausedSeconds: 18,
					Alone: &analysis.LevelRate{BytesPerSecond: 70e6}, Together: &analysis.LevelRate{BytesPerSecond: 20e6}},
				{ID: 2, Label: "fs3:/mail level 1", Resumed: false, PausedSeconds: 18},
			},
		},
	}
}

// without is a run that measured nothing.
func without(s State, ended time.Time) *Outcome {
	return &Outcome{Check: "nightly", Version: "0.2.0", Ended: ended, Duration: time.Second, State: s}
}

// read is the text as Prometheus' own parser reads it: a value for every series.
func read(t fataler, text []byte) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	parsed, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	series := map[string]float64{}
	for name, f := range parsed {
		if f.GetType() != dto.MetricType_GAUGE || f.GetHelp() == "" {
			t.Fatalf("%s is a %v with help %q", name, f.GetType(), f.GetHelp())
		}
		for _, m := range f.Metric {
			key := strings.TrimPrefix(name, "pausetest_")
			for _, l := range m.Label {
				if l.GetName() != "check" {
					key += " " + l.GetValue()
				}
			}
			if _, twice := series[key]; twice || m.Label[0].GetName() != "check" {
				t.Fatalf("%s is there twice, or not of a check, in\n%s", key, text)
			}
			series[key] = m.Gauge.GetValue()
		}
	}
	return series
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func TestMeasured(t *testing.T) {
	got := read(t, Render(measured(analysis.Collapse, night), nil))
	now := float64(night.Unix())
	want := map[string]float64{
		"last_run_timestamp_seconds": now, "last_run_duration_seconds": 90,
		"last_run_outcome done": 1, "last_run_outcome no-streams": 0, "last_run_outcome too-few": 0,
		"last_run_outcome refused": 0, "last_run_outcome not-steady": 0, "last_run_outcome busy": 0, "last_run_outcome window": 0,
		"last_run_outcome interrupted": 0, "last_run_outcome failed": 0,
		"last_run_streams": 2, "last_run_paused_stream_seconds": 36,
		"last_run_longest_pause_seconds": 3.25, "last_run_max_pause_seconds": 10, "last_run_left_paused_streams": 1,
		"build_info 0.2.0":               1,
		"last_success_timestamp_seconds": now, "last_verdict_timestamp_seconds collapse": now,
		"verdict collapse": 1, "verdict saturated": 0, "verdict scaling": 0, "verdict no-collapse": 0, "verdict inconclusive": 0,
		"throughput_ratio": 0.5, "throughput_low_ratio": 0.25, "throughput_high_ratio": 0.75, "confidence_ratio": 0.95,
		"blocks": 6, "streams": 3,
		"throughput_bytes_per_second one": 60e6, "throughput_bytes_per_second all": 30e6,
		"stream_alone_bytes_per_second fs3:/home level 0":    70e6,
		"stream_together_bytes_per_second fs3:/home level 0": 20e6,
		"stream_paused_seconds fs3:/home level 0":            18,
		"stream_paused_seconds fs3:/mail level 1":            18,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestEveryFamily keeps families free of what no run ever writes.
func TestEveryFamily(t *testing.T) {
	text := string(Render(measured(analysis.Collapse, night), nil))
	for _, f := range families {
		if !strings.Contains(text, "\n"+f.name+`{check="nightly"`) {
			t.Errorf("%s is not in a file that holds everything", f.name)
		}
	}
}

// TestWithoutMeasurement: the two timestamps are always there, and no number that
// nobody measured.
func TestWithoutMeasurement(t *testing.T) {
	for _, s := range states[1:] {
		got := read(t, Render(without(State(s), night), nil))
		if got["last_run_outcome "+s] != 1 || got["last_run_timestamp_seconds"] != float64(night.Unix()) {
			t.Errorf("%s: %v", s, got)
		}
		if success, there := got["last_success_timestamp_seconds"]; !there || success != 0 {
			t.Errorf("%s: last success %v, %v", s, success, there)
		}
		for series := range got {
			if strings.HasPrefix(series, "throughput") || strings.HasPrefix(series, "verdict") {
				t.Errorf("%s: %s", s, series)
			}
		}
		// A run that failed before it could say what it paused must not say "nothing".
		if _, there := got["last_run_longest_pause_seconds"]; there == (State(s) == Failed) {
			t.Errorf("%s: longest pause there: %v", s, there)
		}
	}
}

func TestStillPaused(t *testing.T) {
	o := without(Failed, night)
	o.StillPaused = true
	if got := read(t, Render(o, nil)); got["last_run_left_paused_streams"] != 1 {
		t.Errorf("%v", got)
	}
}

// TestUndecided: without a ratio there is none, also none of an earlier night.
func TestUndecided(t *testing.T) {
	o := measured(analysis.Inconclusive, night.Add(24*time.Hour))
	o.Result.Ratio, o.Result.Blocks, o.Result.Sources, o.Result.StreamCounts = 0, 1, nil, nil
	got := read(t, Render(o, Render(measured(analysis.Collapse, night), nil)))
	if diff := cmp.Diff(map[string]bool{"collapse": true, "inconclusive": true}, map[string]bool{
		"collapse":     got["last_verdict_timestamp_seconds collapse"] == float64(night.Unix()),
		"inconclusive": got["verdict inconclusive"] == 1 && got["verdict collapse"] == 0,
	}); diff != "" {
		t.Error(diff)
	}
	for _, gone := range []string{"throughput_ratio", "throughput_low_ratio", "throughput_bytes_per_second one", "streams"} {
		if v, there := got[gone]; there {
			t.Errorf("%s is %v", gone, v)
		}
	}
}

// TestCarriedOver plays runs one after the other and says what is known after each.
func TestCarriedOver(t *testing.T) {
	at := func(hours int) time.Time { return night.Add(time.Duration(hours) * time.Hour) }
	unreadable := measured(analysis.Scaling, at(4))
	unreadable.State = Failed // what it measured is no success
	var text []byte
	for i, step := range []struct {
		o        *Outcome
		success  time.Time
		verdict  analysis.Verdict
		collapse time.Time
	}{
		{without(NoStreams, at(0)), time.Unix(0, 0), "", time.Unix(0, 0)},
		{measured(analysis.Collapse, at(1)), at(1), analysis.Collapse, at(1)},
		{without(NoStreams, at(2)), at(1), analysis.Collapse, at(1)},
		{without(Failed, at(3)), at(1), analysis.Collapse, at(1)},
		{unreadable, at(1), analysis.Collapse, at(1)},
		{measured(analysis.Inconclusive, at(5)), at(5), analysis.Inconclusive, at(1)},
		{without(Busy, at(6)), at(5), analysis.Inconclusive, at(1)},
		{measured(analysis.Scaling, at(7)), at(7), analysis.Scaling, at(1)},
		{measured(analysis.Collapse, at(8)), at(8), analysis.Collapse, at(8)},
		{without(OutOfHours, at(9)), at(8), analysis.Collapse, at(8)},
	} {
		text = Render(step.o, text)
		got := read(t, text)
		if got["last_run_timestamp_seconds"] != float64(step.o.Ended.Unix()) ||
			got["last_success_timestamp_seconds"] != float64(step.success.Unix()) ||
			got["last_verdict_timestamp_seconds collapse"] != float64(step.collapse.Unix()) ||
			step.verdict != "" && got["verdict "+string(step.verdict)] != 1 {
			t.Errorf("after step %d:\n%s", i, text)
		}
	}
}

// TestOldFile: of what somebody else left there, nothing that is not ours counts.
func TestOldFile(t *testing.T) {
	good := string(Render(measured(analysis.Collapse, night), nil))
	next := without(NoStreams, night.Add(time.Hour))
	success := fmt.Sprintf(`%s{check="nightly"} `, lastSuccess)
	for name, tt := range map[string]struct {
		old  string
		want float64 // the last success
	}{
		"whole":                {good, float64(night.Unix())},
		"empty":                {"", 0},
		"binary":               {"\x00\xff\xfe" + strings.Repeat("\x80", 5000), 0},
		"damaged elsewhere":    {strings.Replace(good, "pausetest_throughput_ratio{", "pausetest_throughput_ratio{{{", 1), float64(night.Unix())},
		"cut in its number":    {good[:strings.Index(good, success)+len(success)+4], 0},
		"no number":            {success + "yesterday\n", 0},
		"not a number":         {success + "NaN\n", 0},
		"infinite":             {success + "+Inf\n", 0},
		"too large":            {success + "1e999\n", 0},
		"in the future":        {success + "4102444800\n", 0},
		"of another check":     {strings.ReplaceAll(good, "nightly", "weekly"), 0},
		"with another label":   {lastSuccess + `{check="nightly",host="x"} 1000` + "\n", 0},
		"with a time":          {success + "1000 1000\n", 0},
		"the first one counts": {success + "1000\n" + success + "2000\n", 1000},
	} {
		if got := read(t, Render(next, []byte(tt.old))); got["last_success_timestamp_seconds"] != tt.want {
			t.Errorf("%s: last success %v, want %v", name, got["last_success_timestamp_seconds"], tt.want)
		}
	}
}

func TestLabels(t *testing.T) {
	o := measured(analysis.Collapse, night)
	labels := []string{"", "", "same", "same", "same#4", `C:\dump "x"`, "two\nlines", "bad\xffutf", "\x1b[31mred", "\u202eevil", "} 1", `",level="one`, strings.Repeat("ü", 500)}
	o.Result.Streams = nil
	for i, l := range labels {
		o.Result.Streams = append(o.Result.Streams, analysis.StreamResult{ID: i + 1, Label: l, PausedSeconds: float64(i), Resumed: true})
	}
	text := Render(o, nil)
	got := read(t, text)
	want := []string{"#1", "#2", "same", "same#4", "same#4#5", `C:\dump "x"`, `two\nlines`, `bad\xffutf`, `\x1b[31mred`, `\u202eevil`, "} 1", `",level="one`,
		printable.Text(labels[len(labels)-1], longestLabel)}
	for i, l := range want {
		if v, there := got["stream_paused_seconds "+l]; !there || v != float64(i) {
			t.Errorf("%q became not %q but\n%s", labels[i], l, text)
		}
	}
	// All of it lives through a run without streams.
	again := read(t, Render(without(NoStreams, night.Add(time.Hour)), text))
	for _, l := range want {
		if _, there := again["stream_paused_seconds "+l]; !there {
			t.Errorf("%q was not carried over", l)
		}
	}
}

func TestManyStreams(t *testing.T) {
	o := measured(analysis.Collapse, night)
	o.Result.Streams = make([]analysis.StreamResult, 1000)
	for i := range o.Result.Streams {
		o.Result.Streams[i] = analysis.StreamResult{ID: i + 1, Label: fmt.Sprint("fs ", i), Alone: &analysis.LevelRate{}, Together: &analysis.LevelRate{}}
	}
	text := Render(o, nil)
	if got := strings.Count(string(text), "pausetest_stream_paused_seconds{"); got != mostStreams {
		t.Errorf("%d series", got)
	}
	if got := read(t, text); got["last_run_left_paused_streams"] != 1000 {
		t.Errorf("%v left", got["last_run_left_paused_streams"])
	}
}

// TestAnyOutcome: whatever was measured, Prometheus reads the file, and a run that
// measures nothing keeps all that is kept.
func TestAnyOutcome(t *testing.T) {
	number := rapid.Float64Range(0, math.MaxFloat64)
	rapid.Check(t, func(t *rapid.T) {
		o := measured(rapid.SampledFrom([]analysis.Verdict{analysis.Collapse, analysis.Saturated, analysis.Inconclusive}).Draw(t, "verdict"), night)
		o.Check = rapid.StringMatching(`[a-z0-9][a-z0-9_-]{0,20}`).Draw(t, "check")
		r := o.Result
		r.Ratio, r.Interval.Low, r.Interval.High = number.Draw(t, "ratio"), number.Draw(t, "low"), number.Draw(t, "high")
		r.Streams = nil
		for i, l := range rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"a", `\`, `"`, "\xff"}))).Draw(t, "labels") {
			r.Streams = append(r.Streams, analysis.StreamResult{ID: i + 1, Label: l, PausedSeconds: number.Draw(t, "paused"),
				Together: &analysis.LevelRate{BytesPerSecond: number.Draw(t, "together")}})
		}
		text := Render(o, nil)
		first := read(t, text)
		next := without(NoStreams, night.Add(time.Minute))
		next.Check = o.Check
		second := read(t, Render(next, text))
		for series, v := range first {
			if got, there := second[series]; !strings.HasPrefix(series, "last_run") && (!there || got != v) {
				t.Fatalf("%s was %v and is %v", series, v, got)
			}
		}
	})
}

// FuzzOldFile: no old file keeps the new one from being read, or grows.
func FuzzOldFile(f *testing.F) {
	good := Render(measured(analysis.Collapse, night), nil)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(lastSuccess + `{check="nightly"} 1` + "\n" + `pausetest_stream_paused_seconds{check="nightly",stream="a\\"} 1` + "\n"))
	next := without(Failed, night.Add(time.Hour))
	f.Fuzz(func(t *testing.T, old []byte) {
		text := Render(next, old)
		got := read(t, text)
		if s := got["last_success_timestamp_seconds"]; s > float64(next.Ended.Unix()) {
			t.Errorf("last success %v", s)
		}
		if len(got) > 200 || !utf8.Valid(text) {
			t.Errorf("%d series from %q", len(got), old)
		}
		if again := Render(next, text); !bytes.Equal(again, text) {
			t.Errorf("%s\nbecame\n%s", text, again)
		}
	})
}

// TestDocs holds the table of docs/monitoring.md against the families.
func TestDocs(t *testing.T) {
	var want strings.Builder
	for _, f := range families {
		label := "none"
		switch {
		case f.values != nil:
			label = "`" + f.label + "`: " + strings.Join(f.values, ", ")
		case f.label != "":
			label = "`" + f.label + "`"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", f.name, label, strings.TrimSuffix(f.help, "."))
	}
	page, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(regexp.MustCompile("(?m)^\\| `pausetest_.*\n").FindAllString(string(page), -1), "")
	if diff := cmp.Diff(want.String(), got); diff != "" {
		t.Errorf("docs/monitoring.md: %s\nthe table should be\n%s", diff, &want)
	}
}
