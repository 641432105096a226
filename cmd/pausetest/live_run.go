package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"pausetest/internal/analysis"
	"pausetest/internal/experiment"
	"pausetest/internal/guard"
	"pausetest/internal/netstat"
	"pausetest/internal/recording"
)

// look makes the plan and takes a first look at the host: everything that can be
// wrong with what was asked for shows here.
func (o *runOptions) look(cmd *cobra.Command) (*plan, *looker, look, error) {
	p, err := o.plan(cmd.Flags())
	if err != nil {
		return nil, nil, look{}, err
	}
	if err := recoverFirst(cmd.ErrOrStderr()); err != nil {
		return nil, nil, look{}, err
	}
	looker, err := newLooker(&o.selection, cmd.Flags())
	if err != nil {
		return nil, nil, look{}, err
	}
	first, err := looker.look(cmd.Context())
	return p, looker, first, err
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
	if err := first.missing(2); err != nil {
		return nil, "", err
	}
	e := &execution{plan: p, cmd: cmd, host: newLiveHost(looker), started: time.Now()}
	defer e.close()
	if err := e.prepare(first); err != nil {
		return nil, "", err
	}
	runErr := e.run()
	// Everything runs again. What was measured is kept, however the run ended.
	runErr = errors.Join(runErr, e.close())
	study, err := finish(e.folder)
	runErr = errors.Join(runErr, err)
	if runErr != nil {
		return study, e.folder.path, failed("everything was resumed; what was measured is in "+e.folder.path, runErr)
	}
	return study, e.folder.path, nil
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

// prepare makes everything ready and pauses nothing: what can go wrong goes
// wrong here.
func (e *execution) prepare(first look) error {
	if err := e.host.adopt(first); err != nil {
		return failed("", err)
	}
	h, err := e.describe(first)
	if err != nil {
		return err
	}
	e.header = h
	if err := e.schedule.CheckLabels(labelsOf(h.Streams)); err != nil {
		return badInput("the labels are those that pausetest streams prints", "%w", err)
	}
	e.host.guard, err = guard.Start(e.cmd.Context(), guard.Config{MaxPause: e.maxPause + 2*time.Second})
	if busy, ok := errors.AsType[*guard.BusyError](err); ok {
		return badInput("wait until it has ended; two runs would measure each other", "%w", busy)
	}
	if err != nil {
		return failed("nothing was paused", err)
	}
	e.folder, err = newRunFolder(e.out, h.Host.Name, e.started)
	if err != nil {
		return err
	}
	e.file, err = e.folder.create(recordingFile)
	if err != nil {
		e.folder.remove()
		return failed("nothing was paused", err)
	}
	return nil
}

// describe finds the interface and the counters, and writes the header.
func (e *execution) describe(first look) (recording.Header, error) {
	warnings := first.found.Warnings
	carried, err := e.host.findSockets(first)
	if err != nil {
		return recording.Header{}, failed("", err)
	}
	iface, chosen, warning, err := chooseInterface(e.iface, carried.all())
	if err != nil {
		return recording.Header{}, err
	}
	if warning != "" {
		warnings = append(warnings, warning)
	}
	if labels, pid := first.elsewhere(); len(labels) > 0 {
		warnings = append(warnings, fmt.Sprintf("%d streams live in another network namespace, whose sockets and interfaces can't be seen from here; run pausetest there: nsenter --net=/proc/%d/ns/net pausetest ...", len(labels), pid))
	}
	link, err := netstat.OpenLink(iface.Index)
	if err != nil {
		return recording.Header{}, failed("", fmt.Errorf("opening the counters of %s: %w", iface.Name, err))
	}
	streams := e.host.watched()
	attribution := recording.Attribution{
		Sockets: carried.covers(streams),
		IO:      !slices.ContainsFunc(streams, func(w *watched) bool { return len(w.writers) == 0 }),
	}
	s := &sampler{link: link, receive: e.direction == recording.Receive, period: e.sample,
		beginNS: netstat.MonotonicNS(), out: make(chan recording.Record, queued)}
	if attribution.Sockets {
		if s.counter, err = netstat.OpenSockets(); err != nil {
			return recording.Header{}, failed("", err)
		}
	}
	s.watch(streams, carried)
	e.host.sampler, e.host.iface = s, iface.Name
	facts, err := e.host.looker.table.ReadHostFacts(e.cmd.Context())
	if err != nil {
		return recording.Header{}, failed("", err)
	}
	h := recording.Header{
		Format: recording.Format, Tool: version(), Started: e.started.UTC(),
		Host:      recording.Host{Name: facts.Name, OS: runtime.GOOS + "/" + facts.Arch, Kernel: facts.Kernel, BootID: facts.BootID, CPUs: facts.CPUs},
		Argv:      os.Args,
		Note:      e.note,
		Labels:    e.labels,
		Seed:      e.seed,
		Interface: recording.Interface{Name: iface.Name, Index: iface.Index, SpeedBitsPerSecond: iface.SpeedBitsPerSecond, ChosenBy: chosen},
		Direction: e.direction, SampleNS: int64(e.sample),
		Plan: e.design, Limits: e.limits,
		Streams: e.host.streams(), Shared: sharedOf(first, e.host), Warnings: warnings, Attribution: attribution,
	}
	for i := range first.found.Streams {
		if s := &first.found.Streams[i]; s.Refusal != nil {
			h.Refused = append(h.Refused, refusalOf(s))
		}
	}
	return h, nil
}

// run starts the sampling and walks the schedule.
func (e *execution) run() error {
	ctx, cancel := context.WithCancelCause(e.cmd.Context())
	defer cancel(nil)
	stopSignals := e.heedSignals(cancel)
	defer stopSignals()

	sampling, stop := context.WithCancel(context.Background())
	e.stopSampling = stop
	go func() { e.host.sampled <- e.host.sampler.run(sampling) }()

	j := newJudge(e.header)
	var show *progress
	if !e.quiet {
		show = newProgress(e.cmd.ErrOrStderr(), e.header, e.design.MaxBlocks)
		defer show.close()
	}
	tee := &tee{recording.NewWriter(e.file), show}
	first := recording.Record{Header: &e.header}
	if err := errors.Join(tee.Write(first), e.file.Sync()); err != nil {
		return err
	}
	j.Hear(first)
	_, err := experiment.Run(ctx, experiment.Config{
		Schedule: e.schedule, Seed: e.seed, Plan: e.design, Limits: e.limits,
		Known: e.header.Streams, Suspend: e.suspendSelf, ClosingNS: closingNS,
	}, experiment.Host{Streams: e.host, Meter: e.host, Judge: j, Recorder: tee})
	return err
}

// closingNS is long enough for a relay that was held up to drain and for two
// settled samples of every stream.
const closingNS = int64(1500 * time.Millisecond)

// heedSignals ends the run at a signal that asks for it, and suspends it at
// Ctrl-Z. In both cases the run resumes everything first.
func (e *execution) heedSignals(cancel context.CancelCauseFunc) (stop func()) {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	hold := make(chan os.Signal, 1)
	signal.Notify(hold, syscall.SIGTSTP)
	suspend := make(chan struct{}, 1)
	e.host.suspend = suspend
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-end:
				cancel(fmt.Errorf("%w: %v", errSignal, s))
			case <-hold:
				select {
				case suspend <- struct{}{}:
				default:
				}
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(end)
		signal.Stop(hold)
		close(done)
	}
}

