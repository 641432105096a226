package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
	"pausetest/internal/report"
)

// The exit codes of the Monitoring Plugins' guidelines.
const (
	pluginOK       = 0
	pluginWarning  = 1
	pluginCritical = 2
	pluginUnknown  = 3
)

func newCheck() *cobra.Command {
	o := &runOptions{}
	var plugin bool
	c := &cobra.Command{
		Use:   "check",
		Short: "the experiment unattended: silent when healthy, an exit code for cron or monitoring",
		Long: `check is run without anybody watching. It asks only whether there is a collapse, which
costs the backups least. When there is none, or when fewer than two streams run, it
prints nothing and exits with 0. Otherwise it prints the verdict and exits with 3
(inconclusive) or 4 (collapse). With --plugin it prints one line with performance data
and uses the exit codes of monitoring plugins: 0, 1 (inconclusive), 2 (collapse), 3
(unknown).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.quiet = true
			if !cmd.Flags().Changed("goal") {
				o.goal = string(recording.GoalCollapse)
			}
			if !cmd.Flags().Changed("levels") {
				o.levels = "ends"
			}
			study, err := unattended(cmd, o)
			if plugin {
				return pluginLine(cmd.OutOrStdout(), study, err)
			}
			return quietly(cmd.OutOrStdout(), study, err)
		},
	}
	o.selection.flags(c.Flags())
	o.flags(c.Flags())
	o.liveFlags(c.Flags())
	c.Flags().BoolVar(&plugin, "plugin", false, "print one status line and use the exit codes of monitoring plugins")
	for _, name := range []string{"exit-code", "quiet"} { // both are what check is
		if err := c.Flags().MarkHidden(name); err != nil {
			panic(err)
		}
	}
	return c
}

// unattended runs the experiment. Without two streams there is nothing to check
// and no error: the study is nil then.
func unattended(cmd *cobra.Command, o *runOptions) (*analysis.Study, error) {
	p, looker, first, err := o.look(cmd)
	if err != nil {
		return nil, err
	}
	if len(first.found.Streams) < 2 {
		return nil, nil
	}
	study, _, err := measure(cmd, p, looker, first)
	return study, err
}

// quietly says nothing unless there is something to say.
func quietly(w io.Writer, s *analysis.Study, err error) error {
	if err != nil || s == nil {
		return err
	}
	if v := s.Result.Verdict; v != analysis.Collapse && v != analysis.Inconclusive {
		return nil
	}
	return errors.Join(report.Text(w, s), exitCodeFor(true, s.Result.Verdict))
}

// pluginLine says everything in one line, errors too: that is all a monitoring
// system shows.
func pluginLine(w io.Writer, s *analysis.Study, err error) error {
	code, word, text := pluginOK, "OK", "fewer than two streams run"
	switch {
	case err != nil:
		code, word, text = pluginUnknown, "UNKNOWN", oneLine(err.Error())
	case s != nil:
		text = s.Result.Sentence
		switch s.Result.Verdict {
		case analysis.Collapse:
			code, word = pluginCritical, "CRITICAL"
		case analysis.Inconclusive:
			code, word = pluginWarning, "WARNING"
		}
	}
	fmt.Fprintf(w, "PAUSETEST %s - %s", word, text)
	if s != nil && s.Result.Blocks > 1 {
		r := &s.Result
		fmt.Fprintf(w, " | ratio=%.3f;;0.8:;0 ratio_low=%.3f ratio_high=%.3f blocks=%d paused=%.1fs longest_pause=%.1fs;;%.0f",
			r.Ratio, r.Interval.Low, r.Interval.High, r.Blocks, r.PausedStreamSec, r.LongestPauseSec, r.MaxPauseSec)
	}
	fmt.Fprintln(w)
	if code == pluginOK {
		return nil
	}
	return &exitError{code: code}
}
