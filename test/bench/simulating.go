package main

import (
	"context"
	"fmt"
	"time"

	"pausetest/internal/recording"
	"pausetest/internal/simulate"
)

// simulating counts whole simulated runs a second on one core; there is no peer.
func simulating(s *session) error {
	for _, name := range []string{"quiet/collapse", "quiet/flat"} {
		worlds, err := simulate.Builtin(name)
		if err != nil {
			return err
		}
		protocol := simulate.Protocol{
			Plan:   recording.Plan{Design: recording.Sequential, Goal: recording.GoalClass, Confidence: 0.95, MaxBlocks: 24},
			Limits: recording.Limits{MaxPauseNS: 10e9, MinRunNS: 1e9},
		}
		runs := uint64(0)
		begin := time.Now()
		for time.Since(begin) < 2*time.Second {
			if _, err := simulate.Play(context.Background(), &worlds[0], protocol, runs, nil); err != nil {
				return err
			}
			runs++
		}
		fmt.Fprintf(s.table, "%s\t%.0f runs/s\t\t\t\t\n", name, float64(runs)/time.Since(begin).Seconds())
	}
	return nil
}
