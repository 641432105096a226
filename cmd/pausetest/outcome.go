package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pausetest/internal/analysis"
	"pausetest/internal/guard"
	"pausetest/internal/occasion"
	"pausetest/internal/report"
)

// An outcomeKind is how a check ended: one of these, or an occasion.Reason, why
// nothing was measured.
type outcomeKind string

const (
	healthy      outcomeKind = "healthy" // measured, and no collapse
	inconclusive outcomeKind = "inconclusive"
	collapse     outcomeKind = "collapse"
	interrupted  outcomeKind = "interrupted" // by a signal, while it waited
	broken       outcomeKind = "broken"      // something went wrong
)

// An outcome is how a check ended. All that anybody is told, on whatever way, is made
// from it.
type outcome struct {
	kind  outcomeKind
	fails bool // it counts as a failure, by --fail-on

	err    error           // what went wrong, or why nothing was measured
	study  *analysis.Study // what was measured, also if something went wrong; or nil
	folder string          // of the run; empty when nothing was measured
	// fault is what went wrong afterwards, with metrics or old runs. What is said of
	// the check doesn't depend on it.
	fault error

	started, ended time.Time // the wait included
}

// conclude settles the kind.
func (o *outcome) conclude(err error) {
	o.err = err
	_, busy := errors.AsType[*guard.BusyError](err)
	missed, isMissed := errors.AsType[*occasion.Missed](err)
	_, signalledWaiting := err.(signalled) // not wrapped: a run that is interrupted says more
	switch {
	case isMissed:
		o.kind = outcomeKind(missed.Reason)
	case busy: // it began at the same moment
		o.kind = outcomeKind(occasion.Busy)
	case signalledWaiting:
		o.kind = interrupted
	case err != nil:
		o.kind = broken
	case o.study.Result.Verdict == analysis.Collapse:
		o.kind = collapse
	case o.study.Result.Verdict == analysis.Inconclusive:
		o.kind = inconclusive
	default:
		o.kind = healthy
	}
}

// tell tells a person, or cron: nothing unless there is something to say.
func (o *outcome) tell(w, stderr io.Writer, verbose bool) error {
	var err error
	switch {
	case o.study != nil && verbose:
		err = conclude(w, o.folder, o.study)
	case o.study != nil && o.fails:
		err = report.Paragraph(w, o.study, o.folder)
	case verbose && !o.fails:
		err = report.Wrapped(w, oneLine(o.err.Error()))
	}
	return o.besides(stderr, errors.Join(o.complaint(), printing(err)))
}

// besides adds what went wrong afterwards: an error of the command only where there is
// no other, and a warning otherwise.
func (o *outcome) besides(stderr io.Writer, said error) error {
	switch {
	case o.fault == nil:
		return said
	case said == nil:
		return failed("", o.fault)
	}
	fmt.Fprintf(stderr, "pausetest: warning: %s\n", oneLine(o.fault.Error()))
	return said
}

// complaint is the exit code, and what standard error gets to hear.
func (o *outcome) complaint() error {
	if !o.fails {
		return nil
	}
	switch o.kind {
	case collapse:
		return &exitError{code: exitCollapse}
	case inconclusive:
		return &exitError{code: exitInconclusive}
	case interrupted:
		return &exitError{code: exitSignalled + int(o.err.(signalled).Signal)}
	case broken:
		return o.err
	}
	return failed(missedHints[occasion.Reason(o.kind)], o.err)
}

// missedHints are what can be done about it.
var missedHints = map[occasion.Reason]string{
	occasion.NoStreams:  "see what is running with: pausetest streams; wait for them with --wait; name others with --match",
	occasion.TooFew:     "see what is running with: pausetest streams; wait for them with --wait",
	occasion.Refused:    "see why with: pausetest streams",
	occasion.NotSteady:  "wait for longer with --wait, or ask for less with --steady",
	occasion.Busy:       "two runs would measure each other",
	occasion.OutOfHours: "start it earlier, or wait until the window opens with --wait",
}

// tellMonitoring tells a monitoring system: one line, and below it, where everything
// is wanted, the report.
func (o *outcome) tellMonitoring(w, _ io.Writer, verbose bool) error {
	status, text := report.PluginOK, ""
	switch {
	case o.kind == collapse:
		status = report.PluginCritical
	case o.kind == inconclusive && o.fails:
		status = report.PluginWarning
	case o.fails:
		status = report.PluginUnknown
	}
	if o.err != nil {
		text = o.err.Error()
	} else {
		text = o.study.Result.Sentence
		if cause := report.Cause(&o.study.Result); o.kind == collapse && cause != "" {
			text += "; " + cause
		}
	}
	if o.fault != nil { // in the same line: there is no other
		text += "; " + o.fault.Error()
		if status == report.PluginOK {
			status = report.PluginUnknown
		}
	}
	text = report.PluginLine(status, oneLine(text), o.study) + "\n"
	if verbose && o.study != nil {
		var b strings.Builder
		if err := conclude(&b, o.folder, o.study); err != nil {
			return err
		}
		text += report.PluginLongText(b.String())
	}
	if _, err := io.WriteString(w, text); err != nil {
		return printing(fmt.Errorf("the status: %w", err))
	}
	if status == report.PluginOK {
		return nil
	}
	return &exitError{code: int(status)}
}

// isPlugin reports whether a monitoring system is listening, which takes the exit
// code of bad input for a collapse. An error may come before the flags are read.
// Where that came before the settings, what the environment and the file say of
// plugin counts all the same, whatever else is wrong with them.
func isPlugin(cmd *cobra.Command, args []string) bool {
	if cmd == nil || cmd.Name() != checkName { // a fault, or a flag nobody knows, came first
		return slices.Contains(args, checkName) && slices.Contains(args, "--plugin")
	}
	if cmd.HasParent() && cmd.Parent().HasParent() {
		return false // config check
	}
	if flag := cmd.Flags().Lookup("plugin"); flag.Changed {
		return flag.Value.String() == "true"
	}
	return slices.Contains(args, "--plugin") || settledLeniently(cmd, "plugin") == "true"
}

// complainToMonitoring says an error in the one line that a monitoring system shows.
func complainToMonitoring(err error, stdout io.Writer) int {
	e, _ := errors.AsType[*exitError](err)
	switch {
	case err == nil:
		return int(report.PluginOK)
	case e != nil && e.err == nil: // the line was written
		return e.code
	}
	fmt.Fprintln(stdout, report.PluginLine(report.PluginUnknown, oneLine(err.Error()), nil))
	return int(report.PluginUnknown)
}
