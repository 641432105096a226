package metrics

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"pausetest/internal/printable"
)

// carriedOver reads what the last success left in the text of an earlier run. The
// text may be anything: of each line that this program could have written the
// first of its kind counts, of other lines none. Without the time of the success
// nothing does, for numbers of unknown age are worse than none.
func carriedOver(old []byte, o *Outcome) page {
	p := page{}
	for line := range strings.Lines(string(old)) {
		line, whole := strings.CutSuffix(line, "\n") // half a number is another number
		f, s, ok := parseLine(line, o.Check)
		if !whole || !ok || !f.carried || len(p[f.name]) >= max(mostStreams, len(f.values)) ||
			slices.ContainsFunc(p[f.name], func(other sample) bool { return other.label == s.label }) {
			continue
		}
		// A time to come is no time of a run; kept, it would silence the alerts until then.
		if strings.HasSuffix(f.name, "_timestamp_seconds") && s.value > unixSeconds(o.Ended) {
			continue
		}
		p.add(f.name, s.label, s.value)
	}
	if len(p[lastSuccess]) == 0 {
		return page{}
	}
	return p
}

// parseLine reads a line as page.text writes it for this check.
func parseLine(line, check string) (*family, sample, bool) {
	name, _, _ := strings.Cut(line, "{")
	i := slices.IndexFunc(families, func(f family) bool { return f.name == name })
	if i < 0 {
		return nil, sample{}, false
	}
	f := &families[i]
	rest, ok := strings.CutPrefix(line, f.head(check))
	if !ok {
		return nil, sample{}, false
	}
	at := strings.LastIndex(rest, "} ")
	if at < 0 {
		return nil, sample{}, false
	}
	value, err := strconv.ParseFloat(rest[at+len("} "):], 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return nil, sample{}, false
	}
	label, ok := f.parseLabel(rest[:at])
	return f, sample{label, value}, ok
}

// parseLabel reads what stands between the check's name and the closing brace.
func (f *family) parseLabel(text string) (label string, ok bool) {
	if f.label == "" {
		return "", text == ""
	}
	text, ok = strings.CutPrefix(text, ","+f.label+`="`)
	if !ok {
		return "", false
	}
	text, ok = strings.CutSuffix(text, `"`)
	if !ok {
		return "", false
	}
	label = unescape.Replace(text)
	switch {
	case escape.Replace(label) != text:
		return "", false
	case f.values != nil:
		return label, slices.Contains(f.values, label)
	}
	const room = 1 + len("#4294967296") // page.streams may have added to a label
	return label, label != "" && utf8.RuneCountInString(label) <= longestLabel+room && printable.Text(label, 0) == label
}
