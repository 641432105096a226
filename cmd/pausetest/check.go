package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pausetest/internal/guard"
	"pausetest/internal/judge"
	"pausetest/internal/occasion"
	"pausetest/internal/printable"
	"pausetest/internal/recording"
	"pausetest/internal/stream"
)

// checkOptions are the flags of an experiment that begins by itself.
type checkOptions struct {
	runOptions
	wait, steady time.Duration
	minStreams   int
	window       string
	failOn       []string

	plugin, verbose bool
	textfile        textfile
	retention       retention
}

const checkName = "check"

func newCheck() *cobra.Command {
	o := &checkOptions{}
	var p *plan
	var l *looker
	var conditions occasion.Conditions
	c := &cobra.Command{
		Use:   checkName,
		Short: "the experiment unattended: silent when healthy, an exit code for cron or monitoring",
		Long: `check is run without anybody watching. It asks only whether there is a collapse, which
costs the backups least. When there is none it prints nothing, keeps the run folder,
and exits with 0. Otherwise it says in one paragraph what it found and exits with 3
(inconclusive) or 4 (collapse). With --plugin it prints one line with performance data,
after the convention of the Monitoring Plugins, and exits with 0, 1 (inconclusive),
2 (collapse) or 3 (unknown).

With --wait it waits until enough streams run, and the same ones for a while, without
holding up other runs. With --window it begins only when it can end inside it, and a
run that takes longer than foreseen ends there. Without --wait the first look decides.

Why nothing was measured: no-streams (none runs), too-few (fewer than --min-streams),
refused (enough run, and too few of them may be paused), not-steady (they come and
go, or are too young), busy (another run is at work), window (it is closed, or closes
too soon). Those named by --fail-on make the check fail (exit code 1; with --plugin
UNKNOWN); others are silent, and with --plugin OK. So is inconclusive unless named.`,
		Example: `  pausetest check --wait 2h --window 22:00-05:00 --runs /var/lib/pausetest/runs
  pausetest check --plugin --fail-on inconclusive,refused,no-streams`,
		Args: cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			o.quiet = !o.verbose
			if p, l, err = o.ask(cmd.Flags()); err != nil {
				return err
			}
			if conditions, err = o.conditions(p); err != nil {
				return err
			}
			if _, err := o.retention.policy(); err != nil {
				return err
			}
			return o.textfile.ready()
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := o.check(cmd, p, l, conditions)
			tell := out.tell
			if o.plugin {
				tell = out.tellMonitoring
			}
			out.fault = errors.Join(o.textfile.write(out), o.retention.keep(o.runs))
			return tell(cmd.OutOrStdout(), cmd.ErrOrStderr(), o.verbose)
		},
	}
	o.selection.flags(c.Flags())
	o.runOptions.flags(c.Flags())
	o.liveFlags(c.Flags())
	o.ownFlags(c.Flags())
	o.textfile.flags(c.Flags())
	o.retention.flags(c.Flags())
	setDefault(c.Flags(), "goal", string(recording.GoalCollapse))
	setDefault(c.Flags(), "levels", "ends")
	for _, name := range []string{"exit-code", "quiet"} { // both are what check is
		if err := c.Flags().MarkHidden(name); err != nil {
			panic(err)
		}
	}
	configurable(c, "out", "pid", "exit-code", "quiet")
	return c
}

func (o *checkOptions) ownFlags(f *pflag.FlagSet) {
	f.DurationVar(&o.wait, "wait", 0, "how long to wait for enough streams (default: the first look decides)")
	f.DurationVar(&o.steady, "steady", 30*time.Second, "with --wait, for how long the same streams must have run")
	f.IntVar(&o.minStreams, "min-streams", 2, "how many streams that may be paused are enough")
	f.StringVar(&o.window, "window", "", "the time of day for the experiment, such as 22:00-05:00 (default: any)")
	f.StringSliceVar(&o.failOn, "fail-on", []string{string(inconclusive), string(occasion.Refused), string(occasion.Busy)},
		"what counts as a failure besides collapse: "+strings.Join(failable(), ", ")+"; all or none")
	f.BoolVar(&o.plugin, "plugin", false, "print one status line and use the exit codes of monitoring plugins")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "say everything: why it waits, progress, the whole report")
}

// setDefault gives a flag another default than it has for other commands.
func setDefault(f *pflag.FlagSet, name, value string) {
	flag := f.Lookup(name)
	if err := flag.Value.Set(value); err != nil {
		panic(err)
	}
	flag.DefValue = value
}

