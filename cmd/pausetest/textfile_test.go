package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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

// TestFaultAfterwards: what the check has to say is not lost because its metrics are,
// and a monitoring system hears of both in one line.
func TestFaultAfterwards(t *testing.T) {
	gone := &textfile{dir: filepath.Join(t.TempDir(), "gone"), check: "nightly"}
	fault := gone.write(&outcome{kind: healthy})
	if !errors.Is(fault, os.ErrNotExist) {
		t.Fatalf("writing into no folder: %v", fault)
	}
	told := func(o *outcome, plugin bool) string {
		var stdout, stderr strings.Builder
		o.conclude(o.err)
		o.fails, o.fault = o.kind == collapse, fault
		err := o.tell(&stdout, &stderr, false)
		if plugin {
			stdout.Reset()
			stderr.Reset()
			err = o.tellMonitoring(&stdout, &stderr, false)
		}
		code := complainTo(err, &stderr)
		return strings.ReplaceAll(fmt.Sprintf("%d %s%s", code, stdout.String(), stderr.String()), "\n", " ")
	}
	healthyOne := func() *outcome { return &outcome{study: judged(analysis.NoCollapse)} }
	collapsed := func() *outcome { return &outcome{study: judged(analysis.Collapse)} }
	for _, test := range []struct {
		got  string
		want []string
	}{
		{told(healthyOne(), false), []string{"1 pausetest: error: writing metrics"}},
		{told(collapsed(), false), []string{"4 collapse", "pausetest: warning: writing metrics"}},
		{told(healthyOne(), true), []string{"3 PAUSETEST UNKNOWN: 2 streams", "; writing metrics"}},
		{told(collapsed(), true), []string{"2 PAUSETEST CRITICAL: 2 streams", "; writing metrics"}},
	} {
		for _, want := range test.want {
			if !strings.Contains(test.got, want) {
				t.Errorf("said %q, which lacks %q", test.got, want)
			}
		}
		if strings.Count(test.got, "PAUSETEST ") > 1 {
			t.Errorf("two status lines: %q", test.got)
		}
	}
	none := &textfile{}
	if err := errors.Join(none.ready(), none.write(healthyOne())); err != nil {
		t.Error(err)
	}
}

// TestSignalIsNoFailure: a reboot in the middle of a run wakes nobody.
func TestSignalIsNoFailure(t *testing.T) {
	for err, want := range map[error]metrics.State{
		failed("", fmt.Errorf("the run: %w", signalled{syscall.SIGTERM})):                                          metrics.Interrupted,
		failed("", errors.Join(signalled{syscall.SIGTERM}, fmt.Errorf("resuming: %w", experiment.ErrStillPaused))): metrics.Failed,
	} {
		o := &outcome{}
		o.conclude(err)
		if m := o.metrics(); m.State != want {
			t.Errorf("%v: %s, want %s", err, m.State, want)
		}
	}
}
