package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"pausetest/internal/printable"
	"pausetest/internal/recording"
)

// dryRun prints what a run would do. It goes all the way to the first signal, and
// refuses whatever the run itself would refuse.
func (e *execution) dryRun(w io.Writer, first look) error {
	if err := e.examine(first); err != nil {
		writeRefused(w, first)
		writeWarnings(w, first.found.Warnings)
		return err
	}
	h := e.header
	for _, s := range h.Streams {
		fmt.Fprintf(w, "may pause  %s: pid %d, running for %v, %s\n", printable.Text(s.Label, 60), s.Source.PID,
			time.Duration(s.AgeNS).Truncate(time.Second), "stops "+count(len(s.Targets), "process tree|process trees"))
	}
	writeRefused(w, first)
	for _, s := range h.Shared {
		fmt.Fprintf(w, "shared     %s (pid %d) carries %d streams; it is never stopped\n", printable.Text(s.Name, 20), s.PID, len(s.Streams))
	}
	fmt.Fprintf(w, "interface  %s (%s)\n", h.Interface.Name, chosenWords[h.Interface.ChosenBy])
	fmt.Fprintf(w, "counters   the interface's%s\n", attributionWords(h.Attribution))
	writeWarnings(w, h.Warnings)
	least, most := e.costs(len(h.Streams), e.timing())
	fmt.Fprintf(w, "limits     one pause %v (the other end gives up after %v), between two pauses %v\n", e.maxPause, e.dataTimeout, e.minRun)
	fmt.Fprintf(w, "cost       %s; lasts %s\n", between(least.withheldNS, most.withheldNS, e.limits.BudgetNS)+" stream-seconds withheld",
		between(least.lastsNS, most.lastsNS, 0)+" s")
	if text := e.pairsText(len(h.Streams), e.timing()); text != "" {
		fmt.Fprintf(w, "pairs      %s\n", text)
	}
	fmt.Fprintf(w, "seed       %d\n", e.seed)
	return nil
}

func writeWarnings(w io.Writer, warnings []string) {
	for _, text := range warnings {
		fmt.Fprintln(w, "warning:", text)
	}
}

func writeRefused(w io.Writer, l look) {
	for i := range l.found.Streams {
		s := &l.found.Streams[i]
		if s.Refusal == nil {
			continue
		}
		fmt.Fprintf(w, "refused    %s: pid %d, %s [%s]\n", printable.Text(s.Label, 60), s.Source.PID, s.Refusal.Reason, s.Refusal.Rule)
		if s.Refusal.Hint != "" {
			fmt.Fprintf(w, "           hint: %s\n", s.Refusal.Hint)
		}
	}
}

var chosenWords = map[string]string{
	"flag": "named by --iface", "route": "where the streams' sockets lead", "default-route": "of the default route",
}

func attributionWords(a recording.Attribution) string {
	words := ""
	if a.Sockets {
		words += ", the streams' sockets"
	}
	if a.IO {
		words += ", what the streams write"
	}
	return words
}

// between prints a span in seconds, of which the upper end may be capped.
func between(leastNS, mostNS, capNS int64) string {
	if capNS > 0 {
		leastNS, mostNS = min(leastNS, capNS), min(mostNS, capNS)
	}
	least, most := time.Duration(leastNS).Seconds(), time.Duration(mostNS).Seconds()
	if leastNS == mostNS {
		return fmt.Sprintf("%.0f", most)
	}
	return fmt.Sprintf("%.0f to %.0f", least, most)
}

// count puts a number before a noun; forms are its singular and, after a bar, its
// plural.
func count(n int, forms string) string {
	one, many, _ := strings.Cut(forms, "|")
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
