package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pausetest/plots"
)

// Text writes the comparison for a terminal.
func (c *Comparison) Text(w io.Writer) error { return c.sheet().text(w) }

// Markdown writes the comparison for a ticket or a wiki.
func (c *Comparison) Markdown(w io.Writer) error { return c.sheet().markdown(w) }

// HTML writes the comparison as one file with its figure.
func (c *Comparison) HTML(w io.Writer) error { return c.sheet().html(w) }

// JSON writes the comparison for a machine.
func (c *Comparison) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(c)
}

// Figure draws the conditions' curves on one axis.
func (c *Comparison) Figure(w io.Writer, f plots.Format) error {
	parts := make([]plots.Condition, len(c.given))
	for i, cond := range c.given {
		parts[i] = plots.Condition{Name: cond.Name, Studies: cond.Studies, Levels: c.Conditions[i].Levels}
	}
	return plots.Compare(w, parts, f)
}

func (c *Comparison) sheet() *sheet {
	sh := &sheet{Verdict: "comparison", Headline: c.headline(), Sentence: c.Sentence}
	names := make([]string, len(c.Conditions))
	for i := range c.Conditions {
		names[i] = clean(c.Conditions[i].Name)
	}
	sh.Place = strings.Join(names, " against ")
	if len(c.Overridden) > 0 {
		sh.Banner = "Compared by force although it is not comparable: " + strings.Join(c.Overridden, "; ") + "."
	}
	for i := range c.Differences {
		d := &c.Differences[i]
		sh.Keys = append(sh.Keys, fact{clean(d.Name) + " over " + clean(d.Against), ratioText(d.Factor) + " (" + intervalText(d.Interval) + ")"})
	}
	sh.Sections = []section{c.conditionsSection(), c.levelsSection()}
	warnings := section{ID: "warnings", Title: "Warnings", List: c.Warnings}
	if len(c.Warnings) == 0 {
		warnings.Paragraphs = []string{"None."}
	}
	sh.Sections = append(sh.Sections, warnings, section{ID: "method", Title: "Method", In: inFull, Paragraphs: []string{
		"What is compared is the throughput with all streams active over that of one alone, by its logarithm. " +
			"Where both sides have several runs, runs are the unit and the interval is Welch's; where a side has one, that run's own interval stands for it, and the two are joined by the square-and-add rule of Zou and Donner.",
	}})
	return sh
}

func (c *Comparison) headline() string {
	if len(c.Differences) > 1 {
		return fmt.Sprintf("%d conditions compared", len(c.Conditions))
	}
	d := &c.Differences[0]
	name, against := clean(d.Name), clean(d.Against)
	switch {
	case d.Interval.Low > 1:
		return fmt.Sprintf("Higher with %s than with %s: all together over one alone", name, against)
	case d.Interval.High < 1:
		return fmt.Sprintf("Lower with %s than with %s: all together over one alone", name, against)
	}
	return fmt.Sprintf("No difference can be told between %s and %s", name, against)
}

func (c *Comparison) conditionsSection() section {
	interval := percentText(c.Confidence) + " interval"
	t := table{Columns: []column{
		{Name: "condition", Elastic: true}, {Name: "runs", Number: true}, {Name: "ratio", Number: true}, {Name: interval, Number: true},
		{Name: "over the first", Number: true}, {Name: "interval", Number: true}, {Name: "verdicts"}, {Name: "withheld", Number: true},
	}, Stack: true}
	for i := range c.Conditions {
		r := &c.Conditions[i]
		var verdicts []string
		for _, v := range slices.Sorted(maps.Keys(r.Verdicts)) {
			verdicts = append(verdicts, fmt.Sprintf("%d %s", r.Verdicts[v], clean(v)))
		}
		factor, between := none, none
		if i > 0 {
			factor, between = ratioText(c.Differences[i-1].Factor), intervalText(c.Differences[i-1].Interval)
		}
		t.Rows = append(t.Rows, []string{clean(r.Name), strconv.Itoa(r.Runs), ratioText(r.Ratio), intervalText(r.Interval), factor, between,
			strings.Join(verdicts, ", "), fmt.Sprintf("%.0f s", r.PausedStreamSec)})
	}
	return section{ID: "conditions", Title: "Conditions", Tables: []table{t},
		Figures: []figure{{Name: "compare", Alt: "Throughput against active streams under each condition. " + c.Sentence + ".", draw: c.Figure}}}
}

func (c *Comparison) levelsSection() section {
	sec := section{ID: "levels", Title: "Throughput at each level"}
	t := table{Columns: []column{{Name: "condition", Elastic: true}, {Name: "active", Number: true}, {Name: "throughput", Number: true},
		{Name: percentText(c.Confidence) + " interval", Number: true}, {Name: "over the first", Number: true}, {Name: "interval", Number: true}}, Stack: true}
	for i := range c.Conditions {
		r := &c.Conditions[i]
		for _, l := range r.Levels {
			factor, interval := none, none
			if i > 0 {
				factor, interval = c.Differences[i-1].at(l.Active)
			}
			t.Rows = append(t.Rows, []string{clean(r.Name), strconv.Itoa(l.Active), Rate(l.BytesPerSecond), levelInterval(&l.LevelRate), factor, interval})
		}
	}
	sec.Tables = []table{t}
	return sec
}

// at is the throughput at a level over that of the first condition, in words.
func (d *Difference) at(active int) (factor, interval string) {
	for _, l := range d.Levels {
		if l.Active == active {
			if l.Interval == nil {
				return ratioText(l.Factor), none
			}
			return ratioText(l.Factor), intervalText(*l.Interval)
		}
	}
	return none, none
}
