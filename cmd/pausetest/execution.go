package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pausetest/internal/analysis"
	"pausetest/internal/experiment"
	"pausetest/internal/guard"
	"pausetest/internal/history"
	"pausetest/internal/judge"
	"pausetest/internal/recording"
)

// ask checks what was asked for, before anything is looked at: everything that can
// be wrong with it shows here.
func (o *runOptions) ask(f *pflag.FlagSet) (*plan, *looker, error) {
	p, err := o.plan(f)
	if err != nil {
		return nil, nil, err
	}
	l, err := newLooker(&o.selection, f)
	return p, l, err
}

// firstLook takes a first look at the host.
func firstLook(cmd *cobra.Command, l *looker) (look, error) {
	// Before the look: a stream that another run holds paused would seem stopped by
	// somebody else.
	if err := refuseSecond(recoverFirst(cmd.ErrOrStderr())); err != nil {
		return look{}, err
	}
	return l.look(cmd.Context())
}

// perform carries out a plan on a live host or on the demo, and prints what was
// found.
func perform(cmd *cobra.Command, p *plan, looker *looker, first look) error {
	study, folder, err := measure(cmd, p, looker, first)
	if study == nil {
		return err
	}
	if printErr := conclude(cmd.OutOrStdout(), folder, study); printErr != nil {
		err = errors.Join(err, failed("what was measured is in "+folder, fmt.Errorf("printing the result: %w", printErr)))
	}
	if err != nil {
		return err
	}
	return exitCodeFor(p.exitCode, study.Result.Verdict)
}

// measure carries out a plan and leaves a run folder. The study is what was
// measured, also when there is an error; it is nil when nothing was.
func measure(cmd *cobra.Command, p *plan, looker *looker, first look) (*analysis.Study, string, error) {
	e := newExecution(cmd, p, looker)
	defer e.close()
	signals := heedSignals(cmd.Context(), cmd.ErrOrStderr())
	defer signals.close()
	if err := e.prepare(first); err != nil {
		return nil, "", err
	}
	err := e.run(signals)
	signals.ran()
	// Everything runs again. What was measured is kept, however the run ended.
	closeErr := e.close()
	study, writeErr := finish(signals.writing, e.folder)
	if all := errors.Join(err, closeErr, writeErr); all != nil {
		return study, e.folder.path, failed(e.afterwards(all), all)
	}
	return study, e.folder.path, nil
}

// afterwards is what to do after a run that went wrong.
func (e *execution) afterwards(err error) string {
	if errors.Is(err, experiment.ErrStillPaused) {
		return "processes may still be stopped; run: pausetest resume"
	}
	return "everything was resumed; what was measured is in " + e.folder.path + "; see it with: pausetest report " + e.folder.path
}

// An execution is one experiment under way, and what it has opened.
type execution struct {
	*plan
	cmd     *cobra.Command
	host    *liveHost
	header  recording.Header
	folder  *runFolder
	file    *os.File
	started time.Time

	stopSampling context.CancelFunc
	closed       bool
}

func newExecution(cmd *cobra.Command, p *plan, looker *looker) *execution {
	e := &execution{plan: p, cmd: cmd, host: newLiveHost(looker), started: time.Now()}
	e.host.freezer = p.mechanism == mechanismFreezer
	return e
}

// examine describes the experiment, and refuses one that can't be made.
func (e *execution) examine(first look) error {
	if err := first.missing(2); err != nil {
		return err
	}
	if err := e.describe(first); err != nil {
		return err
	}
	if err := e.feasible(e.header.Streams, e.timing()); err != nil {
		return err
	}
	return e.host.freezable(e.cmd.Context(), first)
}

// prepare makes everything ready and pauses nothing: what can go wrong goes
// wrong here.
func (e *execution) prepare(first look) error {
	if err := e.examine(first); err != nil {
		return err
	}
	e.host.pending = append(e.host.pending, e.host.flowSeen(first))
	var err error
	e.host.guard, err = guard.Start(e.cmd.Context(), e.guardConfig())
	if _, busy := errors.AsType[*guard.BusyError](err); busy {
		return refuseSecond(err)
	}
	if err != nil {
		return failed("nothing was paused", err)
	}
	if e.folder, err = newRunFolder(cmp.Or(e.runs, runsDir), e.out, e.header.Host.Name, e.started); err != nil {
		return err
	}
	if e.file, err = e.folder.create(recordingFile); err != nil {
		e.folder.remove()
		return failed("nothing was paused", err)
	}
	history.Claim(e.file)
	return nil
}

