package plots

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pausetest/internal/analysis"
	"pausetest/internal/limiter"
	"pausetest/internal/recording"
)

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]Format{"a.png": PNG, "b/c.SVG": SVG, "x.y.Pdf": PDF} {
		if got, err := FormatOf(name); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{
		"curve":       `choosing the figure format of "curve": no extension, want .png, .svg or .pdf`,
		"curve.g\nif": `choosing the figure format of "curve.g\nif": ".g\nif" is not .png, .svg or .pdf`,
	} {
		if _, err := FormatOf(name); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
}

// draws are all exported figures, with data of their own.
var draws = map[string]func(io.Writer, Format) error{
	"curve":    func(w io.Writer, f Format) error { return Curve(w, collapse3.study(), f) },
	"limits":   func(w io.Writer, f Format) error { return Curve(w, limited3.study(), f) },
	"timeline": func(w io.Writer, f Format) error { return Timeline(w, events16.study(), f) },
	"hostile":  func(w io.Writer, f Format) error { return Timeline(w, hostile3.study(), f) },
	"streams":  func(w io.Writer, f Format) error { return Streams(w, scaling8.study(), f) },
	"trend": func(w io.Writer, f Format) error {
		studies, series := threeSeries()
		return Trend(w, studies, series, f)
	},
	"pairs":   func(w io.Writer, f Format) error { return Pairs(w, noCollapse16.interacting(), f) },
	"compare": func(w io.Writer, f Format) error { return Compare(w, twoConditions(), f) },
	"empty":   func(w io.Writer, f Format) error { return Curve(w, emptyStudy(), f) },
}

func TestSameStudySameBytes(t *testing.T) {
	for name, figure := range draws {
		for _, f := range []Format{PNG, SVG, PDF} {
			t.Run(name+"."+string(f), func(t *testing.T) {
				t.Parallel()
				var a, b bytes.Buffer
				if err := errors.Join(figure(&a, f), figure(&b, f)); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(a.Bytes(), b.Bytes()) {
					t.Error("two runs drew different bytes")
				}
				checkFormat(t, f, a.Bytes())
			})
		}
	}
}

func checkFormat(t *testing.T, f Format, data []byte) {
	switch f {
	case PNG:
		if w := decode(t, data).Bounds().Dx(); w != 1600 {
			t.Errorf("%d pixels wide, want 1600", w)
		}
	case PDF:
		if !bytes.HasPrefix(data, []byte("%PDF-")) || !bytes.Contains(data, []byte("/CreationDate (D:20000101000000")) {
			t.Error("no PDF, or one with a date")
		}
	case SVG:
		d := xml.NewDecoder(bytes.NewReader(data))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(string(data), "Sans;") || !strings.Contains(string(data), "sans-serif") {
			t.Error("an SVG names no font to fall back on")
		}
	}
}

type brokenWriter struct{ writes int }

func (w *brokenWriter) Write([]byte) (int, error) {
	w.writes++
	return 0, errors.New("disk full")
}

func TestErrors(t *testing.T) {
	w := &brokenWriter{}
	if err := Curve(w, emptyStudy(), SVG); err == nil || err.Error() != "writing a figure: disk full" || w.writes != 1 {
		t.Errorf("%v after %d writes", err, w.writes)
	}
	if err := Curve(w, emptyStudy(), "gif\n"); err == nil || err.Error() != `drawing a figure: unknown format "gif\n"` || w.writes != 1 {
		t.Errorf("%v after %d writes", err, w.writes)
	}
}

// TestNothingPanics draws studies whose numbers are absurd and whose parts
// contradict each other.
func TestNothingPanics(t *testing.T) {
	rate := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e-300, 1e300, math.MaxFloat64, 26e6}))
	ns := rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 100*second))
	rapid.Check(t, func(t *rapid.T) {
		s := absurdStudy(t, rate, ns)
		for name, fig := range figuresOf(s) {
			if c := layOut(fig); c.bad {
				t.Fatalf("%s: something is drawn at a place that is not a number", name)
			}
		}
		fig := []figure{curveOf(s), timelineOf(s), streamsOf(s)}[rapid.IntRange(0, 2).Draw(t, "figure")]
		if err := render(io.Discard, rapid.SampledFrom([]Format{SVG, SVG, SVG, SVG, SVG, PDF, PDF, PNG}).Draw(t, "format"), fig); err != nil {
			t.Fatal(err)
		}
	})
}

