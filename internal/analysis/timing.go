package analysis

// pauseReserve is left between the longest pause a segment needs and the limit:
// stopping and confirming take time too.
const pauseReserve = int64(500e6)

// Plan is how long segments settle and are measured, in nanoseconds, with so
// many streams. It is asked once after the baseline and again after every
// Restart, before the Retimed event is written.
func (j *Judge) Plan(streams int) (settleNS, measureNS int64) {
	j.qualify()
	if j.retimed {
		t := j.timing
		if j.advice == Restart {
			t = j.extended()
		}
		return t.settleNS, t.measureNS
	}
	t := timing{settleFor(streams), shortestMeasure}
	if j.lazy[j.deciding] {
		t.measureNS = max(t.measureNS, lazyPeriods*j.refresh[j.deciding].periodNS())
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
	return t.settleNS, t.measureNS
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
