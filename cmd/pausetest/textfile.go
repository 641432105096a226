package main

import (
	"errors"
	"os"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"pausetest/internal/experiment"
	"pausetest/internal/metrics"
	"pausetest/internal/occasion"
)

// A textfile is where a check leaves its metrics for the textfile collector of
// node_exporter; without a folder, nowhere.
type textfile struct {
	dir   string
	check string
}

func (t *textfile) flags(f *pflag.FlagSet) {
	f.StringVar(&t.dir, "textfile", "", "keep metrics of the last run in `DIR`, where node_exporter's textfile collector finds them")
	f.StringVar(&t.check, "textfile-name", "default", "what the check is called in its metrics; checks of different streams need different `NAME`s")
}

// ready refuses a folder or a name that couldn't be written to in the end.
func (t *textfile) ready() error {
	if t.dir == "" {
		return nil
	}
	const hint = "name the folder that node_exporter was given with --collector.textfile.directory"
	if !metrics.IsCheckName(t.check) {
		return badInput("letters, digits, - and _, at most 63 of them", "--textfile-name %q can't be part of a file's name", t.check)
	}
	if info, err := os.Stat(t.dir); err != nil {
		return badInput(hint, "--textfile: %w", err)
	} else if !info.IsDir() {
		return badInput(hint, "--textfile: %s is no folder", t.dir)
	}
	if err := unix.Access(t.dir, unix.W_OK); err != nil {
		return badInput("run as root, or name a folder that you may write to", "--textfile: writing to %s: %w", t.dir, err)
	}
	return nil
}

// write leaves the metrics of a check.
func (t *textfile) write(o *outcome) error {
	if t.dir == "" {
		return nil
	}
	m := o.metrics()
	m.Check, m.Version = t.check, version()
	return metrics.Write(t.dir, &m)
}

// metrics is the outcome as far as Prometheus hears of it.
func (o *outcome) metrics() metrics.Outcome {
	m := metrics.Outcome{
		Ended: o.ended, Duration: o.ended.Sub(o.started),
		State: metrics.State(o.kind), StillPaused: errors.Is(o.err, experiment.ErrStillPaused),
	}
	switch o.kind {
	case healthy, inconclusive, collapse:
		m.State = metrics.Done
	case broken:
		m.State = metrics.Failed
		if _, ended := errors.AsType[signalled](o.err); ended && !m.StillPaused {
			m.State = metrics.Interrupted // a reboot, say: nobody has to be woken
		}
	}
	if missed, ok := errors.AsType[*occasion.Missed](o.err); ok {
		m.Streams = len(missed.Sight.Streams)
	}
	if o.study != nil {
		m.Result, m.Streams = &o.study.Result, len(o.study.Result.Streams)
	}
	return m
}
