// Package experiment walks a schedule: it pauses and resumes streams, waits for
// them to settle, measures, and records. It is pure: streams, meter, judge and
// recorder are plugged in, and time passes only inside Meter.Observe, so that
// the very same loop runs live backups and simulated ones.
package experiment

import (
	"context"
	"errors"

	"pausetest/internal/recording"
)

// Streams are the streams that can be paused. Ids are those of recording.Stream.
type Streams interface {
	// Census returns the streams that are alive and may be paused, by id. A
	// stream that was known before keeps its id; a newcomer gets a new one.
	Census(ctx context.Context) ([]recording.Stream, error)
	// Pause stops every process of a stream's pause target, or none: when it
	// returns an error the stream runs on. An error that wraps ErrEnded says
	// that the stream is gone, one that wraps ErrNotNow that it may be tried
	// again, one that wraps ErrRefused that it can't be paused; any other error
	// ends the run with that error.
	Pause(ctx context.Context, id int) error
	// Resume continues what Pause stopped. It succeeds on a stream that is
	// gone, and is safe to repeat.
	Resume(id int) error
}

// A Meter lets time pass and reports what it saw.
type Meter interface {
	// NowNS is the time since the run began.
	NowNS() int64
	// Observe lets time pass until the given instant and emits what becomes
	// known on the way: samples, and events that nobody asked for (a stream
	// ended, one appeared that may not be paused, somebody continued a paused
	// one, the clock jumped). It returns
	// early, without error, as soon as emit returns false; and with an error
	// when ctx ends or the run can't go on.
	Observe(ctx context.Context, untilNS int64, emit func(recording.Record) bool) error
}

// A Recorder keeps records. An error means that nothing more can be kept.
type Recorder interface {
	Write(recording.Record) error
}

// A Judge hears every record of the run and answers from them, by the same code
// that later reads the file: go on, measure anew with a longer settle, or stop?
type Judge interface {
	Hear(recording.Record)
	// BaselineNS is how long the pause-free baseline should last in all, as far
	// as can be told from what was heard; it may grow while it is measured.
	BaselineNS() int64
	// Timing is how long the next segments settle and are measured. It is asked
	// after the baseline and again after every Restart.
	Timing(streams int) Timing
	// Advise is asked after every block of PhaseMain or PhaseSchedule.
	Advise() Advice
}

// Timing is the length of a segment in two parts, in nanoseconds.
type Timing struct {
	SettleNS, MeasureNS int64
}

// An Advice is a judge's answer.
type Advice struct {
	Do     Action
	Reason string // of Restart and Stop, for the recording
}

// Action is what to do next.
type Action int

// The actions.
const (
	GoOn    Action = iota
	Restart        // discard the blocks so far, ask Timing again
	Stop
)

// What Streams.Pause and Meter.Observe may return, wrapped.
var (
	// ErrEnded: the stream is gone.
	ErrEnded = errors.New("the stream has ended")
	// ErrNotNow: the stream could not be paused this time; it runs on.
	ErrNotNow = errors.New("the stream can't be paused just now")
	// ErrRefused: the stream can't be paused. It runs on, and what it moves can't
	// be told from what "one stream alone" moves: the run ends.
	ErrRefused = errors.New("the stream can't be paused")
	// ErrStillPaused: undoing a pause that came about by half failed as well, so
	// that processes may be stopped still. The run ends.
	ErrStillPaused = errors.New("some of it may still be stopped")
	// ErrSuspend: the operator wants the program itself stopped (Ctrl-Z).
	ErrSuspend = errors.New("suspended by the operator")
)
