package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// A signalled error is the signal that ended something.
type signalled struct{ syscall.Signal }

func (s signalled) Error() string { return "interrupted by a signal: " + s.Signal.String() }

// endings are the signals that end this program.
var endings = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// untilSignalled is a context that ends with the first signal that would end this
// program, which is its cause then. Ctrl-Z does what it always does.
func untilSignalled(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, endings...)
	go func() {
		select {
		case s := <-ends:
			cancel(signalled{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(ends)
		cancel(nil)
	}
}

// An interruption lets the user end or suspend what this program does. The first
// signal ends the run, which resumes everything before anything else; the next one
// leaves the report unwritten. Ctrl-Z suspends a run, once everything runs.
type interruption struct {
	run, writing   context.Context // cancelled by the first and the second signal
	suspend        chan struct{}
	cancelRun      context.CancelCauseFunc
	cancelWriting  context.CancelCauseFunc
	ends, suspends chan os.Signal
	done           chan struct{}
}

// heedSignals takes over the signals that would end or stop this process, until
// close. What is happening is said on w.
func heedSignals(parent context.Context, w io.Writer) *interruption {
	i := &interruption{
		suspend: make(chan struct{}, 1),
		ends:    make(chan os.Signal, 2), suspends: make(chan os.Signal, 1), done: make(chan struct{}),
	}
	i.run, i.cancelRun = context.WithCancelCause(parent)
	i.writing, i.cancelWriting = context.WithCancelCause(parent)
	signal.Notify(i.ends, endings...)
	signal.Notify(i.suspends, syscall.SIGTSTP)
	go i.heed(w)
	return i
}

func (i *interruption) heed(w io.Writer) {
	for {
		select {
		case s := <-i.ends:
			cause := signalled{s.(syscall.Signal)}
			if i.run.Err() == nil {
				i.cancelRun(cause)
				fmt.Fprintln(w, "\npausetest: interrupted; everything is resumed, then the report is written (interrupt again to leave it out)")
			} else {
				i.cancelWriting(cause)
			}
		case <-i.suspends:
			select {
			case i.suspend <- struct{}{}:
			default:
			}
		case <-i.done:
			return
		}
	}
}

// ran says that the run is over: from now on a signal is about the report.
func (i *interruption) ran() { i.cancelRun(nil) }

func (i *interruption) close() {
	signal.Stop(i.ends)
	signal.Stop(i.suspends)
	close(i.done)
	i.cancelRun(nil)
	i.cancelWriting(nil)
}

// stopSelf stops this process as Ctrl-Z would have. It returns when the operator
// continues it.
func stopSelf() { syscall.Kill(os.Getpid(), syscall.SIGSTOP) }