// conditions checks the flags about when to begin.
func (o *checkOptions) conditions(p *plan) (occasion.Conditions, error) {
	c := occasion.Conditions{Wait: o.wait, Steady: o.steady, MinStreams: o.minStreams, Lasts: p.lasts}
	switch {
	case o.wait < 0 || o.wait > 7*24*time.Hour:
		return c, badInput("", "--wait %v: expected up to 168h", o.wait)
	case o.steady < 0:
		return c, badInput("", "--steady %v: a time can't be negative", o.steady)
	case o.wait > 0 && o.steady > o.wait:
		return c, badInput("wait for longer, or ask for less", "--wait %v is shorter than --steady %v", o.wait, o.steady)
	case o.minStreams < 2 || o.minStreams > 1000:
		return c, badInput("one stream can't slow itself down", "--min-streams %d: expected 2 to 1000", o.minStreams)
	}
	if o.window != "" {
		w, err := occasion.ParseWindow(o.window)
		if err != nil {
			return c, badInput("", "--window %q: %w", o.window, err)
		}
		c.Window = &w
	}
	for _, name := range o.failOn {
		if !slices.Contains(append(failable(), "all", "none"), name) || len(o.failOn) > 1 && (name == "all" || name == "none") {
			return c, badInput("", "--fail-on %q: expected one or more of %s; or all or none", strings.Join(o.failOn, ","), strings.Join(failable(), ", "))
		}
	}
	return c, nil
}

// failable is what may count as a failure, or not.
func failable() []string {
	names := []string{string(inconclusive)}
	for _, r := range occasion.Reasons {
		names = append(names, string(r))
	}
	return names
}

// countsAsFailure reports whether the operator wants to hear of it.
func (o *checkOptions) countsAsFailure(k outcomeKind) bool {
	if !slices.Contains(failable(), string(k)) {
		return k != healthy
	}
	return slices.Contains(o.failOn, string(k)) || slices.Contains(o.failOn, "all")
}

// lasts is how long a run with so many streams lasts at most, by the plan.
func (p *plan) lasts(streams int) time.Duration {
	j := judge.New(recording.Header{Plan: p.design, Limits: p.limits, SampleNS: int64(p.sample)})
	_, most := p.costs(streams, j.Timing(streams))
	return time.Duration(most.lastsNS + closingNS)
}

// check waits for the occasion and runs the experiment.
func (o *checkOptions) check(cmd *cobra.Command, p *plan, l *looker, c occasion.Conditions) *outcome {
	out := &outcome{started: time.Now()}
	err := func() error {
		if err := canMakeRunFolder(o.runs, o.out); err != nil {
			return err // nobody wants to hear of it after hours of waiting
		}
		first, until, err := await(cmd, l, c, o.verbose)
		if m, ok := errors.AsType[*occasion.Missed](err); ok && first.handicap != "" && (m.Reason == occasion.NoStreams || m.Reason == occasion.TooFew) {
			// Who can't see the streams must not say that there are none.
			return failed("run it as root, or give it these capabilities", fmt.Errorf("%v; %s", err, first.handicap))
		}
		if err != nil {
			return err
		}
		p.until = until
		out.study, out.folder, err = measure(cmd, p, l, first)
		return err
	}()
	out.ended = time.Now()
	out.conclude(err)
	out.fails = o.countsAsFailure(out.kind)
	return out
}

// await waits for the occasion, and returns the look that showed it and when it is
// over.
//
// Nothing is held meanwhile, neither lock nor guard: other runs may come and go. So
// a signal has nothing to undo.
func await(cmd *cobra.Command, l *looker, c occasion.Conditions, verbose bool) (first look, until time.Time, err error) {
	ctx, stop := untilSignalled(cmd.Context())
	defer stop()
	if verbose {
		c.Tell = func(m *occasion.Missed) { fmt.Fprintln(cmd.ErrOrStderr(), "waiting:", oneLine(m.Error())) }
	}
	until, err = occasion.Await(ctx, c, func(ctx context.Context) (s occasion.Sight, err error) {
		before := processorTime()
		first, s, err = l.sight(ctx, cmd.ErrOrStderr())
		s.Cost = processorTime() - before
		return s, err
	})
	return first, until, err
}

// sight looks at the host for somebody who waits. It takes the lock only if a dead
// run left something paused, which would wait for ever.
func (l *looker) sight(ctx context.Context, stderr io.Writer) (look, occasion.Sight, error) {
	err := guard.Busy(guard.DefaultStateDir())
	if err == nil {
		if left, pendingErr := guard.Pending(guard.DefaultStateDir()); len(left) > 0 || pendingErr != nil {
			err = recoverFirst(stderr)
		}
	}
	if busy, ok := errors.AsType[*guard.BusyError](err); ok {
		return look{}, occasion.Sight{Busy: busy}, nil
	}
	if err != nil {
		return look{}, occasion.Sight{}, err
	}
	k, err := l.look(ctx)
	if err != nil {
		return k, occasion.Sight{}, err
	}
	var s occasion.Sight
	for i := range k.found.Streams {
		s.Streams = append(s.Streams, l.inSight(&k.found.Streams[i]))
	}
	return k, s, nil
}

func (l *looker) inSight(s *stream.Stream) occasion.Stream {
	seen := occasion.Stream{ID: fmt.Sprint(s.Source), Label: printable.Text(s.Label, 60)}
	if s.Refusal != nil {
		seen.Refusal = s.Refusal.Reason
		// One that has moved no bytes yet may never do so; it is not waited for.
		seen.Young = s.Refusal.Rule == stream.RefuseYouth && s.AgeNS < l.minimumAgeNS(s)
	}
	return seen
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
