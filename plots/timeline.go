package plots

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

// Timeline draws throughput over time, with the pauses of each stream below.
func Timeline(w io.Writer, s *analysis.Study, f Format) error {
	t, err := newTimeline(s)
	if err != nil {
		return err
	}
	return render(w, f, t)
}

// maxLanes is the number of streams that get a lane; beyond it a figure would
// be taller than a page of paper.
const maxLanes = 32

// A timeline is what the figure shows: seconds since the run began and bytes
// per second.
type timeline struct {
	page
	end        float64
	top        float64
	iface      trace
	attributed trace
	source     analysis.Source // of the attributed trace
	windows    []window
	lanes      []lane
	marks      []mark // those of the whole run, by time
	gaps       []gap
	timed      bool   // the first Retimed was seen
	why        string // there are no data
}

// A window is a segment: settling from..mid, measured mid..to.
type window struct {
	from, mid, to  float64
	used           bool
	bytesPerSecond float64 // NaN: no value
}

// A lane is one stream's line below the trace.
type lane struct {
	id       int
	label    string
	from, to float64 // while it was there
	pauses   []pause
	marks    []mark
}

// A pause is a part of a stream's pause.
type pause struct {
	from, to float64
	measured bool // within the measured window of a segment
}

// A mark is an event at an instant.
type mark struct {
	at     float64
	letter string
	text   string
}

func newTimeline(s *analysis.Study) (timeline, error) {
	t := timeline{page: pageOf(s), end: 1}
	if s.LastNS > 0 {
		t.end = toSeconds(s.LastNS)
	}
	if err := t.makeTraces(s); err != nil {
		return t, fmt.Errorf("reading the samples of a figure: %w", err)
	}
	if t.iface.empty() && t.attributed.empty() {
		t.why = "No two samples follow each other, so there is no rate over time. " + emptyText(&s.Result)
		return t, nil
	}
	for i := range s.Segments {
		seg := &s.Segments[i]
		rate, ok := seg.Rates[s.Result.DecidedBy]
		if !ok || !isRate(rate) {
			rate = math.NaN()
		}
		t.windows = append(t.windows, window{
			from: toSeconds(seg.BeginNS), mid: toSeconds(seg.FromNS), to: toSeconds(seg.ToNS),
			used: seg.Used, bytesPerSecond: rate,
		})
	}
	slices.SortStableFunc(t.windows, func(a, b window) int { return cmp.Compare(a.from, b.from) })
	hidden := t.makeLanes(s)
	if hidden > 0 {
		t.caption = append(t.caption, count(hidden, "more stream is", "more streams are")+" not shown")
	}
	t.top = max(t.iface.highest, t.attributed.highest)
	for _, w := range t.windows {
		if w.used && w.bytesPerSecond > t.top {
			t.top = w.bytesPerSecond
		}
	}
	t.top *= 1.05
	if t.top == 0 {
		t.top = 1
	}
	t.keys = t.keysOf(s)
	return t, nil
}

// makeTraces goes through the samples and makes the rates: the interface's, and those
// of the best source that counts the streams' bytes alone.
func (t *timeline) makeTraces(s *analysis.Study) error {
	of := func(source analysis.Source) trace {
		lazy, refresh := s.Result.LazyCounter && s.Result.DecidedBy == source, 0.0
		if lazy {
			refresh = s.Result.RefreshSeconds
		}
		tr := newTrace(t.end, traceColumns, patience(s.Header.SampleNS, refresh))
		tr.onlyChanges = lazy
		return tr
	}
	iface, sockets, writes := of(analysis.Interface), of(analysis.Sockets), of(analysis.IO)
	written := writeSum{last: map[int]uint64{}}
	if s.Samples != nil {
		for sample, err := range s.Samples {
			if err != nil {
				return err
			}
			iface.add(interfaceReading(sample, s.Header.Direction))
			sockets.add(socketReading(sample))
			writes.add(written.reading(sample))
		}
	}
	t.iface, t.attributed, t.source = iface, sockets, analysis.Sockets
	if !writes.empty() && (sockets.empty() || s.Result.DecidedBy == analysis.IO) {
		t.attributed, t.source = writes, analysis.IO
	}
	t.gaps = t.attributed.noValue()
	if t.attributed.empty() {
		t.gaps = t.iface.noValue()
	}
	return nil
}

func toSeconds(ns int64) float64 { return float64(ns) / 1e9 }

