package analysis

import (
	"cmp"
	"fmt"
	"slices"
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
	var hurt []*Interaction
	n := map[Effect]int{}
	for i := range r.Interactions {
		x := &r.Interactions[i]
		n[x.Effect]++
		if x.Effect == Hurt {
			hurt = append(hurt, x)
		}
	}
	slices.SortStableFunc(hurt, func(a, b *Interaction) int { return cmp.Compare(a.Ratio, b.Ratio) })
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

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
