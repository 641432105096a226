package simulate

import (
	"context"
	"fmt"
	"math"

	"pausetest/internal/experiment"
	"pausetest/internal/recording"
)

// What the tool sees of a host and does to it: experiment.Streams and
// experiment.Meter. Signals act at once, on the grid of steps.

// A sample is a record whose memory is used again and again: nobody keeps it.
type sample struct {
	recording.Sample
	iface   recording.InterfaceCounters
	streams []recording.StreamCounters
	bytes   []uint64
}

func newSample(streams int) sample {
	return sample{streams: make([]recording.StreamCounters, 0, streams), bytes: make([]uint64, streams)}
}

// Census implements experiment.Streams.
func (h *host) Census(context.Context) ([]recording.Stream, error) { return h.census, nil }

// count takes stock of who is alive.
func (h *host) count() {
	h.census = nil
	for i := range h.streams {
		if s := &h.streams[i]; s.alive {
			h.census = append(h.census, s.recorded)
		}
	}
}

// Pause implements experiment.Streams.
func (h *host) Pause(_ context.Context, id int) error {
	s := &h.streams[id-1]
	if !s.alive {
		return fmt.Errorf("pausing %s: %w", s.recorded.Label, experiment.ErrEnded)
	}
	s.stopped = true
	return nil
}

// Resume implements experiment.Streams.
func (h *host) Resume(id int) error {
	h.streams[id-1].stopped = false
	return nil
}

// NowNS implements experiment.Meter.
func (h *host) NowNS() int64 { return h.nowNS }

// Observe implements experiment.Meter. It ends on the grid: up to one step
// after the instant.
func (h *host) Observe(ctx context.Context, untilNS int64, emit func(recording.Record) bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for h.nowNS < untilNS {
		if !h.change(emit) {
			return nil
		}
		h.step()
		if h.nowNS >= h.sampleNS && !h.late() && !emit(recording.Record{Sample: h.read()}) {
			return nil
		}
	}
	return nil
}

// change lets streams end and start whose time has come, and tells of it.
func (h *host) change(emit func(recording.Record) bool) bool {
	for i := 0; i < len(h.changes); {
		c := h.changes[i]
		if c.atNS > h.nowNS {
			i++
			continue
		}
		h.changes = append(h.changes[:i], h.changes[i+1:]...)
		s := &h.streams[c.index]
		if s.alive == c.start {
			continue // it ended before it could start, or the reverse
		}
		s.alive, s.stopped = c.start, false
		h.count()
		e := recording.Event{TNS: h.nowNS, Kind: recording.StreamEnded, Stream: s.recorded.ID}
		if c.start {
			e.Kind, e.Appeared = recording.StreamAppeared, &s.recorded
		}
		if !emit(recording.Record{Event: &e}) {
			return false
		}
	}
	return true
}

// late says whether a due sample is put off to the next step.
func (h *host) late() bool {
	p := h.world.Sampling.Late
	return p > 0 && h.rng.Float64() < p
}

// read takes a sample.
func (h *host) read() *recording.Sample {
	every := int64(h.world.Sampling.Every)
	h.sampleNS += every * (1 + (h.nowNS-h.sampleNS)/every)
	s := &h.sample
	q := h.world.Counter.Quantum
	s.iface.TxBytes = uint64(math.Floor(h.shown/q) * q)
	s.Sample = recording.Sample{TNS: h.nowNS, Interface: &s.iface}
	if h.world.Attributed {
		s.streams = s.streams[:0]
		for i := range h.streams {
			if h.streams[i].alive {
				s.bytes[i] = uint64(h.streams[i].bytes)
				s.streams = append(s.streams, recording.StreamCounters{ID: i + 1, IOBytes: &s.bytes[i]})
			}
		}
		s.Streams = s.streams
	}
	return &s.Sample
}
