package analysis

import (
	"fmt"
	"strings"
)

// mostNamed pairs that hurt each other are named in the sentence, the worst first.
const mostNamed = 3

// interactionSentence says in one line which streams hurt each other; empty when no
// two were measured.
func (j *Judge) interactionSentence(r *Result) string {
	if r.Interactions == nil {
		return ""
	}
	var hurt []Interaction
	n := map[Effect]int{}
	for _, x := range WorstFirst(r.Interactions) {
		n[x.Effect]++
		if x.Effect == Hurt {
			hurt = append(hurt, x)
		}
	}
	if n[Hurt]+n[NoHarm] == 0 {
		return undecidedText(r.Interactions)
	}
	var parts []string
	for _, x := range hurt[:min(mostNamed, len(hurt))] {
		parts = append(parts, fmt.Sprintf("%s and %s move %s of what they move apart (%.0f %% interval %s to %s)",
			j.labels(x.Streams[:1]), j.labels(x.Streams[1:]), ratioText(x.Ratio),
			100*r.Confidence, ratioText(x.Interval.Low), ratioText(x.Interval.High)))
	}
	if more := len(hurt) - mostNamed; more > 0 {
		parts = append(parts, fmt.Sprintf("%s hurt each other less than these", count(more, "more pair")))
	}
	other := "pair"
	if len(hurt) > 0 {
		other = "other pair"
	} else {
		parts = append(parts, "no two streams were found to hurt each other")
	}
	if k := n[NoHarm]; k > 0 {
		parts = append(parts, fmt.Sprintf("%s %s each other", count(k, other), verb(k, "doesn't hurt", "don't hurt")))
	}
	if k := n[Undecided] + n[NotMeasured]; k > 0 {
		parts = append(parts, fmt.Sprintf("%s %s undecided or not measured", count(k, other), verb(k, "is", "are")))
	}
	return strings.Join(parts, "; ")
}

// undecidedText says why nothing can be said, and what would help.
func undecidedText(all []Interaction) string {
	most, fewest := 0, 0
	for i := range all {
		x := &all[i]
		most = max(most, x.Together)
		fewest = max(fewest, min(x.Alone[0], x.Alone[1]))
	}
	if most < fewestTogether || fewest < fewestTogether {
		return fmt.Sprintf("which streams hurt each other is undecided: %s of two together and %d of each alone, at most; %d are needed (run --pairs)",
			count(most, "segment"), fewest, fewestTogether)
	}
	return "which streams hurt each other is undecided: every interval leaves it open; more rounds help (run --pairs)"
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
