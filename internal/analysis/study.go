package analysis

import (
	"iter"

	"pausetest/internal/recording"
)

// A Study is a recording read and judged: all that figures and reports need.
//
// Note: it holds nothing that there is one of for each sample. A run of a day has a
// million; who needs them goes through the recording again.
type Study struct {
	Header   recording.Header
	Streams  []recording.Stream // those of the header, then those that appeared
	Segments []Segment
	Events   []recording.Event
	Result   Result
	// Samples goes through the samples again, as often as it is asked, while the
	// recording is there to be read. It is nil in a study that was made of a result.
	Samples iter.Seq2[*recording.Sample, error]
	LastNS  int64 // the latest instant of all events and samples
	Late    Lateness
	// MovedSincePause is what streams moved after their last pause, in bytes of their own
	// counters, by id; nothing for one that could not be followed.
	MovedSincePause map[int]uint64
	// USL is drawn beside the levels; nil with fewer than three of them.
	USL *USL
}

// A Segment is a segment as it went, with the rates measured in its settled
// window. Rates are absent when their source was not recorded or its counter
// went backwards.
type Segment struct {
	recording.Segment
	BeginNS int64 // switch confirmed, settling starts
	// The settled window. Equal when the segment was cut before it settled.
	FromNS, ToNS int64
	EndNS        int64
	// Used: it ran to its end and its block counts.
	Used bool
	// Cut says why a segment is not used, also that it belongs to no block (the
	// baseline, the gaps); empty for used ones.
	Cut   string
	Rates map[Source]float64 // bytes per second
	// Streams holds each stream's own rate where it could be counted.
	Streams []StreamRate
}

// A StreamRate is one stream's own rate during a segment.
type StreamRate struct {
	ID             int
	BytesPerSecond float64
	Source         Source
}
