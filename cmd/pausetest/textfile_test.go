package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pausetest/internal/analysis"
	"pausetest/internal/experiment"
	"pausetest/internal/metrics"
	"pausetest/internal/occasion"
)

// TestOutcomeMetrics also sees to it that every kind of outcome has its metric.
func TestOutcomeMetrics(t *testing.T) {
	study := &analysis.Study{Result: analysis.Result{Streams: make([]analysis.StreamResult, 3)}}
	want := map[outcomeKind]metrics.State{
		healthy: metrics.Done, inconclusive: metrics.Done, collapse: metrics.Done, broken: metrics.Failed, interrupted: metrics.Interrupted,
		outcomeKind(occasion.NoStreams): metrics.NoStreams, outcomeKind(occasion.TooFew): metrics.TooFew, outcomeKind(occasion.Refused): metrics.Refused,
		outcomeKind(occasion.NotSteady): metrics.NotSteady, outcomeKind(occasion.Busy): metrics.Busy, outcomeKind(occasion.OutOfHours): metrics.OutOfHours,
	}
	for kind, state := range want {
		o := &outcome{kind: kind, study: study}
		if m := o.metrics(); m.State != state || m.Streams != 3 || m.Result == nil || m.StillPaused {
			t.Errorf("%s: %+v", kind, m)
		}
	}
	for _, r := range occasion.Reasons {
		if _, there := want[outcomeKind(r)]; !there {
			t.Errorf("%s has no metric", r)
		}
	}
	left := &outcome{kind: broken, err: failed("", errors.Join(fmt.Errorf("pausing: %w", experiment.ErrStillPaused), errors.New("disk full")))}
	if m := left.metrics(); !m.StillPaused || m.State != metrics.Failed {
		t.Errorf("%+v", m)
	}
}

// TestTextfileFault: what the check has to say is not lost because its metrics are.
func TestTextfileFault(t *testing.T) {
	collapse := &exitError{code: exitCollapse}
	gone := &textfile{dir: filepath.Join(t.TempDir(), "gone"), check: "nightly"}
	var stderr strings.Builder
	if err := gone.write(&stderr, &outcome{kind: healthy}, collapse); err != error(collapse) {
		t.Errorf("said %v", err)
	}
	if !strings.HasPrefix(stderr.String(), "pausetest: warning: writing metrics: ") {
		t.Errorf("warned %q", &stderr)
	}
	stderr.Reset()
	if err := gone.write(&stderr, &outcome{kind: healthy}, nil); !errors.Is(err, os.ErrNotExist) || stderr.Len() > 0 {
		t.Errorf("said %v, warned %q", err, &stderr)
	}
	none := &textfile{}
	if err := errors.Join(none.ready(), none.write(&stderr, &outcome{kind: healthy}, nil)); err != nil {
		t.Error(err)
	}
}
