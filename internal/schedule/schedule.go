// Package schedule is the experiment as text: which streams are active for how
// long, in which order, how often. A Schedule is identical on every machine; a
// Dealer turns it into concrete segments for the streams that are alive, from a
// seed.
package schedule

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"pausetest/internal/strictyaml"
)

// A Schedule says what to run. One pass over its segments is a block.
type Schedule struct {
	// SettleNS is how long a segment settles before it is measured; 0 leaves
	// it to the method.
	SettleNS int64
	// Blocks is how often the segments are run; 0 means until the judge has
	// decided.
	Blocks int
	// Random runs the segments of each block in random order.
	Random bool
	// GapNS is how long everything runs between blocks; negative leaves it to
	// the method.
	GapNS int64
	// Seed, if set, makes every random choice repeatable.
	Seed     *uint64
	Segments []Segment

	// Text is the schedule as it was written.
	Text string

	file string
}

// A Segment asks for one set of active streams.
type Segment struct {
	Active Active
	// HoldNS is the segment's whole length, settling included; 0 leaves it to
	// the method.
	HoldNS int64

	line, column int
}

// Active says which streams run during a segment. Exactly one field is set.
type Active struct {
	All    bool
	Count  int      // any so many; which ones is dealt, so that each stream gets its turn
	Labels []string // exactly these
}

//go:embed default.yaml
var defaultText []byte

// Default is the schedule that is run when the operator gives none.
func Default() *Schedule {
	s, err := Parse("default schedule", defaultText)
	if err != nil {
		panic("the embedded schedule does not parse: " + err.Error())
	}
	return s
}

// Parse reads a schedule. Errors are *strictyaml.Error and name the file, the
// line and the column.
func Parse(file string, text []byte) (*Schedule, error) {
	var doc document
	if err := strictyaml.Decode(file, text, &doc); err != nil {
		return nil, err
	}
	s := &Schedule{
		SettleNS: int64(doc.Settle),
		Blocks:   int(doc.Repeat),
		Random:   bool(doc.Order),
		GapNS:    -1,
		Text:     string(text),
		file:     file,
	}
	if doc.Gap != nil {
		s.GapNS = int64(*doc.Gap)
	}
	if doc.Seed != nil {
		seed := uint64(*doc.Seed)
		s.Seed = &seed
	}
	for _, d := range doc.Segments {
		s.Segments = append(s.Segments, Segment(d))
	}
	if len(s.Segments) == 0 {
		return nil, &strictyaml.Error{File: file, Line: 1, Column: 1, Reason: `"segments" is missing or empty; expected a list of at least one segment, such as "- active: all"`}
	}
	if s.Blocks == 0 && !s.IsPairs() {
		return nil, &strictyaml.Error{File: file, Line: 1, Column: 1, Reason: `"repeat" has to be a number: only a schedule of two segments, "active: all" and "active: 1", can be run until decided`}
	}
	return s, s.checkHolds()
}

// checkHolds refuses segments that would end before they have settled.
func (s *Schedule) checkHolds() error {
	for _, seg := range s.Segments {
		if seg.HoldNS > 0 && s.SettleNS >= seg.HoldNS {
			return s.at(seg, "hold of "+seconds(seg.HoldNS)+" leaves nothing to measure after settling for "+seconds(s.SettleNS))
		}
	}
	return nil
}

// CheckMaxPause refuses segments that would keep a stream paused for longer
// than one pause may last.
func (s *Schedule) CheckMaxPause(maxPauseNS int64) error {
	for _, seg := range s.Segments {
		if !seg.Active.All && seg.HoldNS > maxPauseNS {
			return s.at(seg, "hold of "+seconds(seg.HoldNS)+" would pause streams for longer than the limit of "+seconds(maxPauseNS)+" (--max-pause)")
		}
	}
	return nil
}

// CheckLabels refuses segments that name a stream which is not there.
func (s *Schedule) CheckLabels(labels []string) error {
	for _, seg := range s.Segments {
		for _, want := range seg.Active.Labels {
			if !slices.ContainsFunc(labels, func(l string) bool { return names(want, l) }) {
				return s.at(seg, "no stream is labelled "+quote(want))
			}
		}
	}
	return nil
}

// CheckStreams refuses segments that ask for more streams than there are.
func (s *Schedule) CheckStreams(streams int) error {
	for _, seg := range s.Segments {
		if seg.Active.Count > streams {
			return s.at(seg, fmt.Sprintf("%d active streams are asked for, and %d are there", seg.Active.Count, streams))
		}
	}
	return nil
}

// names reports whether an operator who writes want means the stream with that
// label. The level may be left away: a schedule is written once, and tonight's
// level is another.
func names(want, label string) bool {
	return label == want || strings.HasPrefix(label, want+" level ")
}

func (s *Schedule) at(seg Segment, reason string) error {
	return &strictyaml.Error{File: s.file, Line: seg.line, Column: seg.column, Reason: reason}
}

func seconds(ns int64) string { return time.Duration(ns).String() }

// IsPairs reports whether a block is one all-active and one single-stream
// segment: what the sequential rule is made for.
func (s *Schedule) IsPairs() bool {
	return len(s.Segments) == 2 &&
		(s.Segments[0].Active.All && s.Segments[1].Active.Count == 1 ||
			s.Segments[1].Active.All && s.Segments[0].Active.Count == 1)
}
