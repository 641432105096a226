package report

import (
	"fmt"
	"io"
	"strings"

	"pausetest/internal/analysis"
	"pausetest/internal/limiter"
)

// Paragraph writes what a study found as one plain paragraph, without a table: for a
// mail at night. The folder is where the rest of it is.
func Paragraph(w io.Writer, s *analysis.Study, folder string) error {
	r := &s.Result
	text := fmt.Sprintf("%s (%s): %s.", r.Verdict, placeOf(r), clean(r.Sentence))
	if p := r.SharedProcess; p != nil {
		text += fmt.Sprintf(" %d of %s flow through %s (pid %d).", len(p.Streams), count(len(s.Streams), "stream"), clean(p.Name), p.PID)
	}
	if cause := Cause(r); cause != "" {
		text += " Where the limit is: " + cause + "."
	}
	if r.CutShort {
		text += " The run was cut short: " + clean(r.Stopped) + "."
	}
	if r.Needed != "" {
		text += " What would decide it: " + clean(r.Needed) + "."
	}
	if n := len(r.Warnings); n > 0 {
		text += fmt.Sprintf(" There is %s to read in the report.", count(n, "warning"))
	}
	if folder != "" {
		text += " The report: pausetest report " + clean(folder)
	}
	return Wrapped(w, text)
}

// Cause says in one line where the limit is; it is empty where that isn't known.
func Cause(r *analysis.Result) string {
	if r.Limiter == nil || r.Limiter.Kind == limiter.Unknown {
		return ""
	}
	return clean(r.Limiter.Cause)
}

// Wrapped writes text in lines of a terminal's width.
func Wrapped(w io.Writer, text string) error {
	var b strings.Builder
	writeWrapped(&b, text, "", "")
	_, err := io.WriteString(w, b.String())
	return err
}
