package analysis

import (
	"fmt"
	"slices"
)

// warnings are what a reader of the result has to know beside it. Each says
// what to do.
func (j *Judge) warnings(r *Result) []string {
	w := slices.Clone(j.header.Warnings)
	if w == nil {
		w = []string{}
	}
	for _, more := range [][]string{j.warnHarm(r), j.warnCounters(r), j.warnBlocks(r), j.warnEvents()} {
		w = append(w, more...)
	}
	return w
}

// warnHarm tells of streams that may still be paused.
func (j *Judge) warnHarm(r *Result) []string {
	var w, owed = []string{}, []int{}
	for _, s := range r.Streams {
		if !s.Resumed {
			owed = append(owed, s.ID)
		}
	}
	if len(owed) > 0 {
		w = append(w, fmt.Sprintf("%s was paused when the recording ends, and no record says that it was resumed; check that it runs, and continue it if it doesn't (pausetest resume)", j.labels(owed)))
	}
	if j.noted.guardLost != "" {
		w = append(w, j.noted.guardLost+"; everything was resumed then; check that every stream runs")
	}
	return w
}

// disagreement: sources whose ratios differ by more than this factor, with
// intervals apart, do not count the same thing.
const disagreement = 1.25

// foreignShare of the interface's bytes with one stream active is worth a word.
const foreignShare = 0.10

func (j *Judge) warnCounters(r *Result) []string {
	var w []string
	a := j.header.Attribution
	if j.deciding == fromInterface && (a.Sockets || a.IO) && j.samples > 0 {
		w = append(w, "the streams' own counters moved no byte in the baseline, so the interface decides; check that the streams were moving data, and that the right processes were matched")
	}
	if j.deciding == fromInterface && !(a.Sockets || a.IO) {
		w = append(w, "only the interface was counted, with everything else it moves; run as root, so that the streams' own bytes can be counted")
	}
	if j.qualified && j.refresh[j.deciding].periodNS() == 0 && j.samples > 0 {
		w = append(w, fmt.Sprintf("the %s counter changed too seldom in the baseline to know how often it is refreshed; check that the streams move data", sources[j.deciding]))
	}
	if r.LazyCounter {
		w = append(w, fmt.Sprintf("the %s counter is refreshed only every %.2g s; segments were measured longer for it, and settling could not be checked", sources[j.deciding], r.RefreshSeconds))
	}
	return append(w, warnDisagreement(r)...)
}

// warnDisagreement compares the interface with the source that decided.
func warnDisagreement(r *Result) []string {
	var decided, seen *SourceEstimate
	for i := range r.Sources {
		switch s := &r.Sources[i]; s.Source {
		case r.DecidedBy:
			decided = s
		case Interface:
			seen = s
		}
	}
	if decided == nil || seen == nil {
		return nil
	}
	var w []string
	apart := decided.Interval.High < seen.Interval.Low || seen.Interval.High < decided.Interval.Low
	factor := max(decided.Ratio, seen.Ratio) / min(decided.Ratio, seen.Ratio)
	if apart && factor > disagreement {
		w = append(w, fmt.Sprintf("by %s the ratio is %s, by the interface %s: they don't count the same bytes; check that the interface is the one the streams leave by, and what else uses it",
			decided.Source, ratioText(decided.Ratio), ratioText(seen.Ratio)))
	}
	switch {
	case decided.One > seen.One*(1+foreignShare) && decided.Source == Sockets:
		w = append(w, "the streams' sockets moved more than the interface: some of their bytes take another way; choose the interface that carries them")
	case seen.One > 0 && 1-decided.One/seen.One > foreignShare && decided.Source == Sockets:
		w = append(w, fmt.Sprintf("with one stream active, %.0f %% of the interface's bytes belong to no managed stream; the verdict counts the streams' own only, but see what else uses the interface",
			100*(1-decided.One/seen.One)))
	}
	return w
}

func (j *Judge) warnBlocks(r *Result) []string {
	var w []string
	if len(r.StreamCounts) > 1 {
		w = append(w, fmt.Sprintf("the number of streams changed (%s): the ratio pools blocks of different numbers; run again while it stays the same to know one of them", streamsRange(r.StreamCounts)))
	}
	if idle := j.idle(); len(idle) > 0 {
		w = append(w, fmt.Sprintf("%s moved nothing when alone; it may have been waiting for something else than the other streams: look at it, or leave it out", j.labels(idle)))
	}
	if j.valueless > 0 {
		w = append(w, fmt.Sprintf("the %s counter gave no value in the last %s: it went backwards or was not read; look for a driver that resets it, and see the events", sources[j.deciding], count(j.valueless, "block")))
	}
	if r.Verdict != Collapse && r.Verdict != Scaling && !j.lazy[j.deciding] && j.unsettled() {
		w = append(w, "the rate still moved while it was measured; that pulls the ratio towards 1: run again with a longer settling")
	}
	if p := r.Placebo; p != nil && (p.Interval.High < 1 || p.Interval.Low > 1) {
		w = append(w, fmt.Sprintf("stopping and continuing alone changes the throughput to %s of what it was (%s to %s): part of any effect is the tool's own; use a longer settling", ratioText(p.Ratio), ratioText(p.Interval.Low), ratioText(p.Interval.High)))
	}
	return w
}

// idle are the streams that led a block and moved nothing alone, ascending.
func (j *Judge) idle() []int {
	largest := 0.0
	for i := range j.blocks {
		largest = max(largest, j.blocks[i].all[j.deciding], j.blocks[i].one[j.deciding])
	}
	var ids []int
	for i := range j.blocks {
		b := &j.blocks[i]
		if b.lead != 0 && b.one[j.deciding] < floorShare*largest {
			ids = append(ids, b.lead)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (j *Judge) warnEvents() []string {
	n := &j.noted
	var w []string
	if !n.ended {
		w = append(w, "the recording was cut short; what it holds is judged as far as it goes")
	}
	if n.interfaceLost != "" {
		w = append(w, n.interfaceLost+"; run again on an interface that stays")
	}
	if n.late > 0 {
		w = append(w, fmt.Sprintf("samples were missed %s; rates are over the true times all the same, but see what keeps this host busy", times(n.late)))
	}
	if n.clockJumps > 0 {
		w = append(w, fmt.Sprintf("the clocks disagreed %s (a suspended machine, or a clock that was set); wall times in this recording are not to be relied on", times(n.clockJumps)))
	}
	if n.foreignContinues > 0 {
		w = append(w, fmt.Sprintf("somebody else continued a paused stream %s; those blocks were dropped: see who sends it signals", times(n.foreignContinues)))
	}
	if n.stopsPending > 0 {
		w = append(w, fmt.Sprintf("a process could not be stopped at once %s, because it slept in the kernel; a longer settling covers it", times(n.stopsPending)))
	}
	return w
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
