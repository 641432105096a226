package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"pausetest/internal/analysis"
	"pausetest/internal/printable"
)

// A PluginStatus is a state in the convention of the Monitoring Plugins
// (monitoring-plugins.org, "Development Guidelines"); its number is the exit code.
type PluginStatus int

// The states.
const (
	PluginOK       PluginStatus = 0
	PluginWarning  PluginStatus = 1
	PluginCritical PluginStatus = 2
	PluginUnknown  PluginStatus = 3
)

func (p PluginStatus) String() string {
	return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[p]
}

// maxPluginRunes keeps the line, with its performance data, within the 1 KiB that
// old agents hand on.
const maxPluginRunes = 500

// PluginLine is the one line that a monitoring system shows, without its end: the
// status, a text, and the performance data of a study, if there is one.
func PluginLine(status PluginStatus, text string, s *analysis.Study) string {
	line := fmt.Sprintf("PAUSETEST %v: %s", status, withoutBar(printable.Text(text, maxPluginRunes)))
	if s == nil || s.Result.Blocks < 2 {
		return line
	}
	return line + " | " + strings.Join(perfdata(&s.Result), " ")
}

// PluginLongText makes a report fit to follow the line.
func PluginLongText(text string) string { return withoutBar(text) }

// withoutBar takes out the sign that begins the performance data.
func withoutBar(text string) string { return strings.ReplaceAll(text, "|", "¦") }

// perfdata are the numbers of a result. The thresholds are those that decide: a
// collapse is a ratio below 0.80, and no pause may be longer than its limit.
func perfdata(r *analysis.Result) []string {
	streams := 0
	for _, n := range r.StreamCounts {
		streams = max(streams, n)
	}
	limit := ""
	if r.MaxPauseSec > 0 {
		limit = perfNumber(r.MaxPauseSec)
	}
	return []string{
		perf("ratio", r.Ratio, "", "", "0.8:", "0"),
		perf("ratio_low", r.Interval.Low, "", "", "", "0"),
		perf("ratio_high", r.Interval.High, "", "", "", "0"),
		perf("streams", float64(streams), "", "", "", "0"),
		perf("blocks", float64(r.Blocks), "", "", "", "0"),
		perf("withheld", r.PausedStreamSec, "s", "", "", "0"),
		perf("longest_pause", r.LongestPauseSec, "s", "", limit, "0"),
		perf("duration", r.WallSeconds, "s", "", "", "0"),
	}
}

// perf is one item of performance data: 'label'=value[UOM];warn;crit;min, of which
// what is empty at the end is left out. A value that is no number is U, undetermined.
func perf(label string, value float64, unit, warn, crit, least string) string {
	text := quotedLabel(label) + "=" + perfNumber(value) + unit
	if math.IsNaN(value) || math.IsInf(value, 0) {
		text = quotedLabel(label) + "=U"
	}
	return strings.TrimRight(strings.Join([]string{text, warn, crit, least}, ";"), ";")
}

// quotedLabel puts a label in quotes if it must be: a quote in it is doubled, and
// what no label may hold becomes a dash.
func quotedLabel(label string) string {
	label = strings.NewReplacer("=", "-", "|", "-", "\n", "-").Replace(label)
	if label != "" && !strings.ContainsFunc(label, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.", r))
	}) {
		return label
	}
	return "'" + strings.ReplaceAll(label, "'", "''") + "'"
}

// perfNumber has the signs that the convention allows: digits, a point and a minus.
func perfNumber(v float64) string {
	text := strconv.FormatFloat(v, 'f', 3, 64)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}