// guardSlack is how much later than the run itself the guard ends a pause: the run
// does it in good order, the guard ends the run.
const guardSlack = time.Second

// guardConfig gives the guard the run's own limits, each with its slack. The run's
// account of a pause begins before the guard's and ends after it, so sums can't
// drift apart; only the last pause may be late, the budget's once a stream.
func (e *execution) guardConfig() guard.Config {
	c := guard.Config{MaxPause: e.maxPause + guardSlack}
	if e.maxPausedTotal > 0 {
		c.MaxPausedTotal = e.maxPausedTotal + guardSlack
	}
	if e.limits.BudgetNS > 0 {
		c.Budget = time.Duration(e.limits.BudgetNS) + time.Duration(len(e.header.Streams))*guardSlack
	}
	return c
}

// timing is how long segments will be, as far as can be known before the baseline.
func (e *execution) timing() experiment.Timing {
	return judge.New(e.header).Timing(len(e.header.Streams))
}

// run starts the sampling and walks the schedule.
func (e *execution) run(signals *interruption) error {
	// A run in the background must not be stopped for a line of progress.
	signal.Ignore(syscall.SIGTTOU)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(oneProcessor))
	sampling, stop := context.WithCancel(context.Background())
	e.stopSampling = stop
	go func() { e.host.sampled <- e.host.sampler.run(sampling) }()
	go e.host.observe(sampling)
	e.host.suspend = signals.suspend

	out := &tee{Writer: recording.NewWriter(e.file)}
	if !e.quiet {
		out.show = newProgress(e.cmd.ErrOrStderr(), e.header, e.design.MaxBlocks)
		defer out.show.close()
	}
	if err := errors.Join(out.Write(recording.Record{Header: &e.header}), e.file.Sync()); err != nil {
		return err
	}
	_, err := experiment.Run(signals.run, experiment.Config{
		Schedule: e.schedule, Seed: e.seed, Plan: e.design, Limits: e.limits,
		Known: e.header.Streams, Suspend: stopSelf, ClosingNS: closingNS, UntilNS: e.untilNS(),
	}, experiment.Host{Streams: e.host, Meter: e.host, Judge: judge.New(e.header), Recorder: out})
	return err
}

// oneProcessor is what a run lets its goroutines have. They mostly wait.
//
// Note: with more, the Go runtime wakes some 30 times more for each sample, to look
// whether one that waits in the kernel should give its processor up; with one it takes it
// back at once. That is a fourth to a third of a run's CPU time, and samples come no
// later, on an idle machine or a busy one.
const oneProcessor = 1

// untilNS is when every pause has to be over, by the run's own clock; 0: any time.
func (e *execution) untilNS() int64 {
	if e.until.IsZero() {
		return 0
	}
	return max(1, e.host.NowNS()+int64(time.Until(e.until)))
}

// closingNS is long enough for a relay that was held up to drain and for two
// settled samples of every stream.
const closingNS = int64(1500 * time.Millisecond)

// close ends sampling and guard, once. An error is experiment.ErrStillPaused:
// processes may still be stopped.
func (e *execution) close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	if e.stopSampling != nil {
		e.stopSampling()
	}
	if e.file != nil {
		// What is on the disk is judged when it is read back; here it only matters
		// that everything runs.
		e.file.Sync()
		e.file.Close()
	}
	if e.host.guard == nil {
		return nil
	}
	if err := e.host.guard.Close(); err != nil {
		return fmt.Errorf("%w: %w", experiment.ErrStillPaused, err)
	}
	return nil
}

// A tee writes records down and shows them.
type tee struct {
	*recording.Writer
	show *progress
}

func (t *tee) Write(r recording.Record) error {
	if t.show != nil {
		t.show.hear(r)
	}
	return t.Writer.Write(r)
}
