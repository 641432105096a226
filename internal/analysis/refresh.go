package analysis

import (
	"slices"

	"pausetest/internal/recording"
)

// How long the baseline lasts, and how long when the deciding counter changed
// too seldom to know its refresh period (docs/statistics.md).
const (
	baselineNS         = 5e9
	extendedBaselineNS = 15e9
	neededChanges      = 3
)

// lazyFactor: a counter whose value changes more seldom than once in so many
// sample distances is a lazy one.
const lazyFactor = 1.6

// mostSpacings of changes tell the period: more than the longest baseline has.
const mostSpacings = 1 << 14

// refresh watches how often a counter's value changes while everything runs.
// Some drivers publish their counters once a second or every two.
type refresh struct {
	last         point
	known        bool
	changedNS    int64 // of the last change
	changes      int
	spacings     []int64
	firstNS      int64
	firstBytes   uint64
	sampleCount  int
	sampleSpanNS int64
}

func (r *refresh) hear(p point) {
	if !r.known {
		r.known, r.last = true, p
		r.firstNS, r.firstBytes = p.tNS, p.bytes
		return
	}
	if p.tNS <= r.last.tNS {
		return
	}
	r.sampleCount++
	r.sampleSpanNS = p.tNS - r.firstNS
	if p.bytes != r.last.bytes {
		if r.changes > 0 && len(r.spacings) < mostSpacings {
			r.spacings = append(r.spacings, p.tNS-r.changedNS)
		}
		r.changes++
		r.changedNS = p.tNS
	}
	r.last = p
}

// periodNS is the median time between two changes; 0 while it is unknown.
func (r *refresh) periodNS() int64 {
	if r.changes < neededChanges {
		return 0
	}
	return medianNS(r.spacings)
}

// lazy says whether the counter changes more seldom than it is read. The
// nominal distance of samples is replaced by the real one when that is longer:
// a slow sampler doesn't make a prompt counter lazy.
func (r *refresh) lazy(nominalNS int64) bool {
	h := float64(nominalNS)
	if r.sampleCount > 0 {
		h = max(h, float64(r.sampleSpanNS)/float64(r.sampleCount))
	}
	return float64(r.periodNS()) > lazyFactor*h
}

// grew says whether the counter counted anything.
func (r *refresh) grew() bool { return r.known && r.last.bytes > r.firstBytes }

func medianNS(values []int64) int64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return sorted[(n-1)/2]/2 + sorted[n/2]/2
}

// hearBaseline takes in what the counters do before the first block.
func (j *Judge) hearBaseline(s *recording.Sample, transmit bool) {
	if s.Interface != nil {
		j.refresh[fromInterface].hear(point{s.TNS, interfaceBytes(s, transmit)})
	}
	t := attributedNS(s)
	if s.SocketBytes != nil {
		j.refresh[fromSockets].hear(point{t, *s.SocketBytes})
	}
	if bytes, ok := ioBytes(s, j.live); ok {
		j.refresh[fromIO].hear(point{t, bytes})
	}
	j.deciding = j.candidate()
}

// candidate is the best source that was recorded for every stream and that
// counted anything so far.
func (j *Judge) candidate() int {
	switch a := j.header.Attribution; {
	case a.Sockets && j.refresh[fromSockets].grew():
		return fromSockets
	case a.IO && j.refresh[fromIO].grew():
		return fromIO
	}
	return fromInterface
}

// BaselineNS is how long the baseline should last, as far as is known: longer
// when the counter that will decide has changed too seldom.
func (j *Judge) BaselineNS() int64 {
	if r := &j.refresh[j.deciding]; j.heard && r.sampleSpanNS >= baselineNS*9/10 && r.changes < neededChanges {
		return extendedBaselineNS
	}
	return baselineNS
}

// qualify ends the baseline: which counter decides, and which are lazy, stands
// from here on.
func (j *Judge) qualify() {
	if j.qualified {
		return
	}
	j.qualified = true
	for i := range j.refresh {
		j.lazy[i] = j.refresh[i].lazy(j.header.SampleNS)
	}
}
