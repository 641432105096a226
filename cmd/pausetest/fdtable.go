package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"pausetest/internal/printable"
	"pausetest/internal/report"
)

func (v *fdVolume) write(w io.Writer, asJSON, withClasses bool) error {
	if asJSON {
		return printJSON(w, v)
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
