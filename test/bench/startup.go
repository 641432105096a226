package main

import (
	"fmt"
	"os"
	"time"
)

// startup measures the whole program where it does least, and weighs it.
func startup(s *session) error {
	times, err := byTurns(30, command("pausetest version", s.binary, "version"), command("true", "true"))
	if err != nil {
		return err
	}
	const reach = 20 * time.Millisecond
	ours := median(times[0])
	s.line("pausetest version, in 20 ms", ours.String(), reach.String(), float64(ours)/float64(reach), 1)
	s.line("pausetest version, beside true", ours.String(), median(times[1]).String(), ratio(times[0], times[1]), 0)
	info, err := os.Stat(s.binary)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.table, "binary\t%.1f MB\t\t\t\t\n", float64(info.Size())/1e6)
	return nil
}
