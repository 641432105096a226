package netstat

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const second = int64(1e9)

func TestLatestSlot(t *testing.T) {
	for name, test := range map[string]struct {
		due, now   int64
		wantLatest int64
		wantMissed int
	}{
		"in time":                 {100, 100, 100, 0},
		"late by almost a period": {100, 109, 100, 0},
		"one left out":            {100, 110, 110, 1},
		"many left out":           {100, 165, 160, 6},
	} {
		if latest, missed := latestSlot(test.due, 10, test.now); latest != test.wantLatest || missed != test.wantMissed {
			t.Errorf("%s: %d, %d missed; want %d, %d", name, latest, missed, test.wantLatest, test.wantMissed)
		}
	}
}

func TestJump(t *testing.T) {
	at := func(monotonic, boot, real int64) clocks {
		return clocks{monotonicNS: monotonic, bootNS: boot, realNS: real, afterNS: monotonic + 1000}
	}
	start := at(10*second, 50*second, 1000*second)
	vague := func(c clocks) clocks { c.afterNS = c.monotonicNS + vagueNS + 1; return c }
	for name, test := range map[string]struct {
		readings []clocks
		want     []ClockJump
	}{
		"steady": {
			[]clocks{start, at(11*second, 51*second, 1001*second)},
			[]ClockJump{{}, {}},
		},
		"suspended": {
			[]clocks{start, at(11*second, 111*second, 1061*second), at(12*second, 112*second, 1062*second)},
			[]ClockJump{{}, {SuspendedNS: 60 * second}, {}},
		},
		"set forward, then back": {
			[]clocks{start, at(11*second, 51*second, 1003*second), at(12*second, 52*second, 902*second)},
			[]ClockJump{{}, {SteppedNS: 2 * second}, {SteppedNS: -102 * second}},
		},
		"suspended and set at once": {
			[]clocks{start, at(11*second, 53*second, 3003*second)},
			[]ClockJump{{}, {SuspendedNS: 2 * second, SteppedNS: 2000 * second}},
		},
		"small steps add up": {
			[]clocks{start, at(11*second, 51*second, 1001*second+600e6), at(12*second, 52*second, 1002*second+1200e6)},
			[]ClockJump{{}, {}, {SteppedNS: 1200e6}},
		},
		"jitter": {
			[]clocks{start, at(11*second, 51*second+9e6, 1001*second-9e6)},
			[]ClockJump{{}, {}},
		},
		"a vague reading waits for a clear one": {
			[]clocks{start, vague(at(11*second, 111*second, 1061*second)), at(12*second, 112*second, 1062*second)},
			[]ClockJump{{}, {}, {SuspendedNS: 60 * second}},
		},
		"a vague first reading is no reference": {
			[]clocks{vague(at(10*second, 52*second, 1005*second)), start, at(11*second, 51*second, 1001*second)},
			[]ClockJump{{}, {}, {}},
		},
	} {
		var reference clocks
		var got []ClockJump
		for _, now := range test.readings {
			got = append(got, jump(&reference, now))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A fakePacer is a machine whose clock moves only when somebody sleeps or
// works, and that oversleeps by a given time.
type fakePacer struct {
	nowNS, oversleepNS int64
	longestSleepNS     int64
}

func (p *fakePacer) clocks() clocks {
	return clocks{monotonicNS: p.nowNS, bootNS: p.nowNS, realNS: p.nowNS, afterNS: p.nowNS}
}

func (p *fakePacer) sleepUntil(untilNS int64) {
	p.longestSleepNS = max(p.longestSleepNS, untilNS-p.nowNS)
	p.nowNS = untilNS + p.oversleepNS
}

func TestPace(t *testing.T) {
	enough := errors.New("enough")
	p := &fakePacer{nowNS: 7, oversleepNS: 2}
	var got []Slot
	// What a call does to the clock and to the sleep after it.
	calls := []func(){
		func() { p.nowNS++ },
		func() { p.nowNS++ },
		func() { p.nowNS += 25 }, // takes two slots and a half
		func() { p.nowNS++; p.oversleepNS = 31 },
		func() { p.nowNS++; p.oversleepNS = 0 },
		func() {},
	}
	err := pace(t.Context(), p, 10, func(s Slot) error {
		got = append(got, s)
		calls[len(got)-1]()
		if len(got) == len(calls) {
			return enough
		}
		return nil
	})
	want := []Slot{
		{DueNS: 7, NowNS: 7},
		{DueNS: 17, NowNS: 19},
		{DueNS: 27, NowNS: 29},
		{DueNS: 47, NowNS: 54, Missed: 1},
		{DueNS: 87, NowNS: 88, Missed: 3},
		{DueNS: 97, NowNS: 97},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != enough {
		t.Errorf("ended with %v (-want +got):\n%s", err, diff)
	}
}

// TestPaceNeverBunches plays calls and sleeps of any length.
func TestPaceNeverBunches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const period = 100
		enough := errors.New("enough")
		p := &fakePacer{nowNS: rapid.Int64Range(0, 1<<60).Draw(t, "start")}
		left := rapid.IntRange(1, 30).Draw(t, "calls")
		last := Slot{DueNS: p.nowNS - period, NowNS: p.nowNS}
		err := pace(context.Background(), p, period, func(s Slot) error {
			if s.DueNS-last.DueNS != int64(s.Missed+1)*period {
				t.Errorf("%+v is not %d slots after %+v", s, s.Missed+1, last)
			}
			if s.NowNS < s.DueNS || s.NowNS >= s.DueNS+period {
				t.Errorf("outside its slot: %+v", s)
			}
			last = s
			p.nowNS += rapid.Int64Range(0, 5*period).Draw(t, "work")
			p.oversleepNS = rapid.Int64Range(0, 5*period).Draw(t, "oversleep")
			if left--; left == 0 {
				return enough
			}
			return nil
		})
		if err != enough {
			t.Fatalf("ended with %v", err)
		}
	})
}

func TestPaceEnds(t *testing.T) {
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	p := &fakePacer{}
	calls := 0
	err := pace(ctx, p, 3600*second, func(Slot) error {
		calls++
		cancel(why)
		return nil
	})
	if err != why || calls != 1 {
		t.Errorf("ended with %v after %d calls", err, calls)
	}
	if err := pace(ctx, p, 10, func(Slot) error { t.Error("called after the end"); return nil }); err != why {
		t.Errorf("begun after the end: %v", err)
	}
	// It looks at ctx often, however long the period.
	n := 0
	err = pace(t.Context(), p, 3600*second, func(Slot) error {
		if n++; n == 3 {
			return why
		}
		return nil
	})
	if err != why || p.longestSleepNS != longestSleepNS {
		t.Errorf("ended with %v, slept %d ns at a stretch", err, p.longestSleepNS)
	}
}
