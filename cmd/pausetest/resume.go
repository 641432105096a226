package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pausetest/internal/guard"
	"pausetest/internal/procctl/proctable"
)

func newResume() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "resume",
		Short: "continue whatever a dead run left paused",
		Long: `resume continues exactly those processes that a run of pausetest stopped and did
not live to continue, if they are still the same processes and still stopped.
What somebody else had stopped stays stopped. It is needed only if both the run
and its guard were killed at the same moment; every other command says so when
it is.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			done, err := guard.Recover(guard.DefaultStateDir())
			if busy, ok := errors.AsType[*guard.BusyError](err); ok {
				return failed("what that run pauses it resumes by itself; end it with Ctrl-C if you must", busy)
			}
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				err = errors.Join(err, enc.Encode(done))
			} else {
				writeRecovery(cmd.OutOrStdout(), done)
			}
			if err != nil {
				return failed("run it again as root", err)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print what was done as JSON")
	return c
}

func writeRecovery(w io.Writer, done guard.Report) {
	if len(done.Processes) == 0 {
		fmt.Fprintln(w, "nothing was left paused")
	}
	for _, p := range done.Processes {
		fmt.Fprintf(w, "%-9s %s (pid %d)", p.Outcome, proctable.Printable(p.Name, 40), p.PID)
		if p.Error != "" {
			fmt.Fprintf(w, ": %s", oneLine(p.Error))
		}
		fmt.Fprintln(w)
	}
	for _, n := range done.Notes {
		fmt.Fprintln(w, "note:", n)
	}
}

// recoverFirst continues what a dead run left paused: the start of every
// command that looks at live streams.
func recoverFirst(stderr io.Writer) error {
	dir := guard.DefaultStateDir()
	pending, err := guard.Pending(dir)
	if err != nil || len(pending) == 0 {
		return err
	}
	fmt.Fprintf(stderr, "pausetest: warning: an earlier run died and may have left %d processes paused; continuing them now\n", len(pending))
	done, err := guard.Recover(dir)
	if _, busy := errors.AsType[*guard.BusyError](err); busy {
		return nil // another command is at it already
	}
	writeRecovery(stderr, done)
	if err != nil {
		return failed("run as root: pausetest resume", err)
	}
	return nil
}
