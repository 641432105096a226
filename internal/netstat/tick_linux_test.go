package netstat

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTick holds the promises that do not depend on the machine's load.
func TestTick(t *testing.T) {
	const period = 2 * time.Millisecond
	enough := errors.New("enough")
	before := MonotonicNS()
	var slots []Slot
	err := Tick(t.Context(), period, func(s Slot) error {
		slots = append(slots, s)
		if len(slots) == 5 { // waste three periods and a half
			for MonotonicNS() < s.NowNS+7*period.Nanoseconds()/2 {
			}
		}
		if len(slots) == 20 {
			return enough
		}
		return nil
	})
	if err != enough {
		t.Fatalf("ended with %v", err)
	}
	if slots[0].DueNS < before || slots[0].Missed != 0 {
		t.Errorf("first slot %+v, begun at %d", slots[0], before)
	}
	for i, s := range slots[1:] {
		if d := s.DueNS - slots[i].DueNS; d != int64(s.Missed+1)*period.Nanoseconds() {
			t.Errorf("slot %d comes %d ns after the last with %d missed", i+1, d, s.Missed)
		}
		if s.NowNS < s.DueNS || s.NowNS >= s.DueNS+period.Nanoseconds() {
			t.Errorf("slot %d came outside its time: %+v", i+1, s)
		}
	}
	if slots[5].Missed < 2 {
		t.Errorf("after a call of three periods and a half: %+v", slots[5])
	}
}

func TestTickEnds(t *testing.T) {
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	err := Tick(ctx, time.Hour, func(Slot) error { cancel(why); return nil })
	if err != why {
		t.Errorf("ended with %v", err)
	}
	for _, period := range []time.Duration{0, -time.Second, time.Millisecond - 1} {
		if err := Tick(t.Context(), period, func(Slot) error { return why }); err == nil || err == why {
			t.Errorf("a period of %v: %v", period, err)
		}
	}
}

// TestTickPrecedence holds that the thread has precedence inside Tick where the
// kernel grants any, and that no other thread keeps it.
func TestTickPrecedence(t *testing.T) {
	if os.Geteuid() != 0 {
		require(t, "root", "precedence needs CAP_SYS_NICE")
	}
	enough := errors.New("enough")
	var inside *unix.SchedAttr
	var insideErr error
	Tick(t.Context(), time.Second, func(Slot) error {
		inside, insideErr = unix.SchedGetAttr(0, 0)
		return enough
	})
	if insideErr != nil {
		t.Fatal(insideErr)
	}
	if inside.Policy != unix.SCHED_FIFO && inside.Nice != -20 {
		t.Errorf("inside: %+v", inside)
	}
	if inside.Policy == unix.SCHED_FIFO && (inside.Priority != 1 || inside.Flags&unix.SCHED_FLAG_RESET_ON_FORK == 0) {
		t.Errorf("inside: %+v", inside)
	}
	outside, err := unix.SchedGetAttr(0, 0)
	if err != nil || outside.Policy != unix.SCHED_NORMAL || outside.Nice == -20 {
		t.Errorf("outside: %+v, %v", outside, err)
	}
}

// TestClocks holds that the clocks of this machine are those they are taken
// for.
func TestClocks(t *testing.T) {
	c := systemClocks{}.clocks()
	if c.afterNS < c.monotonicNS || c.bootNS < c.monotonicNS {
		t.Errorf("clocks: %+v", c)
	}
	if d := time.Since(time.Unix(0, c.realNS)); d.Abs() > time.Hour {
		t.Errorf("the wall clock is off by %v", d)
	}
}