var errSignal = errors.New("interrupted by a signal")

// suspendSelf stops this process as Ctrl-Z would have. It returns when the
// operator continues it.
func (e *execution) suspendSelf() {
	syscall.Kill(os.Getpid(), syscall.SIGSTOP)
}

// close ends sampling and guard, once.
func (e *execution) close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	if e.stopSampling != nil {
		e.stopSampling()
	}
	var errs []error
	if e.host.guard != nil {
		errs = append(errs, e.host.guard.Close())
	}
	if e.file != nil {
		errs = append(errs, e.file.Sync(), e.file.Close())
	}
	return errors.Join(errs...)
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

// chooseInterface takes the interface the operator named, else the one the
// streams' own sockets leave by, else that of the default route.
func chooseInterface(name string, sockets []netstat.Socket) (iface netstat.Interface, chosenBy, warning string, err error) {
	if name != "" {
		if iface, err = netstat.LookupInterface(name); err != nil {
			return iface, "", "", badInput("leave --iface out to take the one the streams leave by", "--iface %s: %w", name, err)
		}
		return iface, "flag", "", nil
	}
	iface, routeErr := netstat.InterfaceForSockets(sockets)
	if routeErr == nil {
		return iface, "route", "", nil
	}
	if errors.Is(routeErr, netstat.ErrManyInterfaces) {
		return iface, "", "", badInput("name the one that matters with --iface", "finding the streams' interface: %w", routeErr)
	}
	if iface, err = netstat.DefaultRouteInterface(); err != nil {
		return iface, "", "", badInput("name it with --iface", "finding an interface: %w", errors.Join(routeErr, err))
	}
	return iface, "default-route", fmt.Sprintf("none of the streams' sockets was found, so %s was taken from the default route; if the dumps leave by another interface, name it with --iface", iface.Name), nil
}

// sharedOf lists the processes that more than one managed stream flows through.
func sharedOf(l look, h *liveHost) []recording.SharedProcess {
	var out []recording.SharedProcess
	for _, s := range l.found.Shared {
		p := recording.SharedProcess{Process: l.process(s.Process)}
		for _, i := range s.Streams {
			if id := h.ids[l.found.Streams[i].Source]; id != 0 {
				p.Streams = append(p.Streams, id)
			}
		}
		if len(p.Streams) > 1 {
			out = append(out, p)
		}
	}
	return out
}

func labelsOf(streams []recording.Stream) []string {
	out := make([]string, len(streams))
	for i, s := range streams {
		out[i] = s.Label
	}
	return out
}
