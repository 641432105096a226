package main

import (
	"fmt"
	"os"

	"pausetest/test/bench/tracer"
)

// tracing measures what fdvol adds to every system call of the process that it
// watches.
func tracing(s *session) error {
	c, err := tracer.Compare(3)
	if err != nil {
		return err
	}
	for _, peer := range c.Peers() {
		reach := 0.0
		if peer.Name == tracer.SameCounting {
			reach = 0.25
		}
		s.line("added to a write, beside "+peer.Name, fmt.Sprintf("%.0f ns", peer.OursNS), fmt.Sprintf("%.0f ns", peer.TheirsNS), peer.Ratio, reach)
	}
	kept := c.KeptShare()
	verdict := ""
	if kept < 1 {
		verdict = "short"
	}
	fmt.Fprintf(s.table, "kept of 500,000 writes a second\t%.1f %%\t\t\t100 %%\t%s\n", 100*kept, verdict)
	s.table.Flush()
	fmt.Println()
	return c.Print(os.Stdout)
}
