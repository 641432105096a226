package experiment

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"pausetest/internal/recording"
)

// A ledger keeps account of what the run takes from the backups, and refuses
// what would go beyond the limits. The guard enforces the limits of pauses once
// more, from outside.
type ledger struct {
	limits recording.Limits
	of     map[int]*account
	// withheldNS is the sum over all streams of the time they were paused.
	withheldNS int64
}

// An account is one stream's.
type account struct {
	pausedSinceNS int64 // -1: it runs
	pausedTotalNS int64
	resumedNS     int64 // when it last began to run
	// moved are the bytes that the stream's counters show, all together, now and
	// when it was last resumed. counts says that they ever moved: a program that
	// sends by send(2), say, has a write counter that stands still for ever.
	movedAtResume, moved uint64
	counts               bool
}

func newLedger(l recording.Limits) *ledger {
	return &ledger{limits: l, of: map[int]*account{}}
}

func (l *ledger) account(id int) *account {
	a := l.of[id]
	if a == nil {
		a = &account{pausedSinceNS: -1, resumedNS: -1 << 62}
		l.of[id] = a
	}
	return a
}

func (l *ledger) isPaused(id int) bool { return l.account(id).pausedSinceNS >= 0 }

func (l *ledger) paused(id int, nowNS int64) { l.account(id).pausedSinceNS = nowNS }

func (l *ledger) resumed(id int, nowNS int64) {
	a := l.account(id)
	if a.pausedSinceNS < 0 {
		return
	}
	a.pausedTotalNS += nowNS - a.pausedSinceNS
	l.withheldNS += nowNS - a.pausedSinceNS
	a.pausedSinceNS, a.resumedNS = -1, nowNS
	a.movedAtResume = a.moved
}

// counter takes note of what a stream has moved, by whatever counts it.
func (l *ledger) counter(c recording.StreamCounters) {
	a := l.account(c.ID)
	var moved uint64
	for _, bytes := range []*uint64{c.IOBytes, c.SocketBytes} {
		if bytes != nil {
			moved += *bytes
		}
	}
	if a.moved > 0 && moved > a.moved {
		a.counts = true
	}
	a.moved = max(a.moved, moved)
}

// progressed reports whether a stream has moved bytes since it was resumed; so
// does one that was never paused or can't be counted.
func (l *ledger) progressed(id int) bool {
	a := l.account(id)
	return !a.counts || a.resumedNS < 0 || a.moved > a.movedAtResume
}

// overdue reports a stream that would be paused for longer than one pause may
// last if it stayed paused until the given instant.
func (l *ledger) overdue(id int, untilNS int64) bool {
	a := l.account(id)
	return a.pausedSinceNS >= 0 && untilNS-a.pausedSinceNS > l.limits.MaxPauseNS
}

// ripeNS is the instant from which a stream has run long enough to be paused
// again.
func (l *ledger) ripeNS(id int) int64 { return l.account(id).resumedNS + l.limits.MinRunNS }

// firstDeadlineNS is when the first of the pauses under way reaches its limit.
func (l *ledger) firstDeadlineNS() int64 {
	first := int64(math.MaxInt64)
	for _, a := range l.of {
		if a.pausedSinceNS >= 0 {
			first = min(first, a.pausedSinceNS+l.limits.MaxPauseNS)
		}
	}
	return first
}

// exceeded says which limit would be broken by keeping these streams, named by
// their labels, paused for another hold, and "" if none would.
func (l *ledger) exceeded(toPause map[int]string, nowNS, holdNS int64) string {
	if holdNS > l.limits.MaxPauseNS {
		return fmt.Sprintf("a segment of %v would exceed the longest pause of %v (--max-pause)",
			time.Duration(holdNS), time.Duration(l.limits.MaxPauseNS))
	}
	cost := int64(len(toPause)) * holdNS
	if b := l.limits.BudgetNS; b > 0 && l.withheldNS+l.underWayNS(nowNS)+cost > b {
		return fmt.Sprintf("the budget of %v stream-seconds is used up (--budget)", time.Duration(b).Seconds())
	}
	most := l.limits.MaxPausedTotalNS
	if most == 0 {
		return ""
	}
	for _, id := range slices.Sorted(maps.Keys(toPause)) {
		a := l.account(id)
		total := a.pausedTotalNS
		if a.pausedSinceNS >= 0 {
			total += nowNS - a.pausedSinceNS
		}
		if total+holdNS > most {
			return fmt.Sprintf("%s was paused for %v of the %v it may be paused in all (--max-paused-total)",
				toPause[id], time.Duration(total).Round(time.Millisecond), time.Duration(most))
		}
	}
	return ""
}

// underWayNS is what the pauses that have not ended yet have cost.
func (l *ledger) underWayNS(nowNS int64) int64 {
	var sum int64
	for _, a := range l.of {
		if a.pausedSinceNS >= 0 {
			sum += nowNS - a.pausedSinceNS
		}
	}
	return sum
}
