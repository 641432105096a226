package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"pausetest/internal/fdvol"
	"pausetest/internal/fdvol/volume"
	"pausetest/internal/printable"
	"pausetest/internal/recording"
	"pausetest/internal/report"
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
	out := fdCost{OwnShare: float64(fdvol.OwnCPUNS()-w.beganCPUNS) / float64(w.ended.Sub(w.began))}
	if c.Runs == 0 || c.TimedNS == 0 {
		return out
	}
	share, each, rate := float64(c.RunNS)/float64(c.TimedNS), float64(c.RunNS)/float64(c.Runs), float64(c.Runs)/(float64(c.TimedNS)/1e9)
	out.KernelShare, out.RunNS, out.RunsPerSec, out.TimedSec = &share, &each, &rate, float64(c.TimedNS)/1e9
	return out
}

func (v *fdVolume) write(w io.Writer, asJSON, withClasses bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	if v.NoEBPF != "" {
		fmt.Fprintln(w, "not counted by eBPF:", printable.Text(v.NoEBPF, 0))
	}
	if v.Method == methodProc {
		fmt.Fprintln(w, "from /proc: sums of a process, and files by their position; it can't tell pipes and sockets apart, nor sizes, nor times; send, recv and splice are not in it")
	}
	fmt.Fprintf(w, "processes watched: %d, for %s\n\n", len(v.Processes), report.Seconds(v.WatchedSec))
	if err := v.writeTable(w); err != nil {
		return err
	}
	if withClasses {
		v.writeClasses(w)
	}
	v.writePending(w)
	for _, text := range v.Warnings {
		fmt.Fprintln(w, "warning:", text)
	}
	_, err := fmt.Fprintln(w, "cost:", v.Cost)
	return err
}

// maxFDLines is how many descriptors the table shows: those that moved most.
const maxFDLines = 40

func (v *fdVolume) shown() []fdLine { return v.Descriptors[:min(len(v.Descriptors), maxFDLines)] }

func (v *fdVolume) writeTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "PROCESS\tFD\tWHAT IT IS\tWAY\tCALLS\tBYTES\tRATE\tTYPICAL\tIN CALL")
	for i := range v.shown() {
		l := &v.Descriptors[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.who(), l.fdText(), l.whatText(), l.way(),
			l.callsText(), report.Bytes(float64(l.Bytes)), report.Rate(l.Rate), l.typicalText(), l.inCallText())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if hidden := len(v.Descriptors) - len(v.shown()); hidden > 0 {
		fmt.Fprintf(w, "%d more that moved less: --json has them\n", hidden)
	}
	return nil
}

func (l *fdLine) who() string { return fmt.Sprintf("%s[%d]", l.Process, l.PID) }

func (l *fdLine) fdText() string {
	if l.FD == nil {
		return "all"
	}
	return fmt.Sprint(*l.FD)
}

// whatText says, too, that the number meant other things: as the name is that of
// the last one.
func (l *fdLine) whatText() string {
	switch {
	case l.Closed > 0:
		return fmt.Sprintf("%s (closed: %d)", l.What, l.Closed)
	case l.Others > 0:
		return fmt.Sprintf("%s (and %d others)", l.What, l.Others)
	}
	return l.What
}

// way is the direction and, when they are known, the calls: "out write, sendto".
func (l *fdLine) way() string {
	text := string(l.Direction)
	if l.CallDetails == nil {
		return text
	}
	const most = 2
	var names []string
	for _, c := range l.ByCall[:min(len(l.ByCall), most)] {
		names = append(names, c.Call)
	}
	if len(l.ByCall) > most {
		names = append(names, "...")
	}
	return strings.TrimSpace(text + " " + strings.Join(names, ", "))
}

func (l *fdLine) callsText() string {
	switch {
	case l.Calls == nil:
		return "unknown"
	case l.CallDetails != nil && l.Failed > 0:
		return fmt.Sprintf("%d (%d failed)", *l.Calls, l.Failed)
	}
	return fmt.Sprint(*l.Calls)
}

func (l *fdLine) typicalText() string {
	if l.CallDetails == nil || l.typical == "" {
		return "-"
	}
	return l.typical
}

func (l *fdLine) inCallText() string {
	if l.CallDetails == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*l.InCallShare)
}

// writeClasses shows the calls of every descriptor of the table by size and time.
func (v *fdVolume) writeClasses(w io.Writer) {
	for i := range v.shown() {
		l := &v.Descriptors[i]
		if l.CallDetails == nil {
			continue
		}
		var sizes, times []string
		for _, c := range l.Sizes {
			sizes = append(sizes, fmt.Sprintf("%s: %d", sizeText(c.FromBytes), c.Calls))
		}
		for _, c := range l.Times {
			times = append(times, fmt.Sprintf("%s: %d", timeText(c.FromNS), c.Calls))
		}
		fmt.Fprintf(w, "\n%s fd %s %s\n  calls by size  %s\n  by time        %s\n", l.who(), l.fdText(), l.way(),
			strings.Join(sizes, ", "), strings.Join(times, ", "))
	}
}

func (v *fdVolume) writePending(w io.Writer) {
	if len(v.Pending) == 0 {
		return
	}
	fmt.Fprintln(w)
	for _, p := range v.Pending {
		forText := "for " + report.Seconds(p.ForSec)
		if p.AtLeast {
			forText = "for at least " + report.Seconds(p.ForSec)
		}
		fmt.Fprintf(w, "still in a call at the end: %s[%d] in %s of fd %d, %s, %s\n", p.Process, p.PID, p.Call, p.FD, p.What, forText)
	}
}

func (c fdCost) String() string {
	own := fmt.Sprintf("pausetest itself took %.1f %% of one CPU", 100*c.OwnShare)
	if c.KernelShare == nil {
		return own
	}
	return fmt.Sprintf("the programs in the kernel took %.1f %% of one CPU (%.0f ns a run, %.0f runs a second for all system calls of this host; timed for %s); %s",
		100**c.KernelShare, *c.RunNS, *c.RunsPerSec, report.Seconds(c.TimedSec), own)
}

// sizeText names the size class that begins at a number of bytes: "0 B",
// "512-1023 B", "32-64 KiB".
func sizeText(from uint64) string {
	switch {
	case from <= 1:
		return fmt.Sprintf("%d B", from)
	case from < 1<<10:
		return fmt.Sprintf("%d-%d B", from, 2*from-1)
	}
	units := []string{"KiB", "MiB", "GiB"}
	from >>= 10
	for from >= 1<<10 && len(units) > 1 {
		from, units = from>>10, units[1:]
	}
	return fmt.Sprintf("%d-%d %s", from, 2*from, units[0])
}

// timeText names the time class that begins at a number of nanoseconds by where it
// begins: "from 8.19 µs".
func timeText(from uint64) string {
	switch {
	case from == 0:
		return "below 0.5 µs"
	case from < 1e6:
		return fmt.Sprintf("from %.3g µs", float64(from)/1e3)
	case from < 1e9:
		return fmt.Sprintf("from %.3g ms", float64(from)/1e6)
	}
	return fmt.Sprintf("from %.3g s", float64(from)/1e9)
}
