package main

import (
	"fmt"
	"io"
	"time"

	"pausetest/internal/procctl/proctable"
)

// dryRun prints what a run would do, and touches nothing.
func dryRun(w io.Writer, p *plan, k look) error {
	fmt.Fprintf(w, "seed %d, longest pause %v (the other end gives up after %v)\n", p.seed, p.maxPause, p.dataTimeout)
	for i := range k.found.Streams {
		s := &k.found.Streams[i]
		label := proctable.Printable(s.Label, 60)
		if s.Refusal != nil {
			fmt.Fprintf(w, "refused   %s (pid %d): %s [%s]\n", label, s.Source.PID, s.Refusal.Reason, s.Refusal.Rule)
			if s.Refusal.Hint != "" {
				fmt.Fprintf(w, "          hint: %s\n", s.Refusal.Hint)
			}
			continue
		}
		fmt.Fprintf(w, "may pause %s (pid %d, running for %v): stops %d process trees\n", label, s.Source.PID, time.Duration(s.AgeNS).Truncate(time.Second), len(s.Targets))
	}
	for _, sh := range k.found.Shared {
		fmt.Fprintf(w, "shared    %s (pid %d) carries %d streams; it is never stopped\n", proctable.Printable(sh.Name, 20), sh.Process.PID, len(sh.Streams))
	}
	for _, text := range k.found.Warnings {
		fmt.Fprintln(w, "warning:", text)
	}
	if err := k.missing(2); err != nil {
		return err
	}
	n := 0
	for _, s := range k.found.Streams {
		if s.Refusal == nil {
			n++
		}
	}
	const segmentSec = 3
	fmt.Fprintf(w, "cost      %d stream-seconds for the fewest pairs that can decide, at most %d for %d pairs\n",
		minBlocks*(n-1)*segmentSec, p.design.MaxBlocks*(n-1)*segmentSec, p.design.MaxBlocks)
	return nil
}

// minBlocks is the fewest pairs after which the sequential rule may decide.
const minBlocks = 4