func absurdStudy(t *rapid.T, rate *rapid.Generator[float64], ns *rapid.Generator[int64]) *analysis.Study {
	s := &analysis.Study{}
	r := &s.Result
	id := rapid.IntRange(-1, 4)
	r.DecidedBy = rapid.SampledFrom([]analysis.Source{"", analysis.Sockets, analysis.IO, "odd"}).Draw(t, "by")
	r.Verdict = analysis.Verdict(rapid.String().Draw(t, "verdict"))
	r.Ratio, r.Interval.Low, r.Interval.High = rate.Draw(t, "ratio"), rate.Draw(t, "low"), rate.Draw(t, "high")
	r.Confidence, r.PausedStreamSec, r.WallSeconds = rate.Draw(t, "confidence"), rate.Draw(t, "withheld"), rate.Draw(t, "wall")
	r.LongestPauseSec, r.MaxPauseSec, r.RefreshSeconds = rate.Draw(t, "longest"), rate.Draw(t, "limit"), rate.Draw(t, "refresh")
	r.LazyCounter = rapid.Bool().Draw(t, "lazy")
	r.StreamCounts = rapid.SliceOf(rapid.Int()).Draw(t, "counts")
	r.Started = time.Unix(ns.Draw(t, "started")/1e6, 0)
	r.Interface.SpeedBitsPerSecond = rapid.Uint64().Draw(t, "speed")
	r.RecommendedStreams = &analysis.Recommendation{Streams: rapid.Int().Draw(t, "best"), Cautious: id.Draw(t, "cautious")}
	level := func() *analysis.LevelRate {
		return &analysis.LevelRate{BytesPerSecond: rate.Draw(t, "rate"), Low: rate.Draw(t, "low"), High: rate.Draw(t, "high")}
	}
	s.USL = &analysis.USL{Lambda: rate.Draw(t, "lambda"), Sigma: rate.Draw(t, "sigma"), Kappa: rate.Draw(t, "kappa")}
	for range rapid.IntRange(0, 4).Draw(t, "parts") {
		r.Levels = append(r.Levels, analysis.Level{Active: rapid.OneOf(id, rapid.Int()).Draw(t, "active"), LevelRate: *level()})
		r.Streams = append(r.Streams, analysis.StreamResult{ID: id.Draw(t, "id"), Label: rapid.String().Draw(t, "label"), Alone: level(), Together: level()})
		s.Streams = append(s.Streams, recording.Stream{ID: id.Draw(t, "id"), Label: rapid.String().Draw(t, "label")})
		s.Segments = append(s.Segments, analysis.Segment{
			BeginNS: ns.Draw(t, "begin"), FromNS: ns.Draw(t, "from"), ToNS: ns.Draw(t, "to"), EndNS: ns.Draw(t, "end"), Used: rapid.Bool().Draw(t, "used"),
			Segment: recording.Segment{Active: rapid.SliceOf(id).Draw(t, "active")}, Rates: map[analysis.Source]float64{r.DecidedBy: rate.Draw(t, "rate")},
		})
		kinds := []recording.EventKind{recording.Pausing, recording.Paused, recording.Resumed, recording.StreamEnded, recording.StreamAppeared, recording.Decided}
		s.Events = append(s.Events, recording.Event{TNS: ns.Draw(t, "event"), Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Stream: id.Draw(t, "stream")})
	}
	r.SharedProcess = &analysis.SharedProcess{Name: rapid.String().Draw(t, "shared"), Streams: rapid.SliceOf(id).Draw(t, "through")}
	r.Limiter = &limiter.Finding{Cause: rapid.String().Draw(t, "cause")}
	for range rapid.IntRange(0, 4).Draw(t, "limits") {
		r.Limiter.Levels = append(r.Limiter.Levels, limiter.Level{
			Active: rapid.OneOf(id, rapid.Int()).Draw(t, "limited"), Limit: limiter.Limit{Name: rapid.String().Draw(t, "limit")},
		})
	}
	s.Header.SampleNS = ns.Draw(t, "sample")
	var samples []recording.Sample
	for range rapid.IntRange(0, 6).Draw(t, "samples") {
		b := rapid.Uint64().Draw(t, "bytes")
		samples = append(samples, recording.Sample{TNS: ns.Draw(t, "at"), SocketBytes: &b, Streams: []recording.StreamCounters{{ID: id.Draw(t, "id"), IOBytes: &b}}})
	}
	withSamples(s, samples)
	return s
}

// millionSamples is a run of more than a day.
func millionSamples() *analysis.Study {
	s := &analysis.Study{Header: recording.Header{SampleNS: second / 10}, Streams: []recording.Stream{{ID: 1, Label: "one"}}}
	samples := make([]recording.Sample, 1_000_000)
	sum := uint64(0)
	for i := range samples {
		sum += uint64(1e6 + i*7919%500_000)
		if i == 765_432 {
			sum += 9e6 // the greatest rate
		}
		samples[i] = recording.Sample{TNS: int64(i) * second / 10, Interface: &recording.InterfaceCounters{TxBytes: sum}, SocketBytes: new(sum - sum/50)}
	}
	withSamples(s, samples)
	return s
}

func TestMillionSamplesAreReduced(t *testing.T) {
	s := millionSamples()
	tl := timelineOf(s)
	vertices, high := 0, 0.0
	for _, line := range tl.iface.lines.polylines() {
		vertices += len(line)
		for _, v := range line {
			high = max(high, v.y)
		}
	}
	if vertices > 4*traceColumns || high != tl.iface.highest || high < 1e8 {
		t.Errorf("%d vertices up to %v of %v", vertices, high, tl.iface.highest)
	}
}

func BenchmarkTimelineOfAMillionSamples(b *testing.B) {
	s := millionSamples()
	for b.Loop() {
		if err := Timeline(io.Discard, s, PNG); err != nil {
			b.Fatal(err)
		}
	}
}
