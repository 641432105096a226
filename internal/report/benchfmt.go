package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

// Benchmark writes the used segments in the Go benchmark format, one line each,
// in the order in which they were run:
//
//	BenchmarkStreams/active=3 1 12345678 B/s
//
// so that benchstat compares levels (-col /active) or runs (one file each).
// The rate is the deciding counter's. Segments of the placebo are left out.
//
// Note: benchstat takes the lines of one name for independent draws. Of blocks
// that is nearly true, and its test is no substitute for the verdict, which
// pairs them.
func Benchmark(w io.Writer, s *analysis.Study) error {
	r := &s.Result
	var b strings.Builder
	for _, kv := range []fact{
		{"host", r.Host.Name}, {"iface", r.Interface.Name}, {"direction", string(s.Header.Direction)},
		{"verdict", string(r.Verdict)}, {"decided-by", string(r.DecidedBy)}, {"note", r.Note},
	} {
		writeKey(&b, kv.Name, kv.Value)
	}
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		writeKey(&b, "label-"+benchmarkKey(k), r.Labels[k])
	}
	b.WriteString("Unit B/s better=higher\n\n")
	for i := range s.Segments {
		seg := &s.Segments[i]
		rate, ok := seg.Rates[r.DecidedBy]
		if seg.Used && ok && seg.Phase != recording.PhasePlacebo {
			fmt.Fprintf(&b, "BenchmarkStreams/active=%d 1 %.0f B/s\n", len(seg.Active), rate)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeKey(b *strings.Builder, key, value string) {
	if value = strings.TrimSpace(clean(value)); value != "" {
		fmt.Fprintf(b, "%s: %s\n", key, value)
	}
}

// benchmarkKey makes a key the format allows: no capitals, spaces or colons.
func benchmarkKey(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == ':' || unicode.IsSpace(c) || !unicode.IsPrint(c) || c == unicode.ReplacementChar:
			return '-'
		case unicode.IsUpper(c):
			if l := unicode.ToLower(c); !unicode.IsUpper(l) {
				return l
			}
			return '-'
		}
		return c
	}, s)
}
