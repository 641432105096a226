package main

import (
	"cmp"
	"fmt"
	"slices"

	"pausetest/internal/fdvol"
	"pausetest/internal/fdvol/volume"
	"pausetest/internal/recording"
)

// An fdVolume is what `pausetest fdvol --json` prints.
type fdVolume struct {
	Method      string              `json:"method"`
	NoEBPF      string              `json:"no_ebpf,omitempty"` // why /proc was read though eBPF was wanted
	WatchedSec  float64             `json:"watched_seconds"`
	Processes   []recording.Process `json:"processes"`
	Descriptors []fdLine            `json:"descriptors"`
	Pending     []pendingLine       `json:"still_in_call"`
	Warnings    []string            `json:"warnings"`
	Cost        fdCost              `json:"cost"`
}

// An fdLine is what went one way through one descriptor. What the method can't tell
// is null.
type fdLine struct {
	PID          int              `json:"pid"`
	Process      string           `json:"process"`
	FD           *int             `json:"fd"` // null: all of them
	What         string           `json:"what"`
	Others       int              `json:"other_targets_seen"` // what it was at other looks
	Closed       uint64           `json:"times_closed"`
	Direction    volume.Direction `json:"direction"`
	Bytes        uint64           `json:"bytes"`
	Rate         float64          `json:"bytes_per_second"`
	Calls        *uint64          `json:"calls"`
	*CallDetails                  // nil: not known
}

// CallDetails are what only counting each call can tell.
type CallDetails struct {
	Failed      uint64      `json:"failed_calls"`
	Untimed     uint64      `json:"untimed_calls"`
	InCallSec   float64     `json:"in_call_seconds"` // calls that had not returned included
	InCallShare float64     `json:"in_call_share"`
	LongestSec  float64     `json:"longest_call_seconds"` // of those that returned
	ByCall      []callLine  `json:"by_call"`
	Sizes       []sizeClass `json:"sizes"`
	Times       []timeClass `json:"times"`

	typical string
}

type callLine struct {
	Call   string `json:"call"`
	Calls  uint64 `json:"calls"`
	Failed uint64 `json:"failed_calls"`
	Bytes  uint64 `json:"bytes"`
}

type sizeClass struct {
	FromBytes uint64 `json:"from_bytes"`
	Calls     uint64 `json:"calls"`
}

type timeClass struct {
	FromNS uint64 `json:"from_ns"`
	Calls  uint64 `json:"calls"`
}

// A pendingLine is a call that had not returned at the end.
type pendingLine struct {
	PID       int              `json:"pid"`
	TID       int              `json:"tid"`
	Process   string           `json:"process"`
	FD        int              `json:"fd"`
	What      string           `json:"what"`
	Call      string           `json:"call"`
	Direction volume.Direction `json:"direction"`
	ForSec    float64          `json:"seconds"`
	AtLeast   bool             `json:"at_least"` // it began before we looked
}

// An fdCost is what the counting itself took, as shares of one CPU.
type fdCost struct {
	OwnShare    float64  `json:"own_cpu_share"`
	KernelShare *float64 `json:"kernel_cpu_share"` // null: not measured, or no programs were used
	RunNS       *float64 `json:"ns_per_run"`
	RunsPerSec  *float64 `json:"runs_per_second"`
	TimedSec    float64  `json:"timed_seconds"`
}

