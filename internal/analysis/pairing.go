package analysis

import "pausetest/internal/recording"

// beginSegment opens a segment. The first one of a block ends the baseline.
func (j *Judge) beginSegment(e *recording.Event) {
	if j.window.isOpen {
		j.cutSegment(e.TNS, "its end was not recorded")
	}
	if e.Segment == nil {
		return
	}
	s := *e.Segment
	if inBlock(s.Phase) {
		j.qualify()
	}
	if !j.continues(s) {
		j.endRepeat()
		j.drop("the rest of its block was not run")
		if s.Phase == recording.PhaseMain || s.Phase == recording.PhaseSchedule {
			j.attempts++
		}
	}
	if inVerdict(s.Phase) {
		j.timing = timing{s.SettleNS, s.MeasureNS}
	}
	j.spoilt = ""
	j.window.open(s, e.TNS, j.live, j.deciding)
}

func inBlock(p recording.Phase) bool {
	return p != recording.PhaseBaseline && p != recording.PhaseGap
}

func inVerdict(p recording.Phase) bool {
	return p == recording.PhaseMain || p == recording.PhaseSchedule
}

// continues says whether a segment belongs to the block under way.
func (j *Judge) continues(s recording.Segment) bool {
	if len(j.pending) == 0 {
		return false
	}
	p := &j.segments[j.pending[0]]
	return p.Phase == s.Phase && p.Block == s.Block
}

func (j *Judge) endSegment(tNS int64) {
	if !j.window.isOpen {
		return
	}
	if j.spoilt != "" {
		j.cutSegment(tNS, j.spoilt)
		return
	}
	s := j.window.close(tNS, j.lazy)
	if len(s.Active) == len(j.live) && s.Phase != recording.PhaseGap && s.Phase != recording.PhasePlacebo {
		j.shares.hear(&s)
	}
	j.segments = append(j.segments, s)
	index := len(j.segments) - 1
	switch s.Phase {
	case recording.PhaseMain, recording.PhaseBetween, recording.PhasePairs, recording.PhasePlacebo:
		j.pending = append(j.pending, index)
		if len(j.pending) == 2 {
			j.completePair()
		}
	case recording.PhaseSchedule:
		j.pending = append(j.pending, index)
	default:
		j.segments[index].Cut = "it belongs to no block"
	}
}

func (j *Judge) cutSegment(tNS int64, reason string) {
	if !j.window.isOpen {
		return
	}
	s := j.window.close(tNS, j.lazy)
	s.Cut = reason
	j.segments = append(j.segments, s)
	if inBlock(s.Phase) {
		j.drop("another part of its block was cut")
	}
}

// completePair ends a block of two segments.
func (j *Judge) completePair() {
	indices := j.pending
	j.pending = nil
	a, b := &j.segments[indices[0]], &j.segments[indices[1]]
	if a.Phase == recording.PhaseMain {
		j.completeBlock(indices)
		return
	}
	p, ok := j.newPair(a, b)
	if !ok {
		j.discard(indices, "its block is no pair")
		return
	}
	if !p.test.has(j.deciding) || !p.common.has(j.deciding) {
		j.discard(indices, "the deciding counter gave no value in its block")
		return
	}
	a.Used, b.Used = true, true
	switch a.Phase {
	case recording.PhaseBetween:
		j.between = append(j.between, p)
	case recording.PhasePlacebo:
		j.placebo = append(j.placebo, p)
	}
}

// completeBlock counts a block of the verdict, or says why not.
func (j *Judge) completeBlock(indices []int) {
	b, ok := j.newBlock(indices)
	switch {
	case !ok:
		j.discard(indices, "its block does not hold both all streams and one")
	case !b.all.has(j.deciding) || !b.one.has(j.deciding):
		j.discard(indices, "the deciding counter gave no value in its block")
		if j.valueless++; j.valueless >= mostValueless {
			j.stop("the %s counter gave no value in %d blocks in a row", sources[j.deciding], j.valueless)
		}
	default:
		j.valueless = 0
		for _, i := range indices {
			j.segments[i].Used = true
		}
		j.blocks = append(j.blocks, b)
		j.consider()
	}
}

// endRepeat counts a repeat of an operator's own schedule once it is known to
// be whole: when something else is begun, or the run asks for advice.
func (j *Judge) endRepeat() {
	if len(j.pending) == 0 || j.window.isOpen || j.segments[j.pending[0]].Phase != recording.PhaseSchedule {
		return
	}
	indices := j.pending
	j.pending = nil
	j.repeats++
	b, ok := j.newBlock(indices)
	if ok && b.all.has(j.deciding) && b.one.has(j.deciding) {
		j.blocks = append(j.blocks, b)
	}
	// The levels between one and all stand for themselves.
	for _, i := range indices {
		if s := &j.segments[i]; s.rates.has(j.deciding) {
			s.Used = true
		} else {
			s.Cut = "the deciding counter gave no value"
		}
	}
	j.consider()
}

// drop gives up the block under way.
func (j *Judge) drop(reason string) {
	j.discard(j.pending, reason)
	j.pending = nil
}

func (j *Judge) discard(indices []int, reason string) {
	for _, i := range indices {
		j.segments[i].Used, j.segments[i].Cut = false, reason
	}
}
