package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/analysis"
	"pausetest/internal/guard"
	"pausetest/internal/limiter"
	"pausetest/internal/occasion"
	"pausetest/internal/recording"
	"pausetest/internal/report"
)

func judged(v analysis.Verdict) *analysis.Study {
	return &analysis.Study{Result: analysis.Result{
		Verdict: v, Sentence: "2 streams together move 0.50 of what one moves alone", Ratio: 0.5, Interval: analysis.Interval{Low: 0.4, High: 0.6}, Blocks: 6,
		Host: recording.Host{Name: "fs3"}, Interface: recording.Interface{Name: "eth0"}, Started: time.Date(2026, 11, 23, 3, 15, 0, 0, time.UTC),
		StreamCounts: []int{2}, MaxPauseSec: 10, SharedProcess: &analysis.SharedProcess{PID: 7, Name: "amandad", Streams: []int{1, 2}},
	}, Streams: make([]recording.Stream, 2)}
}

// Every way in which a check can end, and what is made of it: by default, and when
// it counts the other way. The exit code stands first, then what is printed.
func TestOutcomes(t *testing.T) {
	missed := func(r occasion.Reason) error {
		return &occasion.Missed{Reason: r, Sight: occasion.Sight{Busy: errors.New("another pausetest is at work")}, Conditions: occasion.Conditions{MinStreams: 2}}
	}
	type said struct{ Quiet, Opposite, Plugin, PluginOpposite string }
	check := func(name string, s *analysis.Study, err error, want said) {
		t.Helper()
		o := checkOptions{failOn: []string{"inconclusive", "refused", "busy"}}
		tell := func(opposite, plugin bool) string {
			out := &outcome{study: s, folder: "runs/1"}
			out.conclude(err)
			out.fails = o.countsAsFailure(out.kind)
			if opposite {
				out.fails = !out.fails
			}
			var stdout, stderr strings.Builder
			err := out.tell(&stdout, &stderr, false)
			if plugin {
				stdout.Reset()
				err = out.tellMonitoring(&stdout, &stderr, false)
			}
			code := complainTo(err, &stderr)
			stderrLine, _, _ := strings.Cut(stderr.String(), "\n") // without the hint
			return strings.TrimSpace(fmt.Sprint(code, " ", strings.ReplaceAll(strings.TrimSpace(stdout.String()), "\n", " "), stderrLine))
		}
		got := said{tell(false, false), tell(true, false), tell(false, true), tell(true, true)}
		if want.Opposite == "" { // it can't be chosen
			got.Opposite, got.PluginOpposite = "", ""
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	const (
		sentence = "2 streams together move 0.50 of what one moves alone"
		perf     = " | ratio=0.5;;0.8:;0 ratio_low=0.4;;;0 ratio_high=0.6;;;0 streams=2;;;0 blocks=6;;;0 withheld=0s;;;0 longest_pause=0s;;10;0 duration=0s;;;0"
		mail     = " (fs3, eth0, 2026-11-23 03:15:00 UTC): " + sentence + ". 2 of 2 streams flow through amandad (pid 7). The report: pausetest report runs/1"
	)
	check("healthy", judged(analysis.NoCollapse), nil, said{"0", "", "0 PAUSETEST OK: " + sentence + perf, ""})
	check("collapse", judged(analysis.Collapse), nil, said{"4 collapse" + mail, "", "2 PAUSETEST CRITICAL: " + sentence + perf, ""})
	check("inconclusive", judged(analysis.Inconclusive), nil, said{"3 inconclusive" + mail, "0", "1 PAUSETEST WARNING: " + sentence + perf, "0 PAUSETEST OK: " + sentence + perf})
	check("no streams", nil, missed(occasion.NoStreams), said{"0", "1 pausetest: error: no streams run", "0 PAUSETEST OK: no streams run", "3 PAUSETEST UNKNOWN: no streams run"})
	check("busy while waiting", nil, missed(occasion.Busy),
		said{"1 pausetest: error: another pausetest is at work", "0", "3 PAUSETEST UNKNOWN: another pausetest is at work", "0 PAUSETEST OK: another pausetest is at work"})
	check("busy at the last moment", nil, refuseSecond(&guard.BusyError{PID: 7, Dir: "/d"}),
		said{`1 pausetest: error: locking "/d": another pausetest (pid 7) is at work`, "0",
			`3 PAUSETEST UNKNOWN: locking "/d": another pausetest (pid 7) is at work`, `0 PAUSETEST OK: locking "/d": another pausetest (pid 7) is at work`})
	check("a signal while waiting", nil, signalled{syscall.SIGTERM},
		said{"143", "", "3 PAUSETEST UNKNOWN: interrupted by a signal: terminated", ""})
	check("a signal while measuring", judged(analysis.Inconclusive), failed("a hint", errors.Join(signalled{syscall.SIGTERM})),
		said{"1 inconclusive" + mail + "pausetest: error: interrupted by a signal: terminated", "",
			"3 PAUSETEST UNKNOWN: interrupted by a signal: terminated" + perf, ""})
	check("broken", nil, failed("", errors.New("reading | the\nprocess table")),
		said{"1 pausetest: error: reading | the; process table", "", "3 PAUSETEST UNKNOWN: reading ¦ the; process table", ""})
	blocked := judged(analysis.Collapse)
	blocked.Result.Limiter = &limiter.Finding{Kind: limiter.BlockingWriter, Cause: "amandad[7] waits in a write to one socket"}
	check("collapse of a known cause", blocked, nil, said{"4 collapse" + strings.Replace(mail, " The report", " Where the limit is: amandad[7] waits in a write to one socket. The report", 1), "",
		"2 PAUSETEST CRITICAL: " + sentence + "; amandad[7] waits in a write to one socket" + perf, ""})
	check("collapse, and no room for the report", judged(analysis.Collapse), failed("", errors.New("writing report.html: no space")),
		said{"1 collapse" + mail + "pausetest: error: writing report.html: no space", "", "3 PAUSETEST UNKNOWN: writing report.html: no space" + perf, ""})
}

// A reason for which nothing was measured can be chosen to count, and has a hint.
func TestReasonsCanBeChosen(t *testing.T) {
	for _, r := range occasion.Reasons {
		for _, failOn := range []string{string(r), "all"} {
			if o := (&checkOptions{failOn: []string{failOn}}); !o.countsAsFailure(outcomeKind(r)) {
				t.Errorf("%s does not count with --fail-on %s", r, failOn)
			}
		}
		if o := (&checkOptions{failOn: []string{"none"}}); o.countsAsFailure(outcomeKind(r)) {
			t.Errorf("%s counts with --fail-on none", r)
		}
		if missedHints[r] == "" {
			t.Errorf("%s has no hint", r)
		}
	}
	o := &checkOptions{failOn: []string{"none"}}
	for kind, want := range map[outcomeKind]bool{healthy: false, inconclusive: false, collapse: true, broken: true, interrupted: true} {
		if o.countsAsFailure(kind) != want {
			t.Errorf("%s counts: %v, with --fail-on none", kind, !want)
		}
	}
}

// Where everything is wanted, the report follows the line.
func TestVerboseMonitoring(t *testing.T) {
	out := &outcome{study: judged(analysis.NoCollapse), folder: "runs/a|b"}
	out.conclude(nil)
	var b strings.Builder
	if err := out.tellMonitoring(&b, io.Discard, true); err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(b.String(), "\n")
	if first != report.PluginLine(report.PluginOK, out.study.Result.Sentence, out.study) || strings.Contains(rest, "|") || !strings.Contains(rest, "run folder: runs/a¦b") {
		t.Errorf("said %q", b.String())
	}
}

// What is said before the flags are read is said as the listener wants it.
func TestMonitoringHearsOfMistakes(t *testing.T) {
	check := func(want int, args ...string) {
		t.Helper()
		var stdout strings.Builder
		if code := execute(args, &stdout, io.Discard); code != want || want == int(report.PluginUnknown) != strings.HasPrefix(stdout.String(), "PAUSETEST UNKNOWN: ") {
			t.Errorf("%q: exit code %d, want %d; said %q", args, code, want, stdout.String())
		}
	}
	check(3, "check", "--plugin", "--nosuch")
	check(3, "check", "--nosuch", "--plugin")
	check(3, "check", "--plugin", "now")
	check(3, "check", "--plugin=true", "--config", "nosuch.yaml")
	check(3, "--config", "nosuch.yaml", "check", "--plugin")
	check(2, "check", "--plugin=false", "--nosuch")
	check(2, "config", "check", "nosuch.yaml")
	t.Setenv("PAUSETEST_PLUGIN", "true")
	check(3, "check", "--nosuch")
	check(3, "check", "--config", "nosuch.yaml")
	t.Setenv("PAUSETEST_PLUGIN", "")
	file := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(file, []byte("plugin: true\nmax-puase: 5s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check(3, "check", "--config", file)
	check(2, "check", "--nosuch")
	check(2, "run", "--plugin")
}