// lines puts what was counted together with the names.
func (w *fdWatch) lines(counts fdCounts) *fdVolume {
	watchedSec := w.ended.Sub(w.began).Seconds()
	out := &fdVolume{Method: counts.method, WatchedSec: watchedSec, Processes: []recording.Process{}, Descriptors: []fdLine{}, Pending: []pendingLine{}, Warnings: []string{}}
	for _, p := range w.seen {
		out.Processes = append(out.Processes, p)
	}
	slices.SortFunc(out.Processes, func(a, b recording.Process) int {
		return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.StartTicks, b.StartTicks))
	})
	for _, f := range volume.Flows(counts.Counted, counts.Pending) {
		line := w.line(f.PID, f.FD, f.Direction)
		calls := f.Sum.Calls()
		line.Bytes, line.Rate, line.Calls, line.Closed = f.Sum.Bytes, float64(f.Sum.Bytes)/watchedSec, &calls, f.Closed
		line.CallDetails = detailsOf(&f, watchedSec)
		out.Descriptors = append(out.Descriptors, line)
	}
	for _, m := range counts.moved {
		if m.Bytes == 0 && m.Calls != nil && *m.Calls == 0 {
			continue
		}
		line := w.line(m.PID, m.FD, m.Direction)
		line.Bytes, line.Rate, line.Calls = m.Bytes, float64(m.Bytes)/watchedSec, m.Calls
		out.Descriptors = append(out.Descriptors, line)
	}
	for _, p := range counts.Pending {
		what, _ := w.names.Descriptor(p.PID, p.FD, w.sockets)
		out.Pending = append(out.Pending, pendingLine{PID: p.PID, TID: p.TID, Process: w.names.Process(p.PID), FD: p.FD, What: what,
			Call: p.Call, Direction: p.Direction, ForSec: float64(p.ForNS) / 1e9, AtLeast: p.BeganBefore})
	}
	out.warn(counts)
	out.Cost = costOf(counts.cost, w)
	return out
}

func (w *fdWatch) line(pid, fd int, d volume.Direction) fdLine {
	line := fdLine{PID: pid, Process: w.names.Process(pid), Direction: d}
	if fd == volume.AllFDs {
		line.What = "all descriptors together"
		return line
	}
	line.FD = &fd
	line.What, line.Others = w.names.Descriptor(pid, fd, w.sockets)
	return line
}

func detailsOf(f *volume.Flow, watchedSec float64) *CallDetails {
	inCallSec := float64(f.InCallNS()) / 1e9
	d := &CallDetails{Failed: f.Sum.Failed, Untimed: f.Sum.Untimed, InCallSec: inCallSec, InCallShare: inCallSec / watchedSec,
		LongestSec: float64(f.Sum.LongestNS) / 1e9, ByCall: []callLine{}, Sizes: []sizeClass{}, Times: []timeClass{}}
	for _, c := range f.ByCall {
		d.ByCall = append(d.ByCall, callLine{c.Call, c.Counter.Calls(), c.Counter.Failed, c.Counter.Bytes})
	}
	for class, n := range f.Sum.Sizes {
		if n > 0 {
			d.Sizes = append(d.Sizes, sizeClass{volume.SizeFrom(class), n})
		}
	}
	for class, n := range f.Sum.Times {
		if n > 0 {
			d.Times = append(d.Times, timeClass{volume.TimeFromNS(class), n})
		}
	}
	if class, ok := f.Sum.TypicalSize(); ok {
		d.typical = sizeText(volume.SizeFrom(class))
	}
	return d
}

func (v *fdVolume) warn(counts fdCounts) {
	if counts.LostCalls > 0 {
		v.Warnings = append(v.Warnings, fmt.Sprintf("%d calls were not counted: too many threads and descriptors for the table", counts.LostCalls))
	}
	if counts.CompatCalls > 0 {
		v.Warnings = append(v.Warnings, "the calls of a 32-bit program were not counted")
	}
	for _, pid := range counts.denied {
		v.Warnings = append(v.Warnings, fmt.Sprintf("the counters of pid %d may not be read; run it as root", pid))
	}
}

func costOf(c fdvol.RunCost, w *fdWatch) fdCost {
	out := fdCost{OwnShare: float64(processorTime()-w.beganCPU) / float64(w.ended.Sub(w.began))}
	if c.Runs == 0 || c.TimedNS == 0 {
		return out
	}
	share, each, rate := float64(c.RunNS)/float64(c.TimedNS), float64(c.RunNS)/float64(c.Runs), float64(c.Runs)/(float64(c.TimedNS)/1e9)
	out.KernelShare, out.RunNS, out.RunsPerSec, out.TimedSec = &share, &each, &rate, float64(c.TimedNS)/1e9
	return out
}
