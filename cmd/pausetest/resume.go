package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"pausetest/internal/guard"
	"pausetest/internal/printable"
)

func newResume() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "resume",
		Short: "continue whatever a dead run left paused",
		Long: `resume continues exactly those processes that a run of pausetest stopped and did
not live to continue, if they are still the same processes and still stopped.
What somebody else had stopped stays stopped. It is needed only if both the run
and its guard were killed at the same moment. Every command that looks at live
streams (streams, fdvol, run, check, demo) does the same first.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			done, err := guard.Recover(guard.DefaultStateDir())
			if busy, ok := errors.AsType[*guard.BusyError](err); ok {
				return failed("what that run pauses it resumes by itself; end it with Ctrl-C if you must", busy)
			}
			var printErr error
			if asJSON {
				printErr = printJSON(cmd.OutOrStdout(), done)
			} else {
				writeRecovery(cmd.OutOrStdout(), done)
			}
			if err != nil {
				return failed("run it again as root, with the PAUSETEST_STATE_DIR of the run that died", errors.Join(err, printErr))
			}
			return printErr
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print what was done as JSON")
	return c
}

func writeRecovery(w io.Writer, done guard.Report) {
	if len(done.Processes) == 0 && len(done.Cgroups) == 0 {
		fmt.Fprintln(w, "nothing was left paused")
	}
	line := func(outcome guard.Outcome, what, trouble string) {
		if trouble != "" {
			what += ": " + oneLine(trouble)
		}
		fmt.Fprintf(w, "%-9s %s\n", outcome, what)
	}
	for _, p := range done.Processes {
		line(p.Outcome, fmt.Sprintf("%s (pid %d)", printable.Text(p.Name, 40), p.PID), p.Error)
	}
	for _, c := range done.Cgroups {
		line(c.Outcome, "cgroup "+printable.Text(c.Path, 0), c.Error)
	}
	for _, n := range done.Notes {
		fmt.Fprintln(w, "note:", n)
	}
}

// recoverFirst continues what a dead run left paused: the start of every command
// that looks at live streams. While another run is alive that is its own business,
// and the error is a *guard.BusyError.
func recoverFirst(stderr io.Writer) error {
	done, err := guard.Recover(guard.DefaultStateDir())
	if busy, ok := errors.AsType[*guard.BusyError](err); ok {
		return busy
	}
	left := slices.ContainsFunc(done.Processes, func(p guard.Recovered) bool { return wasLeft(p.Outcome) }) ||
		slices.ContainsFunc(done.Cgroups, func(c guard.RecoveredCgroup) bool { return wasLeft(c.Outcome) })
	if left { // else the guard had done it all, or there was nothing to do
		fmt.Fprintln(stderr, "pausetest: warning: an earlier run died together with its guard and left processes paused; they are continued now")
		writeRecovery(stderr, done)
	}
	if err != nil {
		return failed("run as root: pausetest resume", err)
	}
	return nil
}

// recoverUnlessBusy is recoverFirst for commands that get along with a live run.
func recoverUnlessBusy(stderr io.Writer) error {
	err := recoverFirst(stderr)
	if _, busy := errors.AsType[*guard.BusyError](err); busy {
		return nil
	}
	return err
}

func wasLeft(o guard.Outcome) bool { return o == guard.Continued || o == guard.Failed }

// refuseSecond makes a live run's lock a refusal.
func refuseSecond(err error) error {
	if busy, ok := errors.AsType[*guard.BusyError](err); ok {
		return badInput("wait until it has ended; two runs would measure each other", "%w", busy)
	}
	return err
}