// makeLanes gives each stream its lane, and returns how many have none.
func (t *timeline) makeLanes(s *analysis.Study) (hidden int) {
	at := map[int]int{} // stream id to index in t.lanes
	for _, st := range s.Streams {
		if _, twice := at[st.ID]; twice {
			continue
		}
		if len(t.lanes) == maxLanes {
			hidden++
			continue
		}
		at[st.ID] = len(t.lanes)
		t.lanes = append(t.lanes, lane{id: st.ID, label: labelOf(st.Label, st.ID), to: t.end})
	}
	measured := t.measuredWindows()
	open := map[int]float64{} // since when a stream is paused
	closePause := func(stream int, until float64) {
		if from, ok := open[stream]; ok {
			i := at[stream]
			t.lanes[i].pauses = append(t.lanes[i].pauses, cutPause(from, until, measured)...)
			delete(open, stream)
		}
	}
	for i := range s.Events {
		e := &s.Events[i]
		now := toSeconds(e.TNS)
		stream := e.Stream
		if e.Appeared != nil {
			stream = e.Appeared.ID
		}
		n, hasLane := at[stream]
		switch e.Kind {
		case recording.Pausing, recording.Paused:
			// From the first signal on: the pause may begin before it
			// is confirmed.
			if _, paused := open[stream]; hasLane && !paused {
				open[stream] = now
			}
		case recording.Resumed, recording.ForeignContinue, recording.StreamEnded:
			closePause(stream, now)
		}
		t.addMark(e, n, hasLane)
	}
	for _, l := range t.lanes {
		closePause(l.id, min(l.to, t.end))
	}
	return hidden
}

func (t *timeline) addMark(e *recording.Event, n int, hasLane bool) {
	text, ok := markTexts[e.Kind]
	if !ok {
		return
	}
	if e.Kind == recording.Retimed && !t.timed {
		t.timed = true // the first one only ends the baseline
		return
	}
	m := mark{at: toSeconds(e.TNS), letter: text.letter, text: text.text}
	if !hasLane {
		t.marks = append(t.marks, m)
		return
	}
	l := &t.lanes[n]
	l.marks = append(l.marks, m)
	switch e.Kind {
	case recording.StreamAppeared:
		l.from = m.at
	case recording.StreamEnded:
		l.to = m.at
	}
}

// markTexts are the events that are marked, with their letters.
var markTexts = map[recording.EventKind]struct{ letter, text string }{
	recording.StreamEnded:     {"E", "stream ended"},
	recording.StreamAppeared:  {"N", "new stream"},
	recording.StreamRefused:   {"S", "stream can't be paused after all"},
	recording.ForeignContinue: {"F", "continued by somebody else"},
	recording.StopPending:     {"P", "stop delayed by the kernel"},
	recording.Retimed:         {"R", "restarted with longer settling"},
	recording.Decided:         {"D", "decided"},
	recording.LimitReached:    {"L", "limit reached"},
	recording.ClockJump:       {"C", "clock jumped"},
	recording.InterfaceLost:   {"I", "interface lost"},
	recording.GuardLost:       {"G", "guard lost"},
	recording.Interrupted:     {"X", "interrupted"},
}

// measuredWindows are the measured parts of all segments, by time and without
// overlap.
func (t *timeline) measuredWindows() []gap {
	var out []gap
	for _, w := range t.windows {
		if n := len(out); w.to > w.mid && (n == 0 || w.mid >= out[n-1].to) {
			out = append(out, gap{w.mid, w.to})
		}
	}
	return out
}

// cutPause cuts a pause where measuring begins and ends.
func cutPause(from, to float64, measured []gap) []pause {
	var parts []pause
	first, _ := slices.BinarySearchFunc(measured, from, func(g gap, at float64) int { return cmp.Compare(g.to, at) })
	for _, g := range measured[first:] {
		if g.from >= to {
			break
		}
		if g.from > from {
			parts = append(parts, pause{from, g.from, false})
		}
		if from, g.from = max(from, g.from), min(g.to, to); from < g.from {
			parts = append(parts, pause{from, g.from, true})
			from = g.from
		}
	}
	if from < to {
		parts = append(parts, pause{from, to, false})
	}
	return parts
}

// allMarks counts the marks of the run and of all lanes, by what they say.
func (t *timeline) allMarks() map[mark]int {
	n := map[mark]int{}
	for _, m := range t.marks {
		n[mark{letter: m.letter, text: m.text}]++
	}
	for _, l := range t.lanes {
		for _, m := range l.marks {
			n[mark{letter: m.letter, text: m.text}]++
		}
	}
	return n
}

func (t *timeline) attributedName() string {
	if t.source == analysis.IO {
		return "streams (their writes)"
	}
	return "streams (their sockets)"
}

func (t *timeline) markKeys() []key {
	counts := t.allMarks()
	var keys []key
	for m, n := range counts {
		text := m.text
		if n > 1 {
			text = fmt.Sprintf("%s (%d times)", text, n)
		}
		keys = append(keys, key{text, badgeKey(m.letter)})
	}
	slices.SortFunc(keys, func(a, b key) int { return cmp.Compare(a.text, b.text) })
	return keys
}
