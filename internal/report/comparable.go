package report

import (
	"fmt"
	"slices"
	"strings"

	"pausetest/internal/analysis"
)

// notComparable lists why runs can't be compared: each aspect in which any of
// them differs from the first.
func notComparable(conditions []Condition) []string {
	aspects := []struct {
		name string
		of   func(*analysis.Study) string
	}{
		{"interface", func(s *analysis.Study) string { return clean(s.Result.Interface.Name) }},
		{"direction", func(s *analysis.Study) string { return string(s.Header.Direction) }},
		{"number of streams", func(s *analysis.Study) string { return strings.Trim(fmt.Sprint(s.Result.StreamCounts), "[]") }},
		{"deciding counter", func(s *analysis.Study) string { return string(s.Result.DecidedBy) }},
		{"design", func(s *analysis.Study) string { return string(s.Header.Plan.Design) }},
		{"confidence", func(s *analysis.Study) string { return percentText(s.Result.Confidence) }},
		{"real or simulated", func(s *analysis.Study) string {
			if s.Result.Simulated {
				return "simulated"
			}
			return "real"
		}},
	}
	var reasons []string
	for _, a := range aspects {
		var seen []string
		for _, cond := range conditions {
			for _, s := range cond.Studies {
				// A run that measured no block has no number of streams to differ in.
				if v := a.of(s); v != "" && !slices.Contains(seen, v) {
					seen = append(seen, v)
				}
			}
		}
		if len(seen) > 1 {
			reasons = append(reasons, a.name+" differs: "+strings.Join(seen, " against "))
		}
	}
	return append(reasons, sameRuns(conditions)...)
}

// sameRuns finds runs that stand on more than one side.
func sameRuns(conditions []Condition) []string {
	where := map[string]string{}
	var reasons []string
	for _, cond := range conditions {
		for _, s := range cond.Studies {
			r := &s.Result
			run := fmt.Sprintf("%s on %s, seed %d", stamp(r.Started), clean(r.Host.Name), r.Seed)
			if other, ok := where[run]; ok {
				reasons = append(reasons, fmt.Sprintf("the run of %s is given twice (%s, %s)", run, clean(other), clean(cond.Name)))
			}
			where[run] = cond.Name
		}
	}
	return reasons
}

// warn says what a reader of the comparison has to know beside it.
func (c *Comparison) warn() {
	for i, r := range c.Conditions {
		cond := c.given[i]
		if left := len(cond.Studies) - r.Runs; left > 0 {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s of %s gave no ratio and is left out; see its report", count(left, "run"), clean(r.Name)))
		}
		if r.Runs == 1 {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s has one run: its interval knows the noise within that run, not from night to night; add runs", clean(r.Name)))
		}
	}
	first := c.given[0].Studies[0]
	for i := range c.given[1:] {
		cond := &c.given[i+1]
		if other := cond.Studies[0]; !slices.Equal(streamLabels(first), streamLabels(other)) {
			c.Warnings = append(c.Warnings, fmt.Sprintf("the streams of %s are not those of %s; part of the difference may be theirs", clean(cond.Name), clean(c.given[0].Name)))
		}
	}
}

func streamLabels(s *analysis.Study) []string {
	var names []string
	for i := range s.Streams {
		names = append(names, s.Streams[i].Label)
	}
	slices.Sort(names)
	return names
}

// sentence is the comparison for a ticket.
func (c *Comparison) sentence() string {
	var parts []string
	first := &c.Conditions[0]
	for i := range c.Differences {
		d, to := &c.Differences[i], &c.Conditions[i+1]
		text := fmt.Sprintf("all streams together over one alone: %s with %s, %s with %s, a factor of %s (%s interval %s; %s against %s)",
			ratioText(first.Ratio), clean(first.Name), ratioText(to.Ratio), clean(to.Name),
			ratioText(d.Factor), percentText(c.Confidence), intervalText(d.Interval), count(first.Runs, "run"), count(to.Runs, "run"))
		if !d.Differs() {
			text += "; that can't be told from no difference"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ". ")
}
