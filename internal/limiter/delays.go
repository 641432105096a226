package limiter

import (
	"math"

	"pausetest/internal/recording"
)

// delayed is by how much delays for want of memory grew; nothing where they grew by
// more than the threads can have waited.
//
// Note: a kernel has said of a process that had only just begun that it had waited for
// block I/O for an hour. What is wrong so obviously is not corrected but left out; so is
// a wait that lasted longer than from record to record, which is counted when it ends.
func delayed(before, now *recording.MemoryDelays, spanNS int64) int64 {
	threads := int64(max(before.Threads, now.Threads))
	if threads <= 0 {
		return 0
	}
	mostNS := min(spanNS, math.MaxInt64/threads/4) * threads // a fourth: four are added up
	var sumNS int64
	for _, grewNS := range []int64{
		now.SwapInNS - before.SwapInNS, now.ReclaimNS - before.ReclaimNS, now.ThrashingNS - before.ThrashingNS, now.CompactionNS - before.CompactionNS,
	} {
		if grewNS < 0 || grewNS > mostNS {
			return 0
		}
		sumNS += grewNS
	}
	return min(sumNS, mostNS) // one may be counted within another
}

// memoryDelay is the part of the time that a process stood still for want of memory;
// nil for none. Those of the group for which it is not known count as without any.
func (p *processTally) memoryDelay() *float64 {
	if share := part(p.delayedNS, p.countedNS); share > 0 {
		return &share
	}
	return nil
}

// shortOfMemory reports whether some of the processes stood still for long.
func (t *tally) shortOfMemory() bool {
	for _, p := range t.processes {
		if forLong(p.memoryDelay()) {
			return true
		}
	}
	return false
}

func forLong(delay *float64) bool { return delay != nil && *delay >= worthTelling }
