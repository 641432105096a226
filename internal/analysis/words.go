package analysis

import (
	"fmt"
	"math"
	"strings"

	"pausetest/internal/recording"
)

// sentence is the verdict for a ticket: one line, complete in itself.
func sentence(r *Result) string {
	withheld := fmt.Sprintf("%s, %.0f stream-seconds withheld", count(r.Blocks, "block"), r.PausedStreamSec)
	if r.Ratio == 0 {
		return simulatedText(r) + "no ratio could be estimated (" + withheld + ")"
	}
	s := fmt.Sprintf("%s%s together move %s of what one moves alone (%.0f %% interval %s to %s; %s)",
		simulatedText(r), streamsRange(r.StreamCounts), ratioText(r.Ratio), 100*r.Confidence,
		ratioText(r.Interval.Low), ratioText(r.Interval.High), withheld)
	switch r.Verdict {
	case Inconclusive:
		s += "; this decides nothing"
	case NoCollapse:
		s += "; no collapse, but whether more streams move more stays open"
	}
	return s
}

func simulatedText(r *Result) string {
	if r.Simulated {
		return "simulated: "
	}
	return ""
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func streamsText(n int) string { return count(n, "stream") }

func streamsRange(counts []int) string {
	if len(counts) == 0 {
		return "the streams"
	}
	if low, high := counts[0], counts[len(counts)-1]; low != high {
		return fmt.Sprintf("%d to %d streams", low, high)
	}
	return streamsText(counts[0])
}

// ratioText prints a ratio with two decimals, and smaller ones with two digits.
func ratioText(x float64) string {
	if x < 0.1 {
		return fmt.Sprintf("%.2g", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// stopped says why the measuring ended.
func (j *Judge) stopped(c conclusion) string {
	switch {
	case j.advice == Stop && c.downgraded:
		return fmt.Sprintf("the interface's counter says %s, and more blocks would not tell how much of it is other traffic", c.look.verdict)
	case j.advice == Stop:
		return j.reason
	case j.noted.interrupted != "":
		return "interrupted: " + j.noted.interrupted
	case j.noted.guardLost != "":
		return j.noted.guardLost
	case j.noted.limit != "":
		return j.noted.limit
	case !j.noted.ended:
		return "the recording ends before the run did"
	case j.noted.end != "":
		return j.noted.end
	}
	return "the run ended"
}

// needed says what would decide an undecided run.
func (j *Judge) needed(r *Result, c conclusion) string {
	if r.Verdict != Inconclusive {
		return ""
	}
	switch {
	case len(j.segments) > 0 && j.attempts == 0 && len(j.between)+len(j.placebo) == 0:
		return "a run that gets as far as its first block of all streams against one"
	case r.Blocks == 0 && j.repeats > 0:
		return "a schedule that holds both a segment with all streams and one with a single stream"
	case !c.known:
		return "at least two whole blocks in which the deciding counter moved; watch it with the backups running, and run again while every stream moves bytes"
	case c.early:
		return fmt.Sprintf("at least %s; run again while the streams have longer to go", count(firstLook(j.header.Plan, j.rule.maxBlocks, len(j.live)), "block"))
	case c.downgraded:
		return j.neededBackground(c)
	case j.rule.design == recording.Fixed && r.Blocks < j.rule.maxBlocks:
		return fmt.Sprintf("all %d blocks of the fixed design; it was stopped after %d", j.rule.maxBlocks, r.Blocks)
	}
	return neededBlocks(c.look, j.rule)
}

func (j *Judge) neededBackground(c conclusion) string {
	tolerated := max(0, min((c.look.interval.Low-collapseBelow)/(1-collapseBelow), 1))
	if !c.background.known {
		return fmt.Sprintf("to know how much of the traffic is not the backups': counters of the streams' own (run as root, so that their sockets can be read), or a bound on the other traffic of at most %.0f %% of what one stream alone shows on the interface", 100*tolerated)
	}
	return fmt.Sprintf("counters of the streams' own, or a quieter interface: up to %.0f %% of the traffic with one stream active may be other traffic, and no more than %.0f %% would do", 100*c.background.share, 100*tolerated)
}

// mostForeseen bounds the number of blocks that are advised.
const mostForeseen = 200

// neededBlocks foretells how many blocks would decide, if the ratio is where it
// seems to be. The error falls with the root of the number of blocks.
func neededBlocks(l look, r rule) string {
	margin := math.Min(math.Abs(l.logRatio-math.Log(collapseBelow)), math.Abs(l.logRatio-math.Log(scalingAbove)))
	critical := math.Min(r.critical(l.estimate), 3)
	n := float64(l.n) * math.Pow(critical*l.se/margin, 2)
	if !(n <= mostForeseen) {
		return fmt.Sprintf("more than %d blocks: the ratio seems to lie too near a margin (%.2f or %.2f) for the noise of this host", mostForeseen, collapseBelow, scalingAbove)
	}
	return fmt.Sprintf("about %d blocks, if the ratio is near %s; more blocks help, longer ones hardly", max(int(math.Ceil(n)), l.n+1), ratioText(math.Exp(l.logRatio)))
}

// labels lists streams for a sentence, quoted: they are others' text.
func (j *Judge) labels(ids []int) string {
	var out []string
	for _, id := range ids {
		label := fmt.Sprintf("stream %d", id)
		for i := range j.streams {
			if s := &j.streams[i]; s.ID == id && s.Label != "" {
				label = fmt.Sprintf("%q", s.Label)
			}
		}
		out = append(out, label)
	}
	return strings.Join(out, ", ")
}
