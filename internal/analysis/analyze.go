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
	"pausetest/internal/limiter"
	"pausetest/internal/recording"
)

// ErrNoHeader is returned for records that do not begin with a header.
var ErrNoHeader = errors.New("the first record is not a header")

// A Recording can be gone through more than once, and says the same each time
// (recording.File).
type Recording interface {
	All() iter.Seq2[recording.Record, error]
	// Samples and Vitals are those among the records, as far as the recording is whole.
	Samples() iter.Seq2[*recording.Sample, error]
	Vitals() iter.Seq2[*recording.Vitals, error]
}

// Analyze reads a whole recording and judges it. A recording that was cut off is
// judged as far as it goes; any other error of the records is returned.
func Analyze(r Recording) (*Study, error) {
	s := Study{Samples: r.Samples()}
	var j *Judge
	var vitals limiter.Observed
	after := sequel{}
	for rec, err := range r.All() {
		if err != nil {
			if _, cut := errors.AsType[*recording.TruncatedError](err); cut && j != nil {
				break
			}
			return nil, fmt.Errorf("analysing the recording: %w", err)
		}
		switch {
		case j == nil && rec.Header == nil:
			return nil, fmt.Errorf("analysing the recording: %w", ErrNoHeader)
		case j == nil:
			s.Header = *rec.Header
			j = NewJudge(s.Header)
		case rec.Sample != nil:
			s.Late.hear(rec.Sample)
			after.hearSample(rec.Sample)
		case rec.Event != nil:
			s.Events = append(s.Events, *rec.Event)
			after.hearEvent(rec.Event)
		case rec.Vitals != nil:
			vitals.Hear(rec.Vitals)
		}
		j.Hear(rec)
	}
	if j == nil {
		return nil, fmt.Errorf("analysing the recording: %w", ErrNoHeader)
	}
	s.conclude(j.finished())
	s.MovedSincePause = after.moved()
	if err := s.findLimit(vitals, r, j.Relative()); err != nil {
		return nil, fmt.Errorf("analysing the recording: %w", err)
	}
	return &s, nil
}

// conclude takes in what the judge says at the end.
func (s *Study) conclude(j *Judge) {
	s.Result = j.result()
	s.Result.Flow = flowOf(s.Events)
	s.Streams = j.streams
	s.LastNS = j.lastNS
	for i := range j.segments {
		s.Segments = append(s.Segments, j.segments[i].Segment)
	}
	if u, ok := FitUSL(s.Result.Levels); ok {
		s.USL = &u
	}
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
