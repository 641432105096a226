package netstat

import (
	"context"
	"time"
)

// A Slot is one turn of Tick. Instants are nanoseconds of CLOCK_MONOTONIC, as
// from MonotonicNS.
type Slot struct {
	DueNS int64 // when it was due: a whole number of periods after the first
	NowNS int64 // when it came: after DueNS, by less than a period
	// Missed counts the slots before this one that were left out because their
	// time was over.
	Missed int
	// Jump is what befell the clocks since an earlier slot; usually zero.
	Jump ClockJump
}

// A ClockJump says how the system's clocks came apart.
type ClockJump struct {
	// SuspendedNS is how long the machine slept, which the monotonic clock
	// doesn't count.
	SuspendedNS int64
	// SteppedNS is by how much the wall clock was set: forward or, negative,
	// back.
	SteppedNS int64
}

// Limits of telling clocks apart.
const (
	// leastSuspendNS and leastStepNS are the smallest jumps that are reported.
	// A smaller step of the wall clock harms nobody (nothing is computed from
	// it); many small ones are reported when they have added up.
	leastSuspendNS = int64(100 * time.Millisecond)
	leastStepNS    = int64(time.Second)
	// vagueNS: clocks that took longer than this to read one after the other
	// (the thread was preempted) are not compared.
	vagueNS = int64(10 * time.Millisecond)
	// longestSleepNS bounds the time until the end of a context is noticed. It is the
	// usual period, so that nothing wakes between two samples.
	longestSleepNS = int64(100 * time.Millisecond)
)

// clocks are the system's clocks, read one after the other.
type clocks struct {
	monotonicNS, bootNS, realNS int64
	afterNS                     int64 // the monotonic clock once more
}

// A pacer is what pace needs of the machine.
type pacer interface {
	// clocks reads all clocks.
	clocks() clocks
	// sleepUntil returns when the monotonic clock shows untilNS, or earlier.
	sleepUntil(untilNS int64)
}

// pace calls fn in every slot, the first at once, until fn returns an error or
// ctx ends.
func pace(ctx context.Context, p pacer, periodNS int64, fn func(Slot) error) error {
	var reference clocks
	now := p.clocks()
	dueNS := now.monotonicNS
	for {
		for now.monotonicNS < dueNS && ctx.Err() == nil {
			p.sleepUntil(min(dueNS, now.monotonicNS+longestSleepNS))
			now = p.clocks()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		slot := Slot{NowNS: now.monotonicNS, Jump: jump(&reference, now)}
		slot.DueNS, slot.Missed = latestSlot(dueNS, periodNS, now.monotonicNS)
		if err := fn(slot); err != nil {
			return err
		}
		dueNS = slot.DueNS + periodNS
		now = p.clocks()
	}
}

// latestSlot returns when the last slot was due that began no later than now,
// counting from the one at dueNS, and how many came before it. Those are left
// out, and never made up for in a bunch; so a slot is late by less than a
// period.
func latestSlot(dueNS, periodNS, nowNS int64) (latestNS int64, missed int) {
	late := (nowNS - dueNS) / periodNS
	return dueNS + late*periodNS, int(late)
}

// jump compares the clocks with a reference, which is set at the first clear
// reading and again whenever a jump is reported.
//
// A suspend moves CLOCK_BOOTTIME away from CLOCK_MONOTONIC, and CLOCK_REALTIME
// with it; setting the clock moves CLOCK_REALTIME alone. Slewing (NTP) moves
// none away from another.
func jump(reference *clocks, now clocks) ClockJump {
	if now.afterNS-now.monotonicNS > vagueNS {
		return ClockJump{}
	}
	if *reference == (clocks{}) {
		*reference = now
	}
	suspended := (now.bootNS - now.monotonicNS) - (reference.bootNS - reference.monotonicNS)
	stepped := (now.realNS - now.bootNS) - (reference.realNS - reference.bootNS)
	var j ClockJump
	if suspended >= leastSuspendNS {
		j.SuspendedNS = suspended
	}
	if max(stepped, -stepped) >= leastStepNS {
		j.SteppedNS = stepped
	}
	if j != (ClockJump{}) {
		*reference = now
	}
	return j
}
