package netstat

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// leastPeriod keeps a real-time thread from taking a processor for itself.
// Finer samples would show nothing but the bursts of segmentation offload.
const leastPeriod = time.Millisecond

// Tick calls fn once every period, the first time at once, on a thread of its
// own that has precedence over other work, until fn returns an error, which it
// returns, or ctx ends, whose cause it returns. It may notice the end of ctx up
// to 100 ms late. The period is at least a millisecond. fn must be quick: while it
// computes, its processor does nothing else.
//
// Note: a Go ticker was half a millisecond late on an idle machine and 5 ms on
// a busy one; of all ways to wait only real-time scheduling kept its time under
// load. Lateness does not bias a rate that divides by the true time between
// two readings, but it does leave holes.
func Tick(ctx context.Context, period time.Duration, fn func(Slot) error) error {
	if period < leastPeriod {
		return fmt.Errorf("pacing samples: a period of %v is less than %v", period, leastPeriod)
	}
	ended := make(chan error, 1)
	go func() {
		// Never unlocked: the thread, with its precedence, dies with this
		// goroutine.
		runtime.LockOSThread()
		takePrecedence()
		ended <- pace(ctx, systemClocks{}, period.Nanoseconds(), fn)
	}()
	return <-ended
}

// takePrecedence asks for the lowest real-time priority for this thread, or
// else for the highest ordinary one. Without the privilege it changes nothing;
// the lateness of each slot tells.
//
// Note: the lowest suffices against all ordinary work, and stays below the
// threaded interrupts (priority 50) that carry the traffic being measured.
func takePrecedence() {
	err := unix.SchedSetAttr(0, &unix.SchedAttr{
		Size:     unix.SizeofSchedAttr,
		Policy:   unix.SCHED_FIFO,
		Flags:    unix.SCHED_FLAG_RESET_ON_FORK,
		Priority: 1,
	}, 0)
	if err != nil {
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), -20)
	}
}

// MonotonicNS reads CLOCK_MONOTONIC, the clock of all instants here. It stands
// still while the machine is suspended and is never set.
func MonotonicNS() int64 { return readClock(unix.CLOCK_MONOTONIC) }

// systemClocks are the machine's own.
type systemClocks struct{}

func (systemClocks) clocks() clocks {
	return clocks{
		monotonicNS: readClock(unix.CLOCK_MONOTONIC),
		bootNS:      readClock(unix.CLOCK_BOOTTIME),
		realNS:      readClock(unix.CLOCK_REALTIME),
		afterNS:     readClock(unix.CLOCK_MONOTONIC),
	}
}

// sleepUntil returns early when a signal comes; the Go runtime sends some.
func (systemClocks) sleepUntil(untilNS int64) {
	until := unix.NsecToTimespec(untilNS)
	_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &until, nil)
}

// readClock reads a clock that every Linux has, so that it can't fail.
func readClock(clock int32) int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(clock, &t)
	return t.Nano()
}
