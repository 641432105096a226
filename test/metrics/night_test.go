package metrics_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pausetest/internal/analysis"
	"pausetest/internal/metrics"
)

// A night is one of a host's: what its backups do when the check comes, and what
// the check has to say of it.
type night struct {
	world   string // of the simulated host; empty: no backup runs
	seed    uint64
	verdict analysis.Verdict
}

// nights in fast time. The host is fine; then its dumps collapse; one night nothing
// can be decided; it is mended; at last its backups run no more.
var nights = []night{
	{"quiet/flat", 1, analysis.Saturated},
	{"quiet/collapse", 2, analysis.Collapse},
	{"quiet/collapse+attributed", 3, analysis.Collapse},
	{"quiet/b80", 4, analysis.Inconclusive},
	{"quiet/flat", 5, analysis.Saturated},
	{"quiet/scale2", 6, analysis.NoCollapse},
	{}, {},
}

// nightHour is when backups run. The check comes every hour, as from cron.hourly.
const nightHour = 3

// TestNights plays the nights: every hour a check that leaves its file, every hour
// a look at the file as node_exporter takes it, and promtool, which evaluates the
// operator's rules over all of it.
func TestNights(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, metrics.FileName("nightly"))
	history := seriesHistory{}
	for hour := range 24 * len(nights) {
		if text, err := os.ReadFile(file); err == nil { // on the hour, before this hour's check has ended
			history.add(hour, parsed(t, text))
		}
		o := &metrics.Outcome{Check: "nightly", Version: "0.2.0", State: metrics.NoStreams, Duration: time.Second}
		if n := nights[hour/24]; hour%24 == nightHour && n.world != "" {
			r := played(t, n.world, n.seed)
			if r.Verdict != n.verdict {
				t.Errorf("night %d: %s: %s", hour/24, r.Verdict, r.Sentence)
			}
			t.Logf("night %d: %s: %s", hour/24, r.Verdict, r.Sentence)
			o.State, o.Result, o.Streams = metrics.Done, r, len(r.Streams)
			o.Duration = time.Duration(r.WallSeconds * float64(time.Second))
		}
		o.Ended = time.Unix(int64(hour)*3600, 0).Add(o.Duration)
		if err := metrics.Write(dir, o); err != nil {
			t.Fatal(err)
		}
	}
	group := testGroup{Interval: "1h", InputSeries: history.input("fs3:9100")}
	// The check of the night in which the collapse came is seen an hour later, and so
	// is that of the night after it was mended.
	const collapse, mended, lastSuccess = 1*24 + nightHour + 1, 4*24 + nightHour + 1, 5*24 + nightHour
	for hour := range 24 * len(nights) {
		test := exprTest{Expr: `count by (alertname) (ALERTS{alertstate="firing"})`, EvalTime: fmt.Sprintf("%dh", hour), ExpSamples: []exprSample{}}
		if hour >= collapse && hour < mended {
			test.ExpSamples = append(test.ExpSamples, exprSample{`{alertname="PausetestCollapse"}`, 1})
		}
		if hour > lastSuccess+36 {
			test.ExpSamples = append(test.ExpSamples, exprSample{`{alertname="PausetestNoSuccess"}`, 1})
		}
		group.ExprTests = append(group.ExprTests, test)
	}
	promtoolTest(t, group)
}

// A seriesHistory is what was scraped, a value an hour for every series.
type seriesHistory map[string][]string

func (h seriesHistory) add(hour int, scraped map[string]float64) {
	for series := range scraped {
		if h[series] == nil {
			h[series] = slices.Repeat([]string{"_"}, hour) // it was not there yet
		}
	}
	for series := range h {
		value := "stale" // as Prometheus marks a series that is gone
		if v, there := scraped[series]; there {
			value = number(v)
		}
		h[series] = append(h[series], value)
	}
}

// input is the history in promtool's notation, as scraped from an instance.
func (h seriesHistory) input(instance string) []inputSeries {
	var all []inputSeries
	for _, series := range slices.Sorted(maps.Keys(h)) {
		all = append(all, inputSeries{scrapedFrom(instance, series), strings.Join(h[series], " ")})
	}
	return all
}
