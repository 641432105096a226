package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"pausetest/internal/fdvol"
	"pausetest/internal/fdvol/volume"
)

// How fdvol counts.
const (
	methodAuto = "auto"
	methodEBPF = "ebpf"
	methodProc = "proc"
)

// fdvolOptions are fdvol's flags.
type fdvolOptions struct {
	selection
	duration        time.Duration
	method          string
	asJSON, classes bool
}

func newFdvol() *cobra.Command {
	var o fdvolOptions
	c := &cobra.Command{
		Use:   "fdvol",
		Short: "count what the streams' processes move through each descriptor",
		Long: `fdvol counts, for a while, the bytes and calls of every read and write that the
processes of the streams make, by descriptor, by size and by the time spent in the
call. It says which process moves the bytes, through which pipe, socket or file, in
which portions, and in which call it waits. It stops nothing.

It counts in the kernel, by eBPF, which needs root and slows every system call of
the host down a little while it runs; what it cost is printed. Where that can't be
had it reads /proc, which tells less. Ctrl-C ends it early.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.duration < 100*time.Millisecond || o.duration > 24*time.Hour {
				return badInput("", "--duration %v: expected 100ms to 24h", o.duration)
			}
			if !slices.Contains([]string{methodAuto, methodEBPF, methodProc}, o.method) {
				return badInput("", "--method %q: expected auto, ebpf or proc", o.method)
			}
			looker, err := newLooker(&o.selection, cmd.Flags())
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			seen, err := o.watch(ctx, looker, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return printing(seen.write(cmd.OutOrStdout(), o.asJSON, o.classes))
		},
	}
	o.flags(c.Flags())
	c.Flags().DurationVar(&o.duration, "duration", 10*time.Second, "how long to count")
	c.Flags().StringVar(&o.method, "method", methodAuto, "count by `ebpf`, by proc (tells less), or by the first of them that is available (auto)")
	c.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&o.classes, "classes", false, "show the calls of every descriptor by size and by time")
	configurable(c, "pid", "duration", "method", "json", "classes")
	return c
}

// watch counts until the time is over or the operator has seen enough.
func (o *fdvolOptions) watch(ctx context.Context, l *looker, stderr io.Writer) (*fdVolume, error) {
	if err := recoverUnlessBusy(stderr); err != nil {
		return nil, err
	}
	first, err := l.look(ctx)
	if err != nil {
		return nil, err
	}
	if len(first.found.Streams) == 0 {
		return nil, badInput("name others with --match or --pid; what is running: pausetest streams", "no streams found")
	}
	counter, noEBPF, err := o.open()
	if err != nil {
		return nil, err
	}
	defer counter.Close()
	w := newFDWatch(l.table, counter, &first)
	fmt.Fprintf(stderr, "pausetest: counting for %v; processes watched: %d; Ctrl-C ends it early\n", o.duration, len(w.tracked))
	if err := w.run(ctx, o.duration); err != nil {
		return nil, err
	}
	counts, err := counter.finish()
	if err != nil {
		return nil, err
	}
	w.lastLook(ctx)
	out := w.lines(counts)
	out.NoEBPF = noEBPF
	return out, nil
}

// open chooses the method. noEBPF says why it is not eBPF, if that was wanted.
func (o *fdvolOptions) open() (c fdCounter, noEBPF string, err error) {
	if o.method != methodProc {
		tracer, err := fdvol.Open()
		if err == nil {
			return &byEBPF{Tracer: tracer}, "", nil
		}
		no, ok := errors.AsType[*fdvol.UnavailableError](err)
		if !ok {
			return nil, "", err
		}
		if o.method == methodEBPF {
			return nil, "", failed(no.Hint, no)
		}
		noEBPF = no.Reason
		if no.Hint != "" {
			noEBPF += "; " + no.Hint
		}
	}
	return byProc{fdvol.NewProc("")}, noEBPF, nil
}

// An fdCounter counts what processes move; there is one for each method.
type fdCounter interface {
	// Track says which processes are counted from now on.
	Track(pids []int) error
	// finish ends the counting.
	finish() (fdCounts, error)
	Close() error
}

// fdCounts is what was counted. Either each call was (by eBPF), or moved says what
// is known instead.
type fdCounts struct {
	method string
	fdvol.Reading
	moved  []volume.Moved
	denied []int         // processes that may not be looked at
	cost   fdvol.RunCost // zero: not known
}

// byEBPF counts each call. The kernel times the programs between the first and the
// second time that Track is called: timing them all the time would double their cost.
type byEBPF struct {
	*fdvol.Tracer
	timing  *fdvol.Timing
	tracked bool
	cost    fdvol.RunCost
}

func (b *byEBPF) Track(pids []int) error {
	b.stopTiming()
	if err := b.Tracer.Track(pids); err != nil {
		return err
	}
	if !b.tracked {
		b.timing, _ = b.StartTiming() // it may not be allowed; then the cost is unknown
		b.tracked = true
	}
	return nil
}

func (b *byEBPF) stopTiming() {
	if b.timing != nil {
		b.cost, _ = b.timing.Stop()
		b.timing = nil
	}
}

func (b *byEBPF) finish() (fdCounts, error) {
	b.stopTiming()
	reading, err := b.Finish()
	return fdCounts{method: methodEBPF, Reading: reading, cost: b.cost}, err
}

// byProc reads counters.
type byProc struct{ *fdvol.Proc }

func (b byProc) finish() (fdCounts, error) {
	moved, denied := b.Finish()
	return fdCounts{method: methodProc, moved: moved, denied: denied}, nil
}

func (byProc) Close() error { return nil }
