// Package judge lets the analysis half answer the run half's one question: go on,
// measure anew with a longer settle, or stop? It is where the two halves touch, for
// live runs and for simulated ones, and it decides nothing itself.
package judge

import (
	"pausetest/internal/analysis"
	"pausetest/internal/experiment"
	"pausetest/internal/recording"
)

// A Judge is an analysis.Judge in the run half's words (experiment.Judge).
type Judge struct{ *analysis.Judge }

// New returns the judge of a run with this header, which it has heard.
func New(h recording.Header) Judge {
	j := Judge{analysis.NewJudge(h)}
	j.Hear(recording.Record{Header: &h})
	return j
}

// Timing is how long the next segments settle and are measured.
func (j Judge) Timing(streams int) experiment.Timing {
	settle, measure := j.Plan(streams)
	return experiment.Timing{SettleNS: settle, MeasureNS: measure}
}

// Advise says what to do after a block.
func (j Judge) Advise() experiment.Advice {
	do, reason := j.Judge.Advise()
	a := experiment.Advice{Reason: reason}
	switch do {
	case analysis.Stop:
		a.Do = experiment.Stop
	case analysis.Restart:
		a.Do = experiment.Restart
	}
	return a
}
