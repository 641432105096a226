package plots

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

func TestCutPause(t *testing.T) {
	measured := []gap{{1, 2}, {4, 6}, {8, 9}}
	for _, tt := range []struct {
		name     string
		from, to float64
		want     []pause
	}{
		{"outside", 2.5, 3.5, []pause{{2.5, 3.5, false}}},
		{"settle and measure", 3, 6, []pause{{3, 4, false}, {4, 6, true}}},
		{"within", 4.5, 5, []pause{{4.5, 5, true}}},
		{"over all", 0, 10, []pause{{0, 1, false}, {1, 2, true}, {2, 4, false}, {4, 6, true}, {6, 8, false}, {8, 9, true}, {9, 10, false}}},
		{"from the end of a window", 2, 4, []pause{{2, 4, false}}},
		{"no time", 3, 3, nil},
		{"negative", 5, 3, nil},
	} {
		got := cutPause(tt.from, tt.to, measured)
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(pause{})); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// lanesOf are the lanes of a run of 20 s, measured from 4 s to 6 s.
func lanesOf(events ...recording.Event) timeline {
	s := &analysis.Study{
		Streams:  []recording.Stream{{ID: 1, Label: "one"}, {ID: 2}},
		Segments: []analysis.Segment{{BeginNS: 2 * second, FromNS: 4 * second, ToNS: 6 * second, EndNS: 6 * second, Used: true}},
		Events:   events,
	}
	var samples []recording.Sample
	for i := range int64(21) {
		samples = append(samples, recording.Sample{TNS: i * second, SocketBytes: new(uint64(100 * i))})
	}
	withSamples(s, samples)
	return timelineOf(s)
}

func TestLanes(t *testing.T) {
	event := func(at int64, kind recording.EventKind, stream int) recording.Event {
		return recording.Event{TNS: at * second, Kind: kind, Stream: stream}
	}
	for _, tt := range []struct {
		name   string
		events []recording.Event
		want   []pause // of stream 1
		to     float64
	}{
		{"paused and resumed", []recording.Event{event(2, recording.Pausing, 1), event(3, recording.Paused, 1), event(7, recording.Resumed, 1)},
			[]pause{{2, 4, false}, {4, 6, true}, {6, 7, false}}, 20},
		{"continued by somebody else", []recording.Event{event(2, recording.Paused, 1), event(5, recording.ForeignContinue, 1), event(7, recording.Resumed, 1)},
			[]pause{{2, 4, false}, {4, 5, true}}, 20},
		{"ended while paused", []recording.Event{event(8, recording.Paused, 1), event(9, recording.StreamEnded, 1)}, []pause{{8, 9, false}}, 9},
		{"never resumed", []recording.Event{event(18, recording.Paused, 1)}, []pause{{18, 20, false}}, 20},
		{"resumed only", []recording.Event{event(18, recording.Resumed, 1)}, nil, 20},
		{"unknown stream", []recording.Event{event(1, recording.Paused, 9), event(2, recording.Resumed, 9)}, nil, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := lanesOf(tt.events...).lanes[0]
			if diff := cmp.Diff(tt.want, l.pauses, cmp.AllowUnexported(pause{})); diff != "" {
				t.Error(diff)
			}
			if l.to != tt.to {
				t.Errorf("the stream ends at %v, want %v", l.to, tt.to)
			}
		})
	}
}

func TestMarks(t *testing.T) {
	tl := lanesOf(
		recording.Event{TNS: 3 * second, Kind: recording.Decided},
		recording.Event{TNS: 5 * second, Kind: recording.StreamAppeared, Appeared: &recording.Stream{ID: 2}},
		recording.Event{TNS: 6 * second, Kind: recording.ForeignContinue, Stream: 1},
		recording.Event{TNS: 7 * second, Kind: recording.ForeignContinue, Stream: 1},
		recording.Event{TNS: 8 * second, Kind: recording.StreamEnded, Stream: 77},
		recording.Event{TNS: 9 * second, Kind: recording.RunEnd},
	)
	if got := []string{tl.marks[0].letter, tl.marks[1].letter}; len(tl.marks) != 2 || got[0] != "D" || got[1] != "E" {
		t.Errorf("marks of the run: %v", tl.marks)
	}
	if l := tl.lanes[1]; l.from != 5 || len(l.marks) != 1 || l.label != "stream 2" {
		t.Errorf("the newcomer: %+v", l)
	}
	var keys []string
	for _, k := range tl.markKeys() {
		keys = append(keys, k.text)
	}
	want := []string{"continued by somebody else (2 times)", "decided", "new stream", "stream ended"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Error(diff)
	}
}

func TestTimelineTraces(t *testing.T) {
	s := events16.study()
	tl := timelineOf(s)
	if runs := tl.attributed.lines.runs; tl.source != analysis.Sockets || len(runs) != 4 || len(tl.gaps) != 3 {
		t.Errorf("%s: %d runs, %d gaps; want sockets, 4 runs around 3 gaps", tl.source, len(runs), len(tl.gaps))
	}
	for _, w := range tl.windows {
		if !w.used && w.drawable() {
			t.Error("the mean of a segment that is not used would be drawn")
		}
	}
	withSamples(s, changedSamples(s, func(s *recording.Sample) { s.SocketBytes = nil }))
	if tl := timelineOf(s); tl.source != analysis.IO || tl.attributed.empty() {
		t.Errorf("without sockets: %s, want the streams' writes", tl.source)
	}
	withSamples(s, changedSamples(s, func(s *recording.Sample) { s.Streams = nil }))
	tl = timelineOf(s)
	if !tl.attributed.empty() || tl.iface.empty() || len(tl.gaps) != len(tl.iface.gaps) {
		t.Error("without any counter of the streams, the interface's gaps count")
	}
}

// A recording that can't be read again is an error, and no empty figure.
func TestTimelineNeedsItsSamples(t *testing.T) {
	s := collapse2.study()
	gone := errors.New("disk on fire")
	s.Samples = func(yield func(*recording.Sample, error) bool) { yield(nil, gone) }
	var out bytes.Buffer
	if err := Timeline(&out, s, PNG); !errors.Is(err, gone) || out.Len() > 0 {
		t.Errorf("%v, %d bytes", err, out.Len())
	}
}
