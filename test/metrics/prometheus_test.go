// Package metrics_test holds what `pausetest check` leaves for Prometheus against
// the real programs: promtool, which reads and judges metrics and rules, and
// node_exporter, which serves them.
package metrics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"pausetest/internal/analysis"
	"pausetest/internal/metrics"
	"pausetest/internal/recording"
	"pausetest/internal/simulate"
)

// Where the files are that an operator installs.
const (
	rulesFile     = "../../contrib/prometheus/pausetest.rules.yml"
	rulesTestFile = "../../contrib/prometheus/pausetest.rules.test.yml"
	dashboardFile = "../../contrib/grafana/pausetest.json"
	docsFile      = "../../docs/monitoring.md"
)

// program finds a program of Debian's prometheus packages. Without it the test is
// skipped, and fails where PAUSETEST_REQUIRE says that this machine has it.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), "prometheus") {
		t.Fatalf("%v, and PAUSETEST_REQUIRE names prometheus", err)
	}
	t.Skip(err)
	return ""
}

// promtool runs it on an input, to success, and returns all that it said.
func promtool(t *testing.T, input []byte, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(t, "promtool"), args...)
	cmd.Stdin = bytes.NewReader(input)
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("promtool %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return string(said)
}

// asked is what check asks of an experiment by default.
var asked = simulate.Protocol{
	Plan:   recording.Plan{Design: recording.Sequential, Goal: recording.GoalCollapse, Confidence: 0.95, MaxBlocks: 24},
	Limits: recording.Limits{MaxPauseNS: int64(10 * time.Second), MinRunNS: int64(time.Second)},
}

// played is a run on a simulated host, in virtual time.
func played(t *testing.T, world string, seed uint64) *analysis.Result {
	t.Helper()
	worlds, err := simulate.Builtin(world)
	if err != nil || len(worlds) != 1 {
		t.Fatalf("%s: %d worlds, %v", world, len(worlds), err)
	}
	o, err := simulate.Play(t.Context(), &worlds[0], asked, seed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &o.Result
}

// complete is an outcome that has every metric.
func complete(t *testing.T) *metrics.Outcome {
	return &metrics.Outcome{
		Check: "nightly", Version: "0.2.0", Ended: time.Now(), Duration: time.Minute,
		State: metrics.Done, Streams: 3, Result: played(t, "quiet/collapse+attributed", 1),
	}
}

// parsed is a text in Prometheus' format as its own parser reads it: a value for
// every series, which is named as PromQL would: name{label="value",...}.
func parsed(t *testing.T, text []byte) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	all := map[string]float64{}
	for name, f := range families {
		for _, m := range f.Metric {
			labels := model.Metric{model.MetricNameLabel: model.LabelValue(name)}
			for _, l := range m.Label {
				labels[model.LabelName(l.GetName())] = model.LabelValue(l.GetValue())
			}
			value := m.GetUntyped().GetValue()
			if m.Gauge != nil {
				value = m.Gauge.GetValue()
			}
			all[labels.String()] = value
		}
	}
	return all
}

// scrapedFrom is a series as Prometheus stores it: with the labels of the target.
func scrapedFrom(instance, series string) string {
	return strings.Replace(series, "{", `{instance="`+instance+`",job="node",`, 1)
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// A ruleTest is a file for `promtool test rules`, which reads JSON as the YAML it is.
type ruleTest struct {
	RuleFiles          []string    `json:"rule_files"`
	EvaluationInterval string      `json:"evaluation_interval"`
	Tests              []testGroup `json:"tests"`
}

type testGroup struct {
	Interval    string        `json:"interval"`
	InputSeries []inputSeries `json:"input_series"`
	ExprTests   []exprTest    `json:"promql_expr_test"`
}

type inputSeries struct {
	Series string `json:"series"`
	Values string `json:"values"`
}

type exprTest struct {
	Expr       string       `json:"expr"`
	EvalTime   string       `json:"eval_time"`
	ExpSamples []exprSample `json:"exp_samples"`
}

type exprSample struct {
	Labels string  `json:"labels"`
	Value  float64 `json:"value"`
}

// promtoolTest lets promtool evaluate the operator's rules on the group's series.
func promtoolTest(t *testing.T, group testGroup) {
	t.Helper()
	rules, err := filepath.Abs(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(ruleTest{[]string{rules}, "1h", []testGroup{group}}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "generated.test.yml")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	promtool(t, nil, "test", "rules", file)
}

// TestCheckMetrics: promtool, which also knows how metrics are to be called, has
// nothing to say.
func TestCheckMetrics(t *testing.T) {
	o := complete(t)
	outcomes := map[string]*metrics.Outcome{"complete": o}
	for _, state := range []metrics.State{metrics.NoStreams, metrics.Busy, metrics.Failed} {
		outcomes[string(state)] = &metrics.Outcome{Check: "nightly", Ended: o.Ended, State: state}
	}
	hostile := *o
	hostile.Result = played(t, "quiet/flat+attributed", 1)
	for i, label := range hostileLabels {
		hostile.Result.Streams[i].Label = label
	}
	outcomes["hostile"] = &hostile
	for name, o := range outcomes {
		if said := promtool(t, metrics.Render(o, nil), "check", "metrics"); said != "" {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// hostileLabels are what the processes of three streams may be called.
var hostileLabels = []string{"two\nlines", `quo"te} 1`, "\\\xff\x1b[2J"}

func TestRules(t *testing.T) {
	promtool(t, nil, "check", "rules", rulesFile)
	promtool(t, nil, "test", "rules", rulesTestFile)
}

// TestMetricsExist: what the rules, the dashboard and the documentation speak of is
// what a check writes.
func TestMetricsExist(t *testing.T) {
	written := map[string]bool{}
	for series := range parsed(t, metrics.Render(complete(t), nil)) {
		name, _, _ := strings.Cut(series, "{")
		written[name] = true
	}
	for _, file := range []string{rulesFile, rulesTestFile, dashboardFile, docsFile} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile(`\bpausetest_[a-z_]*[a-z]\b`).FindAllString(string(text), -1)
		if len(named) == 0 {
			t.Errorf("%s names no metric", file)
		}
		for _, name := range named {
			if !written[name] {
				t.Errorf("%s speaks of %s, which no check writes", file, name)
			}
		}
	}
	if t.Failed() {
		t.Logf("written are %q", slices.Sorted(maps.Keys(written)))
	}
}
