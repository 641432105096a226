package analysis

// shortestMeasure is how long a prompt counter is measured; a lazy one is
// measured for lazyPeriods of its refresh periods, if that is longer.
const (
	shortestMeasure = int64(1500e6)
	lazyPeriods     = 3
)

// pauseReserve is left between the longest pause a segment needs and the limit:
// stopping and confirming take time too.
const pauseReserve = int64(500e6)

// Plan is how long segments settle and are measured, in nanoseconds, with so
// many streams. It is asked once after the baseline and again after every
// Restart, before the Retimed event is written.
func (j *Judge) Plan(streams int) (settleNS, measureNS int64) {
	k := j.whole()
	t := k.timing
	switch {
	case !k.retimed:
		t = k.initial(streams)
	case k.advice == Restart:
		t = k.extended()
	}
	return t.settleNS, t.measureNS
}

// initial is the timing after the baseline. A lazy counter is measured for
// longer; what the operator chose goes before all.
func (j *Judge) initial(streams int) timing {
	t := timing{settleFor(streams), shortestMeasure}
	if r := &j.refresh[j.deciding]; r.lazy(j.header.SampleNS) {
		t.measureNS = max(t.measureNS, lazyPeriods*r.periodNS())
	}
	if limit := j.header.Limits.MaxPauseNS; limit > 0 {
		t.measureNS = min(t.measureNS, max(shortestMeasure/3, limit-pauseReserve-t.settleNS))
	}
	if asked := j.header.Plan.SettleNS; asked > 0 {
		t.settleNS = asked
	}
	if asked := j.header.Plan.MeasureNS; asked > 0 {
		t.measureNS = asked
	}
	return t
}

// settleFor is how long streams need to settle after a switch.
func settleFor(streams int) int64 {
	switch {
	case streams <= 4:
		return 1500e6
	case streams <= 8:
		return 2000e6
	}
	return 2500e6
}

// extended is the timing after one more extension: twice the settling, and the
// second time no less than two seconds of measuring.
func (j *Judge) extended() timing {
	t := timing{min(2*j.timing.settleNS, longestSettle), j.timing.measureNS}
	if j.extensions+1 >= maxExtensions && j.header.Plan.MeasureNS == 0 {
		t.measureNS = max(t.measureNS, longestMeasure)
	}
	return t
}

// mayExtend says whether the settling may be made longer: the operator didn't
// choose it, the counter is prompt enough to see the need, and the pause stays
// within its limit.
func (j *Judge) mayExtend() bool {
	if j.header.Plan.SettleNS > 0 || j.extensions >= maxExtensions || j.lazy[j.deciding] || !j.retimed {
		return false
	}
	t := j.extended()
	limit := j.header.Limits.MaxPauseNS
	return t.settleNS > j.timing.settleNS && (limit <= 0 || t.settleNS+t.measureNS+pauseReserve <= limit)
}
