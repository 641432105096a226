package guard

// limits bound what a run may take from the streams; nanoseconds, 0: no limit.
// The controller keeps to the same ones, and ends a run in good order before any
// of them is reached.
type limits struct {
	maxPauseNS       int64 // one hold
	maxPausedTotalNS int64 // all pauses of one stream
	budgetNS         int64 // all pauses of all streams
}

// An account is what was taken from one stream. It is paused while there is any
// hold of it: from the first intent, before the first signal is sent, until the
// last one is forgotten, after the last process runs again.
type account struct {
	stream  uint32
	holds   int
	sinceNS int64 // the first intent of the pause under way
	totalNS int64 // the pauses that are over
}

func (a *account) take(atNS int64) {
	if a.holds == 0 {
		a.sinceNS = atNS
	}
	a.holds++
}

func (a *account) give(atNS int64) {
	if a.holds--; a.holds == 0 {
		a.totalNS += max(atNS-a.sinceNS, 0)
	}
}

// accounts are those of all streams that were ever paused. They are few, and a
// new one is opened by an intent, never while firing.
type accounts []account

func (all *accounts) of(stream uint32) *account {
	for i := range *all {
		if a := &(*all)[i]; a.stream == stream {
			return a
		}
	}
	*all = append(*all, account{stream: stream})
	return &(*all)[len(*all)-1]
}

// spent says which of the limits on sums has been passed.
func (all accounts) spent(l limits, nowNS int64) cause {
	var withheldNS int64
	for i := range all {
		a := &all[i]
		takenNS := a.totalNS
		if a.holds > 0 {
			takenNS += nowNS - a.sinceNS
			if l.maxPausedTotalNS > 0 && takenNS > l.maxPausedTotalNS {
				return causeStreamTotal
			}
		}
		withheldNS += takenNS
	}
	if l.budgetNS > 0 && withheldNS > l.budgetNS {
		return causeBudget
	}
	return causeNone
}

// spentNS is the last instant at which spent is causeNone if the pauses under way
// go on; ok is false where no limit on sums applies.
func (all accounts) spentNS(l limits) (atNS int64, ok bool) {
	leftNS, paused := l.budgetNS, int64(0)
	for i := range all {
		a := &all[i]
		leftNS -= a.totalNS
		if a.holds == 0 {
			continue
		}
		leftNS += a.sinceNS
		paused++
		if untilNS := a.sinceNS + l.maxPausedTotalNS - a.totalNS; l.maxPausedTotalNS > 0 && (!ok || untilNS < atNS) {
			atNS, ok = untilNS, true
		}
	}
	if l.budgetNS > 0 && paused > 0 {
		// With so many streams paused, the sum grows so many times as fast as time.
		if untilNS := leftNS / paused; !ok || untilNS < atNS {
			atNS, ok = untilNS, true
		}
	}
	return atNS, ok
}
