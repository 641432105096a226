// Package analysis judges recordings: does a host move less with all of its
// streams running than with one? It is pure. A Judge hears records one by one,
// during a run or from a file, and Analyze lets one hear a whole recording.
//
// The way of a number: samples -> segments (segments.go, edges.go) -> blocks
// (pairing.go, blocks.go) -> an estimate of ln T(N)/T(1) (estimate.go) -> an
// interval and a verdict (sequential.go) -> words (words.go, warnings.go).
// docs/statistics.md explains the method and cites its sources.
package analysis

import (
	"errors"
	"fmt"
	"iter"

	"pausetest/internal/flowchart"
	"pausetest/internal/recording"
)

// ErrNoHeader is returned for records that do not begin with a header.
var ErrNoHeader = errors.New("the first record is not a header")

// Analyze reads a whole recording (recording.Reader.All) and judges it. A
// recording that was cut off is judged as far as it goes; any other error of
// the records is returned.
func Analyze(records iter.Seq2[recording.Record, error]) (*Study, error) {
	var s Study
	var j *Judge
	for r, err := range records {
		if err != nil {
			if _, cut := errors.AsType[*recording.TruncatedError](err); cut && j != nil {
				break
			}
			return nil, fmt.Errorf("analysing the recording: %w", err)
		}
		switch {
		case j == nil && r.Header == nil:
			return nil, fmt.Errorf("analysing the recording: %w", ErrNoHeader)
		case j == nil:
			s.Header = *r.Header
			j = NewJudge(s.Header)
		case r.Sample != nil:
			s.Samples = append(s.Samples, *r.Sample)
		case r.Event != nil:
			s.Events = append(s.Events, *r.Event)
		case r.Vitals != nil:
			s.Vitals = append(s.Vitals, *r.Vitals)
		}
		j.Hear(r)
	}
	if j == nil {
		return nil, fmt.Errorf("analysing the recording: %w", ErrNoHeader)
	}
	j = j.finished()
	s.Result = j.result()
	s.Result.Flow = flowOf(s.Events)
	s.Streams = j.streams
	for i := range j.segments {
		s.Segments = append(s.Segments, j.segments[i].Segment)
	}
	s.Result.Limiter = s.limiter()
	if u, ok := FitUSL(s.Result.Levels); ok {
		s.USL = &u
	}
	return &s, nil
}

// flowOf is the flow that was recorded, nil if there is none.
func flowOf(events []recording.Event) *Flow {
	for i := range events {
		if f := events[i].Flow; events[i].Kind == recording.FlowSeen && f != nil {
			return &Flow{*f, flowchart.Sentences(f)}
		}
	}
	return nil
}
