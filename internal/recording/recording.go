// Package recording is the bridge between the two halves of pausetest: the run
// half writes one, the analysis half reads it, and nothing else passes between
// them.
//
// A recording is a sequence of records, one JSON object a line: first a header,
// then events, samples and vitals, appended as they happen. It holds facts only:
// cumulative counters and what was done when, never a rate and never a
// judgement. A recording that was cut off (power, full disk, kill -9) is good
// up to its last whole line.
//
// Times are nanoseconds of a monotonic clock since the run began; wall time
// stands once, in the header. Records are written in the order in which they
// became known; a sample may carry an earlier time than the event before it.
package recording

import "time"

// Format is the version of the recording written by this program. Readers
// accept this one and all earlier ones.
const Format = 1

// A Record is one line of a recording. Exactly one field is set.
type Record struct {
	Header *Header `json:"header,omitempty"`
	Event  *Event  `json:"event,omitempty"`
	Sample *Sample `json:"sample,omitempty"`
	Vitals *Vitals `json:"vitals,omitempty"`
}

// A Header says what was run, where, and how; it is the first record.
type Header struct {
	Format      int               `json:"format"`
	Tool        string            `json:"tool"` // version of the program that wrote the recording
	Started     time.Time         `json:"started"`
	Host        Host              `json:"host"`
	Argv        []string          `json:"argv"`
	Note        string            `json:"note,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Seed        uint64            `json:"seed"`
	Simulated   bool              `json:"simulated,omitempty"` // played in virtual time, no real backup was touched
	Interface   Interface         `json:"interface"`
	Direction   Direction         `json:"direction"`
	SampleNS    int64             `json:"sample_ns"` // nominal distance between samples
	Plan        Plan              `json:"plan"`
	Limits      Limits            `json:"limits"`
	Streams     []Stream          `json:"streams"`           // those alive when the run began
	Shared      []SharedProcess   `json:"shared,omitempty"`  // processes that more than one stream flows through
	Refused     []Refusal         `json:"refused,omitempty"` // streams that were seen and may not be paused
	Warnings    []string          `json:"warnings,omitempty"`
	Attribution Attribution       `json:"attribution"`
}

// Direction is the way the streams' bytes go through this host's interface.
type Direction string

// A fileserver transmits its dumps, a backup server receives them.
const (
	Transmit Direction = "tx"
	Receive  Direction = "rx"
)

// Host identifies the machine the run was made on.
type Host struct {
	Name   string `json:"name"`
	OS     string `json:"os,omitempty"`
	Kernel string `json:"kernel,omitempty"`
	BootID string `json:"boot_id,omitempty"`
	CPUs   int    `json:"cpus,omitempty"`
}

// Interface is the network interface that was sampled.
type Interface struct {
	Name  string `json:"name"`
	Index int    `json:"index,omitempty"`
	// SpeedBitsPerSecond is what the driver reports; 0 when it reports nothing.
	SpeedBitsPerSecond uint64 `json:"speed_bits_per_second,omitempty"`
	// How the interface was chosen: "route" (of the streams' own sockets),
	// "flag" (named by the operator) or "default-route".
	ChosenBy string `json:"chosen_by,omitempty"`
}

// Attribution says which counters beside the interface's the run could read.
type Attribution struct {
	Sockets bool `json:"sockets"` // TCP sockets of every managed stream, by INET_DIAG
	IO      bool `json:"io"`      // /proc/PID/io of every managed stream's source
}

// A Plan is the experimental design as asked for. A zero duration or count
// means "chosen by the method" (docs/statistics.md).
type Plan struct {
	Design     Design  `json:"design"`
	Goal       Goal    `json:"goal"`
	Confidence float64 `json:"confidence"` // two-sided, 0.95 or 0.90
	SettleNS   int64   `json:"settle_ns,omitempty"`
	MeasureNS  int64   `json:"measure_ns,omitempty"`
	MinBlocks  int     `json:"min_blocks,omitempty"`
	MaxBlocks  int     `json:"max_blocks"`
	// Between asks for the levels between one and all, after the main verdict,
	// each measured BetweenRounds times.
	Between       bool `json:"between,omitempty"`
	BetweenRounds int  `json:"between_rounds,omitempty"`
	Placebo       int  `json:"placebo,omitempty"` // pairs of placebo segments
	// UnattributedShare is the operator's bound on the part of the traffic
	// with one stream active that belongs to no managed stream, 0..1;
	// negative: unknown. It matters only when the interface decides.
	UnattributedShare float64 `json:"unattributed_share"`
	// Schedule is the text of the schedule that was run, as given.
	Schedule string `json:"schedule"`
	// PairRounds is how often every two streams and every single one are measured
	// against all, at the end of the run; 0: not at all.
	PairRounds int `json:"pair_rounds,omitempty"`
}

// Design is the way the number of blocks is settled.
type Design string

// The designs.
const (
	Sequential Design = "sequential" // group-sequential, up to MaxBlocks
	OpenEnded  Design = "open-ended" // e-process: may be stopped or extended at will
	Fixed      Design = "fixed"      // exactly MaxBlocks, one look at the end
)

// Goal is the question a sequential run stops at.
type Goal string

// The goals.
const (
	GoalClass    Goal = "class"    // which of collapse, saturated, scaling
	GoalCollapse Goal = "collapse" // collapse or not, no finer
)

// Limits bound what a run may do to the backups. All are nanoseconds.
type Limits struct {
	MaxPauseNS       int64 `json:"max_pause_ns"`                  // one pause of one stream
	MaxPausedTotalNS int64 `json:"max_paused_total_ns,omitempty"` // all pauses of one stream; 0: no limit
	BudgetNS         int64 `json:"budget_ns,omitempty"`           // stream-nanoseconds withheld in all; 0: no limit
	MinRunNS         int64 `json:"min_run_ns"`                    // running time between two pauses of a stream
}

// A Process is a process as it stood when it was first seen.
type Process struct {
	PID        int    `json:"pid"`
	StartTicks uint64 `json:"start_ticks"` // clock ticks after boot; with the boot id, an identity for ever
	Name       string `json:"name"`        // comm
	Command    string `json:"command,omitempty"`
}

// A Stream is one concurrent dump.
type Stream struct {
	ID    int    `json:"id"` // from 1, never reused within a recording
	Label string `json:"label"`
	Rule  string `json:"rule,omitempty"` // the rule that found it
	// Source is the process whose writes are the stream's bytes.
	Source    Process   `json:"source"`
	Targets   []Process `json:"targets"`             // what is stopped
	Processes []Process `json:"processes,omitempty"` // the whole tree
	// SharedPID is the shared process this stream flows through; 0 for none.
	SharedPID int `json:"shared_pid,omitempty"`
	// AgeNS is how long the source had run when it was first seen.
	AgeNS int64 `json:"age_ns,omitempty"`
}

// A SharedProcess is a process more than one stream flows through.
type SharedProcess struct {
	Process
	Streams []int `json:"streams"`
}

// A Refusal is a stream that was found and may not be paused.
type Refusal struct {
	Label  string `json:"label"`
	PID    int    `json:"pid"`
	Rule   string `json:"rule"` // name of the safety rule
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
}

// Phase is the part of a run a segment belongs to.
type Phase string

// The phases, in the order in which a run goes through them.
const (
	PhaseBaseline Phase = "baseline" // everything runs; the counters are qualified
	PhaseMain     Phase = "main"     // pairs of all and one: the verdict
	PhaseGap      Phase = "gap"      // everything runs, between blocks
	PhasePlacebo  Phase = "placebo"  // pairs of untouched and stopped-and-continued-at-once
	PhaseBetween  Phase = "between"  // pairs of k and all: the curve
	PhaseSchedule Phase = "schedule" // segments of an operator's own schedule
	PhasePairs    Phase = "pairs"    // one stream or two, and all: which streams hurt each other
)

// A Segment is a stretch of time with one fixed set of active streams: first
// it settles, then it is measured. Segments, not samples, are the statistical
// unit.
type Segment struct {
	Number    int   `json:"number"`          // from 1, in order
	Block     int   `json:"block,omitempty"` // from 1; 0 for baseline and gaps
	Phase     Phase `json:"phase"`
	Active    []int `json:"active"`            // stream ids, ascending
	Lead      int   `json:"lead,omitempty"`    // the block's lead: the stream that runs alone in its "one" segment
	Placebo   bool  `json:"placebo,omitempty"` // streams were stopped and continued at once before settling
	SettleNS  int64 `json:"settle_ns"`
	MeasureNS int64 `json:"measure_ns"`
}

// EventKind says what happened.
type EventKind string

// The events.
const (
	// SegmentBegin: the wanted set of streams is active; settling starts.
	SegmentBegin EventKind = "segment-begin"
	// SegmentEnd: the segment ran its full length and may be used.
	SegmentEnd EventKind = "segment-end"
	// SegmentCut: the segment ended early or was spoilt and is not used.
	SegmentCut EventKind = "segment-cut"

	Pausing EventKind = "pausing" // before the first stop signal of a stream
	Paused  EventKind = "paused"  // every thread of it was seen stopped
	Resumed EventKind = "resumed" // after its last continue signal

	StreamAppeared  EventKind = "stream-appeared"
	StreamEnded     EventKind = "stream-ended"
	StreamRefused   EventKind = "stream-refused"   // can't be paused after all; it runs on unmanaged
	ForeignContinue EventKind = "foreign-continue" // somebody else continued a paused stream
	StopPending     EventKind = "stop-pending"     // a member sleeps uninterruptibly and will stop later
	// Retimed: settle and measure hold from here on. The first one ends the
	// baseline; each later one discards the main blocks before it.
	Retimed       EventKind = "retimed"
	Decided       EventKind = "decided"        // the stopping rule spoke
	LimitReached  EventKind = "limit-reached"  // a limit of the disturbance ended the phase
	Late          EventKind = "late"           // samples were missed altogether
	ClockJump     EventKind = "clock-jump"     // wall and monotonic clock disagree since the last sample
	InterfaceLost EventKind = "interface-lost" // the interface vanished
	GuardLost     EventKind = "guard-lost"     // the guard died or fired; everything was resumed
	Suspended     EventKind = "suspended"      // by Ctrl-Z; everything was resumed before
	Interrupted   EventKind = "interrupted"    // by a signal or the operator
	RunEnd        EventKind = "run-end"        // last record of a run that ended by itself; Detail says why
	FlowSeen      EventKind = "flow"           // the way of the streams' bytes, as it was when the run began
)

// An Event is something that happened, or that was done, at an instant.
type Event struct {
	TNS     int64     `json:"t_ns"`
	Kind    EventKind `json:"kind"`
	Stream  int       `json:"stream,omitempty"`  // stream id
	Segment *Segment  `json:"segment,omitempty"` // with SegmentBegin
	Number  int       `json:"number,omitempty"`  // segment number, with SegmentEnd and SegmentCut
	// Appeared is the newcomer, with StreamAppeared.
	Appeared *Stream `json:"appeared,omitempty"`
	// SettleNS and MeasureNS hold from here on, with Retimed.
	SettleNS  int64  `json:"settle_ns,omitempty"`
	MeasureNS int64  `json:"measure_ns,omitempty"`
	Detail    string `json:"detail,omitempty"`
	// Flow comes with FlowSeen.
	Flow *Flow `json:"flow,omitempty"`
}

// A Sample holds cumulative counters. A counter that could not be read is
// absent, never zero.
type Sample struct {
	TNS    int64 `json:"t_ns"`              // instant at which the interface was read
	LateNS int64 `json:"late_ns,omitempty"` // how much later than due
	// Interface counters.
	Interface *InterfaceCounters `json:"iface,omitempty"`
	// AttributedTNS is the instant at which the streams' counters were read.
	AttributedTNS int64 `json:"attr_t_ns,omitempty"`
	// SocketBytes is what the TCP sockets of all managed streams have had
	// acknowledged (Transmit) or have received (Receive). It only grows: the
	// last known value of a closed socket stays in.
	SocketBytes *uint64          `json:"sockets,omitempty"`
	Streams     []StreamCounters `json:"streams,omitempty"`
}

// InterfaceCounters are cumulative since the interface came up.
type InterfaceCounters struct {
	RxBytes uint64 `json:"rx"`
	TxBytes uint64 `json:"tx"`
}

// StreamCounters are one stream's cumulative counters.
type StreamCounters struct {
	ID int `json:"id"`
	// IOBytes is what the stream's source has written (/proc/PID/io wchar).
	IOBytes *uint64 `json:"io,omitempty"`
	// SocketBytes is the stream's own sockets' part; absent where several
	// streams share the process that holds them.
	SocketBytes *uint64 `json:"sockets,omitempty"`
}
