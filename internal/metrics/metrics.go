// Package metrics says in Prometheus' text format what became of a check, for
// the textfile collector of node_exporter: one file for each named check,
// replaced whole after every run.
//
// There are two kinds of metrics (families.go). Those of the last run, whatever
// became of it, and those of the last successful run, which a run that measured
// nothing carries over from the file it replaces: a collapse found at three
// o'clock is still known at four, when no backup runs.
//
// Note: the format is written here and not by Prometheus' own library because the
// guard is this same program and locks its memory. The library makes every
// process of it 1.7 MB larger (3 MB with its registry) and the program 14 % (19 %),
// for one escape rule. The tests hold the format against that library.
package metrics

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"pausetest/internal/analysis"
)

// State is what became of a run of the check.
type State string

// The states.
const (
	Done        State = "done"        // measured to its end, whatever the verdict
	NoStreams   State = "no-streams"  // no stream ran
	TooFew      State = "too-few"     // fewer streams ran than were asked for
	Refused     State = "refused"     // enough ran, and too few of them may be paused
	NotSteady   State = "not-steady"  // they came and went
	Busy        State = "busy"        // another experiment was under way
	OutOfHours  State = "window"      // outside the hours for it
	Interrupted State = "interrupted" // by a signal; everything runs
	Failed      State = "failed"      // anything else
)

// An Outcome is one run of a check.
type Outcome struct {
	Check    string // the check's name, a label of every metric
	Version  string // of this program
	Ended    time.Time
	Duration time.Duration // waiting included
	State    State
	Streams  int // that were found last
	// Result is what was measured, also by a run that failed later; nil without.
	Result *analysis.Result
	// StillPaused: processes may have been left stopped, though the result doesn't
	// say of which stream.
	StillPaused bool
}

// Render writes the outcome as text. What the last successful run found comes from
// old, the text that this one will replace, when this run has no success of its
// own; of old it takes what it can read and is unimpressed by the rest.
func Render(o *Outcome, old []byte) []byte {
	p := carriedOver(old, o)
	o.lastRun(p)
	if o.State == Done && o.Result != nil {
		o.success(p)
	}
	return p.text(o.Check)
}

// A page holds the samples of a file by the name of their metric.
type page map[string][]sample

// A sample is one number. Its label is the value of the metric's own label, empty
// for a metric that has none.
type sample struct {
	label string
	value float64
}

func (p page) set(name string, value float64) { p[name] = []sample{{value: value}} }

func (p page) add(name, label string, value float64) {
	p[name] = append(p[name], sample{label, value})
}

// text is the page in the text format, in the order of the families.
func (p page) text(check string) []byte {
	var b strings.Builder
	for i := range families {
		f := &families[i]
		if len(p[f.name]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %[1]s gauge\n", f.name, f.help)
		for _, s := range p[f.name] {
			b.WriteString(f.head(check))
			if f.label != "" {
				b.WriteString("," + f.label + `="` + escape.Replace(s.label) + `"`)
			}
			b.WriteString("} " + strconv.FormatFloat(s.value, 'f', -1, 64) + "\n")
		}
	}
	return []byte(b.String())
}

// head is what every line of a family begins with.
func (f *family) head(check string) string {
	return f.name + `{check="` + escape.Replace(check) + `"`
}

// What the text format escapes in the value of a label, and back.
var (
	escape   = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	unescape = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\"`, `"`)
)
