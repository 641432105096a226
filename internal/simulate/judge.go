package simulate

import (
	"pausetest/internal/analysis"
	"pausetest/internal/experiment"
)

// judge lets the analysis half answer the run half's one question, as
// cmd/pausetest does for live runs.
type judge struct{ *analysis.Judge }

func (j judge) Timing(streams int) experiment.Timing {
	settle, measure := j.Plan(streams)
	return experiment.Timing{SettleNS: settle, MeasureNS: measure}
}

func (j judge) Advise() experiment.Advice {
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
