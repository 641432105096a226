package plots

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pausetest/internal/analysis"
)

// pageOf says about a study what every figure of it says: the verdict and how
// sure it is on top, what it cost, where it was made and where the limit is below.
func pageOf(s *analysis.Study) page {
	p := page{title: titleOf(&s.Result), facts: factsOf(&s.Result)}
	p.caption = captionOf(s, sharedText(s), limitText(&s.Result))
	return p
}

// titleOf is the verdict in words that fit over a figure.
func titleOf(r *analysis.Result) string {
	n := streamsText(r.StreamCounts)
	estimated := r.Ratio > 0 && finite(r.Ratio)
	switch {
	case !estimated:
		return "inconclusive: no ratio could be estimated"
	case r.Verdict == analysis.Collapse:
		return fmt.Sprintf("collapse: %s move %s of what one moves alone", n, ratioText(r.Ratio))
	case r.Verdict == analysis.Saturated || r.Verdict == analysis.Scaling:
		return fmt.Sprintf("%s: %s move %s times what one moves alone", r.Verdict, n, ratioText(r.Ratio))
	case r.Verdict == analysis.NoCollapse:
		return fmt.Sprintf("no collapse: %s move %s times what one moves alone", n, ratioText(r.Ratio))
	}
	return fmt.Sprintf("inconclusive: %s move %s times one alone", n, intervalText(r.Interval))
}

// streamsText names the numbers of streams that went into a ratio.
func streamsText(counts []int) string {
	switch {
	case len(counts) == 0:
		return "all streams"
	case slices.Min(counts) == slices.Max(counts):
		return count(counts[0], "stream", "streams")
	}
	return fmt.Sprintf("%d to %d streams", slices.Min(counts), slices.Max(counts))
}

func intervalText(i analysis.Interval) string {
	if !finite(i.Low) || !finite(i.High) {
		return "an unknown number of"
	}
	return ratioText(i.Low) + " to " + ratioText(i.High)
}

func factsOf(r *analysis.Result) []string {
	var facts []string
	if r.Simulated {
		facts = append(facts, "SIMULATED: no real backup was touched")
	}
	if r.Ratio > 0 && finite(r.Interval.Low) && finite(r.Interval.High) {
		facts = append(facts, confidenceText(r.Confidence)+" interval "+intervalText(r.Interval))
	}
	facts = append(facts, count(r.Blocks, "block", "blocks"))
	if r.DiscardedBlocks > 0 {
		facts = append(facts, count(r.DiscardedBlocks, "block", "blocks")+" discarded")
	}
	if r.CutShort {
		facts = append(facts, "run cut short")
	}
	return facts
}

func confidenceText(c float64) string {
	if !finite(c) || c <= 0 || c >= 1 {
		return "confidence"
	}
	return strconv.FormatFloat(100*c, 'g', 4, 64) + " %"
}

// captionOf is the small print: the disturbance first. told is what else it says of the
// run; an empty text is nothing.
func captionOf(s *analysis.Study, told ...string) []string {
	r := &s.Result
	caption := []string{disturbanceText(r)}
	if r.DecidedBy != "" {
		caption = append(caption, "decided by "+r.DecidedBy.Words())
	}
	if name := drawn(r.Host.Name); name != "" {
		caption = append(caption, "host "+name)
	}
	if name := drawn(r.Interface.Name); name != "" {
		if r.Interface.SpeedBitsPerSecond > 0 {
			name += " at " + linkText(r.Interface.SpeedBitsPerSecond)
		}
		caption = append(caption, "interface "+name)
	}
	if !r.Started.IsZero() {
		caption = append(caption, stamp(r.Started))
	}
	caption = append(caption, "ran "+secondsText(r.WallSeconds))
	for _, text := range told {
		caption = withText(caption, text)
	}
	if r.Needed != "" {
		caption = append(caption, "needed: "+drawn(r.Needed))
	}
	if n := len(r.Warnings); n > 0 {
		caption = append(caption, count(n, "warning", "warnings")+" in the report")
	}
	if len(r.Labels) > 0 {
		var labels []string
		for k, v := range r.Labels {
			labels = append(labels, drawn(k+"="+v))
		}
		slices.Sort(labels)
		caption = append(caption, strings.Join(labels, " "))
	}
	if r.Note != "" {
		caption = append(caption, "note: "+drawn(r.Note))
	}
	return caption
}

// sharedText names the process that the streams share; empty for none.
func sharedText(s *analysis.Study) string {
	p := s.Result.SharedProcess
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%d of %s through %s", len(p.Streams), count(len(s.Streams), "stream", "streams"), drawn(p.Name))
}

// limitText is where the limit is; empty where that is no process.
func limitText(r *analysis.Result) string {
	if r.Limiter == nil || r.Limiter.Process == nil {
		return ""
	}
	return "limit: " + drawn(r.Limiter.Cause)
}

// withText appends a text that is not empty.
func withText(texts []string, text string) []string {
	if text == "" {
		return texts
	}
	return append(texts, text)
}

func disturbanceText(r *analysis.Result) string {
	if r.PausedStreamSec == 0 {
		return "nothing was paused"
	}
	text := significant(r.PausedStreamSec) + " stream-seconds withheld, longest pause " + secondsText(r.LongestPauseSec)
	if r.MaxPauseSec > 0 {
		text += " (limit " + secondsText(r.MaxPauseSec) + ")"
	}
	return text
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// labelOf is a stream's name as it may be drawn.
func labelOf(label string, id int) string {
	if p := drawn(label); strings.TrimSpace(p) != "" {
		return p
	}
	return "stream " + strconv.Itoa(id)
}

// emptyText says why a figure has no data.
func emptyText(r *analysis.Result) string {
	why := "Nothing was measured that could be drawn."
	if r.Stopped != "" {
		why += " The run stopped: " + drawn(r.Stopped) + "."
	}
	if r.Needed != "" {
		why += " Needed: " + drawn(r.Needed) + "."
	}
	return why
}
